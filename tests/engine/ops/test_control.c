#include "engine/ops/control.h"

#include "engine/ops/control_talk.h"
#include "queue/incident_book.h"
#include "queue/message.h"

#include <jansson.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_BYTES (4 << 20)

/* Control in its thread, with a spooler that the test plays: a question waits for its answer. */
struct bench {
	char folder[128];
	struct control *control;
	struct request *asked;
	sem_t question;
	sem_t answered;
	atomic_bool closed;
	char *answer;
};

static struct err ask(void *owner, struct request *request)
{
	struct bench *bench = owner;

	if (bench->closed)
		return err_make(ERR_CLOSED, 0);
	bench->asked = request;
	assert_int_equal(sem_post(&bench->question), 0);
	assert_int_equal(sem_wait(&bench->answered), 0);
	return err_ok();
}

static void setup_in(struct bench *bench, const char *folder)
{
	char why_bytes[256];
	struct text why = TEXT_ON(why_bytes);
	struct control_settings settings = {
		.folder = bench->folder,
		.io = { .entries = 64, .buffer_count = 64, .buffer_bytes = 4096 },
		.ask = ask,
		.owner = bench,
	};

	*bench = (struct bench){ .closed = false };
	snprintf(bench->folder, sizeof bench->folder, "%s", folder);
	bench->answer = malloc(ANSWER_BYTES);
	assert_non_null(bench->answer);
	assert_int_equal(sem_init(&bench->question, 0, 0), 0);
	assert_int_equal(sem_init(&bench->answered, 0, 0), 0);
	if (failed(control_create(&bench->control, &settings, &why)))
		fail_msg("%s", text_string(&why));
	assert_false(failed(control_start(bench->control)));
}

static void setup(struct bench *bench)
{
	char folder[] = "sluice-control-XXXXXX";

	assert_non_null(mkdtemp(folder));
	setup_in(bench, folder);
}

static void teardown(struct bench *bench)
{
	control_stop(bench->control);
	control_destroy(bench->control);
	/* The socket is gone too. */
	assert_int_equal(rmdir(bench->folder), 0);
	sem_destroy(&bench->question);
	sem_destroy(&bench->answered);
	free(bench->answer);
}

static int dial(struct bench *bench)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%.90s/%s", bench->folder,
	        CONTROL_SOCKET);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* Waits until the question is with the spooler. */
static struct request *question(struct bench *bench)
{
	assert_int_equal(sem_wait(&bench->question), 0);
	return bench->asked;
}

static void reply(struct bench *bench)
{
	assert_int_equal(sem_post(&bench->answered), 0);
}

/* Waits until so many lines have come; all that came, NUL-terminated. */
static const char *answer(struct bench *bench, int fd, size_t lines)
{
	size_t bytes = 0;
	size_t got_lines = 0;

	while (got_lines < lines) {
		ssize_t got = recv(fd, bench->answer + bytes, ANSWER_BYTES - bytes - 1, 0);

		assert_true(got > 0);
		for (size_t i = 0; i < (size_t)got; i++)
			got_lines += bench->answer[bytes + i] == '\n';
		bytes += (size_t)got;
	}
	bench->answer[bytes] = '\0';
	return bench->answer;
}

static void put_row(struct request *request, uint64_t id, const char *from, const char *note)
{
	const struct request_recipient recipients[] = {
		{ VIEW("x@y.test"), VIEW("deferred"), view_of(note) },
		{ VIEW("z@y.test"), VIEW("deferred"), VIEW("") },
	};
	const struct request_row row = {
		.id = id,
		.route = VIEW("far"),
		.from = view_of(from),
		.recipients = recipients,
		.recipients_count = 2,
		.bytes = 812,
		.received = { 1795490100000 },
		.state = VIEW("deferred"),
		.attempts = 3,
		.next_attempt = { id == 1 ? 0 : 1795490160123 },
		.reply = view_of(note),
	};

	assert_true(request_put_row(request, &row));
}

static void incidents_are_told(void **state)
{
	(void)state;
	struct bench bench;
	struct incident_book *book = calloc(1, sizeof *book);
	struct incident news = {
		.cause = CAUSE_SEND_AS_DENIED,
		.scope = SCOPE_IDENTITY,
		.route = "far",
		.identity = "m@c.test",
		.sender = "s@c.test",
		.first = { 1795490100000 },
		.last = { 1795490160123 },
		.count = 7,
		.reply = "550 5.7.60 \"no\"",
		.advice = "Grant it.",
	};
	bool opened;

	setup(&bench);
	assert_non_null(book);
	(void)incident_book_raise(book, &news, &opened);
	news.identity[0] = '\0';
	news.sender[0] = '\0';
	news.cause = CAUSE_IP_BLOCKED;
	news.first = (struct wall){ 1795490000000 };
	(void)incident_book_raise(book, &news, &opened);
	(void)incident_book_close(book, &news, (struct wall){ 1795490200000 });
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"incidents\"}\n");
	assert_false(question(&bench)->all);
	request_put_incidents(bench.asked, book, false);
	reply(&bench);
	assert_string_equal(answer(&bench, fd, 2),
	        "{\"ok\":true,\"count\":0,\"under_way\":0,\"rows\":1,\"more\":false}\n"
	        "{\"state\":\"open\",\"cause\":\"send_as_denied\",\"scope\":\"identity\","
	        "\"route\":\"far\",\"identity\":\"m@c.test\",\"sender\":\"s@c.test\","
	        "\"count\":7,\"first\":\"2026-11-24T03:15:00.000Z\","
	        "\"last\":\"2026-11-24T03:16:00.123Z\",\"closed\":null,\"next_try\":null,"
	        "\"reply\":\"550 5.7.60 \\\"no\\\"\",\"advice\":\"Grant it.\","
	        "\"command\":\"Add-RecipientPermission s@c.test -Trustee m@c.test -AccessRights "
	        "SendAs\"}\n");
	say(fd, "{\"verb\":\"incidents\",\"all\":true}\n");
	assert_true(question(&bench)->all);
	request_put_incidents(bench.asked, book, true);
	reply(&bench);
	const char *both = answer(&bench, fd, 3);
	const char *second = strstr(both, "\"state\":\"closed\",\"cause\":\"ip_blocked\"");
	assert_non_null(second);
	assert_true(second > strstr(both, "\"state\":\"open\""));
	assert_non_null(strstr(second, "\"identity\":null,\"sender\":null,\"count\":7"));
	assert_non_null(strstr(second, "\"closed\":\"2026-11-24T03:16:40.000Z\""));
	assert_non_null(strstr(second, "\"command\":null}"));
	close(fd);
	free(book);
	teardown(&bench);
}

static void the_socket_is_ours_alone(void **state)
{
	(void)state;
	struct bench bench;
	struct stat status;
	char path[256];

	setup(&bench);
	snprintf(path, sizeof path, "%s/%s", bench.folder, CONTROL_SOCKET);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	teardown(&bench);
}

static void a_question_is_answered(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench);
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"count\"}\n");
	struct request *request = question(&bench);
	assert_int_equal(request->verb, REQUEST_COUNT);
	request->count = 7;
	reply(&bench);
	assert_string_equal(answer(&bench, fd, 1),
	        "{\"ok\":true,\"count\":7,\"under_way\":0,\"rows\":0,\"more\":false}\n");
	/* The next on the same connection, with all that a question can have. */
	say(fd, "{\"verb\":\"hold\",\"ids\":[\"0000000000001\",\"1Z\"],\"route\":\"far\","
	        "\"from\":\"a@b\",\"to\":\"@c\"}\n");
	request = question(&bench);
	assert_int_equal(request->verb, REQUEST_HOLD);
	assert_int_equal(request->ids_count, 2);
	assert_int_equal(request->ids[0], 1);
	assert_int_equal(request->ids[1], 63);
	assert_false(request->all);
	assert_true(view_equal(request->filter.route, VIEW("far")));
	assert_true(view_equal(request->filter.from, VIEW("a@b")));
	assert_true(view_equal(request->filter.to, VIEW("@c")));
	assert_true(request->filter.by_route);
	assert_true(request->filter.by_from);
	assert_true(request->filter.by_to);
	request->result = err_make(ERR_LIMIT, 0);
	reply(&bench);
	assert_string_equal(
	        answer(&bench, fd, 1), "{\"ok\":false,\"error\":\"a limit was reached\"}\n");
	close(fd);
	teardown(&bench);
}

static void rows_read_as_list_prints_them(void **state)
{
	(void)state;
	struct bench bench;
	char id[MESSAGE_ID_TEXT];
	char wanted[1024];

	setup(&bench);
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"list\",\"after\":\"0000000000009\"}\n");
	struct request *request = question(&bench);
	assert_int_equal(request->after, 9);
	assert_int_equal(request->after_number, UINT16_MAX);
	put_row(request, 10, "a@b.test", "451 4.7.1 \"later\"\n\xff");
	put_row(request, 1, "", "");
	request->more = true;
	reply(&bench);
	const char *text = answer(&bench, fd, 3);
	snprintf(wanted, sizeof wanted,
	        "{\"ok\":true,\"count\":0,\"under_way\":0,\"rows\":2,\"more\":true}\n"
	        "{\"id\":\"%s\",\"job\":0,\"route\":\"far\",\"from\":\"a@b.test\","
	        "\"recipients\":[\"x@y.test\",\"z@y.test\"],\"bytes\":812,"
	        "\"received\":\"2026-11-24T03:15:00.000Z\",\"state\":\"deferred\","
	        "\"attempts\":3,\"next_attempt\":\"2026-11-24T03:16:00.123Z\","
	        "\"reply\":\"451 4.7.1 \\\"later\\\"\\u000a\\ufffd\",\"in_doubt\":false}\n",
	        message_id_format(10, id));
	assert_int_equal(strncmp(text, wanted, strlen(wanted)), 0);
	assert_non_null(strstr(text, "\"from\":\"\",\"recipients\""));
	assert_non_null(strstr(text, "\"next_attempt\":null,\"reply\":null,\"in_doubt\":false}"));
	close(fd);
	teardown(&bench);
}

static void show_tells_each_recipient(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench);
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"show\",\"ids\":[\"A\"]}\n");
	struct request *request = question(&bench);
	put_row(request, 10, "a@b.test", "450 4.2.1 busy");
	reply(&bench);
	const char *text = answer(&bench, fd, 2);
	json_t *row = json_loads(strchr(text, '\n'), 0, NULL);
	assert_non_null(row);
	json_t *owed = json_object_get(row, "owed");
	assert_int_equal(json_array_size(owed), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(owed, 0), "reply")),
	        "450 4.2.1 busy");
	assert_true(json_is_null(json_object_get(json_array_get(owed, 1), "reply")));
	json_decref(row);
	close(fd);
	teardown(&bench);
}

/* More than a socket takes at once, to a client that reads late. */
static void a_long_answer_arrives_whole(void **state)
{
	(void)state;
	struct bench bench;
	static char note[2048];

	memset(note, '\x01', sizeof note - 1);
	setup(&bench);
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"list\"}\n");
	struct request *request = question(&bench);
	for (uint64_t id = 1; id <= 100; id++)
		put_row(request, id, "a@b.test", note);
	reply(&bench);
	const char *text = answer(&bench, fd, 101);
	assert_true(strlen(text) > 1 << 20);
	size_t rows = 0;
	for (const char *at = strchr(text, '\n') + 1; *at != '\0'; at = strchr(at, '\n') + 1) {
		json_t *row = json_loadb(at, (size_t)(strchr(at, '\n') - at), 0, NULL);

		assert_non_null(row);
		json_decref(row);
		rows++;
	}
	assert_int_equal(rows, 100);
	/* All of it was given back. */
	say(fd, "{\"verb\":\"count\"}\n");
	question(&bench);
	reply(&bench);
	answer(&bench, fd, 1);
	close(fd);
	teardown(&bench);
}

static const char *const nonsense[] = {
	"\n",
	"hello\n",
	"[]\n",
	"{}\n",
	"{\"verb\":7}\n",
	"{\"verb\":\"fly\"}\n",
	"{\"verb\":\"hold\"}\n",
	"{\"verb\":\"hold\",\"ids\":[]}\n",
	"{\"verb\":\"hold\",\"ids\":[1]}\n",
	"{\"verb\":\"hold\",\"ids\":[\"U\"]}\n",
	"{\"verb\":\"hold\",\"ids\":[\"1\"],\"all\":true}\n",
	"{\"verb\":\"show\",\"ids\":[\"1\",\"2\"]}\n",
	"{\"verb\":\"show\",\"all\":true}\n",
	"{\"verb\":\"list\",\"after\":\"?\"}\n",
	"{\"verb\":\"remove\",\"all\":true,\"to\":\"\"}\n",
	"{\"verb\":\"remove\",\"all\":true,\"route\":\"\"}\n",
	"{\"verb\":\"remove\",\"all\":true,\"from\":null}\n",
	"{\"verb\":\"remove\",\"all\":true,\"to\":[\"a@b\"]}\n",
	"{\"verb\":\"list\",\"verb\":\"count\"}\n",
	"{\"verb\":\"list\"\n",
	"\xff\xfe\n",
};

static void nonsense_is_refused(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench);
	int fd = dial(&bench);
	for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
		say(fd, nonsense[i]);
		const char *text = answer(&bench, fd, 1);
		if (strncmp(text, "{\"ok\":false,\"error\":\"", 21) != 0)
			fail_msg("%s: %s", nonsense[i], text);
	}
	say(fd, "{\"verb\":\"count\"}\n");
	question(&bench);
	reply(&bench);
	answer(&bench, fd, 1);
	close(fd);
	teardown(&bench);
}

static void a_line_comes_byte_by_byte(void **state)
{
	(void)state;
	struct bench bench;
	const char *line = "{\"verb\":\"count\"}\n";
	const struct timespec moment = { .tv_nsec = 500000 };

	setup(&bench);
	int fd = dial(&bench);
	for (size_t i = 0; line[i] != '\0'; i++) {
		assert_int_equal(send(fd, line + i, 1, 0), 1);
		nanosleep(&moment, NULL);
	}
	question(&bench);
	reply(&bench);
	answer(&bench, fd, 1);
	close(fd);
	teardown(&bench);
}

static void two_lines_at_once_are_two_questions(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench);
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"count\"}\n{\"verb\":\"list\"}\n");
	assert_int_equal(question(&bench)->verb, REQUEST_COUNT);
	reply(&bench);
	answer(&bench, fd, 1);
	assert_int_equal(question(&bench)->verb, REQUEST_LIST);
	reply(&bench);
	answer(&bench, fd, 1);
	close(fd);
	teardown(&bench);
}

static void a_line_without_end_is_cut_off(void **state)
{
	(void)state;
	struct bench bench;
	static char flood[CONTROL_QUESTION_BYTES + 5000];
	char byte;

	memset(flood, 'x', sizeof flood);
	setup(&bench);
	int fd = dial(&bench);
	assert_true(send(fd, flood, sizeof flood, MSG_NOSIGNAL) > 0);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	teardown(&bench);
}

static void clients_wait_for_each_other(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench);
	int first = dial(&bench);
	int second = dial(&bench);
	say(first, "{\"verb\":\"count\"}\n");
	struct request *request = question(&bench);
	say(second, "{\"verb\":\"list\"}\n");
	request->count = 1;
	reply(&bench);
	assert_non_null(strstr(answer(&bench, first, 1), "\"count\":1"));
	request = question(&bench);
	assert_int_equal(request->verb, REQUEST_LIST);
	reply(&bench);
	answer(&bench, second, 1);
	close(first);
	close(second);
	teardown(&bench);
}

static void who_is_gone_gets_no_answer(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench);
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"count\"}\n");
	question(&bench);
	close(fd);
	reply(&bench);
	fd = dial(&bench);
	say(fd, "{\"verb\":\"list\"}\n");
	assert_int_equal(question(&bench)->verb, REQUEST_LIST);
	reply(&bench);
	answer(&bench, fd, 1);
	close(fd);
	teardown(&bench);
}

static void too_many_are_turned_away(void **state)
{
	(void)state;
	struct bench bench;
	int fds[CONTROL_CLIENTS_MAX + 1];
	char byte;

	setup(&bench);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = dial(&bench);
		say(fds[i], "x\n");
		answer(&bench, fds[i], 1);
	}
	fds[CONTROL_CLIENTS_MAX] = dial(&bench);
	assert_int_equal(recv(fds[CONTROL_CLIENTS_MAX], &byte, 1, 0), 0);
	for (size_t i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	teardown(&bench);
}

static void an_engine_that_ends_says_so(void **state)
{
	(void)state;
	struct bench bench;

	setup(&bench);
	bench.closed = true;
	int fd = dial(&bench);
	say(fd, "{\"verb\":\"count\"}\n");
	assert_non_null(strstr(answer(&bench, fd, 1), "the engine is ending"));
	/* Stopping with a client here, who has said half a line. */
	say(fd, "{\"verb\"");
	teardown(&bench);
	close(fd);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	(void)state;
	char why_bytes[256];
	struct text why = TEXT_ON(why_bytes);
	struct control *control = NULL;
	const struct control_settings settings = {
		.folder = "no/such/folder",
		.io = { .entries = 64, .buffer_count = 64, .buffer_bytes = 4096 },
		.ask = ask,
	};

	assert_true(failed(control_create(&control, &settings, &why)));
	assert_null(control);
	assert_non_null(strstr(text_string(&why), "no/such/folder/control.sock: No such file"));
	control_destroy(NULL);
}

/* A socket's address holds 107 bytes; a spool may lie deeper. */
static void a_long_path_is_reached(void **state)
{
	(void)state;
	struct bench bench;
	char name[121];
	char buffer[CONTROL_ADDRESS_BYTES];
	int folder;

	memset(name, 'd', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(mkdir(name, 0700), 0);
	assert_string_equal(control_talk_address("short", &folder, buffer), "short/control.sock");
	assert_int_equal(folder, -1);
	assert_true(strlen(control_talk_address(name, &folder, buffer)) < 107);
	assert_true(folder >= 0);
	setup_in(&bench, name);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%.100s", buffer);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	say(fd, "{\"verb\":\"count\"}\n");
	question(&bench);
	reply(&bench);
	answer(&bench, fd, 1);
	close(fd);
	close(folder);
	teardown(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(incidents_are_told),
		cmocka_unit_test(the_socket_is_ours_alone),
		cmocka_unit_test(a_question_is_answered),
		cmocka_unit_test(rows_read_as_list_prints_them),
		cmocka_unit_test(show_tells_each_recipient),
		cmocka_unit_test(a_long_answer_arrives_whole),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_line_comes_byte_by_byte),
		cmocka_unit_test(two_lines_at_once_are_two_questions),
		cmocka_unit_test(a_line_without_end_is_cut_off),
		cmocka_unit_test(clients_wait_for_each_other),
		cmocka_unit_test(who_is_gone_gets_no_answer),
		cmocka_unit_test(too_many_are_turned_away),
		cmocka_unit_test(an_engine_that_ends_says_so),
		cmocka_unit_test(a_folder_that_is_not_there_is_told),
		cmocka_unit_test(a_long_path_is_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
