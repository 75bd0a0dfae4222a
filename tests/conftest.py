"""What every end-to-end and crash test may ask for."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "e2e"))

import clients  # pylint: disable=wrong-import-position
import servers  # pylint: disable=wrong-import-position
from harness import Certificates, Sluice, remove  # pylint: disable=wrong-import-position


@pytest.fixture(scope="session", name="session")
def _session():
    """A folder that other users can look into: Postfix's programs run as such."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
    folder.chmod(0o755)
    yield folder
    remove(folder)


@pytest.fixture(scope="session", name="certificates")
def _certificates(session):
    folder = session / "certificates"
    folder.mkdir()
    return Certificates(folder)


@pytest.fixture(scope="session", autouse=True)
def _roots(session):
    """The system's roots, for all that is started: one, for to read 140 is most of a start."""
    folder = session / "root"
    folder.mkdir()
    root = Certificates(folder).ca
    os.environ.update(SSL_CERT_FILE=str(root), SSL_CERT_DIR=str(session / "nowhere"))


@pytest.fixture(scope="session", name="users_file")
def _users_file(session):
    """Those who may sign in to us: one."""
    hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=clients.PASSWORD + "\n",
                            capture_output=True, text=True, check=True).stdout.strip()
    path = session / "users"
    path.write_text(f"# who may sign in\n\n{clients.USER}:{hashed}\n", encoding="utf-8")
    path.chmod(0o600)
    return str(path)


@pytest.fixture(name="folder")
def _folder(session):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="test-", dir=session))
    folder.chmod(0o755)
    return folder


@pytest.fixture(name="cleanup")
def _cleanup():
    """Whatever a test starts is stopped, last first, also when the test fails."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture(name="small_disk")
def _small_disk(folder, cleanup):
    """A file system of 24 MiB of its own."""
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"may not mount a small disk here: {done.stderr.strip()}")
    cleanup.callback(subprocess.run, ["umount", "-l", place], check=False)
    return place


@pytest.fixture(name="aiosmtpd")
def _aiosmtpd(certificates, cleanup):
    """A function that starts one, with the arguments of servers.Aiosmtpd."""

    def start(**options):
        server = servers.Aiosmtpd(certificates, **options)
        cleanup.callback(server.stop)
        return server.start()

    return start


@pytest.fixture(name="recorder")
def _recorder(cleanup):
    """A function that starts one, with what it offers."""

    def start(*offers):
        server = servers.Recorder(*offers)
        cleanup.callback(server.stop)
        return server

    return start


@pytest.fixture(name="mock")
def _mock(folder, certificates, cleanup):
    """A function that starts one, with the options of sluice-mock."""

    def start(*options, **settings):
        server = servers.Mock(folder, certificates, *options, **settings)
        cleanup.callback(server.stop)
        return server.start()

    return start


@pytest.fixture(name="postfix")
def _postfix(folder, certificates, cleanup):
    place = folder / "postfix"
    place.mkdir()
    server = servers.Postfix(place, certificates)
    cleanup.callback(server.stop)
    return server.start()


@pytest.fixture(name="route")
def _route(folder, certificates):
    """A function that gives the route to a server, with sign-in."""
    secret = folder / "secret"
    secret.write_text(servers.PASSWORD + "\n", encoding="utf-8")
    secret.chmod(0o600)

    def make(server, auth="login", **settings):
        return {
            "name": "far", "interface": "submission", "host": "localhost", "port": server.port,
            "tls": {"verify": True, "ca_file": str(certificates.ca)},
            "sessions": 4, "pipeline": 4, "connections": "none", "messages_per_minute": "none",
            "recipients_per_day": "none", "in_doubt_delay": "0s",
            "identities": [{"user": servers.USER, "auth": auth, "secret_file": str(secret)}],
            **settings,
        }

    return make


@pytest.fixture(name="nowhere")
def _nowhere(route):
    """A route on which nobody listens: what comes in stays in the queue."""

    class Closed:
        port = 1

    return route(Closed)


@pytest.fixture(name="sluice")
def _sluice(folder, cleanup):
    """A function that starts a Sluice, with the arguments of harness.Sluice."""
    made = []

    def start(routes, **options):
        running = Sluice(folder / f"sluice{len(made)}",
                         routes if isinstance(routes, list) else [routes], **options)
        made.append(running)
        cleanup.callback(running.stop)
        return running.start()

    return start


@pytest.fixture(name="listener_tls")
def _listener_tls(certificates):
    """The tls setting of a listener, and a users file's place."""
    certificate, key = certificates.server("server")
    return {"certificate": str(certificate), "key": str(key)}


