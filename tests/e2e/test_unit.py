"""The unit that is shipped: what systemd says it is exposed to, and that it gives enough."""

import os
import shutil
import subprocess

import pytest

from clients import message, swaks
from harness import LOCALHOST, PATIENCE_S, TOP
from servers import PASSWORD
from test_privileges import NOBODY, assert_powerless, give, low_port

UNIT = TOP / "engine/sluice.service"
CAP_NET_BIND_SERVICE = 10  # its number
# Of systemd's scale from 0 to 10, times ten: a service that serves the network has some.
EXPOSURE_MOST = 20


def analyze(*words):
    """systemd-analyze, the machine's or one unpacked."""
    program, environment = shutil.which("systemd-analyze"), dict(os.environ)
    if program is None:
        cache = TOP / "build/unit"
        subprocess.run(["sh", TOP / "tests/packages.sh", "--unpack", "unit", cache], check=True)
        program = next(path for path in cache.rglob("systemd-analyze") if path.parent.name == "bin")
        libraries = {str(path.parent) for path in cache.rglob("*.so*")}
        environment["LD_LIBRARY_PATH"] = ":".join(sorted(libraries))
    return subprocess.run([program, *words], env=environment, capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False)


def settings(name):
    """Each value of a setting in the unit, in order."""
    return [line.partition("=")[2] for line in UNIT.read_text(encoding="ascii").splitlines()
            if line.startswith(f"{name}=")]


def test_little_is_exposed():
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MOST}", UNIT)
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout


def test_the_user_is_made():
    """By the line of sysusers.d, which names the unit's user."""
    lines = [line for line in (TOP / "engine/sluice.sysusers").read_text("ascii").splitlines()
             if line and not line.startswith("#")]
    assert [line.split()[:2] for line in lines] == [["u", user] for user in settings("User")]
    assert settings("Group") == settings("User")


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can start it as systemd would")
def test_the_relay_runs_on_what_the_unit_gives(aiosmtpd, sluice, route, folder):
    """A user without a right but one capability, which it gives up when its port is bound."""
    powers = settings("CapabilityBoundingSet")
    assert powers == settings("AmbientCapabilities") == ["CAP_NET_BIND_SERVICE"]
    wish = ",+" + powers[0].removeprefix("CAP_").lower()
    server = aiosmtpd()
    port = low_port()
    secret = folder / "secret"
    secret.write_text(PASSWORD + "\n", encoding="utf-8")
    running = sluice(route(server), listener={"address": f"{LOCALHOST}:{port}"})
    running.terminate()
    give(secret, running.spool, *running.spool.iterdir())
    running.launch("setpriv", "--reuid", str(NOBODY.pw_uid), "--regid", str(NOBODY.pw_gid),
                   "--clear-groups", "--bounding-set", "-all" + wish, "--inh-caps", "-all" + wish,
                   "--ambient-caps", "-all" + wish, "--no-new-privs").ready()
    assert_powerless(running, bounds=1 << CAP_NET_BIND_SERVICE)
    assert not running.lines("event=running_as_root")[1:], "but for the first start"
    swaks(port, "--data", message("one"))
    running.wait_empty()
    assert server.marks() == ["one"]
