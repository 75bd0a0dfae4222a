"""Servers that stall, babble, lie and break off, each in its own way and all at once.

Whatever they do, their mail waits, is counted as in doubt where it may have arrived, and goes out
once they behave; nobody else is held up, nothing spins, and no memory grows.
"""

import os
import pathlib

import pytest

import misbehaving
import servers
from clients import Raw, message
from harness import Sluice, wait_until
from misbehaving import SECURED, STAGES, Row

# What a session may cost at most: a millisecond or two of TLS. There are hundreds within seconds;
# a loop would take those seconds.
SESSION_CPU_S = 0.005
# What all that stand still may cost together while they do so: a loop would take seconds.
STILL_CPU_S = 0.3
# Above limits.memory, which shares nothing with what servers say.
MEMORY_MIB = 96

BLOCK = 4096
ENDLESS = {
    "line": b"2" * BLOCK,
    "text": b"250 " + b"x" * BLOCK,
    "lines": b"250-more\r\n" * (BLOCK // 10),
    "replies": b"250 2.0.0 fine\r\n" * (BLOCK // 16),
    "crlf": b"\r\n" * (BLOCK // 2),
}


def still_rows():
    """Those who say nothing any more, and keep the connection."""
    for stage in STAGES:
        yield Row(f"silent-{stage}", stage, misbehaving.silent)
        if stage not in ("connect", "handshake"):
            yield Row(f"half-{stage}", stage, misbehaving.half_a_reply)
    yield Row("half-connect", "connect", misbehaving.says(b"22"))
    yield Row("silent-354", "body", misbehaving.silent, lacks=["CHUNKING"])
    yield Row("silent-dot", "end", misbehaving.silent, lacks=["CHUNKING"])


def bad_rows():
    for stage in STAGES:
        yield Row(f"garbage-{stage}", stage, misbehaving.garbage)
        yield Row(f"finish-{stage}", stage, misbehaving.finish)
        yield Row(f"reset-{stage}", stage, misbehaving.reset)
    for stage in ("connect", "hello", "auth", "end"):
        for name, block in ENDLESS.items():
            yield Row(f"endless-{name}-{stage}", stage, misbehaving.endless(block))
    for stage in SECURED:
        yield Row(f"alert-{stage}", stage, misbehaving.alert)
        yield Row(f"notify-{stage}", stage, misbehaving.close_notify)
        yield Row(f"record-{stage}", stage, misbehaving.not_tls)
    yield Row("alert-handshake", "handshake", misbehaving.plain_alert)
    # Replies that are none, or answer something else.
    for number, text in enumerate((b"999 what\r\n", b"000 what\r\n", b"25\r\n", b"-250 what\r\n",
                                   b"250-one\r\n251 two\r\n", b"\0\0\0\0\r\n", b"199 go\r\n")):
        yield Row(f"no-reply-{number}", "mail", misbehaving.says(text))
    yield Row("chunk-354", "body", misbehaving.says(b"354 go on\r\n"))
    yield Row("mail-354", "mail", misbehaving.says(b"354 go on\r\n"))
    yield Row("ehlo-354", "ehlo", misbehaving.says(b"354 go on\r\n"))
    yield Row("data-250", "body", misbehaving.says(b"250 fine\r\n"), lacks=["CHUNKING"])
    yield Row("auth-334", "auth", misbehaving.endless(b"334 VXNlcm5hbWU6\r\n" * 200))
    # Nobody asked for these.
    yield Row("unasked-554-ehlo", "ehlo", misbehaving.says_more(b"554 5.3.2 go away\r\n"))
    yield Row("unasked-421-ehlo", "ehlo", misbehaving.says_more(b"421 4.3.2 not now\r\n"))
    for stage in ("hello", "auth", "mail", "end"):
        yield Row(f"unasked-250-{stage}", stage, misbehaving.says_more(b"250 2.0.0 hm\r\n"))
    yield Row("behind-220", "starttls", misbehaving.says_more(b"220 go\r\n250 injected\r\n"))


def kind_rows():
    """Odd, and no reason not to deliver."""
    yield Row("drip", "connect", misbehaving.drip)
    yield Row("lowered", None, None, lowered=["CHUNKING", "PIPELINING", "SIZE", "8BITMIME",
                                              "ENHANCEDSTATUSCODES"])


def untrusted_rows(folder, certificates):
    expired = certificates.server("expired", days=-1)
    other = certificates.server("other-name", "DNS:other.test")
    self_signed = misbehaving.certificate(folder, "self-signed")
    for name, chain in (("expired", expired), ("other-name", other), ("self-signed", self_signed)):
        yield Row(name, "nowhere", None, context=misbehaving.server_context(*chain))
    yield Row("renegotiates", "mail", misbehaving.renegotiate, chain=certificates.server("server"))
    yield Row("auth-lowered", None, None, lowered=["AUTH"])


def cpu_s(running):
    fields = pathlib.Path(f"/proc/{running.program.process.pid}/stat").read_text("ascii")
    user, system = fields.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_mib(running):
    status = pathlib.Path(f"/proc/{running.program.process.pid}/status").read_text("ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields["RssAnon"].split()[0]) / 1024


def slow():
    """How much more a sanitized program may take."""
    return 10 if os.environ.get("SLUICE_SANITIZE") else 1


class Scene:
    """All of it, once; the tests look at what came out."""

    def __init__(self, folder, certificates, secret):
        self.folder, self.ids = folder, {}
        self.still = list(still_rows())
        self.bad = [*bad_rows(), *untrusted_rows(folder, certificates)]
        self.kind = list(kind_rows())
        self.rows = [*self.still, *self.bad, *self.kind]
        self.servers = misbehaving.Servers(
            self.rows, misbehaving.server_context(*certificates.server("server")))
        self.running = Sluice(
            folder / "sluice", [self.route(row, certificates, secret) for row in self.rows],
            rules=[{"recipient_domain": f"{row.name}.test", "route": row.name}
                   for row in self.rows])
        self.still_cpu_s = self.bad_cpu_s = self.sessions = self.memory = 0

    @staticmethod
    def route(row, certificates, secret):
        times = dict.fromkeys(("connect", "greeting", "command", "data", "block", "end"), "2s")
        return {
            "name": row.name, "interface": "submission", "host": "localhost", "port": row.port,
            "tls": {"verify": True, "ca_file": str(certificates.ca)}, "timeouts": times,
            "sessions": 1, "pipeline": 2, "connections": "none", "messages_per_minute": "none",
            "recipients_per_day": "none", "in_doubt_delay": "0s",
            "identities": [{"user": servers.USER, "auth": "login", "secret_file": str(secret)}],
        }

    def send(self, rows):
        with Raw(self.running.port) as raw:
            raw.say("EHLO client.test")
            for row in rows:
                recipient = f"user@{row.name}.test"
                raw.say("MAIL FROM:<app@example.test>")
                raw.say(f"RCPT TO:<{recipient}>")
                raw.say("DATA")
                reply = raw.say(message(row.name, recipient=recipient) + ".")
                assert reply.startswith("250 2.0.0 queued as "), reply
                self.ids[row.name] = reply.split()[-1]

    def play(self):
        self.running.start()
        self.send(self.still)
        self.met(self.still, 1)
        began = cpu_s(self.running)
        wait_until(lambda: all(row.done for row in self.still),
                   lambda: f"given up: {[row.name for row in self.still if not row.done]}")
        self.still_cpu_s = cpu_s(self.running) - began
        began, sessions = cpu_s(self.running), self.count()
        self.send([*self.bad, *self.kind])
        # Each is tried again, and is bad again; but those whom the mail was fine.
        self.met(self.bad, 1)
        self.met(self.bad, 2, urge=True)
        self.bad_cpu_s = cpu_s(self.running) - began
        self.sessions = self.count() - sessions
        self.memory = memory_mib(self.running)
        self.servers.be_good()
        self.running.urge_empty()
        return self

    def met(self, rows, times, urge=False):
        def missing():
            if urge:
                self.running.command("queue", "retry", "--all")
            waiting = {entry["route"] for entry in self.running.queue()}
            return [(row.name, row.met) for row in rows
                    if row.met < times and (row.met == 0 or row.name in waiting)]

        wait_until(lambda: not missing(), lambda: f"met: {missing()}; {self.running.queue()}")

    def count(self):
        return sum(row.met for row in self.rows)

    def stop(self):
        self.running.stop()
        self.servers.stop()


@pytest.fixture(scope="module", name="scene")
def _scene(session, certificates):
    folder = session / "bad-servers"
    folder.mkdir()
    secret = folder / "secret"
    secret.write_text(servers.PASSWORD, encoding="utf-8")
    secret.chmod(0o600)
    scene = Scene(folder, certificates, secret)
    try:
        yield scene.play()
    finally:
        scene.stop()


def test_every_mail_arrives(scene):
    """Once, or so often as it is in the log as in doubt; and nobody is told that it failed."""
    wrong = []
    for row in scene.rows:
        doubts = scene.running.lines("event=in_doubt", f"m={scene.ids[row.name]} ")
        seen = row.seen[row.name]
        if not 1 <= seen <= 1 + len(doubts):
            wrong.append((row.name, seen, len(doubts)))
    assert not wrong
    assert not scene.running.lines("event=bounced")
    assert not scene.servers.failures


def test_who_is_odd_is_served(scene):
    """At the first attempt."""
    assert [(row.name, row.met) for row in scene.kind if row.met != 1] == []


def test_nothing_spins(scene):
    assert scene.still_cpu_s < STILL_CPU_S * slow()
    assert scene.bad_cpu_s < scene.sessions * SESSION_CPU_S * slow()


def test_nothing_grows(scene):
    assert max(row.endless for row in scene.rows) < misbehaving.ENDLESS_BYTES
    if slow() == 1:
        assert scene.memory < MEMORY_MIB
