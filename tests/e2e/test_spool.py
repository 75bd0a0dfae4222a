"""`sluice spool`: what is on the disk is checked, moved, and rescued where it is spoilt."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tarfile

import pytest

from clients import Raw, message
from harness import BUILD, PATIENCE_S, Sluice, run_sluice, wait_until

COUNT = 120
PAGE = 4096
SEEDS = 200 if os.environ.get("SLUICE_LONG") == "ON" else 4


def spool(*words, exit_code=0):
    done = run_sluice("spool", *words)
    assert done.returncode == exit_code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def fill(running, count=COUNT):
    """Mail of many sizes, some of it for two; its marks."""
    taken = []
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        for number in range(count):
            mark = f"m{number}"
            body = "A line of text, and one more.\r\n" * (number * 7 % 900)
            assert raw.say(f"MAIL FROM:<app{number}@example.test> BODY=8BITMIME "
                           f"ENVID=mark+2B{number}").startswith("250")
            assert raw.say("RCPT TO:<user@example.org> NOTIFY=FAILURE").startswith("250")
            if number % 3 == 0:
                assert raw.say("RCPT TO:<other@example.org>").startswith("250")
            assert raw.say("DATA").startswith("354")
            assert raw.say(message(mark, body) + ".").startswith("250")
            taken.append(mark)
    return taken


@pytest.fixture(name="waiting")
def _waiting(sluice, nowhere):
    """A Sluice that was killed with mail in its spool; and the marks."""
    running = sluice(nowhere)
    marks = fill(running)
    running.kill()
    return running, marks


@pytest.fixture(name="deliver")
def _deliver(folder, aiosmtpd, route, cleanup):
    """A function that imports a folder into a spool of its own, and gives what arrives."""

    def deliver(parcels, *options):
        server = aiosmtpd()
        other = Sluice(folder / "other", [route(server)])
        cleanup.callback(other.stop)
        done = subprocess.run(
            [str(BUILD / "sluice"), "spool", "import", *options, parcels, "--config",
             str(other.config)], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        other.start()
        other.wait_empty()
        return server

    return deliver


def test_check(waiting):
    running, marks = waiting
    assert f"{len(marks)} messages, 0 complaints" in spool("check", "--spool", running.spool)
    assert f"{len(marks)} messages, 0 complaints" in spool("check", "--config", running.config)
    running.start()
    said = spool("check", "--spool", running.spool, exit_code=1)
    assert "stop the engine first" in said
    running.stop()
    spool("check", "--spool", running.folder / "none", exit_code=1)
    assert not (running.folder / "none").exists()


def test_export_and_import(waiting, folder, deliver):
    running, marks = waiting
    parcels = folder / "parcels"
    assert f"{len(marks)} messages exported" in spool("export", parcels, "--config", running.config)
    assert len(list(parcels.glob("*.eml"))) == len(marks)
    assert parcels.stat().st_mode & 0o777 == 0o700
    envelopes = [json.loads(path.read_text(encoding="utf-8")) for path in parcels.glob("*.json")]
    by_sender = {envelope["sender"]: envelope for envelope in envelopes}
    one = by_sender["app3@example.test"]
    assert [to["address"] for to in one["recipients"]] == ["user@example.org", "other@example.org"]
    assert one["recipients"][0]["notify"] == ["failure"]
    assert one["envid"] == "mark+2B3"
    assert one["jobs"][0]["queue"] == "far"
    assert (parcels / f"{one['id']}.eml").read_bytes().endswith(b"\r\n")
    # A second time nothing is written over, and the spool is as it was.
    assert "is there already" in spool("export", parcels, "--config", running.config, exit_code=1)
    assert "0 complaints" in spool("check", "--config", running.config)

    server = deliver(parcels)
    assert sorted(server.marks()) == sorted(marks)
    assert {len(envelope.rcpt_tos) for envelope in server.envelopes} == {1, 2}
    assert not list(parcels.glob("*.json"))
    assert len(list(parcels.glob("*.json.imported"))) == len(marks)


def test_import_says_what_it_leaves_out(waiting, folder, nowhere):
    running, _ = waiting
    parcels = folder / "parcels"
    spool("export", parcels, "--config", running.config)
    # It is there still: nothing comes twice.
    said = spool("import", parcels, "--config", running.config)
    assert f"0 messages imported, {COUNT} were there already" in said
    for path in parcels.glob("*.imported"):
        path.rename(path.with_suffix(""))
    other = Sluice(folder / "other", [{**nowhere, "name": "near"}])
    one = sorted(parcels.glob("*.json"))[0]
    text = one.read_text(encoding="utf-8")
    one.write_text(text.replace("@example.test", "@example.test\\r\\nDATA"), encoding="utf-8")
    said = spool("import", parcels, "--config", other.config, exit_code=1)
    assert f"{COUNT} left out" in said and "route far is not in the configuration" in said
    said = spool("import", "--route", "near", parcels, "--config", other.config, exit_code=1)
    assert f"{one.name}: \"sender\" is missing, or not what it should be" in said
    assert f"{COUNT - 1} messages imported, 1 left out" in said
    other.start()
    assert other.count() == COUNT - 1
    assert {entry["route"] for entry in other.queue()} == {"near"}
    other.stop()


SPOOLS = sorted((pathlib.Path(__file__).parent / "spools").glob("format-*.tar.xz"))


@pytest.mark.parametrize("path", SPOOLS, ids=lambda path: path.name.split(".")[0])
def test_spools_of_every_format(path, folder, aiosmtpd, route, cleanup):
    """As a killed relay of each version left it: eight messages, one of them held."""
    with tarfile.open(path) as archive:
        archive.extractall(folder)
    server = aiosmtpd()
    running = Sluice(folder, [route(server)])
    cleanup.callback(running.stop)
    assert "8 messages, 0 complaints" in spool("check", "--config", running.config)
    running.start()
    wait_until(lambda: running.count() == 1, "one is held")
    running.command("queue", "release", "--all")
    running.wait_empty()
    assert sorted(server.marks()) == [f"m{number}" for number in range(8)]


def test_usage():
    for words in [(), ("mend",), ("export",), ("check", "--salvage"), ("check", "x"),
                  ("import", "x", "--spool", "y"), ("check", "--spool", "x", "--config", "y")]:
        spool(*words, exit_code=2)
    assert "--salvage" in spool("--help")


def test_salvage_of_a_whole_spool(waiting, folder, deliver):
    """What was settled stays settled."""
    running, marks = waiting
    running.start()
    gone = running.queue("--from", "app5@example.test")
    running.command("queue", "remove", *[entry["id"] for entry in gone])
    wait_until(lambda: running.count() == len(marks) - 1, "one is gone")
    running.kill()
    said = spool("export", "--salvage", folder / "parcels", "--spool", running.spool)
    assert f"{len(marks) - 1} messages found" in said, said
    server = deliver(folder / "parcels")
    assert sorted(server.marks()) == sorted(set(marks) - {"m5"})


@pytest.mark.parametrize("journal", [True, False], ids=["with_journal", "without"])
def test_salvage_without_meta_pages(waiting, folder, deliver, journal):
    running, marks = waiting
    spool("check", "--spool", running.spool)  # brings all into the tables
    with open(running.spool / "data.mdb", "r+b") as data:
        data.write(random.Random(1).randbytes(2 * PAGE))
    if not journal:
        (running.spool / "journal").unlink()
    spool("check", "--spool", running.spool, exit_code=1)
    before = {path.name: path.read_bytes() for path in running.spool.iterdir() if path.is_file()}
    said = spool("export", "--salvage", folder / "parcels", "--spool", running.spool, exit_code=1)
    assert "can't be read to their end" in said
    assert before == {path.name: path.read_bytes() for path in running.spool.iterdir()
                      if path.is_file()}
    server = deliver(folder / "parcels")
    assert sorted(server.marks()) == sorted(marks)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_salvage_of_spoilt_pages(waiting, folder, seed):
    """Every message is found whole, or named; nothing ends without a word."""
    running, marks = waiting
    spool("check", "--spool", running.spool)
    (running.spool / "journal").unlink()
    draw = random.Random(seed)
    path = running.spool / "data.mdb"
    pages = path.stat().st_size // PAGE
    spoilt = folder / "spoilt"
    for count in (1, pages // 20):
        shutil.copytree(running.spool, spoilt, ignore=shutil.ignore_patterns("*.sock"))
        with open(spoilt / "data.mdb", "r+b") as data:
            for _ in range(count):
                data.seek(draw.randrange(2, pages) * PAGE)
                kind = draw.randrange(3)
                data.write(bytes(PAGE) if kind == 0 else draw.randbytes(PAGE if kind == 1 else 8))
        parcels = folder / f"parcels-{count}"
        done = run_sluice("spool", "export", "--salvage", parcels, "--spool", spoilt)
        assert done.returncode in (0, 1), done
        assert "messages found" in done.stdout, done
        found = {mail.stem for mail in parcels.glob("*.eml")}
        named = {line.split()[1].rstrip(":") for line in done.stdout.splitlines()
                 if line.startswith("message ")}
        assert len(found | named) >= len(marks) - (0 if count == 1 else 3), done.stdout
        # A leaf page has the rows of some 16 messages: two of the spoilt ones take 32 with them.
        assert len(found) >= len(marks) * 0.25
        check = run_sluice("spool", "check", "--spool", spoilt)
        assert check.returncode in (0, 1), check
        shutil.rmtree(spoilt)
