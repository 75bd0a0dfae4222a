"""Clients that we did not write."""

import subprocess

import pytest

from clients import PASSWORD, USER, message, msmtp, swaks
from harness import LOCALHOST, PATIENCE_S, mark_of, message_id_of, wait_until
from servers import smtp_source


def test_msmtp_with_tls_and_sign_in(sluice, aiosmtpd, route, listener_tls, users_file,
                                    certificates, folder):
    server = aiosmtpd()
    running = sluice(route(server), listener={"allow": [], "tls": listener_tls,
                                              "users_file": users_file})
    for number, mechanism in enumerate(["plain", "login"]):
        done = msmtp(folder, running.port, message(f"m{number}"), "user@example.org",
                     tls="on", tls_trust_file=certificates.ca, auth=mechanism, user=USER,
                     host="localhost", password=f'"{PASSWORD}"')
        assert done.returncode == 0, done.stderr
    done = msmtp(folder, running.port, message("m2"), "user@example.org", tls="on",
                 tls_trust_file=certificates.ca, auth="plain", user=USER, host="localhost",
                 password="wrong")
    assert done.returncode != 0 and b"535" in done.stderr
    running.wait_empty()
    assert sorted(server.marks()) == ["m0", "m1"]


def test_msmtp_to_several_recipients(sluice, aiosmtpd, route, folder):
    server = aiosmtpd()
    running = sluice(route(server))
    recipients = [f"user{number}@example.org" for number in range(10)]
    done = msmtp(folder, running.port, message("m1", "Ümlaut\r\n.\r\n"), *recipients)
    assert done.returncode == 0, done.stderr
    running.wait_empty()
    assert sorted(name for envelope in server.envelopes for name in envelope.rcpt_tos) == recipients


@pytest.mark.parametrize("options", [
    ("--pipeline",), ("--protocol", "SMTP"), ("--tls",), ("--tls-optional",),
    ("--helo", "[127.0.0.1]"), ("--from", "<>"), ("--to", "a@example.org,b@example.org"),
], ids=" ".join)
def test_swaks(sluice, aiosmtpd, route, listener_tls, options):
    server = aiosmtpd()
    # No route here carries a null sender: such mail is kept and listed.
    running = sluice(route(server), listener={"tls": listener_tls})
    swaks(running.port, *options, "--data", message("m1"))
    if "<>" in options:
        assert [entry["state"] for entry in running.queue()] == ["held"]
        return
    running.wait_empty()
    assert mark_of(server.envelopes[0].content) == "m1"


def test_smtp_source(sluice, aiosmtpd, route, session):
    """Many sessions, many messages, each arrives once."""
    server = aiosmtpd()
    running = sluice(route(server, sessions=8))
    program, environment = smtp_source(session)
    done = subprocess.run(
        [program, "-s", "10", "-m", "600", "-l", "4096", "-f", "app@example.test",
         "-t", "user@example.org", "-M", "client.test", f"inet:{LOCALHOST}:{running.port}"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S,
        check=False)
    assert done.returncode == 0, done.stderr
    running.wait_empty()
    wait_until(lambda: len(server.envelopes) >= 600, running.program.tail)
    found = [message_id_of(envelope.content) for envelope in server.envelopes]
    assert None not in found
    assert len(found) == 600 and len(set(found)) == 600


def test_smtp_source_with_many_recipients_and_one_session_each(sluice, aiosmtpd, route, session):
    server = aiosmtpd()
    running = sluice(route(server, sessions=4))
    program, environment = smtp_source(session)
    done = subprocess.run(
        [program, "-d", "-s", "4", "-m", "40", "-r", "10", "-l", "20000", "-f", "app@example.test",
         "-t", "user@example.org", f"inet:{LOCALHOST}:{running.port}"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S,
        check=False)
    assert done.returncode == 0, done.stderr
    running.wait_empty()
    assert sum(len(envelope.rcpt_tos) for envelope in server.envelopes) == 400
