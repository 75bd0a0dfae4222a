#include "queue/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COLUMNS        10
#define LINE_BYTES_MAX 8192

/* Cuts at the tab; the rest stays in *line. */
static struct view take_column(struct view *line)
{
	size_t end = view_find(*line, '\t');
	struct view column = view_first(*line, end);
	*line = view_skip(*line, end < line->bytes ? end + 1 : end);
	return column;
}

/* The two characters \n, as the table writes a line's end. */
static size_t unfold(struct view reply, char *into)
{
	size_t bytes = 0;
	for (size_t i = 0; i < reply.bytes; i++) {
		if (i + 1 < reply.bytes && reply.data[i] == '\\' && reply.data[i + 1] == 'n') {
			into[bytes++] = '\n';
			i++;
		} else {
			into[bytes++] = reply.data[i];
		}
	}
	return bytes;
}

static bool check_word(const char *what, struct view wanted, const char *given, unsigned row)
{
	if (view_equal(wanted, view_of(given)))
		return true;
	print_error("row %u: %s is %s, wanted %.*s\n", row, what, given, VIEW_ARGS(wanted));
	return false;
}

static bool check_number(const char *what, struct view wanted, int64_t given, unsigned row)
{
	char text[32];
	snprintf(text, sizeof text, "%lld", (long long)given);
	return check_word(what, wanted, given < 0 ? "" : text, row);
}

static bool check_row(struct view line, unsigned row, bool by_rule)
{
	struct view columns[COLUMNS];
	for (int i = 0; i < COLUMNS; i++)
		columns[i] = take_column(&line);
	enum stage stage;
	assert_true(stage_from_word(columns[0], &stage));

	char reply[LINE_BYTES_MAX];
	struct verdict verdict = verdict_judge(stage, view_from(reply, unfold(columns[1], reply)));
	char enhanced[32] = "";
	if (verdict.enhanced.class != 0)
		snprintf(enhanced, sizeof enhanced, "%u.%u.%u", verdict.enhanced.class,
		        verdict.enhanced.subject, verdict.enhanced.detail);

	bool good = check_number("code", columns[2], verdict.code == 0 ? -1 : verdict.code, row);
	good &= check_word("enhanced", columns[3], enhanced, row);
	good &= check_word("cause", columns[4], cause_word(verdict.cause), row);
	good &= check_word("scope", columns[5], scope_word(verdict.scope), row);
	good &= check_word("permanence", columns[6], permanence_word(verdict.permanence), row);
	good &= check_word("outcome", columns[7], outcome_word(verdict.outcome), row);
	good &= check_number("wait", columns[8], verdict.wait_s, row);
	if (by_rule && verdict.outcome != OUTCOME_PROCEED && verdict.basis != BASIS_RULE) {
		print_error("row %u: judged by the fallback alone\n", row);
		good = false;
	}
	if (!good)
		print_error("row %u: %.*s\n", row, VIEW_ARGS(columns[1]));
	return good;
}

/* A file in this source's folder. */
static FILE *open_beside(const char *name)
{
	char path[4096];
	int folder = (int)(strrchr(__FILE__, '/') - __FILE__);
	snprintf(path, sizeof path, "%.*s/%s", folder, __FILE__, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	return file;
}

/* Gives the number of rows; every one must come out as its columns say. */
static unsigned check_table(const char *name, bool by_rule)
{
	FILE *file = open_beside(name);
	char line[LINE_BYTES_MAX];
	unsigned row = 0;
	unsigned bad = 0;
	while (fgets(line, sizeof line, file) != NULL) {
		size_t bytes = strlen(line);
		assert_true(bytes > 0 && line[bytes - 1] == '\n');
		row++;
		if (row > 1 && !check_row(view_from(line, bytes - 1), row, by_rule))
			bad++;
	}
	fclose(file);
	assert_int_equal(bad, 0);
	return row - 1;
}

static void every_collected_reply_comes_out_as_its_row_says(void **state)
{
	(void)state;
	assert_int_equal(check_table("replies.tsv", true), 188);
}

/* Other texts of the same families, other servers, bare codes, and what is no reply. */
static void replies_never_seen_come_out_sensibly(void **state)
{
	(void)state;
	assert_true(check_table("replies_more.tsv", false) >= 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_collected_reply_comes_out_as_its_row_says),
		cmocka_unit_test(replies_never_seen_come_out_sensibly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
