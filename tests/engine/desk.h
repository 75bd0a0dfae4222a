/*
 * A delivery shard's desk, for tests of what talks with the spooler by letter: a configuration, a
 * loop that does not turn, and the mailbox that letters go to.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_DESK_H
#define SLUICE_TESTS_DESK_H

#include "engine/config_report.h"
#include "engine/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DESK_LETTERS 16

struct desk {
	struct config *config;
	struct depot *depot;
	struct shard shard;
	struct mailbox out;
	struct doorbell doorbell;
};

static inline struct desk *desk_create(const char *settings)
{
	const struct io_settings io = { 64, 1, 4096 };
	struct desk *desk = calloc(1, sizeof *desk);
	struct config_report report;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_non_null(desk);
	config_report_init(&report);
	if (failed(config_load_text(&desk->config, "x.yaml", view_of(settings), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(desk->config);
	desk->shard.config = desk->config;
	random_seed(&desk->shard.random, 1);
	assert_false(failed(depot_create(&desk->depot, 64 * CHUNK_BYTES)));
	shelf_init(&desk->shard.shelf, desk->depot);
	assert_false(failed(loop_init(&desk->shard.loop, &io, &desk->shard.shelf, &why)));
	loop_start(&desk->shard.loop);
	loop_begin(&desk->shard.loop);
	doorbell_init(&desk->doorbell, NULL);
	assert_false(failed(
	        mailbox_init(&desk->out, sizeof(struct letter), DESK_LETTERS, &desk->doorbell)));
	desk->shard.spooler.out = &desk->out;
	return desk;
}

static inline void desk_destroy(struct desk *desk)
{
	mailbox_finish(&desk->out);
	loop_finish(&desk->shard.loop);
	shelf_finish(&desk->shard.shelf);
	depot_destroy(desk->depot);
	config_destroy(desk->config);
	free(desk);
}

#endif
