"""The far end of a route: servers that we did not write, aiosmtpd and Postfix, our mock, and one
that notes every byte."""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import aiosmtpd.controller
import aiosmtpd.smtp

from harness import BUILD, LOCALHOST, TOP, Program, accepts, free_port, mark_of, wait_until

USER = "relay@example.test"
PASSWORD = "a secret: 100% / pass"


class Aiosmtpd:
    """aiosmtpd; STARTTLS and sign-in unless told otherwise. No CHUNKING: mail comes by DATA."""

    def __init__(self, certificates, sign_in=True, smtputf8=True, certificate="server",
                 names="DNS:localhost,IP:127.0.0.1", size=33554432, tls=True):
        self.port = free_port()
        self.envelopes = []  # of the messages we said 250 to, in order
        self.refusals = {}  # recipient: the reply to its RCPT
        self.data_replies = []  # for the next messages, instead of taking them
        self.signed_in = []
        self.users = {USER}  # who may sign in, all with the same password
        self.attempts = []  # (who had signed in, envelope) of every message, also of those refused
        self.hold = threading.Event()  # while clear, the reply to the data waits
        self.hold.set()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificates.server(certificate, names))
        self.settings = {
            "hostname": LOCALHOST, "port": self.port, "tls_context": context if tls else None,
            "require_starttls": tls, "auth_required": sign_in, "enable_SMTPUTF8": smtputf8,
            "authenticator": self._authenticate if sign_in else None, "data_size_limit": size,
            "ready_timeout": 30,
        }
        self.controller = None

    def start(self):
        """Also again after stop()."""
        self.controller = aiosmtpd.controller.Controller(self, **self.settings)
        self.controller.start()
        return self

    def stop(self):
        self.hold.set()
        if self.controller is not None:
            self.controller.stop()
            self.controller = None

    def marks(self):
        return [mark_of(envelope.content) for envelope in self.envelopes]

    def _authenticate(self, _server, session, _envelope, mechanism, data):
        right = data.login.decode() in self.users and data.password == PASSWORD.encode()
        session.user = data.login.decode()
        self.signed_in.append((mechanism, right))
        return aiosmtpd.smtp.AuthResult(success=right, handled=False)

    # aiosmtpd's handler: methods of these names are called.

    async def handle_RCPT(self, _server, _session, envelope, address, options):
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        await server.loop.run_in_executor(None, self.hold.wait)
        self.attempts.append((getattr(session, "user", None), envelope))
        if self.data_replies:
            return self.data_replies.pop(0)
        self.envelopes.append(envelope)
        return "250 2.0.0 taken"


class Recorder:
    """A server of the tests' own that notes every byte as it comes: no TLS, and what it says to
    EHLO is given. A command ends with CRLF here, data with CRLF.CRLF, and with nothing else."""

    def __init__(self, *offers):
        self.port = free_port()
        self.offers = offers
        self.commands = []  # lines without their CRLF, of all sessions
        self.messages = []  # (sender's and recipients' paths, bytes as they came, how)
        self.refusals = {}  # what a command begins with: the reply to it
        self._closing = False
        self._listener = socket.create_server((LOCALHOST, self.port))
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._sockets = []
        self._threads[0].start()

    def stop(self):
        self._closing = True
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def _listen(self):
        with contextlib.suppress(OSError):
            while not self._closing:
                client = self._listener.accept()[0]
                self._sockets.append(client)
                self._threads.append(
                    threading.Thread(target=self._serve, args=(client,), daemon=True))
                self._threads[-1].start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError, EOFError):
            _Recording(self, client).run()


class _Recording:
    """One session of a Recorder."""

    def __init__(self, server, client):
        self.server, self.client = server, client
        self.buffer = bytearray()
        self.paths, self.chunks = [], b""

    def run(self):
        self.say("220 recorder.test ESMTP")
        while True:
            line = bytes(self.until(b"\r\n"))
            self.server.commands.append(line)
            if not self.answer(line, line.split(b" ")[0].upper()):
                return

    def say(self, reply):
        self.client.sendall(reply.encode() + b"\r\n")

    def more(self):
        received = self.client.recv(65536)
        if not received:
            raise EOFError
        self.buffer += received

    def until(self, end):
        """What comes before the end, which is taken off too."""
        while (place := self.buffer.find(end)) < 0:
            self.more()
        taken = self.buffer[:place]
        del self.buffer[:place + len(end)]
        return taken

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def answer(self, line, verb):
        """False: the session is over."""
        refusal = next((reply for begin, reply in self.server.refusals.items()
                        if line.upper().startswith(begin)), None)
        if refusal is not None:
            if verb == b"BDAT":
                self.take(int(line.split(b" ")[1]))
            self.say(refusal)
        elif verb == b"EHLO":
            lines = ["recorder.test", *self.server.offers]
            for number, text in enumerate(lines):
                self.say(f"250{'-' if number + 1 < len(lines) else ' '}{text}")
        elif verb in (b"MAIL", b"RCPT"):
            self.paths = [line] if verb == b"MAIL" else [*self.paths, line]
            self.say("250 2.1.0 fine")
        elif verb == b"DATA":
            self.say("354 go on")
            # The end of an empty message has no line before it.
            data = self.take(3)
            if data != b".\r\n":
                self.buffer[:0] = data
                data = bytes(self.until(b"\r\n.\r\n")) + b"\r\n.\r\n"
            self.keep(data, "DATA")
        elif verb == b"BDAT":
            self.chunks += self.take(int(line.split(b" ")[1]))
            if line.upper().endswith(b" LAST"):
                self.keep(self.chunks, "BDAT")
                self.chunks = b""
            else:
                self.say("250 2.0.0 go on")
        elif verb == b"QUIT":
            self.say("221 2.0.0 bye")
        elif verb in (b"RSET", b"NOOP"):
            self.say("250 2.0.0 fine")
        else:
            self.say("500 5.5.2 what")
        return verb != b"QUIT"

    def keep(self, data, how):
        self.server.messages.append((self.paths, data, how))
        self.say("250 2.0.0 taken")


class Mock:
    """sluice-mock, ours: it counts, refuses and disconnects as it is told. A tenant is what its
    file holds; it says who may sign in."""

    def __init__(self, folder, certificates, *options, auth="LOGIN,XOAUTH2,PLAIN", tenant=None,
                 address=LOCALHOST, port=None):
        certificate, key = certificates.server("server")
        self.port = port or free_port()
        self.folder = folder
        self.command = [BUILD / "sluice-mock", "--listen", f"{address}:{self.port}",
                        "--certificate", certificate, "--key", key,
                        "--account", folder / "account.json"]
        if tenant is None:
            self.command += ["--auth", auth, "--user", f"{USER}:{PASSWORD}"]
        else:
            (folder / "tenant.json").write_text(json.dumps(tenant), encoding="utf-8")
            self.command += ["--tenant", folder / "tenant.json"]
        self.command += options
        self.program = None

    def start(self):
        self.program = Program(self.folder, "mock", self.command)
        wait_until(lambda: "event=ready" in self.program.text() or not self.program.running(),
                   self.program.tail)
        assert self.program.running(), self.program.tail()
        return self

    def stop(self):
        if self.program is not None:
            self.program.stop()

    def account_now(self):
        """What it was given so far."""
        path = self.folder / "account.json"
        path.unlink(missing_ok=True)
        self.program.signal(signal.SIGUSR1)

        def whole():
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(path.read_text(encoding="utf-8"))
            return None

        return wait_until(whole, self.program.tail)

    def account(self):
        """Ends it; what it was given."""
        self.program.signal(signal.SIGTERM)
        assert self.program.wait() == 0, self.program.tail()
        return json.loads((self.folder / "account.json").read_text(encoding="utf-8"))


class Postfix:
    """Debian's Postfix, unpacked into a private folder and run from there: STARTTLS, sign-in by
    Cyrus SASL, CHUNKING, everything delivered into one maildir.

    It wants root and users of its own; users that every Debian has stand in for those.
    """

    OWNER, GROUP = "uucp", "news"
    SERVICES = """
postlog   unix-dgram n - n -    1 postlogd
anvil     unix  -    - n -      1 anvil
bounce    unix  -    - n -      0 bounce
defer     unix  -    - n -      0 bounce
trace     unix  -    - n -      0 bounce
cleanup   unix  n    - n -      0 cleanup
discard   unix  -    - n -      - discard
error     unix  -    - n -      - error
proxymap  unix  -    - n -      - proxymap
qmgr      unix  n    - n 300    1 qmgr
rewrite   unix  -    - n -      - trivial-rewrite
scache    unix  -    - n -      1 scache
tlsmgr    unix  -    - n 1000?  1 tlsmgr
virtual   unix  -    n n -      - virtual
"""

    def __init__(self, folder, certificates):
        self.folder = folder
        self.port = free_port()
        self.maildir = folder / "mail/inbox"
        self.unpacked = postfix_folder(folder)
        self.environment = postfix_environment(self.unpacked)
        self.program = None
        self._write(*certificates.server("server"))

    def _write(self, certificate, key):
        owner = pwd.getpwnam(self.OWNER)
        etc, sasl = self.folder / "etc", self.folder / "etc/sasl"
        queue, data, mail = self.folder / "queue", self.folder / "data", self.folder / "mail"
        for path in (etc, sasl, queue, data, mail):
            path.mkdir(parents=True)
        for name in ("active bounce corrupt defer deferred flush hold incoming maildrop private"
                     " public saved trace pid").split():
            (queue / name).mkdir()
            os.chown(queue / name, 0 if name == "pid" else owner.pw_uid, -1)
        shutil.copy(certificate, etc / "server.pem")
        shutil.copy(key, etc / "server.key")
        for path in (data, mail):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        (sasl / "smtpd.conf").write_text(
            "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
            f"sasldb_path: {sasl}/sasldb2\n", encoding="ascii")
        name, _, realm = USER.partition("@")
        subprocess.run(
            [self.unpacked / "usr/sbin/saslpasswd2", "-p", "-c", "-f", sasl / "sasldb2",
             "-u", realm, name],
            input=PASSWORD.encode(), env=self.environment, check=True, capture_output=True)
        os.chown(sasl / "sasldb2", owner.pw_uid, owner.pw_gid)
        (etc / "master.cf").write_text(
            f"{LOCALHOST}:{self.port} inet n - n - - smtpd{self.SERVICES}", encoding="ascii")
        (etc / "main.cf").write_text(f"""
compatibility_level = 3.6
mail_owner = {self.OWNER}
setgid_group = {self.GROUP}
default_privs = nobody
queue_directory = {queue}
data_directory = {data}
daemon_directory = {self.unpacked}/usr/lib/postfix/sbin
command_directory = {self.unpacked}/usr/sbin
shlib_directory = {self.unpacked}/usr/lib/postfix
meta_directory = {etc}
maillog_file = {self.folder}/postfix.log
maillog_file_prefixes = {self.folder}
import_environment = MAIL_CONFIG LD_LIBRARY_PATH SASL_PATH LANG=C
myhostname = postfix.example.test
inet_interfaces = {LOCALHOST}
inet_protocols = ipv4
mynetworks = 192.0.2.0/24
mydestination =
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = static:all
virtual_mailbox_base = {mail}
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {etc}/server.pem
smtpd_tls_key_file = {etc}/server.key
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain =
cyrus_sasl_config_path = {sasl}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_client_connection_count_limit = 0
smtputf8_enable = yes
""", encoding="ascii")

    def start(self):
        self.program = Program(
            self.folder, "master",
            [self.unpacked / "usr/lib/postfix/sbin/master", "-d", "-c", self.folder / "etc"],
            env=self.environment, start_new_session=True)
        wait_until(lambda: accepts(self.port) or not self.program.running(), "Postfix listens")
        assert self.program.running(), self.program.tail() + self.log()
        return self

    def stop(self):
        if self.program is not None:
            self.program.stop()

    def log(self):
        path = self.folder / "postfix.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def messages(self):
        """What lies in the maildir: the bytes of each message."""
        inbox = self.maildir / "new"
        return [path.read_bytes() for path in sorted(inbox.iterdir())] if inbox.exists() else []

    def marks(self):
        return [mark_of(message) for message in self.messages()]


def postfix_folder(session):
    """Postfix unpacked where its users can reach it; fetched once, for all builds."""
    cache = TOP / "build/unpacked"
    subprocess.run(["sh", TOP / "tests/packages.sh", "--unpack", "unpacked", cache], check=True)
    # The build folder may lie where only root can look.
    reachable = session.parent / "postfix-unpacked"
    if not reachable.exists():
        shutil.copytree(cache, reachable, symlinks=True)
    return reachable


def postfix_environment(unpacked):
    libraries = [str(unpacked / "usr/lib/postfix")]
    libraries += [str(path) for path in sorted(unpacked.glob("usr/lib/*-linux-gnu*"))]
    plugins = [str(path) for path in sorted(unpacked.glob("usr/lib/*-linux-gnu*/sasl2"))]
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": ":".join(libraries),
            "SASL_PATH": ":".join(plugins)}


def smtp_source(session):
    """(path, environment) of Postfix's load generator."""
    unpacked = postfix_folder(session)
    found = [path for path in (pathlib.Path(unpacked) / "usr").rglob("smtp-source")]
    return found[0], postfix_environment(unpacked)
