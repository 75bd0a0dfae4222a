"""What sluice-bench gives besides its table: files, and the comparison with an earlier run."""

import copy
import json
import subprocess

import pytest

from harness import BUILD

LOOSE = ["--tolerance", "1000%"]  # nothing is judged by how fast the machine is today


def bench(folder, *words):
    return subprocess.run(
        [BUILD / "sluice-bench", "throughput", "--messages", "200", "--spool", str(folder), *words],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A folder with everything that a run of two repetitions wrote."""
    folder = tmp_path_factory.mktemp("measured")
    done = bench(folder, "--runs", "2", "--json", str(folder / "run.json"),
                 "--html", str(folder / "run.html"), "--tracker", str(folder / "run"))
    assert done.returncode == 0, done
    return folder


def doctored(measured, figure, factor):
    """A base file whose figure was that much bigger."""
    base = json.loads((measured / "run.json").read_text())
    found = base["points"][0]["figures"][figure]
    found["median"] *= factor
    path = measured / f"{figure}.json"
    path.write_text(json.dumps(base))
    return path


def test_json(measured):
    result = json.loads((measured / "run.json").read_text())
    assert result["format"] == "sluice-bench 1"
    assert result["run"] == "throughput"
    assert {"date", "sluice", "commit", "build", "cores", "memory", "kernel", "OpenSSL", "LMDB",
            "liburing", "file system", "sync", "system calls"} <= set(result["record"])
    [point] = result["points"]
    assert point["settings"]["messages"] == "200"
    assert point["settings"]["pipeline"] == "16"
    figures = point["figures"]
    assert all(len(figure["values"]) in (1, 2) for figure in figures.values())
    assert figures["messages_per_second"]["better"] == "bigger"
    assert figures["messages_per_second"]["median"] > 0
    assert figures["lost"]["median"] == 0
    assert figures["engine_cpu"]["median"] > 0
    assert figures["engine_syncs"]["median"] > 0
    for name in ("spooler", "ingest", "delivery", "log"):
        assert f"engine_cpu_{name}" in figures
    for name in ("ack", "delivery"):
        assert point["latency"][name]["count"] == 400
        assert sum(count for _, count in point["latency"][name]["buckets"]) == 400
    # Counted, or the record says why not.
    assert ("engine_calls" in figures) == result["record"]["system calls"].startswith("counted")


def test_html(measured):
    page = (measured / "run.html").read_text()
    data = page.split('<script type="application/json" id="data">')[1].split("</script>")[0]
    assert json.loads(data) == json.loads((measured / "run.json").read_text())
    assert "http://www.w3.org/" in page  # names of what is drawn, and no other address
    assert page.count("http") == page.count("http://www.w3.org/")


def test_tracker(measured):
    names = {}
    for direction in ("bigger", "smaller"):
        rows = json.loads((measured / f"run.{direction}.json").read_text())
        assert all({"name", "unit", "value", "range", "extra"} == set(row) for row in rows)
        names[direction] = [row["name"] for row in rows]
    assert "throughput messages_per_second" in names["bigger"]
    assert "throughput engine_cpu" in names["smaller"]
    assert not set(names["bigger"]) & set(names["smaller"])


def test_compare_fine(measured):
    done = bench(measured, "--compare", str(measured / "run.json"), *LOOSE)
    assert done.returncode == 0, done
    assert "# nothing fell by more than 1000 %" in done.stdout


def test_compare_fell(measured):
    """A hundred times the rate was had once, and the CPU time of a hundredth."""
    base = doctored(measured, "messages_per_second", 1e6)
    done = bench(measured, "--compare", str(base), "--tolerance", "90")
    assert done.returncode == 1, done
    assert "# fell by more than 90 %: messages_per_second" in done.stdout
    base = doctored(measured, "engine_cpu", 1e-6)
    done = bench(measured, "--compare", str(base), *LOOSE)
    assert done.returncode == 1, done
    assert "# fell by more than 1000 %: engine_cpu\n" in done.stdout


def test_compare_says_what_differs(measured):
    base = json.loads((measured / "run.json").read_text())
    other = copy.deepcopy(base)
    other["record"]["cpu"] = "an abacus"
    other["points"][0]["settings"]["in"] = "3"
    path = measured / "other.json"
    path.write_text(json.dumps(other))
    done = bench(measured, "--compare", str(path), *LOOSE)
    assert done.returncode == 0, done
    assert "was an abacus" in done.stdout
    assert "# settings: in is 20, was 3" in done.stdout


@pytest.mark.parametrize("content, said", [
    (None, "No such file"), ("", ":1: "), ("{}", 'no "format"'), ("{\n\n]", ":3: ")])
def test_base_that_is_none(tmp_path, content, said):
    path = tmp_path / "base.json"
    if content is not None:
        path.write_text(content)
    done = bench(tmp_path, "--compare", str(path))
    assert done.returncode == 2, done
    assert str(path) in done.stderr and said in done.stderr
    assert done.stdout == "", "nothing is measured then"


def test_output_that_cannot_be_written(tmp_path):
    done = bench(tmp_path, "--json", str(tmp_path / "missing" / "run.json"))
    assert done.returncode == 2, done
    assert "missing/run.json: No such file or directory" in done.stderr


def test_against(tmp_path):
    """A build against itself: pairs, with nothing to see beyond a thousand percent."""
    done = bench(tmp_path, "--against", str(BUILD), "--runs", "2", *LOOSE)
    assert done.returncode == 0, done
    assert "of 2 pairs" in done.stdout
    done = bench(tmp_path, "--against", str(tmp_path), *LOOSE)
    assert done.returncode == 1, done
    assert "sluice serve does not start" in done.stderr
