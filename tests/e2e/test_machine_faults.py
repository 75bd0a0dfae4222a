"""The machine lacks descriptors, memory, room or a reader of its log; others meddle with it."""

import contextlib
import fcntl
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import time

import pytest

from clients import Raw, message
from harness import PATIENCE_S, accepts, wait_until

SANITIZED = bool(os.environ.get("SLUICE_SANITIZE"))
STOPPED_S = 3  # longer than the route's timeouts
BLOCK = 64 << 10


def send(port, mark, body="Hello.\r\n"):
    with Raw(port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<app@example.test>")
        raw.say("RCPT TO:<user@example.org>")
        reply = raw.say("DATA")
        return raw.say(message(mark, body) + ".") if reply.startswith("354") else reply


def cpu_s(running):
    fields = pathlib.Path(f"/proc/{running.program.process.pid}/stat").read_text("ascii")
    user, system = fields.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_no_descriptors_for_a_while(sluice, aiosmtpd, route):
    """Nothing can go out: it waits, and goes when there are some. Clients who were counted on when
    the program began still come in."""
    server = aiosmtpd()
    running = sluice(route(server))
    pid = running.program.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    assert send(running.port, "m1").startswith("250 2.0.0")
    began = cpu_s(running)
    assert len(running.logged("event=deferred", "Too many open files", count=2)) < 10
    assert cpu_s(running) - began < 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    running.urge_empty()
    assert server.marks() == ["m1"]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer reserves terabytes of addresses")
def test_little_memory_at_start(sluice, nowhere):
    """Whatever there is too little for: one line says it, and the program ends with 1."""
    running = sluice(nowhere)
    running.terminate()
    refused, started = [], False
    for power in range(22, 48):
        running.launch("prlimit", f"--as={1 << power}")
        wait_until(lambda: "event=ready" in running.program.text() or not running.program.running(),
                   running.program.tail)
        if running.program.running():
            started = True
            assert send(running.port, "m1").startswith("250 2.0.0")
            assert running.terminate() == 0
            break
        text = running.program.text()
        refused.append((power, running.program.process.returncode, text))
    assert refused and started
    for power, code, text in refused:
        # Below that it is the dynamic linker that complains.
        if "error while loading shared libraries" in text or "prlimit" in text:
            continue
        assert code == 1, (power, code, text)
        assert re.search("memory", text, re.IGNORECASE), (power, text)


def test_few_descriptors_at_start(sluice, nowhere):
    running = sluice(nowhere)
    running.terminate()
    refused, started = [], False
    for count in range(4, 200, 2):
        running.launch("prlimit", f"--nofile={count}:{count}")
        wait_until(lambda: "event=ready" in running.program.text() or not running.program.running(),
                   running.program.tail)
        if running.program.running():
            started = True
            assert running.terminate() == 0
            break
        refused.append((count, running.program.process.returncode, running.program.text()))
    assert started and refused
    for count, code, text in refused:
        assert code == 1 and text.count("\n") >= 1, (count, code, text)
        assert re.search("descriptor|too many open files|cannot open shared", text,
                         re.IGNORECASE), (count, text)


@pytest.mark.parametrize("output", ["full", "closed", "nobody"])
def test_a_log_that_goes_nowhere(sluice, aiosmtpd, route, output):
    """A full disk behind the log, a reader that has left, one that doesn't read: mail goes on."""
    server = aiosmtpd()
    running = sluice(route(server))
    running.terminate()
    readable, writable = os.pipe()
    target = {"full": "/dev/full", "closed": f"/proc/self/fd/{writable}",
              "nobody": f"/proc/self/fd/{writable}"}[output]
    file = os.open(target, os.O_WRONLY)
    command = [running.executable, "serve", "--config", running.config]
    with subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=file,
                          stderr=file) as process:
        try:
            os.close(file)
            os.close(writable)
            if output == "closed":
                os.close(readable)
            wait_until(lambda: accepts(running.port) or process.poll() is not None, "listens")
            with Raw(running.port) as raw:
                raw.say("EHLO client.test")
                for number in range(300):  # more lines than a pipe holds
                    raw.send("MAIL FROM:<app@example.test>\r\n"
                             "RCPT TO:<user@example.org>\r\nDATA\r\n")
                    for code in ("250", "250", "354"):
                        assert raw.reply().startswith(code)
                    assert raw.say(message(f"m{number}") + ".").startswith("250 2.0.0")
            wait_until(lambda: len(server.envelopes) == 300, lambda: len(server.envelopes))
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
            if output != "closed":
                os.close(readable)
    assert sorted(server.marks()) == sorted(f"m{number}" for number in range(300))


def test_another_program_fills_the_disk(sluice, aiosmtpd, route, small_disk):
    """Mail that was taken goes out meanwhile; new mail comes in once there is room again."""
    server = aiosmtpd()
    server.hold.clear()
    running = sluice(route(server), spool={"path": str(small_disk / "spool"), "reserve": "2MiB"})
    taken = [f"m{number}" for number in range(5)]
    for mark in taken:
        assert send(running.port, mark).startswith("250")
    other = small_disk / "other"
    with open(other, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * BLOCK) == BLOCK:
            pass
    # What is allocated already is used first.
    body = "0123456789 abcdefghijklmnopqrstuvwxyz\r\n" * 3000
    replies = []
    while not replies or replies[-1].startswith("250"):
        replies.append(send(running.port, f"n{len(replies)}", body))
        assert len(replies) < 300
    assert replies.pop().startswith("452 4.3.1")
    taken += [f"n{number}" for number in range(len(replies))]
    server.hold.set()
    running.wait_empty()
    assert sorted(server.marks()) == sorted(taken)
    other.unlink()
    wait_until(lambda: send(running.port, "after", body).startswith("250"), running.program.tail)
    running.wait_empty()
    assert running.terminate() == 0


def test_a_disk_that_may_not_be_written(sluice, nowhere, small_disk):
    """With mail on it: it says so, and the mail is there when it may be written again."""
    running = sluice(nowhere, spool={"path": str(small_disk / "spool"), "reserve": "2MiB"})
    assert send(running.port, "m1").startswith("250")
    assert running.terminate() == 0
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    running.launch()
    assert running.program.wait() == 1
    assert re.search("read-only", running.program.text(), re.IGNORECASE), running.program.text()
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    running.start()
    assert running.count() == 1


def test_a_disk_that_dies(sluice, nowhere, folder, cleanup):
    """Every write fails from then on: nothing is acknowledged, and the program ends itself."""
    image, place = folder / "image", folder / "device"
    place.mkdir()
    image.write_bytes(b"")
    os.truncate(image, 64 << 20)
    made = subprocess.run(["mkfs.ext4", "-q", image], capture_output=True, check=False)
    done = subprocess.run(["mount", "-o", "loop", image, place], capture_output=True, text=True,
                          check=False)
    if made.returncode != 0 or done.returncode != 0:
        pytest.skip(f"may not mount an image here: {done.stderr.strip()}")
    cleanup.callback(subprocess.run, ["umount", "-l", place], check=False)
    running = sluice(nowhere, spool={"path": str(place / "spool"), "reserve": "2MiB"})
    assert send(running.port, "m1").startswith("250")
    shut_down(place)
    with contextlib.suppress(EOFError, ConnectionResetError):
        assert not send(running.port, "m2").startswith("250")
    assert running.program.wait() == 1
    subprocess.run(["umount", place], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    running.start()
    assert running.count() == 1


def shut_down(place):
    """EXT4_IOC_SHUTDOWN, without flushing the log: as if the device were pulled."""
    number = 2 << 30 | 4 << 16 | ord("X") << 8 | 125
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, number, struct.pack("I", 2))
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("what", ["gone", "file", "stranger"])
def test_the_control_socket_is_replaced(sluice, nowhere, what):
    """Commands say that nobody is there; mail goes on, and a start puts it right."""
    running = sluice(nowhere)
    path = running.spool / "control.sock"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as stranger:
        if what == "file":
            path.write_text("no socket", encoding="ascii")
        elif what == "stranger":
            stranger.bind(str(path))  # and doesn't listen
        running.command("queue", "count", exit_code=1)
        assert send(running.port, "m1").startswith("250")
        running.kill()
    if what == "file":
        # No socket that a dead process left: not ours to remove.
        running.launch()
        assert running.program.wait() == 1
        assert "control.sock" in running.program.text()
        path.unlink()
    running.start()
    assert running.count() == 1


def test_stopped_for_seconds(sluice, aiosmtpd, route):
    """As by a debugger or a machine that is moved: both sides' time goes on meanwhile."""
    server = aiosmtpd()
    server.hold.clear()
    running = sluice(route(server, timeouts={"end": "2s", "command": "2s", "block": "2s"}),
                     limits={"memory": "64MiB", "idle": "2s"})
    here = Raw(running.port)
    assert here.say("EHLO client.test").startswith("250")
    assert send(running.port, "m1").startswith("250")
    wait_until(lambda: server.controller and running.queue()[0]["state"] == "active",
               running.program.tail)
    running.program.signal(signal.SIGSTOP)
    until = time.monotonic() + STOPPED_S
    with Raw(running.port, greet=False) as waiting:  # the kernel takes it
        server.hold.set()
        waiting.send("EHLO client.test\r\n")
        wait_until(lambda: time.monotonic() > until, "time goes on")
        running.program.signal(signal.SIGCONT)
        assert waiting.reply().startswith("220")
        assert waiting.reply().startswith("250")
    assert here.reply().startswith("421 4.4.2")
    here.socket.close()
    assert send(running.port, "m2").startswith("250")
    running.urge_empty()
    doubts = running.lines("event=in_doubt")
    assert set(server.marks()) == {"m1", "m2"}
    assert len(server.marks()) <= 2 + len(doubts)
