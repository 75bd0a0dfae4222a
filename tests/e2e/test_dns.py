"""MX hosts and DANE: signed zones on loopback, and mail hosts of several minds."""

import itertools
import json
import signal

import pytest

from clients import message, swaks
from harness import BUILD, LOCALHOST, Program, free_port, wait_until
from nameserver import Nameserver, Zone, tlsa

NAME = "contoso.example"
HOST = f"mx.{NAME}"
SECOND = "127.0.0.2"
DOWN = "127.0.0.3"  # nobody listens there
numbers = itertools.count(1)


class MailHost:
    """sluice-mock as an MX host; without a certificate it has no TLS."""

    def __init__(self, folder, port, pair=None, *options, address=LOCALHOST):
        self.name = f"mx{next(numbers)}"
        self.folder = folder
        self.account_path = folder / f"{self.name}.json"
        tls = ["--certificate", pair[0], "--key", pair[1]] if pair else []
        self.program = Program(folder, self.name, [
            BUILD / "sluice-mock", "--interface", "mx", "--listen", f"{address}:{port}",
            "--account", self.account_path, *tls, *options])
        wait_until(lambda: "event=ready" in self.program.text() or not self.program.running(),
                   self.program.tail)
        assert self.program.running(), self.program.tail()

    def stop(self):
        self.program.stop()

    def account(self):
        """Ends it; what it was given."""
        self.program.signal(signal.SIGTERM)
        assert self.program.wait() == 0, self.program.tail()
        return json.loads(self.account_path.read_text(encoding="utf-8"))


class Scene:
    """A name server, mail hosts on one port, and a Sluice that sends to the domain."""

    def __init__(self, folder, certificates, cleanup, sluice):
        self.folder, self.cleanup, self.sluice = folder, cleanup, sluice
        self.certificates = certificates
        self.port = free_port()
        self.pair = certificates.chain("mx", f"DNS:{HOST}")
        self.nameserver = None
        self.running = None

    def serve(self, zone, others=None):
        """The domain's zone, and more of them."""
        self.nameserver = Nameserver(self.folder / "dns", {NAME: zone, **(others or {})})
        self.cleanup.callback(self.nameserver.stop)
        self.nameserver.start()

    def host(self, pair=None, *options, address=LOCALHOST):
        host = MailHost(self.folder, self.port, pair, *options, address=address)
        self.cleanup.callback(host.stop)
        return host

    def record(self, usage, selector=1, matching=1, certificate=None):
        """A TLSA record for the mail hosts' port, of their certificate."""
        data = tlsa(certificate or self.pair[0], usage, selector, matching)
        return f"_{self.port}._tcp.mx {data}"

    def send(self, domain=NAME, **settings):
        tls = settings.pop("tls", {})
        route = {"interface": "direct", "port": self.port, "tls": tls, **settings}
        if "host" not in route:
            route["domain"] = domain
        self.running = self.sluice(route, dns=self.nameserver.settings(),
                                   accepted_domains=[NAME])
        swaks(self.running.port, "--to", f"user@{NAME}", "--data", message("m1"))
        return self.running

    def delivered(self, host, auth):
        """Waits for the mail to have gone there, the server authenticated so."""
        self.running.wait_empty()
        assert host.account()["messages"] == 1
        if auth is None:
            assert not self.running.lines("event=tls ")
            return
        words = {line.partition("tls_auth=")[2].split()[0]
                 for line in self.running.logged("event=tls ")}
        assert words == {auth}

    def kept(self, words, *hosts):
        """Waits for the words; the mail is kept, says why, and nothing of it was sent."""
        wait_until(lambda: self.running.lines(words), self.running.program.tail)
        listed = wait_until(lambda: [row for row in self.running.queue() if row["reply"]],
                            self.running.program.tail)
        assert words in listed[0]["reply"], listed
        assert self.running.count() == 1
        for host in hosts:
            account = host.account()
            assert (account["messages"], account["recipients"]) == (0, 0)


@pytest.fixture(name="scene")
def _scene(folder, certificates, cleanup, sluice):
    return Scene(folder, certificates, cleanup, sluice)


def mx(*extra):
    return [f"@ MX 10 {HOST}.", f"mx A {LOCALHOST}", *extra]


@pytest.mark.parametrize("selector,matching", [(1, 1), (0, 1), (1, 2), (0, 0)])
def test_dane_ee(scene, selector, matching):
    """The authority is nobody's: the record alone counts."""
    scene.serve(Zone(mx(scene.record(3, selector, matching))))
    host = scene.host(scene.pair)
    scene.send()
    scene.delivered(host, "dane-ee")
    line = scene.running.logged("event=looked_up")[0]
    assert f"domain={NAME}" in line and f'mx="10 {HOST} tlsa"' in line and "signed=yes" in line


def test_dane_ee_takes_any_name(scene, certificates):
    pair = certificates.server("elsewhere", "DNS:elsewhere.test")
    scene.serve(Zone(mx(scene.record(3, certificate=pair[0]))))
    host = scene.host(pair)
    scene.send()
    scene.delivered(host, "dane-ee")


@pytest.mark.parametrize("names", [HOST, NAME], ids=["of the host", "of the domain"])
def test_dane_ta(scene, certificates, names):
    pair = certificates.chain(f"ta-{names}", f"DNS:{names}")
    scene.serve(Zone(mx(scene.record(2, 0, certificate=certificates.ca))))
    host = scene.host(pair)
    scene.send()
    scene.delivered(host, "dane-ta")


def test_dane_ta_wants_a_right_name(scene, certificates):
    pair = certificates.chain("ta-else", "DNS:else.example")
    scene.serve(Zone(mx(scene.record(2, 0, certificate=certificates.ca))))
    host = scene.host(pair)
    scene.send(tls={"verify": False})
    scene.kept(f"is not for {HOST}", host)


@pytest.mark.parametrize("tls", [{}, {"verify": False}, {"mode": "required", "verify": False}])
def test_mismatch(scene, certificates, tls):
    scene.serve(Zone(mx(scene.record(3, certificate=certificates.ca))))
    host = scene.host(scene.pair)
    scene.send(tls=tls)
    scene.kept(f"matches none of the TLSA records of {HOST}", host)


def test_a_trusted_authority_does_not_help(scene, certificates):
    scene.serve(Zone(mx(scene.record(3, certificate=certificates.ca))))
    host = scene.host(scene.pair)
    scene.send(tls={"ca_file": str(certificates.ca)})
    scene.kept("matches none of the TLSA records", host)


def test_records_demand_starttls(scene):
    scene.serve(Zone(mx(scene.record(3))))
    host = scene.host()
    scene.send()
    scene.kept("does not offer STARTTLS, which its signed TLSA records require", host)


def test_forged_records(scene):
    scene.serve(Zone(mx(scene.record(3)), forge=(r"TLSA\t3 1 1 ....", "TLSA\t3 1 1 ffff")))
    host = scene.host(scene.pair)
    scene.send()
    scene.kept(f"TLSA records of {HOST}: its DNSSEC signature is not valid", host)
    assert scene.running.logged("event=host_left_out", HOST)


def test_forged_mx(scene):
    scene.serve(Zone(mx(), forge=(r"MX\t10 mx", "MX\t10 ns")))
    scene.send(tls={"verify": False})
    scene.kept(f"MX of {NAME}: its DNSSEC signature is not valid")
    assert scene.running.logged("event=lookup_failed", f"domain={NAME}", "tls.dane to off")


def test_expired_signatures(scene):
    scene.serve(Zone(mx(scene.record(3)), expired=True))
    host = scene.host(scene.pair)
    scene.send()
    scene.kept("signature expired", host)


def test_expired_signatures_without_dane(scene):
    """Who can't have DNSSEC says so, and is served as before it."""
    scene.serve(Zone(mx(), expired=True))
    host = scene.host(scene.pair)
    scene.send(tls={"dane": "off", "verify": False})
    scene.delivered(host, "none")


def test_unsigned_records_are_ignored(scene, certificates):
    scene.serve(Zone(mx(scene.record(3, certificate=certificates.ca)), signed=False))
    host = scene.host(scene.pair)
    scene.send(tls={"ca_file": str(certificates.ca)})
    scene.delivered(host, "pkix")
    assert scene.running.logged("event=looked_up", "signed=no")


@pytest.mark.parametrize("records", [(), ("_25._tcp.mx TLSA 3 1 1 " + "00" * 32,)])
def test_signed_that_there_are_none(scene, records):
    """Nothing for this port: the route's own policy."""
    scene.serve(Zone(mx(*records)))
    host = scene.host()
    scene.send()
    scene.delivered(host, None)


def test_optional_tls_checks_what_is_offered(scene):
    """Opportunistic, but not blind: a certificate that fails its check sends nothing."""
    scene.serve(Zone(mx()))
    host = scene.host(scene.pair)
    scene.send()
    scene.kept("has an issuer that is not trusted", host)


def test_records_that_can_not_be_used(scene, certificates):
    """PKIX-EE: TLS all the same, and the route's own check."""
    scene.serve(Zone(mx(scene.record(1))))
    host = scene.host(scene.pair)
    scene.send(tls={"verify": False})
    scene.delivered(host, "none")
    host = scene.host()
    scene.send(tls={"verify": False})
    scene.kept("does not offer STARTTLS", host)


def test_servers_that_fail_for_the_records(scene):
    """A forger could make it seem so."""
    scene.serve(Zone(mx("_tcp.mx NS ns", "_tcp.mx DS 1 13 2 " + "00" * 32)),
                {f"_tcp.{HOST}": None})
    host = scene.host(scene.pair)
    scene.send(tls={"verify": False})
    scene.kept(f"TLSA records of {HOST}: the name server failed (SERVFAIL)", host)


def test_servers_that_fail(scene):
    scene.serve(None)
    scene.send()
    scene.kept(f"MX of {NAME}: the name server failed (SERVFAIL)")


def test_no_such_domain(scene):
    scene.serve(Zone(mx()))
    scene.send(domain=f"gone.{NAME}")
    scene.kept(f"MX of gone.{NAME}: there is no such name")


def test_null_mx(scene):
    scene.serve(Zone(["@ MX 0 .", f"@ A {LOCALHOST}"]))
    host = scene.host()
    scene.send()
    scene.kept("takes no mail (a null MX, RFC 7505)", host)


def test_no_mx(scene):
    scene.serve(Zone([f"@ A {LOCALHOST}"]))
    host = scene.host()
    scene.send()
    scene.delivered(host, None)


def test_mx_is_an_alias(scene):
    """The records are of the name that the alias leads to, and so is the name checked."""
    scene.serve(Zone([f"@ MX 10 alias.{NAME}.", f"alias CNAME {HOST}.", f"mx A {LOCALHOST}",
                      scene.record(2, 0, certificate=scene.certificates.ca)]))
    host = scene.host(scene.pair)
    scene.send()
    scene.delivered(host, "dane-ta")
    assert scene.running.logged("event=connected", f"host=alias.{NAME}")


def test_alias_out_of_a_signed_zone(scene):
    """The address is not signed, the host's own name is: its records count."""
    alias_record = scene.record(3).replace("._tcp.mx", "._tcp.alias")
    scene.serve(Zone([f"@ MX 10 alias.{NAME}.", "alias CNAME mx.plain.example.", alias_record]),
                {"plain.example": Zone([f"mx A {LOCALHOST}"], signed=False)})
    host = scene.host(scene.pair)
    scene.send()
    scene.delivered(host, "dane-ee")


def test_twenty_mx(scene):
    """The best is last in the answer; the others would be tried behind it."""
    others = [f"@ MX {20 + number} mx{number}" for number in range(19)]
    addresses = [f"mx{number} A {DOWN}" for number in range(19)]
    scene.serve(Zone([*others, f"@ MX 5 {HOST}.", *addresses, f"mx A {LOCALHOST}"]))
    host = scene.host()
    scene.send()
    scene.delivered(host, None)
    assert not scene.running.lines("event=next_address")
    assert scene.running.logged("event=looked_up")[0].count("mx=") == 16


def test_the_next_host(scene):
    scene.serve(Zone(["@ MX 10 down", f"down A {DOWN}", f"@ MX 20 {HOST}.", f"mx A {LOCALHOST}",
                      scene.record(3)]))
    host = scene.host(scene.pair)
    scene.send()
    scene.delivered(host, "dane-ee")
    assert scene.running.logged("event=next_address", f"host=down.{NAME}")
    assert not scene.running.lines("event=deferred")


def test_the_next_family(scene):
    scene.serve(Zone(mx("mx AAAA ::1")))
    host = scene.host()
    scene.send()
    scene.delivered(host, None)
    assert scene.running.logged("event=next_address", f"[::1]:{scene.port}")


@pytest.mark.parametrize("rule", ["stage=connect,reply=421 4.3.2 Service not active",
                                  "stage=ehlo,reply=421 4.3.2 Service not available",
                                  "stage=connect,drop=before"])
def test_front_ends_that_fail(scene, rule):
    """It blames nobody: another address at once, and no attempt of the message is used up."""
    scene.serve(Zone([f"@ MX 10 {HOST}.", f"mx A {SECOND}", "@ MX 20 other",
                      f"other A {LOCALHOST}"]))
    faulty = scene.host(None, "--rule", rule, address=SECOND)
    host = scene.host()
    scene.send()
    scene.delivered(host, None)
    assert faulty.account()["messages"] == 0
    assert len(scene.running.logged("event=next_address")) == 1
    assert not scene.running.lines("event=deferred")


def test_a_bad_host_does_not_stop_the_good(scene):
    """The better host's certificate is wrong: the next one's is right."""
    wrong = scene.record(3, certificate=scene.certificates.ca)
    right = scene.record(3).replace("._tcp.mx", "._tcp.other")
    scene.serve(Zone([f"@ MX 10 {HOST}.", f"mx A {SECOND}", wrong, "@ MX 20 other",
                      f"other A {LOCALHOST}", right]))
    bad = scene.host(scene.pair, address=SECOND)
    host = scene.host(scene.pair)
    scene.send()
    scene.delivered(host, "dane-ee")
    assert bad.account()["messages"] == 0


def test_dane_required(scene):
    scene.serve(Zone(mx()))
    host = scene.host(scene.pair)
    scene.send(tls={"dane": "required", "verify": False})
    scene.kept("which the route requires", host)


def test_dane_off(scene, certificates):
    scene.serve(Zone(mx(scene.record(3, certificate=certificates.ca))))
    host = scene.host(scene.pair)
    scene.send(tls={"dane": "off", "verify": False})
    scene.delivered(host, "none")


def test_a_host_that_is_named(scene):
    scene.serve(Zone(mx(scene.record(3))))
    host = scene.host(scene.pair)
    scene.send(interface="connector", host=HOST)
    scene.delivered(host, "dane-ee")
    line = scene.running.logged("event=looked_up")[0]
    assert f"host={HOST}" in line and "tlsa=yes" in line


def test_the_first_accepted_domain(scene):
    scene.serve(Zone(mx(scene.record(3))))
    host = scene.host(scene.pair)
    scene.running = scene.sluice({"interface": "direct", "port": scene.port},
                                 dns=scene.nameserver.settings(), accepted_domains=[NAME])
    swaks(scene.running.port, "--to", f"user@{NAME}", "--data", message("m1"))
    scene.delivered(host, "dane-ee")


def test_it_heals_by_itself(scene, certificates):
    """The records are mended: from the next look at DNS on the mail goes."""
    scene.serve(Zone(mx(scene.record(3, certificate=certificates.ca))))
    host = scene.host(scene.pair)
    scene.send()
    wait_until(lambda: scene.running.lines("matches none"), scene.running.program.tail)
    scene.nameserver.stop()
    scene.nameserver.set({NAME: Zone(mx(scene.record(3)))})
    scene.nameserver.start()
    scene.running.urge_empty()
    scene.delivered(host, "dane-ee")
