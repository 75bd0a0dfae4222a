"""What a tenant may send to external recipients in all: over routes, mailboxes and threads, and
over kill -9; what waits for that says so, and nothing else waits."""

import re
import smtplib

from clients import message
from harness import LOCALHOST, wait_until

MAILBOXES = [f"box{number}@contoso.com" for number in range(4)]
SECRET = "a secret"
DAY_S = 5  # of this service
LIMIT = 20
WHY = ("tenant contoso has sent to as many external recipients as it may for now "
       f"(external_recipients_per_day, {LIMIT})")


def tenant_of():
    """It would refuse at once what is too much, and counts it."""
    none = {"connections": "none", "messages_per_minute": "none", "recipients_per_day": "none"}
    return {"accepted_domains": ["contoso.com"], "speed": 86400 / DAY_S, "tarpit": 0, "idle": 0,
            "session": 0, "external_refusal": "session", "external_recipients_per_day": LIMIT,
            "mailboxes": [{"name": name, "password": SECRET, "send_as": ["*"], **none}
                          for name in MAILBOXES]}


def relay(sluice, route, server, folder, **tenant):
    secret = folder / "mailbox-secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    way = route(server, sessions=8, identities=[
        {"user": user, "auth": "login", "secret_file": str(secret), "connections": 2}
        for user in MAILBOXES])
    limit = {"external_recipients_per_day": f"{LIMIT}/{DAY_S}s", "stop": "100%", **tenant}
    return sluice(way, accepted_domains=["contoso.com"], tenants=[{"name": "contoso", **limit}],
                  threads={"ingest": 1, "delivery": 2})


def send(running, marks, *recipients):
    with smtplib.SMTP(LOCALHOST, running.port, timeout=60) as client:
        for mark in marks:
            client.sendmail(MAILBOXES[mark % 4], recipients,
                            message(f"m{mark}", sender=MAILBOXES[mark % 4]))


def external(server):
    return server.account_now()["tenant"]["external_recipients_per_day"]


def test_it_is_never_exceeded(sluice, mock, route, folder):
    server = mock(tenant=tenant_of())
    running = relay(sluice, route, server, folder)
    send(running, range(60), "someone@example.org")
    send(running, range(60, 70), "colleague@contoso.com")
    # What is internal goes on; what is not waits, in words, with its time and all its attempts.
    running.logged("event=delivered", "to=colleague@contoso.com", count=10)
    (told, *_) = running.logged("event=quota_used_up")
    assert 'of="tenant contoso"' in told and f"most={LIMIT}" in told
    waiting = wait_until(lambda: [entry for entry in running.queue() if entry["reply"]],
                         running.program.tail)
    for entry in waiting:
        assert WHY in entry["reply"] and entry["attempts"] == 0
        assert entry["next_attempt"] > entry["received"]
    # A kill gives nothing back.
    running.kill()
    running.start()
    running.wait_empty()
    account = server.account()["tenant"]
    assert account["external_recipients_per_day"]["over"] == 0
    assert account["refused"] == {}
    assert account["accepted"] == 70
    # Both threads had a part in it.
    assert len({re.search("identity=(\\S+)", line)[1]
                for line in running.lines("event=delivered", "example.org")}) == 4


def test_an_internal_recipient_does_not_wait(sluice, mock, route, folder):
    server = mock(tenant=tenant_of())
    running = relay(sluice, route, server, folder)
    send(running, range(LIMIT), "someone@example.org")
    running.logged("event=delivered", count=LIMIT)
    send(running, [LIMIT], "another@example.org", "colleague@contoso.com")
    running.logged("event=delivered", "to=colleague@contoso.com")
    (waiting,) = running.queue()
    assert waiting["recipients"] == ["another@example.org"]
    running.wait_empty()
    account = server.account()["tenant"]
    assert account["external_recipients_per_day"]["over"] == 0 and account["refused"] == {}


def test_onmicrosoft_senders_have_a_limit_besides(sluice, mock, route, folder):
    """Only their mail waits for it, and says so; the service never hears of it."""
    server = mock(tenant={**tenant_of(), "external_recipients_per_day": "none",
                          "onmicrosoft_recipients_per_day": LIMIT})
    running = relay(sluice, route, server, folder, external_recipients_per_day="none",
                    onmicrosoft_recipients_per_day=f"{LIMIT}/{DAY_S}s")
    with smtplib.SMTP(LOCALHOST, running.port, timeout=60) as client:
        for mark in range(30):
            client.sendmail("info@contoso.onmicrosoft.com", ["someone@example.org"],
                            message(f"m{mark}", sender="info@contoso.onmicrosoft.com"))
    running.logged("event=quota_used_up", "limit=onmicrosoft_recipients_per_day")
    send(running, range(30, 40), "another@example.org")
    running.logged("event=delivered", "to=another@example.org", count=10)
    waiting = wait_until(lambda: [entry for entry in running.queue() if entry["reply"]],
                         running.program.tail)
    for entry in waiting:
        assert "external recipients from onmicrosoft.com addresses" in entry["reply"]
        assert entry["attempts"] == 0
    running.wait_empty()
    account = server.account()["tenant"]
    assert account["onmicrosoft_recipients_per_day"]["over"] == 0
    assert account["onmicrosoft_recipients_per_day"]["taken_max"] <= LIMIT
    assert (account["accepted"], account["refused"]) == (40, {})


def test_the_service_knows_better_of_onmicrosoft_senders(sluice, mock, route, folder):
    server = mock(tenant={**tenant_of(), "speed": 1, "onmicrosoft_recipients_per_day": 1,
                          "external_recipients_per_day": "none"})
    running = relay(sluice, route, server, folder, external_recipients_per_day="none")
    with smtplib.SMTP(LOCALHOST, running.port, timeout=60) as client:
        for mark in range(5):
            client.sendmail("info@contoso.onmicrosoft.com", ["someone@example.org"],
                            message(f"m{mark}", sender="info@contoso.onmicrosoft.com"))
            running.logged("event=accepted", count=mark + 1)
    running.logged("event=quota_refused", "limit=onmicrosoft_recipients_per_day")
    send(running, range(5, 8), "another@example.org")
    running.logged("event=delivered", "to=another@example.org", count=3)
    (told,) = running.logged("event=incident_opened")
    assert "cause=moera_rate" in told
    assert running.lines("event=incident_closed") == []
    wait_until(lambda: running.count() == 4, running.program.tail)
    assert running.lines("event=bounced") == []


def test_a_clean_stop_keeps_the_count(sluice, mock, route, folder):
    """What was sent counts in the next run, and what was not does not."""
    server = mock(tenant=tenant_of())
    running = relay(sluice, route, server, folder,
                    external_recipients_per_day=f"{LIMIT}/1h")
    send(running, range(15), "someone@example.org")
    running.wait_empty()
    assert running.terminate() == 0
    running.start()
    send(running, range(15, 25), "someone@example.org")
    running.logged("event=delivered", count=LIMIT)
    wait_until(lambda: [entry for entry in running.queue() if entry["reply"]],
               running.program.tail)
    assert running.count() == 5
    assert len(running.lines("event=delivered")) == LIMIT


def test_check_says_what_is_wrong(sluice, nowhere):
    running = sluice(nowhere)
    running.stop()
    running.settings["tenants"] = [{"name": "a", "licences": 5,
                                    "external_recipients_per_day": 20}]
    running.write()
    running.command("check", exit_code=1)


def test_a_route_has_its_own(sluice, mock, route):
    """A connector without identities: what it says of messages is what it may send in all."""
    server = mock("--interface", "connector")
    way = route(server, interface="connector", messages_per_minute="6/1h", stop="100%",
                sessions=4, total={"connections": 2})
    del way["identities"]
    running = sluice(way, threads={"ingest": 1, "delivery": 2})
    with smtplib.SMTP(LOCALHOST, running.port, timeout=60) as client:
        for mark in range(15):
            client.sendmail("a@contoso.com", ["b@example.org"], message(f"m{mark}"))
    running.logged("event=delivered", count=6)
    assert running.count() == 9
    # What may have been sent counts as sent: nothing more goes out after a kill.
    running.kill()
    running.start()
    with smtplib.SMTP(LOCALHOST, running.port, timeout=60) as client:
        client.sendmail("a@contoso.com", ["b@example.org"], message("m15"))
    assert running.count() == 10
    running.stop()
    assert len(running.lines("event=delivered")) == 6
