/*
 * A configuration from text, and mail to ask it about: for the tests of what decides where a
 * message goes.
 *
 * Thread:  the test's. For tests alone.
 */
#ifndef SLUICE_TESTS_WAYS_BENCH_H
#define SLUICE_TESTS_WAYS_BENCH_H

#include "engine/config_report.h"
#include "engine/ways.h"
#include "tests/queue/spool_tools.h"

struct bench {
	struct config *config;
	struct depot *depot;
	struct shelf shelf;
};

static inline void bench_open(struct bench *bench, const char *text)
{
	struct config_report report;

	config_report_init(&report);
	if (failed(config_load_text(&bench->config, "x.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(bench->config);
	assert_false(failed(depot_create(&bench->depot, 64 * CHUNK_BYTES)));
	shelf_init(&bench->shelf, bench->depot);
}

static inline void bench_close(struct bench *bench)
{
	shelf_finish(&bench->shelf);
	assert_int_equal(depot_chunks_out(bench->depot), 0);
	depot_destroy(bench->depot);
	config_destroy(bench->config);
}

static inline struct message *mail(
        struct bench *bench, const char *from, const char *to, const char *header)
{
	struct message *message = message_create(&bench->shelf, 0);

	assert_non_null(message);
	message_name(message, 1, (struct wall){ 1 });
	assert_true(message_set(message, MESSAGE_SENDER, view_of(from)));
	for (struct view rest = view_of(to); rest.bytes > 0;) {
		const size_t bytes = view_find(rest, ' ');
		const struct message_recipient recipient = { .address = view_first(rest, bytes) };

		assert_true(message_add_recipient(message, &bench->shelf, 0, &recipient));
		rest = view_skip(rest, bytes < rest.bytes ? bytes + 1 : bytes);
	}
	assert_true(rope_append(&message->body, &bench->shelf, view_of(header), 0));
	assert_true(rope_append(&message->body, &bench->shelf, VIEW("\r\nbody\r\n"), 0));
	message_seal(message);
	return message;
}

#endif
