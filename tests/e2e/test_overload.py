"""More mail than can be delivered, and more clients than may come: memory stays within its limit,
who behaves gets an answer, nothing that was taken is lost, and it ends by itself."""

import contextlib
import os
import pathlib
import re
import resource
import select
import subprocess
import time

from clients import Raw, message, swaks
from harness import BUILD, LOCALHOST, PATIENCE_S, wait_until

LONG = os.environ.get("SLUICE_LONG") == "ON"
MESSAGES = 20000 if LONG else 3000
CLIENTS = 20000 if LONG else 400  # most that may come
MEMORY_MIB = 32  # limits.memory: bodies, envelopes, half-read lines
# What is no mail: rings and their buffers, pools, OpenSSL, LMDB's dirty pages. A sanitizer adds to
# that, and its builds don't look.
REST_MIB = 64


def memory_kib(running):
    status = pathlib.Path(f"/proc/{running.program.process.pid}/status").read_text("ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem"))


def assert_memory(running):
    if not os.environ.get("SLUICE_SANITIZE"):
        assert memory_kib(running) < (MEMORY_MIB + REST_MIB) * 1024


def answer(running):
    """What somebody who behaves is told: the first digit of what decides over the message."""
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        for line in ("MAIL FROM:<app@example.test>", "RCPT TO:<user@example.org>", "DATA"):
            reply = raw.say(line)
            if reply[0] not in "23":
                return reply
        return raw.say(message("well-behaved") + ".")


def test_more_than_can_be_delivered(sluice, mock, route, folder):
    """The service takes a tenth and less of what comes; then it takes all again."""
    server = mock("--work", "100")  # 4 sessions of 4 messages: 160 a second
    running = sluice(route(server), limits={"memory": f"{MEMORY_MIB}MiB"},
                     spool={"path": str(folder / "spool"), "size": "16MiB"})
    ledger = folder / "ledger"
    load = subprocess.Popen(
        [str(BUILD / "sluice-bench"), "load", "--to", f"{LOCALHOST}:{running.port}", "--in", "50",
         "--window", "4", "--messages", str(MESSAGES), "--size", "8KiB", "--ledger", ledger],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    replies = []
    while load.poll() is None:
        replies.append(answer(running))
        assert_memory(running)
        with contextlib.suppress(subprocess.TimeoutExpired):
            load.wait(0.5)
    output, _ = load.communicate()
    # Nobody was left without an answer; what was refused came again, until it was taken.
    assert all(reply.startswith(("250 2.0.0", "452 4.3.1")) for reply in replies), replies
    with open(ledger, encoding="utf-8") as lines:
        taken = sum(" 250 " in line for line in lines)
    assert taken == MESSAGES, output
    assert re.search(r"^deferred +[1-9]", output, re.MULTILINE), output
    assert any(reply.startswith("452") for reply in replies), output

    # More room, by and by, and so more mail.
    def welcome():
        replies.append(answer(running))
        return replies[-1].startswith("250")

    wait_until(welcome, running.program.tail)
    mine = sum(reply.startswith("250") for reply in replies)
    slow = server.account()
    server.command = [word for word in server.command if word not in ("--work", "100")]
    server.start()
    running.urge_empty()
    fast = server.account()
    assert slow["messages"] + fast["messages"] >= taken + mine
    assert_memory(running)


def descriptors():
    """As many as CLIENTS need, if we may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def stay(client, number):
    """Says a word now and then: all of them take longer than a client may be silent."""
    if number % 200 == 0:
        assert client.say("NOOP").startswith("250")


def test_more_clients_than_may_come(sluice, aiosmtpd, route):
    """Most of them drip: a byte now and then of a command that never ends."""
    clients = min(CLIENTS, descriptors() - 500)
    server = aiosmtpd()
    running = sluice(route(server), limits={"memory": f"{MEMORY_MIB}MiB", "idle": "3s",
                                            "connections": clients})
    good = Raw(running.port)
    good.say("EHLO good.test")
    drips = []
    turned_away = 0
    for number in range(clients + 20):
        raw = Raw(running.port, greet=False)
        drips.append(raw)
        stay(good, number)
    for number, raw in enumerate(drips):
        turned_away += raw.reply().startswith("421 4.3.2")
        stay(good, number)
    assert turned_away >= 20
    # Who was here before is served meanwhile.
    for number in range(3):
        good.send(message_lines(f"m{number}"))
        assert good.reply().startswith("250 2.1.0")
        assert good.reply().startswith("250 2.1.5")
        assert good.reply().startswith("354")
        assert good.say(message(f"m{number}") + ".").startswith("250 2.0.0")
    assert_memory(running)
    # Those that drip are sent away, and somebody new is welcome.
    until = time.monotonic() + PATIENCE_S
    welcome = False
    while not welcome:
        assert time.monotonic() < until
        for raw in drips[:200]:
            with contextlib.suppress(OSError):
                raw.send(b"N")
        with Raw(running.port, greet=False) as raw:
            welcome = raw.reply().startswith("220")
        select.select([], [], [], 0.3)
    swaks(running.port, "--data", message("after"))
    for raw in drips:
        raw.socket.close()
    good.socket.close()
    running.wait_empty()
    assert set(server.marks()) == {"m0", "m1", "m2", "after"}


def message_lines(mark):
    return f"MAIL FROM:<{mark}@example.test>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n"
