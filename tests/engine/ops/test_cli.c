#include "engine/ops/cli.h"

#include "engine/ops/control.h"
#include "engine/ops/control_talk.h"
#include "queue/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 2100

/* What a command printed and said. */
struct ran {
	int status;
	char *data;
	char *complaints;
};

static char *read_all(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	char *text = calloc(1, (size_t)status.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)status.st_size, 0), status.st_size);
	close(fd);
	return text;
}

/* Runs the program in this process, with stdout and stderr in memory. */
static struct ran run(char **words)
{
	int count = 0;
	int data = memfd_create("data", 0);
	int complaints = memfd_create("complaints", 0);
	int stdout_before = dup(STDOUT_FILENO);
	int stderr_before = dup(STDERR_FILENO);

	while (words[count] != NULL)
		count++;
	fflush(stdout);
	assert_true(dup2(data, STDOUT_FILENO) >= 0);
	assert_true(dup2(complaints, STDERR_FILENO) >= 0);
	struct ran outcome = { .status = cli_main(count, words) };
	fflush(stdout);
	assert_true(dup2(stdout_before, STDOUT_FILENO) >= 0);
	assert_true(dup2(stderr_before, STDERR_FILENO) >= 0);
	close(stdout_before);
	close(stderr_before);
	outcome.data = read_all(data);
	outcome.complaints = read_all(complaints);
	return outcome;
}

#define RUN(...) run((char *[]){ (char[]){ "sluice" }, __VA_ARGS__, NULL })
#define W(word)                                                                                    \
	(char[])                                                                                   \
	{                                                                                          \
		word                                                                               \
	}

static void done(struct ran *outcome)
{
	free(outcome->data);
	free(outcome->complaints);
}

/* Checks that the command fails, says so in these words, and prints no data. */
static void fails(struct ran outcome, int status, const char *words)
{
	if (outcome.status != status || strstr(outcome.complaints, words) == NULL ||
	        outcome.data[0] != '\0')
		fail_msg("status %d, data %s, complaints %s", outcome.status, outcome.data,
		        outcome.complaints);
	done(&outcome);
}

/* Checks that the command succeeds, prints these words, and complains of nothing. */
static void prints(struct ran outcome, const char *words)
{
	if (outcome.status != 0 || strstr(outcome.data, words) == NULL ||
	        outcome.complaints[0] != '\0')
		fail_msg("status %d, data %s, complaints %s", outcome.status, outcome.data,
		        outcome.complaints);
	done(&outcome);
}

static void wrong_usage_is_status_2(void **state)
{
	(void)state;
	fails(run((char *[]){ W("sluice"), NULL }), 2, "usage: sluice COMMAND");
	fails(RUN(W("nonsense")), 2, "no command \"nonsense\"; right is one of serve check");
	fails(RUN(W("serve"), W("--nonsense")), 2, "unknown option --nonsense");
	fails(RUN(W("serve"), W("--config")), 2, "--config needs a value");
	fails(RUN(W("serve"), W("now")), 2, "what is \"now\"?");
	fails(RUN(W("serve"), W("--log-level"), W("loud")), 2, "error, warning, info or debug");
	fails(RUN(W("check"), W("a.yaml")), 2, "what is \"a.yaml\"?");
	fails(RUN(W("version"), W("--all")), 2, "unknown option --all");
	fails(RUN(W("help"), W("nonsense")), 2, "no command");
	fails(RUN(W("help"), W("settings"), W("--x")), 2, "unknown option");
	fails(RUN(W("queue"), W("list"), W("-xy")), 2, "unknown option -x");
	fails(RUN(W("queue"), W("list"), W("--json"), W("-a")), 2, "unknown option -a");
	fails(RUN(W("queue"), W("list"), W("--json=yes")), 2, "--json takes no value");
	fails(RUN(W("queue"), W("list"), W("--config=x"), W("-cx")), 2, "unknown option -c");
	fails(RUN(W("explain"), W("-xy"), W("250")), 2, "unknown option -x");
	fails(RUN(W("queue")), 2, "Right is list");
	fails(RUN(W("queue"), W("nonsense")), 2, "no verb \"nonsense\"");
	fails(RUN(W("queue"), W("list"), W("1")), 2, "take filters, not ids");
	fails(RUN(W("queue"), W("show")), 2, "show takes one id");
	fails(RUN(W("queue"), W("show"), W("1"), W("2")), 2, "show takes one id");
	fails(RUN(W("queue"), W("hold")), 2, "which messages?");
	fails(RUN(W("queue"), W("hold"), W("1"), W("--all")), 2, "which messages?");
	fails(RUN(W("queue"), W("hold"), W("1"), W("--to"), W("a@b.c")), 2, "filters need --all");
	/* A filter that says nothing must not mean all. */
	fails(RUN(W("queue"), W("remove"), W("--all"), W("--from"), W("")), 2, "--from needs");
	fails(RUN(W("queue"), W("remove"), W("--all"), W("--from="), W("--json")), 2, "--from");
	fails(RUN(W("queue"), W("remove"), W("--all"), W("--to"), W("")), 2, "--to needs");
	fails(RUN(W("queue"), W("remove"), W("--all"), W("--to"), W("<>")), 2, "--to needs");
	fails(RUN(W("queue"), W("remove"), W("--all"), W("--route"), W("")), 2, "--route needs");
	fails(RUN(W("queue"), W("hold"), W("u.u")), 2, "\"u.u\" is no queue id");
}

static void every_command_has_help(void **state)
{
	(void)state;
	static const char *const names[] = {
#define X(name, main, does) name,
		CLI_COMMANDS(X)
#undef X
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char name[32];

		snprintf(name, sizeof name, "%s", names[i]);
		prints(RUN(name, W("--help")), "usage: sluice");
		prints(RUN(name, W("-h")), "usage: sluice");
		prints(RUN(W("help"), name), "usage: sluice");
		prints(RUN(W("--help")), name);
	}
	prints(RUN(W("help"), W("settings")), "\nroutes[].identities[].secret_file\n");
	prints(RUN(W("help"), W("settings"), W("--roff")), ".B routes[].tls.ca_file\n");
	prints(RUN(W("help"), W("settings"), W("--help")), "usage: sluice help settings");
}

static void the_version_names_what_we_are_made_of(void **state)
{
	(void)state;
	static const char *const words[] = { "sluice 0", "liburing: ", "OpenSSL: ", "LMDB: ",
		"libyaml: ", "jansson: ", "libidn2: ", "kernel: ", "io_uring: " };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		prints(RUN(W("version")), words[i]);
	prints(RUN(W("--version")), "sluice 0");
}

/* A folder with a configuration, whose spool is the folder itself. */
struct bench {
	char folder[64];
	char config[128];
	struct control *control;
	_Atomic uint64_t last_ids; /* control's thread counts, the test reads */
	_Atomic enum request_verb last_verb;
	_Atomic size_t asked;
	_Atomic bool null_sender; /* the last question filtered by it */
	_Atomic bool plain;       /* it filtered by x@y.test as recipient */
	uint64_t rows;            /* in the queue that the test plays */
};

static void setup(struct bench *bench, const char *more)
{
	*bench = (struct bench){ .folder = "sluice-cli-XXXXXX" };
	assert_non_null(mkdtemp(bench->folder));
	snprintf(bench->config, sizeof bench->config, "%s/sluice.yaml", bench->folder);
	FILE *file = fopen(bench->config, "w");
	assert_non_null(file);
	fprintf(file, "name: relay.test\nspool: {path: .}\nroutes:\n  - host: a.test\n%s", more);
	fclose(file);
}

static void teardown(struct bench *bench)
{
	if (bench->control != NULL)
		control_stop(bench->control);
	control_destroy(bench->control);
	assert_int_equal(unlink(bench->config), 0);
	assert_int_equal(rmdir(bench->folder), 0);
}

static void check_says_what_is_wrong_and_what_is_worth_knowing(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench, "  - {name: b, host: b.test}\n");
	prints(RUN(W("check"), W("--config"), bench.config),
	        "all mail takes the first route that can carry it");
	teardown(&bench);
	setup(&bench, "    prot: 25\n    port: many\n");
	fails(RUN(W("check"), W("--config"), bench.config), 1, "sluice.yaml:5: routes[0]: unknown");
	fails(RUN(W("check"), W("--config"), bench.config), 1, "sluice.yaml:6: routes[0].port");
	fails(RUN(W("serve"), W("--config"), bench.config), 1, "sluice.yaml:6: routes[0].port");
	/* An operator reaches a running engine all the same; here, none runs. */
	fails(RUN(W("queue"), W("count"), W("--config"), bench.config), 1,
	        "can't reach the engine");
	teardown(&bench);
	fails(RUN(W("check"), W("--config"), W("missing.yaml")), 1, "missing.yaml:1: can't read");
	fails(RUN(W("queue"), W("count"), W("--config"), W("missing.yaml")), 1, "can't read");
}

#define NOTE "451 4.7.1 \x1b[2J later\nagain"

static void put_row(struct request *request, uint64_t id)
{
	const struct request_recipient recipients[] = {
		{ VIEW("x@y.test"), VIEW("deferred"), VIEW(NOTE) },
		{ VIEW("z@y.test"), VIEW("deferred"), VIEW("") },
	};
	const struct request_row row = {
		.id = id,
		.route = VIEW("far"),
		.from = VIEW("a@b.test"),
		.recipients = recipients,
		.recipients_count = 2,
		.bytes = 812,
		.received = { 1795490100000 },
		.state = VIEW("deferred"),
		.attempts = 3,
		.next_attempt = { 1795490160123 },
		.reply = VIEW(NOTE),
	};

	assert_true(request_put_row(request, &row));
}

/* A queue of bench->rows messages, ids from 1; a page of it has 10. Acts know these ids only. */
static struct err answer(void *owner, struct request *request)
{
	struct bench *bench = owner;

	bench->last_verb = request->verb;
	bench->null_sender = request->filter.by_from && request->filter.from.bytes == 0;
	bench->plain = view_equal(request->filter.to, VIEW("x@y.test"));
	bench->last_ids += request->ids_count;
	bench->asked++;
	switch (request->verb) {
	case REQUEST_LIST:
		for (uint64_t id = request->after + 1; id <= bench->rows; id++) {
			if (request->rows_count == 10) {
				request->more = true;
				break;
			}
			put_row(request, id);
		}
		break;
	case REQUEST_COUNT:
		request->count = bench->rows;
		break;
	case REQUEST_SHOW:
		if (request->ids[0] <= bench->rows)
			put_row(request, request->ids[0]);
		break;
	default:
		request->count = request->all ? bench->rows : 0;
		for (size_t i = 0; i < request->ids_count; i++)
			request->count += request->ids[i] <= bench->rows;
		break;
	}
	return bench->rows == 999 ? err_make(ERR_CLOSED, 0) : err_ok();
}

static void start(struct bench *bench, uint64_t rows)
{
	char why_bytes[256];
	struct text why = TEXT_ON(why_bytes);
	const struct control_settings settings = {
		.folder = bench->folder,
		.io = { .entries = 64, .buffer_count = 64, .buffer_bytes = 4096 },
		.ask = answer,
		.owner = bench,
	};

	bench->rows = rows;
	if (failed(control_create(&bench->control, &settings, &why)))
		fail_msg("%s", text_string(&why));
	assert_false(failed(control_start(bench->control)));
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

static void list_prints_every_page(void **state)
{
	(void)state;
	struct bench bench;
	char id[MESSAGE_ID_TEXT];
	char wanted[256];

	setup(&bench, "");
	start(&bench, 25);
	struct ran outcome = RUN(W("queue"), W("list"), W("--config"), bench.config);
	assert_int_equal(count_lines(outcome.data), 25);
	assert_int_equal(bench.asked, 3);
	snprintf(wanted, sizeof wanted,
	        "%s  2026-11-24T03:15:00Z  deferred    3        812  <a@b.test> to <x@y.test> and "
	        "1 "
	        "more, next 2026-11-24T03:16:00Z: 451 4.7.1 ?[2J later again\n",
	        message_id_format(1, id));
	assert_int_equal(strncmp(outcome.data, wanted, strlen(wanted)), 0);
	prints(outcome, message_id_format(25, id));
	outcome = RUN(W("queue"), W("list"), W("--json"), W("--config"), bench.config);
	assert_int_equal(count_lines(outcome.data), 25);
	prints(outcome,
	        "\"reply\":\"451 4.7.1 \\u001b[2J later\\u000aagain\",\"in_doubt\":false}\n");
	prints(RUN(W("queue"), W("count"), W("--config"), bench.config), "25\n");
	/* Counted one by one, for the filter is the spooler's. */
	bench.asked = 0;
	prints(RUN(W("queue"), W("count"), W("--to"), W("x@y.test"), W("--config"), bench.config),
	        "25\n");
	assert_int_equal(bench.asked, 3);
	teardown(&bench);
}

static void an_empty_queue_is_fine(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench, "");
	start(&bench, 0);
	struct ran outcome = RUN(W("queue"), W("list"), W("--config"), bench.config);
	assert_string_equal(outcome.data, "");
	prints(outcome, "");
	prints(RUN(W("queue"), W("hold"), W("--all"), W("--config"), bench.config), "0 messages");
	teardown(&bench);
}

static void show_prints_one(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench, "");
	start(&bench, 3);
	prints(RUN(W("queue"), W("show"), W("2"), W("--config"), bench.config),
	        "recipient     x@y.test deferred: 451 4.7.1 ?[2J later again\n");
	prints(RUN(W("queue"), W("show"), W("2"), W("--json"), W("--config"), bench.config),
	        "\"owed\":[{\"address\":\"x@y.test\"");
	fails(RUN(W("queue"), W("show"), W("ZZZZ"), W("--config"), bench.config), 1,
	        "ZZZZ is not in the queue");
	teardown(&bench);
}

static void acts_say_how_many(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench, "");
	start(&bench, 5);
	prints(RUN(W("queue"), W("hold"), W("1"), W("2"), W("--config"), bench.config),
	        "2 messages held\n");
	assert_int_equal(bench.last_verb, REQUEST_HOLD);
	assert_int_equal(bench.last_ids, 2);
	prints(RUN(W("queue"), W("remove"), W("--all"), W("--config"), bench.config),
	        "5 messages removed\n");
	prints(RUN(W("queue"), W("remove"), W("--all"), W("--from"), W("<>"), W("--to"),
	               W("<x@y.test>"), W("--config"), bench.config),
	        "5 messages removed\n");
	assert_true(bench.null_sender);
	assert_true(bench.plain);
	struct ran outcome =
	        RUN(W("queue"), W("bounce"), W("1"), W("ZZZZ"), W("--config"), bench.config);
	assert_int_equal(outcome.status, 1);
	assert_string_equal(outcome.data, "1 message bounced\n");
	assert_non_null(strstr(outcome.complaints, "1 of 2: the others are not in the queue"));
	done(&outcome);
	teardown(&bench);
}

/* More than a question holds, as `queue remove $(...)` gives them. */
static void many_ids_are_asked_in_turn(void **state)
{
	(void)state;
	struct bench bench;
	char *words[WORDS_MAX] = { W("sluice"), W("queue"), W("retry"), W("--config"), NULL };
	char id[] = "1";
	size_t count = 4;

	setup(&bench, "");
	start(&bench, 5);
	words[count++] = bench.config;
	for (int i = 0; i < 2 * CONTROL_IDS_MAX + 1; i++)
		words[count++] = id;
	prints(run(words), "1001 messages tried now\n");
	assert_int_equal(bench.asked, 3);
	assert_int_equal(bench.last_ids, 2 * CONTROL_IDS_MAX + 1);
	teardown(&bench);
}

static void an_engine_that_ends_is_told(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench, "");
	start(&bench, 999);
	fails(RUN(W("queue"), W("list"), W("--config"), bench.config), 1, "the engine is ending");
	fails(RUN(W("queue"), W("hold"), W("1"), W("--config"), bench.config), 1, "ending");
	teardown(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_usage_is_status_2),
		cmocka_unit_test(every_command_has_help),
		cmocka_unit_test(the_version_names_what_we_are_made_of),
		cmocka_unit_test(check_says_what_is_wrong_and_what_is_worth_knowing),
		cmocka_unit_test(list_prints_every_page),
		cmocka_unit_test(an_empty_queue_is_fine),
		cmocka_unit_test(show_prints_one),
		cmocka_unit_test(acts_say_how_many),
		cmocka_unit_test(many_ids_are_asked_in_turn),
		cmocka_unit_test(an_engine_that_ends_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
