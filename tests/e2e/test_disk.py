"""A full disk gets new mail 452 while delivery goes on, and all is well when room comes back."""

import subprocess
import time

from clients import Raw, message
from harness import wait_until

BODY = "0123456789 abcdefghijklmnopqrstuvwxyz 0123456789\r\n" * 2000  # 100 KB


def offer(raw, mark):
    """Offers a message; the reply that ended it."""
    reply = raw.say("MAIL FROM:<app@example.test>")
    if not reply.startswith("250"):
        return reply
    reply = raw.say("RCPT TO:<user@example.org>")
    if not reply.startswith("250"):
        raw.say("RSET")
        return reply
    reply = raw.say("DATA")
    if not reply.startswith("354"):
        raw.say("RSET")
        return reply
    return raw.say(message(mark, BODY) + ".")


def fill_and_recover(running, server):
    """Fills the spool to the brim, then lets the server have it."""
    taken, refused = [], 0
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        while refused < 5:
            mark = f"m{len(taken)}"
            reply = offer(raw, mark)
            if reply.startswith("250"):
                taken.append(mark)
            else:
                assert reply.startswith("452 4.3.1"), reply
                refused += 1
            assert len(taken) < 1000
    assert taken
    assert running.program.running()
    assert running.count() == len(taken)
    server.hold.set()
    running.wait_empty()
    assert sorted(server.marks()) == sorted(taken)

    # There is room again, and it is used.
    def accepted():
        with Raw(running.port) as raw:
            raw.say("EHLO client.test")
            return offer(raw, "after").startswith("250")

    wait_until(accepted, running.program.tail)
    running.wait_empty()
    assert "after" in server.marks()


def test_a_full_disk(sluice, aiosmtpd, route, small_disk):
    server = aiosmtpd()
    server.hold.clear()
    running = sluice(route(server), spool={"path": str(small_disk / "spool"), "reserve": "2MiB"})
    fill_and_recover(running, server)


def test_a_full_disk_survives_a_crash(sluice, aiosmtpd, route, small_disk):
    server = aiosmtpd()
    server.hold.clear()
    running = sluice(route(server), spool={"path": str(small_disk / "spool"), "reserve": "2MiB"})
    taken = []
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        while offer(raw, f"m{len(taken)}").startswith("250"):
            taken.append(f"m{len(taken)}")
    running.kill()
    server.hold.set()
    running.start()
    running.wait_empty()
    assert set(server.marks()) >= set(taken)


def test_lmdb_tools_read_the_spool(sluice, nowhere):
    running = sluice(nowhere)
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        assert offer(raw, "m1").startswith("250")
    for tool in ("mdb_stat", "mdb_dump"):
        done = subprocess.run([tool, "-a", running.spool], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr
        assert "messages" in done.stdout
    assert running.spool.stat().st_mode & 0o777 == 0o700


def test_mdb_copy_of_a_spool_at_rest(sluice, nowhere, folder):
    """It waits until no transaction is open: one that has read and stays would block it."""
    running = sluice(nowhere)
    data = running.spool / "data.mdb"
    wait_until(lambda: time.time() - data.stat().st_mtime > 2, running.program.tail)
    assert running.count() == 0
    copy = folder / "copy"
    copy.mkdir()
    subprocess.run(["mdb_copy", running.spool, copy], check=True, timeout=20)
    assert (copy / "data.mdb").stat().st_size > 0
