"""`sluice doctor`: each way in which a route may be broken, and that the right one is named."""

import json
import socket
import threading

import pytest

from harness import LOCALHOST, Sluice, free_port, run_sluice
import servers

ME = servers.USER


@pytest.fixture(name="see")
def _see(folder):
    """A function that has the doctor see a route; what is found, and the exit code."""
    def see(route, *options, **settings):
        sluice = Sluice(folder / "doctor", [route], **settings)
        done = run_sluice("doctor", "--json", "--config", sluice.config, *options)
        assert done.stderr == "", done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()], done.returncode

    return see


def wrong(findings):
    return [finding for finding in findings if finding["result"] == "wrong"]


def test_all_is_well(see, mock, route):
    server = mock()
    findings, code = see(route(server), "--to", "user@example.org")
    assert code == 0 and not wrong(findings)
    steps = [finding["step"] for finding in findings if finding["result"] == "fine"]
    assert steps == ["dns", "connect", "greeting", "ehlo", "starttls", "tls", "ehlo", "sign_in",
                     "mail", "rcpt"]
    assert server.account_now()["messages"] == 0


def test_a_message_is_sent_when_asked_for(see, mock, route):
    server = mock()
    findings, code = see(route(server), "--to", "user@example.org", "--send")
    assert code == 0 and findings[-1]["step"] == "data"
    assert server.account_now()["messages"] == 1


# Stage and reply of the service, and the step that is wrong.
REPLIES = [
    ("connect", "421 4.3.2 Service not available", "greeting"),
    ("connect", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "greeting"),
    ("connect", "554 5.7.1 You are not allowed to connect", "greeting"),
    ("ehlo", "501 5.5.4 Invalid domain name", "ehlo"),
    ("starttls", "454 4.7.0 TLS not available due to local problem", "starttls"),
    ("auth", "535 5.7.3 Authentication unsuccessful", "sign_in"),
    ("auth", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for "
     "the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.", "sign_in"),
    ("auth", "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
     "sign_in"),
    ("auth", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
     "sign_in"),
    ("auth", "454 4.7.0 Temporary authentication failure", "sign_in"),
    ("auth", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "sign_in"),
    ("mail", "530 5.7.57 Client not authenticated to send mail", "mail"),
    ("mail", "550 5.1.8 Access denied, bad outbound sender", "mail"),
    ("mail", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "mail"),
    ("mail", "501 5.1.7 Invalid address", "mail"),
    ("rcpt", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", "rcpt"),
    ("rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied", "rcpt"),
    ("rcpt", "550 5.4.1 Recipient address rejected: Access denied", "rcpt"),
    ("rcpt", "452 4.5.3 Too many recipients", "rcpt"),
]


def told(reply, stage):
    """What `sluice explain` says of it."""
    return json.loads(run_sluice("explain", "--json", "--stage", stage, reply).stdout)


@pytest.mark.parametrize("stage,reply,step", REPLIES)
def test_what_the_service_says(see, mock, route, stage, reply, step):
    server = mock("--rule", f"stage={stage},reply={reply}")
    findings, code = see(route(server), "--to", "user@example.org")
    (finding,) = wrong(findings)
    assert code == 1 and findings[-1] == finding
    assert finding["step"] == step and reply[:20] in finding["said"], finding
    explained = told(reply, stage)
    assert (finding["cause"], finding["advice"]) == (explained["cause"], explained["advice"])


@pytest.mark.parametrize("drop,step", [("connect", "greeting"), ("ehlo", "ehlo"),
                                       ("auth", "sign_in"), ("mail", "mail")])
def test_a_session_that_ends(see, mock, route, drop, step):
    server = mock("--rule", f"stage={drop},drop=before")
    (finding,) = wrong(see(route(server))[0])
    assert finding["step"] == step
    assert "closed" in finding["said"].lower() or "reset" in finding["said"].lower(), finding


def test_nobody_listens(see, mock, route):
    settings = route(mock())
    settings |= {"host": LOCALHOST, "port": free_port()}
    (finding,) = wrong(see(settings)[0])
    assert finding["step"] == "connect" and "refused" in finding["said"]
    assert "Nobody listens there" in finding["advice"]


def test_no_such_host(see, mock, route):
    settings = route(mock()) | {"host": "nowhere.invalid"}
    (finding,) = wrong(see(settings)[0])
    assert finding["step"] == "dns" and "nowhere.invalid" in finding["subject"]
    assert "host" in finding["advice"]


def test_another_host(see, mock, route):
    """The certificate is the service's, and not for this name."""
    settings = route(mock())
    settings["tls"]["name"] = "smtp.office365.com"
    (finding,) = wrong(see(settings)[0])
    assert finding["step"] == "tls" and "not for smtp.office365.com" in finding["said"]


def test_an_authority_that_nobody_knows(see, mock, route):
    settings = route(mock())
    del settings["tls"]["ca_file"]
    (finding,) = wrong(see(settings)[0])
    assert finding["step"] == "tls" and "ca_file" in finding["advice"]


def test_starttls_is_taken_out(see, mock, route):
    (finding,) = wrong(see(route(mock("--lack", "STARTTLS")))[0])
    assert finding["step"] == "starttls" and "firewall" in finding["advice"]


def test_nobody_vouches(see, mock, route):
    findings, code = see(route(mock()) | {"tls": {"verify": False}})
    (note,) = [finding for finding in findings
               if finding["result"] == "note" and finding["step"] == "tls"]
    assert code == 0 and "tls.verify" in note["advice"]


def test_another_mechanism(see, mock, route):
    (finding,) = wrong(see(route(mock(auth="XOAUTH2")))[0])
    assert finding["step"] == "sign_in" and finding["cause"] == "auth_mechanism"
    assert "offers XOAUTH2" in finding["said"] and "`auth` is login" in finding["said"]


def test_a_wrong_password(see, mock, route, folder):
    settings = route(mock())
    secret = folder / "other"
    secret.write_text("wrong\n", encoding="utf-8")
    secret.chmod(0o600)
    settings["identities"][0]["secret_file"] = str(secret)
    (finding,) = wrong(see(settings)[0])
    assert finding["step"] == "sign_in" and finding["said"].startswith("535")


def test_something_that_is_no_mail_server(see):
    with socket.create_server((LOCALHOST, 0)) as server:
        def answer():
            client, _ = server.accept()
            client.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            client.close()

        thread = threading.Thread(target=answer)
        thread.start()
        settings = {"name": "far", "interface": "connector", "host": LOCALHOST,
                    "port": server.getsockname()[1]}
        (finding,) = wrong(see(settings)[0])
        thread.join()
    assert finding["step"] == "greeting" and "no SMTP" in finding["said"]


def test_a_route_without_a_sender(see, mock):
    server = mock("--interface", "connector", auth="LOGIN")
    findings, code = see({"name": "far", "interface": "connector", "host": "localhost",
                          "port": server.port, "tls": {"mode": "none"}})
    assert code == 0
    assert "--from" in findings[-1]["advice"] and findings[-1]["step"] == "mail"


def test_who_is_at_an_address(see, mock, route, users_file):
    listener = {"allow": ["10.0.0.0/8"], "users_file": users_file,
                "allow_plaintext_auth": True,
                "old_devices": [{"name": "scanner", "networks": ["10.9.9.9"],
                                 "tolerant": True}]}
    settings = route(mock())
    (inside,) = see(settings, "--client", "10.1.2.3", listener=listener)[0]
    assert inside["said"].startswith("may relay without signing in")
    (device,) = see(settings, "--client", "10.9.9.9", listener=listener)[0]
    assert 'the old device "scanner"' in device["said"]
    (outside,) = see(settings, "--client", "192.0.2.7", listener=listener)[0]
    assert outside["said"].startswith("may relay once signed in; no TLS; AUTH PLAIN and LOGIN")


def test_for_people(see, mock, route, folder):
    server = mock("--rule", "stage=mail,reply=550 5.1.8 Access denied")
    see(route(server))
    done = run_sluice("doctor", "--config", folder / "doctor" / "sluice.yaml", exit_code=1)
    assert f"route far as {ME}" in done.stdout
    assert "WRONG  mail" in done.stdout and "to do" in done.stdout


def test_usage(see, mock, route):
    see(route(mock()))
    for words in (["--send"], ["--client", "x"], ["--to", "nobody"], ["--from", "@"],
                  ["far", "near"], ["--what"]):
        run_sluice("doctor", *words, exit_code=2)


def test_names_that_lead_nowhere(see, mock, route, folder):
    see(route(mock()))
    config = folder / "doctor" / "sluice.yaml"
    done = run_sluice("doctor", "--config", config, "near", exit_code=1)
    assert 'no route is named "near"' in done.stderr
    done = run_sluice("doctor", "--config", config, "--identity", "x@y.z", exit_code=1)
    assert 'no identity of any route is "x@y.z"' in done.stderr
