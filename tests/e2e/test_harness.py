"""The servers and clients of these tests work by themselves: what fails later is Sluice."""

import servers
from clients import message, swaks
from harness import wait_until


def sign_in(mechanism="LOGIN"):
    return ("--tls", "--auth", mechanism, "--auth-user", servers.USER,
            "--auth-password", servers.PASSWORD)


def test_aiosmtpd_takes_mail(aiosmtpd):
    server = aiosmtpd()
    swaks(server.port, *sign_in("LOGIN"), "--data", message("one"))
    swaks(server.port, *sign_in("PLAIN"), "--data", message("two"))
    assert server.marks() == ["one", "two"]
    assert server.signed_in == [("LOGIN", True), ("PLAIN", True)]


def test_aiosmtpd_asks_for_sign_in(aiosmtpd):
    assert "530" in swaks(aiosmtpd().port, "--tls", exit_code=23)


def test_postfix_takes_mail(postfix):
    transcript = swaks(postfix.port, *sign_in("LOGIN"), "--data", message("one"))
    assert "CHUNKING" in transcript
    swaks(postfix.port, *sign_in("PLAIN"), "--data", message("two"))
    wait_until(lambda: sorted(postfix.marks()) == ["one", "two"], postfix.log)


def test_postfix_asks_for_sign_in(postfix):
    assert "554 5.7.1" in swaks(postfix.port, "--tls", exit_code=24)
