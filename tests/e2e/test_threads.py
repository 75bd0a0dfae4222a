"""Several delivery threads share a route: its sessions are divided, its mail arrives once."""

import pytest

from clients import message, swaks


@pytest.mark.parametrize("sessions", [1, 2, 4])
def test_delivery_threads_share_a_route(sluice, mock, route, sessions):
    server = mock()
    running = sluice(route(server, sessions=sessions), threads={"ingest": 2, "delivery": 3})
    for number in range(12):
        swaks(running.port, "--data", message(f"m{number}"))
    running.wait_empty()
    account = server.account()
    assert (account["distinct"], account["duplicates"]) == (12, 0)
