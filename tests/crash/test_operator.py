"""kill -9 right behind an operator's command: what it was told as done stays done."""

import socket

import pytest

from clients import message, swaks
from harness import BUILD, LOCALHOST, wait_until


@pytest.fixture(name="lent")
def _lent(sluice):
    """A Sluice with one message that a delivery shard has: its server never says a word."""
    with socket.create_server((LOCALHOST, 0)) as server:
        running = sluice({"name": "far", "interface": "connector", "host": LOCALHOST,
                          "port": server.getsockname()[1], "tls": {"mode": "none"},
                          "notices_from": "notify@example.test"})
        swaks(running.port, "--data", message("m1"))
        yield running


def active(running):
    wait_until(lambda: [entry["state"] for entry in running.queue()] == ["active"],
               running.program.tail)
    return running.queue()[0]["id"]


def test_what_is_removed_stays_so(lent):
    lent.command("queue", "remove", active(lent))
    lent.kill()
    lent.start()
    assert lent.count() == 0


def test_what_is_held_stays_so(lent):
    lent.command("queue", "hold", active(lent))
    lent.kill()
    lent.start()
    assert [entry["state"] for entry in lent.queue()] == ["held"]


def test_what_is_bounced_stays_so(lent):
    lent.command("queue", "bounce", active(lent))
    lent.kill()
    lent.start()
    # What is there now is the report to its sender.
    assert [entry["recipients"] for entry in lent.queue()] == [["app@example.test"]]


@pytest.mark.parametrize("verb", ["remove", "hold", "bounce"])
def test_nothing_is_told_before(lent, verb):
    """Dies when that is in the batch, which is not committed: nobody was told that it is done."""
    lent.kill()
    lent.executable = BUILD / "tests" / "sluice-crash"
    lent.launch("env", "SLUICE_DIE_AT=settle_written:1").ready()
    message_id = active(lent)
    assert lent.command("queue", verb, message_id, exit_code=1) == ""
    wait_until(lambda: not lent.program.running(), lent.program.tail)
    lent.start()
    assert active(lent) == message_id
