#include "bench/options.h"

#include "queue/base/check.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS_MORE 100 /* than the load opens */
#define LANES_DEFAULT    10000
#define SIZE_MAX_BYTES   ((uint64_t)1 << 30)
#define ROWS_MAX         64 /* of getopt's table */
#define HELP_COLUMN      20 /* where what an option does begins */

#define LOAD(field)  offsetof(struct options, run.load.field)
#define STAND(field) offsetof(struct options, run.stand.field)

#define OF_LOAD   "The load:"
#define OF_SLUICE "Sluice and the mock:"
#define OF_ALL    "All:"
#define OF_OUTPUT "What comes out, and what it is compared with:"

const struct option_row option_rows[] = {
	{ OF_LOAD, "messages", "N", OPTION_U64, LOAD(messages), 1, 1000000000, "how many" },
	{ OF_LOAD, "size", "BYTES", OPTION_SIZE, LOAD(bytes), LOAD_BYTES_MIN, SIZE_MAX_BYTES,
	        "of each, also 10KiB, 2MiB" },
	{ OF_LOAD, "in", "N", OPTION_UNSIGNED, LOAD(sessions), 1, LOAD_SESSIONS_MAX,
	        "sessions that hand mail in" },
	{ OF_LOAD, "window", "N", OPTION_UNSIGNED, LOAD(window), 1, LOAD_WINDOW_MAX,
	        "messages in flight on each; 1 waits for every 250" },
	{ OF_LOAD, "recipients", "N", OPTION_UNSIGNED, LOAD(recipients), 1, LOAD_RECIPIENTS_MAX,
	        "of each message" },
	{ OF_LOAD, "bdat", NULL, OPTION_FLAG, LOAD(chunking), 0, 0,
	        "hand in with BDAT; else with DATA" },
	{ OF_LOAD, "rate", "N", OPTION_RATE, LOAD(rate_per_s), 0, 1000000000,
	        "messages a second; else as fast as answers come" },
	{ OF_LOAD, "to", "ADDRESS:PORT", OPTION_TARGET, offsetof(struct options, to), 0, 0,
	        "where `load` goes" },
	{ OF_LOAD, "ledger", "FILE", OPTION_TEXT, offsetof(struct options, run.ledger), 0, 0,
	        "a line for each 250 that `load` gets: Message-ID, reply" },
	{ OF_SLUICE, "out", "N", OPTION_UNSIGNED, STAND(sessions), 1, 10000,
	        "sessions to the mock" },
	{ OF_SLUICE, "pipeline", "N", OPTION_UNSIGNED, STAND(pipeline), 1, 1000,
	        "messages in flight on each" },
	{ OF_SLUICE, "ingest", "N", OPTION_UNSIGNED, STAND(ingest_threads), 1, 64,
	        "threads; else Sluice's own default" },
	{ OF_SLUICE, "delivery", "N", OPTION_UNSIGNED, STAND(delivery_threads), 1, 64,
	        "threads; else Sluice's own default" },
	{ OF_SLUICE, "remember", NULL, OPTION_FLAG, STAND(remembers), 0, 0,
	        "keep what was sent (sent_memory)" },
	{ OF_SLUICE, "mailboxes", "N", OPTION_UNSIGNED, STAND(mailboxes), 1, 1000,
	        "of a tenant with limits whose minute takes a second; else one without limits" },
	{ OF_SLUICE, "delay", "MS", OPTION_UNSIGNED, STAND(delay_ms), 0, 60000,
	        "every reply of the mock comes so much later" },
	{ OF_SLUICE, "lanes", "N", OPTION_UNSIGNED, offsetof(struct options, run.lanes), 1, 10000,
	        "the most of `lanes`" },
	{ OF_ALL, "backlog", "N", OPTION_U64, offsetof(struct options, run.churn.backlog), 1,
	        10000000, "messages that wait" },
	{ OF_ALL, "seconds", "N", OPTION_U64, offsetof(struct options, seconds), 1, 86400,
	        "how long, of runs that take a given time" },
	{ OF_ALL, "runs", "N", OPTION_U64, offsetof(struct options, repeat), 1, OPTIONS_REPEAT_MAX,
	        "repeat, and print medians" },
	{ OF_ALL, "uncounted", NULL, OPTION_FLAG, offsetof(struct options, run.uncounted), 0, 0,
	        "don't count the engine's system calls" },
	{ OF_ALL, "spool", "DIR", OPTION_TEXT, STAND(place), 0, 0,
	        "where the spool lies: a real disk; else the programs' folder" },
	{ OF_ALL, "programs", "DIR", OPTION_TEXT, STAND(programs), 0, 0,
	        "where sluice and sluice-mock are; else this program's folder" },
	{ OF_OUTPUT, "json", "FILE", OPTION_TEXT, offsetof(struct options, json), 0, 0,
	        "all figures with all values, settings and the record", true },
	{ OF_OUTPUT, "html", "FILE", OPTION_TEXT, offsetof(struct options, html), 0, 0,
	        "a page with charts, whole in itself", true },
	{ OF_OUTPUT, "tracker", "NAME", OPTION_TEXT, offsetof(struct options, tracker), 0, 0,
	        "for github-action-benchmark, which wants one direction a file:\n"
	        "NAME.bigger.json (customBiggerIsBetter) and NAME.smaller.json\n"
	        "(customSmallerIsBetter)",
	        true },
	{ OF_OUTPUT, "compare", "BASE.json", OPTION_TEXT, offsetof(struct options, base), 0, 0,
	        "with what an earlier --json holds; exit 1 where a figure fell", true },
	{ OF_OUTPUT, "against", "DIR", OPTION_TEXT, offsetof(struct options, against), 0, 0,
	        "measure the sluice in this folder too, by turns (--runs pairs: A B B A ...),\n"
	        "and compare pair by pair; load and mock are this build's for both",
	        true },
	{ OF_OUTPUT, "tolerance", "PERCENT", OPTION_PERCENT,
	        offsetof(struct options, tolerance_percent), 0, 1000,
	        "that a figure may be worse by", true },
};

const size_t option_row_count = sizeof option_rows / sizeof option_rows[0];

static const char help_head[] =
        "Usage: sluice-bench RUN [OPTION]...\n"
        "       sluice-bench sweep RUN [OPTION]...\n"
        "Measures Sluice. Prints a line for each figure: name, value, unit; medians where runs\n"
        "are repeated, the least and the most behind them.\n"
        "\n"
        "sweep tries a run at every combination of lists of numbers, up to 1024 of them, and\n"
        "names the best: sweep throughput --in 1,5,20 --pipeline 4,16 --size 2KiB,10KiB\n";

static const char help_tail[] =
        "\nExit 0 fine, 1 the run failed, mail was lost or a figure fell, 2 usage or BASE.json.\n";

static enum options_news options_take(
        struct options *options, int argc, char **argv, struct text *why);
static bool option_take_list(
        struct options *options, const struct option_row *row, const char *values);
static void options_of_run(struct options *options);
static const struct option_row *option_find(const char *name);
static bool option_read(struct options *options, const struct option_row *row, const char *value);
static bool read_size(const struct option_row *row, const char *value, uint64_t *number);
static bool read_rate(const struct option_row *row, const char *value, double *rate);
static bool read_percent(const struct option_row *row, const char *value, double *percent);
static void help_paragraph(FILE *file, const char *text, int column);
static void help_default(FILE *file, const struct options *defaults, const struct option_row *row);
static void find_own_folder(struct options *options);

enum options_news options_read(struct options *options, int argc, char **argv, struct text *why)
{
	const bool sweeps = argc > 1 && strcmp(argv[1], OPTIONS_SWEEP) == 0;
	const int words = sweeps ? 2 : 1;
	/* --help goes before everything, so the run's name may be missing then. */
	const bool has_name = argc > words && argv[words][0] != '-';

	options_default(options, has_name ? run_row_find(argv[words]) : NULL);
	options->sweeps = sweeps;
	const enum options_news news = options_take(options, argc, argv, why);
	if (news != OPTIONS_RUN)
		return news;
	if (options->row == NULL || argc - optind != words) {
		text_put(why, VIEW("one run is wanted; see --help"));
		return OPTIONS_WRONG;
	}
	if ((options->row->traits & RUN_NEEDS_TARGET) != 0 && options->to[0] == '\0') {
		text_format(why, "%s needs --to ADDRESS:PORT", options->row->name);
		return OPTIONS_WRONG;
	}
	if ((options->row->traits & RUN_NEEDS_DELAY) != 0 && options->run.stand.delay_ms == 0) {
		text_format(why, "%s needs a --delay of 1 ms at least", options->row->name);
		return OPTIONS_WRONG;
	}
	options_settle(options);
	return OPTIONS_RUN;
}

static enum options_news options_take(
        struct options *options, int argc, char **argv, struct text *why)
{
	struct option table[ROWS_MAX] = { 0 };
	int option;
	int at = 0;

	check(option_row_count + 2 <= ROWS_MAX);
	for (size_t i = 0; i < option_row_count; i++)
		table[i] = (struct option){ .name = option_rows[i].name,
			.has_arg = option_rows[i].word == NULL ? no_argument : required_argument };
	table[option_row_count] = (struct option){ .name = "help", .val = 'h' };
	optind = 0; /* GNU's: from the start */
	while ((option = getopt_long(argc, argv, "h", table, &at)) != -1) {
		if (option == 'h')
			return OPTIONS_HELP;
		if (option != 0) {
			text_put(why, VIEW("see --help"));
			return OPTIONS_WRONG;
		}
		const bool is_list =
		        options->sweeps && optarg != NULL && strchr(optarg, ',') != NULL;
		if (is_list ? option_take_list(options, &option_rows[at], optarg)
		            : option_read(options, &option_rows[at], optarg))
			continue;
		text_format(why, "--%s %s: not right; see --help", option_rows[at].name, optarg);
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}

/* Every value is tried; which of them stands is the sweep's to say. */
static bool option_take_list(
        struct options *options, const struct option_row *row, const char *values)
{
	const struct option_list list = { row->name, values };
	const bool is_number = row->kind == OPTION_UNSIGNED || row->kind == OPTION_U64 ||
	                       row->kind == OPTION_SIZE || row->kind == OPTION_RATE;
	unsigned at = 0;

	if (!is_number || row->is_output)
		return false;
	for (size_t i = 0; i < option_list_count(&list); i++) {
		char value[OPTION_VALUE_MAX];
		if (!option_list_at(&list, i, value) || !option_read(options, row, value))
			return false;
	}
	while (at < options->list_count && strcmp(options->lists[at].name, list.name) != 0)
		at++;
	if (at == OPTIONS_LISTS_MAX)
		return false;
	options->lists[at] = list;
	if (at == options->list_count)
		options->list_count++;
	return true;
}

void options_default(struct options *options, const struct run_row *row)
{
	*options = (struct options){
		.row = row,
		.run = { .stand = { .sessions = 20, .pipeline = 16 },
		        .load = LOAD_SETTINGS,
		        .lanes = LANES_DEFAULT,
		        .churn = CHURN_SETTINGS },
		.repeat = 1,
		.tolerance_percent = 10,
	};
	find_own_folder(options);
	options->run.stand.programs = options->folder;
	if (row != NULL)
		options_of_run(options);
}

/* The words of its defaults; none is a text, whose value would have to stay. */
static void options_of_run(struct options *options)
{
	struct view left = view_of(options->row->defaults);

	while (left.bytes > 0) {
		char name[64];
		struct text copy = TEXT_ON(name);
		const size_t end = view_find(left, ' ');
		text_put(&copy, view_first(left, end));
		check(!copy.overflow);
		char *value = strchr(text_string(&copy), '=') == NULL ? NULL : strchr(name, '=');
		check(value != NULL);
		*value = '\0';
		check(options_set(options, name, value + 1));
		left = view_skip(left, end < left.bytes ? end + 1 : end);
	}
}

bool options_set(struct options *options, const char *name, const char *value)
{
	const struct option_row *row = option_find(name);

	if (row == NULL)
		return false;
	return row->kind == OPTION_FLAG && strcmp(value, "yes") != 0
	               ? false
	               : option_read(options, row, value);
}

static const struct option_row *option_find(const char *name)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (strcmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	return NULL;
}

void options_settle(struct options *options)
{
	if (options->run.stand.place == NULL)
		options->run.stand.place = options->run.stand.programs;
	options->run.stand.connections = options->run.load.sessions + CONNECTIONS_MORE;
	if (options->seconds == 0)
		return;
	options->run.churn.seconds = options->seconds;
	options->run.hour_s = (unsigned)options->seconds;
}

static bool option_read(struct options *options, const struct option_row *row, const char *value)
{
	char *field = (char *)options + row->at;
	uint64_t number = 0;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)(void *)field = true;
		return true;
	case OPTION_TEXT:
		*(const char **)(void *)field = value;
		return true;
	case OPTION_RATE:
		return read_rate(row, value, (double *)(void *)field);
	case OPTION_PERCENT:
		return read_percent(row, value, (double *)(void *)field);
	case OPTION_TARGET:
		(void)snprintf(options->to, sizeof options->to, "%s", value);
		return endpoint_parse(view_of(value), &options->run.load.target);
	case OPTION_SIZE:
		if (!read_size(row, value, &number))
			return false;
		*(size_t *)(void *)field = (size_t)number;
		return true;
	case OPTION_UNSIGNED:
	case OPTION_U64:
		break;
	}
	if (!view_to_u64(view_of(value), &number) || number < row->least || number > row->most)
		return false;
	if (row->kind == OPTION_UNSIGNED)
		*(unsigned *)(void *)field = (unsigned)number;
	else
		*(uint64_t *)(void *)field = number;
	return true;
}

static bool read_size(const struct option_row *row, const char *value, uint64_t *number)
{
	struct view text = view_of(value);
	unsigned shift = 0;

	if (view_ends_fold(text, VIEW("KiB")))
		shift = 10;
	else if (view_ends_fold(text, VIEW("MiB")))
		shift = 20;
	if (shift > 0)
		text = view_first(text, text.bytes - 3);
	if (!view_to_u64(text, number) || *number > row->most)
		return false;
	*number <<= shift;
	return *number >= row->least && *number <= row->most;
}

static bool read_rate(const struct option_row *row, const char *value, double *rate)
{
	char *end;

	*rate = strtod(value, &end);
	return end != value && *end == '\0' && *rate > 0 && *rate < (double)row->most;
}

static bool read_percent(const struct option_row *row, const char *value, double *percent)
{
	char *end;

	*percent = strtod(value, &end);
	return end != value && (*end == '\0' || strcmp(end, "%") == 0) && *percent >= 0 &&
	       *percent <= (double)row->most;
}

void options_tell(const struct options *options, const struct option_row *row, struct text *value)
{
	const char *field = (const char *)options + row->at;
	const char *words;
	uint64_t number = 0;

	switch (row->kind) {
	case OPTION_FLAG:
		text_put(value, *(const bool *)(const void *)field ? VIEW("yes") : VIEW("no"));
		return;
	case OPTION_TARGET:
		text_put(value, view_of(options->to));
		return;
	case OPTION_TEXT:
		words = *(const char *const *)(const void *)field;
		text_put(value, view_of(words));
		return;
	case OPTION_RATE:
	case OPTION_PERCENT:
		if (*(const double *)(const void *)field > 0)
			text_format(value, "%.10g", *(const double *)(const void *)field);
		return;
	case OPTION_UNSIGNED:
		number = *(const unsigned *)(const void *)field;
		break;
	case OPTION_U64:
		number = *(const uint64_t *)(const void *)field;
		break;
	case OPTION_SIZE:
		number = *(const size_t *)(const void *)field;
		break;
	}
	if (number > 0)
		text_put_u64(value, number);
}

void options_help(FILE *file)
{
	struct options defaults;
	const char *group = "";

	options_default(&defaults, NULL);
	fputs(help_head, file);
	fputs("\nRuns, with their own defaults:\n", file);
	for (size_t i = 0; i < run_row_count; i++) {
		fprintf(file, "  %-11s ", run_rows[i].name);
		help_paragraph(file, run_rows[i].about, 14);
		fputc('\n', file);
		if (run_rows[i].defaults[0] != '\0')
			fprintf(file, "%14s(%s)\n", "", run_rows[i].defaults);
	}
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		char left[64];
		if (strcmp(group, row->group) != 0)
			fprintf(file, "\n%s\n", row->group);
		group = row->group;
		(void)snprintf(left, sizeof left, "--%s%s%s", row->name,
		        row->word == NULL ? "" : " ", row->word == NULL ? "" : row->word);
		fprintf(file, "  %-*s ", HELP_COLUMN, left);
		help_paragraph(file, row->help, HELP_COLUMN + 3);
		help_default(file, &defaults, row);
	}
	fprintf(file, "  %-*s %s\n", HELP_COLUMN, "--help", "this text");
	fputs(help_tail, file);
}

static void help_paragraph(FILE *file, const char *text, int column)
{
	for (; *text != '\0'; text++) {
		fputc(*text, file);
		if (*text == '\n')
			fprintf(file, "%*s", column, "");
	}
}

/* Folders differ from machine to machine: their help says it in words. */
static void help_default(FILE *file, const struct options *defaults, const struct option_row *row)
{
	char bytes[64];
	struct text value = TEXT_ON(bytes);

	if (row->kind != OPTION_TEXT && row->kind != OPTION_FLAG)
		options_tell(defaults, row, &value);
	if (value.bytes > 0)
		fprintf(file, " (%s)", text_string(&value));
	fputc('\n', file);
}

static void find_own_folder(struct options *options)
{
	const ssize_t bytes =
	        readlink("/proc/self/exe", options->folder, sizeof options->folder - 1);

	check(bytes > 0);
	options->folder[bytes] = '\0';
	*strrchr(options->folder, '/') = '\0';
}
