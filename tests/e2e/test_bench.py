"""Every run of sluice-bench as a program: that it measures at all, and what it refuses."""

import subprocess

import pytest

from harness import BUILD

# run: options that keep it short, and a figure that it gives
RUNS = {
    "latency": (["--messages", "200", "--size", "2KiB"], "asked_per_second"),
    "ack": (["--messages", "200"], "ack_against_commit"),
    "rtt": (["--messages", "200", "--delay", "5"], "of_bound"),
    "limit": (["--messages", "200"], "parts_sum"),
    "backlog": (["--messages", "300"], "ready_killed"),
    "lanes": (["--messages", "200", "--lanes", "1"], "live_spread"),
    "handshake": (["--messages", "200"], "whole_sessions_per_second"),
    "ingest": (["--messages", "200", "--size", "2KiB"], "acknowledged_per_second"),
    "drain": (["--backlog", "200", "--size", "2KiB"], "drain_per_second"),
}


def bench(*words):
    return subprocess.run([BUILD / "sluice-bench", *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120, check=False)


def figures(done):
    """{name: value} of the lines `name value unit`."""
    found = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) >= 3:
            found[words[0]] = float(words[1])
    return found


@pytest.mark.parametrize("run", RUNS)
def test_runs(run, folder):
    words, figure = RUNS[run]
    done = bench(run, "--spool", str(folder), *words)
    assert done.returncode == 0, done
    found = figures(done)
    assert found[figure] > 0
    assert found.get("lost", 0) == 0
    assert not list(folder.iterdir()), "it takes everything down again"


def test_sweep(folder):
    done = bench("sweep", "ingest", "--spool", str(folder), "--messages", "100", "--in", "1,4",
                 "--size", "1KiB,2KiB")
    assert done.returncode == 0, done
    for title in ("size=1024 in=1", "size=1024 in=4", "size=2048 in=1", "size=2048 in=4"):
        assert f"# {title}\n" in done.stdout
    assert "# best acknowledged_per_second: " in done.stdout
    assert not list(folder.iterdir())


@pytest.mark.parametrize("words", [
    ["nonsense"], [], ["load"], ["ingest", "drain"], ["drain", "--backlog", "0"],
    ["ingest", "--size", "1"], ["ingest", "--in", "1,2"], ["latency", "--rate", "0"],
    ["rtt", "--delay", "x"], ["rtt", "--delay", "0"], ["lanes", "--lanes", "20000"],
    ["sweep"], ["sweep", "ingest"], ["sweep", "demo", "--in", "1,2"],
    ["sweep", "ingest", "--in", "1,,2"], ["sweep", "ingest", "--in", "1,x"],
    ["sweep", "ingest", "--spool", "a,b"],
    ["sweep", "ingest", *(word for option in ("in", "out", "pipeline", "window")
                          for word in (f"--{option}", ",".join(map(str, range(1, 8)))))],
    ], ids=" ".join)
def test_refuses(words):
    done = bench(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("sluice-bench: ")
