"""Clients: swaks and msmtp as people use them, a raw socket, and one that keeps a ledger."""

import itertools
import smtplib
import socket
import ssl
import subprocess
import threading

from harness import LOCALHOST, PATIENCE_S

# Who may sign in to us (users_file in conftest.py).
USER, PASSWORD = "printer", "it's a secret, 100%"

marks = itertools.count(1)


def message(mark, body="Hello.\r\n", sender="app@example.test", recipient="user@example.org"):
    """The text of a small message with its mark."""
    return (f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {mark}\r\nX-Mark: {mark}\r\n"
            f"Message-ID: <{mark}@example.test>\r\n\r\n{body}")


def swaks(port, *options, exit_code=0):
    """Runs swaks; its transcript. Exit codes are swaks's own (24: RCPT refused)."""
    words = ["swaks", "--server", f"{LOCALHOST}:{port}", "--timeout", "30", "--helo", "client.test",
             "--from", "app@example.test", *map(str, options)]
    if "--to" not in words:
        words += ["--to", "user@example.org"]
    data = ""
    if "--data" in words:
        # By its standard input: an argument can't be of any size. It adds a line end.
        place = words.index("--data") + 1
        data = words[place].removesuffix("\r\n")
        words[place] = "-"
    done = subprocess.run(words, input=data.encode(), capture_output=True, timeout=PATIENCE_S,
                          check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert exit_code is None or done.returncode == exit_code, (done.returncode, text)
    return text


def msmtp(folder, port, text, *recipients, **settings):
    """Sends through msmtp with a configuration of its own; the finished process."""
    config = folder / "msmtprc"
    lines = ["defaults", "logfile -", "account default", f"host {LOCALHOST}", f"port {port}",
             "from app@example.test", *(f"{key} {value}" for key, value in settings.items())]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    config.chmod(0o600)
    return subprocess.run(["msmtp", "-C", str(config), "--", *recipients], input=text.encode(),
                          capture_output=True, timeout=PATIENCE_S, check=False)


class Raw:
    """A socket that says exactly what it is told to."""

    def __init__(self, port, greet=True, host=LOCALHOST, source=None):
        """`source`: one of this host's addresses, such as any of 127.0.0.0/8."""
        self.socket = socket.create_connection(
            (host, port), timeout=PATIENCE_S, source_address=source and (source, 0))
        self.buffer = b""
        if greet:
            assert self.reply().startswith("220")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.buffer)
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        assert line.endswith(b"\r"), line
        return line[:-1].decode()

    def reply(self):
        """One reply, its lines joined by newlines."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def say(self, text):
        """Sends a line, gives the reply to it."""
        self.send(text + "\r\n" if isinstance(text, str) else text + b"\r\n")
        return self.reply()

    def closed(self):
        """Whether the server closes without another word."""
        try:
            return not self.buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def start_tls(self, ca):
        context = ssl.create_default_context(cafile=str(ca))
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")


class Ledger:
    """Many sessions that send for as long as they are let, and note every 250 to the data.

    A message whose reply was lost is in doubt: it may arrive, or not.
    """

    def __init__(self, port, sessions=8, body_bytes=2000, recipients=("user@example.org",)):
        self.port = port
        self.recipients = list(recipients)
        self.acknowledged = set()
        self.doubted = set()
        self.body = ("0123456789 abcdefghijklmnopqrstuvwxyz\r\n" * 200)[:body_bytes] + "\r\n"
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(sessions)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def finish(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE_S)

    def count(self):
        with self.lock:
            return len(self.acknowledged)

    def _run(self):
        while not self.ending.is_set():
            try:
                with smtplib.SMTP(LOCALHOST, self.port, timeout=20) as client:
                    while not self.ending.is_set():
                        self._send(client)
            except (OSError, smtplib.SMTPException):
                self.ending.wait(0.05)  # between a kill and the next start nobody listens

    def _send(self, client):
        mark = f"m{next(marks)}"
        with self.lock:
            self.doubted.add(mark)
        client.sendmail("app@example.test", self.recipients, message(mark, self.body))
        with self.lock:
            self.doubted.discard(mark)
            self.acknowledged.add(mark)
