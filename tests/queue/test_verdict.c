#include "queue/verdict.h"
#include "queue/verdict_reply.h"
#include "queue/verdict_rules.h"

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

static bool verdicts_equal(const struct verdict *a, const struct verdict *b)
{
	return a->cause == b->cause && a->scope == b->scope && a->permanence == b->permanence &&
	       a->outcome == b->outcome && a->wait_s == b->wait_s && a->advice == b->advice;
}

/* The host that answered, capitals, and how the lines are broken say nothing. */
static void what_varies_does_not_matter(void **state)
{
	(void)state;
	FILE *file = open_beside("replies.tsv");
	char line[LINE_BYTES_MAX];
	char bytes[LINE_BYTES_MAX];
	char varied[2 * LINE_BYTES_MAX];
	assert_non_null(fgets(line, sizeof line, file));
	while (fgets(line, sizeof line, file) != NULL) {
		struct view rest = view_of(line);
		enum stage stage;
		assert_true(stage_from_word(take_column(&rest), &stage));
		struct view reply = view_from(bytes, unfold(take_column(&rest), bytes));
		struct verdict plain = verdict_judge(stage, reply);
		if (plain.outcome == OUTCOME_PROCEED)
			continue;

		struct text text = TEXT_ON(varied);
		text_format(&text,
		        "%.*s [MN2PEPF.namprd99.prod.outlook.com 2030-01-01T00:00:00.000Z "
		        "08DE] [Hostname=XY1.PROD.OUTLOOK.COM]\r\n",
		        VIEW_ARGS(reply));
		struct verdict other = verdict_judge(stage, text_view(&text));
		assert_true(verdicts_equal(&plain, &other));

		for (size_t i = 0; i < reply.bytes; i++)
			if (bytes[i] >= 'a' && bytes[i] <= 'z')
				bytes[i] = (char)(bytes[i] - 'a' + 'A');
		other = verdict_judge(stage, reply);
		assert_true(verdicts_equal(&plain, &other));
		other = verdict_judge(STAGE_ANY, reply);
		assert_true(verdicts_equal(&plain, &other));
	}
	fclose(file);
}

static const struct verdict_rules *const tables[] = {
	&verdict_rules_auth,
	&verdict_rules_session,
	&verdict_rules_sender,
	&verdict_rules_route,
	&verdict_rules_recipient,
	&verdict_rules_general,
	&verdict_rules_by_status,
	&verdict_rules_by_code,
};

#define TABLE_COUNT    (sizeof tables / sizeof tables[0])
#define TABLE_ROWS_MAX 200

static bool reached[TABLE_COUNT][TABLE_ROWS_MAX];

static void mark_reached(const char *name)
{
	FILE *file = open_beside(name);
	char line[LINE_BYTES_MAX];
	char bytes[LINE_BYTES_MAX];
	assert_non_null(fgets(line, sizeof line, file)); /* the names of the columns */
	while (fgets(line, sizeof line, file) != NULL) {
		struct view rest = view_of(line);
		enum stage stage;
		enum basis basis;
		struct verdict_reply reply;
		assert_true(stage_from_word(take_column(&rest), &stage));
		verdict_reply_read(&reply, view_from(bytes, unfold(take_column(&rest), bytes)));
		const struct verdict_rule *rule = verdict_rules_find(stage, &reply, &basis);
		for (size_t i = 0; i < TABLE_COUNT; i++)
			if (rule >= tables[i]->rows && rule < tables[i]->rows + tables[i]->count)
				reached[i][rule - tables[i]->rows] = true;
	}
	fclose(file);
}

/* A row that stands behind a more general one is dead, and its words are a lie. */
static void every_rule_is_reached(void **state)
{
	(void)state;
	unsigned dead = 0;
	mark_reached("replies.tsv");
	mark_reached("replies_more.tsv");
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		assert_true(tables[i]->count <= TABLE_ROWS_MAX);
		for (size_t row = 0; row < tables[i]->count; row++) {
			const struct verdict_rule *rule = &tables[i]->rows[row];
			if (reached[i][row])
				continue;
			print_error("table %zu, row %zu (%s) is never reached\n", i, row,
			        rule->text == NULL ? "any text" : rule->text);
			dead++;
		}
	}
	assert_int_equal(dead, 0);
}

static void assert_feature_well_formed(const char *feature)
{
	char last = '|';
	for (const char *at = feature; *at != '\0'; at++) {
		assert_true(*at >= ' ' && *at <= '~');
		assert_true(*at == byte_lower(*at)); /* the text that it is held against is */
		assert_false(strchr("|*", *at) != NULL && strchr("|*", last) != NULL);
		last = *at;
	}
	assert_true(last != '|' && last != '*');
}

/* A reply is judged alike when it comes by way of a report or a library. */
static void how_a_reply_is_passed_on_does_not_matter(void **state)
{
	(void)state;
	static const struct {
		const char *before;
		const char *behind;
	} ways[] = {
		{ "Remote Server returned '", "'" },
		{ "Diagnostic-Code: smtp;", "" },
		{ "host mx.example.com[192.0.2.1] said: ", " (in reply to RCPT TO command)" },
		{ "mail.contoso.com #<mx.contoso.com #5.0.0 smtp;", "> #SMTP#" },
		{ "#", " ##" },
	};
	FILE *file = open_beside("replies.tsv");
	char line[LINE_BYTES_MAX];
	char varied[2 * LINE_BYTES_MAX];
	assert_non_null(fgets(line, sizeof line, file));
	while (fgets(line, sizeof line, file) != NULL) {
		struct view rest = view_of(line);
		enum stage stage;
		assert_true(stage_from_word(take_column(&rest), &stage));
		struct view reply = take_column(&rest);
		struct verdict plain = verdict_judge(stage, reply);
		if (plain.outcome == OUTCOME_PROCEED || plain.enhanced.class == 0)
			continue;
		for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
			struct text text = TEXT_ON(varied);
			text_format(&text, "%s%.*s%s", ways[i].before, VIEW_ARGS(reply),
			        ways[i].behind);
			struct verdict other = verdict_judge(stage, text_view(&text));
			assert_int_equal(other.code, plain.code);
			assert_true(verdicts_equal(&plain, &other));
		}
		/* Without the code: the enhanced one tells nearly everything. */
		struct view bare = view_skip(reply, 4);
		struct verdict other = verdict_judge(stage, bare);
		if (plain.code / 100 == plain.enhanced.class)
			assert_int_equal(other.cause, plain.cause);
	}
	fclose(file);
}

/* What a row says hangs together. */
static void every_rule_is_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		for (size_t row = 0; row < tables[i]->count; row++) {
			const struct verdict_rule *rule = &tables[i]->rows[row];
			assert_non_null(rule->advice);
			assert_true(strlen(rule->advice) > 3);
			assert_int_equal(rule->advice[strlen(rule->advice) - 1], '.');
			assert_null(strstr(rule->advice, "  "));
			if (rule->text != NULL)
				assert_feature_well_formed(rule->text);
			assert_true(rule->status.low <= rule->status.high);
			assert_true(rule->code < 600);
			bool proceeds = rule->outcome == OUTCOME_PROCEED;
			assert_int_equal(proceeds, rule->permanence == PERMANENCE_NONE);
			assert_int_equal(proceeds, rule->cause == CAUSE_OK);
			bool bounces = rule->outcome == OUTCOME_BOUNCE_RECIPIENT ||
			               rule->outcome == OUTCOME_BOUNCE_MESSAGE;
			if (proceeds || bounces)
				assert_int_equal(rule->wait_s, VERDICT_NO_WAIT);
		}
	}
}

static void features_fit_by_pieces_edges_and_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *reply;
		const char *feature;
		bool fits;
	} cases[] = {
		{ "451 Try PRX7 now", "<prx7>", true },
		{ "451 Try PRX71 now", "<prx7>", false },
		{ "451 Try CPRX7 now", "<prx7>", false },
		{ "451 Try PRX7", "<prx#", true },
		{ "451 Try PRX", "<prx#", false },
		{ "451 Try PRX9 RemoteHost", "<prx#>", true },
		{ "451 one two three", "one*three", true },
		{ "451 one two three", "three*one", false },
		{ "451 one", "one*one", false },
		{ "451 one two", "four|two", true },
		{ "451 one\ttwo\r\n451 three", "one two three", true },
		{ "451-one\r\n451 two", "one two", true },
		{ "451 ONE", "one", true },
		{ "451 caf\xc3\xa9s", "<caf>", false },
		{ "451 a", "b", false },
		{ "451", "a", false },
		{ "451 text [HOST.example.com 2026-01-01T00:00:00.000Z 08DE]", "08de", false },
		{ "451 text [Hostname=HOST.example.com]", "hostname", false },
		{ "451 text [a.b] [c.d x] [Hostname=e.f]", "[", false },
		{ "451 text [Message=Socket error code 10061]", "10061", true },
		{ "451 from [192.0.2.1]. (S1) [a.b]", "from [192.0.2.1]. (s1)", true },
		{ "451 from [192.0.2.1] [a.b 1 2]", "from [192.0.2.1]", true },
		{ "550 sender[192.0.2.1]", "sender[", true },
		/* A success is read only where its text is asked for. */
		{ "250 2.0.0 <ok@a> Queued [a.b]", "queued", true },
		{ "250 2.0.0 ok [a.b]", "a.b", false },
		{ "250-2.1.0 one\r\n250 two", "one two", true },
		{ "told\n250 2.0.0 ok", "told ok", true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict_reply reply;
		verdict_reply_read(&reply, view_of(cases[i].reply));
		if (verdict_reply_has(&reply, cases[i].feature) != cases[i].fits)
			fail_msg("%s in %s", cases[i].feature, cases[i].reply);
	}
}

/* The reply that is judged: the quoted one, unless the quoting server speaks of one further on. */
static void quoted_replies_are_judged_where_they_are_about_us(void **state)
{
	(void)state;
	static const struct {
		const char *reply;
		uint16_t code;
		struct enhanced enhanced;
	} cases[] = {
		{ "530 5.7.57 x. Error: 535 5.7.139 y", 535, { 5, 7, 139 } },
		{ "451 4.4.0 responded with: \"421 4.2.1 y.\" x", 421, { 4, 2, 1 } },
		{ "550 5.1.1 a said: 550 5.1.2 b said: 550 5.1.3 y", 550, { 5, 1, 3 } },
		{ "450 4.4.317 x: 421 4.7.66 y", 450, { 4, 4, 317 } },
		{ "550 5.7.350 x: 550 5.7.606 y", 550, { 5, 7, 350 } },
		{ "550 5.4.300 x -> 451 4.7.500 y", 550, { 5, 4, 300 } },
		{ "550 5.7.1 x: 550 y", 550, { 5, 7, 1 } },
		{ "250 2.0.0 x: 550 5.7.1 y", 250, { 2, 0, 0 } },
		{ "5.7.60 y", 550, { 5, 7, 60 } },
		{ "4.7.0 y", 450, { 4, 7, 0 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict_reply reply;
		verdict_reply_read(&reply, view_of(cases[i].reply));
		assert_int_equal(reply.judged_code, cases[i].code);
		assert_int_equal(reply.judged_enhanced.class, cases[i].enhanced.class);
		assert_int_equal(reply.judged_enhanced.subject, cases[i].enhanced.subject);
		assert_int_equal(reply.judged_enhanced.detail, cases[i].enhanced.detail);
	}
}

static void codes_are_read_only_where_they_stand(void **state)
{
	(void)state;
	static const struct {
		const char *reply;
		uint16_t code;
		struct enhanced enhanced;
	} cases[] = {
		{ "550 5.7.139 x", 550, { 5, 7, 139 } },
		{ "550-5.7.1 x\r\n550 5.7.1 y", 550, { 5, 7, 1 } },
		{ "550-no\r\n550 5.7.1 y", 550, { 5, 7, 1 } },
		{ "550 5.7.1", 550, { 5, 7, 1 } },
		{ "550 5.7.1: x", 550, { 5, 7, 1 } },
		{ "550 5.7.1. x", 550, { 5, 7, 1 } },
		{ "  550 #5.1.0 x", 550, { 5, 1, 0 } },
		{ "550\t5.1.0 x", 550, { 5, 1, 0 } },
		{ "\r\n550 5.1.0 x", 550, { 5, 1, 0 } },
		{ "550 5.3.2.1 x", 550, { 0, 0, 0 } },
		{ "550 192.0.2.1 x", 550, { 0, 0, 0 } },
		{ "550 5.3.2222 x", 550, { 0, 0, 0 } },
		{ "550 5.3.2x", 550, { 0, 0, 0 } },
		{ "550 5.3 x", 550, { 0, 0, 0 } },
		{ "550 3.1.1 x", 550, { 0, 0, 0 } },
		{ "550 x 5.1.1", 550, { 0, 0, 0 } },
		{ "550", 550, { 0, 0, 0 } },
		{ "550-", 550, { 0, 0, 0 } },
		{ "550x", 0, { 0, 0, 0 } },
		{ "55", 0, { 0, 0, 0 } },
		{ "", 0, { 0, 0, 0 } },
		{ "530 5.7.57 x. Error: 535 5.7.139 y", 530, { 5, 7, 57 } },
		{ "mx said: 550 5.1.1 y", 550, { 5, 1, 1 } },
		{ "mx said: 550 y", 0, { 0, 0, 0 } },
		{ "mx said: 530 5.7.57 x. Error: 535 5.7.139 y", 530, { 5, 7, 57 } },
		{ "returned '550 5.7.64 y'", 550, { 5, 7, 64 } },
		{ "#550 4.4.7 y ##", 550, { 4, 4, 7 } },
		{ "mx #<mx #5.7.1 smtp;530 5.7.1 y> #SMTP#", 530, { 5, 7, 1 } },
		{ "smtp;550-5.7.1 y", 550, { 5, 7, 1 } },
		{ "code \"550\", with message \"550 5.7.60 y\"", 550, { 5, 7, 60 } },
		{ "x\r\nreturned '550 5.7.64 y'", 550, { 5, 7, 64 } },
		{ "5.7.60 SMTP; y", 0, { 5, 7, 60 } },
		{ "#5.7.60 SMTP; y", 0, { 5, 7, 60 } },
		{ "(535, b'5.7.139 y')", 0, { 5, 7, 139 } },
		{ "2.1.5 y", 0, { 0, 0, 0 } },
		{ "told 250 2.1.5 y", 0, { 0, 0, 0 } },
		{ "SSH-2.0.1-x 192.0.2.5 v5.7.1 a-5.7.1 1.5.7.1", 0, { 0, 0, 0 } },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct verdict verdict = verdict_judge(STAGE_ANY, view_of(cases[i].reply));
		assert_int_equal(verdict.code, cases[i].code);
		assert_int_equal(verdict.enhanced.class, cases[i].enhanced.class);
		assert_int_equal(verdict.enhanced.subject, cases[i].enhanced.subject);
		assert_int_equal(verdict.enhanced.detail, cases[i].enhanced.detail);
	}
}

/* 250 for RCPT decides nothing yet, 250 for the data ends it. */
static void fates_and_waits_follow_the_outcome(void **state)
{
	(void)state;
	struct verdict verdict = verdict_judge(STAGE_RCPT, VIEW("250 ok"));
	assert_int_equal(verdict_fate(&verdict, STAGE_RCPT), FATE_OPEN);
	assert_int_equal(verdict_fate(&verdict, STAGE_EOD), FATE_DELIVERED);
	assert_int_equal(verdict_wait_s(&verdict), 0);

	verdict = verdict_judge(STAGE_RCPT, VIEW("550 5.1.1 unknown"));
	assert_int_equal(verdict_fate(&verdict, STAGE_RCPT), FATE_BOUNCED);
	assert_true(verdict_counts(&verdict));

	verdict = verdict_judge(STAGE_EOD, VIEW("432 4.3.2 Concurrent connections limit"));
	assert_int_equal(verdict_fate(&verdict, STAGE_EOD), FATE_DEFERRED);
	assert_false(verdict_counts(&verdict)); /* flow control is not failure */
	assert_int_equal(verdict_wait_s(&verdict), 2);

	verdict = verdict_judge(STAGE_RCPT, VIEW("550 5.7.64 Relay Access Denied"));
	assert_int_equal(verdict.wait_s, VERDICT_NO_WAIT);
	assert_int_equal(verdict_wait_s(&verdict), 3600);
	assert_int_equal(verdict_fate(&verdict, STAGE_RCPT), FATE_DEFERRED);
}

static void stages_have_words_both_ways(void **state)
{
	(void)state;
	enum stage found;
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		assert_true(stage_from_word(view_of(stage_word((enum stage)stage)), &found));
		assert_int_equal(found, stage);
	}
	assert_false(stage_from_word(VIEW("RCPT"), &found));
	assert_false(stage_from_word(VIEW(""), &found));
}

/* Features are found up to the room's end, what is behind is left out, and nothing is read or
 * written beyond: every length around the end, with a multi-byte letter on it. */
static void long_replies_are_cut_not_misread(void **state)
{
	(void)state;
	size_t bytes = 3 * VERDICT_TEXT_BYTES_MAX;
	char *reply = malloc(bytes);
	assert_non_null(reply);
	memset(reply, 'x', bytes);
	memcpy(reply, "550 5.7.1 ", 10);
	struct verdict verdict = verdict_judge(STAGE_EOD, view_from(reply, bytes));
	assert_int_equal(verdict.cause, CAUSE_POLICY_REJECTED);

	memcpy(reply + VERDICT_TEXT_BYTES_MAX - 100, " submission quota ", 18);
	verdict = verdict_judge(STAGE_EOD, view_from(reply, bytes));
	assert_int_equal(verdict.cause, CAUSE_RECIPIENT_RATE_DAILY);

	for (size_t length = VERDICT_TEXT_BYTES_MAX - 8; length < VERDICT_TEXT_BYTES_MAX + 24;
	        length++)
		verdict_judge(STAGE_EOD, view_from(reply, length));
	memset(reply, ' ', bytes);
	assert_int_equal(verdict_judge(STAGE_EOD, view_from(reply, bytes)).code, 0);
	memset(reply, '\0', bytes);
	assert_int_equal(verdict_judge(STAGE_EOD, view_from(reply, bytes)).code, 0);
	free(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_collected_reply_comes_out_as_its_row_says),
		cmocka_unit_test(replies_never_seen_come_out_sensibly),
		cmocka_unit_test(what_varies_does_not_matter),
		cmocka_unit_test(how_a_reply_is_passed_on_does_not_matter),
		cmocka_unit_test(every_rule_is_reached),
		cmocka_unit_test(every_rule_is_well_formed),
		cmocka_unit_test(features_fit_by_pieces_edges_and_numbers),
		cmocka_unit_test(codes_are_read_only_where_they_stand),
		cmocka_unit_test(quoted_replies_are_judged_where_they_are_about_us),
		cmocka_unit_test(fates_and_waits_follow_the_outcome),
		cmocka_unit_test(stages_have_words_both_ways),
		cmocka_unit_test(long_replies_are_cut_not_misread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
