"""Nobody let in: every known way to ask for relaying, from whom it is not meant for."""

import base64
import pathlib
import re
import tempfile
import types

import pytest

import servers
from clients import PASSWORD, USER, Raw
from harness import LOCALHOST, Sluice, free_port, wait_until

OUTSIDE = "192.0.2.0/24"  # nobody of ours may relay by address
SENDER = "MAIL FROM:<app@example.test>"
RECIPIENT = "RCPT TO:<user@contoso.test>"
ELSEWHERE = "RCPT TO:<victim@elsewhere.test>"
DATA = "DATA\r\nSubject: relayed\r\n\r\nx\r\n."


def coded(*words):
    return base64.b64encode("\0".join(words).encode()).decode()


@pytest.fixture(scope="module", name="relay")
def _relay(session, certificates, users_file):
    """One Sluice with a door for each kind of client, and a route that takes only our domains."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="relay-", dir=session))
    certificate, key = certificates.server("server")
    tls = {"certificate": str(certificate), "key": str(key)}
    far = servers.Recorder("PIPELINING", "8BITMIME", "SMTPUTF8")
    route = {"name": "far", "interface": "direct", "host": LOCALHOST, "port": far.port,
             "tls": {"mode": "none"}, "in_doubt_delay": "0s"}
    doors = types.SimpleNamespace(
        strangers=free_port(), secure=free_port(), six=free_port(), one=free_port())
    running = Sluice(folder, [route], accepted_domains=["contoso.test", "bücher.test"], listeners=[
        {"address": f"{LOCALHOST}:{doors.strangers}", "allow": [OUTSIDE], "tls": tls,
         "users_file": users_file, "allow_plaintext_auth": True},
        {"address": f"{LOCALHOST}:{doors.secure}", "tls": tls, "users_file": users_file},
        # No address of IPv4 stands for one of IPv6, however it is written.
        {"address": f"[::1]:{doors.six}", "allow": ["127.0.0.0/8", "::ffff:0.0.0.0/1"]},
        {"address": f"{LOCALHOST}:{doors.one}", "allow": ["::ffff:127.0.0.1"]},
    ])
    doors.friends = doors.secure
    try:
        yield types.SimpleNamespace(running=running.start(), far=far, doors=doors)
    finally:
        running.stop()
        far.stop()


def ask(raw, *lines):
    """The reply to each line, or train of lines; the last is None where the server has closed."""
    replies = []
    for line in lines:
        raw.send(line.encode() + b"\r\n")
        for part in range(2 if line.startswith("DATA\r\n") else 1):
            try:
                replies.append(raw.reply())
            except (EOFError, ConnectionResetError):
                return [*replies, None]
            if part == 0 and not replies[-1].startswith("354"):
                break
        if line.startswith("DATA\r\n") and not replies[-1].startswith("250"):
            return replies  # its text was read as commands, for what it's worth
    return replies


def assert_nothing_came(relay, replies):
    assert not [reply for reply in replies if reply and "queued as" in reply], replies
    assert relay.running.count() == 0
    assert not relay.far.messages


# What may come before, or instead of, the greeting.
BEFORE = {
    "no greeting": [],
    "helo": ["HELO client.test"],
    "ehlo": ["EHLO client.test"],
    "says that it is us": ["EHLO localhost"],
    "says that it is allowed": [f"EHLO [{LOCALHOST}]"],
    "xclient": ["EHLO x", f"XCLIENT ADDR={LOCALHOST} NAME=localhost LOGIN={USER}"],
    "xforward": ["EHLO x", f"XFORWARD ADDR={LOCALHOST} NAME=localhost SOURCE=LOCAL"],
    "proxy": ["PROXY TCP4 127.0.0.1 127.0.0.1 1024 25", "EHLO x"],
    "proxy later": ["EHLO x", "PROXY TCP4 127.0.0.1 127.0.0.1 1024 25"],
    "turn": ["EHLO x", "TURN"],
    "etrn": ["EHLO x", "ETRN contoso.test", "ETRN @contoso.test", "ETRN #deferred"],
    "atrn": ["EHLO x", "ATRN contoso.test"],
    "old ways to send": ["EHLO x", "SEND FROM:<a@b.test>", "SOML FROM:<a@b.test>",
                         "SAML FROM:<a@b.test>"],
    "sendmail's": ["EHLO x", "VERB", "ONEX", "XUSR", "DEBUG", "WIZ", "SHOWQ"],
    "exchange's": ["EHLO x", "X-EXPS LOGIN", "XEXCH50 2 2", "XPROXYFROM SID=1 IP=127.0.0.1",
                   "XANONYMOUSTLS", "X-ANONYMOUSTLS", "XSHADOW"],
    "lists and addresses": ["EHLO x", "VRFY root", "EXPN staff", "VRFY <victim@elsewhere.test>"],
    "nothing to sign in with": ["EHLO x", f"AUTH PLAIN {coded('', '', '')}"],
    "no password": ["EHLO x", f"AUTH PLAIN {coded('', USER, '')}"],
    "no user": ["EHLO x", f"AUTH PLAIN {coded('', '', PASSWORD)}"],
    "as another": ["EHLO x", f"AUTH PLAIN {coded('root', USER, PASSWORD)}"],
    "other mechanisms": ["EHLO x", "AUTH ANONYMOUS dGVzdA==", "AUTH EXTERNAL =",
                         f"AUTH XOAUTH2 {coded('x')}", "AUTH GSSAPI"],
    "broken off": ["EHLO x", "AUTH LOGIN", "*", "AUTH PLAIN =", "AUTH PLAIN *"],
    "foreign ends": ["EHLO x\0", "EHLO x\rAUTH PLAIN x"],
}


@pytest.mark.parametrize("before", BEFORE)
def test_strangers_are_strangers_whatever_they_say_first(relay, before):
    replies = []
    for recipient in (RECIPIENT, ELSEWHERE):
        with Raw(relay.doors.strangers) as raw:
            replies += ask(raw, *BEFORE[before], SENDER, recipient, DATA)
    assert_nothing_came(relay, replies)
    assert not [reply for reply in replies if reply and reply.startswith(("235", "250 2.1.5"))]


# The paths of relay tests that were published (abuse.net, ORDB, RFC 2505), and some more.
PATHS = [
    "<victim@elsewhere.test>", "victim@elsewhere.test", "<victim>", "<>", "<victim@>",
    "<postmaster>", "<Postmaster@contoso.test>", "<abuse@localhost>", "<root@127.0.0.1>",
    "<victim@[127.0.0.1]>", "<victim@[IPv6:::1]>", "<victim@[IPv6:::ffff:127.0.0.1]>",
    "<victim%elsewhere.test@contoso.test>", "<victim%elsewhere.test@[127.0.0.1]>",
    '<"victim@elsewhere.test">', '<"victim%elsewhere.test">',
    "<victim@elsewhere.test@contoso.test>", '<"victim@elsewhere.test"@contoso.test>',
    "<victim@elsewhere.test@[127.0.0.1]>", "<@contoso.test:victim@elsewhere.test>",
    "<@[127.0.0.1]:victim@elsewhere.test>", "<@contoso.test,@other.test:victim@elsewhere.test>",
    "<elsewhere.test!victim>", "<elsewhere.test!victim@contoso.test>",
    "<elsewhere.test!victim@[127.0.0.1]>", "<victim@elsewhere.test.>",
    "<victim@contoso.test.>", "<user@CONTOSO.TEST>", "<u@ｃontoso.test>", "<u@bücher.test>",
    "<u@xn--bcher-kva.test>", "<victim＠elsewhere.test@contoso.test>", "<+victim@elsewhere.test>",
    "<victim@elsewhere.test> NOTIFY=NEVER", "<user@contoso.test> ORCPT=rfc822;a@b",
]


@pytest.mark.parametrize("path", PATHS)
def test_strangers_find_no_path(relay, path):
    for sender in ("MAIL FROM:<app@example.test> SMTPUTF8", "MAIL FROM:<>",
                   "MAIL FROM:<user@contoso.test>", f"MAIL FROM:<root@[{LOCALHOST}]>",
                   f"MAIL FROM:<app@example.test> AUTH={USER}"):
        with Raw(relay.doors.strangers) as raw:
            replies = ask(raw, "EHLO client.test", sender, f"RCPT TO:{path}", DATA)
        assert replies[1].startswith("250")
        assert replies[2].startswith(("550 5.7.1", "501", "553")), replies
        assert replies[3].startswith("503")
    assert_nothing_came(relay, replies)


# Trains: nobody waits for a refusal, and what follows it does not run.
CHUNK = "MAIL FROM:<a@b.test>\r\nRCPT TO:<user@contoso.test>\r\n.\r\n"
TRAINS = {
    "data": "{sender}\r\n{rcpt}\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n",
    "many": "{sender}\r\n" + 3 * "{rcpt}\r\n" + "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n",
    "bdat": "{sender}\r\n{rcpt}\r\nBDAT 14 LAST\r\nSubject: x\r\n\r\n",
    "chunks": "{sender}\r\n{rcpt}\r\nBDAT 12\r\nSubject: x\r\nBDAT 2 LAST\r\n\r\n",
    "a train in a chunk": f"{{sender}}\r\n{{rcpt}}\r\nBDAT {len(CHUNK)} LAST\r\n{CHUNK}",
    "no sender": "{rcpt}\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n",
    "after rset": "{sender}\r\nRSET\r\n{rcpt}\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n",
    "after a second greeting": "{sender}\r\nEHLO y\r\n{rcpt}\r\nBDAT 2 LAST\r\nx\n",
    "after a bad sender": "MAIL FROM:<> XYZ\r\n{rcpt}\r\nBDAT 2 LAST\r\nx\n",
    "after a worse sender": "MAIL FROM:<a b@c>\r\n{rcpt}\r\nBDAT 2 LAST\r\nx\n",
    "two senders": "{sender}\r\nMAIL FROM:<user@contoso.test>\r\n{rcpt}\r\nBDAT 2 LAST\r\nx\n",
}


@pytest.mark.parametrize("train", TRAINS)
@pytest.mark.parametrize("who", ["strangers", "friends"])
def test_what_was_refused_takes_the_rest_with_it(relay, who, train):
    """A friend's recipient is refused too where no route takes it."""
    with Raw(getattr(relay.doors, who)) as raw:
        text = TRAINS[train].format(sender=SENDER, rcpt=ELSEWHERE)
        raw.send("EHLO client.test\r\n" + text + "QUIT\r\n")
        replies = []
        while not replies or not replies[-1].startswith(("221", "421")):
            replies.append(raw.reply())
    assert not [reply for reply in replies if reply.startswith(("354", "250 2.1.5"))], replies
    assert_nothing_came(relay, replies)


@pytest.mark.parametrize("begin", [
    ["MAIL FROM:<> XYZ"], ["MAIL FROM:<a b>"], ["MAIL"], ["MAIL FROM:"], [SENDER, "RSET"],
    [SENDER, "HELO x"], [SENDER, RECIPIENT, "EHLO x"], [SENDER + " SIZE=999999999999"],
], ids=repr)
def test_no_recipient_without_a_sender(relay, begin):
    with Raw(relay.doors.friends) as raw:
        replies = ask(raw, "EHLO client.test", *begin, RECIPIENT, DATA)
    assert replies[-2].startswith("503") and replies[-1].startswith("503"), replies
    assert_nothing_came(relay, replies)


# What a friend asks for, and what goes out: None is nothing.
FRIENDS = {
    "<user@contoso.test>": "user@contoso.test",
    "<user@CONTOSO.TEST>": "user@CONTOSO.TEST",
    "user@contoso.test": "user@contoso.test",
    "<postmaster>": "postmaster@contoso.test",
    "<u@bücher.test>": "u@bücher.test",
    "<u@xn--bcher-kva.test>": "u@xn--bcher-kva.test",
    "<u@XN--Bcher-KVA.test>": "u@XN--Bcher-KVA.test",
    # Routes are forgotten, whether they lead here or away.
    "<@elsewhere.test:u@contoso.test>": "u@contoso.test",
    "<@elsewhere.test,@[192.0.2.1]:u@contoso.test>": "u@contoso.test",
    "<@contoso.test:u@elsewhere.test>": None,
    "<@contoso.test,@contoso.test:u@elsewhere.test>": None,
    "<@elsewhere.test:@contoso.test:u@contoso.test>": None,
    "<@elsewhere.test>": None,
    # Only its own domain reads what stands before the @ (RFC 5321 2.3.11): it stays as it is.
    "<victim%elsewhere.test@contoso.test>": "victim%elsewhere.test@contoso.test",
    "<elsewhere.test!victim@contoso.test>": "elsewhere.test!victim@contoso.test",
    '<"victim@elsewhere.test"@contoso.test>': '"victim@elsewhere.test"@contoso.test',
    '<"victim\\@elsewhere.test"@contoso.test>': '"victim\\@elsewhere.test"@contoso.test',
    '<"u>, <victim@elsewhere.test"@contoso.test>': '"u>, <victim@elsewhere.test"@contoso.test',
    '<"@elsewhere.test:u"@contoso.test>': '"@elsewhere.test:u"@contoso.test',
    "<u@contoso.test%elsewhere.test>": None,
    "<elsewhere.test!u>": None,
    "<victim@elsewhere.test@contoso.test>": None,
    "<victim@contoso.test@elsewhere.test>": None,
    '<"victim@contoso.test"@elsewhere.test>': None,
    '<"u@contoso.test">': None,
    "<u@contoso.test>,<victim@elsewhere.test>": None,
    "<u@contoso.test> <victim@elsewhere.test>": None,
    "<u@contoso.test>victim@elsewhere.test": None,
    "<u@contoso.test,victim@elsewhere.test>": None,
    "<victim@elsewhere.test (u@contoso.test)>": None,
    "<u(@elsewhere.test)@contoso.test>": None,
    "<victim@elsewhere.test\0@contoso.test>": None,
    "<victim@elsewhere.test\t@contoso.test>": None,
    # Domains that only look like ours.
    "<u@contoso.test.>": None,
    "<u@.contoso.test>": None,
    "<u@sub.contoso.test>": None,
    "<u@contoso.test:25>": None,
    "<u@[contoso.test]>": None,
    "<u@[127.0.0.1]>": None,
    "<u@[x:victim@contoso.test]>": None,
    "<u@xcontoso.test>": None,
    "<u@contoso.test.elsewhere.test>": None,
    "<u@contоso.test>": None,  # a Cyrillic o
    "<u@contoſo.test>": None,
    "<u@ｃｏｎｔｏｓｏ.test>": None,
    "<u@contoso。test>": None,
    "<u@contoso．test>": None,
    "<u@contoso.test。>": None,
    "<u@con\u200btoso.test>": None,
    "<u@con\u00adtoso.test>": None,
    "<u@\u202econtoso.test>": None,
    "<u@BÜCHER.test>": None,
    "<u@bu\u0308cher.test>": None,
    # An @ by another name.
    "<victim＠elsewhere.test@contoso.test>": None,
    "<victim﹫elsewhere.test@contoso.test>": None,
    '<"victim＠elsewhere.test"@contoso.test>': None,
    "<victim@elsewhere.test＠contoso.test>": None,
    "<victim@elsewhere.test\u0085@contoso.test>": None,
    "<victim\u2028@contoso.test>": None,
}
MAILBOX = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"@<>,:()\\]+)'
                     r'@(?:contoso|bücher|xn--bcher-kva)\.test', re.IGNORECASE)


@pytest.mark.parametrize("path", FRIENDS)
def test_friends_reach_what_the_route_sees(relay, path):
    expected = FRIENDS[path]
    relay.far.messages.clear()
    with Raw(relay.doors.friends) as raw:
        replies = ask(raw, "EHLO client.test", SENDER + " SMTPUTF8", f"RCPT TO:{path}", DATA)
    if expected is None:
        assert replies[2].startswith(("50", "55")), replies
        assert replies[3].startswith("503"), replies
        assert_nothing_came(relay, replies)
        return
    assert "queued as" in replies[-1], replies
    wait_until(lambda: relay.far.messages, relay.running.program.tail)
    (paths, _, _), = relay.far.messages
    relay.far.messages.clear()
    assert paths[1:] == [f"RCPT TO:<{expected}>".encode()]
    # Whoever reads it finds one mailbox, and no way around it.
    assert MAILBOX.fullmatch(expected)
    relay.running.wait_empty()


@pytest.mark.parametrize("path, expected", [
    ("<>", "<>"), ("<@a.test,@b.test:app@example.test>", "<app@example.test>"),
    ("app@example.test", "<app@example.test>"),
    ('<"a> RCPT TO:<victim"@example.test>', '<"a> RCPT TO:<victim"@example.test>'),
    ("<app%elsewhere.test@example.test>", "<app%elsewhere.test@example.test>"),
])
def test_senders_go_out_as_they_are(relay, path, expected):
    relay.far.messages.clear()
    with Raw(relay.doors.friends) as raw:
        replies = ask(raw, "EHLO client.test", f"MAIL FROM:{path}", RECIPIENT, DATA)
    assert "queued as" in replies[-1], replies
    wait_until(lambda: relay.far.messages, relay.running.program.tail)
    (paths, _, _), = relay.far.messages
    relay.far.messages.clear()
    assert paths == [f"MAIL FROM:{expected}".encode(), RECIPIENT.encode()]
    relay.running.wait_empty()


def test_only_those_of_many_recipients_that_were_taken(relay):
    relay.far.messages.clear()
    with Raw(relay.doors.friends) as raw:
        replies = ask(raw, "EHLO client.test", SENDER, ELSEWHERE, RECIPIENT, ELSEWHERE, DATA)
    assert [reply[:3] for reply in replies] == ["250", "250", "550", "250", "550", "354", "250"]
    wait_until(lambda: relay.far.messages, relay.running.program.tail)
    (paths, _, _), = relay.far.messages
    relay.far.messages.clear()
    assert paths == [SENDER.encode(), RECIPIENT.encode()]
    relay.running.wait_empty()


@pytest.mark.parametrize("door, host, source, may", [
    ("six", "::1", None, False), ("one", LOCALHOST, LOCALHOST, True),
    ("one", LOCALHOST, "127.0.0.2", False), ("friends", LOCALHOST, "127.255.255.254", True),
])
def test_addresses_are_compared_as_what_they_are(relay, door, host, source, may):
    with Raw(getattr(relay.doors, door), host=host, source=source) as raw:
        replies = ask(raw, "EHLO client.test", SENDER, RECIPIENT)
    assert replies[-1].startswith("250 2.1.5" if may else "550 5.7.1")
    assert_nothing_came(relay, replies)


def test_no_sign_in_within_a_transaction(relay):
    with Raw(relay.doors.strangers) as raw:
        signing_in = f"AUTH PLAIN {coded('', USER, PASSWORD)}"
        replies = ask(raw, "EHLO client.test", SENDER, signing_in, RECIPIENT, "DATA")
        assert [reply[:3] for reply in replies] == ["250", "250", "503", "550", "503"]
        assert_nothing_came(relay, replies)
        # Outside of one it counts, from the next MAIL on.
        replies = ask(raw, "RSET", signing_in, SENDER, RECIPIENT)
        assert [reply[:3] for reply in replies] == ["250", "235", "250", "250"], replies


def test_starttls_forgets_who_signed_in(relay, certificates):
    with Raw(relay.doors.strangers) as raw:
        ask(raw, "EHLO client.test")
        assert ask(raw, f"AUTH PLAIN {coded('', USER, PASSWORD)}")[0].startswith("235")
        assert ask(raw, "STARTTLS")[0].startswith("220")
        raw.start_tls(certificates.ca)
        replies = ask(raw, "EHLO client.test", SENDER, RECIPIENT, DATA)
    assert [reply[:3] for reply in replies] == ["250", "250", "550", "503"]
    assert_nothing_came(relay, replies)


def test_starttls_forgets_the_transaction(relay, certificates):
    with Raw(relay.doors.secure) as raw:
        replies = ask(raw, "EHLO client.test", SENDER, RECIPIENT, "STARTTLS", "RSET", "STARTTLS")
        assert [reply[:3] for reply in replies] == ["250", "250", "250", "503", "250", "220"]
        raw.start_tls(certificates.ca)
        replies = ask(raw, RECIPIENT, "DATA", "BDAT 0 LAST")
        assert [reply[:3] for reply in replies] == ["503", "503", "503"]
        replies = ask(raw, "EHLO client.test", RECIPIENT, "DATA", "BDAT 0 LAST")
        assert [reply[:3] for reply in replies] == ["250", "503", "503", "503"]
    assert_nothing_came(relay, replies)
