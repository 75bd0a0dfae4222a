"""SMTP smuggling (CVE-2023-51764, -51765, -51766 and their kin), in and out, byte by byte."""

import itertools
import pathlib
import re
import socket
import tempfile
import types

import pytest

import servers
from clients import Raw
from harness import LOCALHOST, Sluice, free_port, wait_until

EVIL = b"evil@example.test"
HEAD = b"Subject: 1\r\n\r\nfirst"
SMUGGLED = (b"MAIL FROM:<" + EVIL + b">\r\nRCPT TO:<user@data.test>\r\nDATA\r\n"
            b"Subject: 2\r\n\r\nsecond")
# What some server somewhere has taken for the end of data: every line end that there is before
# the dot and behind it, but for the right ones; and what else was tried.
LINE_ENDS = [b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r", b"\n\n", b"\r\r"]
ENDINGS = [before + b"." + behind for before, behind in itertools.product(LINE_ENDS, LINE_ENDS)
           if not (before.endswith(b"\r\n") and behind.startswith(b"\r\n"))]
ENDINGS += [
    b"\r\n.\r\0\n", b"\r\n.\r \n", b"\r\n.\x0b\n", b"\r\n.\x0c\r", b"\r\0\n.\r\n", b"\n\0.\n",
    b"\n..\n", b"\r..\r\n", b"\n..\r\n", b"\r\n..\n", b"\r\n.\x85", b"\r\n.\xe2\x80\xa8",
]
# No line end stands alone in these: they are content, wherever they come from.
CONTENT = [
    b"\r\n\0.\r\n", b"\r\n\0\0.\0\r\n", b"\r\n.\0\r\n", b"\r\n\0.\0\r\n", b"\r\n..\r\n",
    b"\r\n. \r\n", b"\r\n.\t\r\n", b"\r\n .\r\n", b"\r\n\x0b.\r\n", b"\r\n.\x0c\r\n", b"\r\n.x\r\n",
    b"\r\n\xc2\x85.\xc2\x85\r\n", b"\r\n\xe2\x80\xa8.\xe2\x80\xa8\r\n",
]
# How a chunk may end, and what makes an end of data within one: nothing.
CHUNKED = [b"\r\n.\r\n", b"\r\n.\r\n.\r\n", b"\r\n..\r\n.\r\n", b"\r\nQUIT\r\n.\r\nRSET\r\n"]
TAILS = [b"\r\n", b"", b"\r\n.", b"\r\n..", b"\r\n.\r\n", b"\r\n\0.", b"\r\n\0.\r\n"]


@pytest.fixture(scope="module", name="lab")
def _lab(session):
    """A Sluice with a listener of either kind, and servers that take mail by DATA and by BDAT,
    and one that can do next to nothing."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="smuggling-", dir=session))
    ports = types.SimpleNamespace(refuse=free_port(), repair=free_port())
    far = {
        "data": servers.Recorder("PIPELINING", "8BITMIME", "SMTPUTF8"),
        "bdat": servers.Recorder("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING"),
        "old": servers.Recorder(),
    }
    routes = [{"name": name, "interface": "connector", "host": LOCALHOST, "port": server.port,
               "tls": {"mode": "none"}, "in_doubt_delay": "0s", "pipeline": 4}
              for name, server in far.items()]
    running = Sluice(
        folder, routes, limits={"memory": "64MiB", "errors": 10000},
        rules=[{"recipient": f"@{name}.test", "route": name} for name in far],
        listeners=[{"address": f"{LOCALHOST}:{getattr(ports, mode)}", "bare_lf": mode}
                   for mode in ("refuse", "repair")])
    try:
        yield types.SimpleNamespace(running=running.start(), far=far, ports=ports)
    finally:
        running.stop()
        for server in far.values():
            server.stop()


def connect(lab, mode):
    raw = Raw(getattr(lab.ports, mode))
    raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert raw.say("EHLO client.test").startswith("250")
    return raw


def begin(raw):
    raw.send("MAIL FROM:<app@example.test> BODY=8BITMIME\r\n" + "".join(
        f"RCPT TO:<user@{name}.test> NOTIFY=NEVER\r\n" for name in ("data", "bdat", "old")))
    for _ in range(4):
        assert raw.reply().startswith("250")


def send_data(raw, content, step):
    """The reply to it; in pieces of `step` bytes."""
    begin(raw)
    assert raw.say("DATA").startswith("354")
    wire = content + b"\r\n.\r\n"
    for at in range(0, len(wire), step):
        raw.send(wire[at:at + step])
    return raw.reply()


def send_bdat(raw, content, step):
    """The same in chunks of `step` bytes, all of them in one train."""
    begin(raw)
    pieces = [content[at:at + step] for at in range(0, len(content), step)]
    raw.send(b"".join(b"BDAT %d%s\r\n%s" % (len(piece), b" LAST" if last else b"", piece)
                      for piece, last in zip(pieces, [False] * (len(pieces) - 1) + [True])))
    replies = []
    # After a refusal the rest is swallowed, each chunk with a refusal of its own.
    for _ in pieces:
        replies.append(raw.reply())
    refusals = [reply for reply in replies if not reply.startswith("250")]
    return refusals[0] if refusals else replies[-1]


def repaired(content, stuffed):
    """What a listener that repairs makes of it; in plain words."""
    lines = re.split(rb"(\r\n|\r|\n)", content)
    result, end = b"", b"\r\n"
    for text, next_end in zip(lines[::2], [*lines[1::2], None]):
        if stuffed and (text[:1] == b"." if end == b"\r\n" else end == b"\n" and text[:2] == b".."):
            text = text[1:]
        result += text + (b"\r\n" if next_end is not None else b"")
        end = next_end
    return result


def unstuffed(data):
    assert data.endswith(b"\r\n.\r\n")
    return b"".join(line[1:] if line[:1] == b"." else line
                    for line in re.findall(rb".*?\r\n", data[:-3], re.DOTALL))


def assert_clean(data, how):
    """Nobody, however careless, finds an end in it before its own."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data), data
    if how == "BDAT":
        return
    for read in (data, data.replace(b"\0", b"")):
        lines = read.split(b"\r\n")
        assert lines[-2:] == [b".", b""], data
        assert [line for line in lines if line == b"."] == [b"."], data


def assert_in_step(lab):
    """No server has heard a word that only stood in a message."""
    for server in lab.far.values():
        for line in server.commands:
            assert re.fullmatch(
                rb"EHLO \S+|HELO \S+|MAIL FROM:<(?:app@example\.test)?>(?: (?:BODY|SIZE)=\w+)*|"
                rb"RCPT TO:<\S+@\w+\.test>|DATA|BDAT \d+ LAST|RSET|QUIT", line), line


def arrived(lab, contents):
    """What each server has recorded, once these messages, in any order, have come everywhere."""
    def all_there():
        return all(len(server.messages) >= len(contents) for server in lab.far.values())

    wait_until(all_there, lambda: f"{ {n: len(s.messages) for n, s in lab.far.items()} }; "
               + lab.running.program.tail())
    lab.running.wait_empty()
    taken = {name: list(server.messages) for name, server in lab.far.items()}
    for server in lab.far.values():
        server.messages.clear()
    assert_in_step(lab)
    for name, messages in taken.items():
        assert len(messages) == len(contents), name
        for paths, data, how in messages:
            assert how == ("BDAT" if name == "bdat" else "DATA")
            assert EVIL not in b"".join(paths)
            assert_clean(data, how)
    # DATA can't but end a last line that has no end.
    bodies = sorted(data if data.endswith(b"\r\n") else data + b"\r\n"
                    for _, data, _ in taken["bdat"])
    assert bodies == sorted(unstuffed(data) for _, data, _ in taken["data"])
    assert sorted(body[body.index(b"Subject: 1"):] for body in bodies) == sorted(
        content if content.endswith(b"\r\n") else content + b"\r\n" for content in contents)


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
def test_only_the_right_end_ends(lab, ending):
    content = HEAD + ending + SMUGGLED
    expected = []
    for mode, send, step in itertools.product(
            ("refuse", "repair"), (send_data, send_bdat), (1, 1 << 20)):
        with connect(lab, mode) as raw:
            reply = send(raw, content, step)
            if mode == "repair":
                assert reply.startswith("250 2.0.0 queued as"), (send, step, reply)
                expected.append(repaired(content, send is send_data))
            else:
                # Two of them are content for who reads CRLF alone; not if one stands alone.
                bare = re.search(rb"\r(?!\n)|(?<!\r)\n", content)
                assert reply.startswith("550 5.6.0" if bare else "250"), (send, step, reply)
                expected += [] if bare else [repaired(content, send is send_data)]
            # One reply to all of it: the session is in step.
            assert raw.say("NOOP").startswith("250 2.0.0 OK")
            assert raw.say("QUIT").startswith("221")
            assert not raw.buffer
    arrived(lab, expected)


@pytest.mark.parametrize("ending", CONTENT, ids=repr)
def test_what_is_no_end_is_content(lab, ending):
    content = HEAD + ending + SMUGGLED
    expected = []
    for mode, send in itertools.product(("refuse", "repair"), (send_data, send_bdat)):
        with connect(lab, mode) as raw:
            assert send(raw, content, 7).startswith("250 2.0.0 queued as")
            assert raw.say("NOOP").startswith("250 2.0.0 OK")
        expected.append(repaired(content, send is send_data))
    arrived(lab, expected)


@pytest.mark.parametrize("middle", CHUNKED, ids=repr)
def test_a_chunk_holds_what_it_holds(lab, middle):
    """Within BDAT an end of data is content, and goes out by DATA as such."""
    expected = []
    for tail in TAILS:
        content = HEAD + middle + SMUGGLED + tail
        for step in (1, 2, 3, 1 << 20):
            with connect(lab, "refuse") as raw:
                assert send_bdat(raw, content, step).startswith("250 2.0.0 queued as")
            expected.append(content)
    arrived(lab, expected)


@pytest.mark.parametrize("edge", [b"\r", b"\n"], ids=repr)
def test_the_last_byte_of_a_chunk(lab, edge):
    """A CR waits for its LF in the next chunk; where none comes it stood alone."""
    content = HEAD + b"\r\n" + SMUGGLED + edge
    for mode, reply in (("refuse", "550 5.6.0"), ("repair", "250")):
        with connect(lab, mode) as raw:
            assert send_bdat(raw, content, 1 << 20).startswith(reply)
            begin(raw)
            raw.send(b"BDAT %d\r\n%sBDAT 0 LAST\r\n" % (len(content), content))
            replies = [raw.reply(), raw.reply()]
            assert [each for each in replies if each.startswith(reply)], replies
            assert (mode == "repair") == ("queued as" in replies[1])
    arrived(lab, 2 * [repaired(content, False)])


def test_data_goes_to_who_asked_for_it(lab):
    """Without a 354 not a byte of it is sent, and where nobody is left an end alone."""
    for server in lab.far.values():
        server.refusals = {b"RCPT TO:<NOBODY@": "550 5.1.1 nobody", b"DATA": "554 5.3.0 no",
                           b"BDAT": "554 5.3.0 no"}
    with connect(lab, "refuse") as raw:
        assert send_data(raw, HEAD + b"\r\n" + SMUGGLED, 1 << 20).startswith("250")
    lab.running.logged("event=bounced", count=3)
    lab.running.wait_empty()
    for server in lab.far.values():
        assert not server.messages
        server.refusals = {b"RCPT": "550 5.1.1 nobody"}
    with connect(lab, "refuse") as raw:
        assert send_data(raw, HEAD + b"\r\n" + SMUGGLED, 1 << 20).startswith("250")
    lab.running.logged("event=bounced", count=6)
    lab.running.wait_empty()
    assert [data for _, data, _ in lab.far["data"].messages] in ([], [b".\r\n"])
    assert not lab.far["old"].messages
    for server in lab.far.values():
        server.refusals = {}
        server.messages.clear()
    assert_in_step(lab)
