#include "bench/run_table.h"

const struct run_row run_rows[] = {
	{ "throughput", run_throughput, RUN_HAS_SPOOL, "",
	        "messages a second from the first MAIL to the last delivery: this load,\n"
	        "`sluice serve` and `sluice-mock`, TLS and sign-in between the two" },
	{ "latency", run_latency, RUN_HAS_SPOOL, "",
	        "acknowledgements at a --rate, however slow the answers are: from when a message\n"
	        "was to be sent; else at half of what a short throughput reaches" },
	{ "ack", run_ack, RUN_HAS_SPOOL, "messages=2000",
	        "one client that waits for each 250, against a bare commit of the same bytes" },
	{ "rtt", run_rtt, RUN_HAS_SPOOL | RUN_NEEDS_DELAY,
	        "delay=50 out=3 pipeline=16 messages=5000",
	        "a server that is far away: messages a second against sessions * pipeline / "
	        "delay" },
	{ "limit", run_limit, RUN_HAS_SPOOL, "",
	        "no relay: the load straight into the mock, commits of messages of this size, and\n"
	        "what receiving, committing and sending one cost by themselves" },
	{ "ingest", run_ingest, RUN_HAS_SPOOL, "",
	        "accepting alone: the server is away, so nothing goes out" },
	{ "drain", run_drain, RUN_HAS_SPOOL, "backlog=20000",
	        "delivering alone: a backlog waits for the server, then it comes" },
	{ "backlog", run_backlog, RUN_HAS_SPOOL, "messages=100000 size=2KiB",
	        "messages that wait: memory, restarts, and how fast they go out, against none\n"
	        "that wait" },
	{ "handshake", run_handshake, RUN_HAS_SPOOL, "messages=2000 size=2KiB",
	        "sessions out a second, one message each, and what one costs: with TLS that is\n"
	        "resumed, and with whole handshakes" },
	{ "lanes", run_lanes, RUN_HAS_SPOOL, "messages=10000 size=2KiB",
	        "what a message costs by the number of mailboxes: a delivery shard's turns, by\n"
	        "`simulate --lanes`, and all of Sluice with up to 100 of them" },
	{ "hour", run_hour, RUN_HAS_SPOOL, "messages=45000 size=2KiB seconds=60 mailboxes=20",
	        "an hour at the limits of 20 mailboxes, 60 times as fast, with a quarter more\n"
	        "mail than they may send; compare with `simulate --day hour`" },
	{ "idle", run_idle, 0, "in=10000", "memory of idle client connections" },
	{ "churn", run_churn, RUN_HAS_SPOOL, "seconds=15",
	        "the spool alone: a backlog settled in random order" },
	{ "load", run_load, RUN_NEEDS_TARGET, "", "the load alone, at any server: --to" },
	{ "demo", run_demo, RUN_IS_TALE, "messages=6000",
	        "throughput with a kill -9 midway, told in words; exit 1 if mail is lost" },
};

const size_t run_row_count = sizeof run_rows / sizeof run_rows[0];

const struct run_row *run_row_find(const char *name)
{
	for (size_t i = 0; i < run_row_count; i++)
		if (strcmp(run_rows[i].name, name) == 0)
			return &run_rows[i];
	return NULL;
}
