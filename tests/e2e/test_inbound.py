"""What clients see: capabilities, relaying, sign-in, limits, and the reply to each mistake."""

import base64
import contextlib
import select
import ssl
import time

import pytest

from clients import PASSWORD, USER, Raw, message, swaks
from harness import BUILD, LOCALHOST, PATIENCE_S, wait_until

OUTSIDE = ["192.0.2.0/24"]  # nobody of ours may relay by address


@pytest.fixture(name="signing_in")
def _signing_in(sluice, nowhere, listener_tls, users_file):
    """A Sluice that only those who sign in may relay through."""
    return sluice(nowhere, listener={"allow": OUTSIDE, "tls": listener_tls,
                                     "users_file": users_file})


def sign_in(mechanism="PLAIN", password=PASSWORD):
    return ("--tls", "--auth", mechanism, "--auth-user", USER, "--auth-password", password)


def begin(raw):
    """Up to the 354."""
    assert raw.say("EHLO client.test").startswith("250")
    assert raw.say("MAIL FROM:<app@example.test>").startswith("250 2.1.0")
    assert raw.say("RCPT TO:<user@example.org>").startswith("250 2.1.5")
    assert raw.say("DATA").startswith("354")


def test_capabilities(sluice, nowhere):
    with Raw(sluice(nowhere).port) as raw:
        lines = {line[4:] for line in raw.say("EHLO client.test").split("\n")[1:]}
    assert {"PIPELINING", "SIZE 8388608", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN",
            "ENHANCEDSTATUSCODES"} <= lines
    assert not [line for line in lines if line.startswith(("STARTTLS", "AUTH"))]


def test_starttls_is_offered_until_it_is_used(signing_in, certificates):
    with Raw(signing_in.port) as raw:
        before = raw.say("EHLO client.test")
        assert "STARTTLS" in before
        assert "AUTH" not in before
        assert raw.say("STARTTLS").startswith("220")
        raw.start_tls(certificates.ca)
        after = raw.say("EHLO client.test")
        assert "STARTTLS" not in after
        assert "AUTH PLAIN LOGIN" in after or "AUTH LOGIN PLAIN" in after


def test_id_is_the_same_everywhere(sluice, nowhere):
    running = sluice(nowhere)
    transcript = swaks(running.port)
    queue_id = transcript.split("250 2.0.0 queued as ")[1].split()[0]
    wait_until(lambda: [line for line in running.log().splitlines()
                        if line.startswith(f"m={queue_id} ")], running.program.tail)
    assert [entry["id"] for entry in running.queue()] == [queue_id]
    assert queue_id in running.command("queue", "show", queue_id)


def test_a_device_that_says_helo(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    with Raw(running.port) as raw:
        assert raw.say("HELO printer") .startswith("250 ")
        assert raw.say("MAIL FROM:<scan@example.test>").startswith("250")
        assert raw.say("RCPT TO:<user@example.org>").startswith("250")
        assert raw.say("DATA").startswith("354")
        assert raw.say("Subject: scan\r\n\r\nOne page.\r\n.").startswith("250 2.0.0 queued as ")
        assert raw.say("QUIT").startswith("221")
        assert raw.closed()
    wait_until(lambda: server.envelopes, running.program.tail)
    head = server.envelopes[0].content.split(b"\r\n\r\n")[0].decode()
    assert "Received: from printer" in head
    assert " with SMTP " in head.replace("\r\n\t", " ").replace("\r\n ", " ")
    assert "Message-ID: <" in head
    assert "Date: " in head


def test_headers_that_are_there_stay(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    swaks(running.port, "--data",
          "Date: Tue, 1 Oct 2024 10:00:00 +0200\r\nMessage-ID: <a@b>\r\n\r\nText.\r\n")
    wait_until(lambda: server.envelopes, running.program.tail)
    content = server.envelopes[0].content
    assert content.count(b"Date: ") == 1 and content.lower().count(b"message-id: ") == 1
    assert content.endswith(b"\r\n\r\nText.\r\n")


def test_strangers_may_not_relay(sluice, nowhere):
    running = sluice(nowhere, listener={"allow": []})
    assert "550 5.7.1" in swaks(running.port, exit_code=24)
    assert running.count() == 0


def test_nothing_of_strangers_is_queued(sluice, nowhere):
    """The refusal holds for a whole train that doesn't wait for it, BDAT and DATA alike."""
    running = sluice(nowhere, listener={"allow": []})
    for data in ("DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n", "BDAT 5 LAST\r\nabc\r\n"):
        with Raw(running.port) as raw:
            raw.send("EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n" + data
                     + "QUIT\r\n")
            replies = []
            while not replies or not replies[-1].startswith(("221", "421")):
                replies.append(raw.reply())
        assert not [reply for reply in replies if "queued" in reply]
        assert [reply for reply in replies if reply.startswith("550 5.7.1")]
    assert running.count() == 0


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_users_may_relay(signing_in, mechanism):
    transcript = swaks(signing_in.port, *sign_in(mechanism))
    assert "235 2.7.0" in transcript
    assert "250 2.0.0 queued as" in transcript
    assert signing_in.count() == 1


def test_wrong_passwords(signing_in):
    for mechanism in ("PLAIN", "LOGIN"):
        assert "535 5.7.8" in swaks(signing_in.port, *sign_in(mechanism, "guess"), exit_code=28)
    assert "550 5.7.1" in swaks(signing_in.port, "--tls", exit_code=24)
    assert signing_in.count() == 0
    assert PASSWORD not in signing_in.log() and "guess" not in signing_in.log()


def test_what_is_refused_is_in_the_log(sluice, nowhere):
    running = sluice(nowhere, limits={"memory": "64MiB", "recipients": 1})
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        raw.say("RCPT TO:<c@d.test>")
        assert raw.say("RCPT TO:<e@f.test>").startswith("452")
        assert raw.say("RCPT TO:<no address>").startswith("553")
    wait_until(lambda: len(running.lines("event=refused", "c=", "stage=rcpt", "from=a@b.test",
                                         "reply=\"")) == 2, running.program.tail)
    assert running.logged("to=e@f.test", "452 4.5.3")


def test_sign_in_only_where_offered(signing_in):
    exchange = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
    with Raw(signing_in.port) as raw:
        raw.say("EHLO client.test")
        assert raw.say(f"AUTH PLAIN {exchange}")[:3] in ("530", "538", "502", "503")
        assert raw.say("MAIL FROM:<a@b.test>").startswith("250")
        assert raw.say("RCPT TO:<c@d.test>").startswith("550 5.7.1")


def test_sign_in_can_be_broken_off(signing_in, certificates):
    with Raw(signing_in.port) as raw:
        raw.say("EHLO client.test")
        raw.say("STARTTLS")
        raw.start_tls(certificates.ca)
        raw.say("EHLO client.test")
        assert raw.say("AUTH LOGIN").startswith("334")
        assert raw.say("*").startswith("501")
        assert raw.say("AUTH CRAM-MD5").startswith("504")
        assert raw.say("AUTH PLAIN not-base64!").startswith("501")


def test_tls_from_the_first_byte(sluice, nowhere, listener_tls):
    running = sluice(nowhere, listener={"tls": {**listener_tls, "implicit": True}})
    assert "250 2.0.0 queued as" in swaks(running.port, "--tls-on-connect")


def test_commands_behind_starttls_are_dropped(sluice, nowhere, listener_tls, certificates):
    running = sluice(nowhere, listener={"tls": listener_tls})
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.send("STARTTLS\r\nEHLO injected\r\nMAIL FROM:<evil@example.test>\r\n")
        assert raw.reply().startswith("220")
        assert not raw.buffer
        raw.start_tls(certificates.ca)
        # Whatever was said in the clear is forgotten: no greeting, no sender.
        assert raw.say("RCPT TO:<user@example.org>").startswith("503")
        assert raw.say("NOOP").startswith("250")
        assert raw.say("EHLO client.test").startswith("250-")
        assert raw.say("RCPT TO:<user@example.org>").startswith("503")


def test_starttls_takes_no_parameter_and_no_second_time(signing_in, certificates):
    with Raw(signing_in.port) as raw:
        raw.say("EHLO client.test")
        assert raw.say("STARTTLS now").startswith("501")
        raw.say("STARTTLS")
        raw.start_tls(certificates.ca)
        raw.say("EHLO client.test")
        assert raw.say("STARTTLS")[:3] in ("502", "503", "554")


def test_size_is_a_limit(sluice, nowhere):
    running = sluice(nowhere, limits={"memory": "64MiB", "message": "64KiB"})
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        assert raw.say("MAIL FROM:<a@b.test> SIZE=65537").startswith("552 5.3.4")
        assert raw.say("MAIL FROM:<a@b.test> SIZE=100").startswith("250")
        assert raw.say("RCPT TO:<c@d.test>").startswith("250")
        assert raw.say("DATA").startswith("354")
        raw.send("Subject: too much\r\n\r\n" + "0123456789\r\n" * 20000)
        assert raw.say(".").startswith("552 5.3.4")
        # The session goes on.
        assert raw.say("MAIL FROM:<a@b.test>").startswith("250")
        assert raw.say("RCPT TO:<c@d.test>").startswith("250")
        raw.send("BDAT 70000 LAST\r\n" + "x" * 70000)
        assert raw.reply().startswith("552 5.3.4")
        assert raw.say("NOOP").startswith("250")
    assert running.count() == 0


@pytest.mark.skipif(BUILD.name == "build-tsan", reason="about bytes, and slow there")
def test_the_largest_message_there_can_be(sluice, nowhere):
    """One as large as the largest limit allows is kept whole; a byte more is refused."""
    most = 255 << 20
    running = sluice(nowhere, limits={"memory": "640MiB", "message": "255MiB"})
    head = b"Subject: large\r\n\r\n"
    for bytes_, reply in ((most, "250 2.0.0 queued"), (most + 1, "552 5.3.4")):
        with Raw(running.port) as raw:
            raw.say("EHLO client.test")
            raw.say("MAIL FROM:<a@b.test>")
            raw.say("RCPT TO:<c@d.test>")
            raw.send(b"BDAT %d LAST\r\n" % bytes_ + head)
            blocks, rest = divmod(bytes_ - len(head), 1 << 20)
            for _ in range(blocks):
                raw.send(b"0123456789abcd\r\n" * 65536)
            raw.send(b"x" * rest)
            assert raw.reply().startswith(reply)
    assert running.queue()[0]["bytes"] > most


def test_recipients_have_a_limit(sluice, nowhere):
    running = sluice(nowhere, limits={"memory": "64MiB", "recipients": 3})
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        for number in range(3):
            assert raw.say(f"RCPT TO:<c{number}@d.test>").startswith("250 2.1.5")
        assert raw.say("RCPT TO:<c4@d.test>").startswith("452 4.5.3")
        raw.say("DATA")
        assert raw.say("Subject: three\r\n\r\n.").startswith("250 2.0.0")
    assert len(running.queue()[0]["recipients"]) == 3


def test_connections_have_a_limit(sluice, nowhere):
    running = sluice(nowhere, limits={"memory": "64MiB", "connections": 2})
    with Raw(running.port), Raw(running.port):
        with Raw(running.port, greet=False) as third:
            assert third.reply().startswith("421 4.")
            assert third.closed()
    # A place that was left is taken again.
    def served():
        with Raw(running.port, greet=False) as raw:
            return raw.reply().startswith("220")

    wait_until(served, "a place becomes free")


def test_more_clients_than_descriptors(sluice, nowhere):
    """They are told so, instead of being left to wait; and the log is not flooded."""
    running = sluice(nowhere)
    running.terminate()
    running.launch("prlimit", "--nofile=256:256").ready()
    with contextlib.ExitStack() as stack:
        greetings = [stack.enter_context(Raw(running.port, greet=False)).reply()
                     for _ in range(120)]
    served = len([greeting for greeting in greetings if greeting.startswith("220")])
    assert 0 < served < 120
    assert len([greeting for greeting in greetings if greeting.startswith("421 4.3.2")]
               ) == 120 - served
    assert running.logged("event=descriptors_short", f"connections={served} ", "wanted=20000")
    assert not running.lines("event=accept_failed")


def test_idle_clients_are_sent_away(sluice, nowhere):
    running = sluice(nowhere, limits={"memory": "64MiB", "idle": "1s"})
    with Raw(running.port) as raw:
        assert raw.reply().startswith("421 4.4.2")
        assert raw.closed()


def drip_until_421(raw, drip):
    replies = []
    begun = time.monotonic()
    while not replies or replies[-1].startswith("500"):
        if select.select([raw.socket], [], [], 0.2)[0]:
            replies.append(raw.reply())
        else:
            raw.send(drip)
        assert time.monotonic() - begun < PATIENCE_S
    assert replies[-1].startswith("421 4.4.2"), replies


@pytest.mark.parametrize("drip", [b"N", b"N" * 900], ids=["a_byte", "a_long_line"])
def test_clients_that_drip_are_sent_away(sluice, nowhere, drip):
    """Bytes of a command that never ends are no sign of life."""
    running = sluice(nowhere, limits={"memory": "64MiB", "idle": "1s"})
    with Raw(running.port) as raw:
        drip_until_421(raw, drip)


def test_clients_that_drip_within_auth_are_sent_away(sluice, nowhere, users_file):
    running = sluice(nowhere, limits={"memory": "64MiB", "idle": "1s"},
                     listener={"users_file": users_file, "allow_plaintext_auth": True})
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        assert raw.say("AUTH LOGIN").startswith("334")
        drip_until_421(raw, b"Q")


def test_errors_have_a_limit(sluice, nowhere):
    running = sluice(nowhere, limits={"memory": "64MiB", "errors": 3})
    with Raw(running.port) as raw:
        replies = []
        while not replies or not replies[-1].startswith("421"):
            replies.append(raw.say("NONSENSE"))
            assert len(replies) < 6
        assert replies[0].startswith("500 5.5.")
        assert raw.closed()


@pytest.mark.parametrize("line, code", [
    ("NONSENSE", "500"), ("EXPN all", "502"), ("VRFY user", "252"), ("HELP", "214"),
    ("NOOP whatever", "250"), ("RSET", "250"), ("DATA", "503"), ("RCPT TO:<a@b.test>", "503"),
    ("BDAT 0 LAST", "503"), ("MAIL FROM:<a@b.test> NOSUCH=1", "555"), ("MAIL FROM:<a b>", "501"),
    ("MAIL TO:<a@b.test>", "501"), ("MAIL FROM:<a@b.test> SIZE=x", "501"),
    ("MAIL FROM:<a@b.test> BODY=9BIT", "501"), ("MAIL FROM:<a@b.test> RET=FULL", "250"),
    ("EHLO", "501"), ("STARTTLS", "502"), ("AUTH PLAIN", "50"),
])
def test_one_line(sluice_for_lines, line, code):
    with Raw(sluice_for_lines.port) as raw:
        raw.say("EHLO client.test")
        reply = raw.say(line)
        assert reply.startswith(code), reply
        raw.say("RSET")
        assert raw.say("QUIT").startswith("221 2.0.0")


@pytest.fixture(name="sluice_for_lines")
def _sluice_for_lines(sluice, nowhere):
    return sluice(nowhere)


def test_mail_before_a_greeting(sluice, nowhere):
    with Raw(sluice(nowhere).port) as raw:
        assert raw.say("MAIL FROM:<a@b.test>").startswith("503")


def test_a_command_line_without_end(sluice, nowhere):
    running = sluice(nowhere)
    with Raw(running.port) as raw:
        raw.send("NOOP " + "x" * 20000 + "\r\n")
        assert raw.reply().startswith("500 5.5.")
        assert raw.say("NOOP").startswith("250")


POST = ("POST / HTTP/1.1\r\nHost: 127.0.0.1:2525\r\nContent-Length: 99\r\n\r\n"
        "EHLO client.test\r\nMAIL FROM:<evil@example.test>\r\nRCPT TO:<user@example.org>\r\n"
        "DATA\r\nSubject: from a web page\r\n\r\nx\r\n.\r\nQUIT\r\n")


@pytest.mark.parametrize("bare_lf", ["refuse", "repair"])
@pytest.mark.parametrize("text", [POST, POST.replace("\r", ""), POST.partition("\r\n")[2]],
                         ids=["post", "bare", "header"])
def test_other_protocols_are_turned_away(sluice, nowhere, bare_lf, text):
    """A page that makes a browser POST to us sends no mail."""
    running = sluice(nowhere, listener={"bare_lf": bare_lf})
    with Raw(running.port) as raw:
        raw.send(text)
        assert raw.reply().startswith("421 4.7.0")
        assert raw.closed()
    assert running.count() == 0
    assert running.logged("event=foreign", "level=warning", "line=\"")


def test_tls_without_starttls_is_turned_away(sluice, nowhere):
    """Such a client would wait for us, and we for the end of its line."""
    running = sluice(nowhere)
    with Raw(running.port) as raw, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(raw.socket, server_hostname="localhost")
    wait_until(lambda: running.lines("event=foreign", "STARTTLS"), running.program.tail)


def test_dsn_parameters(sluice, nowhere):
    running = sluice(nowhere)
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        assert raw.say("MAIL FROM:<a@b.test> RET=HDRS ENVID=QQ314159").startswith("250")
        assert raw.say("RCPT TO:<c@d.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@d.test"
                       ).startswith("250")
        assert raw.say("RCPT TO:<e@d.test> NOTIFY=NEVER,DELAY").startswith("501")
        assert raw.say("RCPT TO:<f@d.test> NOTIFY=SOMETIMES").startswith("501")
        raw.say("DATA")
        assert raw.say("Subject: dsn\r\n\r\n.").startswith("250 2.0.0")


def test_chunks_make_one_message(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    parts = [b"Subject: chunks\r", b"\n\r\n.\r\n", b"..two\r\n.", b"\r\n"]
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test> BODY=BINARYMIME")  # not offered: refused or ignored
        raw.say("RSET")
        raw.say("MAIL FROM:<a@b.test>")
        raw.say("RCPT TO:<c@d.test>")
        for part in parts:
            raw.send(b"BDAT %d\r\n" % len(part) + part)
            assert raw.reply().startswith("250 2.0.0")
        assert raw.say("BDAT 0 LAST").startswith("250 2.0.0 queued as ")
    wait_until(lambda: server.envelopes, running.program.tail)
    assert server.envelopes[0].content.endswith(b"\r\n\r\n.\r\n..two\r\n.\r\n")


def test_a_train_without_waiting(sluice, nowhere):
    """RFC 2920: three messages and QUIT in one write."""
    running = sluice(nowhere)
    with Raw(running.port) as raw:
        train = "EHLO client.test\r\n"
        for number in range(3):
            train += (f"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
                      f"Subject: {number}\r\n\r\nText.\r\n.\r\n")
        raw.send(train + "QUIT\r\n")
        replies = []
        while not replies or not replies[-1].startswith("221"):
            replies.append(raw.reply())
    assert len([reply for reply in replies if "queued as" in reply]) == 3
    assert running.count() == 3


def test_loops_end(sluice, nowhere):
    running = sluice(nowhere, limits={"memory": "64MiB", "hops": 10})
    hops = "".join(f"Received: from a by b; {number}\r\n" for number in range(11))
    assert "554 5.4.6" in swaks(running.port, "--data", hops + "Subject: x\r\n\r\nx\r\n",
                                exit_code=26)
    assert running.count() == 0


def test_bare_lf_in_commands(sluice, nowhere):
    """A command ends with CRLF; a bare LF never makes two of one."""
    running = sluice(nowhere)
    with Raw(running.port) as raw:
        raw.send("EHLO client.test\nMAIL FROM:<evil@example.test>\r\n")
        first = raw.reply()
        second = raw.say("RCPT TO:<user@example.org>")
        assert not (first.startswith("250") and second.startswith("250")), (first, second)


def test_utf8_and_8bit(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        assert raw.say("MAIL FROM:<jörg@example.test> SMTPUTF8 BODY=8BITMIME".encode()
                       ).startswith("250")
        assert raw.say("RCPT TO:<δοκιμή@example.org>".encode()).startswith("250")
        raw.say("DATA")
        raw.send("Subject: Grüße\r\n\r\nÄÖÜ\r\n".encode())
        assert raw.say(".").startswith("250 2.0.0")
        # Without the parameter such an address is a mistake.
        assert raw.say("MAIL FROM:<jörg@example.test>".encode())[:3] in ("550", "553", "501")
    wait_until(lambda: server.envelopes, running.program.tail)
    envelope = server.envelopes[0]
    assert envelope.mail_from == "jörg@example.test"
    assert envelope.rcpt_tos == ["δοκιμή@example.org"]
    assert "Grüße" in envelope.content.decode() and "ÄÖÜ" in envelope.content.decode()


def test_each_listener_has_its_own_rules(sluice, nowhere):
    """Who may relay is a matter of the listener that he came to."""
    running = sluice(nowhere)
    second = running.port + 1
    running.terminate()
    running.settings["listeners"].append({"address": f"{LOCALHOST}:{second}", "allow": []})
    running.write()
    running.start()
    swaks(running.port, "--data", message("open"))
    assert "550 5.7.1" in swaks(second, exit_code=24)
