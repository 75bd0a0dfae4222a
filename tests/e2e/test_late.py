"""Refusals that come by mail after a 250: matched to what was sent, and heard as in a session."""

import json

from clients import message, swaks
from harness import wait_until

MAILBOX, STRANGER = "first@contoso.com", "someone@example.org"
COLLEAGUE = "second@contoso.com"
SECRET = "a secret"


def tenant():
    """The second external recipient of a day is refused by mail."""
    return {"accepted_domains": ["contoso.com"], "tarpit": 0, "ndr_folder": "reports",
            "report": 0.01, "external_recipients_per_day": 1,
            "mailboxes": [{"name": MAILBOX, "password": SECRET}]}


def send(running, mark):
    swaks(running.port, "--from", MAILBOX, "--to", STRANGER,
          "--data", message(mark, sender=MAILBOX))
    running.wait_empty()


def start(sluice, mock, route, folder, **settings):
    (folder / "reports").mkdir()
    secret = folder / "mailbox-secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    server = mock(tenant=tenant())
    return sluice(route(server, identities=[
        {"user": MAILBOX, "auth": "login", "secret_file": str(secret)}]),
                  accepted_domains=["contoso.com"], **settings)


def report_of(running, folder):
    """The report about the second message, which the service took."""
    send(running, "m1")
    send(running, "m2")
    assert incidents(running) == []
    return wait_until(lambda: next(iter((folder / "reports").glob("*.eml")), None), "a report")


def incidents(running):
    return [json.loads(line) for line in running.command("incidents", "--json").splitlines()]


def assert_heard(running):
    """As if a session had been refused so: an incident is open, and mail to outside waits."""
    (opened,) = wait_until(lambda: incidents(running), running.program.tail)
    assert (opened["state"], opened["cause"], opened["scope"]) == ("open", "tenant_rate", "tenant")
    assert "5.7.233" in opened["reply"]
    running.logged("event=late_refusal", "status=5.7.233", f"to={STRANGER}", "cause=tenant_rate",
                   "effect=acted")
    running.logged("event=quota_refused", "limit=external_recipients_per_day")
    swaks(running.port, "--from", MAILBOX, "--to", STRANGER,
          "--data", message("m3", sender=MAILBOX))
    wait_until(lambda: [row["state"] for row in running.queue()] == ["deferred"],
               running.program.tail)
    assert running.lines("event=bounced") == []
    swaks(running.port, "--from", MAILBOX, "--to", COLLEAGUE,
          "--data", message("m4", sender=MAILBOX))
    running.logged("event=delivered", f"to={COLLEAGUE}")
    # That says nothing about mail to outside.
    assert [opened["state"] for opened in incidents(running)] == ["open"]


def test_a_file_is_heard(sluice, mock, route, folder):
    running = start(sluice, mock, route, folder, sent_memory={"window": "1h"})
    report = report_of(running, folder)
    queued = running.logged("event=accepted", "message_id=<m2@example.test>")[0]
    row = json.loads(running.command("ndr", "--json", report))
    assert row["result"] == "acted"
    assert f"m={row['id']}" in queued
    assert (row["to"], row["status"], row["cause"]) == (STRANGER, "5.7.233", "tenant_rate")
    assert (row["route"], row["identity"]) == ("far", MAILBOX)
    assert row["outcome"] == "backoff_tenant" and row["advice"]
    # It is long out of the queue, and the queue still knows.
    shown = json.loads(running.command("queue", "show", "--json", row["id"]))
    assert (shown["state"], shown["recipients"]) == ("refused_late", [STRANGER])
    assert "5.7.233" in shown["reply"]
    assert "refused_late" in running.command("queue", "show", row["id"])
    assert_heard(running)
    text = running.command("ndr", report)
    assert row["advice"] in text and row["id"] in text
    # What was sent before that is no further setback, and it is one incident.
    assert len(running.lines("event=quota_refused")) == 1
    assert running.lines("event=held") == []
    assert len(incidents(running)) == 1


def test_what_was_not_sent_is_not_believed(sluice, mock, route, folder):
    running = start(sluice, mock, route, folder, sent_memory={"window": "1h"})
    report = report_of(running, folder)
    forged = folder / "forged.eml"
    forged.write_text(report.read_text(encoding="utf-8").replace("m2@example.test", "x@y.test"),
                      encoding="utf-8")
    row = json.loads(running.command("ndr", "--json", forged, exit_code=1))
    assert (row["result"], row["id"], row["cause"]) == ("unknown", None, None)
    running.logged("event=report_disbelieved", "message_id=<x@y.test>")
    letter = folder / "letter.eml"
    letter.write_text("Subject: hello\n\nHello.\n", encoding="utf-8")
    assert json.loads(running.command("ndr", "--json", letter, exit_code=1))["result"] == \
        "no_report"
    assert running.command("ndr", folder / "missing.eml", exit_code=1) == ""
    assert running.command("ndr", exit_code=2) == ""
    assert incidents(running) == []
    send(running, "m3")


REPORTS = "ndr@relay.contoso.com"


def deliver(running, report, *options, exit_code=0):
    """Hands the report in, as the mailbox's forwarding rule would; swaks's transcript."""
    return swaks(running.port, "--to", REPORTS, "--data", report.read_text(encoding="utf-8"),
                 *options, exit_code=exit_code)


def test_mail_to_the_address_is_heard(sluice, mock, route, folder):
    running = start(sluice, mock, route, folder, listener={"ndr_address": REPORTS})
    report = report_of(running, folder)
    # Only what was sent is believed, whoever brings it.
    forged = folder / "forged.eml"
    forged.write_text(report.read_text(encoding="utf-8").replace("m2@example.test", "x@y.test"),
                      encoding="utf-8")
    assert "250 2.0.0 Report heard" in deliver(running, forged, "--from", "<>")
    running.logged("event=report_disbelieved", "message_id=<x@y.test>", "source=mail")
    assert incidents(running) == []
    assert "250 2.0.0 Report heard" in deliver(running, report, "--from", "<>")
    running.logged("event=report_heard", "message_id=<m2@example.test>")
    assert_heard(running)
    # It came to nobody's queue; a copy that a mailbox sends on is the same report.
    assert running.count() == 1
    assert "250 2.0.0 Report heard" in deliver(running, report, "--from", "postmaster@contoso.com")
    assert len(incidents(running)) == 1


def test_the_address_takes_nothing_else(sluice, mock, route, folder):
    running = start(sluice, mock, route, folder, listener={"ndr_address": REPORTS})
    both = swaks(running.port, "--to", f"{STRANGER},{REPORTS}", "--data", message("m1"),
                 exit_code=None)
    assert "452 4.5.3" in both
    both = swaks(running.port, "--to", f"{REPORTS},{STRANGER}", "--data", message("m2"),
                 exit_code=None)
    assert "452 4.5.3" in both
    running.logged("event=report_disbelieved", "it is no report")


def test_strangers_are_not_heard(sluice, mock, route, folder):
    running = start(sluice, mock, route, folder, listener={"ndr_address": REPORTS, "allow": []})
    letter = folder / "letter.eml"
    letter.write_text(message("m1"), encoding="utf-8")
    assert "550 5.7.1 Relaying denied" in deliver(running, letter, "--from", "<>", exit_code=24)
    assert running.lines("event=report_heard") == []
