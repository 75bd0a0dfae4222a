"""Tokens, from the endpoint to the sign-in: every flow, and what happens when one does not come."""

import json
import re
import signal
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from clients import message, swaks
from harness import LOCALHOST, free_port, run_sluice, wait_until
from servers import USER

SECRET = "an app's secret: ~100%"
APP = "5c2e9c7e-0000-4000-8000-0000000000a1"
PUBLIC = "5c2e9c7e-0000-4000-8000-0000000000a2"


class Endpoint:
    """A mock that takes tokens of its own endpoint alone."""

    def __init__(self, mock, folder, certificates, *options, tenant=None):
        self.token_port = free_port()
        self.certificates = certificates
        self.server = mock(
            "--token-listen", f"{LOCALHOST}:{self.token_port}", "--token-tenant", "contoso.com",
            "--token-app", f"{APP}:{SECRET}", "--token-app", PUBLIC,
            "--token-person", f"{USER}:first-refresh-token", *options, auth="XOAUTH2",
            tenant=tenant)
        self.port = self.server.port
        self.secret = folder / "client-secret"
        self.refresh = folder / "refresh-token"
        self.write(self.secret, SECRET)
        self.write(self.refresh, "first-refresh-token")

    @staticmethod
    def write(path, text):
        path.write_text(text + "\n", encoding="utf-8")
        path.chmod(0o600)

    def _ask(self, path, data):
        context = ssl.create_default_context(cafile=self.certificates.ca)
        with urllib.request.urlopen(f"https://localhost:{self.token_port}/mock/{path}", data=data,
                                    context=context, timeout=30) as answer:
            return answer.read()

    def say(self, action, form=""):
        """fault, revoke, forget, lifetime, rotate: as bench/mock_token.h has them."""
        self._ask(action, form.encode())

    def account(self):
        return json.loads(self._ask("account", None))

    def tenants(self, **oauth):
        return [{"name": "contoso", "id": "contoso.com", "oauth": {
            "client_id": APP, "client_secret_file": str(self.secret),
            "ca_file": str(self.certificates.ca),
            "token_url": f"https://localhost:{self.token_port}/contoso.com/oauth2/v2.0/token",
            **oauth}}]


@pytest.fixture(name="endpoint")
def _endpoint(mock, folder, certificates):
    """A function that starts one, with further options of sluice-mock."""
    return lambda *options, **settings: Endpoint(mock, folder, certificates, *options, **settings)


@pytest.fixture(name="relay")
def _relay(sluice, route):
    """A function that starts a Sluice for an endpoint's mock, with these identities."""

    def start(endpoint, identities=None, tenants=None, **settings):
        return sluice(route(endpoint, identities=identities or [{"user": USER}], **settings),
                      tenants=tenants or endpoint.tenants())

    return start


def send(running, *marks, sender="app@example.test"):
    for mark in marks:
        swaks(running.port, "--from", sender, "--data", message(mark, sender=sender))


def assert_discreet(running, *secrets):
    """Neither secrets nor anything that looks like a token is in the log."""
    log = running.log()
    for secret in (SECRET, "refresh-token", "1.mock-", *secrets):
        assert secret not in log, secret
    assert not re.search(r"eyJ[A-Za-z0-9_-]{20}", log)


def test_by_secret(endpoint, relay):
    tokens = endpoint()
    running = relay(tokens, [{"user": USER}, {"user": "other@example.test"}], sessions=8)
    send(running, *(f"m{number}" for number in range(20)))
    send(running, "own", sender=USER)
    running.wait_empty()
    account = tokens.account()
    assert account["granted"] == 1, "one token for all sessions of both identities"
    assert account["accepted"] >= 1 and account["refused"] == 0
    line = running.logged("event=token ")[0]
    for word in ("tenant=contoso", "flow=client_credentials", f"client_id={APP}",
                 "expires_in=3600", "audience=https://outlook.office365.com",
                 "rights=SMTP.SendAsApp", "identities=2"):
        assert word in line, word
    assert_discreet(running)
    assert tokens.server.account()["distinct"] == 21


def test_by_certificate(endpoint, relay, folder):
    certificate, key = folder / "app.pem", folder / "app.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90",
                    "-subj", "/CN=app", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    key.chmod(0o600)
    tokens = endpoint("--token-certificate", certificate)
    running = relay(tokens, identities=[{"user": USER, "oauth": {
        "client_id": PUBLIC, "certificate": str(certificate), "key": str(key)}}])
    send(running, "one", "two")
    running.wait_empty()
    assert tokens.account()["apps"] == {APP: 0, PUBLIC: 1}
    assert tokens.server.account()["distinct"] == 2


def test_rotation_across_kills(endpoint, relay):
    """Whatever the moment of the kill, the stored refresh token is one that is still good: the
    endpoint forgets all but the last two. Two such kills in a row may lose it; so mail goes out
    after each, which takes a token that is stored."""
    tokens = endpoint("--token-lifetime", "6")
    running = relay(tokens, [{"user": USER, "oauth": {
        "client_id": PUBLIC, "refresh_token_file": str(tokens.refresh)}}], messages_per_session=1)
    for number in range(5):
        before = tokens.account()["granted"]
        send(running, f"m{number}")
        wait_until(lambda: tokens.account()["granted"] > before or number % 2, "a token")
        running.kill()
        running.start()
        running.urge_empty()
        assert running.terminate() == 0
        running.start()
    account = tokens.account()
    assert account["people"][USER] >= 5
    assert account["refused"] == 0
    assert tokens.refresh.read_text(encoding="utf-8").startswith("1.mock-")
    assert tokens.refresh.stat().st_mode & 0o777 == 0o600
    assert not running.lines("event=token_failed")
    assert_discreet(running)
    assert tokens.server.account()["distinct"] == 5


def test_command_and_file(endpoint, relay, folder, certificates):
    """A program of the operator's that asks the endpoint by itself; and its output in a file."""
    tokens = endpoint()
    program = folder / "token-program"
    program.write_text(f"""#!/usr/bin/python3
import json, ssl, sys, urllib.parse, urllib.request
form = {{"grant_type": "client_credentials", "client_id": {APP!r}, "client_secret": {SECRET!r},
        "scope": "https://outlook.office365.com/.default"}}
context = ssl.create_default_context(cafile={str(certificates.ca)!r})
url = "https://localhost:{tokens.token_port}/contoso.com/oauth2/v2.0/token"
data = urllib.parse.urlencode(form).encode()
answer = urllib.request.urlopen(url, data=data, context=context).read()
print(answer.decode() if sys.argv[1] == "json" else json.loads(answer)["access_token"])
""", encoding="utf-8")
    program.chmod(0o700)
    token = folder / "token"
    tokens.write(token, subprocess.run([program, "plain"], check=True, capture_output=True,
                                       text=True).stdout.strip())
    running = relay(tokens, [
        {"user": "json@example.test", "oauth": {"command": [str(program), "json"]}},
        {"user": "plain@example.test", "oauth": {"command": [str(program), "plain"]}},
        {"user": "file@example.test", "auth": "xoauth2", "secret_file": str(token)}])
    for name in ("json", "plain", "file"):
        send(running, name, sender=f"{name}@example.test")
    running.wait_empty()
    assert tokens.account()["granted"] == 3
    assert set(tokens.server.account()["identities"]) >= {
        f"{name}@example.test" for name in ("json", "plain", "file")}


def test_renewed_mid_run(endpoint, relay):
    """Tokens end while mail flows, a sign-in a message: none is refused, none is late."""
    tokens = endpoint("--token-lifetime", "6")
    running = relay(tokens, messages_per_session=1)
    sent = 0

    def several_tokens():
        nonlocal sent
        send(running, f"m{sent}")
        sent += 1
        return tokens.account()["granted"] >= 3

    wait_until(several_tokens, "the third token")
    running.wait_empty()
    account = tokens.account()
    assert account["refused"] == 0 and account["accepted"] >= sent
    for event in ("deferred", "bounced", "held", "unreachable", "kept"):
        assert not running.lines(f"event={event} "), event
    assert tokens.server.account()["distinct"] == sent


def test_revoked(endpoint, relay):
    """Every session's token is revoked at once: one fresh one, and nobody is held for it."""
    tokens = endpoint()
    running = relay(tokens, sessions=6, pipeline=1, messages_per_session=1)
    send(running, "m0")
    running.wait_empty()
    tokens.say("revoke")
    send(running, *(f"n{number}" for number in range(12)))
    running.urge_empty()
    account = tokens.account()
    assert account["granted"] == 2
    assert account["refused"] >= 1
    assert not running.lines("event=held ") and not running.lines("event=bounced ")
    assert tokens.server.account()["distinct"] == 13


def test_a_tenants_mailbox(endpoint, relay):
    """The mock's tenant takes no passwords any more, and its endpoint's tokens until they are
    revoked: the words are Exchange Online's, the fresh token comes by itself."""
    tokens = endpoint(tenant={"accepted_domains": ["example.test"], "tarpit": 0,
                              "basic_auth": "retired",
                              "mailboxes": [{"name": USER, "password": "never used"}]})
    running = relay(tokens, messages_per_session=1)
    send(running, "one", sender=USER)
    running.wait_empty()
    tokens.say("revoke")
    send(running, "two", sender=USER)
    running.urge_empty()
    assert tokens.account()["granted"] == 2 and tokens.account()["refused"] >= 1
    assert not running.lines("event=held ")
    assert tokens.server.account()["distinct"] == 2


def test_refused_for_good(endpoint, relay):
    """A token for another service: one fresh one, then the identity pauses, and the log says what
    the server does not."""
    tokens = endpoint()
    running = relay(tokens, [{"user": USER, "oauth": {
        "scope": "https://graph.microsoft.com/.default"}}])
    assert running.lines("event=token ") == []
    send(running, "one")
    wait_until(lambda: running.lines("event=held ", "This token is for Microsoft Graph"),
               running.program.tail)
    assert running.logged("event=token ", "This token is for Microsoft Graph")
    assert running.count() == 1
    assert tokens.account()["granted"] == 2


def test_down_then_up(endpoint, relay):
    tokens = endpoint()
    tokens.say("fault", "kind=broken")
    running = relay(tokens)
    send(running, "one", "two")
    wait_until(lambda: running.lines("event=token_failed", "whose=service"), running.program.tail)
    assert running.count() == 2
    tokens.say("fault", "kind=none")
    running.urge_empty()
    assert not running.lines("event=bounced ")
    assert tokens.server.account()["distinct"] == 2


def test_unreachable(relay, endpoint):
    tokens = endpoint()
    running = relay(tokens, tenants=tokens.tenants(token_url="https://localhost:1/token"))
    send(running, "one")
    wait_until(lambda: running.lines("event=token_failed", "error=unreachable"),
               running.program.tail)
    assert running.logged("event=unreachable ", "can't be reached")
    assert running.count() == 1


@pytest.mark.parametrize("kind", ["garbage", "huge", "redirect", "busy&retry_after=1",
                                  "refuse&code=90055"])
def test_passing_moods(endpoint, relay, kind):
    tokens = endpoint("--token-fault", f"kind={kind}&times=1")
    running = relay(tokens)
    send(running, "one")
    running.urge_empty()
    assert len(running.logged("event=token_failed")) == 1
    assert tokens.server.account()["distinct"] == 1


def test_hanging_holds_up_nobody_else(endpoint, relay):
    tokens = endpoint("--token-app", f"slow:{SECRET}", "--token-fault", "kind=hang&client=slow")
    running = relay(tokens, [{"user": "slow@example.test", "oauth": {
        "client_id": "slow", "client_secret_file": str(tokens.secret)}},
                             {"user": "fast@example.test"}])
    send(running, "slow", sender="slow@example.test")
    wait_until(lambda: tokens.account()["requests"] == 1, "the request that hangs")
    send(running, *(f"fast{number}" for number in range(5)), sender="fast@example.test")
    wait_until(lambda: running.count() == 1, running.program.tail)
    assert [mail["from"] for mail in running.queue()] == ["slow@example.test"]
    # Nor is it waited for when the relay stops.
    running.program.signal(signal.SIGTERM)
    assert running.program.wait(25) == 0
    tokens.say("fault", "kind=none")
    running.start()
    running.urge_empty()
    assert tokens.server.account()["distinct"] == 6


def test_wrong_secret_in_words(endpoint, relay):
    tokens = endpoint()
    tokens.write(tokens.secret, "the secret's id, perhaps")
    running = relay(tokens)
    send(running, "one")
    wait_until(lambda: running.lines("event=held "), running.program.tail)
    line = running.logged("event=token_failed")[0]
    for word in ("error=invalid_client", "code=7000215", 'meaning="the client secret is wrong"',
                 "whose=administrator", "Certificates & secrets > New client secret",
                 "trace_id=0f0e0d0c-", "tenant=contoso", f"client_id={APP}", "retry_in="):
        assert word in line, word
    assert running.logged("event=held ", "AADSTS7000215")
    assert_discreet(running, "the secret's id")
    # Mended: no restart is needed, and the message was never bounced.
    tokens.write(tokens.secret, SECRET)
    running.urge_empty()
    assert not running.lines("event=bounced ")
    assert tokens.server.account()["distinct"] == 1


def test_dead_refresh_token(endpoint, relay):
    tokens = endpoint()
    tokens.say("forget")
    running = relay(tokens, [{"user": USER, "oauth": {
        "client_id": PUBLIC, "refresh_token_file": str(tokens.refresh)}}])
    send(running, "one")
    wait_until(lambda: running.lines("event=token_failed", "code=50173", "whose=person"),
               running.program.tail)
    assert running.count() == 1


def test_the_command(endpoint, relay):
    tokens = endpoint()
    running = relay(tokens, [{"user": USER}, {"user": "graph@example.test", "oauth": {
        "scope": "https://graph.microsoft.com/.default"}}, {"user": "loud@example.test", "oauth": {
            "command": ["/bin/sh", "-c", "echo said aloud >&2; exit 1"]}}])
    said = running.command("token")
    assert f"identity: {USER}" in said and "audience: https://outlook.office365.com" in said
    told = json.loads(running.command("token", "--json"))
    assert told["result"] == "token" and told["rights"] == "SMTP.SendAsApp"
    assert told["app"] == APP and told["expires"].endswith("Z")
    assert "eyJ" not in said + json.dumps(told)
    wrong = running.command("token", "--identity", "graph@example.test", exit_code=1)
    assert "advice: This token is for Microsoft Graph" in wrong
    running.command("token", "--identity", "nobody@example.test", exit_code=1)
    running.command("token", "--nonsense", exit_code=2)
    running.command("token", "--route", "elsewhere", exit_code=1)
    done = run_sluice("token", "--identity", "loud@example.test", "--config", running.config)
    assert done.returncode == 1
    assert "said aloud" in done.stderr and "it ended with status 1" in done.stderr
    tokens.say("rotate", "secret=another")
    done = run_sluice("token", "--config", running.config)
    assert done.returncode == 1 and "AADSTS7000215" in done.stderr and done.stdout == ""
    assert SECRET not in done.stderr
    running.stop()
    tokens.secret.unlink()
    assert "client-secret: No such file" in run_sluice(
        "token", "--config", running.config, exit_code=1).stderr


def test_mock_usage(endpoint):
    tokens = endpoint()
    assert tokens.account() == {"requests": 0, "granted": 0, "accepted": 0, "refused": 0,
                                "apps": {APP: 0, PUBLIC: 0}, "people": {USER: 0}}
    with pytest.raises(urllib.error.HTTPError):
        tokens.say("fault", "kind=unheard")
