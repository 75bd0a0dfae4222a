"""testssl.sh looks at our listeners; what it finds is mended, or named here with a reason."""

import json
import os
import subprocess

import pytest

from harness import LOCALHOST, TOP, free_port

LONG = os.environ.get("SLUICE_LONG") == "ON"
# Protocols, kinds of ciphers, whose order counts, and the holes that are the server's to close;
# with --long everything, which takes a minute of the processor's time each.
SHORT = ["--protocols", "--standard", "--server-preference", "--renegotiation", "--compression",
         "--robot", "--lucky13", "--ccs-injection", "--heartbleed", "--sweet32"]
EXCUSED = {
    "engine_problem": "about the client's own library: without GOST it can't test for that",
    "cert_revocation": "the tests' authority revokes nothing, and has no address to say so at",
    "sessionresumption_ticket": "a WARN where its client left before TLS 1.3's ticket came",
    "service": "it looks for HTTP",
}


@pytest.fixture(scope="session", name="testssl")
def _testssl():
    """The folder that Debian's package and what it needs are unpacked in; fetched once."""
    cache = TOP / "build/testssl"
    subprocess.run(["sh", TOP / "tests/packages.sh", "--unpack", "testssl", cache], check=True)
    return cache


@pytest.fixture(name="listening")
def _listening(sluice, nowhere, certificates):
    """(a port with STARTTLS, a port with TLS from the first byte)."""
    certificate, key = certificates.chain("testssl", f"DNS:localhost,IP:{LOCALHOST}")
    tls = {"certificate": str(certificate), "key": str(key)}
    implicit = free_port()
    running = sluice(nowhere, listener={"tls": tls})
    running.terminate()
    running.settings["listeners"].append(
        {"address": f"{LOCALHOST}:{implicit}", "tls": {**tls, "implicit": True}})
    running.write()
    return running.start().port, implicit


def findings(folder, testssl, certificates, port, *options):
    """{id: (severity, finding)} of one run."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    # It insists on a program that looks up names, and with --nodns none asks it nothing.
    (programs / "drill").write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    (programs / "drill").chmod(0o755)
    output = folder / f"{port}.json"
    words = [testssl / "usr/bin/testssl", "--quiet", "--warnings", "off", "--color", "0",
             "--nodns", "none", "--openssl", "/usr/bin/openssl", "--add-ca", certificates.ca,
             "--jsonfile", output, *options, f"{LOCALHOST}:{port}"]
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=500, check=False,
        env={**os.environ, "TESTSSL_INSTALL_DIR": str(testssl / "etc/testssl"),
             "PATH": f"{programs}:{testssl}/usr/bin:{os.environ['PATH']}"})
    assert output.exists(), done.stdout + done.stderr
    rows = json.loads(output.read_text(encoding="utf-8"))
    return {row["id"]: (row["severity"], row["finding"]) for row in rows}


@pytest.mark.parametrize("mode", ["starttls", *(["implicit"] if LONG else [])])
def test_nothing_is_found(folder, testssl, certificates, listening, mode):
    """Both kinds have the same settings: without --long one is looked at."""
    port = listening[mode == "implicit"]
    options = ["--starttls", "smtp"] if mode == "starttls" else []
    found = findings(folder, testssl, certificates, port, *options, *([] if LONG else SHORT))
    # It has looked, and understood what it saw.
    assert found["TLS1_2"] == ("OK", "offered")
    assert found["TLS1_3"][0] == "OK" and found["TLS1_3"][1].startswith("offered")
    for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        assert found[old][1].startswith("not offered"), found[old]
    assert found["cipher_order"][0] == "OK", found["cipher_order"]
    assert found["LUCKY13"][0] == "OK" and found["ROBOT"][0] == "OK", found
    wanting = {name: row for name, row in found.items()
               if row[0] not in ("OK", "INFO") and name not in EXCUSED}
    assert not wanting
