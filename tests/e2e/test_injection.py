"""What clients, servers and the configuration say stays in its place: in a log line, in Received
and other fields, in commands to the server, in reports."""

import base64
import contextlib
import json
import pathlib
import re
import subprocess
import tempfile
import types

import pytest

import servers
from clients import PASSWORD, Raw
from harness import LOCALHOST, Sluice, free_port, run_sluice, wait_until

NOTICES = "notices@contoso.test"
ODD_USER = 'pr"in ter=\\ forged=yes'
# What would begin a line or a field of the log, or look like one, each in a way of its own.
FORGED = ["\nevent=forged forged=yes", "\revent=forged forged=yes", '" forged=yes x="',
          '\\" forged=yes x=\\"', '","forged":"yes","x":"', '"}\n{"event":"forged","forged":"yes"}',
          " forged=yes", "\tforged=yes", "\\nevent=forged", "\x1b[2K\revent=forged",
          "\u0085event=forged forged=yes", "\u2028event=forged forged=yes",
          "\u2029event=forged", "\u202eevent=forged", "\x0bevent=forged", "\x1cevent=forged",
          "\x7f", "\udcff\udcfe forged=yes", "x" * 3000 + " forged=yes"]
# Where they are tried: what is said before, and the line that holds them.
PLACES = [
    ([], "{}"), ([], "EHLO {}"), ([], "EHLO x{}"), ([], "HELO a{}"), ([], "VRFY {}"),
    ([], "NOOP {}"), ([], "Subject: {}"), ([], "GET /{} HTTP/1.1"), ([], "\x16\x03\x01{}"),
    (["EHLO x"], "MAIL FROM:<{}>"), (["EHLO x"], "MAIL FROM:<a{}@b.test>"),
    (["EHLO x"], 'MAIL FROM:<"a{}"@b.test>'), (["EHLO x"], "MAIL FROM:<a@b.test> {}"),
    (["EHLO x"], 'MAIL FROM:<"a{}"@b.test> SMTPUTF8'),
    (["EHLO x"], "MAIL FROM:<a{}@b.test> SMTPUTF8"),
    (["EHLO x"], "MAIL FROM:<a@b.test> SIZE={}"), (["EHLO x"], "MAIL FROM:<a@b.test> BODY={}"),
    (["EHLO x"], "MAIL FROM:<a@b.test> ENVID={}"), (["EHLO x"], "MAIL FROM:<a@b.test> AUTH={}"),
    (["EHLO x", "MAIL FROM:<a@b.test>"], "RCPT TO:<{}>"),
    (["EHLO x", "MAIL FROM:<a@b.test>"], 'RCPT TO:<"c{}"@d.test>'),
    (["EHLO x", "MAIL FROM:<a@b.test>"], "RCPT TO:<c@d.test> ORCPT=rfc822;{}"),
    (["EHLO x", "MAIL FROM:<a@b.test>"], "RCPT TO:<c@d.test> NOTIFY={}"),
    (["EHLO x", "MAIL FROM:<a@b.test>"], 'MAIL FROM:<"a{}"@b.test>'),
    (["EHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>"], "BDAT {}"),
    (["EHLO x"], "AUTH {}"), (["EHLO x"], "AUTH PLAIN {}"),
]


@pytest.fixture(scope="module", name="lab")
def _lab(session):
    """A Sluice that logs text, one that logs JSON, and a server that offers all there is."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="injection-", dir=session))
    far = servers.Recorder("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 33554432")
    route = {"name": "far", "interface": "connector", "host": LOCALHOST, "port": far.port,
             "tls": {"mode": "none"}, "in_doubt_delay": "0s", "notices_from": NOTICES}
    users = folder / "users"
    hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=PASSWORD + "\n",
                            capture_output=True, text=True, check=True).stdout.strip()
    users.write_text(f"{ODD_USER}:{hashed}\n", encoding="utf-8")
    users.chmod(0o600)
    both = {}
    for name in ("text", "json"):
        both[name] = Sluice(
            folder / name, [route], limits={"memory": "64MiB", "errors": 10000},
            names=[{"client": "127.0.0.3", "policy": "rewrite", "address": NOTICES}],
            listener={"users_file": str(users), "allow_plaintext_auth": True})
    both["json"].options = ["--log-json"]
    try:
        for running in both.values():
            running.options += ["--log-level", "debug"]
            running.start()
        yield types.SimpleNamespace(**both, far=far)
    finally:
        for running in both.values():
            running.stop()
        far.stop()


# What a line of the log is, and nothing else.
LINE = re.compile(r'(?:m=\w+ )?(?:c=\w+ )?event=(?P<event>\w+)(?: level=\w+)?'
                  r'(?P<fields>(?: \w+=(?:"(?:[^"\\]|\\.)*"|[^ "=\\]+))*) t=\d{4}-[\dT:.-]+Z')
FIELD = re.compile(r' (\w+)=("(?:[^"\\]|\\.)*"|[^ "=\\]+)')


def assert_text_log(log):
    # As editors and Python see lines, and as grep does.
    assert log.splitlines() == log.removesuffix("\n").split("\n")
    for line in log.splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        keys = [key for key, _ in FIELD.findall(match["fields"])]
        assert len(keys) == len(set(keys)), line
        assert match["event"] != "forged" and "forged" not in keys, line
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", line)


def assert_json_log(log):
    assert log.splitlines() == log.removesuffix("\n").split("\n")
    for line in log.splitlines():
        pairs = json.loads(line, object_pairs_hook=list)
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), line
        assert "forged" not in keys and dict(pairs)["event"] != "forged", line
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", line)


def quietly(raw, *lines):
    """Says them, whatever comes of it, until the server has had enough."""
    try:
        for line in lines:
            raw.send((line + "\r\n").encode(errors="surrogateescape"))
            raw.reply()
    except (EOFError, ConnectionError):
        pass


@pytest.mark.parametrize("name", ["text", "json"])
def test_no_client_forges_a_line_or_a_field(lab, name):
    running = getattr(lab, name)
    for before, place in PLACES:
        for forged in FORGED:
            with Raw(running.port) as raw:
                raw.socket.settimeout(10)
                # What breaks the line leaves a rest, which is a line of its own.
                rest = place.format(forged).count("\n")
                quietly(raw, *before, place.format(forged), *rest * ["NOOP"], "QUIT")
    # Who is wrong waits a second for the answer: all together.
    with contextlib.ExitStack() as stack:
        signing_in = [stack.enter_context(Raw(running.port)) for _ in [ODD_USER, *FORGED]]
        for raw, user in zip(signing_in, [ODD_USER, *FORGED]):
            exchange = f"\0{user}\0{PASSWORD}".encode(errors="surrogateescape")
            raw.send(f"EHLO x\r\nAUTH PLAIN {base64.b64encode(exchange).decode()}"[:2000] + "\r\n")
        for raw in signing_in:
            assert raw.reply().startswith("250")
            assert raw.reply()[:3] in ("235", "535", "501", "500")
    with Raw(running.port) as raw:
        quietly(raw, "EHLO x", "MAIL FROM:<last@b.test>", "RCPT TO:<nobody>", "QUIT")
    event = "event=refused" if name == "text" else '"event":"refused"'
    running.logged(event, "last@b.test")
    log = running.log()
    (assert_text_log if name == "text" else assert_json_log)(log)
    # It has been tried in earnest: the words are there, in their places.
    assert log.count("forged") > 200 and ODD_USER.replace("\\", "\\\\").replace('"', '\\"') in log


HEADER = "Subject: x\r\nMessage-ID: <1@b.test>\r\nDate: x\r\n"


def deliver(lab, *lines, header=HEADER, hello="EHLO x", source=None):
    """(commands of the envelope, fields of the header) as the server has got them."""
    lab.far.messages.clear()
    with Raw(lab.text.port, source=source) as raw:
        for line in [hello, *lines]:
            raw.send((line + "\r\n").encode())
            reply = raw.reply()
            assert reply.startswith("2"), (line, reply)
        assert raw.say("DATA").startswith("354")
        raw.send(header.encode() + b"\r\nbody\r\n.\r\n")
        assert "queued as" in raw.reply()
    wait_until(lambda: lab.far.messages, lab.text.program.tail)
    (paths, data, _), = lab.far.messages
    lab.far.messages.clear()
    return paths, fields_of(data.partition(b"\r\n\r\n")[0])


def fields_of(header):
    """(name, unfolded value) of each, strictly."""
    fields = []
    for line in header.decode("utf-8").split("\r\n"):
        assert "\r" not in line and "\n" not in line and "\0" not in line
        if line[:1] in (" ", "\t"):
            fields[-1][1] += " " + line.strip()
        else:
            name, colon, value = line.partition(":")
            assert colon and re.fullmatch(r"[!-9;-~]+", name), line
            fields.append([name, value.strip()])
    return [tuple(field) for field in fields]


MAIL = "MAIL FROM:<a@b.test>"
RCPT = "RCPT TO:<c@d.test>"
RECEIVED = (r'from ([^\s()<>\\";,]+) \(\[127\.0\.0\.\d\]\) by [\w.-]+ with (?:UTF8|E)?SMTPA? id \w+'
            r'(?: for <(?:"(?:[^"\\]|\\.)*"|[^\s"<>()]+)@[\w.-]+>)?; \w{3}, [ \d]\d \w{3} \d{4} '
            r'\d\d:\d\d:\d\d [+-]\d{4}')


@pytest.mark.parametrize("name", [
    "x(", "x)", "x\\", '"x', 'x"y"', "<x>", "x;y", "x,y", "[192.0.2.1]", "[IPv6:::1]", "x@y",
    "x:y", "x=y", "bücher.test", "x\u0085y", "x\u2028y", "x\u202ey", "a" * 255,
    "x by evil.test with SMTP id 1; Thu, 1 Jan 1970 00:00:00 +0000",
    "x\t([192.0.2.1])", "x(\\) by evil.test",
])
def test_received_holds_a_name_and_no_more(lab, name):
    _, fields = deliver(lab, MAIL, RCPT, hello=f"EHLO {name}")
    assert [field for field, _ in fields] == ["Received", "Subject", "Message-ID", "Date"]
    assert re.fullmatch(RECEIVED, fields[0][1]), fields[0]


@pytest.mark.parametrize("local", [
    '"a b"', '"a;b"', '"a(b"', '"a\\"b"', '"a>b"', '"x> ORCPT=rfc822;y"', '"\\\\"', '""',
    '"a,b@c.test,d"', "a+b=c", "{|}~", "'", '"a\\ b"', '"ü ö"', "ü",
])
def test_addresses_stay_whole(lab, local):
    smtputf8 = "" if local.isascii() else " SMTPUTF8"
    paths, fields = deliver(lab, f"MAIL FROM:<{local}@b.test>{smtputf8}",
                            f"RCPT TO:<{local}@d.test>")
    mail, rcpt = (path.decode() for path in paths)
    assert re.fullmatch(
        re.escape(f"MAIL FROM:<{local}@b.test>") + r"(?: SIZE=\d+)?" + smtputf8, mail)
    assert rcpt == f"RCPT TO:<{local}@d.test>"
    assert len(fields) == 4 and re.fullmatch(RECEIVED, fields[0][1]), fields[0]
    assert f"for <{local}@d.test>;" in fields[0][1]


@pytest.mark.parametrize("mail, rcpt", [
    ("ENVID=a+20RET=FULL", ""), ("ENVID=a\u2028b", ""), ("ENVID=+0D+0ARCPT", ""),
    ("ENVID=a+0Ab", ""), ("ENVID=a+00", ""),
    ("ENVID=a=b", ""), ("ENVID=a+7F", ""), ("ENVID=a+8", ""), ("ENVID=a+zz", ""), ("ENVID=", ""),
    ("ENVID=\u00fc", ""), ("AUTH=a+0D+0Ab", ""), ("SIZE=1+0A", ""), ("SIZE=-1", ""),
    ("SIZE=1e3", ""), ("SIZE=0x10", ""), ("BODY=8BITMIME;x", ""), ("BODY=7BIT=8BITMIME", ""),
    ("RET=FULL,HDRS", ""), ("SMTPUTF8=x", ""), ("X=y", ""), ("SIZE=1 SIZE=2", ""),
    ("", "ORCPT=rfc822;a+0Ab"), ("", "ORCPT=rfc822;a+0D+0AAction:x"), ("", "ORCPT=rfc822"),
    ("", "ORCPT=a b;c"), ("", "ORCPT=r=x;c"), ("", "ORCPT=utf-8;a\\x{0A}b"),
    ("", "ORCPT=utf-8;a\\x{85}b"), ("", "ORCPT=rfc822;a\u2028b"), ("", "NOTIFY=NEVER,SUCCESS"),
    ("", "NOTIFY=SUCCESS=x"), ("", "X=y"),
], ids=repr)
def test_bad_parameters_are_refused(lab, mail, rcpt):
    with Raw(lab.text.port) as raw:
        replies = [raw.say("EHLO x")] + [raw.say(line.encode()) for line in (
            f"{MAIL} {mail}".rstrip(), f"{RCPT} {rcpt}".rstrip())]
        assert raw.say("RSET").startswith("250")
    assert (replies[1] if mail else replies[2]).startswith(("501", "555")), replies


def test_parameters_go_on_as_they_came(lab):
    paths, _ = deliver(
        lab, MAIL + " RET=HDRS ENVID=a+20RET+3DFULL+20+3E BODY=8BITMIME AUTH=a+40b",
        RCPT + " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+20+3C+3E+3BNOTIFY+3DNEVER")
    mail, rcpt = (path.decode() for path in paths)
    assert re.fullmatch(r"MAIL FROM:<a@b\.test> SIZE=\d+ BODY=8BITMIME RET=HDRS "
                        r"ENVID=a\+20RET\+3DFULL\+20\+3E", mail)
    assert rcpt == RCPT + " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+20+3C+3E+3BNOTIFY+3DNEVER"


@pytest.mark.parametrize("author", [
    "From: x <x@y.test>", 'From: "a\r\n X-Evil: yes" <x@y.test>',
    "From: =?utf-8?Q?a=0D=0AX-Evil:_yes?= <x@y.test>",
    "From: =?utf-8?B?YQ0KWC1FdmlsOiB5ZXM=?= <x@y.test>",
    "From: a (\r\n X-Evil: yes) <x@y.test>", 'From: "a\\\r\n\tb" <x@y.test>',
    "From: <x@y.test\r\n X-Evil: yes>", "From: g: x@y.test, z@y.test;",
    'From: "a\\" <evil@y.test>, \\"b" <x@y.test>', "From: a\x0bX-Evil: yes <x@y.test>",
    "From: a\r\n\t<x@y.test>\r\n\t,\r\n <z@y.test>", "From:", "From: " + 300 * "x " + "<x@y.test>",
], ids=repr)
def test_a_new_from_is_one_field(lab, author):
    paths, fields = deliver(lab, MAIL, RCPT, source="127.0.0.3",
                            header=f"{author}\r\n{HEADER}")
    assert paths[0].startswith(f"MAIL FROM:<{NOTICES}>".encode())
    assert {name for name, _ in fields} <= {
        "Received", "From", "Reply-To", "X-Sluice-Original-From", "Subject", "Message-ID", "Date"}
    names = [name for name, _ in fields]
    assert names.count("From") == 1 and len(set(names)) == len(names), fields
    author = dict(fields)["From"]
    assert author.endswith(f"<{NOTICES}>") or author == NOTICES, author
    quoted = re.fullmatch(r'(?:"(?:[^"\\]|\\.)*"|[^"<>@,;]*) ?<?[^<>]*>?', author)
    assert quoted, author


REPORT_FIELDS = [
    "Reporting-MTA", "Original-Envelope-Id", "Arrival-Date", "X-Sluice-Queue-Id",
    "Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code",
    "Last-Attempt-Date"]


@pytest.mark.parametrize("reply", [
    "550 5.1.1 no", "550-5.1.1 no\r\n550-Action: delivered\r\n550 5.1.1 X-Evil: yes",
    "550-5.1.1 \r\n550-\r\n550 5.1.1 --=_report_\x00\x01\x1b[2K",
    "550 5.1.1 no\nAction: delivered\n\nevent=forged forged=yes", "550 5.1.1 a\rb\x0b\x85\xff",
    "550 5.1.1 \u2028event=forged forged=yes", "550 5.1.1 " + 200 * "long ", "550 " + 400 * "x",
    '550 5.1.1 " forged=yes x="',
], ids=repr)
def test_reports_hold_no_field_of_others(lab, reply):
    """Not what the server says, nor what the client has said of itself."""
    lab.far.refusals = {b"RCPT TO:<C@": reply}
    lab.far.messages.clear()
    with Raw(lab.text.port) as raw:
        for line in ("EHLO x)(", 'MAIL FROM:<"a> X-Evil: yes"@b.test> '
                     "ENVID=a+20Action:+20delivered",
                     RCPT + " ORCPT=rfc822;x+3B+20Action:+20delivered"):
            assert raw.say(line).startswith("2")
        assert raw.say("DATA").startswith("354")
        assert "queued as" in raw.say(
            'Subject: x\r\nMessage-ID: <1"@b.test>\r\nX-A: b\r\n\r\n--=_report_\r\nAction: x\r\n.')
    (paths, data, _), = wait_until(
        lambda: [each for each in lab.far.messages if b"multipart/report" in each[1]],
        lab.text.program.tail)
    lab.far.refusals = {}
    lab.far.messages.clear()
    assert paths == [paths[0], b'RCPT TO:<"a> X-Evil: yes"@b.test> NOTIFY=NEVER']
    assert paths[0].startswith(f"MAIL FROM:<{NOTICES}>".encode())
    header, _, body = data.partition(b"\r\n\r\n")
    assert {name for name, _ in fields_of(header)} == {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
        "Auto-Submitted", "MIME-Version", "Content-Type"}
    boundary = re.search(rb'boundary="([^"]+)"', header)[1]
    parts = body.split(b"\r\n--" + boundary)
    assert len(parts) == 5 and parts[-1] == b"--\r\n.\r\n"
    status = parts[2].partition(b"\r\n\r\n")[2]
    assert status.isascii() and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", status)
    names = [name for block in status.split(b"\r\n\r\n") for name, _ in fields_of(block.strip())]
    assert names == REPORT_FIELDS
    fields = dict(field for block in status.split(b"\r\n\r\n")
                  for field in fields_of(block.strip()))
    assert fields["Action"] == "failed" and fields["Final-Recipient"] == "rfc822; c@d.test"
    assert fields["Original-Envelope-Id"] == "a Action: delivered"
    assert fields["Original-Recipient"] == "rfc822; x; Action: delivered"
    wait_until(lambda: lab.text.lines("event=bounced"), lab.text.program.tail)
    assert_text_log(lab.text.log())


# Every setting that is written somewhere, in the place where the file has it.
BREAK = "\r\nRCPT TO:<evil@example.test>"
SETTINGS = {
    "name": lambda value: {"name": "relay.test" + value},
    "listener's name": lambda value: {
        "listeners": [{"address": "127.0.0.1:2525", "name": "relay.test" + value}]},
    "ndr_address": lambda value: {
        "listeners": [{"address": "127.0.0.1:2525", "ndr_address": f"a{value}@b.test"}]},
    "accepted_domains": lambda value: {"accepted_domains": ["contoso.test" + value]},
    "rewrite": lambda value: {"names": [{"policy": "rewrite", "address": f"a@b.test{value}"}]},
    "quoted": lambda value: {"names": [{"policy": "rewrite", "address": f'"a{value}"@b.test'}]},
    "default_from": lambda value: {"names": [{"default_from": f"a@b.test{value}"}]},
    "map": lambda value: {"names": [{"policy": "map", "map": [f"@a.test: a@b.test{value}"]}]},
    "map's left": lambda value: {
        "names": [{"policy": "map", "map": [f"@a.test{value}: a@b.test"]}]},
    "stream": lambda value: {"streams": [{"name": "bulk" + value}]},
    "header": lambda value: {"rules": [{"header": f"X-A{value}: b", "route": "far"}]},
    "header's pattern": lambda value: {"rules": [{"header": f"X-A: b{value}", "route": "far"}]},
    "user": lambda value: {"rules": [{"user": f"a{value}", "route": "far"}]},
    "tenant": lambda value: {"tenants": [{"name": f"a{value}", "id": "contoso.test"}]},
    "tenant's id": lambda value: {"tenants": [{"name": "a", "id": f"contoso.test{value}"}]},
}
ROUTE_SETTINGS = {
    "route's name": lambda value: {"name": "far" + value},
    "host": lambda value: {"host": "host.test" + value},
    "tls name": lambda value: {"tls": {"name": "host.test" + value}},
    "notices_from": lambda value: {"notices_from": f"a@b.test{value}"},
    "notices_from, quoted": lambda value: {"notices_from": f'"a{value}"@b.test'},
    "identity": lambda value: {"identities": [
        {"user": f"a{value}@b.test", "auth": "login", "secret_file": "secret"}]},
    "client_id": lambda value: {"oauth": {"client_id": f"a{value}"}},
    "scope": lambda value: {"oauth": {"scope": f"a{value}"}},
}


def check(folder, settings, route):
    """What sluice check says of it."""
    path = folder / "sluice.yaml"
    secret = folder / "secret"
    secret.write_text("x\n", encoding="ascii")
    secret.chmod(0o600)
    path.write_text(json.dumps({
        "spool": {"path": str(folder / "spool")},
        "routes": [{"name": "far", "host": "host.test", **route}], **settings}), encoding="utf-8")
    return run_sluice("check", "--config", path)


@pytest.mark.parametrize("setting", [*SETTINGS, *ROUTE_SETTINGS])
def test_settings_hold_no_line_break(folder, setting):
    def made(value):
        if setting in SETTINGS:
            return check(folder, SETTINGS[setting](value), {})
        return check(folder, {}, ROUTE_SETTINGS[setting](value))

    # It is the value that is refused, and not the setting.
    assert "right is" not in made("").stderr
    for value in (BREAK, "\r", "\n", "\0", "\x01", "\x1b", "\x7f"):
        done = made(value)
        assert done.returncode == 1 and "sluice.yaml:" in done.stderr, (value, done)
        assert done.stderr.count("\n") == len(done.stderr.splitlines())
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stderr), done.stderr
