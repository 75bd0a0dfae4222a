"""Files and functions stay small; a header opens with its contract; every file has its mirror."""

import re
import warnings

import sources

# Aim for the first, never pass the second.
FILE_LINES = (500, 700)
HEADER_LINES = (150, 250)
FUNCTION_LINES = (60, 100)
COLUMNS = 100

# "file:function": why it is longer
LONG_FUNCTIONS = {}

# file: why it is longer
LONG_FILES = {}

# file: why it has no test of its own
NO_MIRROR = {
    "engine/ops/admin.c": "HTTP, tested from outside, in tests/e2e/test_admin.py",
    "engine/ops/desk.c": "asks helpers that have tests; seen in tests/e2e/test_doctor.py",
    "engine/ops/submit.c": "a client of ours, tested in tests/e2e/test_sendmail.py",
    "engine/ops/talk.c": "holds a session, tested from outside, in tests/e2e/test_doctor.py",
    "engine/main.c": "its commands are tested from outside, in tests/e2e",
    "engine/keeper_main.c": "a process, tested from its parent: tests/engine/test_keeper_process.c",
    "bench/mock_main.c": "its options are tested from outside, in tests/e2e",
    "bench/bench_main.c": "measures; nothing to assert",
}


def test_files_are_short():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench", "tests"):
        # What a test's header holds is mostly bodies.
        header = name.endswith(".h") and not name.startswith("tests/")
        aim, limit = HEADER_LINES if header else FILE_LINES
        lines = sources.text(name).count("\n")
        if lines > limit and name not in LONG_FILES:
            complaints.append(f"{name}:1: {lines} lines, of at most {limit}")
        elif lines > aim and not name.startswith("tests/"):
            warnings.warn(f"{name}: {lines} lines, aim for {aim}")
    sources.report(complaints)


def test_functions_are_short():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench", "tests"):
        aim, limit = FUNCTION_LINES
        for function in sources.functions(name):
            place = f"{name}:{function.first}: {function.name}() has {function.lines} lines"
            if function.lines > limit and f"{name}:{function.name}" not in LONG_FUNCTIONS:
                complaints.append(f"{place}, of at most {limit}")
            elif function.lines > aim and not name.startswith("tests/"):
                warnings.warn(f"{place}, aim for {aim}")
    sources.report(complaints)


def test_lines_are_short():
    complaints = []
    for name in sources.files(".c", ".h", ".py", ".sh", ".txt", ".cmake"):
        for number, line in enumerate(sources.text(name).split("\n"), 1):
            columns = len(line.expandtabs(8))
            if columns > COLUMNS:
                complaints.append(f"{name}:{number}: {columns} columns, of at most {COLUMNS}")
    sources.report(complaints)


def declares_functions(name):
    code = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", "", sources.code(name), flags=re.MULTILINE)
    return re.search(r"^\w[^;{}]*\([^;{}]*\);", code, re.MULTILINE) is not None


def test_headers_open_with_their_contract():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench"):
        if not name.endswith(".h"):
            continue
        opening = re.match(r"/\*\n(.*?)\*/\n", sources.text(name), re.DOTALL)
        if opening is None:
            complaints.append(f"{name}:1: opens with its contract")
        # Values and tables belong to no thread; what declares functions does.
        elif "Thread:" not in opening.group(1) and declares_functions(name):
            complaints.append(f"{name}:1: the contract says which thread (\"Thread:\")")
    sources.report(complaints)


def test_headers_are_guarded():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench", "tests"):
        if not name.endswith(".h"):
            continue
        guard = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", sources.text(name), re.MULTILINE)
        if guard is None or guard.group(1) != guard.group(2):
            complaints.append(f"{name}:1: no include guard")
    sources.report(complaints)


def test_every_file_has_its_mirror():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench"):
        if not name.endswith(".c") or name in NO_MIRROR:
            continue
        folder, _, file = name.rpartition("/")
        stem = file[:-2]
        # A seam's body may be tested under the seam's name: io_uring.c in test_io.c.
        mirrors = [f"tests/{folder}/test_{stem}.c", f"tests/{folder}/test_{stem.split('_')[0]}.c"]
        if not any((sources.TOP / mirror).exists() for mirror in mirrors):
            complaints.append(f"{name}:1: has no mirror {mirrors[0]}")
    sources.report(complaints)


def test_exceptions_are_needed():
    names = [*LONG_FILES, *NO_MIRROR, *(place.split(":")[0] for place in LONG_FUNCTIONS)]
    # A program's main file may come after the test that excuses it.
    missing = [name for name in names if not (sources.TOP / name).exists()]
    sources.report([f"{name}: excused, but not there" for name in missing
                    if not name.endswith("main.c")])
