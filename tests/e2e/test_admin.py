"""The admin port, as monitoring and a load balancer meet it."""

import http.client
import re
import socket

import pytest

from clients import message, swaks
from harness import LOCALHOST, free_port, run_sluice, wait_until

TOKEN = "a token of some length"
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Port:
    """Asks the admin port; an answer's status and text."""

    def __init__(self, port):
        self.port = port

    def ask(self, path, method="GET", token=None, body=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection = http.client.HTTPConnection(LOCALHOST, self.port, timeout=30)
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def metrics(self):
        status, text = self.ask("/metrics")
        assert status == 200
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if not line.startswith("#")}


@pytest.fixture(name="admin")
def _admin(sluice, mock, route):
    """A Sluice with an admin port, and that."""
    port = free_port()
    running = sluice(route(mock()), admin={"address": f"{LOCALHOST}:{port}"})
    return running, Port(port)


def test_mail_is_counted(admin):
    running, port = admin
    before = port.metrics()
    assert before["sluice_messages_taken_total"] == 0
    for number in range(3):
        swaks(running.port, "--data", message(f"m{number}"))
    running.wait_empty()
    after = wait_until(
        lambda: (lambda now: now if now["sluice_jobs_delivered_total"] == 3 else None)(
            port.metrics()), running.program.tail)
    assert after["sluice_messages_taken_total"] == 3
    assert after["sluice_taken_bytes_total"] > 300
    assert after["sluice_queue_messages"] == 0
    assert after["sluice_ready"] == 1
    assert after['sluice_route_sessions{route="far"}'] >= 1
    for name in ("commit", "attempt", "delivery"):
        count = after[f"sluice_{name}_duration_seconds_count"]
        assert count == after[f'sluice_{name}_duration_seconds_bucket{{le="+Inf"}}'] >= 3
        assert after[f"sluice_{name}_duration_seconds_sum"] > 0
    assert after["process_resident_memory_bytes"] > 1e6
    assert after["sluice_spool_file_bytes"] > 0 and after["sluice_spool_disk_free_bytes"] > 0
    assert after["process_cpu_seconds_total"] >= before["process_cpu_seconds_total"] > 0


def test_the_format(admin):
    """Each family has its help and type, once, before its samples; counters end in _total."""
    text = admin[1].ask("/metrics")[1]
    kinds = {}
    for line in text.splitlines():
        if line.startswith("# HELP"):
            name = line.split()[2]
            assert name not in kinds and len(line.split(" ", 3)[3]) > 3
        elif line.startswith("# TYPE"):
            assert line.split()[2] == name
            kinds[name] = line.split()[3]
            assert NAME.fullmatch(name)
        else:
            sample = re.match(r"[a-z0-9_]+", line).group(0)
            assert re.sub("_(bucket|sum|count)$", "", sample) == name or sample == name
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name


def test_health(admin):
    running, port = admin
    assert port.ask("/healthz") == (200, "alive\n")
    assert port.ask("/readyz") == (200, "ready\n")
    running.stop()
    with pytest.raises(OSError):
        port.ask("/healthz")


def test_what_is_not_there(admin):
    _, port = admin
    assert port.ask("/")[0] == 404
    assert port.ask("/metrics", "POST", body="x")[0] == 405
    assert port.ask("/metrics", "HEAD") == (200, "")
    assert port.ask("/metrics/" + "x" * 20000)[0] == 414


def test_a_client_that_says_nothing_keeps_nobody(admin):
    _, port = admin
    silent = [socket.create_connection((LOCALHOST, port.port)) for _ in range(10)]
    for each in silent:
        each.sendall(b"GET /met")
    assert port.ask("/healthz")[0] == 200
    for each in silent:
        each.close()


def test_a_token(sluice, mock, route, folder):
    token = folder / "token"
    token.write_text(TOKEN + "\n", encoding="utf-8")
    token.chmod(0o600)
    port = free_port()
    sluice(route(mock()), admin={"address": f"{LOCALHOST}:{port}", "token_file": str(token)})
    asker = Port(port)
    assert asker.ask("/metrics", token=TOKEN)[0] == 200
    for wrong in (None, TOKEN[:-1], TOKEN + "x", "x" * 5000):
        assert asker.ask("/metrics", token=wrong)[0] == 401
        assert asker.ask("/secrets", token=wrong)[0] == 401
    assert asker.ask("/healthz")[0] == 200


def test_a_port_that_is_taken(folder, sluice, mock, route):
    with socket.create_server((LOCALHOST, 0)) as taken:
        running = sluice(route(mock()))
        running.stop()
        at = f"{LOCALHOST}:{taken.getsockname()[1]}"
        running.settings["admin"] = {"address": at}
        running.write()
        done = run_sluice("serve", "--config", running.config, exit_code=1)
        assert f"cannot listen on {at} for admin: Address already in use" in done.stderr
    del folder
