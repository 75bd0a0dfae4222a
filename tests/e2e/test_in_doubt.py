"""Mail that was sent and not answered: sent again, or held until an operator decides."""

import pytest

from clients import message, swaks
from harness import wait_until

DROP = ("--rule", "stage=eod,drop=after,limit=1")


def doubted(running):
    """The one message in the queue, once it is in doubt."""
    wait_until(lambda: [entry for entry in running.queue() if entry["in_doubt"]],
               running.program.tail)
    return running.queue()[0]


@pytest.mark.parametrize("lacks", [(), ("--lack", "CHUNKING")], ids=["bdat", "data"])
def test_it_is_sent_again(sluice, mock, route, lacks):
    server = mock(*DROP, *lacks)
    running = sluice(route(server, in_doubt_delay="1h"))
    swaks(running.port, "--data", message("m1"))
    entry = doubted(running)
    assert entry["state"] == "deferred" and entry["attempts"] == 1
    assert running.queue("--in-doubt") == [entry]
    assert running.logged("event=in_doubt", f"m={entry['id']} ", "sent again later")
    # Not before its time; an operator may be faster.
    running.command("queue", "retry", entry["id"])
    running.wait_empty()
    account = server.account()
    assert account["duplicates"] == 1


def test_it_is_held(sluice, mock, route):
    server = mock(*DROP)
    running = sluice(route(server, in_doubt="hold"))
    swaks(running.port, "--data", message("m1"))
    entry = doubted(running)
    assert entry["state"] == "held" and "may have arrived" in entry["reply"]
    assert "may have arrived" in running.command("queue", "show", entry["id"])
    assert running.logged("event=in_doubt", f"m={entry['id']} ", "it is held")
    # Others go on.
    swaks(running.port, "--data", message("m2"))
    wait_until(lambda: running.count() == 1, running.program.tail)
    assert running.command("queue", "count", "--in-doubt") == "1\n"
    # What is held stays so over a crash.
    running.kill()
    running.start()
    assert [e["state"] for e in running.queue("--in-doubt")] == ["held"]
    assert server.account_now()["duplicates"] == 0
    running.command("queue", "release", "--all", "--in-doubt")
    running.wait_empty()
    account = server.account()
    assert account["duplicates"] == 1 and account["messages"] == 3


def test_an_operator_may_know_better(sluice, mock, route):
    server = mock(*DROP)
    running = sluice(route(server, in_doubt="hold"))
    swaks(running.port, "--data", message("m1"))
    doubted(running)
    assert running.queue("--in-doubt", "--to", "other@example.org") == []
    running.command("queue", "remove", "--all", "--in-doubt")
    assert running.count() == 0
    assert server.account()["messages"] == 1
