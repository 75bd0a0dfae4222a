"""Each guide of engine/guides, done as a new user would: its files are written, its commands typed,
in its order, and what it says one will see must be seen. Only names, ports and paths are others:
192.168.1.0/24 is 127.168.1.0/24, and Exchange Online is sluice-mock. In place of what changes the
machine (apt, systemctl, ...) stand programs of the test's own.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
import yaml

from harness import BUILD, LOCALHOST, TOP, free_port, wait_until
from servers import Mock
from test_package import Machine

GUIDES = TOP / "engine" / "guides"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
APP = "5c2e9c7e-6a1b-4c55-9d0e-2f6a3b1c4d5e"  # as the guides call theirs
PASSWORD = "secret"  # what our user types wherever one is asked for

# Cmdlets of Exchange Online and those of their parameters that guides name, from Microsoft's
# reference (office-docs-powershell).
CMDLETS = {
    "Connect-ExchangeOnline": "",
    "Set-CASMailbox": "Identity SmtpClientAuthenticationDisabled",
    "New-InboundConnector": "Name ConnectorType SenderDomains SenderIPAddresses"
                            " TlsSenderCertificateName",
    "Get-InboundConnector": "Identity",
    "Set-InboundConnector": "Identity SenderIPAddresses",
    "Get-AcceptedDomain": "", "Format-List": "",
    "Get-MessageTraceV2": "SenderAddress RecipientAddress",
    "New-ServicePrincipal": "AppId ObjectId DisplayName",
    "Add-MailboxPermission": "Identity User AccessRights",
    "Add-RecipientPermission": "Identity Trustee AccessRights Confirm",
}

STUBS = {
    "sluice": """case $1 in
    explain | version | help) exec "$PROGRAMS/sluice" "$@" ;;
    check) exec "$PROGRAMS/sluice" check --config "$ETC/guide.yaml" ;;
    esac
    exec "$PROGRAMS/sluice" "$@" --config "$ETC/sluice.yaml" """,
    "sluice-mock": 'exec "$PROGRAMS/sluice-mock" "$@"',
    "sluice-bench": 'exec "$PROGRAMS/sluice-bench" "$@"',
    # The relay is started; or, with restart, another one when the first has ended.
    "systemctl": """[ "$1" != daemon-reload ] || exit 0
    if [ -f "$WORK/pid" ]; then
        kill "$(cat "$WORK/pid")"
        while [ -e "/proc/$(cat "$WORK/pid")/exe" ]; do sleep 0.02; done
        rm "$WORK/pid"
    fi
    [ "$1" != stop ] || exit 0
    : >"$WORK/started"
    "$PROGRAMS/sluice" serve --config "$ETC/sluice.yaml" >"$WORK/started" 2>&1 &
    echo $! >"$WORK/pid"
    while ! grep -q event=ready "$WORK/started"; do kill -0 $! || exit 1; sleep 0.02; done""",
    "journalctl": 'cat "$WORK/started"',
    # A client that is the printer.
    "swaks": 'exec /usr/bin/swaks --local-interface "$CLIENT" "$@" >>"$WORK/swaks.log" 2>&1',
    "openssl": """[ "$*" != "passwd -6" ] || exec /usr/bin/openssl passwd -6 -stdin
    exec /usr/bin/openssl "$@" """,
    "install": """for word do shift; [ "$word" = -g ] || [ "$word" = sluice ] ||
    set -- "$@" "$word"; done; exec /usr/bin/install "$@" """,
    # As it is, but for what takes the most time.
    "cpack": """exec /usr/bin/cpack --config "$BUILD/CPackConfig.cmake" -B "$PWD" \\
    -D CPACK_DEBIAN_PACKAGE_SHLIBDEPS=OFF -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip""",
    "cmake": "mkdir -p build",
    "chown": "",
}


class Reader:
    """Somebody who does what a guide says."""

    def __init__(self, folder, mock, client):
        self.folder = folder
        self.mock = mock
        self.etc = folder / "etc/sluice"
        self.etc.mkdir(parents=True)
        self.said = folder / "said"
        self.looked = None
        (folder / "bin").mkdir()
        for name, text in STUBS.items():
            self.stub(name, text)
        self.ports = {port: free_port() for port in ("25", "587", "2525", "2526")}
        self.environment = {
            **os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "WORK": str(folder),
            "ETC": str(self.etc), "PROGRAMS": str(BUILD), "BUILD": str(BUILD), "CLIENT": client}
        self.group = []

    def stub(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def here(self, text):
        """The same with this machine's names."""
        text = text.replace("/etc/sluice/", f"{self.etc}/").replace("192.168.1.", "127.168.1.")
        return re.sub(r"(127\.[\d.]+:|port: )(25|587|2525|2526)\b",
                      lambda found: found[1] + str(self.ports[found[2]]), text)

    def do_yaml(self, text):
        text = self.here(text)
        (self.etc / "guide.yaml").write_text(text, encoding="utf-8")
        settings = yaml.safe_load(text)
        settings["spool"] = {"path": str(self.folder / "spool")}
        for route in settings["routes"]:
            if route.get("host") != LOCALHOST:
                route.pop("domain", None)
                route |= {"host": "localhost", "port": self.mock.port}
                route["tls"] = route.get("tls", {}) | {"ca_file": str(self.mock.authority)}
        for tenant in settings.get("tenants", []):
            if "oauth" in tenant:
                tenant["oauth"] |= {"token_url": self.mock.token_url,
                                    "ca_file": str(self.mock.authority)}
        (self.etc / "sluice.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def do_sh(self, text):
        """What it prints is for the `text` that may follow; then its exit code is as it may be."""
        with open(self.said, "wb") as said:
            shell = subprocess.Popen(
                ["timeout", "--foreground", "60", "bash", "-e", "-c", self.here(text)],
                cwd=self.folder, env=self.environment, stdin=subprocess.PIPE,
                stdout=said, stderr=said, start_new_session=True)
        self.group.append(shell.pid)
        shell.stdin.write(f"{PASSWORD}\n".encode())
        shell.stdin.close()
        code = shell.wait()  # with a time given it would look in turns
        self.looked = text
        return code

    def seen(self):
        return self.said.read_text(encoding="utf-8", errors="replace")

    def do_text(self, text):
        """Each line is to be seen, where the guide has … there may be anything."""
        wanted = ["".join(".*" if part == "…" else " +" if part.isspace() else re.escape(part)
                          for part in re.split(r"(…|\s+)", line.strip()) if part)
                  for line in self.here(text).splitlines()]

        def missing():
            seen = self.seen()
            return [line for line in wanted if not re.search(line, seen)]

        def all_seen():
            if not missing():
                return True
            self.do_sh(self.looked)
            return not missing()

        wait_until(all_seen, lambda: f"{missing()} in:\n{self.seen()}", 20)

    @staticmethod
    def do_powershell(text):
        cmdlet = ""
        for name, parameter in re.findall(r"(?<!\S)([A-Z][a-z]+-[A-Z]\w+)|(?<!\S)-(\w+)", text):
            cmdlet = name or cmdlet
            assert cmdlet in CMDLETS, text
            assert not parameter or parameter in CMDLETS[cmdlet].split(), (cmdlet, parameter)

    def follow(self, guide):
        blocks = BLOCK.findall((GUIDES / f"{guide}.md").read_text(encoding="utf-8"))
        kinds = [kind for kind, _ in blocks] + [""]
        for number, (kind, text) in enumerate(blocks):
            code = getattr(self, f"do_{kind}")(text)
            if kind == "sh" and kinds[number + 1] != "text":
                log = self.folder / "swaks.log"
                assert code == 0, (text, self.seen(), log.exists() and log.read_text())

    def stop(self):
        """What was begun in the background, too."""
        for group in self.group:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                pass


@pytest.fixture(name="reader")
def _reader(folder, certificates, cleanup):
    """A function that makes one, before a mock with these options."""
    def make(*options, client=LOCALHOST, **settings):
        mock = Mock(folder, certificates, *options, **settings)
        mock.authority = certificates.ca
        cleanup.callback(mock.stop)
        mock.start()
        reader = Reader(folder, mock, client)
        cleanup.callback(reader.stop)
        return reader

    return make


@pytest.fixture(name="token_reader")
def _token_reader(reader):
    """The same, where the app of the guides gets tokens."""
    def make(*options, **settings):
        port = free_port()
        here = reader("--token-listen", f"{LOCALHOST}:{port}", "--token-tenant", "contoso.com",
                      "--token-app", f"{APP}:{PASSWORD}", *options, **settings)
        here.mock.token_url = f"https://localhost:{port}/contoso.com/oauth2/v2.0/token"
        return here

    return make


def mailboxes(*names, **more):
    return {"accepted_domains": ["contoso.com"], "tarpit": 0,
            "mailboxes": [{"name": f"{name}@contoso.com", "password": PASSWORD}
                          for name in names], **more}


def test_first_message(reader, tmp_path):
    here = reader(tenant=mailboxes("notify"))
    machine = Machine(tmp_path)
    here.stub("apt", """[ -f "$2" ] || exit 0
    exec /usr/bin/dpkg --root="$ROOT" --force-script-chrootless --force-depends \\
        --force-not-root --log=/dev/null -i "$2" """)
    (here.folder / "tests").mkdir()
    (here.folder / "tests/packages.sh").touch()
    here.environment |= {"ROOT": str(machine.root), "DONE": str(machine.done),
                         "PROGRAMS": f"{machine.root}/usr/bin"}
    here.environment["PATH"] = here.environment["PATH"].replace(":", f":{tmp_path}/bin:", 1)
    here.follow("first-message")
    assert here.mock.account_now()["tenant"]["mailboxes"]["notify@contoso.com"]["accepted"] == 1


def test_printer(reader):
    here = reader("--interface", "connector", auth="LOGIN", client="127.168.1.17")
    here.follow("printer")


def test_connector(reader, certificates):
    here = reader("--interface", "connector", "--client-ca", certificates.ca, auth="LOGIN",
                  tenant={"accepted_domains": ["contoso.com"], "tarpit": 0,
                          "connectors": [{"certificate": "relay.contoso.com"}]})
    for name, path in zip(("fullchain.pem", "privkey.pem"),
                          certificates.chain("relay", "DNS:relay.contoso.com")):
        shutil.copy(path, here.folder / name)
    here.follow("connector")


def test_oauth(token_reader):
    here = token_reader(tenant=mailboxes("notify"))
    here.follow("oauth")


def test_volume(token_reader):
    names = [f"send{number:02}" for number in range(1, 21)]
    tenant = mailboxes(*names)
    for mailbox in tenant["mailboxes"]:
        mailbox["send_as"] = ["*"]
    here = token_reader(tenant=tenant, client="127.168.1.10")
    here.follow("volume")
    boxes = here.mock.account_now()["tenant"]["mailboxes"]
    accepted = [boxes[f"{name}@contoso.com"]["accepted"] for name in names]
    assert sum(accepted) == 100 and min(accepted) > 0, accepted


def test_bounce(reader):
    here = reader("--rule", "stage=rcpt,match=jo@,reply=550 5.1.10 "
                  "RESOLVER.ADR.RecipientNotFound; Recipient not found", tenant=mailboxes("notify"))
    here.follow("bounce")


def test_moving(reader):
    here = reader(tenant=mailboxes("notify"), client="127.168.1.17")
    here.follow("moving")


def test_all_are_tried_and_told_of():
    """And their links lead somewhere."""
    tried = {name[5:].replace("_", "-") for name in globals() if name.startswith("test_")}
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    for guide in GUIDES.glob("*.md"):
        assert guide.stem in tried and f"(engine/guides/{guide.name})" in readme
        for link in re.findall(r"\]\(([^):]+)\)", guide.read_text(encoding="utf-8")):
            assert (GUIDES / pathlib.Path(link)).exists(), f"{guide.name}: {link}"
