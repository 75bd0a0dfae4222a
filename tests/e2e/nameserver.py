"""Debian's nsd with zones of our own, signed by ldns-signzone; both unpacked, never installed."""

import base64
import hashlib
import os
import re
import ssl
import subprocess

from harness import LOCALHOST, TOP, Program, free_port, wait_until

EXPIRED = ("-i", "20240101000000", "-e", "20240201000000")


def unpacked():
    """The folder with both; fetched once, for all builds."""
    cache = TOP / "build/nameserver"
    subprocess.run(["sh", TOP / "tests/packages.sh", "--unpack", "nameserver", cache], check=True)
    return cache


def tlsa(certificate, usage, selector, matching):
    """The data of a TLSA record for the first certificate in a file, as a zone writes it."""
    first = certificate.read_text(encoding="ascii").partition("-----END CERTIFICATE-----")
    data = ssl.PEM_cert_to_DER_cert("".join(first[:2]) + "\n")
    if selector == 1:
        pem = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
                             capture_output=True, text=True, check=True).stdout
        data = base64.b64decode("".join(pem.splitlines()[1:-1]))
    if matching > 0:
        data = (hashlib.sha256 if matching == 1 else hashlib.sha512)(data).digest()
    return f"TLSA {usage} {selector} {matching} {data.hex()}"


class Zone:
    """Records of a zone below its name. signed: DNSSEC signs it, and the resolver trusts its key.

    expired: the signatures are of another year. forge: a regular expression, and what its matches
    become after signing.
    """

    def __init__(self, records, signed=True, expired=False, forge=None):
        self.records = records
        self.signed = signed
        self.expired = expired
        self.forge = forge

    def text(self, name):
        records = "\n".join(self.records)
        return (f"$ORIGIN {name}.\n$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\n"
                f"ns A {LOCALHOST}\n{records}\n")


class Nameserver:
    """Serves zones {name: Zone} on a port of its own; a zone None fails (SERVFAIL)."""

    def __init__(self, folder, zones):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.unpacked = unpacked()
        libraries = [str(path) for path in sorted(self.unpacked.glob("usr/lib/*-linux-gnu*"))]
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)}
        self.anchor = folder / "anchor"
        self.anchor.write_text("", encoding="ascii")
        self.zones = {}
        self.keys = {}
        self.program = None
        self.set(zones)

    def settings(self):
        """What Sluice's configuration says of it."""
        return {"servers": [f"{LOCALHOST}@{self.port}"], "trust_anchor": str(self.anchor),
                "hosts": str(self.folder / "hosts")}

    def set(self, zones):
        """Other zones, from the next start on; a zone keeps its key."""
        self.zones = zones
        (self.folder / "hosts").write_text("", encoding="ascii")
        for name, zone in zones.items():
            if zone is None:
                continue
            path = self.folder / name
            path.write_text(zone.text(name), encoding="ascii")
            if zone.signed:
                self._sign(name, zone)

    def _tool(self, *words):
        return subprocess.run([self.unpacked / "usr/bin" / words[0], *words[1:]], check=True,
                              cwd=self.folder, env=self.environment, capture_output=True,
                              text=True).stdout

    def _sign(self, name, zone):
        if name not in self.keys:
            self.keys[name] = self._tool("ldns-keygen", "-a", "ECDSAP256SHA256", "-k",
                                         name).strip()
            with open(self.anchor, "a", encoding="ascii") as anchor:
                anchor.write((self.folder / f"{self.keys[name]}.key").read_text("ascii"))
        path = self.folder / name
        self._tool("ldns-signzone", "-n", *(EXPIRED if zone.expired else ()), "-f",
                   f"{name}.signed", name, self.keys[name])
        text = (self.folder / f"{name}.signed").read_text(encoding="ascii")
        if zone.forge:
            forged = re.sub(*zone.forge, text)
            assert forged != text
            text = forged
        path.write_text(text, encoding="ascii")

    def start(self):
        zones = "".join(f"zone:\n  name: {name}\n  zonefile: {name}\n" for name in self.zones)
        (self.folder / "nsd.conf").write_text(f"""
server:
  ip-address: {LOCALHOST}
  port: {self.port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{self.folder}"
  pidfile: "{self.folder}/nsd.pid"
  xfrdfile: "{self.folder}/xfrd.state"
  zonelistfile: "{self.folder}/zone.list"
remote-control:
  control-enable: no
{zones}""", encoding="ascii")
        self.program = Program(self.folder, "nsd", [self.unpacked / "usr/sbin/nsd", "-d", "-c",
                                                    self.folder / "nsd.conf"],
                               env=self.environment)
        wait_until(lambda: "nsd started" in self.program.text() or not self.program.running(),
                   self.program.tail)
        assert self.program.running(), self.program.tail()
        return self

    def stop(self):
        if self.program is not None:
            self.program.stop()
