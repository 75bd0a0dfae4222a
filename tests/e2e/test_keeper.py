"""Keys and secrets live in a process of their own: what the other one holds, and what becomes of
each without the other."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

import clients
from clients import message, swaks
from harness import wait_until
from memory import held
from test_tokens import SECRET, USER, Endpoint


def is_there(pid):
    try:
        return not re.search(r"\) [ZX] ", pathlib.Path(f"/proc/{pid}/stat").read_text("ascii"))
    except OSError:
        return False


def scalar(key):
    """The secret number of a key on a curve, as bytes."""
    text = subprocess.run(["openssl", "pkey", "-in", key, "-noout", "-text"], check=True,
                          capture_output=True, text=True).stdout
    digits = re.search(r"priv:\n((?:    .*\n)+)", text)[1]
    return bytes.fromhex(re.sub(r"[\s:]", "", digits)).rjust(32, b"\0")


@pytest.fixture(name="running")
def _running(sluice, route, mock, folder, certificates, listener_tls, users_file):
    """Signs in by a token, has a key and users; and a mail has come by all of them."""
    endpoint = Endpoint(mock, folder, certificates)
    running = sluice(route(endpoint, identities=[{"user": USER}]), tenants=endpoint.tenants(),
                     listener={"users_file": users_file, "tls": listener_tls})
    send(running, "one")
    running.wait_empty()
    return running


def send(running, mark):
    swaks(running.port, "--tls", "--auth", "PLAIN", "--auth-user", clients.USER,
          "--auth-password", clients.PASSWORD, "--data", message(mark))


@pytest.mark.skipif(bool(os.environ.get("SLUICE_SANITIZE")),
                    reason="a sanitizer keeps what is freed")
def test_what_each_holds(running, listener_tls, users_file):
    """All memory of the engine, read after keys, hashes and secrets were used: none is there."""
    key = pathlib.Path(listener_tls["key"])
    number = scalar(key)
    user_hash = pathlib.Path(users_file).read_text("utf-8").strip().split(":")[1]
    secrets = {
        "key": number, "key in the library": number[::-1],
        "key's file": key.read_text("ascii").splitlines()[1].encode(),
        "hash": user_hash.encode(), "client secret": SECRET.encode(),
    }
    engine = b"\n".join(held(running.program.process.pid))
    assert str(running.spool).encode() in engine  # that is how it would be found
    assert [name for name, secret in secrets.items() if secret in engine] == []
    kept = b"\n".join(held(running.keeper()))
    assert {"key in the library", "hash"} <= {name for name, secret in secrets.items()
                                              if secret in kept}


def test_without_its_keeper_it_drains(running):
    """And fails, for the supervisor to start both again; what is queued stays."""
    os.kill(running.keeper(), signal.SIGKILL)
    assert running.program.wait() == 1
    assert running.lines("event=keeper_lost")
    assert running.lines("event=stopped")
    running.start()
    send(running, "two")
    running.wait_empty()
    assert running.terminate() == 0


def test_no_keeper_outlives_its_engine(running):
    pid = running.keeper()
    running.kill()
    wait_until(lambda: not is_there(pid), "its end")
    running.start()
    pid = running.keeper()
    # What a terminal or a supervisor sends to all of them ends the engine alone, then the keeper.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    send(running, "two")
    running.wait_empty()
    assert running.terminate() == 0
    wait_until(lambda: not is_there(pid), "its end")


def test_what_is_wrong_with_a_secret_is_said_at_the_start(running, users_file):
    """By file and line, as `check` does, though it is the keeper who looks."""
    assert running.terminate() == 0
    with open(users_file, "a", encoding="utf-8") as file:
        file.write("bert:no hash\n")
    running.launch()
    assert running.program.wait() == 1
    assert re.search(rf"{re.escape(str(users_file))}:\d+: user bert: not a crypt\(3\) hash",
                     running.program.text())
    assert "check" not in running.program.text()
