"""`cmake --install` puts things where Debian looks for them."""

import os
import subprocess

from harness import BUILD


def test_install(folder):
    def install():
        done = subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"],
                              env={**os.environ, "DESTDIR": str(folder)}, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    install()
    for path in ("usr/bin/sluice", "usr/share/man/man1/sluice.1.gz", "etc/sluice/sluice.yaml",
                 "usr/share/man/man5/sluice.yaml.5.gz", "usr/lib/systemd/system/sluice.service",
                 "usr/lib/sysusers.d/sluice.conf",
                 "usr/share/doc/sluice/guides/first-message.md",
                 "usr/share/doc/sluice/examples/sluice.yaml", "usr/share/doc/sluice/README.md"):
        assert (folder / path).is_file(), path
    unit = (folder / "usr/lib/systemd/system/sluice.service").read_text(encoding="utf-8")
    assert "ExecStart=/usr/bin/sluice serve" in unit
    # A configuration in use stays as it is.
    (folder / "etc/sluice/sluice.yaml").write_text("mine", encoding="ascii")
    install()
    assert (folder / "etc/sluice/sluice.yaml").read_text(encoding="ascii") == "mine"
