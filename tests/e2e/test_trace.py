"""Where is my mail? What `sluice trace` says of messages, by real clients, refusals and a crash."""

import datetime
import json
import re

import pytest

from clients import PASSWORD, USER, message, swaks
from harness import LOCALHOST, free_port, run_sluice, wait_until
import servers

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
REFUSED = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"
GREYLISTED = "451 4.7.1 Greylisted, please try again later"


def trace(running, *words, exit_code=None):
    """Messages as objects."""
    done = run_sluice("trace", "--json", *words, "--config", running.config)
    assert done.returncode == (0 if done.stdout else 1) == (exit_code or done.returncode), done
    return [json.loads(line) for line in done.stdout.splitlines()]


def of_mark(running, mark):
    (found,) = trace(running, "--message-id", f"<{mark}@example.test>")
    return found


def results(found, what="attempt"):
    """What came of the steps of a kind: (outcome, code), one behind the other."""
    return [(result["outcome"], result.get("reply", "")[:3])
            for step in found["steps"] if step["what"] == what for result in step["results"]]


def until_status(running, mark, status):
    return wait_until(
        lambda: next((found for found in trace(running, "--message-id", f"{mark}@example.test")
                      if found["status"] == status), None),
        lambda: f"{mark} {status}; {running.program.tail()}")


def send(running, mark, *options, recipient="user@example.org", sender="app@example.test"):
    swaks(running.port, "--from", sender, "--to", recipient,
          "--data", message(mark, sender=sender), *options)


def test_a_delivery_and_how_it_came(sluice, mock, route, certificates, users_file):
    """TLS and sign-in on the way in; route, mailbox, session and reply on the way out."""
    certificate, key = certificates.server("listener")
    running = sluice(
        route(mock()), listener={"tls": {"certificate": str(certificate), "key": str(key)},
                                 "users_file": users_file, "allow": []})
    send(running, "m1", "--tls", "--auth", "PLAIN", "--auth-user", USER,
         "--auth-password", PASSWORD)
    found = until_status(running, "m1", "delivered")
    assert found["from"] == "app@example.test"
    assert (found["user"], found["helo"], found["protocol"]) == (USER, "client.test", "ESMTPSA")
    assert found["client"].startswith(f"{LOCALHOST}:") or found["client"] == LOCALHOST
    assert found["tls"] == "TLSv1.3" and found["cipher"]
    assert found["listener"] == f"{LOCALHOST}:{running.port}"
    assert found["changes"] == ["date_added"]
    assert found["ways"] == [{"job": 0, "route": "far", "state": "queued"}]
    assert [who["address"] for who in found["recipients"]] == ["user@example.org"]
    (step,) = found["steps"]
    assert (step["what"], step["route"], step["identity"]) == ("attempt", "far", servers.USER)
    (result,) = step["results"]
    assert result["recipients"] == ["user@example.org"]
    assert result["outcome"] == "delivered" and result["reply"].startswith("250 2.")
    assert result["server"] and result["stage"] == "eod"
    assert "next_attempt" not in step
    # Sessions are those of the log.
    running.logged(f"c={found['session']}", "event=signed_in")
    running.logged(f"c={step['session']}", "event=delivered", f"m={found['id']}")
    # All of it in words; times are in UTC, and in order.
    text = running.command("trace", found["id"])
    assert f"{found['id']}  delivered  <app@example.test> to <user@example.org>" in text
    for words in ("signed in as " + USER, "TLSv1.3", "it had no Date and got one",
                  "queued on route far", "delivered: <user@example.org>"):
        assert words in text, (words, text)
    times = TIME.findall(text)
    assert len(times) >= 3 and times == sorted(times)


def test_a_refusal_for_now_and_one_for_good(sluice, mock, route):
    """Greylisting, then a delivery; a bounce, its report, and what both mean."""
    running = sluice(route(mock(
        "--rule", f"stage=rcpt,match=grey@,reply={GREYLISTED},limit=1",
        "--rule", f"stage=rcpt,match=gone@,reply={REFUSED}"),
        notices_from=servers.USER))
    send(running, "m1", recipient="grey@example.org")
    until_status(running, "m1", "deferred")
    running.urge_empty()
    found = until_status(running, "m1", "delivered")
    assert results(found) == [("deferred", "451"), ("delivered", "250")]
    first, *urged, second = found["steps"]
    assert [step["what"] for step in urged] == ["retry"]
    assert first["next_attempt"] >= first["time"] and second["time"] >= first["time"]
    assert first["results"][0]["cause"] and first["results"][0]["meaning"]
    assert f"another attempt from {first['next_attempt']} on" in running.command(
        "trace", found["id"])

    send(running, "m2", "--to", "gone@example.org,user@example.org")
    found = until_status(running, "m2", "bounced")
    assert sorted(results(found)) == [("bounced", "550"), ("delivered", "250")]
    (step,) = [step for step in found["steps"] if "report" in step]
    (report,) = trace(running, step["report"])
    assert report["report_about"] == found["id"] and report["changes"][0] == "report"
    assert [who["address"] for who in report["recipients"]] == ["app@example.test"]
    text = running.command("trace", found["id"])
    assert "meaning: " in text and f"the sender is told by report {report['id']}" in text
    assert "made here: a report about " + found["id"] in running.command("trace", report["id"])


def test_what_was_changed_and_which_way(sluice, mock, route):
    """Another sender and From, fields that lacked; two ways, by a rule and by none; a fallback."""
    gone = route(mock(), fallback="near", fallback_after="0s")
    gone["port"] = free_port()
    running = sluice(
        [gone, {**route(mock()), "name": "near"}],
        rules=[{"recipient_domain": "near.test", "route": "near"}],
        names=[{"policy": "rewrite", "address": "notify@contoso.com"}])
    swaks(running.port, "--from", "old@device.local", "--to", "a@near.test,b@far.test",
          "--data", "From: <old@device.local>\r\nSubject: m1\r\n\r\nHello.\r\n")
    (found,) = wait_until(lambda: trace(running, "--status", "delivered"), running.program.tail)
    assert (found["from"], found["original_from"]) == ("notify@contoso.com", "old@device.local")
    assert found["changes"] == ["from_rewritten", "message_id_added", "date_added"]
    assert re.fullmatch(f"<{found['id']}@[^<>\\s]+>", found["message_id"])
    assert trace(running, "--message-id", found["message_id"]) == [found]
    assert trace(running, "--from", "@device.local") == [found]
    ways = {way["route"]: way for way in found["ways"]}
    assert ways["near"]["rule"] == 0 and "rule" not in ways["far"]
    by_job = {ways[name]["job"]: name for name in ways}
    assert {who["address"]: by_job[who["job"]] for who in found["recipients"]} == {
        "a@near.test": "near", "b@far.test": "far"}
    steps = [step for step in found["steps"] if step["job"] == ways["far"]["job"]]
    assert "fallback" in [step["what"] for step in steps]
    assert (steps[-1]["what"], steps[-1]["route"]) == ("attempt", "near")
    text = running.command("trace", found["id"])
    for words in ("MAIL said <old@device.local>; it goes out as <notify@contoso.com>",
                  "queued on route near, by rules[0]", "its From was rewritten",
                  "its route is out, and another one takes its mail, route far"):
        assert words in text, (words, text)


def test_filters(sluice, mock, route):
    running = sluice(route(mock()))
    before = datetime.datetime.now(datetime.timezone.utc)
    send(running, "m1", sender="a@one.test", recipient="x@far.test")
    send(running, "m2", sender="b@two.test", recipient="Y@far.test")
    swaks(running.port, "--from", "<>", "--to", "z@other.test", "--data", message("m3"))
    for mark, status in ("m1", "delivered"), ("m2", "delivered"), ("m3", "held"):
        until_status(running, mark, status)

    def marks(*words, exit_code=None):
        return [found["message_id"][1:3] for found in trace(running, *words, exit_code=exit_code)]

    assert marks() == ["m1", "m2", "m3"]
    assert marks("--from", "a@one.test") == ["m1"]
    assert marks("--from", "@TWO.test") == ["m2"]
    assert marks("--from", "<>") == ["m3"]
    assert marks("--to", "y@far.test") == ["m2"]
    assert marks("--to", "@far.test") == ["m1", "m2"]
    assert marks("--to", "@far.test", "--limit", "1") == ["m2"]
    assert marks("--client", LOCALHOST) == ["m1", "m2", "m3"]
    assert marks("--client", "192.0.2.1", exit_code=1) == []
    assert marks("--status", "delivered", "--from", "@one.test") == ["m1"]
    assert marks("--status", "held") == ["m3"]
    assert marks("--status", "bounced", exit_code=1) == []
    assert marks("--since", "1h") == ["m1", "m2", "m3"]
    assert marks("--since", before.isoformat()) == ["m1", "m2", "m3"]
    assert marks("--since", "2999-01-01", exit_code=1) == []
    assert marks("--message-id", "m1@example.test") == ["m1"]
    for wrong in (["--since", "tomorrow"], ["--status", "lost"], ["--limit", "0"], ["--to", "<>"],
                  ["no id"], ["--from", "a@b.c", "0123456789ABC"]):
        assert run_sluice("trace", *wrong).returncode == 2, wrong


def test_what_an_operator_did(sluice, nowhere):
    """Held, released, tried and removed: each is a step."""
    running = sluice(nowhere)
    send(running, "m1")
    found = until_status(running, "m1", "deferred")
    assert results(found)[0] == ("deferred", "con")  # connect to ...: in our own words
    running.command("queue", "hold", found["id"])
    until_status(running, "m1", "held")
    assert f"sluice queue release {found['id']}" in running.command("trace", found["id"])
    assert [row["message_id"] for row in trace(running, "--status", "held")] == [
        "<m1@example.test>"]
    running.command("queue", "release", found["id"])
    until_status(running, "m1", "deferred")
    running.command("queue", "remove", found["id"])
    found = until_status(running, "m1", "removed")
    acts = [step["what"] for step in found["steps"]]
    assert acts.index("hold") < acts.index("release") < acts.index("remove")
    assert results(found, "remove")[0][0] == "removed"


def test_a_crash_loses_nothing_of_it(sluice, mock, route):
    """kill -9 between two attempts, and one behind the last: what was settled is told."""
    running = sluice(route(mock("--rule", f"stage=rcpt,match=grey@,reply={GREYLISTED},limit=1")))
    send(running, "m1", recipient="grey@example.org")
    running.logged("event=retry")
    running.kill()
    # While nothing runs, what the tables have is told; what the journal has comes with a start.
    wait_until(lambda: "not running" in run_sluice("trace", "--config", running.config).stderr,
               "its socket closed")
    running.start()
    assert results(of_mark(running, "m1")) == [("deferred", "451")]
    running.urge_empty()
    found = until_status(running, "m1", "delivered")
    assert results(found) == [("deferred", "451"), ("delivered", "250")]
    running.kill()
    running.start()
    assert of_mark(running, "m1") == found
    assert running.terminate() == 0
    run_sluice("spool", "check", "--spool", running.spool, exit_code=0)
    # And after a clean stop nothing need run.
    assert [row["id"] for row in trace(running)] == [found["id"]]


def test_it_is_off_or_short(sluice, mock, route):
    """Nothing is kept where nothing is to be; what was, goes."""
    running = sluice(route(mock()))
    send(running, "m1")
    until_status(running, "m1", "delivered")
    assert running.terminate() == 0
    running.settings["trace"] = {"keep": "0s"}
    running.write()
    running.start()
    send(running, "m2")
    running.wait_empty()
    wait_until(lambda: trace(running) == [], running.program.tail)


@pytest.mark.parametrize("word", ["--help", "help"])
def test_usage(word):
    words = ("trace", word) if word == "--help" else (word, "trace")
    assert "usage: sluice trace" in run_sluice(*words, exit_code=0).stdout
