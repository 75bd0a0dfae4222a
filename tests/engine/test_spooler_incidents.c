/* The book of incidents: told by shards, kept on disk, read at the start, listed for operators. */
#include "tests/engine/star.h"

#include "engine/request.h"

#include <sys/stat.h>

static const char with_identity[] =
        "routes:\n"
        "  - {name: first, interface: connector, host: 127.0.0.1, sessions: 2, pipeline: 2,\n"
        "     identities: [{user: m@c.test, secret_file: incidents-secret}]}\n";

static struct incident_sheet sheet_of(enum cause cause, const char *identity)
{
	struct incident_sheet sheet = {
		.incident = {
			.cause = cause,
			.scope = SCOPE_IDENTITY,
			.route = "first",
			.first = { 1000 },
			.last = { 2000 },
			.count = 3,
		},
	};

	incident_set(sheet.incident.identity, sizeof sheet.incident.identity, view_of(identity));
	return sheet;
}

static void tell(struct star *star, struct incident_sheet *sheet)
{
	const struct letter letter = { .kind = LETTER_INCIDENT, .sheet = sheet };
	const size_t before = star->sheets;

	star_send(star, &star->delivery.to_spooler, &letter);
	star_turn(star);
	assert_int_equal(star->sheets, before + 1); /* it is read, whatever the disk does */
}

/* Until all of the book is on disk. */
static void turn_pages(struct star *star)
{
	for (int i = 0;
	        i < 1000 && (star->spooler->book.dirty_count > 0 || star->spooler->page_turning);
	        i++)
		star_turn(star);
	assert_int_equal(star->spooler->book.dirty_count, 0);
}

static struct request *list(struct star *star, bool all)
{
	static struct request *request;
	const struct letter letter = { .kind = LETTER_REQUEST };
	struct letter asked = letter;

	request_destroy(request);
	star_assert_ok(request_create(&request));
	request_reset(request, REQUEST_INCIDENTS);
	request->all = all;
	asked.request = request;
	star_send(star, &star->requests, &asked);
	for (int i = 0; i < 10 && !request_wait(request, 0); i++)
		star_turn(star);
	star_assert_ok(request->result);
	return request;
}

static void test_told_kept_listed(void **state)
{
	struct incident_sheet sheet = sheet_of(CAUSE_AUTH_DISABLED, "m@c.test");
	struct star star;

	(void)state;
	star_open(&star, with_identity);
	assert_int_equal(list(&star, true)->incidents_count, 0);
	tell(&star, &sheet);
	sheet.incident.last = (struct wall){ 9000 };
	tell(&star, &sheet);
	turn_pages(&star);
	star_restart(&star, with_identity);
	const struct request *open = list(&star, false);
	assert_int_equal(open->incidents_count, 1);
	assert_int_equal(open->incidents[0].count, 6);
	assert_int_equal(open->incidents[0].first.ms, 1000);
	assert_int_equal(open->incidents[0].last.ms, 9000);
	/* Over; what is told of both is both. */
	sheet.over = true;
	sheet.incident.count = 1;
	tell(&star, &sheet);
	assert_int_equal(list(&star, false)->incidents_count, 0);
	const struct request *all = list(&star, true);
	assert_int_equal(all->incidents_count, 1);
	assert_int_equal(all->incidents[0].count, 7);
	assert_true(all->incidents[0].closed.ms > 0);
	tell(&star, &sheet); /* a shard that didn't know */
	turn_pages(&star);
	star_restart(&star, with_identity);
	assert_int_equal(list(&star, false)->incidents_count, 0);
	assert_int_equal(list(&star, true)->incidents_count, 1);
	star_close(&star);
}

static void test_what_is_not_configured_is_over(void **state)
{
	struct incident_sheet mailbox = sheet_of(CAUSE_AUTH_DISABLED, "m@c.test");
	struct incident_sheet route = sheet_of(CAUSE_IP_BLOCKED, "");
	struct star star;

	(void)state;
	star_open(&star, with_identity);
	tell(&star, &mailbox);
	tell(&star, &route);
	turn_pages(&star);
	star_restart(&star, star_routes);
	const struct request *open = list(&star, false);
	assert_int_equal(open->incidents_count, 1);
	assert_int_equal(open->incidents[0].cause, CAUSE_IP_BLOCKED);
	assert_int_equal(list(&star, true)->incidents_count, 2);
	star_close(&star);
}

static void test_draining_keeps_the_book(void **state)
{
	struct incident_sheet sheets[20];
	struct star star;

	(void)state;
	star_open(&star, with_identity);
	for (int i = 0; i < 20; i++) {
		sheets[i] = sheet_of(CAUSE_AUTH_DISABLED, "m@c.test");
		sheets[i].incident.cause = (enum cause)i;
		const struct letter letter = { .kind = LETTER_INCIDENT, .sheet = &sheets[i] };
		star_send(&star, &star.delivery.to_spooler, &letter);
	}
	const struct letter drained = { .kind = LETTER_DRAINED };
	spooler_drain(star.spooler);
	star_turn(&star);
	star_send(&star, &star.delivery.to_spooler, &drained);
	star_send(&star, &star.ingest.to_spooler, &drained);
	for (int i = 0; i < 1000 && spooler_state(star.spooler) != SPOOLER_FINISHED; i++)
		star_turn(&star);
	assert_int_equal(spooler_state(star.spooler), SPOOLER_FINISHED);
	star_restart(&star, with_identity);
	assert_int_equal(list(&star, false)->incidents_count, 20);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_kept_listed),
		cmocka_unit_test(test_what_is_not_configured_is_over),
		cmocka_unit_test(test_draining_keeps_the_book),
	};

	FILE *secret = fopen("incidents-secret", "we");
	if (secret == NULL || fputs("s3cret\n", secret) < 0 || fclose(secret) != 0 ||
	        chmod("incidents-secret", 0600) != 0)
		return 1;
	const int result = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink("incidents-secret");
	return result;
}
