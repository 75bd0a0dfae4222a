#!/usr/bin/python3
"""One run of one relay: the mock, the relay, the load; what came of it, as a line of JSON.

    measure.py SCRIPT CONFIGURATION   the rest comes from the environment, see bench/peers.sh

SCRIPT serve CONFIGURATION becomes the relay. With --trace it is looked at instead of measured: a
few messages, and whether the mail was synced to the disk before each 250.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

LOCALHOST = "127.0.0.1"
USER, SECRET = "load@contoso.com", "bench-secret"
START_S = 30
STOP_S = 10
LOAD_S = 120  # a relay that has not taken all by then is not measured
DELIVERY_S = 120  # after the load; what is not there by then counts as lost
PATIENCE_S = 20  # between two deliveries; the same
LOOK_S = 0.05
TRACED = 3  # messages
SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER
SYNCS = "fsync,fdatasync,sync_file_range,msync,syncfs"
OPENS = "open,openat"
WRITES = "write,writev,pwrite64,pwritev,pwritev2"
CALL_BEGINS = re.compile(r"^(\d+) +(\d+\.\d+) (\w+)\((\d+<[^>]*>)?(.*)$")
CALL_RESUMES = re.compile(r"^(\d+) +\d+\.\d+ <\.\.\. \w+ resumed>(.*)$")


class Failure(Exception):
    """Told in one line: the relay could not be measured."""


def free_port():
    """Below those that the kernel gives to clients, so that no client sits on it."""
    for _ in range(1000):
        port = random.randrange(10000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOCALHOST, port))
            return port
    raise Failure("no free port")


def wait_until(condition, what, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(LOOK_S)


def last_words(path, lines=5):
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return " / ".join(line for line in text.splitlines()[-lines:] if line.strip())


class Cage:
    """A program and all that it starts: what CPU they used together, and an end for all of them.

    In a control group of its own where one can be made. Else we become the parent of whoever loses
    his own, and count what /proc tells of them and of the children they waited for. That is the
    least it can be: children whom a living parent ignores are in nobody's count.
    """

    def __init__(self, folder, name, command, environment, strangers):
        self.output = folder / f"{name}.log"
        self.strangers = strangers  # children of ours that it did not start
        self.stopped = False
        self.group = self._make_group()
        if self.group is None and ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0) != 0:
            raise Failure("neither a control group nor a subreaper can be had")
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, env=environment, start_new_session=True,
                preexec_fn=self._enter)

    @staticmethod
    def _make_group():
        mounts = pathlib.Path("/proc/mounts").read_text(encoding="ascii").splitlines()
        places = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
        own = re.search(r"^0::/(.*)$", pathlib.Path("/proc/self/cgroup").read_text(
            encoding="ascii"), re.MULTILINE)
        if not places or own is None:
            return None
        group = pathlib.Path(places[0]) / own.group(1) / f"sluice-peer-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            return None
        return group

    def _enter(self):
        if self.group is not None:
            (self.group / "cgroup.procs").write_text("0", encoding="ascii")

    def running(self):
        return self.process.poll() is None

    def cpu_us(self):
        if self.group is not None:
            text = (self.group / "cpu.stat").read_text(encoding="ascii")
            return int(re.search(r"^usage_usec (\d+)$", text, re.MULTILINE).group(1))
        tick_us = 1000000 // os.sysconf("SC_CLK_TCK")
        us = 0
        for pid in self._descendants():
            with contextlib.suppress(OSError):
                fields = self._stat(pid)
                us += sum(int(field) for field in fields[11:15]) * tick_us
        return us

    @staticmethod
    def _stat(pid):
        """From the third field on."""
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()

    def _descendants(self):
        children = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    children.setdefault(int(self._stat(entry.name)[1]), []).append(
                        int(entry.name))
        found, left = [], [self.process.pid]
        left += [pid for pid in children.get(os.getpid(), []) if pid not in self.strangers]
        while left:
            pid = left.pop()
            if pid not in found:
                found.append(pid)
                left += children.get(pid, [])
        return found

    def stop(self):
        if self.stopped:
            return
        self.stopped = True
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_S)
        wait_until(self._kill_all if self.group is None else self._kill_group,
                   "an end of all processes", STOP_S)
        self.process.wait()

    def _kill_group(self):
        """True once all are gone, and the group too."""
        for pid in (self.group / "cgroup.procs").read_text(encoding="ascii").split():
            with contextlib.suppress(OSError):
                os.kill(int(pid), signal.SIGKILL)
        self.process.poll()
        with contextlib.suppress(OSError):  # the last are on their way out
            self.group.rmdir()
        return not self.group.exists()

    def _kill_all(self):
        """True once all are gone."""
        living = []
        for pid in self._descendants():
            with contextlib.suppress(OSError):
                if self._stat(pid)[0] != "Z":
                    living.append(pid)
                    os.kill(pid, signal.SIGKILL)
        if living:
            return False
        self.process.wait()
        for pid in self._descendants():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return True


class Mock:
    def __init__(self, folder, programs):
        self.port = free_port()
        self.account_file = folder / "account.json"
        self.output = folder / "mock.log"
        self.process = None
        self.command = [
            programs / "sluice-mock", "--interface", "submission",
            "--listen", f"{LOCALHOST}:{self.port}", "--certificate", folder / "mock.pem",
            "--key", folder / "mock.key", "--user", f"{USER}:{SECRET}",
            "--account", self.account_file]

    def start(self):
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True)

        def is_ready():
            if self.process.poll() is not None:
                raise Failure(f"sluice-mock: {last_words(self.output)}")
            return b"event=ready" in self.output.read_bytes()

        wait_until(is_ready, "sluice-mock listens", START_S)

    def account(self):
        """What it was given so far."""
        self.account_file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(self.account_file.read_text(encoding="utf-8"))
            time.sleep(LOOK_S / 10)
        raise Failure("the mock gives no account")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


def certificates(folder):
    """An authority, and the mock's certificate by it."""
    def make(*words):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", *map(str, words)], check=True, capture_output=True)

    make("-subj", "/CN=Sluice bench", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    make("-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{LOCALHOST}",
         "-addext", "basicConstraints=critical,CA:false", "-CA", folder / "ca.pem",
         "-CAkey", folder / "ca.key", "-keyout", folder / "mock.key", "-out", folder / "mock.pem")


def greets(port):
    """It listens, and its 220 comes."""
    with contextlib.suppress(OSError), socket.create_connection((LOCALHOST, port), 1) as probe:
        probe.settimeout(5)
        return probe.recv(3) == b"220"
    return False


def deliver(mock, messages):
    """The account once all is there, or nothing moves any more."""
    before, moved = -1, time.monotonic()
    deadline = moved + DELIVERY_S
    while True:
        account = mock.account()
        now = time.monotonic()
        if account["messages"] != before:
            before, moved = account["messages"], now
        if account["distinct"] >= messages or now - moved > PATIENCE_S or now > deadline:
            return account
        time.sleep(LOOK_S)


def load_figures(text):
    return {words[0]: float(words[1]) for words in map(str.split, text.splitlines())
            if len(words) > 1}


def measure(options, cage, mock, port):
    """The figures of a run."""
    cpu_before = cage.cpu_us()
    first_ns = time.monotonic_ns()
    try:
        done = subprocess.run(
            [options.programs / "sluice-bench", "load", "--to", f"{LOCALHOST}:{port}",
             "--messages", str(options.messages), "--size", options.size,
             "--in", options.sessions_in],
            capture_output=True, text=True, check=False, timeout=LOAD_S)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"it did not take {options.messages} messages in {LOAD_S} s") from late
    load = load_figures(done.stdout)
    if done.returncode != 0 or not load.get("taken"):
        raise Failure(f"the load: {done.stderr.strip().splitlines()[-1:]} {load}")
    taken = int(load["taken"])
    account = deliver(mock, taken)
    cpu_us = cage.cpu_us() - cpu_before
    distinct = account["distinct"]
    if distinct == 0:
        raise Failure("nothing was delivered")
    return {
        "messages": taken,
        "messages_per_second": distinct * 1e9 / (account["last_ns"] - first_ns),
        "acknowledged_per_second": load["acknowledged_per_second"],
        "ack_p50": load["ack_p50"], "ack_p99": load["ack_p99"],
        "cpu_us": cpu_us / taken,
        "cpu_by": "control group" if cage.group is not None else "/proc",
        "connections": account["connections"],
        "connections_most": account["connections_open_max"],
        "messages_a_connection": distinct / max(1, account["connections"]),
        "duplicates": account["duplicates"],
        "lost": max(0, taken - distinct),
    }


def say(connection, words, code):
    connection.sendall(words)
    reply = b""
    while not re.search(rb"^\d{3} .*\n", reply, re.MULTILINE):
        more = connection.recv(65536)
        if not more:
            raise Failure("the relay closed the connection of a traced message")
        reply += more
    if not reply.startswith(code):
        raise Failure(f"a traced message: {reply.decode(errors='replace').strip()}")


def traced_messages(port):
    """For each, the moments between which its sync must lie: all but its end sent; its 250."""
    moments = []
    body = b"".join(b"%04d a line of a message that is to be on the disk.\r\n" % i
                    for i in range(180))
    with socket.create_connection((LOCALHOST, port), 60) as connection:
        say(connection, b"", b"220")
        say(connection, b"EHLO trace.example\r\n", b"250")
        for number in range(TRACED):
            say(connection, b"MAIL FROM:<load@contoso.com>\r\n", b"250")
            say(connection, b"RCPT TO:<someone@example.org>\r\n", b"250")
            say(connection, b"DATA\r\n", b"354")
            connection.sendall(b"Message-ID: <%d@trace.example>\r\nSubject: trace\r\n\r\n%b"
                               % (number, body))
            time.sleep(2 * LOOK_S)
            sent = time.time()
            say(connection, b".\r\n", b"250")
            moments.append((sent, time.time()))
            time.sleep(4 * LOOK_S)  # its delivery's own syncs come, and don't meet the next
        connection.sendall(b"QUIT\r\n")
    return moments


def calls(trace):
    """(pid, begin, name, file descriptor with its file, rest of the line) of each system call."""
    begun = {}
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        begins, resumes = CALL_BEGINS.match(line), CALL_RESUMES.match(line)
        if begins:
            pid, at, name, file, rest = begins.groups()
            if rest.endswith("<unfinished ...>"):
                begun[pid] = (pid, float(at), name, file or "", rest)
            else:
                yield pid, float(at), name, file or "", rest
        elif resumes and resumes.group(1) in begun:
            pid, at, name, file, rest = begun.pop(resumes.group(1))
            yield pid, at, name, file, rest + resumes.group(2)


def syncs(trace):
    """(begin, end, name, file) of each that succeeded: also of writes that are syncs, since the
    file was opened so or they say so themselves."""
    found, synchronous = [], set()
    for _, at, name, file, rest in calls(trace):
        opened = re.search(r"= (\d+<[^>]*>) <[\d.]+>$", rest)
        took = re.search(r"= \d+ <(\d+\.\d+)>$", rest)
        if name in OPENS.split(","):
            if opened:
                synchronous.discard(opened.group(1))
                if re.search(r"\bO_D?SYNC\b", rest):
                    synchronous.add(opened.group(1))
        elif took and (name in SYNCS.split(",") or file in synchronous
                       or re.search(r"\bRWF_D?SYNC\b", rest)):
            found.append((at, at + float(took.group(1)), name,
                          file.partition("<")[2].rstrip(">")))
    return found


def judge(moments, found, folder):
    """Each 250 stands behind a sync of its own."""
    seen = []
    for sent, answered in moments:
        within = [entry for entry in found if sent <= entry[0] and entry[1] <= answered]
        if not within:
            return {"durable": "no"}
        for _, _, name, file in within:
            what = f"{name} {os.path.dirname(file).replace(str(folder), '').lstrip('/')}"
            if what not in seen:
                seen.append(what)
    return {"durable": "yes", "syncs": seen}


def run(options, script, configuration, stack):
    certificates(options.folder)
    mock = Mock(options.folder, options.programs)
    stack.callback(mock.stop)
    mock.start()
    port = free_port()
    environment = os.environ | {
        "PEER_FOLDER": str(options.folder), "PEER_PORT": str(port), "PEER_TO": str(mock.port),
        "PEER_USER": USER, "PEER_SECRET": SECRET, "PEER_CA": str(options.folder / "ca.pem")}
    command = ["sh", script, "serve", configuration]
    trace = options.folder / "trace"
    if options.trace:
        command = ["strace", "-I2", "-f", "-y", "-s0", "-ttt", "-T",
                   "-e", f"trace={SYNCS},{OPENS},{WRITES}",
                   "-e", "signal=none", "-o", trace, *command]
    cage = Cage(options.folder, "relay", command, environment, {mock.process.pid})
    stack.callback(cage.stop)

    def is_ready():
        if not cage.running():
            raise Failure(f"it does not start: {last_words(cage.output)}")
        return greets(port)

    wait_until(is_ready, f"it greets ({last_words(cage.output)})", START_S)
    if not options.trace:
        return measure(options, cage, mock, port)
    moments = traced_messages(port)
    deliver(mock, TRACED)
    if not cage.running():
        raise Failure(f"it ended while it was traced: {last_words(cage.output)}")
    cage.stop()
    return judge(moments, syncs(trace), options.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script")
    parser.add_argument("configuration")
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--size", default="10KiB")
    parser.add_argument("--in", dest="sessions_in", default="20")
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args()

    def interrupted(number, _frame):
        raise KeyboardInterrupt(number)

    signal.signal(signal.SIGTERM, interrupted)
    try:
        with contextlib.ExitStack() as stack:
            figures = run(options, options.script, options.configuration, stack)
    except Failure as failure:
        print(f"measure.py: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    print(json.dumps(figures))


main()
