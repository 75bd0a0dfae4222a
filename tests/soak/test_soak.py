"""Half an hour at 70 % of the maximal rate, with a service that fails at random: nothing is lost,
and memory, descriptors and rate are flat at the end.

Takes SLUICE_SOAK_S seconds (1800; a sanitized build 600). Only `tests/run.sh --long` has the time.
"""

import os
import pathlib
import subprocess
import time

import pytest

from harness import BUILD, LOCALHOST, wait_until

SANITIZED = bool(os.environ.get("SLUICE_SANITIZE"))
SECONDS = int(os.environ.get("SLUICE_SOAK_S", "600" if SANITIZED else "1800"))
SHARE = 0.7  # of the maximal rate
LOOKS = 60  # at memory, descriptors and rate
PROBE = 20000 if not SANITIZED else 4000  # messages, to find the maximal rate

# What a service does now and then. None of it rests the whole mailbox, or the one recipient that
# the load writes to, for minutes, as 4.7.500 or a busy mailbox would: nothing would be under load.
FAULTS = [
    "stage=eod,reply=451 4.4.2 Connection dropped,probability=0.0001",
    "stage=mail,reply=421 4.4.2 Connection dropped,probability=0.0001",
    "stage=eod,drop=before,probability=0.0001",
    "stage=eod,drop=after,probability=0.0001",
    "stage=rcpt,drop=before,probability=0.0001",
    "stage=ehlo,drop=before,probability=0.01",
    "stage=mail,reply=no reply at all,lie=garbage,probability=0.00005",
    "stage=any,lie=drip,probability=0.00005",
]


def load(running, messages, *options):
    """The load, as a process."""
    return subprocess.Popen(
        [str(BUILD / "sluice-bench"), "load", "--to", f"{LOCALHOST}:{running.port}", "--in", "20",
         "--window", "4", "--messages", str(messages), "--size", "4KiB", *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process):
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


class Look:
    """Memory, descriptors, and what the service had until now."""

    def __init__(self, running, server):
        pid = running.program.process.pid
        self.when = time.monotonic()
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        self.memory_kb = sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem"))
        self.descriptors = len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
        self.messages = server.account_now()["messages"]


def mean(values):
    return sum(values) / len(values)


@pytest.fixture(name="relay")
def _relay(sluice, mock, route, monkeypatch):
    # What was freed stays with the sanitizer for a while, 256 MiB of it by default: that fills for
    # longer than ten minutes, and would pass for a leak.
    given = os.environ.get("ASAN_OPTIONS", "")
    monkeypatch.setenv("ASAN_OPTIONS", f"{given}:quarantine_size_mb=16")
    rules = [word for rule in FAULTS for word in ("--rule", rule)]
    server = mock(*rules, "--seed", "1")
    running = sluice(route(server, sessions=20, pipeline=16), limits={"memory": "256MiB"},
                     retry={"first": "1s", "most": "5s", "factor": 1.5, "give_up_after": "1d"})
    return running, server


def test_soak(relay, folder):
    running, server = relay
    begin = time.monotonic()
    ended(load(running, PROBE))
    rate = SHARE * PROBE / (time.monotonic() - begin)
    running.wait_empty(300)
    before = server.account_now()

    messages = int(rate * SECONDS)
    ledger = folder / "ledger"
    work = load(running, messages, "--rate", str(int(rate)), "--ledger", ledger)
    looks = []
    while work.poll() is None:
        looks.append(Look(running, server))
        try:
            work.wait(SECONDS / LOOKS)
        except subprocess.TimeoutExpired:
            continue
    ended(work)
    running.wait_empty(600)
    account = server.account_now()
    with open(ledger, encoding="utf-8") as lines:
        acknowledged = sum(1 for line in lines if " 250 " in line)

    distinct = account["messages"] - account["duplicates"]
    distinct -= before["messages"] - before["duplicates"]
    print(f"{SECONDS} s at {rate:.0f} messages/s, {acknowledged} acknowledged, "
          f"{account['refused']} refused for now, "
          f"{account['drops_before'] + account['drops_after']} sessions dropped, "
          f"{account['duplicates']} twice, {acknowledged - distinct} lost")
    assert acknowledged == messages
    assert distinct == acknowledged
    assert account["duplicates"] <= 16 * (
        account["drops_after"] + account["drops_before"] + account["closed"] + account["lies"])

    # The first quarter fills pools and caches.
    quarter = len(looks) // 4
    early, late = looks[quarter:2 * quarter], looks[-quarter:]
    memory = [mean([look.memory_kb for look in part]) for part in (early, late)]
    descriptors = [mean([look.descriptors for look in part]) for part in (early, late)]
    rates = [(part[-1].messages - part[0].messages) / (part[-1].when - part[0].when)
             for part in (early, late)]
    print(f"memory {memory[0]:.0f} to {memory[1]:.0f} KiB, descriptors {descriptors[0]:.0f} to "
          f"{descriptors[1]:.0f}, {rates[0]:.0f} to {rates[1]:.0f} messages/s out")
    assert memory[1] <= memory[0] * 1.1 + 4096
    assert descriptors[1] <= descriptors[0] + 20
    assert rates[1] >= rates[0] * 0.9
    wait_until(lambda: running.count() == 0, "an empty queue")
