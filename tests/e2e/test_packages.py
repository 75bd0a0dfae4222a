"""tests/packages.sh --unpack, with an apt-get of the test's own."""

import os
import subprocess

from harness import TOP

# "Downloads" a package of one file, and tells that it did.
APT_GET = """#!/bin/sh
set -eu
echo "$@" >>"$FETCHED"
mkdir -p made/DEBIAN made/usr/share
echo content >made/usr/share/thing
printf 'Package: thing\\nVersion: 1\\nArchitecture: all\\nMaintainer: A <a@b.test>\\n%s\\n' \\
	'Description: thing' >made/DEBIAN/control
dpkg-deb -b made thing.deb >/dev/null
rm -r made
"""


def test_unpacking_at_the_same_time_is_done_once(tmp_path):
    for name, text in ("apt-get", APT_GET), ("apt-cache", "#!/bin/sh\n"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
    fetched = tmp_path / "fetched"
    into = tmp_path / "into"
    environment = os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
                                "FETCHED": str(fetched)}
    command = ["sh", TOP / "tests/packages.sh", "--unpack", "nameserver", into]
    at_once = [subprocess.Popen(command, env=environment, cwd=tmp_path) for _ in range(4)]
    assert [program.wait(60) for program in at_once] == [0] * 4
    assert (into / "usr/share/thing").read_text(encoding="ascii") == "content\n"
    assert len(fetched.read_text(encoding="ascii").splitlines()) == 1
