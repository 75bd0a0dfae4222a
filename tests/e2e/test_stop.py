"""SIGTERM ends everything in time, whatever the clients do; a second one ends it at once."""

import signal

from clients import Raw, message
from harness import wait_until


def test_clients_that_never_hang_up(sluice, nowhere):
    """As pools of applications do: they read the goodbye, and keep the socket."""
    running = sluice(nowhere, threads={"ingest": 2, "delivery": 2})
    clients = [Raw(running.port) for _ in range(20)]
    assert clients[0].say("EHLO client.test").startswith("250")
    assert running.terminate() == 0
    assert "event=stopped" in running.log()
    for client in clients:
        assert client.reply().startswith("421 4.3.2")
        client.socket.close()


def test_a_second_signal_ends_at_once(sluice, nowhere):
    """Here the first one would wait for a transaction."""
    running = sluice(nowhere, drain="1h")
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        running.program.signal(signal.SIGTERM)
        wait_until(lambda: "event=draining" in running.log(), running.program.tail)
        assert raw.say("RCPT TO:<c@d.test>").startswith("250")
        running.program.signal(signal.SIGTERM)
        assert running.program.wait() == 0
    assert "event=stopped_at_once" in running.log()


def test_a_transaction_that_does_not_end(sluice, nowhere):
    running = sluice(nowhere, drain="2s")
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        running.program.signal(signal.SIGTERM)
        assert raw.reply().startswith("421 4.3.2")
        assert raw.closed()
        assert running.program.wait() == 0
    assert "event=stopped " in running.log()


def test_a_hangup_is_told(sluice, nowhere):
    """Whoever asks for a new configuration so learns that he won't get it."""
    running = sluice(nowhere)
    running.program.signal(signal.SIGHUP)
    wait_until(lambda: running.lines("event=hangup", "level=warning"), running.program.tail)
    with Raw(running.port) as raw:
        assert raw.say("EHLO client.test").startswith("250")
    assert running.terminate() == 0


def test_mail_in_progress_is_finished(sluice, nowhere):
    running = sluice(nowhere)
    with Raw(running.port) as raw:
        raw.say("EHLO client.test")
        raw.say("MAIL FROM:<a@b.test>")
        running.program.signal(signal.SIGTERM)
        wait_until(lambda: "event=draining" in running.log(), running.program.tail)
        raw.say("RCPT TO:<c@d.test>")
        raw.say("DATA")
        assert raw.say(message("m1") + ".").startswith("250 2.0.0 queued")
        assert raw.reply().startswith("421 4.3.2")
        assert running.program.wait() == 0
    running.start()
    assert running.count() == 1
