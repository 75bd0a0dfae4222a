"""Root's powers, given up: who the relay is, what it may open, and that mail flows all the same."""

import contextlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess

import pytest

import clients
from clients import message, swaks
from harness import BUILD, LOCALHOST, PATIENCE_S, wait_until
from servers import PASSWORD, USER
from test_tokens import PUBLIC, Endpoint

NOBODY = pwd.getpwnam("nobody")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root alone can become somebody else")


def low_port():
    for _ in range(1000):
        port = random.randrange(600, 1024)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOCALHOST, port))
            return port
    raise AssertionError("no free port below 1024")


def give(*paths):
    for path in paths:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)


def statuses(running):
    """/proc's words on each thread of both processes, as dictionaries."""
    for pid in (running.program.process.pid, running.keeper()):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            yield dict(line.split(":\t", 1)
                       for line in (task / "status").read_text(encoding="ascii").splitlines())


def assert_powerless(running, bounds=0):
    """Of the capabilities that a program could get, `bounds` are left; held is none."""
    found = list(statuses(running))
    assert len(found) >= 6, "threads that start later hold what the first ones gave up"
    for status in found:
        assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4
        assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4
        assert "0" not in status["Groups"].split()
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[name], 16) == 0, name
        assert int(status["CapBnd"], 16) == bounds
        assert status["NoNewPrivs"].strip() == "1"
        assert status["Seccomp"].strip() == "2"


def assert_theirs(folder):
    for path in [folder, *folder.iterdir()]:
        assert path.stat().st_uid == NOBODY.pw_uid, path


@pytest.fixture(name="secret")
def _secret(folder):
    """A password's file that nobody may read, in a folder of its own."""
    place = folder / "secrets"
    place.mkdir()
    path = place / "secret"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    path.chmod(0o600)
    give(path)
    return path


@pytest.fixture(name="signed_in")
def _signed_in(route, secret):
    """A function that gives the route to a server, with that password."""
    return lambda server, **settings: route(server, identities=[
        {"user": USER, "auth": "login", "secret_file": str(secret)}], **settings)


def test_mail_flows_without_powers(mock, folder, certificates, sluice, route, listener_tls,
                                   users_file):
    """Root's keys and a low port; a refresh token that is written back; a kill in between."""
    tokens = Endpoint(mock, folder, certificates)
    place = folder / "tokens"
    place.mkdir()
    tokens.refresh = tokens.refresh.rename(place / "refresh-token")
    give(place, tokens.refresh)
    tenant = tokens.tenants()[0]
    # A public app has no secret.
    oauth = {key: value for key, value in tenant["oauth"].items() if key != "client_secret_file"}
    port = low_port()
    pathlib.Path(listener_tls["key"]).chmod(0o600)
    running = sluice(
        route(tokens, identities=[{"user": USER, "oauth": {
            "client_id": PUBLIC, "refresh_token_file": str(tokens.refresh)}}]),
        tenants=[{**tenant, "oauth": oauth}],
        user="nobody", listener={"address": f"{LOCALHOST}:{port}", "tls": listener_tls,
                                 "users_file": users_file})

    def send(mark):
        swaks(port, "--tls", "--auth", "PLAIN", "--auth-user", clients.USER, "--auth-password",
              clients.PASSWORD, "--data", message(mark))

    assert_powerless(running)
    for line in running.logged("event=sandbox", count=2):
        assert "user=nobody no_new_privs=on" in line
        assert "seccomp=on io_uring=restricted" in line
    assert not running.lines("event=running_as_root")
    send("one")
    running.wait_empty()
    assert_theirs(running.spool)
    # By curl, libc and libunbound, each with threads of its own.
    assert tokens.refresh.read_text(encoding="utf-8") != "first-refresh-token\n"
    assert tokens.refresh.stat().st_uid == NOBODY.pw_uid
    assert not running.lines("event=token_not_stored")
    running.kill()
    running.start()
    assert_powerless(running)
    send("two")
    running.wait_empty()
    # Root's own command replaces a token, and the relay can still read it.
    running.command("token", "--identity", USER)
    assert tokens.refresh.stat().st_uid == NOBODY.pw_uid
    assert running.terminate() == 0
    assert not (running.spool / "control.sock").exists()
    assert tokens.server.account()["distinct"] == 2


def test_a_spool_of_roots_is_given(sluice, nowhere, secret):
    nowhere["identities"][0]["secret_file"] = str(secret)
    running = sluice(nowhere)
    warning = running.logged("event=running_as_root")[0]
    assert "level=warning" in warning and "set user" in warning
    swaks(running.port, "--data", message("one"))
    assert running.terminate() == 0
    running.settings["user"] = "nobody"
    running.write()
    running.start()
    assert running.count() == 1
    assert_powerless(running)
    assert_theirs(running.spool)
    assert running.spool.stat().st_mode & 0o777 == 0o700


def test_roots_import_is_the_users(sluice, nowhere, secret, folder):
    """Also where the folder is the user's already, and empty: as a service manager makes it."""
    nowhere["identities"][0]["secret_file"] = str(secret)
    running = sluice(nowhere, user="nobody")
    swaks(running.port, "--data", message("one"))
    assert running.terminate() == 0
    parcels = folder / "parcels"
    running.command("spool", "export", parcels)
    for path in list(running.spool.iterdir()):
        path.unlink()
    running.settings.pop("user")
    running.write()
    running.command("spool", "import", parcels)
    assert_theirs(running.spool)
    running.settings["user"] = "nobody"
    running.write()
    running.start()
    assert running.count() == 1


def test_what_the_user_may_not_is_said_at_the_start(sluice, nowhere, secret):
    running = sluice(nowhere)
    running.terminate()
    running.settings["user"] = "nobody"
    running.write()
    line = next(number for number, text in enumerate(
        running.config.read_text(encoding="utf-8").splitlines(), 1) if "secret_file" in text)
    for command in ("check", "serve"):
        done = subprocess.run([BUILD / "sluice", command, "--config", running.config],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 1
        assert (f"sluice.yaml:{line}: routes[0].identities[0].secret_file: user nobody can't read "
                in done.stderr), done.stderr
    nowhere["identities"][0]["secret_file"] = str(secret)
    running.settings["routes"] = [nowhere]
    running.write()
    running.command("check")


def test_somebody_else_can_not_become_the_user(folder, sluice, nowhere, secret):
    """Nor need anybody who is the user already."""
    nowhere["identities"][0]["secret_file"] = str(secret)
    running = sluice(nowhere, user="nobody")
    running.terminate()
    program = folder / "sluice"
    shutil.copy(BUILD / "sluice", program)
    program.chmod(0o755)

    def serve(who, then):
        process = subprocess.Popen(
            [program, "serve", "--config", running.config], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, user=who, group=NOBODY.pw_gid, extra_groups=[])
        with process:
            then(process)
            return process.stdout.read(), process.wait(PATIENCE_S)

    running.settings["user"] = "daemon"
    running.write()
    said, status = serve(NOBODY.pw_uid, lambda process: None)
    assert status == 1
    assert f"user: started as user {NOBODY.pw_uid}, who can't become daemon" in said
    running.settings["user"] = "nobody"
    running.write()

    def stop_when_ready(process):
        wait_until(lambda: (running.spool / "control.sock").exists(), "it to start")
        process.send_signal(signal.SIGTERM)

    said, status = serve(NOBODY.pw_uid, stop_when_ready)
    assert status == 0, said
    assert "event=sandbox process=engine user=nobody" in said


def test_the_systems_roots_are_found_when_met(mock, sluice, signed_in, certificates, folder,
                                              monkeypatch):
    """In a folder, by its hash: as Debian has them, OpenSSL reads none of them before."""
    place = folder / "roots"
    place.mkdir()
    shutil.copy(certificates.ca, place)
    subprocess.run(["openssl", "rehash", place], check=True)
    monkeypatch.setenv("SSL_CERT_DIR", f"{folder}/nowhere:{place}")
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "nowhere"))
    running = sluice(signed_in(mock(), tls={"verify": True}))
    swaks(running.port, "--data", message("one"))
    running.wait_empty()


def test_a_file_elsewhere_can_not_be_opened(sluice, mock, signed_in, secret, folder):
    """Not even by root: the secret's name is made to lead to a file that the relay has nothing to
    do with, and may read by its rights."""
    server = mock()
    running = sluice(signed_in(server, messages_per_session=1))
    if "landlock=on" not in running.logged("event=sandbox")[0]:
        pytest.skip("this kernel has no Landlock")
    swaks(running.port, "--data", message("one"))
    running.wait_empty()
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    secret.rename(elsewhere / "secret")
    secret.symlink_to(elsewhere / "secret")
    swaks(running.port, "--data", message("two"))
    wait_until(lambda: any("Permission denied" in (entry["reply"] or "")
                           for entry in running.queue()), "its refusal")
    assert running.count() == 1
    # Turned off, it reads it; and started again it knows where the link leads.
    assert running.terminate() == 0
    running.settings["sandbox"] = {"landlock": False, "seccomp": False}
    running.write()
    running.start()
    running.urge_empty()
    assert "landlock=off seccomp=off" in running.logged("event=sandbox", count=4)[-1]
    assert [status["Seccomp"].strip() for status in statuses(running)].count("0") >= 6
    del running.settings["sandbox"]
    running.write()
    assert running.terminate() == 0
    running.start()
    swaks(running.port, "--data", message("three"))
    running.wait_empty()
    # A new password takes the old one's place, as one does who edits it.
    beside = elsewhere / "next"
    beside.write_text(PASSWORD + "\n", encoding="utf-8")
    beside.chmod(0o600)
    beside.rename(elsewhere / "secret")
    swaks(running.port, "--data", message("four"))
    running.wait_empty()
    assert server.account()["distinct"] == 4
