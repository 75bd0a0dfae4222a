"""A refusal of the tenant stops all that is the tenant's, on whichever thread and mailbox, and over
kill -9; one message finds out when it is over."""

import json
import smtplib

from clients import message
from harness import LOCALHOST, wait_until

MAILBOXES = [f"box{number}@contoso.com" for number in range(4)]
SECRET = "a secret"


def tenant_of(blocked):
    none = {"connections": "none", "messages_per_minute": "none", "recipients_per_day": "none"}
    return {"accepted_domains": ["contoso.com"], "tarpit": 0, "blocked": blocked,
            "mailboxes": [{"name": name, "password": SECRET, "send_as": ["*"], **none}
                          for name in MAILBOXES]}


def change(server, tenant):
    server.stop()
    (server.folder / "tenant.json").write_text(json.dumps(tenant), encoding="utf-8")
    server.start()


def send(running, marks):
    with smtplib.SMTP(LOCALHOST, running.port, timeout=60) as client:
        for mark in marks:
            client.sendmail(MAILBOXES[mark % 4], ["someone@example.org"],
                            message(f"m{mark}", sender=MAILBOXES[mark % 4]))


def tried(server):
    return server.account_now()["tenant"]["tried"]


def test_a_blocked_tenant_stops_every_mailbox(sluice, mock, route, folder):
    server = mock(tenant=tenant_of(True))
    secret = folder / "mailbox-secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    far = route(server, sessions=8, identities=[
        {"user": user, "auth": "login", "secret_file": str(secret), "connections": 1}
        for user in MAILBOXES[:2]])
    near = {**route(server, sessions=8, identities=[
        {"user": user, "auth": "login", "secret_file": str(secret), "connections": 1}
        for user in MAILBOXES[2:]]), "name": "near"}
    running = sluice([far, near], threads={"ingest": 1, "delivery": 2},
                     rules=[{"sender": MAILBOXES[2:], "route": "near"}])
    send(running, [0])
    (closed,) = running.logged("event=gate_closed")
    assert "of=tenant" in closed and "5.7.705" not in closed.split("reply=")[0]
    # The other mailboxes, the other thread and the other route don't even try.
    first = tried(server)
    send(running, range(1, 13))
    for entry in running.queue():
        assert entry["attempts"] == 0
    running.logged("event=retry", "route=near", count=6)
    running.kill()
    running.start()
    send(running, range(13, 17))
    running.logged("event=retry", count=17)
    assert tried(server) == first
    assert len(running.queue()) == 17
    assert all("tenant has exceeded threshold" in entry["reply"] for entry in running.queue())
    assert len(running.lines("event=incident_opened")) == 1
    # It is over, and an operator says so.
    change(server, tenant_of(False))
    running.command("queue", "retry", "--all")
    running.logged("event=gate_open")
    running.wait_empty()
    assert server.account()["tenant"]["accepted"] == 17


FULL = "550 5.2.122 The recipient has exceeded their limit for the number of messages per hour"


def post(running, recipient, *marks):
    with smtplib.SMTP(LOCALHOST, running.port, timeout=60) as client:
        for mark in marks:
            client.sendmail("a@contoso.com", [recipient], message(mark))


def test_a_recipient_gets_no_more(sluice, mock, route):
    """The first refusal closes the address, and what else is for it waits without a try."""
    server = mock("--rule", f"stage=rcpt,reply={FULL},match=busy@")
    running = sluice(route(server), threads={"ingest": 1, "delivery": 2})
    post(running, "busy@contoso.com", "m1")
    running.logged("event=gate_closed", 'of="recipient busy@contoso.com"')
    post(running, "busy@contoso.com", *(f"more{number}" for number in range(20)))
    post(running, "other@contoso.com", "m2")
    running.logged("event=delivered", "to=other@contoso.com")
    wait_until(lambda: [row for row in running.queue()
                        if "busy@contoso.com gets no more for now" in row["reply"]][19:],
               running.program.tail)
    # One was refused on the thread that had it.
    assert len(running.lines("event=deferred", "5.2.122", "stage=rcpt")) == 1
