"""The manual pages, the example and the usage texts agree with the program."""

import re
import shutil
import subprocess

import pytest

from harness import BUILD, TOP, run_sluice

COMMANDS = ("serve", "check", "queue", "trace", "incidents", "route", "doctor", "sendmail",
            "token", "explain", "version", "help")
BEGIN = '.\\" From here on as `sluice help settings --roff` prints them: a test compares.\n'
END = '.\\" Up to here.\n'


def _page(name):
    return (TOP / "engine" / name).read_text(encoding="utf-8")


def _plain(roff):
    return roff.replace("\\-", "-")


def test_the_settings_are_the_schemas():
    page = _page("sluice.yaml.5")
    keys = page[page.index(BEGIN) + len(BEGIN):page.index(END)]
    assert keys == run_sluice("help", "settings", "--roff", exit_code=0).stdout


@pytest.mark.parametrize("program", ["sluice-bench", "sluice-mock"])
def test_the_tools_pages_have_their_help(program):
    page = (TOP / "bench" / f"{program}.1").read_text(encoding="utf-8")
    begin = f'.\\" As `{program} --help` prints it: a test compares.\n'
    usage = page[page.index(begin) + len(begin):page.index(END)]
    for written, meant in (("\\-", "-"), ("\\(aq", "'"), ("\\&", ""), ("\\e", "\\")):
        usage = usage.replace(written, meant)
    done = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, check=True)
    assert usage == done.stdout


def test_the_metrics_are_what_is_served():
    page = _page("sluice.1")
    begin = BEGIN.replace("settings", "metrics")
    metrics = page[page.index(begin) + len(begin):page.index(END)]
    assert metrics == run_sluice("help", "metrics", "--roff", exit_code=0).stdout


def test_every_setting_is_in_the_help():
    text = run_sluice("help", "settings", exit_code=0).stdout
    for key in ("spool.path", "limits.memory", "listeners[].tls.certificate", "routes[].pipeline",
                "routes[].identities[].secret_file", "rules[].recipient_domain",
                "names[].default_from", "retry.give_up_after", "threads.delivery",
                "tenants[].oauth.client_id",
                "user", "sandbox.landlock"):
        assert f"\n{key}\n" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_manual(command):
    usage = run_sluice(command, "--help", exit_code=0).stdout
    page = _plain(_page("sluice.1"))
    assert f"sluice {command}" in page
    for option in set(re.findall(r"--[a-z][a-z-]*", usage)):
        assert option in page, option


def test_every_verb_of_queue_is_in_the_manual():
    usage = run_sluice("queue", "--help", exit_code=0).stdout
    page = _page("sluice.1")
    for verb in re.findall(r"^  ([a-z]+)  ", usage, re.MULTILINE):
        assert re.search(rf"^\.BI? \"?sluice queue {verb}\b", page, re.MULTILINE), verb


def test_help_prints_the_commands_usage():
    for command in COMMANDS[:-1]:
        assert (run_sluice("help", command, exit_code=0).stdout
                == run_sluice(command, "--help", exit_code=0).stdout)


def test_the_example_is_right(folder):
    path = folder / "sluice.yaml"
    path.write_text(_page("sluice.yaml.example"), encoding="utf-8")
    done = run_sluice("check", "--config", path, exit_code=0)
    assert done.stderr == "" and done.stdout == ""


def test_the_examples_in_the_manual_are_right(folder):
    secret = folder / "secret"
    secret.write_text("hunter2\n", encoding="utf-8")
    secret.chmod(0o600)
    examples = re.findall(r"\.nf\n(.*?)\.fi", _plain(_page("sluice.yaml.5")), re.DOTALL)
    assert len(examples) == 10
    for number, example in enumerate(examples):
        path = folder / f"{number}.yaml"
        path.write_text(example, encoding="utf-8")
        run_sluice("check", "--config", path, exit_code=0)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("page", ["engine/sluice.1", "engine/sluice.yaml.5",
                                  "bench/sluice-bench.1", "bench/sluice-mock.1"])
def test_the_pages_are_well_formed(page):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-Wbreak", TOP / page],
                          capture_output=True, text=True, check=True)
    assert done.stderr == ""
