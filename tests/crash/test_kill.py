"""kill -9 under load, again and again: whatever got its 250 arrives (I1, I2)."""

import json
import os
import random

import pytest

from clients import Ledger
from harness import wait_until

KILLS = 130 if os.environ.get("SLUICE_LONG") == "ON" else 10  # of each of four


def assert_told(running, ledger):
    """The trace has lost nothing either: each that got its 250, and that it was delivered."""
    lines = running.command("trace", "--json", "--status", "delivered", "--limit", "100000")
    told = {json.loads(line)["message_id"] for line in lines.splitlines()}
    assert {f"<{mark}@example.test>" for mark in ledger.acknowledged} <= told


def kill_under_load(running, server, seed):
    """Kills at moments drawn from the seed; gives (ledger, marks that arrived)."""
    moments = random.Random(seed)
    ledger = Ledger(running.port).start()
    for _ in range(KILLS):
        before = ledger.count()
        wanted = moments.randrange(20, 200)
        wait_until(lambda: ledger.count() >= before + wanted, running.program.tail)
        running.kill()
        running.start()
    ledger.finish()
    running.wait_empty(120)
    wait_until(lambda: ledger.acknowledged <= set(server.marks()),
               lambda: f"lost: {sorted(ledger.acknowledged - set(server.marks()))[:20]}", 20)
    assert_told(running, ledger)
    return ledger, server.marks()


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_acknowledged_arrives(sluice, aiosmtpd, route, seed):
    server = aiosmtpd()
    running = sluice(route(server, sessions=8))
    ledger, arrived = kill_under_load(running, server, seed)
    assert len(ledger.acknowledged) >= KILLS * 20
    # What came besides was sent: a client that lost its reply doesn't know, and sends no lie.
    assert set(arrived) <= ledger.acknowledged | ledger.doubted
    # Twice is only what was in flight at a kill, or kept its reply from us.
    twice = len(arrived) - len(set(arrived))
    assert twice <= KILLS * 8 * 16, twice


def test_everything_acknowledged_arrives_at_postfix(sluice, postfix, route):
    """By BDAT trains this time."""
    running = sluice(route(postfix, sessions=4))
    kill_under_load(running, postfix, 3)


def test_both_ways_of_a_message_arrive(sluice, aiosmtpd, route):
    """Every message has a recipient on each of two routes, and so two jobs under one id."""
    far, near = aiosmtpd(), aiosmtpd()
    running = sluice([route(far), route(near, name="near")],
                     rules=[{"recipient_domain": "near.test", "route": "near"}])
    moments = random.Random(4)
    ledger = Ledger(running.port, recipients=["a@far.test", "b@near.test"]).start()
    for _ in range(KILLS):
        before = ledger.count()
        wanted = moments.randrange(20, 100)
        wait_until(lambda: ledger.count() >= before + wanted, running.program.tail)
        running.kill()
        running.start()
    ledger.finish()
    running.wait_empty(120)
    for server, recipient in ((far, "a@far.test"), (near, "b@near.test")):
        assert ledger.acknowledged <= set(server.marks())
        assert set(server.marks()) <= ledger.acknowledged | ledger.doubted
        assert {tuple(envelope.rcpt_tos) for envelope in server.envelopes} == {(recipient,)}
    assert_told(running, ledger)


def test_a_backlog_survives(sluice, aiosmtpd, route):
    """Killed while nothing can leave: after the last start all of it goes out."""
    server = aiosmtpd()
    server.stop()
    running = sluice(route(server))
    ledger = Ledger(running.port).start()
    for _ in range(3):
        before = ledger.count()
        wait_until(lambda: ledger.count() >= before + 100, running.program.tail)
        running.kill()
        running.start()
    ledger.finish()
    assert running.count() >= ledger.count()
    server.start()
    running.wait_empty(120)
    assert ledger.acknowledged <= set(server.marks())
    assert_told(running, ledger)
