"""What servers see: TLS, sign-in, each recipient's own end, waiting for those that are away."""

import base64
import os
import time

import pytest

import clients
import servers
from clients import Raw, message, swaks
from harness import mark_of, wait_until
from memory import dumped, held


def send(port, mark, recipients=("user@example.org",), body="Hello.\r\n"):
    swaks(port, "--to", ",".join(recipients), "--data", message(mark, body))


@pytest.mark.parametrize("auth", ["login", "plain"])
def test_aiosmtpd(sluice, aiosmtpd, route, auth):
    server = aiosmtpd()
    running = sluice(route(server, auth))
    for number in range(20):
        send(running.port, f"m{number}")
    running.wait_empty()
    assert sorted(server.marks()) == sorted(f"m{number}" for number in range(20))
    assert {(mechanism.lower(), right) for mechanism, right in server.signed_in} == {(auth, True)}
    assert server.envelopes[0].mail_from == "app@example.test"


def test_body_arrives_as_it_was(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    body = ".\r\n..\r\n.x\r\n\r\n" + "0123456789" * 90 + "\r\n" + "line\r\n" * 20000 + ".end\r\n"
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        raw.say("RCPT TO:<c@d.test>")
        text = message("big", body).encode()
        raw.send(b"BDAT %d LAST\r\n" % len(text) + text)
        assert raw.reply().startswith("250 2.0.0 queued as ")
    running.wait_empty()
    assert server.envelopes[0].content.endswith(b"\r\n\r\n" + body.encode())


@pytest.mark.parametrize("auth", ["login", "plain"])
def test_postfix(sluice, postfix, route, auth):
    running = sluice(route(postfix, auth))
    for number in range(20):
        send(running.port, f"m{number}")
    running.wait_empty()
    expected = sorted(f"m{number}" for number in range(20))
    wait_until(lambda: len(postfix.marks()) >= 20, postfix.log)
    assert sorted(postfix.marks()) == expected


def test_postfix_gets_big_and_eight_bit_mail(sluice, postfix, route):
    running = sluice(route(postfix))
    text = message("big", "Äpfel .\r\n.\r\n" * 30000).encode()
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test> BODY=8BITMIME")
        raw.say("RCPT TO:<c@d.test>")
        raw.send(b"BDAT %d LAST\r\n" % len(text) + text)
        assert raw.reply().startswith("250 2.0.0 queued as ")
    running.wait_empty()
    wait_until(postfix.marks, postfix.log)
    assert postfix.messages()[0].replace(b"\n", b"\r\n").endswith(text.partition(b"\r\n\r\n")[2])


def test_mail_in_clear_is_told_of(sluice, aiosmtpd):
    server = aiosmtpd(sign_in=False, tls=False)
    running = sluice({"name": "far", "interface": "connector", "host": "127.0.0.1",
                      "port": server.port})
    send(running.port, "m1")
    running.wait_empty()
    assert len(running.logged("event=in_clear", "starttls=\"not offered\"", "level=warning")) == 1


def test_certificate_of_another_name(sluice, aiosmtpd, route):
    server = aiosmtpd(certificate="other", names="DNS:other.test")
    running = sluice(route(server))
    send(running.port, "m1")
    wait_until(lambda: [line for line in running.log().splitlines()
                        if "certificate" in line or "hostname" in line or "host name" in line],
               running.program.tail)
    assert not server.signed_in and not server.envelopes
    assert running.count() == 1


def test_certificate_of_an_unknown_authority(sluice, aiosmtpd, route):
    server = aiosmtpd()
    settings = route(server)
    settings["tls"] = {"verify": True}  # the system's roots know nothing of ours
    running = sluice(settings)
    send(running.port, "m1")
    wait_until(lambda: [line for line in running.log().splitlines() if "certificate" in line],
               running.program.tail)
    assert not server.signed_in and not server.envelopes
    assert running.count() == 1


def test_sign_in_refused_keeps_the_mail(sluice, aiosmtpd, route, folder):
    server = aiosmtpd()
    settings = route(server)
    wrong = folder / "wrong"
    wrong.write_text("not it", encoding="ascii")
    wrong.chmod(0o600)
    settings["identities"][0]["secret_file"] = str(wrong)
    running = sluice(settings)
    send(running.port, "m1")
    wait_until(lambda: server.signed_in, running.program.tail)
    wait_until(lambda: running.lines("535"), running.program.tail)
    assert not server.envelopes
    assert running.count() == 1
    assert "not it" not in running.log() and servers.PASSWORD not in running.log()


def test_a_server_that_comes_later(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.stop()
    running = sluice(route(server))
    send(running.port, "m1")
    wait_until(lambda: running.queue()[0]["attempts"] > 0, running.program.tail)
    server.start()
    running.wait_empty()
    assert server.marks() == ["m1"]


def test_each_recipient_has_its_own_end(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.refusals = {"gone@example.org": "550 5.1.1 no such user",
                       "busy@example.org": "451 4.7.1 try later"}
    running = sluice(route(server, notices_from=servers.USER))
    send(running.port, "m1", ["fine@example.org", "gone@example.org", "busy@example.org"])
    wait_until(lambda: len(server.envelopes) >= 2, running.program.tail)
    first, notice = server.envelopes[:2]
    assert first.rcpt_tos == ["fine@example.org"]
    # Our report about the one that is gone, from a mailbox that may send it.
    assert notice.mail_from == servers.USER
    assert notice.rcpt_tos == ["app@example.test"]
    assert b"Auto-Submitted: auto-replied" in notice.content
    assert b"gone@example.org" in notice.content and b"5.1.1" in notice.content
    assert b"busy@example.org" not in notice.content
    left = wait_until(running.queue, "one left")
    assert len(left) == 1 and "busy@example.org" in str(left[0]["recipients"])
    server.refusals = {}
    running.urge_empty()
    assert server.envelopes[-1].rcpt_tos == ["busy@example.org"]
    assert mark_of(server.envelopes[-1].content) == "m1"


def test_refused_data_is_tried_again(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.data_replies = ["451 4.3.0 not now", "452 4.3.1 not now either"]
    running = sluice(route(server))
    send(running.port, "m1")
    running.urge_empty()
    assert server.marks() == ["m1"]


def test_smtputf8_without_a_way_bounces(sluice, aiosmtpd, route):
    server = aiosmtpd(smtputf8=False)
    running = sluice(route(server, notices_from=servers.USER))
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<app@example.test> SMTPUTF8")
        assert raw.say("RCPT TO:<δοκιμή@example.org>".encode()).startswith("250")
        raw.say("DATA")
        assert raw.say(message("m1") + "\r\n.").startswith("250 2.0.0")
    running.wait_empty()
    assert len(server.envelopes) == 1
    assert b"5.6.7" in server.envelopes[0].content


def test_a_message_too_big_for_the_server_bounces(sluice, aiosmtpd, route):
    server = aiosmtpd(size=100000)
    running = sluice(route(server, notices_from=servers.USER))
    send(running.port, "m1", body="0123456789\r\n" * 20000)
    running.wait_empty()
    assert len(server.envelopes) == 1
    assert b"5.3.4" in server.envelopes[0].content


def test_success_reports_are_passed_on_or_made(sluice, aiosmtpd, route):
    """aiosmtpd offers no DSN: RFC 3461 asks us for a report that the mail was relayed."""
    server = aiosmtpd()
    running = sluice(route(server, notices_from=servers.USER))
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<app@example.test> ENVID=abc")
        assert raw.say("RCPT TO:<user@example.org> NOTIFY=SUCCESS").startswith("250")
        raw.say("DATA")
        assert raw.say(message("m1") + "\r\n.").startswith("250 2.0.0")
    running.wait_empty()
    wait_until(lambda: len(server.envelopes) == 2, running.program.tail)
    assert b"relayed" in server.envelopes[1].content
    assert b"Original-Envelope-Id: abc" in server.envelopes[1].content


def test_a_stream_that_is_to_finish_by_a_time(sluice, aiosmtpd, route):
    server = aiosmtpd()
    end = time.localtime(time.time() + 3600)
    running = sluice(route(server), streams=[{
        "name": "news", "sender": ["app@example.test"],
        "finish_by": f"{end.tm_hour:02}:{end.tm_min:02}"}])
    for number in range(5):
        send(running.port, f"m{number}")
    wait_until(server.marks, running.log)
    running.kill()
    running.start()
    # Who starts sends one; the others have the hour.
    wait_until(lambda: len(server.marks()) == 2, running.log)
    send(running.port, "m5")
    wait_until(lambda: running.count() == 4, running.log)
    assert server.marks() == ["m0", "m1"]


def test_a_message_may_have_less_time(sluice, nowhere):
    running = sluice(nowhere)
    for number, field in enumerate(("X-Sluice-Expire: 1s\r\n", "")):
        with Raw(running.port) as raw:
            raw.say("EHLO client.test")
            raw.say("MAIL FROM:<a@b.test>")
            raw.say("RCPT TO:<c@d.test>")
            raw.say("DATA")
            raw.send(field.encode() + message(f"m{number}").encode() + b"\r\n.\r\n")
            assert raw.reply().startswith("250 ")
    (bounced,) = running.logged("event=bounced")
    assert "to=c@d.test" in bounced
    wait_until(lambda: sorted(entry["from"] for entry in running.queue()) == ["", "a@b.test"],
               running.log)
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        raw.say("RCPT TO:<c@d.test>")
        raw.say("DATA")
        raw.send(b"X-Sluice-Expire: soon\r\n" + message("m2").encode() + b"\r\n.\r\n")
        assert raw.reply().startswith("550 5.6.0 X-Sluice-Expire is to be there once")


def test_two_hosts_want_different_mechanisms(sluice, folder, certificates, cleanup, route):
    """A name with two addresses, whose servers offer one mechanism each: sessions to both."""
    first, second = folder / "first", folder / "second"
    first.mkdir()
    second.mkdir()
    login = servers.Mock(first, certificates, auth="LOGIN")
    plain = servers.Mock(second, certificates, auth="PLAIN", address="127.0.0.2", port=login.port)
    for server in (login, plain):
        cleanup.callback(server.stop)
        server.start()
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 mail.test\n127.0.0.2 mail.test\n", encoding="ascii")
    settings = route(login, "password") | {"host": "mail.test", "pipeline": 1}
    settings["tls"]["name"] = "localhost"
    running = sluice(settings, dns={"hosts": str(hosts)})
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        for number in range(40):
            raw.send(f"MAIL FROM:<app@example.test>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n"
                     .encode())
            assert [raw.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
            assert raw.say(message(f"m{number}") + ".").startswith("250")
    running.wait_empty()
    assert running.logged("event=signed_in", "mechanism=LOGIN")
    assert running.logged("event=signed_in", "mechanism=PLAIN")
    assert not running.lines("event=sign_in_refused") and not running.lines("level=error")
    counts = [server.account_now()["messages"] for server in (login, plain)]
    assert sum(counts) == 40 and min(counts) > 0, counts


@pytest.mark.skipif(os.environ.get("SLUICE_SANITIZE") == "thread",
                    reason="most of such a program's memory is the sanitizer's")
def test_no_password_is_left_for_a_core_dump(sluice, mock, route, users_file, listener_tls):
    """Ours is gone once we are signed in, and a client's once it is, in every form."""
    server = mock()
    running = sluice(route(server), listener={"users_file": users_file, "tls": listener_tls})
    swaks(running.port, "--data", message("m1"), "--tls", "--auth", "LOGIN",
          "--auth-user", clients.USER, "--auth-password", clients.PASSWORD)
    running.wait_empty()
    assert running.logged("event=signed_in", "mechanism=LOGIN")
    secrets = [form for password in (servers.PASSWORD.encode(), clients.PASSWORD.encode())
               for form in (password, base64.b64encode(password))]
    memory = b"".join(dumped(running.program.process.pid))
    assert str(running.spool).encode() in memory  # that is how it would be found
    assert [secret for secret in secrets if secret in memory] == []


@pytest.mark.skipif(bool(os.environ.get("SLUICE_SANITIZE")),
                    reason="a sanitizer keeps what is freed")
def test_no_password_is_left_in_memory(sluice, mock, route, users_file, listener_tls, certificates):
    """Nor is it in memory that a core dump leaves out, whatever became of the sign-in."""
    server = mock()
    running = sluice(route(server), listener={"users_file": users_file, "tls": listener_tls})
    swaks(running.port, "--data", message("m1"), "--tls", "--auth", "LOGIN",
          "--auth-user", clients.USER, "--auth-password", clients.PASSWORD)
    swaks(running.port, "--tls", "--auth", "PLAIN", "--auth-user", clients.USER,
          "--auth-password", "a password that is wrong", exit_code=28)
    said = {name: f"the {name} password" for name in
            ("unencrypted", "strange", "second", "cancelled", "unfinished", "trailing")}

    def plain(name):
        return base64.b64encode(f"\0{clients.USER}\0{said[name]}".encode()).decode()

    def secure(raw):
        raw.say("EHLO client.test")
        assert raw.say("STARTTLS").startswith("220")
        raw.start_tls(certificates.ca)
        raw.say("EHLO client.test")

    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        assert raw.say(f"AUTH PLAIN {plain('unencrypted')}").startswith("5")
    with Raw(running.port) as raw:
        secure(raw)
        assert raw.say(f"AUTH STRANGE {plain('strange')}").startswith("5")
        assert raw.say("AUTH LOGIN").startswith("334")
        raw.say(base64.b64encode(clients.USER.encode()).decode())
        raw.send(base64.b64encode(said["cancelled"].encode()) + b"=\r\n")
        assert raw.reply().startswith("5")
        good = base64.b64encode(f"\0{clients.USER}\0{clients.PASSWORD}".encode()).decode()
        assert raw.say(f"AUTH PLAIN {good}").startswith("235")
        assert raw.say(f"AUTH PLAIN {plain('second')}").startswith("5")
    # What was begun before and is not ended: a command and half of the next in one piece.
    with Raw(running.port) as raw:
        secure(raw)
        raw.send(f"NOOP\r\nAUTH PLAIN {plain('unfinished')}")
        assert raw.reply().startswith("250")
    running.wait_empty()
    running.logged("event=closed", count=5)
    secrets = [form for text in (servers.PASSWORD, clients.PASSWORD, "a password that is wrong",
                                 *said.values())
               for form in (text.encode(), base64.b64encode(text.encode()))]
    secrets += [plain(name).encode() for name in said]
    memory = b"\n".join(held(running.program.process.pid))
    assert str(running.spool).encode() in memory  # that is how it would be found
    assert [secret for secret in secrets if secret in memory] == []
