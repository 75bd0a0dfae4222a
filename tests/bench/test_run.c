#include "bench/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

static volatile sig_atomic_t interrupted;
static struct figures figures;

/* A small run of everything, with the programs of this build. */
static struct run_settings small(void)
{
	const char *programs = getenv("SLUICE_BUILD");
	struct run_settings settings = {
		.stand = { .place = ".",
		        .programs = programs == NULL ? "build" : programs,
		        .sessions = 2,
		        .pipeline = 4,
		        .ingest_threads = 1,
		        .delivery_threads = 1,
		        .connections = 100 },
		.load = LOAD_SETTINGS,
		.churn = CHURN_SETTINGS,
		.interrupted = &interrupted,
	};

	settings.load.messages = 300;
	settings.load.sessions = 4;
	settings.churn.backlog = 200;
	settings.churn.seconds = 1;
	return settings;
}

static void measure(
        bool (*run)(const struct run_settings *settings, struct figures *into, struct text *why),
        const struct run_settings *settings)
{
	char why_text[512];
	struct text why = TEXT_ON(why_text);

	figures_clear(&figures);
	if (!run(settings, &figures, &why))
		fail_msg("%s", text_string(&why));
	figures_print(&figures, stdout);
}

static void test_throughput(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_throughput, &settings);
	assert_true(figures_median(&figures, "messages_per_second") > 0);
	assert_true(figures_median(&figures, "ack_p99") >= figures_median(&figures, "ack_p50"));
	assert_true(figures_median(&figures, "delivery_p50") > 0);
	assert_true(figures_median(&figures, "engine_cpu") > 0);
	assert_true(figures_median(&figures, "engine_syncs") > 0);
	assert_true(figures_median(&figures, "commits") > 0);
	assert_true(fabs(figures_sum(&figures, "lost")) < 0.5);
}

static void test_limit(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_limit, &settings);
	assert_true(figures_median(&figures, "plain_data_per_second") > 0);
	assert_true(figures_median(&figures, "tls_bdat_per_second") > 0);
	assert_true(figures_median(&figures, "append_1_per_second") > 0);
	assert_true(figures_median(&figures, "bare_commit_1_per_second") > 0);
	assert_true(figures_median(&figures, "spool_commit_256_p50") > 0);
	const double parts = figures_median(&figures, "part_receive") +
	                     figures_median(&figures, "part_commit") +
	                     figures_median(&figures, "part_tls_send");
	assert_true(figures_median(&figures, "part_receive") > 0);
	assert_true(figures_median(&figures, "part_append") > 0);
	assert_true(figures_median(&figures, "part_commit") > 0);
	assert_true(figures_median(&figures, "part_tls_send") > 0);
	assert_true(fabs(figures_median(&figures, "parts_sum") - parts) < 0.001);
}

/* With a rate nothing is tried before. */
static void test_latency(void **state)
{
	(void)state;
	struct run_settings settings = small();

	measure(run_latency, &settings);
	assert_true(fabs(figures_median(&figures, "asked_per_second") * 2 -
	                    figures_median(&figures, "trial_per_second")) < 0.001);
	assert_true(fabs(figures_sum(&figures, "lost")) < 0.5);
	settings.load.rate_per_s = 1000;
	measure(run_latency, &settings);
	assert_true(fabs(figures_median(&figures, "asked_per_second") - 1000) < 0.001);
	assert_true(fabs(figures_median(&figures, "trial_per_second")) < 0.001);
	assert_true(figures_median(&figures, "acknowledged_per_second") < 1100);
}

static void test_ack(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_ack, &settings);
	assert_true(figures_median(&figures, "commit_p50") > 0);
	assert_true(figures_median(&figures, "ack_against_commit") > 0);
}

/* No more than may be in flight is answered in a delay. */
static void test_rtt(void **state)
{
	(void)state;
	struct run_settings settings = small();

	settings.stand.delay_ms = 10;
	measure(run_rtt, &settings);
	assert_true(figures_median(&figures, "of_bound") > 0);
	assert_true(figures_median(&figures, "of_bound") < 101);
	assert_true(fabs(figures_sum(&figures, "lost")) < 0.5);
}

/* Nothing that is handed in goes out. */
static void test_ingest(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_ingest, &settings);
	assert_true(figures_median(&figures, "acknowledged_per_second") > 0);
	assert_true(figures_sum(&figures, "refused") < 0.5);
}

static void test_drain(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_drain, &settings);
	assert_true(figures_median(&figures, "drain_per_second") > 0);
	assert_true(fabs(figures_sum(&figures, "lost")) < 0.5);
}

static void test_backlog(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_backlog, &settings);
	assert_true(figures_median(&figures, "memory_empty") > 0);
	assert_true(figures_median(&figures, "memory_waiting") > 0);
	assert_true(figures_median(&figures, "ready_ended") > 0);
	assert_true(figures_median(&figures, "ready_killed") > 0);
	assert_true(figures_median(&figures, "drain_against_few") > 0);
	assert_true(fabs(figures_sum(&figures, "lost")) < 0.5);
}

static void test_lanes(void **state)
{
	(void)state;
	struct run_settings settings = small();

	settings.lanes = 10;
	measure(run_lanes, &settings);
	assert_true(figures_median(&figures, "live_1_cpu") > 0);
	assert_true(figures_median(&figures, "live_10_cpu") > 0);
	assert_true(figures_median(&figures, "live_spread") >= 1);
	assert_null(figures_find(&figures, "live_100_cpu"));
}

/* One message a session, which is resumed or is not. */
static void test_handshake(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_handshake, &settings);
	assert_true(figures_median(&figures, "resumed_sessions_per_second") > 0);
	assert_true(figures_median(&figures, "whole_sessions_per_second") > 0);
	assert_true(figures_median(&figures, "resumed_share") > 50);
	assert_true(figures_median(&figures, "whole_share") > 99.9);
	assert_true(fabs(figures_sum(&figures, "lost")) < 0.5);
}

/* Four seconds of it: each mailbox sends, and keeps to its limit. */
static void test_hour(void **state)
{
	(void)state;
	struct run_settings settings = small();

	settings.stand.mailboxes = 2;
	settings.hour_s = 4;
	settings.load.messages = 300;
	measure(run_hour, &settings);
	assert_true(figures_median(&figures, "delivered") > 30);
	assert_true(figures_sum(&figures, "over") < 0.5);
}

static void test_idle(void **state)
{
	(void)state;
	struct run_settings settings = small();

	settings.load.sessions = 50;
	measure(run_idle, &settings);
	assert_true(figures_median(&figures, "memory_with") > 0);
	assert_true(figures_median(&figures, "memory_peak") > 0);
}

/* What is short is told before anything is started. */
static void test_idle_tells_what_is_short(void **state)
{
	(void)state;
	struct run_settings settings = small();
	char why_text[512];
	struct text why = TEXT_ON(why_text);
	struct rlimit before;
	struct rlimit less;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	less = before;
	less.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	settings.load.sessions = 50;
	assert_false(run_idle(&settings, &figures, &why));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_non_null(strstr(text_string(&why), "50 connections"));
	assert_non_null(strstr(text_string(&why), "ulimit -n"));
}

static void test_churn(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_churn, &settings);
	assert_true(figures_median(&figures, "churn") > 0);
	assert_non_null(figures_find(&figures, "churn_part_5")); /* a checkpoint may fill it */
	assert_null(figures_find(&figures, "churn_part_6"));
	assert_true(figures_median(&figures, "churn_slowest") <=
	            figures_median(&figures, "churn_first"));
}

static void test_demo(void **state)
{
	(void)state;
	const struct run_settings settings = small();

	measure(run_demo, &settings);
}

/* Nothing is left behind, and somebody is told. */
static void test_fails_in_words(void **state)
{
	(void)state;
	struct run_settings settings = small();
	char why_text[512];
	struct text why = TEXT_ON(why_text);

	settings.stand.programs = "there-is-no-such-folder";
	assert_false(run_throughput(&settings, &figures, &why));
	assert_string_equal(text_string(&why), "sluice-mock does not start");
	why = text_on(why_text, sizeof why_text);
	settings.stand.place = "there-is-no-such-folder";
	assert_false(run_throughput(&settings, &figures, &why));
	assert_non_null(strstr(text_string(&why), "no folder can be made there"));
	why = text_on(why_text, sizeof why_text);
	settings = small();
	interrupted = 1;
	assert_false(run_throughput(&settings, &figures, &why));
	interrupted = 0;
	assert_string_equal(text_string(&why), "interrupted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_throughput),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_ack),
		cmocka_unit_test(test_rtt),
		cmocka_unit_test(test_ingest),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_hour),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_idle_tells_what_is_short),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_demo),
		cmocka_unit_test(test_fails_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
