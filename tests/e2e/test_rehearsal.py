"""Rehearsals: mail goes in and its timeline is kept, but only who is meant is sent anything."""

import pytest

from clients import message, swaks
from harness import wait_until
from test_trace import of_mark, results, until_status

INSIDE = "user@contoso.test"
OUTSIDE = "user@example.org"
ME = "me@contoso.test"


@pytest.fixture(name="rehearse")
def _rehearse(sluice, mock, route):
    """Sluice with these entries, and the service behind it."""
    def begin(*entries, **settings):
        server = mock()
        return sluice(route(server), rehearsal=list(entries), **settings), server
    return begin


def send(running, mark, *recipients, sender="app@example.test"):
    swaks(running.port, "--from", sender, "--to", ",".join(recipients),
          "--data", message(mark, sender=sender))


def sent(server):
    account = server.account_now()
    return account["messages"], account["recipients"]


def test_nothing_is_sent(rehearse):
    running, server = rehearse({"sender": "trial@example.test"})
    send(running, "m1", INSIDE, OUTSIDE, sender="trial@example.test")
    found = until_status(running, "m1", "rehearsed")
    assert [(way["state"], bool(way["route"])) for way in found["ways"]] == [("rehearsed", True)]
    assert [outcome for outcome, _ in results(found, "rehearse")] == ["rehearsed"]
    assert len(running.logged("event=rehearsed", count=2)) == 2
    running.wait_empty()
    assert sent(server) == (0, 0)
    # The others' mail is in earnest.
    send(running, "m2", INSIDE)
    until_status(running, "m2", "delivered")
    assert sent(server) == (1, 1)


def test_only_some(rehearse):
    running, server = rehearse({"only": ["@contoso.test"]})
    send(running, "m1", OUTSIDE, INSIDE)
    until_status(running, "m1", "rehearsed")
    running.wait_empty()
    assert sent(server) == (1, 1)
    assert running.logged("event=delivered", f"to={INSIDE}")
    assert running.logged("event=rehearsed", f"to={OUTSIDE}")


def test_all_to_one(rehearse):
    running, server = rehearse({"to": ME})
    send(running, "m1", INSIDE, OUTSIDE)
    until_status(running, "m1", "delivered")
    running.wait_empty()
    assert sent(server) == (1, 1)
    assert running.logged("event=delivered", f"to={ME}")
    for recipient in (INSIDE, OUTSIDE):
        assert running.logged("event=redirected", f"to={recipient}", f"stand_in={ME}")


def test_no_change_of_settings_lets_it_out(rehearse):
    """Kept, since no route carries its null sender; let go when the rehearsal is over."""
    running, server = rehearse({})
    send(running, "m1", INSIDE, sender="<>")
    until_status(running, "m1", "held")
    running.stop()
    del running.settings["rehearsal"]
    running.settings["routes"][0]["notices_from"] = "notify@contoso.test"
    running.write()
    running.start()
    running.command("queue", "release", "--all")
    until_status(running, "m1", "rehearsed")
    running.wait_empty()
    assert sent(server) == (0, 0)


def test_kill(rehearse):
    running, server = rehearse({})
    send(running, "m1", INSIDE)
    running.kill()
    running.start()
    until_status(running, "m1", "rehearsed")
    wait_until(lambda: running.count() == 0, running.program.tail)
    assert sent(server) == (0, 0)
    assert of_mark(running, "m1")["status"] == "rehearsed"
