"""Starts programs on private ports, waits for conditions, and leaves nothing running."""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", TOP / "build"))
LOCALHOST = "127.0.0.1"
# A sanitized program on two busy cores takes its time; a condition that holds is not waited for.
PATIENCE_S = 60


def wait_until(condition, what, seconds=PATIENCE_S):
    """The first true value of condition(); fails with `what` after so many seconds.

    Looking takes a third of the time at most: what is waited for needs the processor too.
    """
    deadline = time.monotonic() + seconds
    while True:
        looked = time.monotonic()
        value = condition()
        now = time.monotonic()
        if value:
            return value
        if now > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(max(0.02, 2 * (now - looked)))


def free_port():
    """A port below those that the kernel gives to clients, so that no client sits on it."""
    for _ in range(1000):
        port = random.randrange(10000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOCALHOST, port))
            return port
    raise AssertionError("no free port")


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOCALHOST, port)) == 0


class Program:
    """A child process with its output in a file; stop() is safe at any time."""

    def __init__(self, folder, name, command, **options):
        self.name = name
        self.output = folder / f"{name}.log"
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, **options)

    def text(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def tail(self, lines=40):
        return f"{self.name}'s last words:\n" + "\n".join(self.text().splitlines()[-lines:])

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def wait(self, seconds=PATIENCE_S):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end; {self.tail()}") from None

    def stop(self):
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()


class Sluice:
    """One Sluice with a folder of its own: configuration, spool and log."""

    def __init__(self, folder, routes, listener=None, **settings):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.config = folder / "sluice.yaml"
        self.spool = folder / "spool"
        self.program = None
        self.executable = BUILD / "sluice"
        self.starts = 0
        self.options = []  # of serve
        self.settings = {
            "spool": {"path": str(self.spool)},
            "listeners": [{"address": f"{LOCALHOST}:{self.port}", **(listener or {})}],
            "routes": routes,
            # Long enough that nothing gives up, short enough that a retry comes soon.
            "retry": {"first": "1s", "most": "2s", "factor": 1, "give_up_after": "1h"},
            "limits": {"memory": "64MiB", "message": "8MiB"},
            "threads": {"ingest": 1, "delivery": 1},
            # To look for leaks a sanitizer attaches to the program, as a debugger does.
            **({"core_dumps": True} if os.environ.get("SLUICE_SANITIZE") else {}),
            # Its report wants more files and calls than the relay does.
            **({"sandbox": {"seccomp": False, "landlock": False}}
               if os.environ.get("SLUICE_SANITIZE") else {}),
            **settings,
        }
        self.write()

    def write(self):
        """Writes the configuration: JSON is YAML."""
        self.config.write_text(json.dumps(self.settings, indent=2), encoding="utf-8")

    def launch(self, *wrapper):
        self.starts += 1
        self.program = Program(self.folder, f"sluice-{self.starts}",
                               [*wrapper, self.executable, "serve", "--config", self.config,
                                *self.options])
        return self

    def start(self):
        return self.launch().ready()

    def keeper(self):
        """The process that keeps secrets; None: there is none."""
        child = f"\nPPid:\t{self.program.process.pid}\n"
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                text = status.read_text(encoding="ascii", errors="replace")
                if text.startswith("Name:\tsluice-keeper\n") and child in text:
                    return int(status.parent.name)
        return None

    def ready(self):
        wait_until(lambda: re.search('event(=|":")ready', self.program.text())
                   or not self.program.running(), lambda: f"ready; {self.program.tail()}")
        assert self.program.running(), self.program.tail()
        return self

    def stop(self):
        if self.program is not None:
            self.program.stop()

    def terminate(self):
        """SIGTERM, as a supervisor would; the exit code."""
        self.program.signal(signal.SIGTERM)
        return self.program.wait()

    def kill(self):
        self.program.kill()

    def log(self):
        """Every line of every start, in order."""
        return "".join((self.folder / f"sluice-{number}.log").read_text(encoding="utf-8")
                       for number in range(1, self.starts + 1))

    def lines(self, *words):
        """The log's lines in which each of the words stands."""
        return [line for line in self.log().splitlines() if all(word in line for word in words)]

    def logged(self, *words, count=1):
        """Those lines, once there are `count`: the log is written behind what it tells of."""
        wait_until(lambda: len(self.lines(*words)) >= count, f"log: {' '.join(words)}")
        return self.lines(*words)

    def command(self, *words, exit_code=0):
        """Runs one of the program's commands; its standard output."""
        done = subprocess.run(
            [str(BUILD / "sluice"), *map(str, words), "--config", str(self.config)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
            check=False)
        # Where the engine is gone, its last words say why.
        last_words = "" if self.program.running() else self.program.tail()
        assert done.returncode == exit_code, (
            f"{words}: {done.returncode}\n{done.stdout}{done.stderr}{last_words}")
        return done.stdout

    def count(self):
        return int(self.command("queue", "count"))

    def queue(self, *filters):
        """The queue as objects, one a message."""
        output = self.command("queue", "list", "--json", *filters)
        return [json.loads(line) for line in output.splitlines()]

    def urge_empty(self):
        """As an operator in a hurry: what is deferred is tried again at once."""

        def urged():
            self.command("queue", "retry", "--all")
            return self.count() == 0

        wait_until(urged, lambda: f"empty queue; {self.count()} left; {self.program.tail()}")

    def wait_empty(self, seconds=PATIENCE_S):
        wait_until(lambda: self.count() == 0,
                   lambda: f"empty queue; {self.count()} left; {self.program.tail()}", seconds)


def run_sluice(*words, exit_code=None):
    """Runs a command of the program that needs no configuration."""
    done = subprocess.run([str(BUILD / "sluice"), *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if exit_code is not None:
        assert done.returncode == exit_code, (words, done.returncode, done.stdout, done.stderr)
    return done


class Certificates:
    """A certificate authority for one session of tests, and what it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-days", "2", "-subj", "/CN=Sluice tests",
                      "-keyout", folder / "ca.key", "-out", self.ca)

    def _openssl(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    def chain(self, name, names):
        """The same, and the file shows the authority too."""
        certificate, key = self.server(name, names)
        chain = self.folder / f"{name}-chain.pem"
        chain.write_text(certificate.read_text(encoding="ascii")
                         + self.ca.read_text(encoding="ascii"), encoding="ascii")
        return chain, key

    def server(self, name, names="DNS:localhost,IP:127.0.0.1", days=90):
        """(certificate, key) of a server that answers to these names; of days past: expired."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        if certificate.exists():
            return certificate, key
        request = self.folder / f"{name}.csr"
        # Of 90 days: what is left counts for those who look at it from outside.
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n", encoding="ascii")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca,
                      "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", days,
                      "-extfile", extensions, "-out", certificate)
        return certificate, key


def mark_of(data):
    """The mark that our clients write into each message, to tell them apart on arrival."""
    found = re.search(rb"^X-Mark: ([^\r\n]+)", data, re.MULTILINE)
    return found.group(1).decode() if found else None


def message_id_of(data):
    """The Message-ID, for clients that know of no marks."""
    found = re.search(rb"^Message-ID: *(<[^\r\n]+>)", data, re.MULTILINE | re.IGNORECASE)
    return found.group(1).decode() if found else None


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
