"""The top level is what README.md says, and the tools that judge files agree with them."""

import re
import subprocess

import sources

TOP_LEVEL = {"engine", "queue", "bench", "tests", "CMakeLists.txt", "CMakePresets.json",
             "README.md", "LICENSE"}


def run(*command):
    done = subprocess.run(command, cwd=sources.TOP, capture_output=True, text=True, check=False)
    sources.report((done.stdout + done.stderr).splitlines() if done.returncode != 0 else [])


def test_top_level():
    complaints = []
    for path in sources.TOP.iterdir():
        name = path.name
        known = name in TOP_LEVEL or name.startswith(".") or sources.SKIPPED_FOLDERS.match(name)
        if not known:
            complaints.append(f"{name}: does not belong at the top")
    sources.report(complaints)


def test_no_paths_of_one_machine():
    machine = re.compile(r"/(work|root|home)/|/tmp/\w")
    complaints = []
    for name in sources.files(".c", ".h", ".py", ".sh", ".md", ".txt", ".cmake", ".json", "run"):
        for number, line in enumerate(sources.text(name).split("\n"), 1):
            if machine.search(line) and "machine = " not in line:
                complaints.append(f"{name}:{number}: {line.strip()}")
    sources.report(complaints)


def test_clang_format_agrees():
    names = sources.c_files("queue", "engine", "bench", "tests")
    run("clang-format", "--dry-run", "-Werror", *names)


def test_shellcheck_agrees():
    names = [name for name in sources.files(".sh", "run") if sources.text(name).startswith("#!")]
    run("shellcheck", *names)
