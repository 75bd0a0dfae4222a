"""What the built programs are hardened with, as readelf and the kernel see it."""

import os
import platform
import re
import shutil
import signal
import subprocess

import pytest

from clients import Raw
from harness import BUILD

PROGRAMS = ["sluice", "sluice-mock", "sluice-bench"]
X86 = platform.machine() == "x86_64"


def output(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=True).stdout


def has_cet(path):
    """Whether its notes say that all of it goes with indirect branch tracking and shadow stacks."""
    return re.search(r"x86 feature: IBT, SHSTK", output("readelf", "--notes", path)) is not None


@pytest.mark.parametrize("name", PROGRAMS)
def test_layout(name):
    """Position-independent, bound at start, nothing writable that runs, no library of ours."""
    program = BUILD / name
    dynamic = output("readelf", "--dynamic", "--wide", program)
    assert re.search(r"FLAGS_1\).*NOW.*PIE", dynamic)
    assert "BIND_NOW" in dynamic
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic and "TEXTREL" not in dynamic
    segments = output("readelf", "--segments", "--wide", program)
    assert "DYN (Position-Independent Executable file)" in segments
    assert "GNU_RELRO" in segments
    loads = re.findall(r"^ +(LOAD|GNU_STACK)((?: +0x\w+){5}) ([RWE ]{3}) ", segments, re.MULTILINE)
    assert "GNU_STACK" in [kind for kind, _, _ in loads]
    for kind, _, rights in loads:
        assert not ("E" in rights and ("W" in rights or kind == "GNU_STACK")), (kind, rights)


@pytest.mark.parametrize("name", PROGRAMS)
def test_checks(name):
    """Stack protector, and libc's functions that check sizes instead of those that don't."""
    symbols = output("readelf", "--dyn-syms", "--wide", BUILD / name)
    called = set(re.findall(r" UND (\w+)", symbols))
    assert "__stack_chk_fail" in called
    assert {"__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk", "__printf_chk",
            "__fprintf_chk"} <= called
    # Without a size none of these is called at all.
    assert not called & {"gets", "sprintf", "stpcpy", "strcat", "strcpy", "vsprintf"}
    if name == "sluice":
        assert not called & {"fprintf", "printf", "vfprintf", "vprintf"}


def test_every_source_is_fortified():
    commands = (BUILD / "compile_commands.json").read_text(encoding="utf-8")
    ours = [line for line in commands.splitlines() if '"command"' in line]
    assert len(ours) > 200
    level = max(map(int, re.findall(r"-D_FORTIFY_SOURCE=(\d)", commands)))
    assert level == (3 if "SLUICE_FORTIFY_3:INTERNAL=1" in
                     (BUILD / "CMakeCache.txt").read_text(encoding="utf-8") else 2)
    for line in ours:
        for wanted in (f"-D_FORTIFY_SOURCE={level}", "-fstack-protector-strong",
                       "-fstack-clash-protection", *(["-fcf-protection"] if X86 else [])):
            assert wanted in line, line


@pytest.mark.skipif(not X86, reason="an Intel and AMD feature")
@pytest.mark.parametrize("name", PROGRAMS)
def test_control_flow(name):
    """Each function that can be called by its address begins with endbr64, after link-time
    optimisation too. The program's own note needs a C library that was built so: Debian 12's is
    not, and its start code keeps the linker from saying it."""
    start = output("gcc", "-print-file-name=Scrt1.o").strip()
    if has_cet(start):
        assert has_cet(BUILD / name)
    objects = list(BUILD.glob("CMakeFiles/layer_engine.dir/engine/*.c.o"))[:5]
    assert objects
    for file in objects:
        assert has_cet(file), file
    code = output("objdump", "--disassemble", "--no-show-raw-insn", "--section=.text", BUILD / name)
    first = dict(re.findall(r"^\w+ <(\w+)>:\n *\w+:\t(\S+)", code, re.MULTILINE))
    assert first["main"] == "endbr64"
    assert len([word for word in first.values() if word == "endbr64"]) > 100


def died(running, number):
    """How the kernel says that it ended: killed, or killed and dumped."""
    running.program.signal(number)
    ended = os.waitid(os.P_PID, running.program.process.pid, os.WEXITED | os.WNOWAIT)
    running.program.wait()
    assert ended.si_status == number
    return ended.si_code


def test_no_core_dumps(sluice, nowhere, folder):
    """Mail and keys lie in memory: a crash leaves none of it behind, unless it is wanted."""
    wrapper = ["env", "-C", folder, "prlimit", "--core=unlimited:unlimited"]
    # Does this machine dump at all?
    control = subprocess.Popen(["env", "-C", folder, "prlimit", "--core=unlimited:unlimited",
                                shutil.which("sh"), "-c", "kill -ABRT $$"])
    dumps = os.waitid(os.P_PID, control.pid, os.WEXITED | os.WNOWAIT).si_code == os.CLD_DUMPED
    control.wait()
    for allowed in (False, True):
        running = sluice(nowhere, core_dumps=allowed)
        running.terminate()
        running.launch(*wrapper).ready()
        soft = int("unlimited" in _core_limit(running.program.process.pid))
        assert soft == allowed
        with Raw(running.port) as raw:
            assert raw.say("NOOP").startswith("250")
            code = died(running, signal.SIGABRT)
        assert code == (os.CLD_DUMPED if allowed and dumps else os.CLD_KILLED)


def _core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        line = next(line for line in limits if line.startswith("Max core file size"))
    return line[26:47]
