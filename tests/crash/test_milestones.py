"""kill -9 at every milestone of a message's way (queue/base/milestone.h): nothing is lost."""

import os
import random
import re

from clients import Ledger
from harness import BUILD, TOP, wait_until

LONG = os.environ.get("SLUICE_LONG") == "ON"
ROUNDS = 40 if LONG else 2  # of each milestone
SESSIONS, PIPELINE = 4, 4

HEADER = (TOP / "queue" / "base" / "milestone.h").read_text(encoding="utf-8")
MILESTONES = re.findall(r'X\(\w+, "(\w+)"', HEADER)


def counts(word, draw):
    """How often it is passed before the end: at once, and later. A start passes some once."""
    if word == "recovered":
        return [1] * ROUNDS
    if word.startswith("checkpoint"):
        return [1 + number % 2 for number in range(ROUNDS)]
    return [1] + [draw.randrange(2, 60) for _ in range(ROUNDS - 1)]


def die_at(running, word, count):
    """Starts, and waits for the end that was asked for."""
    running.launch("env", f"SLUICE_DIE_AT={word}:{count}")
    wait_until(lambda: not running.program.running(),
               lambda: f"{word}:{count} was not reached; {running.program.tail()}")
    assert running.program.wait() == -9, f"{word}:{count}; {running.program.tail()}"


def arrived(server):
    """(marks delivered, marks of which a report came)"""
    delivered, reported = [], []
    for mark, envelope in zip(server.marks(), server.envelopes):
        (reported if envelope.rcpt_tos == ["app@example.test"] else delivered).append(mark)
    return delivered, reported


def test_every_milestone(sluice, aiosmtpd, route):
    server = aiosmtpd(sign_in=True)
    server.refusals["gone@example.org"] = "550 5.7.133 sender not authenticated for group"
    running = sluice(route(server, sessions=SESSIONS, pipeline=PIPELINE,
                           notices_from="notify@example.test"))
    running.kill()
    running.settings["spool"]["journal"] = "1MiB"  # so that it is full now and then
    running.write()
    running.executable = BUILD / "tests" / "sluice-crash"
    draw = random.Random(1)
    kept = Ledger(running.port, sessions=4).start()
    refused = Ledger(running.port, sessions=2, recipients=["gone@example.org"]).start()
    kills = [(word, count) for word in MILESTONES for count in counts(word, draw)]
    draw.shuffle(kills)
    assert len(kills) >= 25
    for word, count in kills:
        die_at(running, word, count)
    running.start()
    kept.finish()
    refused.finish()
    running.wait_empty(120)

    wait_until(lambda: kept.acknowledged <= set(arrived(server)[0]),
               lambda: f"lost: {sorted(kept.acknowledged - set(arrived(server)[0]))[:20]}", 20)
    wait_until(lambda: refused.acknowledged <= set(arrived(server)[1]),
               lambda: f"untold: {sorted(refused.acknowledged - set(arrived(server)[1]))[:20]}", 20)
    delivered, reported = arrived(server)
    assert set(delivered) <= kept.acknowledged | kept.doubted
    assert set(reported) <= refused.acknowledged | refused.doubted
    # Twice is what was on its way at a kill, no more.
    for came in (delivered, reported):
        assert len(came) - len(set(came)) <= len(kills) * SESSIONS * PIPELINE
    print(f"{len(kills)} kills, {len(kept.acknowledged)} + {len(refused.acknowledged)} "
          f"acknowledged, lost 0, twice {len(delivered) - len(set(delivered))} + "
          f"{len(reported) - len(set(reported))}")
