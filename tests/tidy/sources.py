"""The repository's files, and just enough of C to ask questions of them.

Relies on the code being formatted by .clang-format: a function's body begins with a brace alone
in the first column, and ends with one.
"""

import dataclasses
import functools
import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = re.compile(r"^(build.*|\.git|__pycache__|\.pytest_cache)$")


@functools.cache
def files(*endings, below=""):
    """Paths relative to the top, as text, sorted."""
    found = []
    pending = [TOP / below]
    while pending:
        for path in pending.pop().iterdir():
            if path.is_dir():
                if not SKIPPED_FOLDERS.match(path.name):
                    pending.append(path)
            elif path.name.endswith(endings):
                found.append(str(path.relative_to(TOP)))
    return sorted(found)


@functools.cache
def text(name):
    return (TOP / name).read_text(encoding="utf-8")


@functools.cache
def code(name):
    """The file with comments, strings and character constants blanked, line by line the same."""
    pattern = re.compile(
        r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)

    def blank(match):
        body = re.sub(r"[^\n]", " ", match.group())
        if match.group()[0] in "\"'":
            body = match.group()[0] + body[1:-1] + match.group()[0]
        return body

    # An include's name is not a string.
    lines = text(name).split("\n")
    kept = {i: line for i, line in enumerate(lines) if line.startswith("#include")}
    blanked = pattern.sub(blank, text(name)).split("\n")
    for i, line in kept.items():
        blanked[i] = line
    return "\n".join(blanked)


def c_files(*folders):
    """The .c and .h files below these folders."""
    found = []
    for folder in folders:
        if (TOP / folder).is_dir():
            found += files(".c", ".h", below=folder)
    return found


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    first: int  # line numbers, from 1: of the opening brace
    last: int

    @property
    def lines(self):
        return self.last - self.first - 1


@functools.cache
def functions(name):
    """The functions that a file defines, in order."""
    found = []
    lines = code(name).split("\n")
    first = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            first = number
        elif line == "}" and first is not None:
            head = first - 2
            while head > 0 and lines[head - 1].strip() and lines[head - 1][0] not in "}#":
                head -= 1
            signature = " ".join(lines[head : first - 1])
            words = re.findall(r"(\w+)\s*\(", signature)
            words = [word for word in words if word != "__attribute__"]
            found.append(Function(words[0] if words else "?", first, number))
            first = None
    return found


def function_at(name, line):
    """The function that holds this line, or None."""
    for function in functions(name):
        if function.first <= line <= function.last:
            return function.name
    return None


def includes(name):
    """[(line, spelling)]: <stdio.h> or "queue/base/list.h", brackets and quotes kept."""
    found = []
    for number, line in enumerate(text(name).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s+([<"][^>"]+[>"])', line)
        if match:
            found.append((number, match.group(1)))
    return found


def report(complaints):
    """Fails with one complaint a line, so that each can be clicked on."""
    if complaints:
        pytest.fail("\n" + "\n".join(complaints), pytrace=False)
