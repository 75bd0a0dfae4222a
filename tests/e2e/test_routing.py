"""Rules, routes and fallbacks between real servers."""

import json
import subprocess

from clients import Raw, message, swaks
from harness import LOCALHOST, free_port, run_sluice, wait_until


def send(port, mark, recipients, *options):
    return swaks(port, "--to", ",".join(recipients), "--data", message(mark), *options)


def two(route, first, second, **more):
    """Two routes, far and near, with what the first has besides."""
    return [route(first, **more), route(second, name="near")]


def test_rules_send_each_recipient_its_way(sluice, aiosmtpd, route):
    far, near = aiosmtpd(), aiosmtpd()
    running = sluice(two(route, far, near), rules=[
        {"recipient_domain": ["near.test", "*.near.test"], "route": "near"},
        {"sender": "@near.test", "route": "near"},
        {"header": "X-Way: near*", "route": "near"},
        {"client": "127.0.0.2", "route": "near"},
    ])
    send(running.port, "both", ["a@far.test", "b@near.test", "c@sub.near.test", "d@far.test"])
    send(running.port, "sender", ["a@far.test"], "--from", "x@near.test")
    send(running.port, "header", ["a@far.test"], "--header", "X-Way: nearby")
    send(running.port, "client", ["a@far.test"], "--local-interface", "127.0.0.2")
    send(running.port, "none", ["a@far.test"])
    running.wait_empty()
    assert sorted(far.marks()) == ["both", "none"]
    assert sorted(near.marks()) == ["both", "client", "header", "sender"]
    assert near.envelopes[near.marks().index("both")].rcpt_tos == ["b@near.test",
                                                                   "c@sub.near.test"]
    assert far.envelopes[far.marks().index("both")].rcpt_tos == ["a@far.test", "d@far.test"]


def test_one_id_with_two_jobs(sluice, aiosmtpd, route):
    far, near = aiosmtpd(), aiosmtpd()
    near.stop()
    running = sluice(two(route, far, near),
                     rules=[{"recipient_domain": "near.test", "route": "near"}])
    transcript = send(running.port, "m1", ["a@far.test", "b@near.test"])
    queue_id = transcript.split("queued as ")[1].split()[0]
    wait_until(far.marks, running.program.tail)
    left = wait_until(lambda: [e for e in running.queue() if e["attempts"] > 0], "an attempt")
    assert [(e["id"], e["job"], e["route"], e["recipients"]) for e in left] == \
        [(queue_id, 1, "near", ["b@near.test"])]
    assert running.count() == 1
    assert "b@near.test" in running.command("queue", "show", queue_id)
    assert int(running.command("queue", "count", "--route", "far")) == 0
    # What is done to the id is done to what is left of it.
    running.command("queue", "hold", queue_id)
    near.start()
    assert [e["state"] for e in running.queue()] == ["held"]
    running.command("queue", "release", queue_id)
    running.wait_empty()
    assert (far.marks(), near.marks()) == (["m1"], ["m1"])
    story = running.logged(f"m={queue_id} ", "event=delivered")
    assert len(story) == 2
    # Which session it was, and by that the address.
    for line in story:
        session = line.split(" c=")[1].split()[0]
        assert running.lines(f"c={session} ", "event=connected", "peer=")


def test_both_jobs_are_removed_by_the_id(sluice, nowhere):
    running = sluice([nowhere, {**nowhere, "name": "near"}],
                     rules=[{"recipient_domain": "near.test", "route": "near"}])
    transcript = send(running.port, "m1", ["a@far.test", "b@near.test"])
    queue_id = transcript.split("queued as ")[1].split()[0]
    assert [e["route"] for e in running.queue()] == ["far", "near"]
    assert running.count() == 1
    shown = running.command("queue", "show", queue_id).split("\n\n")
    assert ["far" in shown[0], "near" in shown[1]] == [True, True] and len(shown) == 2
    assert int(running.command("queue", "count", "--from", "app@example.test")) == 1
    assert running.command("queue", "remove", queue_id) == "1 message removed\n"
    wait_until(lambda: running.count() == 0, running.program.tail)


def test_outside_never_takes_a_route_that_stays_inside(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server, interface="direct"), accepted_domains=["in.test"])
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@in.test>")
        assert raw.say("RCPT TO:<b@out.test>").startswith("550 5.4.4 ")
        assert raw.say("RCPT TO:<b@in.test>").startswith("250")
        raw.say("DATA")
        assert raw.say(message("m1") + "\r\n.").startswith("250 2.0.0")
    running.wait_empty()
    assert server.envelopes[0].rcpt_tos == ["b@in.test"]


def test_the_header_decides_at_the_end(sluice, aiosmtpd, route):
    far, near = aiosmtpd(), aiosmtpd()
    running = sluice(
        [route(far, notices_from="relay@example.test"),
         route(near, name="near", interface="direct")],
        accepted_domains=["in.test"], rules=[{"header": "X-Inside: yes", "route": "near"}])
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        for recipients, reply in ((["b@out.test"], "550 5.4.4 "),
                                  (["b@out.test", "c@in.test"], "250 2.0.0 ")):
            raw.say("MAIL FROM:<a@sender.test>")
            for recipient in recipients:
                assert raw.say(f"RCPT TO:<{recipient}>").startswith("250")
            raw.say("DATA")
            assert raw.say("X-Inside: yes\r\n" + message("m1") + "\r\n.").startswith(reply)
    running.wait_empty()
    assert near.envelopes[0].rcpt_tos == ["c@in.test"]
    # Who had no way has a report; it goes where reports can.
    report = wait_until(lambda: far.envelopes, running.program.tail)[0]
    assert report.rcpt_tos == ["a@sender.test"]
    assert b"b@out.test" in report.content and b"5.4.4" in report.content


def test_recipients_of_one_domain_go_together(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server, group_by_domain=True))
    send(running.port, "m1", ["a@x.test", "b@y.test", "c@x.test", "d@y.test"])
    running.wait_empty()
    assert sorted(envelope.rcpt_tos for envelope in server.envelopes) == \
        [["a@x.test", "c@x.test"], ["b@y.test", "d@y.test"]]


def test_a_fallback_takes_over_and_gives_back(sluice, aiosmtpd, route):
    far, near = aiosmtpd(), aiosmtpd()
    far.stop()
    running = sluice(two(route, far, near, fallback="near", fallback_after="1s"))
    for number in range(10):
        send(running.port, f"m{number}", ["a@x.test"])
    running.wait_empty()
    assert sorted(near.marks()) == sorted(f"m{number}" for number in range(10))
    assert running.logged("event=route_out", "route=far", "fallback=near", "reason=unreachable")
    assert running.logged("event=fallback", "route=far", "to=near")
    # New mail finds out that it is back.
    far.start()
    numbers = iter(range(100, 10000))

    def arrives_there():
        send(running.port, f"m{next(numbers)}", ["a@x.test"])
        return far.marks()

    wait_until(arrives_there, running.program.tail)
    running.wait_empty()
    wait_until(lambda: running.lines("event=route_back", "route=far"), running.program.tail)
    before = len(near.marks())
    for number in range(10):
        send(running.port, f"n{number}", ["a@x.test"])
    running.wait_empty()
    assert len(near.marks()) == before
    assert len(set(far.marks() + near.marks())) == len(far.marks() + near.marks())


def test_a_refusal_of_the_route_is_taken_elsewhere(sluice, aiosmtpd, route):
    far, near = aiosmtpd(), aiosmtpd()
    far.refusals = {"a@x.test": "550 5.7.64 TenantAttribution; Relay Access Denied",
                    "gone@x.test": "550 5.1.1 no such user"}
    running = sluice(two(route, far, near, fallback="near", notices_from="relay@example.test"))
    # One of the message is none of the route's.
    send(running.port, "gone", ["gone@x.test"])
    running.wait_empty()
    assert not near.marks()
    send(running.port, "m1", ["a@x.test"])
    wait_until(lambda: near.marks() == ["m1"], running.program.tail)
    assert running.logged("event=route_out", "reason=refused")
    running.wait_empty()
    assert len(far.envelopes) == 1  # the report


def test_what_the_fallback_can_not_carry_waits(sluice, aiosmtpd, route):
    far, near = aiosmtpd(), aiosmtpd()
    far.stop()
    running = sluice(
        [route(far, fallback="near", fallback_after="0s"),
         route(near, name="near", interface="direct")], accepted_domains=["in.test"])
    for number in range(3):
        send(running.port, f"m{number}", ["a@out.test", "b@in.test"])
    wait_until(lambda: len(near.marks()) == 3, running.program.tail)
    assert all(envelope.rcpt_tos == ["b@in.test"] for envelope in near.envelopes)
    wait_until(lambda: [e["recipients"] for e in running.queue()] == [["a@out.test"]] * 3,
               running.queue)
    far.start()
    running.urge_empty()
    assert sorted(far.marks()) == ["m0", "m1", "m2"]
    assert all(envelope.rcpt_tos == ["a@out.test"] for envelope in far.envelopes)


def test_route_explains(sluice, nowhere):
    running = sluice([nowhere, {**nowhere, "name": "near"}],
                     rules=[{"recipient_domain": "near.test", "route": "near"}])
    running.stop()
    text = running.command("route", "--from", "a@b.test", "--to", "c@near.test")
    assert "rules[0]: matches" in text and "route: near" in text
    output = running.command("route", "--json", "--from", "a@b.test", "--to", "c@x.test",
                             "--to", "d@near.test")
    answers = [json.loads(line) for line in output.splitlines()]
    assert [answer["route"] for answer in answers] == ["far", "near"]
    assert answers[0]["rules"] == [
        {"rule": 0, "matches": False, "condition": "recipient_domain"}]


def test_route_explains_the_name(sluice, nowhere):
    running = sluice([nowhere, {**nowhere, "name": "near"}],
                     rules=[{"sender": "n@near.test", "route": "near"}],
                     names=[{"client": "10.0.0.0/8", "policy": "refuse"},
                            {"policy": "rewrite", "address": "n@near.test"}])
    running.stop()
    words = ["route", "--from", "a@b.test", "--to", "c@x.test"]
    text = running.command(*words)
    assert "names[0]: no, by client" in text and "names[1]: matches" in text
    assert "sender: becomes n@near.test" in text and "route: near" in text
    answer = json.loads(running.command(*words, "--json"))
    assert (answer["from"], answer["names"]["sender"]) == ("a@b.test", "n@near.test")
    assert (answer["names"]["entry"], answer["route"]) == (1, "near")
    refused = run_sluice(*words, "--client", "10.1.1.1", "--config", running.config, exit_code=1)
    assert "refused: 550 5.7.1" in refused.stdout


def test_check_knows_rules(folder):
    config = folder / "sluice.yaml"
    config.write_text(f"""
routes: [{{host: a.test}}]
listeners: [{{address: "{LOCALHOST}:{free_port()}"}}]
rules:
  - {{route: connector}}
  - {{recipient_domain: x.test, route: elsewhere}}
""", encoding="utf-8")
    done = run_sluice("check", "--config", config, exit_code=1)
    assert "sluice.yaml:6: rules[1].route: no route is named \"elsewhere\"" in done.stderr


def test_a_connector_gets_the_whole_chain(sluice, mock, certificates, folder):
    """Who knows the root alone believes our certificate: what is between comes with it."""
    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    def signed(name, by, by_key, extensions):
        key, request, made = (folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        (folder / f"{name}.ext").write_text(extensions, encoding="ascii")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", by, "-CAkey", by_key, "-CAcreateserial",
                "-days", "2", "-extfile", folder / f"{name}.ext", "-out", made)
        return made, key

    middle, middle_key = signed("middle", certificates.ca, certificates.folder / "ca.key",
                                "basicConstraints=critical,CA:true\n")
    leaf, key = signed("leaf", middle, middle_key, "subjectAltName=DNS:relay.contoso.com\n")
    chain = folder / "chain.pem"
    chain.write_text(leaf.read_text("ascii") + middle.read_text("ascii"), encoding="ascii")
    server = mock("--interface", "connector", "--client-ca", certificates.ca, tenant={
        "accepted_domains": ["contoso.com"], "tarpit": 0,
        "connectors": [{"certificate": "relay.contoso.com"}]})
    way = {"interface": "connector", "host": "localhost", "port": server.port,
           "tls": {"ca_file": str(certificates.ca), "certificate": str(chain), "key": str(key)}}
    running = sluice(way)
    swaks(running.port, "--from", "app@contoso.com", "--data", message("m1"))
    running.wait_empty()
    assert server.account()["tenant"]["accepted"] == 1
    assert "alone" not in running.command("check")
    way["tls"]["certificate"] = str(leaf)  # in the settings too
    running.write()
    assert "the file holds one certificate alone" in running.command("check")
