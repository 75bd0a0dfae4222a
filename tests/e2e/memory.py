"""What lies in a process's memory."""

import array
import os
import re


def dumped(pid):
    """What a core dump of the process would hold: all its memory but what is marked otherwise."""
    with (open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as table,
          open(f"/proc/{pid}/mem", "rb", buffering=0) as memory):
        place = None
        for line in table:
            if found := re.match("([0-9a-f]+)-([0-9a-f]+) r.* 0 +(.*)$|[0-9a-f]+-[0-9a-f]+ ", line):
                place = found if found[1] else None
            elif place and line.startswith("VmFlags:") and " dd" not in line:
                if not place[3].startswith("[v"):  # the kernel's own
                    memory.seek(int(place[1], 16))
                    yield memory.read(int(place[2], 16) - int(place[1], 16))


def held(pid):
    """All of the process's memory that is there, page by page, whatever a core dump leaves out."""
    page = os.sysconf("SC_PAGE_SIZE")
    with (open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as table,
          open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pages,
          open(f"/proc/{pid}/mem", "rb", buffering=0) as memory):
        for line in table:
            found = re.match("([0-9a-f]+)-([0-9a-f]+) rw.* 0 +(.*)$", line)
            if not found or found[3].startswith("[v"):
                continue
            first, last = (int(found[side], 16) // page for side in (1, 2))
            pages.seek(first * 8)
            entries = array.array("Q", pages.read((last - first) * 8))
            memory_of = (index for index, entry in enumerate(entries) if entry >> 63)
            for index in memory_of:
                memory.seek((first + index) * page)
                yield memory.read(page)
