"""Clients behind a proxy that says whose address it is: the PROXY protocol, version 2."""

import ipaddress
import json
import pathlib
import ssl
import struct
import tempfile
import time
import types

import pytest

import servers
from clients import Raw
from harness import LOCALHOST, Sluice, free_port, run_sluice, wait_until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY, LOCAL = 0x21, 0x20
FRIEND, STRANGER, FRIEND_SIX = "192.0.2.7", "198.51.100.7", "2001:db8::7"
# Of what haproxy can add: the host's name, a unique id, a checksum left out.
TLVS = b"\x02\x00\x0ccontoso.test" + b"\x05\x00\x80" + 128 * b"u" + b"\x04\x00\x00"


def header(address=None, port=43981, command=PROXY, tlvs=b""):
    if address is None:
        return SIGNATURE + struct.pack("!BBH", command, 0, len(tlvs)) + tlvs
    packed = ipaddress.ip_address(address).packed
    family = 0x11 if len(packed) == 4 else 0x21
    body = packed + bytes(len(packed)) + struct.pack("!HH", port, 25) + tlvs
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


@pytest.fixture(scope="module", name="lab")
def _lab(session, certificates):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="proxy-", dir=session))
    certificate, key = certificates.server("server")
    tls = {"certificate": str(certificate), "key": str(key)}
    far = servers.Recorder("PIPELINING")
    route = {"name": "far", "interface": "connector", "host": LOCALHOST, "port": far.port,
             "tls": {"mode": "none"}, "in_doubt_delay": "0s"}
    allow = ["192.0.2.0/24", "2001:db8::/32"]
    ports = types.SimpleNamespace(plain=free_port(), implicit=free_port(), other=free_port())
    running = Sluice(folder, [route], listeners=[
        {"address": f"{LOCALHOST}:{ports.plain}", "allow": allow, "tls": tls,
         "proxy": ["127.0.0.0/8"]},
        {"address": f"{LOCALHOST}:{ports.implicit}", "allow": allow,
         "tls": {**tls, "implicit": True}, "proxy": [LOCALHOST]},
        {"address": f"{LOCALHOST}:{ports.other}", "allow": allow, "proxy": ["127.0.0.2"]},
    ])
    try:
        yield types.SimpleNamespace(running=running.start(), far=far, ports=ports)
    finally:
        running.stop()
        far.stop()


def may_relay(raw):
    """Whether the client may; it is in a transaction then."""
    assert raw.say("EHLO client.test").startswith("250")
    assert raw.say("MAIL FROM:<app@example.test>").startswith("250")
    reply = raw.say("RCPT TO:<user@example.org>")
    assert reply.startswith(("250 2.1.5", "550 5.7.1")), reply
    return reply.startswith("250")


@pytest.mark.parametrize("address, may", [
    (FRIEND, True), (STRANGER, False), (FRIEND_SIX, True), (f"::ffff:{FRIEND}", True),
    (f"::ffff:{STRANGER}", False), ("::1", False), (LOCALHOST, False), ("0.0.0.0", False),
])
@pytest.mark.parametrize("tlvs", [b"", TLVS], ids=["bare", "tlvs"])
def test_the_address_said_is_the_clients(lab, address, may, tlvs):
    with Raw(lab.ports.plain, greet=False) as raw:
        raw.send(header(address, tlvs=tlvs))
        assert raw.reply().startswith("220")
        assert may_relay(raw) == may


def test_received_and_the_log_name_the_client(lab):
    lab.far.messages.clear()
    with Raw(lab.ports.plain, greet=False, source="127.0.0.9") as raw:
        # All in one write, as a proxy's first segment may be.
        raw.send(header(FRIEND, 40007) + b"EHLO client.test\r\n")
        assert raw.reply().startswith("220")
        assert raw.reply().startswith("250-")
        assert may_relay(raw)
        raw.send(b"BDAT 14 LAST\r\nSubject: x\r\n\r\n")
        assert "queued as" in raw.reply()
    wait_until(lambda: lab.far.messages, lab.running.program.tail)
    (_, data, _), = lab.far.messages
    assert data.startswith(f"Received: from client.test ([{FRIEND}])\r\n".encode())
    (connected,) = lab.running.logged("event=connected", f"client={FRIEND}:40007")
    assert " proxy=127.0.0.9:" in connected
    assert lab.running.logged("event=accepted", f"client={FRIEND}")
    connection = connected.split()[0]
    for line in lab.running.lines(connection, "client="):
        assert f"client={FRIEND}" in line, line


@pytest.mark.parametrize("said", [
    header(command=LOCAL), header(FRIEND, command=LOCAL), header(command=LOCAL, tlvs=b"junk"),
    header(), header(tlvs=TLVS), SIGNATURE + b"\x21\x31" + struct.pack("!H", 216) + 216 * b"/",
    SIGNATURE + b"\x21\x12\x00\x0c" + bytes(12),
], ids=["local", "local with an address", "local with junk", "unspecified", "tlvs", "unix", "udp"])
def test_who_says_no_address_is_the_proxy(lab, said):
    """And the proxy may not relay here."""
    with Raw(lab.ports.plain, greet=False) as raw:
        raw.send(said)
        assert raw.reply().startswith("220")
        assert f"[{LOCALHOST}]" in raw.say("EHLO client.test")
        assert not may_relay(raw)


@pytest.mark.parametrize("said, reason", [
    (b"EHLO client.test\r\n", "something else than a PROXY header"),
    (b"PROXY TCP4 192.0.2.7 127.0.0.1 43981 25\r\n", "version 1"),
    (b"\x16\x03\x01\x02\x00", "something else"),
    (SIGNATURE + b"\x31\x11\x00\x0c", "unknown version"),
    (SIGNATURE + b"\x22\x11\x00\x0c", "unknown command"),
    (SIGNATURE + b"\x21\x51\x00\x0c", "unknown family"),
    (SIGNATURE + b"\x21\x11\x00\x0b", "too short"),
    (SIGNATURE + b"\x21\x11\xff\xff", "too long"),
    (header(FRIEND, tlvs=b"\x04\x00\x09x"), "TLV"),
    (header(FRIEND, tlvs=b"\x03\x00\x04\0\0\0\0"), "checksum"),
])
@pytest.mark.parametrize("door", ["plain", "implicit"])
def test_a_damaged_header_ends_the_connection(lab, door, said, reason):
    before = len(lab.running.lines("event=proxy_refused"))
    with Raw(getattr(lab.ports, door), greet=False) as raw:
        raw.send(said)
        assert raw.closed()
    lines = lab.running.logged("event=proxy_refused", count=before + 1)
    assert "level=warning" in lines[-1] and f"proxy={LOCALHOST}:" in lines[-1]
    assert reason in lines[-1] and "advice=" in lines[-1]


@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
@pytest.mark.parametrize("address, may", [(FRIEND, True), (STRANGER, False)])
def test_before_tls_from_the_first_byte(lab, certificates, together, address, may):
    """Also where the handshake begins in the same segment."""
    context = ssl.create_default_context(cafile=str(certificates.ca))
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = context.wrap_bio(coming, going, server_hostname="localhost")

    def through(step, *words):
        """What the step gives, once the other side has sent what it needs."""
        while True:
            try:
                result = step(*words)
                raw.send(going.read())
                return result
            except ssl.SSLWantReadError:
                raw.send(going.read())
                more = raw.socket.recv(65536)
                assert more
                coming.write(more)

    with Raw(lab.ports.implicit, greet=False) as raw:
        with pytest.raises(ssl.SSLWantReadError):
            inside.do_handshake()
        hello = going.read()
        if together:
            raw.send(header(address, tlvs=TLVS) + hello)
        else:
            raw.send(header(address)[:20])
            raw.send(header(address)[20:])
            raw.send(hello)
        through(inside.do_handshake)
        assert through(inside.read, 1000).startswith(b"220")
        for line, reply in (("EHLO x", b"250"), ("MAIL FROM:<a@b.test>", b"250"),
                            ("RCPT TO:<c@d.test>", b"250" if may else b"550")):
            through(inside.write, f"{line}\r\n".encode())
            assert through(inside.read, 1000).startswith(reply)


def test_starttls_keeps_the_address_and_takes_no_second_one(lab, certificates):
    with Raw(lab.ports.plain, greet=False) as raw:
        raw.send(header(STRANGER))
        assert raw.reply().startswith("220")
        assert raw.say("EHLO client.test").startswith("250")
        assert raw.say("STARTTLS").startswith("220")
        raw.start_tls(certificates.ca)
        raw.send(header(FRIEND) + b"\r\nNOOP\r\n")
        replies = [raw.reply()]
        while replies[-1] != "250 2.0.0 OK":
            replies.append(raw.reply())
        assert {reply[:3] for reply in replies[:-1]} == {"500"}
        assert not may_relay(raw)


@pytest.mark.parametrize("said", [header(FRIEND), b"PROXY TCP4 192.0.2.7 127.0.0.1 43981 25\r\n"],
                         ids=["2", "1"])
def test_nobody_else_says_who_it_is(lab, said):
    with Raw(lab.ports.other) as raw:
        raw.send(said + b"\r\nEHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"
                 b"QUIT\r\n")
        replies = []
        while not replies or not replies[-1].startswith(("221", "421")):
            replies.append(raw.reply())
    assert replies[0].startswith("500 5.5.2")
    assert not [reply for reply in replies if reply.startswith("250 2.1.5") or FRIEND in reply]
    # A proxy of another listener is none here.
    with Raw(lab.ports.other, greet=False, source="127.0.0.2") as raw:
        raw.send(header(FRIEND))
        assert raw.reply().startswith("220")
        assert may_relay(raw)


def test_a_header_has_to_come_in_time(lab):
    """After nothing, a part of it, or a byte now and then: all of it has to be there."""
    before = len(lab.running.lines("in time"))
    begun = time.monotonic()
    with Raw(lab.ports.plain, greet=False) as silent, Raw(lab.ports.plain, greet=False) as half, \
            Raw(lab.ports.implicit, greet=False) as slow:
        half.send(header(FRIEND)[:20])
        slow.send(header(FRIEND)[:5])
        slow.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            slow.socket.recv(1)
        slow.send(header(FRIEND)[5:7])
        slow.socket.settimeout(30)
        assert silent.closed() and half.closed() and slow.closed()
    assert 4 < time.monotonic() - begun < 20
    assert len(lab.running.logged("event=proxy_refused", "did not come in time",
                                  count=before + 3)) == before + 3


@pytest.mark.parametrize("networks, told", [
    (["0.0.0.0/0"], True), (["::/0"], True), (["192.0.2.0/24", "2001:db8::/96"], False),
    ([], False),
])
def test_everybody_is_too_many(folder, networks, told):
    """Who may say that he is one of allow may relay."""
    path = folder / "sluice.yaml"
    path.write_text(json.dumps({
        "spool": {"path": str(folder / "spool")}, "routes": [{"host": "host.test"}],
        "listeners": [{"address": "127.0.0.1:2525", "proxy": networks}]}), encoding="ascii")
    done = run_sluice("check", "--config", path, exit_code=0)
    assert ("listeners[0].proxy: everybody" in done.stdout + done.stderr) == told, done
