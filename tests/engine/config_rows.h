/*
 * Tables of configurations, and what is to be said of each: shared by the tests of what checks
 * parts of a configuration.
 *
 * Thread:  the test's. For tests alone; stops the test with what was said instead.
 */
#ifndef SLUICE_TESTS_CONFIG_ROWS_H
#define SLUICE_TESTS_CONFIG_ROWS_H

#include "engine/config.h"
#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define CONFIG_ROWS_OUTPUT_BYTES 16384

struct config_row {
	const char *text;
	unsigned line;
	const char *words; /* NULL: nothing is wrong, and nothing worth a note */
	bool note;
};

static inline void config_rows_print(
        struct config_report *report, enum config_remark remark, char *into)
{
	FILE *file = fmemopen(into, CONFIG_ROWS_OUTPUT_BYTES, "w");

	assert_non_null(file);
	config_report_print(report, remark, file);
	assert_int_equal(fclose(file), 0);
}

static inline void config_rows_check(const struct config_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_row *row = &rows[i];
		struct config_report report;
		struct config *config;
		char wrong[CONFIG_ROWS_OUTPUT_BYTES] = "";
		char notes[CONFIG_ROWS_OUTPUT_BYTES] = "";
		char place[64];

		config_report_init(&report);
		const bool refused =
		        failed(config_load_text(&config, "x.yaml", view_of(row->text), &report));
		config_rows_print(&report, CONFIG_WRONG, wrong);
		config_rows_print(&report, CONFIG_NOTE, notes);
		const char *said = row->note ? notes : wrong;
		snprintf(place, sizeof place, "x.yaml:%u: ", row->line);
		if (refused != (row->words != NULL && !row->note) ||
		        (row->words == NULL && (wrong[0] != '\0' || notes[0] != '\0')) ||
		        (row->words != NULL &&
		                (strstr(said, row->words) == NULL || strstr(said, place) == NULL)))
			fail_msg("%s\nexpected %s%s, got:\n%s%s", row->text, place,
			        row->words == NULL ? "nothing" : row->words, wrong, notes);
		config_destroy(config);
		config_report_finish(&report);
	}
}

#endif
