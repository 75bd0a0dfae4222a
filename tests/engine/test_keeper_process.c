#include "engine/keeper_process.h"

#include "engine/config_report.h"
#include "engine/core_dumps.h"
#include "engine/io/packets.h"
#include "engine/io/tube.h"
#include "engine/trade.h"
#include "tests/engine/ingest_fixture.h"
#include "tests/engine/place.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct place place;
static struct config *config;
static char config_path[PLACE_PATH_BYTES];

static void write_file(const char *name, const char *text)
{
	char path[PLACE_PATH_BYTES];
	FILE *file = fopen(place_path(&place, name, path), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void load(void)
{
	struct config_report report;

	config_report_init(&report);
	if (failed(config_load_keyless(&config, config_path, &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
}

static int begin(void **state)
{
	(void)state;
	place_open(&place);
	write_file("users", HOUSE_USERS);
	write_file("secret", "s3cret\n");
	write_file("x.yaml", "name: relay.test\n"
	                     "spool: {path: spool}\n"
	                     "sandbox: {landlock: false, seccomp: false}\n"
	                     "core_dumps: true\n"
	                     "threads: {ingest: 1, delivery: 1}\n"
	                     "listeners: [{address: \"127.0.0.1:0\", users_file: users,\n"
	                     "             allow_plaintext_auth: true}]\n"
	                     "routes: [{host: mail.test, interface: submission,\n"
	                     "          identities: [{user: a@b.test, secret_file: secret}]}]\n");
	place_path(&place, "x.yaml", config_path);
	load();
	return 0;
}

static int end(void **state)
{
	(void)state;
	config_destroy(config);
	place_close(&place);
	return 0;
}

static struct err start(struct keeper_process *process)
{
	static struct handed handed;
	struct core_dumps dumps = { .before = { 0 } };
	const struct keeper_options options = {
		.log = { .fd = -1, .level = LOG_ERROR }, .handed = &handed, .dumps = &dumps
	};
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	return keeper_process_start(process, config, &options, &why);
}

/* Over the bare ends: what the couriers carry. */
static void it_answers(void **state)
{
	static char packet[TUBE_PACKET_MAX];
	static struct keeper_ask ask;
	const uint32_t ticket = 3;
	struct keeper_process process;
	size_t bytes;

	(void)state;
	assert_false(failed(start(&process)));
	assert_true(process.id > 0);
	ask = (struct keeper_ask){ .identity = &config->routes.at[0].identities.at[0],
		.mechanism = SIGNIN_LOGIN };
	memcpy(packet, &ticket, sizeof ticket);
	bytes = trade_secrets.put_ask(config, &ask.ask,
	        (struct span){ packet + sizeof ticket, sizeof packet - sizeof ticket });
	assert_false(failed(
	        packets_send(process.ends.secrets, view_from(packet, sizeof ticket + bytes))));
	assert_false(failed(packets_receive(process.ends.secrets,
	        (struct span){ packet, sizeof packet }, PACKETS_FOR_EVER, &bytes)));
	assert_memory_equal(packet, &ticket, sizeof ticket);
	assert_true(trade_secrets.take_answer(
	        view_skip(view_from(packet, bytes), sizeof ticket), &ask.ask));
	assert_memory_equal(ask.secret, "czNjcmV0", ask.bytes);
	/* What ends others does not end it; that we are gone does. */
	assert_int_equal(kill(process.id, SIGTERM), 0);
	assert_int_equal(kill(process.id, SIGINT), 0);
	assert_int_equal(kill(process.id, SIGHUP), 0);
	assert_int_equal(waitpid(process.id, NULL, WNOHANG), 0);
	keeper_process_end(&process);
	assert_int_equal(process.id, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* It has said on stderr what is wrong, and we say no more. */
static void what_is_wrong_is_told_by_the_keeper(void **state)
{
	struct keeper_process process;

	(void)state;
	write_file("users", "anna:no hash\n");
	assert_int_equal(start(&process).code, ERR_CLOSED);
	assert_int_equal(process.id, 0);
	assert_true(keeper_ends_are_empty(&process.ends));
	write_file("users", HOUSE_USERS);
	assert_false(failed(start(&process)));
	keeper_process_end(&process);
}

/* A file that is changed between our look and its own would number things anew. */
static void both_read_the_same_file(void **state)
{
	struct keeper_process process;
	FILE *file = fopen(config_path, "a");

	(void)state;
	assert_non_null(file);
	assert_true(fputs("# another line\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(start(&process).code, ERR_CLOSED);
	config_destroy(config);
	load();
	assert_false(failed(start(&process)));
	keeper_process_end(&process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers),
		cmocka_unit_test(what_is_wrong_is_told_by_the_keeper),
		cmocka_unit_test(both_read_the_same_file),
	};

	return cmocka_run_group_tests_name("keeper_process", tests, begin, end);
}
