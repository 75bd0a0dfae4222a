"""The mock Exchange Online as a program, and how Sluice gets along with its moods."""

import smtplib
import subprocess
import time

import pytest

from clients import message, swaks
from harness import BUILD, wait_until
from servers import PASSWORD, USER


def sign_in(mechanism="LOGIN", password=PASSWORD):
    return ("--tls", "--auth", mechanism, "--auth-user", USER, "--auth-password", password)


def send_many(running, count):
    for number in range(count):
        swaks(running.port, "--data", message(f"m{number}"))


def test_account(mock):
    server = mock()
    for mark in ("one", "two", "two"):
        swaks(server.port, *sign_in(), "--data", message(mark))
    account = server.account()
    assert (account["messages"], account["distinct"], account["duplicates"]) == (3, 2, 1)
    assert account["duplicate_ids"] == ["<two@example.test>"]
    assert account["identities"][USER]["signins"] == 3


def test_demands(mock):
    server = mock()
    assert "535 5.7.3" in swaks(server.port, *sign_in(password="wrong"), exit_code=28)
    assert "530 5.7" in swaks(server.port, "--tls", exit_code=23)
    assert "451 5.7.3 STARTTLS" in swaks(server.port, exit_code=23)
    assert server.account()["messages"] == 0


def test_rules(mock):
    server = mock("--rule", "stage=rcpt,match=gone@,reply=550 5.1.10 not found",
                  "--rule", "stage=eod,limit=1,reply=451 4.7.0 temporary", "--lack", "CHUNKING")
    assert "550 5.1.10" in swaks(server.port, *sign_in(), "--to", "gone@example.org", exit_code=24)
    assert "451 4.7.0" in swaks(server.port, *sign_in(), exit_code=26)
    assert "CHUNKING" not in swaks(server.port, *sign_in())


def test_usage():
    for words, code in ((["--help"], 0), (["--nonsense"], 2), (["--listen", "nowhere"], 2),
                        (["--certificate", "missing.pem", "--key", "missing.pem"], 1)):
        done = subprocess.run([BUILD / "sluice-mock", *words], capture_output=True, timeout=20,
                              stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == code, (words, done)


@pytest.mark.parametrize("lack", [[], ["CHUNKING"], ["PIPELINING"], ["CHUNKING", "PIPELINING"],
                                  ["DSN", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]],
                         ids=lambda words: "without " + (" ".join(words) or "nothing"))
@pytest.mark.parametrize("auth", ["login", "plain", "xoauth2"])
def test_delivery_whatever_is_offered(sluice, mock, route, lack, auth):
    options = [word for name in lack for word in ("--lack", name)]
    server = mock(*options, auth=auth.upper())
    running = sluice(route(server, auth))
    send_many(running, 5)
    running.wait_empty()
    account = server.account()
    assert (account["distinct"], account["duplicates"]) == (5, 0)
    assert account["identities"][USER]["messages"] == 5


@pytest.mark.parametrize("stage", ["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data",
                                   "eod"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_sudden_ends(sluice, mock, route, stage, moment):
    """Each stage loses its first three connections: everything arrives nevertheless."""
    server = mock("--rule", f"stage={stage},drop={moment},limit=3", "--lack", "CHUNKING")
    running = sluice(route(server))
    send_many(running, 3)
    running.urge_empty()
    account = server.account()
    assert account["distinct"] == 3
    # Twice only what was taken and not confirmed, and each time that is said.
    assert account["duplicates"] <= len(running.lines("event=in_doubt"))
    if (stage, moment) == ("eod", "after"):
        assert account["duplicates"] == account["drops_after"] == 3


def test_in_doubt_is_said(sluice, mock, route):
    server = mock("--rule", "stage=eod,drop=after,limit=1")
    running = sluice(route(server))
    send_many(running, 1)
    running.urge_empty()
    wait_until(lambda: running.lines("event=in_doubt"), running.program.tail)
    account = server.account()
    assert (account["distinct"], account["duplicates"]) == (1, 1)


def test_temporary_refusals_end(sluice, mock, route):
    rules = [word for stage in ("connect", "ehlo", "auth", "mail", "rcpt", "eod") for word in
             ("--rule", f"stage={stage},reply=451 4.7.0 temporary server error,limit=2")]
    server = mock(*rules)
    running = sluice(route(server))
    send_many(running, 5)
    running.urge_empty()
    account = server.account()
    assert (account["distinct"], account["duplicates"]) == (5, 0)


def test_closing_replies_at_any_point(sluice, mock, route):
    rules = [word for stage in ("connect", "ehlo", "auth", "mail", "rcpt", "eod") for word in
             ("--rule", f"stage={stage},reply=421 4.3.2 service not available,limit=2")]
    server = mock(*rules)
    running = sluice(route(server))
    send_many(running, 5)
    running.urge_empty()
    account = server.account()
    assert account["distinct"] == 5
    assert account["closed"] > 0
    assert account["duplicates"] <= len(running.lines("event=in_doubt"))


@pytest.mark.parametrize("lie", [
    "stage=auth,reply=235 2.7.0 hello and,lie=extra",
    "stage=mail,reply=354 go on",
    "stage=mail,reply=250 2.1.5 Recipient OK,lie=extra",
    "stage=rcpt,reply=250 2.1.5 Recipient OK,lie=early",
    "stage=rcpt,reply=421 4.3.2 bye,lie=open",
    "stage=eod,reply=what?,lie=garbage",
    "stage=eod,lie=drip",
    "stage=ehlo,lie=drip",
    "stage=eod,reply=354 go on",
])
def test_lies(sluice, mock, route, lie):
    """Whatever it says out of turn, nothing is lost, and what comes twice was said."""
    server = mock("--rule", lie + ",limit=3")
    running = sluice(route(server))
    send_many(running, 3)
    running.urge_empty()
    account = server.account()
    assert account["distinct"] == 3
    assert account["duplicates"] <= len(running.lines("event=in_doubt"))


def sign_ins(server):
    return sum(identity["signins"] for identity in server.account_now()["identities"].values())


@pytest.mark.parametrize("rule", [
    "stage=mail,reply=421 4.3.2 Service not active",
    "stage=mail,drop=before",
    "stage=mail,reply=451 4.7.0 Temporary server error. Please try again later. PRX2",
    "stage=rcpt,reply=451 4.4.3 Temporary server error. Please try again later ATTR2",
    "stage=eod,reply=451 4.3.111 Temporary server error. Please try again later MRH1",
    "stage=mail,reply=503 5.5.1 Bad sequence of commands",
])
def test_a_server_that_is_of_no_use_is_left_alone(sluice, mock, route, rule):
    """A backlog, and no session gets anywhere: sign-ins are few, and the queue says why."""
    server = mock("--rule", rule)
    running = sluice(route(server))
    with smtplib.SMTP("127.0.0.1", running.port) as client:
        for number in range(60):
            client.sendmail("a@b.test", ["c@d.test"], message(f"m{number}"))
    wait_until(lambda: any(line["reply"] for line in running.queue()), running.program.tail)
    time.sleep(5)
    # One lane: at 0, 1, 3 and 7 s, or less often; some may have stood before it was known.
    assert sign_ins(server) <= 12
    assert running.count() == 60


def test_one_story_by_one_grep(sluice, mock, route):
    server = mock("--rule", "stage=eod,reply=451 4.7.0 temporary,limit=1")
    running = sluice(route(server))
    queue_id = swaks(running.port).split("queued as ")[1].split()[0]
    running.urge_empty()

    def story():
        return [line for line in running.log().splitlines() if line.startswith(f"m={queue_id} ")]

    wait_until(lambda: [line for line in story() if "250" in line], running.program.tail)
    assert [line for line in story() if "451" in line]
