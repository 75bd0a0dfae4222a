"""clang-tidy and cppcheck have nothing to say; .clang-tidy and cppcheck.txt tell what they are
not asked. It takes long: only where SLUICE_LONG is ON."""

import concurrent.futures
import os
import pathlib
import subprocess

import pytest
import sources

LONG = os.environ.get("SLUICE_LONG") == "ON"
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", sources.TOP / "build"))
FOLDERS = ("queue", "engine", "bench")
CPPCHECK = ("cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability",
            "-I.", "-D_GNU_SOURCE", "--template={file}:{line}: {id}: {message}",
            "--suppressions-list=tests/tidy/cppcheck.txt")
# Options of gcc that clang does not know are no news.
CLANG_TIDY = ("clang-tidy", "-p", str(BUILD), "--quiet",
              "--extra-arg=-Wno-ignored-optimization-argument",
              "--extra-arg=-Wno-unknown-warning-option")

pytestmark = pytest.mark.skipif(not LONG, reason="with --long")


def run(*command):
    return subprocess.run(command, cwd=sources.TOP, capture_output=True, text=True, check=False)


def said_of(name):
    """Lines with a place in them; empty where the tool is content."""
    done = run(*CLANG_TIDY, name)
    lines = [line for line in done.stdout.splitlines() if ": warning: " in line
             or ": error: " in line]
    return lines or ([f"{name}: {done.stderr}"] if done.returncode != 0 else [])


def test_clang_tidy_is_content():
    if not (BUILD / "compile_commands.json").exists():
        pytest.fail("no compile_commands.json: build first")
    names = [name for name in sources.c_files(*FOLDERS) if str(name).endswith(".c")]
    complaints = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for said in pool.map(said_of, names):
            complaints += said
    sources.report(sorted(set(complaints)))


def test_cppcheck_is_content():
    done = run(*CPPCHECK, "-j", str(os.cpu_count()), *FOLDERS)
    sources.report(done.stderr.splitlines())
    assert done.returncode == 0


def test_the_tools_see():
    """Else their silence would mean nothing."""
    assert said_of_text("int f(int *p) { if (p == 0) return *p; return 0; }\n")


def said_of_text(text):
    folder = BUILD / "analysis"
    folder.mkdir(exist_ok=True)
    name = folder / "bad.c"
    name.write_text(text)
    by_tidy = run("clang-tidy", f"--config-file={sources.TOP / '.clang-tidy'}", "--quiet",
                  str(name), "--", "-std=gnu17").stdout
    by_check = run(*CPPCHECK, str(name)).stderr
    return "Dereference of null pointer" in by_tidy and "nullPointer" in by_check
