/* A message and its jobs go out of the spool and come back the same; what somebody else wrote is
 * looked at first. */
#include "engine/ops/parcel.h"

#include "queue/base/random.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#define ID 0x12345678

static char path[32];
static int folder_fd;
static struct depot *depot;
static struct shelf shelf;

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "parcel-XXXXXX");
	assert_non_null(mkdtemp(path));
	folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	assert_false(failed(depot_create(&depot, (size_t)1024 * CHUNK_BYTES)));
	shelf_init(&shelf, depot);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close(folder_fd);
	snprintf(command, sizeof command, "rm -r %s", path);
	assert_int_equal(system(command), 0);
	shelf_finish(&shelf);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
	return 0;
}

static const char body[] = "From: a@contoso.com\r\nSubject: \xff\r\n\r\nhello\r\n.\r\n";

/* Everything that a message can have, and bytes that are no UTF-8 where they may be. */
static struct message *make_message(uint32_t recipients)
{
	struct message *message = message_create(&shelf, 0);
	char address[64];

	assert_non_null(message);
	message_name(message, ID, (struct wall){ 1795000000123 });
	message->flags = MESSAGE_8BIT | MESSAGE_RET_HEADERS | MESSAGE_HEADER_8BIT;
	message->expire_s = 86400;
	assert_true(message_set(message, MESSAGE_SENDER, VIEW("a@contoso.com")));
	assert_true(message_set(message, MESSAGE_ENVID, VIEW("QQ314159+3D")));
	assert_true(message_set(message, MESSAGE_HELO, VIEW("scanner\xfe")));
	assert_true(message_set(message, MESSAGE_USER, VIEW("j\xc3\xbcrgen \"quoted\"")));
	assert_true(message_set(message, MESSAGE_ORIGINAL, VIEW("device@in.test")));
	message_open_author(message);
	message_place_author(message, (struct message_place){ 6, 13 });
	for (uint32_t i = 0; i < recipients; i++) {
		const int bytes = snprintf(address, sizeof address, "r%u@example.org", i);
		const struct message_recipient recipient = {
			.address = view_from(address, (size_t)bytes),
			.orcpt = i % 2 == 0 ? VIEW("rfc822;x@y.test") : view_from(NULL, 0),
			.notify = (uint8_t)(i % 2 == 0 ? NOTIFY_FAILURE | NOTIFY_DELAY : 0),
		};
		assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	}
	assert_true(rope_append(&message->body, &shelf, VIEW(body), 0));
	message_seal(message);
	return message;
}

static struct job make_job(struct message *message)
{
	const struct reply_note note = {
		.code = 451,
		.status = { 4, 7, 500 },
		.advice = 7,
		.stage = 3,
		.server = VIEW("mx.test"),
		.text = VIEW("busy \xff"),
	};
	struct job job = { 0 };

	job_begin(&job, message, 2, 0);
	assert_true(job_owe_all(&job, &shelf, 0));
	job_set_outcome(&job, 0, OWED_DELIVERED, NULL, &shelf);
	job_set_outcome(&job, 1, OWED_DEFERRED, &note, &shelf);
	job_owed(&job)[1].flags = OWED_IN_DOUBT | OWED_DELAY_TOLD;
	job.held = true;
	job.rehearsed = true;
	job.attempts = 4;
	job.restarts = 2;
	job.first_attempt.ms = 1795000000200;
	job.last_attempt.ms = 1795000000300;
	job.next_attempt.ms = 1795000000400;
	/* As the spool reads it back: without what has its end. */
	struct job read = { 0 };
	uint16_t route_id = 0;
	char *record = malloc(JOB_RECORD_MAX);
	assert_non_null(record);
	const size_t bytes = job_encode(&job, 5, (struct span){ record, JOB_RECORD_MAX });
	job_clear(&job, &shelf);
	assert_false(failed(job_decode(&read, &shelf, 0, view_from(record, bytes), &route_id)));
	read.number = 2;
	free(record);
	return read;
}

static void write_parcel(struct message *message, struct job *job, const char *queue)
{
	json_t *json = parcel_begin(message);

	assert_non_null(json);
	if (job != NULL)
		assert_true(parcel_add_job(json, job, queue));
	assert_false(failed(parcel_write(folder_fd, json, message)));
	json_decref(json);
}

static const char *json_name(void)
{
	static char name[PARCEL_NAME_ROOM];
	char id[MESSAGE_ID_TEXT];

	snprintf(name, sizeof name, "%s" PARCEL_JSON_SUFFIX, message_id_format(ID, id));
	return name;
}

static void assert_same_parts(const struct message *a, const struct message *b)
{
	struct rope_cursor at_a = message_parts(a);
	struct rope_cursor at_b = message_parts(b);
	struct view part_a;
	struct view part_b;

	while (message_next_part(a, &at_a, &part_a)) {
		assert_true(message_next_part(b, &at_b, &part_b));
		assert_true(view_equal(part_a, part_b));
	}
	assert_false(message_next_part(b, &at_b, &part_b));
}

static void assert_same_jobs(struct job *a, struct job *b)
{
	char *records = malloc(2 * JOB_RECORD_MAX);

	assert_non_null(records);
	const size_t bytes = job_encode(a, 5, (struct span){ records, JOB_RECORD_MAX });
	assert_int_equal(
	        job_encode(b, 5, (struct span){ records + JOB_RECORD_MAX, JOB_RECORD_MAX }), bytes);
	assert_memory_equal(records, records + JOB_RECORD_MAX, bytes);
	free(records);
}

static void test_out_and_in(void **state)
{
	struct message *message = make_message(600);
	struct job job = make_job(message);
	struct parcel parcel;
	struct job read = { 0 };
	const char *queue = NULL;
	char room[200];
	struct text why = TEXT_ON(room);
	char body_read[sizeof body];

	(void)state;
	write_parcel(message, &job, "submission/bulk");
	assert_false(failed(parcel_read(&parcel, folder_fd, json_name(), &shelf, &why)));
	assert_int_equal(parcel.id, ID);
	assert_int_equal(parcel.job_count, 1);
	message_name(parcel.message, parcel.id, parcel.received);
	message_seal(parcel.message);
	assert_same_parts(parcel.message, message);
	assert_int_equal(
	        rope_copy(&parcel.message->body, 0, (struct span){ body_read, sizeof body_read }),
	        sizeof body - 1);
	assert_memory_equal(body_read, body, sizeof body - 1);

	assert_false(failed(parcel_take_job(&parcel, 0, &shelf, &read, &queue, &why)));
	assert_string_equal(queue, "submission/bulk");
	assert_same_jobs(&read, &job);
	job_clear(&read, &shelf);
	job_clear(&job, &shelf);
	parcel_close(&parcel, &shelf);
	message_release(message, &shelf);
}

/* What is there stays, and what was taken in is looked at no more. */
static void test_files_stay(void **state)
{
	struct message *message = make_message(1);
	json_t *json = parcel_begin(message);
	struct parcel parcel;
	char room[200];
	struct text why = TEXT_ON(room);

	(void)state;
	assert_non_null(json);
	assert_false(failed(parcel_write(folder_fd, json, message)));
	assert_int_equal(parcel_write(folder_fd, json, message).code, ERR_EXISTS);
	assert_false(failed(parcel_read(&parcel, folder_fd, json_name(), &shelf, &why)));
	assert_int_equal(parcel.job_count, 0);
	parcel_close(&parcel, &shelf);
	assert_false(failed(parcel_set_done(folder_fd, json_name())));
	assert_int_equal(
	        parcel_read(&parcel, folder_fd, json_name(), &shelf, &why).code, ERR_SYSTEM);
	json_decref(json);
	message_release(message, &shelf);
}

static void write_text(const char *name, const char *text)
{
	const int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A parcel with something put in another's place. */
static void write_edited(const char *from, const char *to)
{
	static const char whole[] =
	        "{\"version\": 1, \"id\": \"9\", \"received_ms\": 5, \"bytes\": 5,"
	        " \"sender\": \"a@b.test\", \"helo\": \"h\", \"flags\": [\"8bit\"],"
	        " \"author\": {\"offset\": 1, \"bytes\": 2},"
	        " \"recipients\": [{\"address\": \"c@d.test\", \"orcpt\": \"rfc822;x\"},"
	        " {\"address\": \"Postmaster\", \"notify\": [\"never\"]}],"
	        " \"jobs\": [{\"number\": 0, \"queue\": \"far\", \"attempts\": 1,"
	        " \"owed\": [{\"recipient\": 0, \"reply\": {\"code\": 450,"
	        " \"stage\": \"rcpt\", \"status\": [4, 1, 1]}}, {\"recipient\": 1}]}]}";
	char text[2 * sizeof whole];
	const char *at = strstr(whole, from);

	assert_non_null(at);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
	write_text("9.json", text);
}

/* Gives what is wrong with it; "": nothing. */
static const char *read_edited(void)
{
	static char room[300];
	struct text why = text_on(room, sizeof room);
	struct parcel parcel;
	struct job job = { 0 };
	const char *queue = NULL;
	struct err err = parcel_read(&parcel, folder_fd, "9.json", &shelf, &why);

	if (!failed(err)) {
		message_name(parcel.message, parcel.id, parcel.received);
		message_seal(parcel.message);
		err = parcel_take_job(&parcel, 0, &shelf, &job, &queue, &why);
		job_clear(&job, &shelf);
		parcel_close(&parcel, &shelf);
	}
	assert_true(!failed(err) || err.code == ERR_FORMAT);
	assert_int_equal(failed(err), why.bytes > 0);
	return text_string(&why);
}

static void test_what_others_wrote(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		const char *says;
	} edits[] = {
		{ "{", "{", "" },
		{ "\"version\": 1", "\"version\": 2", "\"version\"" },
		{ "{", "", "line 1" },
		{ "5", "\x1b[2Jx\x7f", "'?" }, /* a terminal is not to obey it */
		{ "\"9\"", "\"U\"", "\"id\"" },
		{ "\"9\"", "\"0\"", "\"id\"" },
		{ "\"9\"", "\"../9\"", "\"id\"" },
		{ "\"received_ms\": 5", "\"received_ms\": -5", "\"received_ms\"" },
		{ "\"bytes\": 5", "\"bytes\": 4", "longer" },
		{ "\"bytes\": 5", "\"bytes\": 6", "shorter" },
		{ "\"bytes\": 5", "\"bytes\": 99999999999999", "\"bytes\"" },
		{ "a@b.test", "a@b.test\\r\\nDATA", "\"sender\"" },
		{ "a@b.test", "a b@b.test", "\"sender\"" },
		{ "a@b.test", "", "" },
		{ "\"h\"", "\"h\\n\"", "\"helo\"" },
		{ "\"h\"", "{\"base64\": \"DQo=\"}", "\"helo\"" },
		{ "\"h\"", "{\"base64\": \"/w==\"}", "" },
		{ "\"h\"", "{\"base64\": \"?\"}", "\"helo\"" },
		{ "\"h\"", "7", "\"helo\"" },
		{ "[\"8bit\"]", "[\"9bit\"]", "\"flags\"" },
		{ "[\"8bit\"]", "8", "\"flags\"" },
		{ "\"offset\": 1", "\"offset\": 4", "\"author\"" },
		{ "\"offset\": 1, \"bytes\": 2", "\"offset\": 1, \"bytes\": 0", "\"author\"" },
		{ "c@d.test", "c@d.test>\\r\\nRCPT TO:<x@y", "\"recipients\"" },
		{ "c@d.test", "", "\"recipients\"" },
		{ "rfc822;x", "rfc822;x y", "\"recipients\"" },
		{ "rfc822;x", "rfc822;x\\nz", "\"recipients\"" },
		{ "\"never\"", "\"sometimes\"", "\"recipients\"" },
		{ "\"jobs\": [", "\"jobs\": 3, \"was\": [", "\"jobs\"" },
		{ "\"attempts\": 1", "\"attempts\": \"1\"", "job 0" },
		{ "\"far\"", "\"f\\u001b[2Jr\"", "job 0" },
		{ "{\"recipient\": 1}", "{\"recipient\": 2}", "job 0" },
		{ "{\"recipient\": 1}", "{\"recipient\": 0}", "job 0" },
		{ "{\"recipient\": 1}", "{}", "job 0" },
		{ "\"code\": 450", "\"code\": 1450", "job 0" },
		{ "\"rcpt\"", "\"wcpt\"", "job 0" },
		{ "\"code\": 450", "\"code\": 450, \"text\": \"a\\nb\"", "" },
		{ "\"code\": 450", "\"code\": 450, \"text\": \"a\\u001b[2J\"", "job 0" },
		{ "\"code\": 450", "\"code\": 450, \"server\": \"a\\nb\"", "job 0" },
		{ "[4, 1, 1]", "[4, -1, 1]", "job 0" },
	};

	(void)state;
	write_text("9.eml", "hello");
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
		write_edited(edits[i].from, edits[i].to);
		const char *says = read_edited();
		for (const char *at = says; *at != '\0'; at++)
			assert_true((unsigned char)*at >= ' ' && *at != 0x7f);
		if (edits[i].says[0] == '\0' ? says[0] != '\0'
		                             : strstr(says, edits[i].says) == NULL)
			fail_msg("%s for %s: \"%s\"", edits[i].to, edits[i].from, says);
	}
	assert_int_equal(unlinkat(folder_fd, "9.eml", 0), 0);
	write_edited("{", "{");
	assert_non_null(strstr(read_edited(), "9.eml"));
	assert_int_equal(symlinkat("/dev/null", folder_fd, "9.eml"), 0);
	assert_non_null(strstr(read_edited(), "9.eml"));
}

#define PARCEL_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PARCEL_TEST(test_out_and_in),
		PARCEL_TEST(test_files_stay),
		PARCEL_TEST(test_what_others_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
