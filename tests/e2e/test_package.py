"""The Debian package that cpack makes: what is in it, and what its scripts do to a machine. It is
installed below a folder, with programs of the test's own in place of those that change the machine.
"""

import os
import shutil
import subprocess

import pytest

from harness import BUILD

# What would be done to the machine is written down instead.
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >>"$DONE"
"""
STUBS = ("systemd-sysusers", "systemctl", "deb-systemd-invoke", "chown")


@pytest.fixture(name="package", scope="module")
def _package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    done = subprocess.run(["cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder],
                          cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = folder.glob("sluice_*_*.deb")
    return package


class Machine:
    """A folder that dpkg takes for the root of a machine."""

    def __init__(self, folder):
        self.root = folder / "root"
        self.done = folder / "done"
        for path in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "run/systemd/system", "etc"):
            (self.root / path).mkdir(parents=True)
        for path in ("status", "available"):
            (self.root / "var/lib/dpkg" / path).touch()
        (folder / "bin").mkdir()
        for name in STUBS:
            stub = folder / "bin" / name
            stub.write_text(STUB, encoding="ascii")
            stub.chmod(0o755)
        self.environment = {**os.environ, "DONE": str(self.done),
                            "PATH": f"{folder}/bin:{os.environ['PATH']}"}

    def dpkg(self, *words):
        """What its scripts did, and what was printed."""
        self.done.write_text("", encoding="ascii")
        done = subprocess.run(
            ["dpkg", f"--root={self.root}", "--force-script-chrootless", "--force-depends",
             "--force-not-root", "--force-confold", "--log=/dev/null", *map(str, words)],
            env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.done.read_text(encoding="utf-8").splitlines(), done.stdout


@pytest.fixture(name="machine")
def _machine(tmp_path):
    return Machine(tmp_path)


def test_a_life(machine, package):
    """Installed, upgraded, removed and purged: settings and spool are nobody else's to change."""
    done, said = machine.dpkg("-i", package)
    root = machine.root
    assert done == [f"systemd-sysusers --root={root} sluice.conf",
                    f"chown root:sluice {root}/etc/sluice/sluice.yaml", "systemctl daemon-reload"]
    assert "systemctl enable --now sluice" in said
    settings = root / "etc/sluice/sluice.yaml"
    settings.write_text("mine", encoding="ascii")
    mail = root / "var/lib/sluice/data.mdb"
    mail.parent.mkdir()
    mail.write_text("mail", encoding="ascii")

    done, _ = machine.dpkg("-i", package)
    assert done[-1] == "deb-systemd-invoke try-restart sluice.service"
    assert not any("stop" in line for line in done)
    assert settings.read_text(encoding="ascii") == "mine"

    done, _ = machine.dpkg("-r", "sluice")
    assert done == ["deb-systemd-invoke stop sluice.socket sluice.service",
                    "systemctl daemon-reload"]
    assert settings.exists() and not (root / "usr/bin/sluice").exists()

    _, said = machine.dpkg("-P", "sluice")
    assert "the spool stays" in said and mail.read_text(encoding="ascii") == "mail"
    assert not settings.exists()


def test_an_empty_spool_goes(machine, package):
    machine.dpkg("-i", package)
    spool = machine.root / "var/lib/sluice"
    spool.mkdir()
    machine.dpkg("-P", "sluice")
    assert not spool.exists()


def test_what_is_installed_runs(machine, package):
    machine.dpkg("-i", package)
    root = machine.root
    for program in ("sluice", "sluice-mock", "sluice-bench"):
        assert subprocess.run([root / "usr/bin" / program, "--help"], capture_output=True,
                              check=True).stdout
    assert subprocess.run([root / "usr/bin/sluice", "check", "--config",
                           root / "etc/sluice/sluice.yaml"], check=True).returncode == 0
    for page in ("man1/sluice.1", "man1/sluice-bench.1", "man1/sluice-mock.1",
                 "man5/sluice.yaml.5"):
        assert (root / "usr/share/man" / f"{page}.gz").exists()
    unit = (root / "usr/lib/systemd/system/sluice.service").read_text(encoding="utf-8")
    assert "ExecStart=/usr/bin/sluice serve" in unit


def test_lintian_finds_no_errors(package):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", package],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def complete(machine, *words):
    """What bash offers behind these words; the last is begun."""
    script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(
        ["bash", "-c", script, "bash",
         machine.root / "usr/share/bash-completion/completions/sluice", *words],
        env={**os.environ, "PATH": f"{machine.root}/usr/bin:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_completion(machine, package):
    machine.dpkg("-i", package)
    assert complete(machine, "sluice", "qu") == ["queue"]
    assert {"serve", "trace", "spool", "--help"} <= set(complete(machine, "sluice", ""))
    assert complete(machine, "sluice", "queue", "rel") == ["release"]
    assert complete(machine, "sluice", "spool", "e") == ["export"]
    assert complete(machine, "sluice", "trace", "--message") == ["--message-id"]
