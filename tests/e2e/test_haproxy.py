"""Debian's HAProxy in front of the relay, which goes by the clients' addresses; unpacked alone."""

import base64
import os
import subprocess

import pytest

from clients import PASSWORD, USER, Raw, message, swaks
from harness import LOCALHOST, TOP, Program, accepts, free_port, wait_until

# Of one host: what HAProxy connects from, a client that may relay, a device, two that guess.
PROXY, FRIEND, DEVICE, GUESSER, NEIGHBOUR = (f"127.0.0.{last}" for last in (9, 5, 6, 7, 8))
OPTIONS = {"bare": "", "checksum": "proxy-v2-options crc32c,unique-id"}


class Haproxy:
    """Passes every connection to `target`, a port."""

    def __init__(self, folder, target, options):
        unpacked = TOP / "build/haproxy"  # fetched once, for all builds
        subprocess.run(["sh", TOP / "tests/packages.sh", "--unpack", "haproxy", unpacked],
                       check=True)
        libraries = [str(path) for path in sorted(unpacked.glob("usr/lib/*-linux-gnu*"))]
        self.port = free_port()
        folder.mkdir()
        config = folder / "haproxy.cfg"
        config.write_text(f"""
global
    maxconn 200
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    unique-id-format %ci-%cp-%rt
listen smtp
    option smtpchk EHLO {PROXY}
    bind {LOCALHOST}:{self.port}
    server sluice {LOCALHOST}:{target} source {PROXY} send-proxy-v2 {options} check inter 200ms
""", encoding="ascii")
        self.program = Program(folder, "haproxy", [unpacked / "usr/sbin/haproxy", "-db", "-f",
                                                   config],
                               env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)})

    def start(self):
        wait_until(lambda: accepts(self.port) or not self.program.running(), "HAProxy listens")
        assert self.program.running(), self.program.tail()
        return self

    def stop(self):
        self.program.stop()


@pytest.fixture(name="behind")
def _behind(sluice, folder, cleanup):
    """A function that starts a relay and HAProxy before it: (relay, HAProxy's port)."""

    def start(route, listener, options="", **settings):
        running = sluice(route, listener={"proxy": [PROXY], "allow": [FRIEND], **listener},
                         **settings)
        proxy = Haproxy(folder / "haproxy", running.port, options)
        cleanup.callback(proxy.stop)
        return running, proxy.start().port

    return start


def guess(raw, password):
    credentials = base64.b64encode(f"\0{USER}\0{password}".encode()).decode()
    return raw.say(f"AUTH PLAIN {credentials}")[:3]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_client_is_whom_it_names(behind, recorder, options):
    far = recorder()
    route = {"name": "far", "interface": "connector", "host": LOCALHOST, "port": far.port,
             "tls": {"mode": "none"}}
    running, port = behind(route, {}, options)
    swaks(port, "--data", message("m1"), "--local-interface", FRIEND)
    running.wait_empty()
    (_, data, _), = far.messages
    assert data.startswith(b"Received: from ") and f"([{FRIEND}])".encode() in data.splitlines()[0]
    (connected,) = running.logged("event=connected", f"client={FRIEND}:")
    assert f" proxy={PROXY}:" in connected
    assert running.logged("event=accepted", f"client={FRIEND} ")
    # Whoever else comes is a stranger, also the proxy itself.
    for source in (DEVICE, PROXY):
        with Raw(port, source=source) as raw:
            raw.say("EHLO client.test")
            raw.say("MAIL FROM:<app@example.test>")
            assert raw.say("RCPT TO:<user@example.org>").startswith("550 5.7.1"), source
        assert running.logged("event=refused", f"client={source}:", "5.7.1")
    # Its health checks are conversations without a client, and no trouble.
    wait_until(lambda: [line for line in running.lines("event=connected", f"client={PROXY}:")
                        if "proxy=" not in line], running.program.tail)
    assert not running.lines("event=proxy_refused")


def test_old_devices_are_those_behind_it(behind, nowhere, users_file):
    profile = {"name": "scanner", "networks": [DEVICE], "auth_without_tls": True,
               "bare_lf": "repair"}
    running, port = behind(nowhere, {"users_file": users_file, "old_devices": [profile]})
    with Raw(port, source=DEVICE) as raw:
        raw.send("EHLO device\n")
        assert "AUTH PLAIN LOGIN" in raw.reply()
        assert guess(raw, PASSWORD) == "235"
    assert running.logged("event=old_device", "name=scanner", f"client={DEVICE}:")
    with Raw(port, source=NEIGHBOUR) as raw:
        assert "AUTH" not in raw.say("EHLO device")
        assert guess(raw, PASSWORD) != "235"
    # The proxy's own address is nobody's profile, though all come from it.
    assert not running.lines("event=old_device", f"client={PROXY}:")


def test_guesses_count_against_who_guesses(behind, nowhere, users_file):
    running, port = behind(nowhere, {"users_file": users_file, "allow_plaintext_auth": True},
                           limits={"memory": "64MiB", "auth_failures_per_client": "2/1h"})
    for _ in range(2):
        with Raw(port, source=GUESSER) as raw:
            raw.say("EHLO client.test")
            assert guess(raw, "wrong") == "535"
    with Raw(port, source=GUESSER) as raw:
        raw.say("EHLO client.test")
        assert guess(raw, PASSWORD) != "235"
    assert running.logged("event=signin_refused", f"client={GUESSER}:", "too many failures")
    with Raw(port, source=NEIGHBOUR) as raw:
        raw.say("EHLO client.test")
        assert guess(raw, PASSWORD) == "235"
    assert running.logged("event=signed_in", f"client={NEIGHBOUR}:")
