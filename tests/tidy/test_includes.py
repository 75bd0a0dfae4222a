"""Includes point one way only (the house in README.md), and the outside world has few doors."""

import re

import sources

# What each folder may include besides itself; the longest matching folder counts.
LAYERS = {
    "queue/base": [],
    "queue": ["queue/base"],
    # Of queue, what a command's parameters and a reply mean; nothing that holds or schedules.
    "engine/wire": ["queue/base", "queue/address.h", "queue/message.h", "queue/verdict.h",
                    "queue/xtext.h"],
    "engine/io": ["queue/base"],
    "engine": ["queue/base", "queue", "engine/wire", "engine/io"],
    "engine/ops": ["queue/base", "queue", "engine/wire", "engine/io", "engine"],
    "bench": ["queue/base", "queue", "engine/wire", "engine/io", "engine", "engine/ops"],
}

# Which .c files may name a library's header.
DOORS = {
    r"liburing\.h|linux/io_uring\.h": ["engine/io/io_uring.c"],
    r"lmdb\.h": [r"queue/\w+_lmdb\.c"],
    r"openssl/.*": [
        r"engine/io/tls_(openssl|certificate|dane|error|identity|keys?|keys_provider|roots)\.[ch]",
        r"engine/io/crypto.*\.c",
    ],
    r"yaml\.h": [r"engine/.*\.c"],
    r"jansson\.h": [r"(engine|bench)/.*\.c"],
    r"crypt\.h": [r"engine/.*\.c"],
    r"curl/.*": [r"engine/token_http_curl\.c"],
    r"unbound\.h": [r"engine/.*\.c"],
    r"seccomp\.h": [r"engine/syscall_filter\.c"],
    r"linux/landlock\.h": [r"engine/landlock\.c"],
    r"microhttpd\.h": [r"engine/.*\.c", r"bench/mock_token_http\.c"],
    # queue/ never touches a socket.
    r"sys/socket\.h|netdb\.h|sys/un\.h": [r"(engine|bench)/.*"],
}


def folder_of(path):
    return path.rpartition("/")[0]


# A program's main file stands above all layers of its folder.
PROGRAMS = {"engine/main.c": "engine/ops"}


def allowed(source, included):
    layer = PROGRAMS.get(source, folder_of(source))
    if folder_of(included) == layer:
        return True
    return included in LAYERS[layer] or folder_of(included) in LAYERS[layer]


def test_every_folder_is_a_layer():
    folders = {folder_of(name) for name in sources.c_files("queue", "engine", "bench")}
    unknown = sorted(folders - set(LAYERS))
    sources.report([f"{folder}/: no layer of that name" for folder in unknown])


def test_includes_point_one_way():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench"):
        for line, spelling in sources.includes(name):
            if spelling[0] != '"':
                continue
            included = spelling[1:-1]
            if not (sources.TOP / included).exists():
                complaints.append(f"{name}:{line}: {included} is not a path from the top")
            elif not allowed(name, included):
                complaints.append(f"{name}:{line}: {folder_of(name)} may not include {included}")
    sources.report(complaints)


def test_libraries_come_in_through_their_doors():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench"):
        for line, spelling in sources.includes(name):
            for pattern, doors in DOORS.items():
                if re.fullmatch(pattern, spelling[1:-1]) is None:
                    continue
                if not any(re.fullmatch(door, name) for door in doors):
                    complaints.append(f"{name}:{line}: {spelling} only in {', '.join(doors)}")
    sources.report(complaints)


def test_each_engine_room_has_one_door():
    for library in ("liburing.h", "lmdb.h", "curl/curl.h"):
        doors = [name for name in sources.c_files("queue", "engine", "bench")
                 if f"<{library}>" in [spelling for _, spelling in sources.includes(name)]]
        sources.report([f"{library} comes in by {', '.join(doors)}"] if len(doors) > 1 else [])


def test_own_header_comes_first():
    complaints = []
    for name in sources.c_files("queue", "engine", "bench"):
        own = name[:-2] + ".h"
        included = sources.includes(name)
        if not name.endswith(".c") or own not in sources.files(".h"):
            continue
        if not included or included[0][1] != f'"{own}"':
            complaints.append(f"{name}:1: its own header comes first")
    sources.report(complaints)
