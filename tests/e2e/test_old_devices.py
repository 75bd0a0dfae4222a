"""Old devices, let in by name: what they may, that it is logged, and what others hear instead."""

import base64
import ssl
import warnings

import pytest

from clients import PASSWORD, USER, Raw
from harness import LOCALHOST, free_port

OLD, MODERN = "127.0.0.5", LOCALHOST


def old_context(ca, version, ciphers):
    """A client's, of at most this version."""
    context = ssl.create_default_context(cafile=str(ca))
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


def encoded(text):
    """Base64, as AUTH LOGIN has it."""
    return base64.b64encode(text.encode()).decode()


def start_tls(raw, context):
    raw.say("EHLO device")
    assert raw.say("STARTTLS").startswith("220")
    raw.socket = context.wrap_socket(raw.socket, server_hostname="localhost")
    return raw.socket.version(), raw.socket.cipher()[0]


def test_old_devices(sluice, nowhere, listener_tls, certificates, users_file):
    """One relay, a modern client and a device with a profile on the same listener."""
    implicit = free_port()
    profile = {"name": "scanner, 3rd floor", "networks": [OLD], "tls": "1.0",
               "auth_without_tls": True, "bare_lf": "repair", "tolerant": True}
    listener = {"tls": listener_tls, "users_file": users_file, "old_devices": [profile]}
    running = sluice(nowhere, listener=listener)
    running.terminate()
    running.settings["listeners"].append(
        {"address": f"{LOCALHOST}:{implicit}", "tls": {**listener_tls, "implicit": True}})
    running.write()
    running.start()
    ca = certificates.ca

    # TLS of 1999, and 1.2 with ciphers of its time.
    for version, ciphers, shown in (
            (ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0", "TLSv1"),
            (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", "TLSv1.1"),
            (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "TLSv1.2")):
        with Raw(running.port, source=OLD) as raw:
            assert start_tls(raw, old_context(ca, version, ciphers))[0] == shown
            raw.say("EHLO device")
            assert raw.say("NOOP").startswith("250")
        assert running.logged("event=old_device", 'name="scanner, 3rd floor"', f"client={OLD}:",
                              "used=tls", f"tls={shown} ", "cipher=")
        with Raw(running.port, source=MODERN) as raw, pytest.raises((ssl.SSLError, OSError)):
            start_tls(raw, old_context(ca, version, ciphers))
    assert running.logged("event=tls_refused", f"client={MODERN}:", "older than 1.2",
                          "old_devices, with tls: 1.0", count=2)
    assert running.logged("event=tls_refused", f"client={MODERN}:", "old_devices, with tls: 1.2")
    # A device with a profile that has modern TLS gets that, and it is no news.
    before = len(running.lines("used=tls"))
    with Raw(running.port, source=OLD) as raw:
        version, _ = start_tls(raw, ssl.create_default_context(cafile=str(ca)))
        assert version == "TLSv1.3"
        raw.say("EHLO device")
    assert len(running.lines("used=tls")) == before

    # A whole mail as no book has it, signed in without TLS.
    with Raw(running.port, source=OLD) as raw:
        raw.send("EHLO\n")
        assert "AUTH PLAIN LOGIN" in raw.reply()
        raw.send("AUTH LOGIN\n")
        assert raw.reply().startswith("334")
        raw.send(f"{encoded(USER)}\n")
        assert raw.reply().startswith("334")
        raw.send(f"{encoded(PASSWORD)}\n")
        assert raw.reply().startswith("235")
        raw.send("MAIL FROM Scanner <scan@example.test>\nRCPTTO:user@example.org\nDATA\n")
        assert raw.reply().startswith("250") and raw.reply().startswith("250")
        assert raw.reply().startswith("354")
        # The end of the data is what it is for everybody.
        raw.send("Subject: scan\n\nOne page.\n.\nMAIL FROM:<evil@example.test>\n\r\n.\r\n")
        assert raw.reply().startswith("250 2.0.0 queued")
    assert [entry["from"] for entry in running.queue()] == ["scan@example.test"]
    for used in ("auth_without_tls", "bare_lf", "tolerant"):
        assert len(running.logged("event=old_device", f"used={used} ")) == 1
    with Raw(running.port, source=MODERN) as raw:
        assert "AUTH" not in raw.say("EHLO device")
        assert raw.say("MAIL FROM Scanner <scan@example.test>").startswith("501")
        raw.send("NOOP\n")
        assert raw.reply().startswith("500 5.5.2")
    assert not running.lines("event=old_device", f"client={MODERN}:")

    # What to change on a device that speaks where TLS comes first.
    with Raw(implicit, greet=False) as raw:
        raw.send("EHLO device\r\n")
        assert raw.socket.recv(100)[:1] != b"2"
    assert running.logged("event=tls_refused", f"client={MODERN}:", "speaks no TLS", "STARTTLS")
