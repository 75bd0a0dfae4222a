"""Functions and words that have no place here, or only in the rooms named below."""

import os
import pathlib
import re
import subprocess

import sources

NEVER = ("strcpy strcat sprintf vsprintf strtok atoi atol gets alloca rand srand time gettimeofday"
         " sleep usleep getaddrinfo").split()

# file: {function: why}
ALLOWED = {}

# Start-up and its undoing: what is sized there lives until the end.
START_UP = re.compile(r".*_(create|destroy|open|close|load|start|stop|init|finish)$|^main$")

# Allocation elsewhere. file: why
MAY_ALLOCATE = {
    "engine/ops/control_client.c": "a command of its own process",
    "engine/engine_open.c": "puts the engine together, at start",
    "engine/keeper_main.c": "puts the keeper's process together, at its start",
    "engine/config_arena.c": "the configuration's memory, taken at start",
    "engine/config_places.c": "gone once the configuration is read",
    "engine/config_report.c": "of start-up alone",
    "engine/dispatch_init.c": "sizes a dispatch at start",
    "engine/ops/admin.c": "a page, in a thread that moves no mail",
    "engine/ops/metrics_manual.c": "a command of its own process",
    "engine/ops/cli_token.c": "a command of its own process",
    "engine/ops/cli_doctor.c": "likewise",
    "engine/ops/sendmail_letter.c": "of a command of its own process",
    "engine/ops/doctor_route.c": "of that command alone",
    "engine/ops/doctor_visit.c": "likewise",
    "engine/ops/trace_find.c": "likewise",
    "engine/ops/trace_tally.c": "likewise",
    "engine/ops/cli_spool_import.c": "a command of its own process",
    "engine/ops/parcel_write.c": "of that command alone",
    "queue/salvage.c": "likewise",
    "queue/salvage_scan.c": "likewise",
    "engine/token_http_curl.c": "the library's memory, which is wiped when it is given back",
}

# The bodies of the seams are where errno means something; these read it too. file: why
MAY_READ_ERRNO = {
    "queue/base/clock_linux.c": "a seam's body",
    "queue/store_lmdb.c": "a seam's body",
    "queue/tables_lmdb.c": "its tables",
    "queue/journal.c": "its journal",
    "queue/store_room.c": "and its room on the disk",
    "queue/store_folder.c": "and its folder",
    "engine/io/io_uring.c": "a seam's body",
    "engine/io/io_socket.c": "the other half of it",
    "engine/io/tls_openssl.c": "a seam's body",
    "engine/config_file.c": "says why a file can't be read",
    "engine/ops/cli_spool.c": "says why a spool can't be opened",
    "engine/ops/cli_spool_import.c": "says why a folder can't be read",
    "engine/ops/cli_spool_salvage.c": "reads a spool's files without its seam",
    "engine/ops/parcel_read.c": "says why a file can't be read",
    "engine/ops/parcel_write.c": "says why a file can't be written",
    "queue/salvage_scan.c": "reads a spool's files without its seam",
    "engine/ops/control_client.c": "says why the engine can't be reached",
    "engine/secret_file.c": "says why a secret can't be read or written",
    "engine/ops/admin.c": "says why it can't listen",
    "engine/ops/submit.c": "says why the relay can't be reached",
    "engine/ops/sendmail_letter.c": "says why a message can't be read",
    "engine/watch.c": "waits for signals",
    "engine/io/packets.c": "says whether another process is gone",
    "engine/io/handed.c": "says why a socket can't be shared",
    "engine/keeper_process.c": "starts it",
    "engine/privileges.c": "says why the process can't become another user",
    "engine/privileges_folder.c": "says why a folder can't be given to that user",
    "engine/config_check_user.c": "says why that user can't read a file",
    "engine/landlock.c": "says what the kernel lacks",
    "engine/syscall_filter.c": "likewise",
    "engine/token_command.c": "says why a program can't be run",
}

# Writable memory of a layer itself. file:symbol: why
GLOBALS = {}

ALLOCATORS = ("malloc calloc realloc reallocarray free strdup strndup aligned_alloc posix_memalign"
              " asprintf").split()


def calls(name, words):
    """(line, word) of each call, not of fields or methods of that name."""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(words) + r")\s*\(")
    for number, line in enumerate(sources.code(name).split("\n"), 1):
        for match in pattern.finditer(line):
            yield number, match.group(1)


def test_banned_functions():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench", "tests"):
        for line, word in calls(name, NEVER):
            if word not in ALLOWED.get(name, {}):
                complaints.append(f"{name}:{line}: {word}() is banned")
    sources.report(complaints)


def test_allocation_is_for_start_up():
    complaints = []
    for name in sources.c_files("queue", "engine"):
        if name.startswith("queue/base/") or name in MAY_ALLOCATE:
            continue
        for line, word in calls(name, ALLOCATORS):
            function = sources.function_at(name, line) or "?"
            if not START_UP.match(function):
                complaints.append(f"{name}:{line}: {word}() in {function}(): not start-up")
    sources.report(complaints)


def test_the_clock_is_read_in_one_place():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench"):
        for line, word in calls(name, ["clock_gettime"]):
            if name != "queue/base/clock_linux.c":
                complaints.append(f"{name}:{line}: {word}() only in queue/base/clock_linux.c")
    sources.report(complaints)


def test_errno_stays_in_the_seams():
    complaints = []
    for name in sources.c_files("queue", "engine"):
        if name in MAY_READ_ERRNO:
            continue
        for number, line in enumerate(sources.code(name).split("\n"), 1):
            if re.search(r"(?<![\w.>])errno(?!\.h)\b", line):
                complaints.append(f"{name}:{number}: errno outside the bodies of the seams")
    sources.report(complaints)


def test_no_globals():
    """What a thread may write to was handed to it: no layer has writable memory of its own."""
    archives = sorted(pathlib.Path(os.environ["SLUICE_BUILD"]).glob("liblayer_*.a"))
    archives = [path for path in archives if path.name != "liblayer_sim.a"]  # one world a process
    assert archives
    listing = subprocess.run(["nm", "--format=sysv", *archives], capture_output=True, text=True,
                             check=True).stdout
    complaints = []
    file = ""
    for line in listing.splitlines():
        member = re.search(r"\[(\S+)\.o\]:", line)
        if member:
            file = member.group(1)
        columns = [column.strip() for column in line.split("|")]
        section = columns[-1].split("\t")[0]
        if not re.match(r"\.t?(data|bss)(?!\.rel\.ro)", section):
            continue
        symbol = f"{file}:{columns[0].partition('.')[0]}"
        if symbol not in GLOBALS:
            complaints.append(f"{symbol} lies in {section}")
    sources.report(complaints)


def test_allow_lists_are_needed():
    """An exception whose file is gone, or that nothing uses any more, goes too."""
    complaints = []
    for name in [*ALLOWED, *MAY_ALLOCATE, *MAY_READ_ERRNO]:
        if not (sources.TOP / name).exists() and MAY_READ_ERRNO.get(name) != "a seam's body":
            complaints.append(f"{name}: in an allow-list, but not there")
    sources.report(complaints)


def test_nothing_is_left_for_later():
    later = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
    complaints = []
    for name in sources.files(".c", ".h", ".py", ".sh", ".md", ".txt", ".cmake", ".json", "run"):
        for number, line in enumerate(sources.text(name).split("\n"), 1):
            if later.search(line):
                complaints.append(f"{name}:{number}: {line.strip()}")
    sources.report(complaints)
