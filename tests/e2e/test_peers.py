"""bench/peers.sh: Sluice beside another relay, a few messages each."""

import json
import os
import signal
import subprocess
import time

import pytest

from harness import BUILD, TOP, wait_until

SCRIPT = TOP / "bench/peers.sh"
# Those whose packages take a while to come, or may not come at all: for long runs.
LONG = os.environ.get("SLUICE_LONG") == "ON"


@pytest.fixture(name="place")
def _place(folder):
    """Where other users can look, and where what is left over shows."""
    place = folder / "place"
    place.mkdir()
    return place


def peers(place, *options, exit_code=0):
    """The report of a run, as JSON, and what it printed."""
    done = subprocess.run(
        ["sh", SCRIPT, "--quick", "--programs", BUILD, "--spool", place,
         "--json", place.parent / "peers.json", *options],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=place)
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert not list(place.iterdir()), "it cleans up"
    return json.loads((place.parent / "peers.json").read_text(encoding="utf-8")), done.stdout


def assert_sound(relay):
    assert relay["messages"] == 300
    assert relay["lost"] == 0
    assert relay["messages_per_second"] > 0
    assert relay["cpu_us"] > 0
    assert relay["connections_most"] >= 1
    assert relay["ratio"] > 0


def test_sluice_beside_postfix(place):
    report, table = peers(place, "--peers", "postfix")
    relays = {relay["peer"]: relay for relay in report["relays"]}
    assert list(relays) == ["sluice", "postfix"], report["skipped"]
    for relay in relays.values():
        assert_sound(relay)
        assert relay["durable"] == "yes"
        assert relay["best"]
    assert relays["sluice"]["ratio"] == 1
    assert relays["sluice"]["connections_most"] <= relays["sluice"]["connections_allowed"]
    assert "cores" in report["machine"]
    assert [line.split()[0] for line in table.splitlines()[1:3]] == ["sluice", "postfix"]


def test_what_is_missing_is_skipped_by_name(place):
    """Without npm on the path there is no Haraka."""
    tools = place.parent / "tools"
    tools.mkdir()
    for folder in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"):
        for path in os.listdir(folder):
            if path != "npm" and not (tools / path).exists():
                (tools / path).symlink_to(f"{folder}/{path}")
    done = subprocess.run(
        ["sh", SCRIPT, "--quick", "--peers", "haraka", "--programs", BUILD, "--spool", place],
        env=os.environ | {"PATH": str(tools)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "haraka is skipped: npm, which fetches it, is not there" in done.stdout


def test_nothing_stays_behind_an_interruption(place):
    script = subprocess.Popen(
        ["sh", SCRIPT, "--peers", "sluice", "--programs", BUILD, "--spool", place],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while "messages" not in script.stderr.readline():
        assert script.poll() is None
    wait_until(lambda: running(place), "Sluice runs")
    time.sleep(0.2)
    script.send_signal(signal.SIGTERM)
    assert script.wait(60) == 143
    # The keeper goes by itself, once it finds that nobody is there to serve.
    wait_until(lambda: not running(place), "nobody is left")
    assert not list(place.iterdir())


def running(place):
    """The processes that were started in the place."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if f"{place}/".encode() in file.read():
                    found.append(pid)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("options, complaint", [
    (["--peers", "sendmail"], "who is sendmail?"), (["--runs", "0"], "--runs 0 is no number"),
    (["--json"], "--json needs a value"), (["--fast"], "what is --fast?")])
def test_usage(options, complaint):
    done = subprocess.run(["sh", SCRIPT, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr


@pytest.mark.skipif(not LONG, reason="fetches three relays: long runs only")
@pytest.mark.parametrize("name, durable", [
    ("exim", "yes"), ("opensmtpd", "no"), ("haraka", "no")])
def test_sluice_beside(place, name, durable):
    """One that can't be had here says why; else it must have worked."""
    report, _ = peers(place, "--peers", name)
    relays = {relay["peer"]: relay for relay in report["relays"]}
    if name not in relays:
        pytest.skip(str(report["skipped"]))
    assert_sound(relays[name])
    assert relays[name]["durable"] == durable
