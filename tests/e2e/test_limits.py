"""What a stranger may send, at each limit and one beyond it: the first is taken, the other not."""

import base64

import pytest

from clients import PASSWORD, USER, Raw, message
from harness import Sluice

MESSAGE = 64 << 10
RECIPIENTS, HOPS, ERRORS, FAILURES, CONNECTIONS = 3, 5, 4, 2, 6


@pytest.fixture(scope="module", name="limited")
def _limited(session, users_file):
    folder = session / "limits"
    folder.mkdir()
    running = Sluice(
        folder / "sluice",
        [{"name": "far", "interface": "connector", "host": "127.0.0.1", "port": 1}],
        listener={"users_file": users_file, "allow_plaintext_auth": True},
        limits={"memory": "64MiB", "message": MESSAGE, "recipients": RECIPIENTS, "hops": HOPS,
                "errors": ERRORS, "auth_failures": FAILURES,
                "auth_failures_per_client": "1000/1m", "auth_failures_per_user": "1000/1m",
                "connections_per_client": CONNECTIONS})
    try:
        yield running.start()
    finally:
        running.stop()


def padded(head, bytes_, tail=""):
    return head + "x" * (bytes_ - len(head) - len(tail)) + tail


def domain(bytes_):
    """Of that many bytes, in labels of 63 and what is left."""
    labels = []
    while bytes_ > 64:
        labels.append("d" * 62)
        bytes_ -= 63
    return ".".join([*labels, "d" * bytes_])


# How long it is: what is said behind EHLO, and the replies at the limit and one byte beyond it.
LINES = {
    "command": (2048, lambda n: padded("NOOP ", n), "250", "500 5.5.2"),
    "hello": (255, lambda n: "EHLO " + "h" * n, "250", "501"),
    "helo": (255, lambda n: "HELO " + "h" * n, "250", "501"),
    "local": (64, lambda n: f"MAIL FROM:<{'l' * n}@d.test>", "250", "501 5.1.7"),
    "label": (63, lambda n: f"MAIL FROM:<a@{'d' * n}.test>", "250", "501 5.1.7"),
    "path": (254, lambda n: f"MAIL FROM:<a@{domain(n - 2)}>", "250", "501 5.1.7"),
    "envid": (100, lambda n: "MAIL FROM:<a@b.test> ENVID=" + "e" * n, "250", "501"),
    "size": (MESSAGE, lambda n: f"MAIL FROM:<a@b.test> SIZE={n}", "250", "552 5.3.4"),
}


@pytest.mark.parametrize("name", LINES)
def test_lines(limited, name):
    most, line, fine, beyond = LINES[name]
    for bytes_, reply in ((most, fine), (most + 1, beyond)):
        with Raw(limited.port) as raw:
            raw.say("EHLO client.test")
            got = raw.say(line(bytes_))
            assert got.startswith(reply), (bytes_, got)
            assert raw.say("NOOP").startswith("250")


RCPTS = {
    "local": (64, lambda n: f"RCPT TO:<{'l' * n}@d.test>", "553 5.1.3"),
    "path": (254, lambda n: f"RCPT TO:<a@{domain(n - 2)}>", "553 5.1.3"),
    "orcpt": (500, lambda n: "RCPT TO:<a@d.test> ORCPT=" + padded("rfc822;", n), "501"),
}


@pytest.mark.parametrize("name", RCPTS)
def test_recipient_lines(limited, name):
    most, line, beyond = RCPTS[name]
    with Raw(limited.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        assert raw.say(line(most)).startswith("250")
        assert raw.say(line(most + 1)).startswith(beyond)


@pytest.mark.parametrize("how", ["data", "chunk", "chunks"])
def test_message_bytes(limited, how):
    for bytes_, reply in ((MESSAGE, "250 2.0.0"), (MESSAGE + 1, "552 5.3.4")):
        with Raw(limited.port) as raw:
            raw.say("EHLO client.test")
            raw.say("MAIL FROM:<a@b.test>")
            raw.say("RCPT TO:<c@d.test>")
            text = padded("Subject: x\r\n\r\n", bytes_, "\r\n")
            if how == "data":
                raw.say("DATA")
                raw.send(text + ".\r\n")
            elif how == "chunk":
                raw.send(f"BDAT {bytes_} LAST\r\n{text}")
            else:
                raw.send(f"BDAT {MESSAGE}\r\n{text[:MESSAGE]}")
                assert raw.reply().startswith("250")
                raw.send(f"BDAT {bytes_ - MESSAGE} LAST\r\n{text[MESSAGE:]}")
            got = raw.reply()
            assert got.startswith(reply), (bytes_, got)
            assert raw.say("NOOP").startswith("250")


def test_recipients(limited):
    with Raw(limited.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        for number in range(RECIPIENTS):
            assert raw.say(f"RCPT TO:<c{number}@d.test>").startswith("250")
        assert raw.say("RCPT TO:<d@d.test>").startswith("452 4.5.3")


def test_hops(limited):
    """So many make a loop."""
    for hops, reply in ((HOPS - 1, "250 2.0.0"), (HOPS, "554 5.4.6")):
        with Raw(limited.port) as raw:
            raw.say("EHLO client.test")
            raw.say("MAIL FROM:<a@b.test>")
            raw.say("RCPT TO:<c@d.test>")
            raw.say("DATA")
            raw.send("Received: from a by b; c\r\n" * hops + message("m1") + ".\r\n")
            assert raw.reply().startswith(reply)


def test_header_fields_of_ours(limited):
    """X-Sluice-Key and X-Sluice-Expire."""
    def say(field):
        with Raw(limited.port) as raw:
            raw.say("EHLO client.test")
            raw.say("MAIL FROM:<a@b.test>")
            raw.say("RCPT TO:<c@d.test>")
            raw.say("DATA")
            return raw.say(f"{field}\r\n{message('m1')}.")

    assert say("X-Sluice-Key: " + "k" * 128).startswith("250 2.0.0")
    assert say("X-Sluice-Key: " + "k" * 129).startswith("550 5.6.0")
    assert say(f"X-Sluice-Expire: {30 * 86400}s").startswith("250 2.0.0")
    assert say(f"X-Sluice-Expire: {30 * 86400 + 1}s").startswith("550 5.6.0")


def test_sign_in_lines(limited):
    """A step of base64 is looked at, and holds no password that long; beyond it is no step."""
    for bytes_, reply in ((12288, "501 5.5.2"), (12292, "500 5.5.6")):
        with Raw(limited.port) as raw:
            raw.say("EHLO client.test")
            assert raw.say("AUTH PLAIN").startswith("334")
            exchange = f"\0{USER}\0".encode()
            exchange += b"x" * (bytes_ // 4 * 3 - len(exchange))
            got = raw.say(base64.b64encode(exchange))
            assert got.startswith(reply), (bytes_, got)


def test_failed_sign_ins(limited):
    wrong, right = (base64.b64encode(f"\0{USER}\0{word}".encode()).decode()
                    for word in ("guess", PASSWORD))
    with Raw(limited.port) as raw:
        raw.say("EHLO client.test")
        for _ in range(FAILURES - 1):
            assert raw.say(f"AUTH PLAIN {wrong}").startswith("535")
        assert raw.say(f"AUTH PLAIN {right}").startswith("235")
    with Raw(limited.port) as raw:
        raw.say("EHLO client.test")
        for _ in range(FAILURES - 1):
            assert raw.say(f"AUTH PLAIN {wrong}").startswith("535")
        assert raw.say(f"AUTH PLAIN {wrong}").startswith("421")
        assert raw.closed()


def test_errors(limited):
    with Raw(limited.port) as raw:
        for _ in range(ERRORS):
            assert raw.say("NONSENSE").startswith("500")
        assert raw.say("NOOP").startswith("250")
        assert raw.say("NONSENSE").startswith("421 4.7.0")
        assert raw.closed()


def test_connections_of_a_client(limited):
    source = "127.0.0.77"  # nobody else's here
    clients = [Raw(limited.port, source=source) for _ in range(CONNECTIONS)]
    with Raw(limited.port, greet=False, source=source) as beyond:
        assert beyond.reply().startswith("421 4.3.2")
    for client in clients:
        client.socket.close()
