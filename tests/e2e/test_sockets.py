"""Listening sockets that a supervisor hands over: nobody is refused during a restart."""

import os
import socket
import sys
import threading

import pytest

from clients import Raw, message
from harness import BUILD, LOCALHOST, Program, free_port


# As a supervisor does it: the descriptors after the standard ones, for this process alone.
START = """
import fcntl, os, sys
at = [int(word) for word in sys.argv[1].split(",")]
kept = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in at]
for place, fd in enumerate(kept):
    os.dup2(fd, 3 + place)
os.closerange(3 + len(at), 200)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(at)))
os.execv(sys.argv[2], sys.argv[2:])
"""


def serve(running, name, *files):
    at = [file.fileno() for file in files]
    return Program(running.folder, name, [
        sys.executable, "-c", START, ",".join(map(str, at)), BUILD / "sluice", "serve",
        "--config", running.config], pass_fds=at)


@pytest.fixture(name="handed")
def _handed(sluice, mock, route):
    """A function that starts the relay with these sockets, as systemd does."""

    def launch(running, *sockets):
        running.starts += 1
        running.program = serve(running, f"sluice-{running.starts}", *sockets)
        return running.ready()

    def start(*sockets, listener, **settings):
        running = sluice(route(mock()), **settings)
        assert running.terminate() == 0
        running.settings["listeners"] = [listener]
        running.write()
        return launch(running, *sockets)

    start.again = launch
    return start


def listening(port=0):
    return socket.create_server((LOCALHOST, port), backlog=256)


def send(port, mark):
    with Raw(port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        raw.say("RCPT TO:<c@d.test>")
        raw.say("DATA")
        raw.send(message(mark).encode() + b"\r\n.\r\n")
        return raw.reply()


def test_nobody_is_refused_during_a_restart(handed):
    with listening() as first:
        port = first.getsockname()[1]
        running = handed(first, listener={"address": f"{LOCALHOST}:{port}"},
                         threads={"ingest": 2, "delivery": 1})
        running.port = port
        assert running.logged(f"event=listening address={LOCALHOST}:{port} socket=handed")
        replies = []

        def customers():
            for number in range(10):
                replies.append(send(port, f"m{number}"))

        for _ in range(2):
            assert send(port, "before").startswith("250 ")
            assert running.terminate() == 0
            # It is gone, and clients come all the same: they wait.
            people = [threading.Thread(target=customers) for _ in range(4)]
            for person in people:
                person.start()
            handed.again(running, first)
            for person in people:
                person.join()
        running.wait_empty()
        assert len(replies) == 80
        assert {reply[:4] for reply in replies} == {"250 "}


def test_sockets_and_listeners_that_do_not_match(handed):
    own = free_port()
    with listening() as unused:
        running = handed(unused, listener={"address": f"{LOCALHOST}:{own}"})
        running.port = own
        assert running.logged("event=socket_unused",
                              f"address={LOCALHOST}:{unused.getsockname()[1]}")
        assert send(own, "one").startswith("250 ")
        # What is handed over is nobody else's: the keeper and the programs it starts have none.
        inode = os.fstat(unused.fileno()).st_ino
        keeper = running.keeper()
        if keeper is not None:
            assert inode not in [os.stat(f"/proc/{keeper}/fd/{fd}").st_ino
                                 for fd in os.listdir(f"/proc/{keeper}/fd")]
        running.wait_empty()


def test_what_is_no_socket_is_refused(handed, tmp_path):
    with listening() as first:
        running = handed(first, listener={"address": f"{LOCALHOST}:{first.getsockname()[1]}"})
        assert running.terminate() == 0
    path = tmp_path / "file"
    path.write_text("x", encoding="ascii")
    with open(path, encoding="ascii") as file:
        program = serve(running, "wrong", file)
        assert program.wait() == 1
        assert "descriptor 3, which was handed over, is no listening TCP socket" in program.text()
