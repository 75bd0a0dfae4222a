"""`sluice sendmail`, as cron, PHP and mail(1) call it."""

import os
import shutil
import socket
import subprocess

import pytest

from clients import swaks, message
from harness import BUILD, LOCALHOST, free_port

OK, USAGE, DATAERR, NOUSER, UNAVAILABLE, TEMPFAIL = 0, 64, 65, 67, 69, 75


class Sendmail:
    """The program under its old name, and where it hands in."""

    def __init__(self, folder, port):
        self.path = folder / "sendmail"
        self.path.symlink_to(BUILD / "sluice")
        self.environment = {**os.environ, "SLUICE_SUBMIT": f"{LOCALHOST}:{port}"}

    def run(self, text, *words, exit_code=OK, **environment):
        """Gives what it says."""
        data = text.encode() if isinstance(text, str) else text
        done = subprocess.run([self.path, *words], input=data, capture_output=True, check=False,
                              env={**self.environment, **environment}, timeout=60)
        assert done.returncode == exit_code, done
        assert (done.stderr == b"") == (exit_code == OK), done
        return done.stdout.decode() + done.stderr.decode()


@pytest.fixture(name="server")
def _server(aiosmtpd):
    return aiosmtpd()


@pytest.fixture(name="running")
def _running(sluice, server, route):
    return sluice(route(server))


@pytest.fixture(name="sendmail")
def _sendmail(folder, running):
    return Sendmail(folder, running.port)


def arrived(running, server):
    running.wait_empty()
    (envelope,) = server.envelopes
    return envelope


def test_as_php_calls_it(sendmail, running, server):
    sendmail.run("To: a@example.org, \"B, C\" <b@example.org>\nBcc: c@example.org\n"
                 "Subject: hello\n\n.\nA line.\n.leading\nl\u00e4ngst\n", "-t", "-i",
                 "-f", "shop@example.test")
    envelope = arrived(running, server)
    assert envelope.mail_from == "shop@example.test"
    assert sorted(envelope.rcpt_tos) == ["a@example.org", "b@example.org", "c@example.org"]
    content = envelope.content.decode()
    assert "Bcc" not in content and "c@example.org" not in content
    assert "\r\nFrom: <shop@example.test>\r\n" in content
    assert "\r\nMessage-ID: <" in content and "\r\nDate: " in content
    assert content.endswith("\r\n\r\n.\r\nA line.\r\n.leading\r\nl\u00e4ngst\r\n")


def test_as_cron_calls_it(sendmail, running, server):
    sendmail.run("From: root@host.test (Cron Daemon)\nTo: admin@example.org\nSubject: Cron\n\n"
                 "output\n.\nlost\n", "-FCronDaemon", "-odi", "-oem", "-froot@host.test",
                 "admin@example.org")
    envelope = arrived(running, server)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("root@host.test", ["admin@example.org"])
    assert envelope.content.endswith(b"output\r\n") and b"Cron Daemon" in envelope.content


@pytest.mark.skipif(shutil.which("s-nail") is None, reason="s-nail is not installed")
def test_as_mail_calls_it(sendmail, running, server, folder):
    done = subprocess.run(
        ["s-nail", "-n", "-S", f"mta={sendmail.path}", "-S", "sendwait", "-r",
         "me@example.test", "-s", "from mail(1)", "you@example.org"],
        input=b"text\n", env={**sendmail.environment, "HOME": str(folder)},
        capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done
    envelope = arrived(running, server)
    assert envelope.mail_from == "me@example.test"
    assert envelope.rcpt_tos == ["you@example.org"]
    assert b"Subject: from mail(1)" in envelope.content


def test_a_name_of_this_host_and_the_null_sender(folder, sluice, server, route):
    running = sluice(route(server, notices_from="notify@example.test"))
    Sendmail(folder, running.port).run(
        "Subject: s\n\nb\n", "-f", "<>", "-F", 'The "Cron"\\ Daemon', "root")
    envelope = arrived(running, server)
    assert envelope.rcpt_tos == [f"root@{socket.gethostname()}"]
    assert b'From: "The Cron Daemon" <MAILER-DAEMON>' in envelope.content


def test_the_relay_is_down(folder):
    sendmail = Sendmail(folder, free_port())
    said = sendmail.run("\nx\n", "a@example.org", exit_code=TEMPFAIL)
    assert "can't reach the relay: Connection refused" in said


def test_what_is_refused(folder, sluice, server, route):
    running = sluice(route(server), listener={"allow": []})
    said = Sendmail(folder, running.port).run("\nx\n", "a@example.org", exit_code=NOUSER)
    assert "550" in said and "(a@example.org)" in said and "nothing was sent" in said


def test_too_large(folder, sluice, server, route):
    running = sluice(route(server), limits={"memory": "64MiB", "message": "64KiB"})
    said = Sendmail(folder, running.port).run(
        "\n" + "x" * 70 + "\n" * 90000, "a@example.org", exit_code=UNAVAILABLE)
    assert "552" in said


def test_wrong_usage(sendmail):
    sendmail.run("\nx\n", "-bs", exit_code=USAGE)
    sendmail.run("\nx\n", "-j", exit_code=USAGE)
    sendmail.run("\nx\n", "-f", exit_code=USAGE)
    sendmail.run("\nx\n", exit_code=DATAERR)
    sendmail.run("", "a@example.org", exit_code=DATAERR)
    sendmail.run("\nx\n", "a b", exit_code=DATAERR)
    sendmail.run("\nx\n", "-f", "a b@c", "a@example.org", exit_code=DATAERR)
    sendmail.run("\nx\n", "a@example.org", exit_code=USAGE, SLUICE_SUBMIT="here")
    sendmail.run("\nx\n", "-C", "/nowhere", "a@example.org", exit_code=USAGE, SLUICE_SUBMIT="")
    assert "sendmail(8)" in sendmail.run("", "--help")
    sendmail.run("", "-bi")


def test_by_the_configuration(sendmail, running, server):
    del sendmail.environment["SLUICE_SUBMIT"]
    sendmail.run("\nx\n", "-C", str(running.config), "a@example.org")
    arrived(running, server)
    sendmail.run("\nx\n", "-C", "/nowhere", "a@example.org", exit_code=TEMPFAIL)


def test_mailq(folder, sluice, nowhere):
    running = sluice(nowhere)
    swaks(running.port, "--data", message("m1"))
    mailq = folder / "mailq"
    mailq.symlink_to(BUILD / "sluice")
    done = subprocess.run([mailq], capture_output=True, text=True, check=False, timeout=60)
    assert "/etc/sluice/sluice.yaml" in done.stderr or done.returncode == 0, done
