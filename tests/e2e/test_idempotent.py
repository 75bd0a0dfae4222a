"""Mail that comes twice under its key is taken once."""

import smtplib
import threading

from clients import PASSWORD, USER, Raw, message
from harness import LOCALHOST


def deliver(port, key, mark, body="Hello.\r\n", recipient="user@example.org", user=None):
    """Sends it once; the reply to the data, code and text."""
    with smtplib.SMTP(LOCALHOST, port, timeout=30) as client:
        client.ehlo("client.test")
        if user is not None:
            client.login(*user)
        client.mail("app@example.test")
        client.rcpt(recipient)
        code, text = client.data(f"X-Sluice-Key: {key}\r\n{message(mark, body)}")
        return code, text.decode()


def queued(reply):
    code, text = reply
    assert code == 250 and text.startswith("2.0.0 queued as "), reply
    return text.split()[-1]


def test_the_second_copy_gets_the_first_ones_id(sluice, aiosmtpd, route):
    server = aiosmtpd()
    running = sluice(route(server))
    first = queued(deliver(running.port, "invoice-1", "m1"))
    assert queued(deliver(running.port, "invoice-1", "m1")) == first
    running.wait_empty()
    # Also when the first one has long been delivered; its header may have been made anew.
    assert queued(deliver(running.port, "invoice-1", "m1-again")) == first
    assert queued(deliver(running.port, "invoice-2", "m2")) != first
    running.wait_empty()
    assert sorted(server.marks()) == ["m1", "m2"]
    assert all(b"luice-Key" not in envelope.content for envelope in server.envelopes)
    assert len(running.logged(f"m={first} ", "event=duplicate", "key=invoice-1", count=2)) == 2


def test_a_key_is_of_one_message_and_one_client(sluice, nowhere, users_file):
    running = sluice(nowhere, listener={"users_file": users_file, "allow_plaintext_auth": True})
    first = queued(deliver(running.port, "k", "m1"))
    for other in ({"body": "Other.\r\n"}, {"recipient": "other@example.org"}):
        code, text = deliver(running.port, "k", "m1", **other)
        assert code == 550 and text.startswith("5.6.0 "), text
    assert running.logged(f"m={first} ", "event=clash")
    assert queued(deliver(running.port, "k", "m1", user=(USER, PASSWORD))) != first
    assert running.count() == 2
    assert deliver(running.port, "", "m3")[0] == 550
    assert running.count() == 2


def test_copies_at_the_same_time(sluice, nowhere):
    running = sluice(nowhere, threads={"ingest": 3, "delivery": 1})
    replies = []
    ready = threading.Barrier(12)

    def send():
        ready.wait()
        replies.append(deliver(running.port, "same", "m1"))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({queued(reply) for reply in replies}) == 1 and len(replies) == 12
    assert running.count() == 1


def test_known_after_a_crash(sluice, aiosmtpd, route):
    server = aiosmtpd()
    server.stop()
    running = sluice(route(server))
    ids = [queued(deliver(running.port, f"k{n}", f"m{n}")) for n in range(20)]
    # One whose answer nobody reads.
    with Raw(running.port) as raw:
        raw.say("HELO client.test")
        raw.say("MAIL FROM:<app@example.test>")
        raw.say("RCPT TO:<user@example.org>")
        raw.say("DATA")
        raw.send(f"X-Sluice-Key: lost\r\n{message('lost')}.\r\n")
    running.kill()
    running.start()
    assert [queued(deliver(running.port, f"k{n}", f"m{n}")) for n in range(20)] == ids
    lost = queued(deliver(running.port, "lost", "lost"))
    assert queued(deliver(running.port, "lost", "lost")) == lost
    assert running.count() == 21
    server.start()
    running.urge_empty()
    assert sorted(server.marks()) == sorted([f"m{n}" for n in range(20)] + ["lost"])


def test_by_message_id_and_envelope(sluice, nowhere):
    running = sluice(nowhere, idempotency={"by": "message_id"})

    def send(mark, recipient="user@example.org"):
        with smtplib.SMTP(LOCALHOST, running.port, timeout=30) as client:
            client.ehlo("client.test")
            client.mail("app@example.test")
            client.rcpt(recipient)
            code, text = client.data(message(mark))
            return queued((code, text.decode()))

    first = send("m1")
    assert send("m1") == first
    assert send("m1", "other@example.org") != first
    assert send("m2") != first
    assert running.count() == 3


def test_off(sluice, nowhere):
    running = sluice(nowhere, idempotency={"by": "off"})
    assert queued(deliver(running.port, "k", "m1")) != queued(deliver(running.port, "k", "m1"))
    assert running.count() == 2
