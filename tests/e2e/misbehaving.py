"""A server of which each row of a table is one bad habit, until it is told to be good."""

import base64
import collections
import contextlib
import select
import socket
import ssl
import struct
import subprocess
import threading

from harness import LOCALHOST, free_port, mark_of

# In the order of a session. "part" is within the bytes of a reply, "body" behind BDAT's line.
STAGES = ("connect", "ehlo", "starttls", "handshake", "hello", "auth", "mail", "rcpt", "body",
          "end")
SECURED = STAGES[4:]
ENDLESS_BYTES = 64 << 20  # what is sent of something endless: a peer that takes it all is caught
RESET_LINGER = struct.pack("ii", 1, 0)


class Over(Exception):
    """The session ended."""


class Peer:
    """A connection, plain or TLS; TLS by hand, so that its records can be forged."""

    def __init__(self, sock):
        self.socket = sock
        self.tls = None
        self.buffer = b""
        self.step = 0  # bytes a write; 0: all at once
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start_tls(self, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self._until(self.tls.do_handshake)

    def _flush(self):
        self.socket.sendall(self.outgoing.read())

    def _receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise Over
        return data

    def _until(self, step):
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                self.incoming.write(self._receive())
            except ssl.SSLError as error:
                self._flush()
                raise Over from error

    def write(self, data):
        step = self.step or len(data)
        for at in range(0, len(data), step):
            self._write(data[at:at + step])

    def _write(self, data):
        if self.tls is None:
            self.socket.sendall(data)
        else:
            self.tls.write(data)
            self._flush()

    def more(self):
        data = self._receive() if self.tls is None else self._until(lambda: self.tls.read(65536))
        if not data:
            raise Over
        self.buffer += data

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r").decode()

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def until_dot(self):
        while b"\r\n.\r\n" not in b"\r\n" + self.buffer:
            self.more()
        data, _, self.buffer = self.buffer.partition(b"\r\n.\r\n")
        return data + b"\r\n"

    def finish(self):
        """What it holds besides the socket."""

    def drain(self):
        """Reads until the other side ends it."""
        with contextlib.suppress(OSError):
            while self.socket.recv(65536):
                pass
        raise Over


class ProgramPeer(Peer):
    """TLS 1.2 by openssl's server, which renegotiates when it is told to (a line of one r)."""

    program = None

    def start_tls(self, chain):
        port = free_port()
        # pylint: disable-next=consider-using-with
        self.program = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"{LOCALHOST}:{port}", "-naccept", "1", "-tls1_2",
             "-crlf", "-cert", chain[0], "-key", chain[1]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        while b"ACCEPT" not in self.buffer:
            self.more()
        inner = socket.create_connection((LOCALHOST, port))
        for pair in ((self.socket, inner), (inner, self.socket)):
            threading.Thread(target=pass_on, args=pair, daemon=True).start()
        while b"EHLO" not in self.buffer:  # it tells of the session first
            self.more()
        self.buffer = self.buffer[self.buffer.index(b"EHLO"):]

    def _write(self, data):
        if self.program is None:
            super()._write(data)
        else:
            self.program.stdin.write(data.replace(b"\r\n", b"\n"))
            self.program.stdin.flush()

    def more(self):
        if self.program is None:
            super().more()
            return
        data = self.program.stdout.read1(65536)
        if not data:
            raise Over
        self.buffer += data

    def finish(self):
        if self.program is not None:
            self.program.kill()
            self.program.communicate()


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def renegotiate(peer, _row):
    """The program says that it has begun; what it reads together with our line it forgets."""
    said = b"SSL_do_handshake"
    peer.write(b"r\r\n")
    while said not in peer.buffer:
        peer.more()
    line = peer.buffer[peer.buffer.index(said):].partition(b"\n")[0] + b"\n"
    peer.buffer = peer.buffer.replace(line, b"")


# What a bad server does at its stage. It ends the session by Over, or lets it go on.

def silent(peer, _row):
    peer.drain()


def garbage(peer, _row):
    peer.write(b"\x00\xff\x16\x03 what is this?\r\n\r\n")
    peer.drain()


def not_tls(peer, _row):
    """Bytes on the wire that are no record of the session's."""
    peer.socket.sendall(b"\x17\x03\x03\x00\x20" + b"garbage!" * 4)
    peer.drain()


def half_a_reply(peer, _row):
    peer.write(b"250-2.0.0 this is ")
    peer.drain()


def endless(block):
    def deed(peer, row):
        sent = 0
        try:
            while sent < ENDLESS_BYTES:
                peer.write(block)
                sent += len(block)
                # A peer that has closed says so by a reset; one that has not may be slow.
                if select.select([peer.socket], [], [], 0)[0] and not peer.socket.recv(65536):
                    break
        finally:
            row.endless = max(row.endless, sent)
        raise Over
    return deed


def finish(peer, _row):
    peer.socket.shutdown(socket.SHUT_WR)
    peer.drain()


def reset(peer, _row):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_LINGER)
    peer.socket.close()
    raise Over


def close_notify(peer, _row):
    """TLS ends, and TCP does not."""
    with contextlib.suppress(ssl.SSLError):
        peer.tls.unwrap()
    peer._flush()
    peer.drain()


def alert(peer, _row):
    """A fatal one, within the session's own keys: our TLS is given a record that is none."""
    peer.incoming.write(b"\x17\x03\x03\x00\x20" + b"garbage!" * 4)
    with contextlib.suppress(ssl.SSLError):
        while True:
            peer.tls.read(65536)
    peer._flush()
    peer.drain()


def plain_alert(peer, _row):
    """handshake_failure, as who knows none of the other's ciphers."""
    peer.socket.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
    peer.drain()


def says(text):
    def deed(peer, _row):
        peer.write(text)
        peer.drain()
    return deed


def says_more(text):
    """Something that nobody asked for, ahead of the reply; the session goes on."""
    def deed(peer, _row):
        peer.write(text)
    return deed


def drip(peer, _row):
    peer.step = 1


class Row:
    """A listening socket, its habit, and what it saw."""

    def __init__(self, name, stage, deed, lacks=(), lowered=(), context=None,
                 chain=None):
        self.name, self.stage, self.deed = name, stage, deed
        self.lacks = set(lacks)
        self.lowered = set(lowered)  # what EHLO no longer offers once TLS is up
        self.context = context  # of TLS while it is bad
        self.chain = chain  # while it is bad, TLS is a program's, with this certificate and key
        self.good = False
        self.met = 0  # how often it was bad
        self.done = 0  # sessions over
        self.endless = 0
        self.seen = collections.Counter()  # by mark: messages that came whole, unless refused
        self.socket = socket.create_server((LOCALHOST, 0), backlog=16)
        self.port = self.socket.getsockname()[1]

    def at(self, stage, peer):
        if self.good or stage != self.stage or self.deed is None:
            return
        self.met += 1
        self.deed(peer, self)


OFFERS = ("PIPELINING", "SIZE 33554432", "8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES")


def _hello(peer, row, secured):
    row.at("hello" if secured else "ehlo", peer)
    lacks = row.lacks | (row.lowered if secured and not row.good else set())
    offers = [offer for offer in OFFERS if offer.split()[0] not in lacks]
    if not secured:
        offers.append("STARTTLS")
    else:
        offers += [] if "AUTH" in lacks else ["AUTH LOGIN PLAIN"]
        row.met += bool(row.lowered) and not row.good
    lines = [LOCALHOST, *offers]
    peer.write("".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n"
                       for line in lines).encode())


def _sign_in(peer, row, words):
    row.at("auth", peer)
    if words[1].upper() == "LOGIN":
        for prompt in ("Username:", "Password:")[len(words) - 2:]:
            peer.write(b"334 " + base64.b64encode(prompt.encode()) + b"\r\n")
            peer.line()
    elif len(words) == 2:
        peer.write(b"334 \r\n")
        peer.line()
    peer.write(b"235 2.7.0 welcome\r\n")


def _message(peer, row, data):
    row.seen[mark_of(data)] += 1
    row.at("end", peer)
    peer.write(b"250 2.0.0 taken\r\n")


def talk(peer, row, context):
    """One session, from the greeting to its end."""
    secured = False
    row.at("connect", peer)
    peer.write(b"220 bad.test ESMTP\r\n")
    while True:
        words = peer.line().split()
        verb = words[0].upper()
        if verb == "EHLO":
            _hello(peer, row, secured)
        elif verb == "STARTTLS":
            row.at("starttls", peer)
            peer.write(b"220 2.0.0 go on\r\n")
            row.at("handshake", peer)
            bad = row.context is not None and not row.good
            row.met += bad
            if isinstance(peer, ProgramPeer):
                peer.start_tls(row.chain)
            else:
                peer.start_tls(row.context if bad else context)
            secured = True
        elif verb == "AUTH":
            _sign_in(peer, row, words)
        elif verb == "MAIL":
            row.at("mail", peer)
            peer.write(b"250 2.1.0 fine\r\n")
        elif verb == "RCPT":
            row.at("rcpt", peer)
            peer.write(b"250 2.1.5 fine\r\n")
        elif verb == "BDAT":
            row.at("body", peer)
            data = peer.exactly(int(words[1]))
            assert words[2].upper() == "LAST"
            _message(peer, row, data)
        elif verb == "DATA":
            row.at("body", peer)
            peer.write(b"354 go on\r\n")
            _message(peer, row, peer.until_dot())
        elif verb == "QUIT":
            peer.write(b"221 2.0.0 bye\r\n")
            raise Over
        else:
            peer.write(b"250 2.0.0 fine\r\n")


class Servers:
    """All rows, each session in a thread of its own."""

    def __init__(self, rows, context):
        self.rows = rows
        self.context = context
        self.ending = False
        self.lock = threading.Lock()
        self.sockets = set()
        self.failures = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        table = {row.socket: row for row in self.rows}
        while not self.ending:
            for listener in select.select(list(table), [], [], 0.2)[0]:
                sock, _ = listener.accept()
                with self.lock:
                    self.sockets.add(sock)
                threading.Thread(target=self._serve, args=(sock, table[listener]),
                                 daemon=True).start()

    def _serve(self, sock, row):
        peer = (ProgramPeer if row.chain and not row.good else Peer)(sock)
        try:
            talk(peer, row, self.context)
        except (Over, OSError):
            pass
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.failures.append((row.name, repr(error)))
        finally:
            row.done += 1
            peer.finish()
            with self.lock:
                self.sockets.discard(sock)
            sock.close()

    def be_good(self):
        """From now on, and whoever is in the middle of something is cut off."""
        for row in self.rows:
            row.good = True
        with self.lock:
            for sock in self.sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.ending = True
        self.be_good()
        self.thread.join()
        for row in self.rows:
            row.socket.close()


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def certificate(folder, name, *options):
    """Self-signed unless the options name an authority; (certificate, key)."""
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", pem,
                    *options], check=True, capture_output=True)
    return pem, key
