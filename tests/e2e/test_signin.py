"""Who guesses passwords, and who would hear ours: nobody is let in, and nobody locked out."""

import base64
import concurrent.futures
import contextlib
import socket
import threading
import time

from clients import PASSWORD, USER, Raw, message
from harness import LOCALHOST, wait_until
import servers

OUTSIDE = ["192.0.2.0/24"]  # nobody of ours may relay by address


def sign_in(port, source, user, password):
    """(the reply to AUTH, the seconds it took)."""
    exchange = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    with Raw(port, source=source) as raw:
        raw.say("EHLO client.test")
        begun = time.monotonic()
        return raw.say(f"AUTH PLAIN {exchange}"), time.monotonic() - begun


def sign_in_at_once(port, source, attempts):
    """The replies to (user, password) pairs, each on a connection of its own, quickest first."""
    with concurrent.futures.ThreadPoolExecutor(len(attempts)) as pool:
        answers = pool.map(lambda attempt: sign_in(port, source, *attempt), attempts)
        return sorted(answers, key=lambda answer: answer[1])


def test_guesses_are_slowed_and_barred(sluice, nowhere, users_file):
    """By address; a user who is elsewhere, or was there before, is not locked out."""
    running = sluice(nowhere, limits={"memory": "64MiB", "auth_failures_per_client": "3/1h"},
                     listener={"allow": OUTSIDE, "users_file": users_file,
                               "allow_plaintext_auth": True})
    home, guesser, away = LOCALHOST, "127.0.0.9", "127.0.0.3"
    assert sign_in(running.port, home, USER, PASSWORD)[0].startswith("235 2.7.0")
    # On connections of their own, and yet each takes longer than the one before; who exists gets
    # the same answer as who does not.
    answers = sign_in_at_once(running.port, guesser,
                              [(USER, "Wr0ng1"), ("nobody", "Wr0ng2"), (USER, "Wr0ng3")])
    assert len({reply for reply, _ in answers}) == 1
    assert answers[0][0].startswith("535 5.7.8")
    for least, (_, took) in zip((1, 2, 4), answers):
        assert least <= took
    # From now on nothing is looked at, right or wrong, known or not.
    answers = sign_in_at_once(running.port, guesser,
                              [(USER, PASSWORD), (USER, "Wr0ng4"), ("nobody", "Wr0ng5")])
    assert len({reply for reply, _ in answers}) == 1
    assert answers[0][0].startswith("454 4.7.0")
    for source in (home, away):
        assert sign_in(running.port, source, USER, PASSWORD)[0].startswith("235 2.7.0")
    wrong = running.logged("event=signin_refused", f"client={guesser}:", "password=wrong", count=3)
    assert len([line for line in wrong if f"user={USER} " in line]) == 2
    assert running.lines("event=signin_refused", "user=nobody ", f"client={guesser}:")
    assert len(running.lines("event=signin_refused", "barred_by=client", "advice=\"")) >= 1
    assert running.logged("password=\"too many failures\"", "barred_for=", count=3)
    assert "Wr0ng" not in running.log() and PASSWORD not in running.log()


class Stripped:
    """A server, or who stands before it, that offers sign-in and no STARTTLS; notes what it hears.
    It takes everything, as one would who wants it."""

    def __init__(self):
        self.listening = socket.create_server((LOCALHOST, 0))
        self.port = self.listening.getsockname()[1]
        self.heard = []
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        self.listening.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection, connection.makefile("rwb") as lines:
                self._talk(lines)

    def _talk(self, lines):
        answer = b"220 stripped ESMTP"
        while answer:
            lines.write(answer + b"\r\n")
            lines.flush()
            line = lines.readline()
            self.heard.append(line)
            verb = line[:4].upper()
            answer = {b"EHLO": b"250-stripped\r\n250-CHUNKING\r\n250 AUTH PLAIN LOGIN XOAUTH2",
                      b"AUTH": b"334 ", b"DATA": b"354 go on", b"": b""}.get(verb, b"250 yes")


def test_a_server_without_starttls_hears_nothing(sluice, route, cleanup):
    """I8, by what is heard: neither a credential nor a byte of mail."""
    for mode in ("required", "optional"):
        server = Stripped()
        cleanup.callback(server.stop)
        far = route(server)
        far["tls"]["mode"] = mode
        running = sluice(far)
        with Raw(running.port) as raw:
            raw.say("EHLO client.test")
            raw.say("MAIL FROM:<app@example.test>")
            raw.say("RCPT TO:<user@example.org>")
            raw.say("DATA")
            assert raw.say(message("m1") + ".").startswith("250 2.0.0 queued")
        wait_until(lambda: running.queue() and running.queue()[0]["reply"], running.program.tail)
        verbs = {line[:4].strip() for line in server.heard}
        assert b"EHLO" in verbs and verbs <= {b"EHLO", b"QUIT", b""}, server.heard
        heard = b"".join(server.heard)
        for secret in (servers.PASSWORD.encode(), base64.b64encode(servers.USER.encode()), b"m1"):
            assert secret not in heard
        assert running.count() == 1
