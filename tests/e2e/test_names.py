"""In whose name mail goes out: what the service refuses without a policy, and takes with one."""

import email
import email.policy

from clients import Raw, message, swaks
from harness import run_sluice, wait_until
from servers import PASSWORD, USER

DEVICE = {"client": "127.0.0.2"}


def tenant(**mailbox):
    return {"tarpit": 0, "accepted_domains": [USER.split("@")[1]],
            "mailboxes": [{"name": USER, "password": PASSWORD, **mailbox}]}


def delivered(server, mark):
    """The message with the mark, once it is there."""
    def found():
        return next((envelope for envelope in server.envelopes
                     if f"X-Mark: {mark}\r\n".encode() in envelope.content), None)

    envelope = wait_until(found, f"the message {mark}")
    return envelope, email.message_from_bytes(envelope.content, policy=email.policy.default)


def text(mark, *lines):
    """A message without a From, but with these lines."""
    return "\r\n".join([*lines, f"Subject: {mark}", f"X-Mark: {mark}",
                        f"Message-ID: <{mark}@example.test>", "", "Hello.", ""])


def test_the_service_refuses_a_stranger_and_takes_the_mailbox(sluice, mock, route):
    server = mock(tenant=tenant())
    running = sluice(route(server, notices_from=USER),
                     names=[{**DEVICE, "policy": "rewrite", "address": USER}])
    swaks(running.port, "--data", message("m1"))
    refused = wait_until(lambda: running.lines("5.2.252") or running.lines("5.7.60"),
                         running.program.tail)
    assert refused
    swaks(running.port, "--data", message("m2"), "--local-interface", "127.0.0.2")
    wait_until(lambda: running.lines("event=delivered"), running.program.tail)
    (accepted,) = running.logged("event=accepted", f"from={USER}")
    assert "original_from=app@example.test" in accepted
    mailbox = server.account()["tenant"]["mailboxes"][USER]
    assert mailbox["accepted"] >= 1


def test_rewrite_keeps_what_people_need(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server), names=[{"policy": "rewrite", "address": USER}])
    swaks(running.port, "--data", text("one", 'From: "Döe, Jane" <jane@example.test>'.replace(
        "ö", "=?utf-8?Q?=C3=B6?="), "Sender: x@example.test"))
    envelope, mail = delivered(server, "one")
    assert envelope.mail_from == USER
    assert [address.addr_spec for address in mail["From"].addresses] == [USER]
    assert mail["From"].addresses[0].display_name.endswith(", Jane")
    assert [address.addr_spec for address in mail["Reply-To"].addresses] == ["jane@example.test"]
    assert "jane@example.test" in mail["X-Sluice-Original-From"]
    assert mail["Sender"] is None and mail.get_payload() == "Hello.\r\n"
    swaks(running.port, "--data", text("two", "From: a@example.test, b@example.test",
                                       "Reply-To: help@example.test"))
    _, mail = delivered(server, "two")
    assert mail["From"].addresses[0].addr_spec == USER
    assert mail["Reply-To"] == "help@example.test"


def test_map(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server), names=[{"policy": "map", "map": [
        "app@example.test: sales@contoso.com", "@printers.test: scan@contoso.com"]}])
    for mark, sender, expected in (("one", "app@example.test", "sales@contoso.com"),
                                   ("two", "floor3@printers.test", "scan@contoso.com"),
                                   ("three", "other@example.test", "other@example.test")):
        swaks(running.port, "--data", message(mark, sender=sender), "--from", sender)
        envelope, mail = delivered(server, mark)
        assert envelope.mail_from == expected
        assert mail["From"].addresses[0].addr_spec == expected


def test_refuse(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server), names=[{"sender": ["@contoso.com", "<>"]},
                                           {"policy": "refuse"}])
    transcript = swaks(running.port, "--data", message("no"), exit_code=23)
    assert "550 5.7.1 Sender refused" in transcript
    (refused,) = running.logged("event=refused", "stage=mail")
    assert "from=app@example.test" in refused
    swaks(running.port, "--data", message("yes"), "--from", "anna@contoso.com")
    envelope, _ = delivered(server, "yes")
    assert envelope.mail_from == "anna@contoso.com"
    running.wait_empty()
    assert server.marks() == ["yes"]


def test_devices_get_a_default(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server), names=[{"default_from": USER}])
    for number, (said, line) in enumerate((("<>", "From: Scanner 3 <>"), ("<root>", "From: root"),
                                           ("root", "X-Model: 7"),
                                           ("<root@>", "From: a@example.test"))):
        with Raw(running.port) as raw:
            for command, code in (("EHLO device", "250"), (f"MAIL FROM:{said}", "250"),
                                  ("RCPT TO:<user@example.org>", "250"), ("DATA", "354")):
                raw.send(command + "\r\n")
                assert raw.reply().startswith(code)
            raw.send(text(f"m{number}", line) + ".\r\n")
            assert raw.reply().startswith("250 2.0.0 queued as")
        envelope, mail = delivered(server, f"m{number}")
        assert envelope.mail_from == USER
        assert mail["From"].addresses[0].addr_spec == \
            ("a@example.test" if "@" in line else USER)
    assert len(running.logged("event=sender_replaced", f"from={USER}", count=3)) == 3


def test_bounces_go_to_the_original_sender(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.refusals["nobody@example.org"] = "550 5.1.1 nobody here"
    running = sluice(route(server, notices_from=USER),
                     names=[{"policy": "rewrite", "address": USER}])
    swaks(running.port, "--data", message("gone"), "--to", "nobody@example.org")
    report = wait_until(lambda: next((e for e in server.envelopes
                                      if b"multipart/report" in e.content), None), "a report")
    assert report.rcpt_tos == ["app@example.test"]
    running.wait_empty()


FIRST, SECOND = "first@contoso.com", "second.of.them@contoso.com"


def pool(route, server, **settings):
    """Two mailboxes, neither of which may send as anybody else."""
    made = route(server, **settings)
    (identity,) = made["identities"]
    made["identities"] = [{**identity, "user": user} for user in (FIRST, SECOND)]
    return made


def names_of(envelope):
    """The envelope's sender, and From's address."""
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    return envelope.mail_from, mail["From"].addresses[0].addr_spec


def test_any_mailbox_sends_in_its_own_name(sluice, mock, route):
    # The service checks envelope and From against who signed in, at the end of data.
    server = mock(tenant={"tarpit": 0, "accepted_domains": ["contoso.com"], "mailboxes": [
        {"name": user, "password": PASSWORD, "connections": 1} for user in (FIRST, SECOND)]})
    running = sluice(pool(route, server, connections=1, sessions=2),
                     names=[{"policy": "rewrite"}])
    for number in range(20):
        sender = f"app{number}@example.test"
        swaks(running.port, "--data", message(f"m{number}", sender=sender), "--from", sender)
    running.wait_empty()
    mailboxes = server.account()["tenant"]["mailboxes"]
    assert sum(box["accepted"] for box in mailboxes.values()) == 20
    assert not any("send_as_denied" in box["refused"] for box in mailboxes.values())
    assert len(running.logged("event=accepted", "sent_as=identity", count=20)) == 20


def test_another_mailbox_sends_it_again_in_its_name(sluice, aiosmtpd, route):
    """Refused for now, the engine killed, and the first mailbox shut out."""
    server = aiosmtpd()
    server.users = {FIRST, SECOND}
    server.data_replies = ["432 4.3.2 Concurrent connections limit exceeded"] * 10
    running = sluice(pool(route, server, notices_from=FIRST),
                     names=[{"policy": "rewrite"}])
    swaks(running.port, "--data", text("one", "From: Jane <jane@example.test>"))
    wait_until(lambda: server.attempts, running.program.tail)
    running.kill()
    user, before = server.attempts[-1]
    assert user in (FIRST, SECOND) and names_of(before) == (user, user)
    (row,) = running.start().queue()
    assert row["from"] == "app@example.test"
    running.kill()
    other = SECOND if user == FIRST else FIRST
    server.users = {other}
    server.data_replies = []
    running.start()
    running.urge_empty()
    user, after = server.attempts[-1]
    assert user == other and names_of(after) == (other, other)
    mail = email.message_from_bytes(after.content, policy=email.policy.default)
    assert mail["From"].addresses[0].display_name == "Jane"
    assert mail["Reply-To"].addresses[0].addr_spec == "jane@example.test"
    assert mail["X-Sluice-Original-From"] == "Jane <jane@example.test>"
    # All else is the same, to the byte.
    assert after.content.replace(other.encode(), b"") == \
        before.content.replace(names_of(before)[0].encode(), b"")
    assert running.lines("event=bounced") == []


def test_dots_and_declared_size_are_of_what_is_sent(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.users = {FIRST, SECOND}
    running = sluice(pool(route, server), names=[{"policy": "rewrite"}])
    swaks(running.port, "--data", text("one", "From: a@example.test") + ".dots\r\n",
          "--from", "a@example.test")
    envelope, mail = delivered(server, "one")
    assert mail.get_payload().splitlines() == ["Hello.", ".dots"]
    size = next(option for option in envelope.mail_options if option.startswith("SIZE="))
    assert int(size[5:]) == len(envelope.content)


def test_a_route_without_mailboxes_has_its_own(sluice, aiosmtpd):
    server = aiosmtpd(sign_in=False, tls=False)
    running = sluice({"name": "far", "interface": "connector", "host": "127.0.0.1",
                      "port": server.port, "notices_from": USER}, names=[{"policy": "rewrite"}])
    swaks(running.port, "--data", message("one"))
    envelope, _ = delivered(server, "one")
    assert names_of(envelope) == (USER, USER)
    words = running.command("route", "--from", "a@b.test", "--to", "c@x.test")
    assert f"sent from: {USER}" in words


def test_a_bounce_of_open_mail_is_whole(sluice, aiosmtpd, route):
    """It goes to whom MAIL named, and quotes the From that the message came with."""
    server = aiosmtpd()
    server.users = {FIRST, SECOND}
    server.refusals["nobody@example.org"] = "550 5.1.1 nobody here"
    running = sluice(pool(route, server, notices_from=SECOND), names=[{"policy": "rewrite"}])
    swaks(running.port, "--data", text("gone", "From: Jane <jane@example.test>"),
          "--to", "nobody@example.org")
    report = wait_until(lambda: next((e for e in server.envelopes
                                      if b"multipart/report" in e.content), None), "a report")
    assert report.rcpt_tos == ["app@example.test"]
    assert names_of(report)[0] == SECOND
    assert b"\r\nFrom: Jane <jane@example.test>\r\n" in report.content
    running.wait_empty()


def test_a_report_is_from_the_mailbox_that_stands_in(sluice, mock, route):
    """Of another server, with the null sender: neither the envelope nor From is a stranger's."""
    server = mock(tenant={"tarpit": 0, "accepted_domains": ["contoso.com"], "mailboxes": [
        {"name": user, "password": PASSWORD} for user in (FIRST, SECOND)]})
    running = sluice(pool(route, server, notices_from=SECOND),
                     names=[{"sender": "<>", "policy": "rewrite"}])
    swaks(running.port, "--from", "<>", "--data", text(
        "report", "From: Mailer <mailer-daemon@host.test>", "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x"))
    running.wait_empty()
    mailboxes = server.account()["tenant"]["mailboxes"]
    assert (mailboxes[SECOND]["accepted"], mailboxes[SECOND]["refused"]) == (1, {})
    assert running.lines("event=bounced") == []


def test_who_has_no_name_gets_one(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.users = {FIRST, SECOND}
    running = sluice(pool(route, server), names=[{"policy": "rewrite"}])
    with Raw(running.port) as raw:
        for command, code in (("EHLO device", "250"), ("MAIL FROM:<root>", "250"),
                              ("RCPT TO:<user@example.org>", "250"), ("DATA", "354")):
            raw.send(command + "\r\n")
            assert raw.reply().startswith(code)
        raw.send(text("one", "From: root") + ".\r\n")
        assert raw.reply().startswith("250 2.0.0 queued as")
    envelope, mail = delivered(server, "one")
    (user, _), = server.attempts
    assert names_of(envelope) == (user, user)
    assert mail["From"].addresses[0].display_name == "root"
    assert mail["Reply-To"] is None


def test_what_is_wrong_is_told(folder):
    path = folder / "x.yaml"
    path.write_text("routes: [{name: far, host: localhost}]\nnames:\n  - {policy: rewrite}\n",
                    encoding="ascii")
    done = run_sluice("check", "--config", path, exit_code=1)
    assert f"{path}:3: names[0]: address is missing, and route \"far\"" in done.stderr
