"""The command line: what people and scripts may rely on."""

import json
import re
import signal

import pytest

from clients import Ledger, message, swaks
from harness import BUILD, LOCALHOST, Program, free_port, run_sluice, wait_until


@pytest.fixture(name="queued")
def _queued(sluice, nowhere):
    """A Sluice with three messages that can't leave."""
    running = sluice(nowhere)
    for number, recipient in enumerate(["a@example.org", "b@example.org", "b@example.net"]):
        swaks(running.port, "--from", f"app{number}@example.test", "--to", recipient,
              "--data", message(f"m{number}"))
    return running


def test_list_has_the_promised_fields(queued):
    assert queued.count() == 3
    for entry in queued.queue():
        assert set(entry) >= {"id", "from", "recipients", "bytes", "received", "state", "attempts",
                              "next_attempt", "reply", "in_doubt"}
    wait_until(lambda: all(entry["attempts"] > 0 for entry in queued.queue()), "first attempts")
    assert [entry["from"] for entry in queued.queue()] == [f"app{n}@example.test" for n in range(3)]
    # People get one line a message too.
    text = queued.command("queue", "list")
    assert all(entry["id"] in text for entry in queued.queue())


def test_filters(queued):
    def ids(*filters):
        return [entry["from"] for entry in queued.queue(*filters)]

    assert ids("--to", "b@example.org") == ["app1@example.test"]
    assert ids("--from", "app2@example.test") == ["app2@example.test"]
    assert len(ids("--route", "far")) == 3
    assert ids("--from", "nobody@example.test") == []


def test_filters_that_say_nothing_change_nothing(queued):
    for option in ("--from", "--to", "--route"):
        queued.command("queue", "remove", "--all", option, "", exit_code=2)
        queued.command("queue", "remove", "--all", f"{option}=", exit_code=2)
    queued.command("queue", "remove", "--all", "--route", "fra", exit_code=1)
    assert queued.command("queue", "count", "--from", "<>").strip() == "0"
    assert queued.command("queue", "count", "--from", "<app1@example.test>").strip() == "1"
    assert queued.count() == 3


def test_hold_and_release(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.stop()
    running = sluice(route(server))
    swaks(running.port, "--data", message("m1"))
    swaks(running.port, "--data", message("m2"))
    first = running.queue()[0]["id"]
    running.command("queue", "hold", first)
    wait_until(lambda: [e["state"] for e in running.queue() if e["id"] == first] == ["held"],
               lambda: running.queue())
    server.start()
    wait_until(lambda: running.count() == 1, "the other leaves")
    assert server.marks() == ["m2"]
    running.command("queue", "release", first)
    running.wait_empty()
    assert server.marks() == ["m2", "m1"]


def test_held_mail_stays_held_after_a_restart(queued):
    queued.command("queue", "hold", "--all")
    assert queued.terminate() == 0
    queued.start()
    assert {entry["state"] for entry in queued.queue()} == {"held"}


def test_remove(queued):
    first = queued.queue()[0]["id"]
    queued.command("queue", "remove", first)
    assert first not in [entry["id"] for entry in queued.queue()]
    queued.command("queue", "remove", "--all", "--to", "b@example.org")
    assert [entry["from"] for entry in queued.queue()] == ["app2@example.test"]
    queued.command("queue", "remove", "--all")
    assert queued.count() == 0


def test_retry_does_not_wait(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.stop()
    running = sluice(route(server), retry={"first": "1h", "most": "1h"})
    swaks(running.port, "--data", message("m1"))
    wait_until(lambda: running.queue()[0]["attempts"] == 1, "an attempt")
    server.start()
    running.command("queue", "retry", "--all")
    running.wait_empty()
    assert server.marks() == ["m1"]


def test_bounce(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.refusals = {"user@example.org": "451 4.7.1 later"}
    running = sluice(route(server, notices_from="relay@example.test"))
    swaks(running.port, "--data", message("m1"))
    running.command("queue", "bounce", running.queue()[0]["id"])
    running.wait_empty()
    assert server.envelopes[0].rcpt_tos == ["app@example.test"]


def test_an_unknown_id_is_wrong(queued):
    for verb in ("show", "retry", "hold", "release", "bounce", "remove"):
        queued.command("queue", verb, "ZZZZZZZZZZ", exit_code=1)


def test_nobody_there(queued):
    assert queued.terminate() == 0
    assert queued.command("queue", "count", exit_code=1) == ""


def test_usage_is_exit_2():
    for words in ([], ["nonsense"], ["queue", "nonsense"], ["serve", "--nonsense"], ["explain"]):
        done = run_sluice(*words)
        assert done.returncode == 2, (words, done)
        assert done.stdout == "" and done.stderr


def test_help():
    for words in ([], ["serve"], ["check"], ["queue"], ["route"], ["explain"], ["version"]):
        done = run_sluice(*words, "--help", exit_code=0)
        assert "sluice" in done.stdout and done.stderr == ""


def test_version():
    text = run_sluice("version", exit_code=0).stdout
    for word in ("sluice", "liburing", "LMDB", "OpenSSL"):
        assert word.lower() in text.lower()


def test_explain():
    done = run_sluice("explain", "--json", "--stage", "data",
                      "554 5.2.252 SendAsDenied; a@b not allowed to send as c@d", exit_code=0)
    entry = json.loads(done.stdout)
    assert set(entry) >= {"stage", "code", "enhanced", "cause", "scope", "permanence", "outcome",
                          "wait_s", "advice"}
    assert entry["stage"] == "data" and str(entry["code"]) == "554"
    assert run_sluice("explain", r"421-4.3.2 one\n421 4.3.2 two", exit_code=0).stdout
    assert run_sluice("explain", "no reply").returncode in (1, 2)


CHECKS = [
    ("routes:\n  - host: a.test\n    prot: 25\n", 3, "prot"),
    ("routes:\n  - host: a.test\n    port: many\n", 3, "port"),
    ("routes:\n  - host: a.test\n    port: 70000\n", 3, "65535"),
    ("routes:\n  - host: a.test\nlisteners:\n  - address: nowhere\n", 4, "nowhere"),
    ("routes:\n  - host: a.test\n    interface: pigeon\n", 3, "pigeon"),
    ("routes:\n  - host: a.test\n    tls: {ca_file: missing.pem}\n", 3, "missing.pem"),
    ("routes:\n  - host: a.test\nretry: {first: soon}\n", 3, "soon"),
    ("routes:\n  - host: a.test\nlimits: {memory: 1}\n", 3, "memory"),
    ("routes:\n  - host: a.test\nroutes:\n  - host: b.test\n", 3, "routes"),
    ("routes:\n  - host: [\n", None, ""),
    ("drain: 5s\n", None, "route"),
]


@pytest.mark.parametrize("text, line, word", CHECKS)
def test_check_names_the_place(folder, text, line, word):
    config = folder / "sluice.yaml"
    config.write_text(text, encoding="utf-8")
    done = run_sluice("check", "--config", config, exit_code=1)
    complaint = done.stdout + done.stderr
    place = rf"sluice\.yaml:{line if line is not None else '[0-9]+'}: "
    assert re.search(place, complaint), complaint
    assert word in complaint
    # And serve says the same.
    assert re.search(place, run_sluice("serve", "--config", config, exit_code=1).stderr)


def test_check_likes_the_smallest_file(folder):
    config = folder / "sluice.yaml"
    config.write_text("routes:\n  - host: a.test\n", encoding="utf-8")
    run_sluice("check", "--config", config, exit_code=0)


def test_check_likes_json_of_the_tests(queued):
    queued.command("check")


def test_a_missing_file(folder):
    done = run_sluice("serve", "--config", folder / "missing.yaml", exit_code=1)
    assert "missing.yaml" in done.stderr


def test_a_port_in_use(queued, folder):
    config = folder / "second.yaml"
    config.write_text(json.dumps({
        "spool": {"path": str(folder / "second")}, "routes": [{"host": "a.test"}],
        "listeners": [{"address": f"{LOCALHOST}:{queued.port}"}]}), encoding="utf-8")
    done = run_sluice("serve", "--config", config, exit_code=1)
    assert str(queued.port) in done.stderr + done.stdout


def test_a_spool_in_use(queued, folder):
    config = folder / "second.yaml"
    config.write_text(json.dumps({
        "spool": {"path": str(queued.spool)}, "routes": [{"host": "a.test"}],
        "listeners": [{"address": f"{LOCALHOST}:{free_port()}"}]}), encoding="utf-8")
    done = run_sluice("serve", "--config", config, exit_code=1)
    assert "spool" in done.stderr + done.stdout
    swaks(queued.port)


def test_sigterm_leaves_the_queue_on_disk(queued):
    assert queued.terminate() == 0
    queued.start()
    assert queued.count() == 3


def test_sigterm_waits_for_replies_in_flight(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.hold.clear()
    running = sluice(route(server))
    swaks(running.port, "--data", message("m1"))
    wait_until(lambda: running.queue()[0]["state"] not in ("deferred", "held"), "under way")
    wait_until(lambda: server.signed_in, "a session")
    running.program.signal(signal.SIGTERM)
    server.hold.set()
    assert running.program.wait() == 0
    running.start()
    running.wait_empty()
    assert server.marks() == ["m1"]


def test_a_second_sigterm_stops_at_once(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.hold.clear()
    running = sluice(route(server), drain="1h")
    swaks(running.port, "--data", message("m1"))
    wait_until(lambda: server.signed_in, "a session")
    running.program.signal(signal.SIGTERM)
    wait_until(lambda: running.lines("event=") and "drain" in running.log(), "draining")
    running.program.signal(signal.SIGTERM)
    assert running.program.wait(10) == 0


def test_sigterm_under_load_loses_nothing(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    ledger = Ledger(running.port).start()
    for _ in range(3):
        before = ledger.count()
        wait_until(lambda: ledger.count() > before + 100, running.program.tail)
        assert running.terminate() == 0
        running.start()
    ledger.finish()
    running.wait_empty()
    arrived = server.marks()
    assert ledger.acknowledged <= set(arrived)
    # Nothing was cut off, so nothing had to be sent twice.
    assert len(arrived) == len(set(arrived))


def test_log_lines_are_facts(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    transcript = swaks(running.port, "--data", message("m1"))
    queue_id = transcript.split("queued as ")[1].split()[0]
    running.wait_empty()
    # The log has a thread of its own, and may be a moment behind.
    wait_until(lambda: running.lines("event=delivered"), running.program.tail)
    field = r'[a-z_]+=("(\\.|[^"\\])*"|[^" ]*)'
    for line in running.log().splitlines():
        assert re.fullmatch(rf"{field}( {field})*", line), line
    story = [line for line in running.log().splitlines() if line.startswith(f"m={queue_id} ")]
    assert len(story) >= 2  # taken and delivered, at the least
    assert [line for line in story if "250 2.0.0 taken" in line]


def test_log_json(sluice, nowhere, folder):
    running = sluice(nowhere)
    assert running.terminate() == 0
    program = Program(folder, "json", [BUILD / "sluice", "serve", "--log-json", "--config",
                                       running.config])
    try:
        wait_until(lambda: '"ready"' in program.text() or not program.running(), program.tail)
        swaks(running.port)
    finally:
        program.stop()
    entries = [json.loads(line) for line in program.text().splitlines()]
    assert [entry for entry in entries if entry["event"] == "ready"]
    assert [entry for entry in entries if entry["event"] == "accepted" and entry["m"]]


def test_a_log_value_stays_in_its_place(sluice, nowhere):
    running = sluice(nowhere)
    swaks(running.port, "--from", '"a b\\" event=fake"@example.test')
    assert not [line for line in running.log().splitlines() if " event=fake" in
                re.sub(r'"(\\.|[^"\\])*"', "", line)]
