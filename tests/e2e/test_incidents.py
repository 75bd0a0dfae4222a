"""What a tenant refuses for reasons that lie in no message: mail waits or goes another way, an
incident says what to do, and it ends when mail flows."""

import json

from clients import message, swaks
from harness import wait_until

FIRST, SECOND = "first@contoso.com", "second@contoso.com"
SHARED, STRANGER = "notify@contoso.com", "someone@example.org"
SECRET = "a secret"


def tenant_of(**mailboxes):
    """Two mailboxes; what each has besides."""
    return {"accepted_domains": ["contoso.com"], "tarpit": 0,
            "mailboxes": [{"name": FIRST, "password": SECRET, **mailboxes.get("first", {})},
                          {"name": SECOND, "password": SECRET, **mailboxes.get("second", {})}]}


def change(server, tenant):
    """The administrator did something: the service goes on with that."""
    server.stop()
    (server.folder / "tenant.json").write_text(json.dumps(tenant), encoding="utf-8")
    server.start()


def pool(route, server, folder, *users, **identity):
    secret = folder / "mailbox-secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    return route(server, identities=[
        {"user": user, "auth": "login", "secret_file": str(secret), **identity}
        for user in users])


def send(running, mark, sender, header=None):
    swaks(running.port, "--from", sender, "--to", STRANGER,
          "--data", message(mark, sender=header or sender))


def incidents(running, *options):
    return [json.loads(line)
            for line in running.command("incidents", "--json", *options).splitlines()]


def accepted(server, mailbox):
    return server.account_now()["tenant"]["mailboxes"][mailbox]["accepted"]


def test_another_mailbox_sends_what_one_may_not(sluice, mock, route, folder):
    server = mock(tenant=tenant_of(second={"send_as": [SHARED]}))
    running = sluice(pool(route, server, folder, FIRST, SECOND, connections=1))
    assert incidents(running) == []
    for number in range(6):
        send(running, f"m{number}", SHARED)
        running.wait_empty()
    assert accepted(server, SECOND) == 6
    refused = server.account_now()["tenant"]["mailboxes"][FIRST]["refused"]
    # It is asked once at most, and the mail's sender hears nothing of it.
    assert refused.get("send_as_denied", 0) <= 1
    assert accepted(server, FIRST) == 0
    assert running.lines("event=bounced") == []
    opened = incidents(running)
    assert len(opened) == sum(refused.values())


def test_a_pair_is_an_incident_with_the_command(sluice, mock, route, folder):
    server = mock(tenant=tenant_of())
    running = sluice(pool(route, server, folder, FIRST))
    send(running, "m1", SHARED)
    (opened,) = wait_until(lambda: incidents(running), running.program.tail)
    assert (opened["state"], opened["cause"], opened["scope"]) == \
        ("open", "send_as_denied", "identity")
    assert (opened["route"], opened["identity"], opened["sender"]) == ("far", FIRST, SHARED)
    assert opened["count"] == 1 and opened["first"] == opened["last"]
    assert opened["command"] == \
        f"Add-RecipientPermission {SHARED} -Trustee {FIRST} -AccessRights SendAs"
    assert "may not send with this sender address" in opened["advice"]
    text = running.command("incidents")
    assert opened["command"] in text and opened["reply"] in text
    # It waits without blame, and so does what comes after it, unasked.
    send(running, "m2", SHARED)

    def both_wait():
        return [row["state"] for row in running.queue()] == ["deferred", "deferred"]

    wait_until(both_wait, running.program.tail)
    assert [row["attempts"] for row in running.queue()] == [0, 0]
    assert all(row["reply"] for row in running.queue())
    assert server.account_now()["tenant"]["mailboxes"][FIRST]["refused"] == {"send_as_denied": 1}
    # Its own mail goes on; but not where From is the one that was refused.
    send(running, "own", FIRST)
    wait_until(lambda: accepted(server, FIRST) == 1, running.program.tail)
    assert len(incidents(running)) == 1
    # A restart knows it still.
    running.kill()
    running.start()
    assert incidents(running) == [opened]
    send(running, "m3", SHARED)
    wait_until(lambda: len(running.queue()) == 3 and running.queue()[2]["state"] == "deferred",
               running.program.tail)
    assert server.account_now()["tenant"]["mailboxes"][FIRST]["refused"] == {"send_as_denied": 1}
    # Granted, and tried by an operator in a hurry.
    change(server, tenant_of(first={"send_as": [SHARED]}))
    running.urge_empty()
    assert accepted(server, FIRST) == 3
    assert wait_until(lambda: incidents(running) == [], running.program.tail)
    (closed,) = incidents(running, "--all")
    assert closed["state"] == "closed" and closed["closed"] is not None
    assert len(running.logged("event=incident_opened")) == 1
    assert len(running.logged("event=incident_closed")) == 1
    assert running.lines("event=bounced") == []


def test_mail_goes_round_a_mailbox_that_may_not_sign_in(sluice, mock, route, folder):
    server = mock(tenant=tenant_of(first={"state": "disabled"}))
    running = sluice(pool(route, server, folder, FIRST, SECOND))
    send(running, "bound", FIRST)  # in its own name: no other may
    (opened,) = wait_until(lambda: incidents(running), running.program.tail)
    assert (opened["cause"], opened["identity"], opened["sender"]) == \
        ("auth_disabled", FIRST, None)
    assert opened["command"] == \
        f"Set-CASMailbox -Identity {FIRST} -SmtpClientAuthenticationDisabled $false"
    assert opened["reply"].startswith("535 5.7.139 ")
    for number in range(5):
        send(running, f"m{number}", SECOND)
    wait_until(lambda: accepted(server, SECOND) == 5, running.program.tail)
    assert [row["from"] for row in running.queue()] == [FIRST]
    assert len(incidents(running)) == 1
    change(server, tenant_of())
    running.urge_empty()
    wait_until(lambda: incidents(running) == [], running.program.tail)
    assert accepted(server, FIRST) == 1
    assert running.lines("event=bounced") == []
    line = running.logged("event=incident_closed")
    assert len(line) == 1 and f"identity={FIRST}" in line[0]


def test_a_wrong_password_is_tried_once(sluice, mock, route, folder):
    """Repeats would lock the account, and there is no token that could be fresher."""
    server = mock(tenant=tenant_of(first={"password": "another secret"}))
    running = sluice(pool(route, server, folder, FIRST, connections=3))
    for number in range(8):
        send(running, f"m{number}", FIRST)
    (opened,) = wait_until(lambda: incidents(running), running.program.tail)
    assert (opened["cause"], opened["identity"]) == ("auth_failed", FIRST)
    wait_until(lambda: all(row["state"] == "deferred" for row in running.queue()),
               running.program.tail)
    assert server.account_now()["tenant"]["mailboxes"][FIRST]["refused"] == {"password_wrong": 1}
    # Corrected: those that wait are sent, over as many sessions as there may be.
    change(server, tenant_of())
    running.urge_empty()
    assert accepted(server, FIRST) == 8


def test_nothing_bounces_before_its_time_is_up(sluice, mock, route, folder):
    server = mock(tenant=tenant_of(first={"barred": "252"}))
    running = sluice(pool(route, server, folder, FIRST),
                     retry={"first": "1s", "most": "1s", "give_up_after": "4s"})
    send(running, "m1", FIRST)
    (opened,) = wait_until(lambda: incidents(running), running.program.tail)
    assert opened["cause"] == "continuous_errors"
    assert running.lines("event=bounced") == []
    wait_until(lambda: running.lines("event=bounced"), running.program.tail)
    assert incidents(running)[0]["state"] == "open"


def test_nobody_is_there_to_ask(sluice, nowhere):
    running = sluice(nowhere)
    assert running.command("incidents") == ""
    running.terminate()
    running.command("incidents", exit_code=1)
    running.command("incidents", "word", exit_code=2)


def test_unknown_recipients_have_a_budget(sluice, mock, route, folder):
    """Ten of them would bar the mailbox for a day, and with it all that it sends."""
    gone = [f"gone{number}@contoso.com" for number in range(12)]
    server = mock(tenant={**tenant_of(), "unknown_recipients": gone, "errors": {"count": 10}})
    running = sluice(pool(route, server, folder, FIRST, connections=3,
                          recipients_per_day=10000))
    for number, recipient in enumerate(gone):
        swaks(running.port, "--from", FIRST, "--to", recipient,
              "--data", message(f"m{number}", sender=FIRST, recipient=recipient))
    (held,) = running.logged("event=held")
    assert f"identity={FIRST}" in held and "more would bar it (550 5.2.255)" in held
    # What waits for that says so, and keeps its attempts.
    waiting = wait_until(lambda: [row for row in running.queue() if row["reply"]],
                         running.program.tail)
    assert all("unknown recipients" in row["reply"] and row["attempts"] == 0
               for row in waiting if row["from"])
    mailbox = server.account_now()["tenant"]["mailboxes"][FIRST]
    assert mailbox["bars"] == 0 and mailbox["refused"]["recipient_unknown"] <= 8
    # A restart gives no budget back: nothing is asked for until there is some again.
    before = mailbox["refused"]["recipient_unknown"]
    assert running.terminate() == 0
    running.start()
    swaks(running.port, "--from", FIRST, "--to", STRANGER, "--data", message("last", sender=FIRST))
    running.logged("event=accepted", f"to={STRANGER}")
    wait_until(lambda: [row for row in running.queue() if row["recipients"] == [STRANGER]],
               running.program.tail)
    assert server.account_now()["tenant"]["mailboxes"][FIRST]["refused"][
        "recipient_unknown"] == before
    assert accepted(server, FIRST) == 0


def test_how_many_recipients_a_message_may_have_is_learned(sluice, mock, route, folder):
    server = mock(tenant={**tenant_of(), "recipients_per_message": 5, "errors": {"count": 3}})
    running = sluice(pool(route, server, folder, FIRST, connections=1))
    everybody = ",".join(f"a{number}@example.org" for number in range(12))
    for number in range(4):
        swaks(running.port, "--from", FIRST, "--to", everybody,
              "--data", message(f"m{number}", sender=FIRST))
    running.wait_empty()
    (learned,) = running.logged("event=learned")
    assert "limit=recipients_per_message how=cut now=5" in learned
    mailbox = server.account()["tenant"]["mailboxes"][FIRST]
    assert (mailbox["accepted"], mailbox["recipients"], mailbox["bars"]) == (12, 48, 0)
    assert mailbox["refused"] == {"too_many_recipients": 7}  # of the first message, once


def test_a_setting_that_is_wrong_for_some_mail(sluice, mock, route):
    """Direct Send takes no mail to outside (5.7.54): it waits, and somebody is told."""
    server = mock("--rule", "stage=rcpt,reply=550 5.7.54 SMTP; Unable to relay recipient in "
                            f"non-accepted domain,match={STRANGER}")
    running = sluice(route(server))
    swaks(running.port, "--from", FIRST, "--to", STRANGER, "--data", message("m1"))
    (opened,) = wait_until(lambda: incidents(running), running.program.tail)
    assert (opened["state"], opened["cause"]) == ("open", "relay_denied")
    assert opened["scope"] == "recipient" and "New-InboundConnector" in opened["advice"]
    assert [row["attempts"] for row in running.queue()] == [0]
