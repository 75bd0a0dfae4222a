"""Clients that drip, break off, babble and don't listen, one after the other on one Sluice.

Each row leaves nothing behind but what it was told 250 for, and takes nothing from the next one.
"""

import base64
import contextlib
import pathlib
import select
import socket
import ssl
import struct
import subprocess

import pytest

import servers
from clients import PASSWORD, USER, Raw, message
from harness import LOCALHOST, PATIENCE_S, Sluice, wait_until

MESSAGE_BYTES = 4 << 20
RESET_LINGER = struct.pack("ii", 1, 0)
COMMANDS = 20000  # the replies to EHLO are 5 MB: more than sockets hold
# Of memory, beyond what it had: the sockets' buffers are the kernel's.
GROWTH_MIB = 48


class Scene:
    def __init__(self, folder, certificates, users_file, server):
        certificate, key = certificates.server("server")
        self.ca = certificates.ca
        self.server = server
        self.running = Sluice(
            folder / "sluice",
            [{"name": "far", "interface": "connector", "host": LOCALHOST, "port": server.port,
              "sessions": 1}],
            listener={"users_file": users_file, "allow_plaintext_auth": True,
                      "tls": {"certificate": str(certificate), "key": str(key)}},
            limits={"memory": "64MiB", "message": MESSAGE_BYTES, "auth_failures": 100})
        self.expected = []  # marks that were told 250
        self.possible = set()  # marks that may have been taken, and nobody heard of it
        self.number = 0
        self.sockets = 0  # once a message is delivered

    def start(self):
        self.running.start()
        with self.raw() as raw:
            greet(raw)
            whole(self, raw)
        self.running.wait_empty()
        # Listener, control, wake-ups, the session out, and perhaps the client's.
        self.sockets = self.count_sockets()
        return self

    def count_sockets(self):
        found = 0
        for link in pathlib.Path(f"/proc/{self.running.program.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found += str(link.readlink()).startswith("socket:")
        return found

    def raw(self, **options):
        return Raw(self.running.port, **options)

    def mark(self):
        self.number += 1
        return f"m{self.number}"

    def memory_mib(self):
        path = pathlib.Path(f"/proc/{self.running.program.process.pid}/status")
        fields = dict(line.split(":", 1) for line in path.read_text("ascii").splitlines()
                      if ":" in line)
        return int(fields["RssAnon"].split()[0]) / 1024


@pytest.fixture(scope="module", name="scene")
def _scene(session, certificates, users_file):
    folder = session / "bad-clients"
    folder.mkdir()
    server = servers.Aiosmtpd(certificates, sign_in=False, tls=False)
    server.start()
    scene = Scene(folder, certificates, users_file, server)
    try:
        yield scene.start()
    finally:
        scene.running.stop()
        server.stop()


def greet(raw):
    assert raw.say("EHLO client.test").startswith("250")


def envelope(raw):
    assert raw.say("MAIL FROM:<app@example.test>").startswith("250")
    assert raw.say("RCPT TO:<user@example.org>").startswith("250")


def reset(raw):
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_LINGER)
    raw.socket.close()


def whole(scene, raw):
    """A message as it should be."""
    mark = scene.mark()
    envelope(raw)
    assert raw.say("DATA").startswith("354")
    assert raw.say(message(mark) + ".").startswith("250 2.0.0 queued")
    scene.expected.append(mark)


def begin_data(raw):
    greet(raw)
    envelope(raw)
    assert raw.say("DATA").startswith("354")


def secure(scene, raw):
    greet(raw)
    assert raw.say("STARTTLS").startswith("220")
    raw.start_tls(scene.ca)
    greet(raw)


# Up to which point a session went when something happens to it.
BEFORE = {
    "connect": lambda scene, raw: None,
    "half_a_line": lambda scene, raw: raw.send("EHL"),
    "ehlo": lambda scene, raw: greet(raw),
    "mail": lambda scene, raw: (greet(raw), raw.say("MAIL FROM:<a@b.test>")),
    "rcpt": lambda scene, raw: (greet(raw), envelope(raw)),
    "data": lambda scene, raw: begin_data(raw),
    "content": lambda scene, raw: (begin_data(raw), raw.send("Subject: x\r\n\r\n" + "x" * 70000)),
    "dot": lambda scene, raw: (begin_data(raw), raw.send("Subject: x\r\n\r\nx\r\n.")),
    "chunk": lambda scene, raw: (greet(raw), envelope(raw),
                                 raw.send(b"BDAT 100000 LAST\r\n" + b"x" * 50000)),
    "chunks": lambda scene, raw: (greet(raw), envelope(raw), raw.send(b"BDAT 5\r\nabcde")),
    "auth": lambda scene, raw: (greet(raw), raw.say("AUTH LOGIN")),
    "checking": lambda scene, raw: (greet(raw), raw.send(
        "AUTH PLAIN " + base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode() + "\r\n")),
    "starttls": lambda scene, raw: (greet(raw), raw.say("STARTTLS")),
    "handshake": lambda scene, raw: (greet(raw), raw.say("STARTTLS"),
                                     raw.send(b"\x16\x03\x01\x02\x00\x01\x00")),
    "tls": secure,
    "tls_data": lambda scene, raw: (secure(scene, raw), envelope(raw), raw.say("DATA"),
                                    raw.send("Subject: x\r\n\r\nx\r\n")),
}


@pytest.mark.parametrize("stage", BEFORE)
@pytest.mark.parametrize("end", ["reset", "half_close", "close"])
def test_who_leaves(scene, stage, end):
    with scene.raw() as raw:
        BEFORE[stage](scene, raw)
        if end == "reset":
            reset(raw)
        elif end == "half_close":
            raw.socket.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while raw.socket.recv(65536):
                    pass


def test_half_closed_and_whole(scene):
    """What came is still answered, and taken."""
    mark = scene.mark()
    with scene.raw() as raw:
        raw.send("EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
                 + message(mark) + ".\r\n")
        raw.socket.shutdown(socket.SHUT_WR)
        codes = [raw.reply()[:3] for _ in range(5)]
        assert codes == ["250", "250", "250", "354", "250"]
        assert raw.closed()
    scene.expected.append(mark)


def test_reset_behind_the_dot(scene):
    """It may be taken or not; once at most."""
    mark = scene.mark()
    with scene.raw() as raw:
        begin_data(raw)
        raw.send(message(mark) + ".\r\n")
        reset(raw)
    scene.possible.add(mark)


def test_one_byte_at_a_time(scene):
    mark = scene.mark()
    with scene.raw() as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        text = ("EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
                + message(mark, "..\r\n" * 9 + "x\r\n") + ".\r\nQUIT\r\n")
        for at in range(len(text)):
            raw.send(text[at])
        codes = [raw.reply()[:3] for _ in range(6)]
    assert codes == ["250", "250", "250", "354", "250", "221"]
    scene.expected.append(mark)


@pytest.mark.parametrize("block", [
    b"X-Endless: " + b"x" * 65525, b"X-Many: x\r\n" * 6000, b" folded\r\n" * 7000, b"\r\n" * 32768,
    b"\0" * 65536, b".\r\r\n" * 16384], ids=["line", "fields", "folds", "crlf", "nul", "dots"])
def test_endless_content(scene, block):
    """It is read to its end, refused, and the session goes on; the memory is bounded."""
    before = scene.memory_mib()
    with scene.raw() as raw:
        begin_data(raw)
        for _ in range(2 * MESSAGE_BYTES // len(block) + 1):
            raw.send(block)
        reply = raw.say("\r\n.")
        assert reply[:3] in ("552", "550", "554"), reply
        assert scene.memory_mib() < before + GROWTH_MIB
        whole(scene, raw)


def test_a_million_line_ends(scene):
    """Each is a bad command: the client is sent away after some, and what follows is not read."""
    with scene.raw() as raw:
        with contextlib.suppress(OSError):
            raw.send(b"\r\n" * 1000000)
        replies = []
        with contextlib.suppress(OSError, EOFError):
            while True:
                replies.append(raw.reply())
        assert len(replies) <= 21
        assert all(reply.startswith(("500", "421")) for reply in replies)


# What follows EHLO, MAIL and RCPT; the codes of the replies to it. "*": a message is queued. Where
# a size can't be read nobody knows where the next command begins: the session ends.
CHUNKS = {
    "short": (b"BDAT 10 LAST\r\nabc", ["end"]),
    "long": (b"BDAT 3\r\nabcNOOP\r\n", ["250", "250"]),
    "longer": (b"BDAT 3\r\nabcdefghi\r\nNOOP\r\n", ["250", "500", "250"]),
    "zero": (b"BDAT 0\r\nBDAT 0\r\nBDAT 0 LAST\r\n", ["250", "250", "*"]),
    "many_zeros": (b"BDAT 0\r\n" * 5000 + b"BDAT 0 LAST\r\n", ["250"] * 5000 + ["*"]),
    "negative": (b"BDAT -1 LAST\r\nNOOP\r\n", ["501"]),
    "words": (b"BDAT many LAST\r\nNOOP\r\n", ["501"]),
    "hex": (b"BDAT 0x10 LAST\r\nNOOP\r\n", ["501"]),
    "nothing": (b"BDAT\r\nNOOP\r\n", ["501"]),
    "first": (b"BDAT 3 FIRST\r\nabc", ["501"]),
    "bits_64": (b"BDAT 18446744073709551615 LAST\r\nabc", ["end"]),
    "bits_65": (b"BDAT 18446744073709551616 LAST\r\nabc", ["end"]),
    "digits": (b"BDAT " + b"9" * 400 + b" LAST\r\nabc", ["end"]),
    "sum": (b"BDAT 3\r\nabc" b"BDAT 18446744073709551614 LAST\r\nabc", ["250", "end"]),
    "data_after": (b"BDAT 3\r\nabcDATA\r\nRSET\r\n", ["250", "503", "250"]),
    "mail_after": (b"BDAT 3\r\nabcMAIL FROM:<a@b.test>\r\nRSET\r\n", ["250", "503", "250"]),
    "after_last": (b"BDAT 3 LAST\r\nabcBDAT 3 LAST\r\nabcNOOP\r\n", ["*", "503", "250"]),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_that_do_not_add_up(scene, name):
    text, expected = CHUNKS[name]
    before = scene.memory_mib()
    with scene.raw() as raw:
        greet(raw)
        envelope(raw)
        raw.send(text)
        raw.socket.shutdown(socket.SHUT_WR)
        replies = []
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                replies.append(raw.reply())
    queued = [reply for reply in replies if "queued as" in reply]
    codes = ["*" if reply in queued else reply[:3] for reply in replies]
    if expected[-1] == "end":  # no message, whatever is said
        assert not queued
        assert codes[:len(expected) - 1] == expected[:-1]
    else:
        assert codes == expected
    scene.expected += [None] * len(queued)  # without a mark
    assert scene.memory_mib() < before + GROWTH_MIB


@pytest.mark.parametrize("command, code", [("EHLO client.test", "250"), ("NOOP", "250"),
                                           ("HELP", "214"), ("VRFY user", "252")])
def test_who_does_not_listen(scene, command, code):
    """Replies wait in the sockets; when those are full, nothing more is read. All are in order."""
    text = (command + "\r\n").encode() * COMMANDS
    before = scene.memory_mib()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE_S)
        sock.connect((LOCALHOST, scene.running.port))
        sock.setblocking(False)
        sent, got = 0, b""
        # As much as goes in while nobody reads.
        while sent < len(text) and select.select([], [sock], [], 0.5)[1]:
            sent += sock.send(text[sent:sent + 65536])
        assert scene.memory_mib() < before + GROWTH_MIB
        if sent == len(text):
            sock.shutdown(socket.SHUT_WR)
        while True:
            readable, writable, _ = select.select([sock], [sock] if sent < len(text) else [], [],
                                                  PATIENCE_S)
            assert readable or writable
            if writable:
                sent += sock.send(text[sent:sent + 65536])
                if sent == len(text):
                    sock.shutdown(socket.SHUT_WR)
            if readable:
                more = sock.recv(65536)
                if not more:
                    break
                got += more
    lines = got.split(b"\r\n")
    assert lines.pop() == b""
    last = [line for line in lines if line[3:4] == b" "]
    assert len(last) == COMMANDS + 1
    assert last[0].startswith(b"220") and all(line.startswith(code.encode()) for line in last[1:])


class ByHand:
    """A client's TLS, of which the records can be forged."""

    def __init__(self, raw, ca):
        self.raw = raw
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ssl.create_default_context(cafile=str(ca)).wrap_bio(
            self.incoming, self.outgoing, server_hostname="localhost")
        self.until(self.tls.do_handshake)

    def flush(self):
        self.raw.socket.sendall(self.outgoing.read())

    def until(self, step):
        while True:
            try:
                result = step()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.raw.socket.recv(65536)
                assert data
                self.incoming.write(data)

    def say(self, text):
        self.tls.write(text.encode() + b"\r\n")
        self.flush()
        return self.until(lambda: self.tls.read(65536)).decode()


GARBAGE = b"\x17\x03\x03\x00\x20" + b"garbage!" * 4


@pytest.mark.parametrize("stage", ["ehlo", "data"])
@pytest.mark.parametrize("how", ["alert", "record", "notify"])
def test_tls_that_ends_badly(scene, stage, how):
    with scene.raw() as raw:
        greet(raw)
        raw.say("STARTTLS")
        tls = ByHand(raw, scene.ca)
        assert tls.say("EHLO client.test").startswith("250")
        if stage == "data":
            for line in ("MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA"):
                assert tls.say(line)[0] in "23"
            tls.tls.write(b"Subject: x\r\n\r\nx\r\n.")
            tls.flush()
        if how == "alert":
            tls.incoming.write(GARBAGE)  # our own TLS complains of it, within its keys
            with contextlib.suppress(ssl.SSLError):
                tls.tls.read(65536)
            tls.flush()
        elif how == "record":
            raw.send(GARBAGE)
        else:
            with contextlib.suppress(ssl.SSLError):
                tls.tls.unwrap()
            tls.flush()
        with contextlib.suppress(ConnectionResetError):
            while raw.socket.recv(65536):
                pass


@pytest.mark.parametrize(
    "record", [b"\x15\x03\x03\x00\x02\x02\x28", b"\x15\x03\x03\x00\x02\x01\x00",
               b"EHLO client.test\r\n", b"\0" * 600, b"\x80\x2e\x01\x00\x02"],
    ids=["fatal", "notify", "plain", "nul", "ssl2"])
def test_no_handshake(scene, record):
    with scene.raw() as raw:
        greet(raw)
        raw.say("STARTTLS")
        raw.send(record)
        raw.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while raw.socket.recv(65536):
                pass


def s_client(scene, version, lines):
    """Of lines, openssl's client takes R for a renegotiation and K for a change of keys."""
    process = subprocess.Popen(
        ["openssl", "s_client", version, "-starttls", "smtp", "-crlf", "-CAfile", str(scene.ca),
         "-connect", f"{LOCALHOST}:{scene.running.port}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        got = b""

        def await_(word):
            nonlocal got
            while word not in got:
                more = process.stdout.read1(65536)
                if not more:
                    return False
                got += more
            got = got.partition(word)[2]
            return True

        await_(b"\n250 ")  # of the client's own EHLO
        for line, word in lines:
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            if not await_(word):
                return False
        return True
    finally:
        process.kill()
        process.communicate()


def test_renegotiation_is_refused(scene):
    assert s_client(scene, "-tls1_2", [(b"noop", b"250 2.0.0")])
    assert not s_client(scene, "-tls1_2", [(b"noop", b"250 2.0.0"), (b"R", b"250 2.0.0"),
                                           (b"noop", b"250 2.0.0")])


def test_keys_may_change(scene):
    keys = [(b"K", b"KEYUPDATE"), (b"noop", b"250 2.0.0")] * 5
    assert s_client(scene, "-tls1_3", [(b"noop", b"250 2.0.0"), *keys])


def test_all_is_well_behind_them(scene):
    """The last: all that was taken arrives, nothing else does, and no session is left."""
    with scene.raw() as raw:
        greet(raw)
        whole(scene, raw)
    scene.running.wait_empty()
    marks = scene.server.marks()
    known = [mark for mark in marks if mark not in scene.possible]
    assert sorted(map(str, known)) == sorted(map(str, scene.expected))
    assert all(marks.count(mark) <= 1 for mark in scene.possible)
    wait_until(lambda: scene.count_sockets() <= scene.sockets,
               lambda: f"{scene.count_sockets()} sockets, and {scene.sockets} at first")
    assert not scene.running.lines("level=error")
