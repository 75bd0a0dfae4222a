"""The mock's tenant, as a client of the service meets it: smtplib talks to each interface."""

import contextlib
import email
import email.policy
import smtplib
import ssl
import subprocess

import pytest

from clients import message, swaks
from harness import BUILD, LOCALHOST, wait_until
from servers import PASSWORD, USER

MAILBOX, SECRET = "info@contoso.com", "a secret"
COLLEAGUE, STRANGER = "colleague@contoso.com", "someone@example.org"


def tenant_of(**settings):
    """No tarpit, so that refusals are heard at once; one mailbox, whose limits may be given."""
    limits = settings.pop("limits", {})
    return {"accepted_domains": ["contoso.com"], "tarpit": 0,
            "mailboxes": [{"name": MAILBOX, "password": SECRET, **limits}], **settings}


def content(sender=MAILBOX, mark="1"):
    return f"From: {sender}\r\nMessage-ID: <{mark}@contoso.com>\r\nSubject: x\r\n\r\nText.\r\n"


@pytest.fixture(name="clients")
def _clients():
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture(name="connect")
def _connect(clients, certificates):
    def connect(server, certificate=None, secure=True):
        client = smtplib.SMTP(LOCALHOST, server.port, local_hostname="relay.contoso.com",
                              timeout=60)
        clients.callback(client.close)
        client.ehlo()
        if secure:
            context = ssl.create_default_context(cafile=certificates.ca)
            if certificate is not None:
                context.load_cert_chain(*certificate)
            client.starttls(context=context)
            client.ehlo()
        return client

    return connect


@pytest.fixture(name="sign_in")
def _sign_in(connect):
    def sign_in(server):
        client = connect(server)
        client.login(MAILBOX, SECRET)
        return client

    return sign_in


def send(client, sender=MAILBOX, recipient=STRANGER, **words):
    """The last reply, of whatever step it was."""
    code, text = client.mail(sender)
    if code == 250:
        code, text = client.rcpt(recipient)
    if code == 250:
        return client.data(content(words.pop("header", sender), **words))
    if not text.startswith(b"4.3.2"):
        client.rset()
    return code, text


def said(reply):
    code, text = reply
    return f"{code} {text.decode('ascii')}"


def test_signs_in_as_a_mailbox(mock, connect):
    server = mock(tenant=tenant_of())
    client = connect(server)
    assert client.esmtp_features["auth"].split() == ["LOGIN", "XOAUTH2"]
    assert client.docmd("AUTH", "PLAIN AGEAYg==")[0] == 504
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        client.login(MAILBOX, "another secret")
    assert refused.value.smtp_code == 535
    assert said(send(client)).startswith("530 5.7.57 ")
    client.login(MAILBOX, SECRET)
    assert said(send(client)).startswith("250 2.0.0 OK <1@contoso.com> [Hostname=")
    mailbox = server.account()["tenant"]["mailboxes"][MAILBOX]
    assert (mailbox["signins"], mailbox["accepted"]) == (1, 1)
    assert mailbox["refused"] == {"password_wrong": 1}


def test_passwords_may_be_out_of_use(mock, connect):
    server = mock("--auth", "LOGIN,PLAIN", tenant=tenant_of(basic_auth="retired"))
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        connect(server).login(MAILBOX, SECRET)
    assert said((refused.value.smtp_code, refused.value.smtp_error)).startswith("550 5.7.30 ")


def begin(client):
    """A message, sent to its end; its reply is not waited for."""
    assert client.mail(MAILBOX)[0] == 250
    assert client.rcpt(STRANGER)[0] == 250
    client.putcmd("data")
    assert client.getreply()[0] == 354
    client.send(content() + ".\r\n")


def test_three_messages_in_flight(mock, sign_in):
    server = mock("--work", "3600000", tenant=tenant_of())  # an hour for each message
    for _ in range(3):
        begin(sign_in(server))

    def in_flight():
        return server.account_now()["tenant"]["mailboxes"][MAILBOX]["in_flight_max"] == 3

    wait_until(in_flight, "three messages in flight")
    assert said(send(sign_in(server))).startswith("432 4.3.2 ")
    mailbox = server.account()["tenant"]["mailboxes"][MAILBOX]
    assert (mailbox["accepted"], mailbox["in_flight_max"]) == (3, 4)
    assert mailbox["limits"]["connections"] == {"limit": 3, "over": 1}


def test_messages_a_minute(mock, sign_in):
    server = mock(tenant=tenant_of(limits={"messages_per_minute": 5}))
    client = sign_in(server)
    replies = [send(client)[0] for _ in range(7)]
    assert replies == [250] * 5 + [450] * 2
    account = server.account()["tenant"]
    assert account["over"] == 2
    assert account["mailboxes"][MAILBOX]["limits"]["messages_per_minute"] == {
        "limit": 5, "over": 2, "taken_max": 5, "tried_max": 7}


def test_a_minute_may_be_a_second(mock, sign_in):
    server = mock(tenant=tenant_of(speed=60, idle=0, session=0,
                                   limits={"messages_per_minute": 2}))
    client = sign_in(server)
    accepted = 0

    def enough():
        nonlocal accepted
        accepted += send(client)[0] == 250
        return accepted == 6

    wait_until(enough, "six messages")
    mailbox = server.account()["tenant"]["mailboxes"][MAILBOX]
    assert mailbox["limits"]["messages_per_minute"]["taken_max"] == 2


def test_a_limit_is_cut_in_mid_run(mock, sign_in):
    server = mock(tenant=tenant_of(
        speed=60, limits={"recipients_per_day": 4},
        schedule=[{"at": 0, "limit": "recipients_per_day", "factor": 0.5}]))
    client = sign_in(server)
    replies = [said(send(client))[:3] for _ in range(3)]
    assert replies[:2] == ["250", "250"] and replies[2] in ("554", "550")
    assert "recipients_per_day" in server.account()["tenant"]["refused"]


def test_names(mock, sign_in):
    server = mock(tenant=tenant_of(limits={"send_as": ["sales@contoso.com"]},
                                   errors={"count": 4}))
    client = sign_in(server)
    assert send(client, "sales@contoso.com")[0] == 250
    for words in ({"sender": "x@contoso.com"}, {"header": "x@contoso.com"}, {"sender": ""}):
        reply = said(send(client, **words))
        assert reply.startswith(("554 5.2.252 SendAsDenied; info@contoso.com", "550 5.7.60 "))
    assert said(send(client, "x@contoso.com"))[:3] in ("554", "550")
    assert said(send(client)) == (
        "550 5.2.252 Sender throttled due to continuous send as denied errors.")
    assert server.account()["tenant"]["mailboxes"][MAILBOX]["bars"] == 1


def report_in(folder):
    found = list(folder.glob("*.eml"))
    return email.message_from_bytes(found[0].read_bytes(), policy=email.policy.default) \
        if found else None


def test_late_refusals_come_by_mail(mock, sign_in, folder):
    (folder / "reports").mkdir()
    server = mock(tenant=tenant_of(external_recipients_per_day=1, ndr_folder="reports",
                                   report=0.01))
    client = sign_in(server)
    assert send(client, mark="1")[0] == 250
    assert send(client, mark="2")[0] == 250  # a 250 that means nothing
    assert send(client, mark="3", recipient=COLLEAGUE)[0] == 250
    report = wait_until(lambda: report_in(folder / "reports"), "a report")
    assert report["To"] == MAILBOX
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    _, status, original = report.iter_parts()
    of_message, of_recipient = status.get_payload()
    assert of_message["Reporting-MTA"].startswith("dns;")
    assert of_recipient["Final-Recipient"] == f"rfc822;{STRANGER}"
    assert (of_recipient["Action"], of_recipient["Status"]) == ("failed", "5.7.233")
    assert of_recipient["Diagnostic-Code"].startswith("smtp;550 5.7.233 - Your message can't")
    assert original.get_content()["Message-ID"] == "<2@contoso.com>"
    account = server.account()["tenant"]
    assert (account["accepted"], account["late"]) == (3, 1)
    assert account["external_recipients_per_day"]["taken_max"] == 1
    assert account["bounces"][0]["message_id"] == "<2@contoso.com>"
    assert account["bounces"][0]["written"] is True


def test_direct(mock, connect):
    server = mock("--interface", "direct", tenant=tenant_of())
    client = connect(server, secure=False)
    assert "auth" not in client.esmtp_features
    assert said(send(client, recipient=COLLEAGUE)).startswith("250 2.6.0 <1@contoso.com> [Inter")
    assert said(send(client)).startswith("550 5.7.54 ")


def test_direct_send_may_be_rejected(mock, connect):
    server = mock("--interface", "direct", tenant=tenant_of(reject_direct_send=True))
    client = connect(server)
    assert said(send(client, recipient=COLLEAGUE)).startswith("550 5.7.68 ")
    assert send(client, STRANGER, COLLEAGUE)[0] == 250


def test_connector_by_certificate(mock, connect, certificates):
    server = mock("--interface", "connector", "--client-ca", certificates.ca,
                  tenant=tenant_of(connectors=[{"certificate": "relay.contoso.com"}]))
    ours = certificates.server("relay", "DNS:relay.contoso.com")
    other = certificates.server("other", "DNS:relay.example.org")
    assert said(send(connect(server))).startswith("550 5.7.64 TenantAttribution; ")
    assert said(send(connect(server, other))).startswith("550 5.7.64 ")
    client = connect(server, ours)
    for sender in (MAILBOX, STRANGER, ""):
        assert said(send(client, sender)).startswith("250 2.6.0 ")
    assert server.account()["tenant"]["refused"] == {"relay_denied": 2}


def test_connector_believes_no_certificate_of_its_own_making(mock, connect, certificates, folder):
    made = (folder / "self.pem", folder / "self.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=relay.contoso.com", "-keyout", made[1], "-out", made[0]],
                   check=True, capture_output=True)
    server = mock("--interface", "connector", "--client-ca", certificates.ca,
                  tenant=tenant_of(connectors=[{"certificate": "relay.contoso.com"}]))
    assert said(send(connect(server, made))).startswith("550 5.7.64 ")


def test_connector_by_address(mock, connect):
    server = mock("--interface", "connector",
                  tenant=tenant_of(connectors=[{"addresses": ["127.0.0.0/8"]}]))
    client = connect(server, secure=False)
    assert send(client)[0] == 250
    assert said(send(client, STRANGER)).startswith("550 5.7.64 ")
    assert said(send(client, "")).startswith("550 5.7.64 ")  # the null sender has no domain


def test_an_address_that_is_new_waits(mock, connect):
    server = mock("--interface", "direct",
                  tenant=tenant_of(source={"messages_per_minute": 0.001, "burst": 2}))
    client = connect(server)
    replies = [said(send(client, STRANGER, COLLEAGUE)) for _ in range(3)]
    assert [reply[:3] for reply in replies] == ["250", "250", "451"]
    assert replies[2].startswith(
        "451 4.7.500 Server busy. Please try again later from [127.0.0.1]. (S777")


def test_high_volume(mock, sign_in):
    server = mock("--interface", "hve", tenant=tenant_of(limits={"messages_per_minute": 1}))
    client = sign_in(server)
    assert client.esmtp_features["size"] == "10485760"
    for _ in range(3):
        assert send(client, recipient=COLLEAGUE)[0] == 250
    assert said(send(client)).startswith("550 5.7.54 ")


def test_spells(mock, connect):
    server = mock("--interface", "direct",
                  tenant=tenant_of(spells=[{"from": 0, "to": 86400, "stage": "mail"}]))
    assert said(connect(server).mail(STRANGER))[:3] in ("421", "451")


def test_faults(mock, connect):
    server = mock("--interface", "direct", tenant=tenant_of(faults={"attribution": 1}))
    assert b"ATTR" in send(connect(server), STRANGER, COLLEAGUE)[1]


def test_silence_is_not_borne_for_long(mock, connect):
    server = mock(tenant=tenant_of(idle=0.05))
    client = connect(server, secure=False)
    code, text = client.getreply()
    assert (code, text[:44]) == (451, b"4.7.0 Timeout waiting for client input"[:44])
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.getreply()


def test_what_is_wrong_is_told(folder):
    path = folder / "tenant.json"
    path.write_text('{"mailboxes": [{"name": "a@b.example", "pasword": "x"}]}', encoding="ascii")
    for words, code, complaint in (
            (["--tenant", path], 1, "tenant.json: mailboxes[0].pasword: there is no such key"),
            (["--tenant", folder / "none.json"], 1, "none.json: No such file"),
            (["--tenant", path, "--user", "a:b"], 2, "--user"),
            (["--client-ca", path], 2, "--client-ca needs --certificate")):
        done = subprocess.run([BUILD / "sluice-mock", *words], capture_output=True, timeout=20,
                              stdin=subprocess.DEVNULL, text=True, check=False)
        assert done.returncode == code, (words, done)
        assert complaint in done.stderr


def test_sluice_lives_with_its_moods(sluice, mock, route):
    """Front ends that fail, refusals that come late, sessions that end: all mail gets through."""
    server = mock(tenant={
        "speed": 60, "idle": 30, "session": 120, "accepted_domains": ["example.test"],
        "faults": {"proxy": 0.2, "replication": 0.2},
        "mailboxes": [{"name": USER, "password": PASSWORD, "send_as": ["*"]}]})
    running = sluice(route(server))
    for number in range(20):
        swaks(running.port, "--data", message(f"m{number}"))
    running.urge_empty()
    account = server.account()
    assert (account["distinct"], account["duplicates"]) == (20, 0)
    assert account["tenant"]["mailboxes"][USER]["accepted"] == 20
