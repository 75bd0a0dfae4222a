/* Who is sent nothing in a rehearsal, and who stands in for all. */
#include "engine/rehearsal.h"
#include "tests/engine/ways_bench.h"

static const char rehearsals[] = "routes:\n"
                                 "  - {name: far, host: a.test}\n"
                                 "  - {name: inside, interface: direct, host: a.test}\n"
                                 "accepted_domains: [in.test]\n"
                                 "rules: [{recipient_domain: in.test, route: inside}]\n"
                                 "streams: [{name: news, header: 'List-Id: *'}]\n"
                                 "rehearsal:\n"
                                 "  - {sender: to@b.c, to: me@x.test}\n"
                                 "  - {sender: some@b.c, only: [me@x.test, '@in.test']}\n"
                                 "  - {stream: news}\n";

static const struct rehearsal_row {
	const char *from;
	const char *to;
	const char *header;
	const char *ways; /* a route each; behind an r: rehearsed */
} rehearsal_rows[] = {
	{ "a@b.c", "u@x.test", "", "0" },
	{ "a@b.c", "u@x.test v@in.test", "List-Id: <n>\r\n", "r0r1" },
	{ "a@b.c", "u@x.test", "List-Id: <n>\r\n", "r0" },
	{ "some@b.c", "ME@x.test u@x.test v@in.test", "", "0r01" },
	{ "some@b.c", "u@x.test w@x.test", "List-Id: <n>\r\n", "r0r0" },
	/* What stands in was said at RCPT: whatever else is there now goes to nobody. */
	{ "to@b.c", "me@x.test", "List-Id: <n>\r\n", "0" },
	{ "to@b.c", "me@x.test u@x.test", "", "0r0" },
};

static void rehearsed(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, rehearsals);
	for (size_t i = 0; i < sizeof rehearsal_rows / sizeof rehearsal_rows[0]; i++) {
		const struct rehearsal_row *row = &rehearsal_rows[i];
		struct message *message = mail(&bench, row->from, row->to, row->header);
		char memory[64];
		struct text found = TEXT_ON(memory);
		struct ways ways;

		assert_true(ways_find(&ways, bench.config, message, &bench.shelf, 0));
		for (uint32_t j = 0; j < message->recipient_count; j++)
			text_format(&found, "%s%u", ways_at(&ways, j).rehearsed ? "r" : "",
			        ways_of(&ways, j));
		assert_string_equal(text_string(&found), row->ways);
		ways_free(&ways, &bench.shelf);
		message_release(message, &bench.shelf);
	}
	bench_close(&bench);
}

static void who_stands_in(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, rehearsals);
	struct message *turned = mail(&bench, "to@b.c", "u@x.test", "");
	struct message *listed = mail(&bench, "some@b.c", "u@x.test", "List-Id: <n>\r\n");
	const struct view stand_in = rehearsal_stand_in(bench.config, turned);
	assert_true(view_equal(stand_in, VIEW("me@x.test")));
	assert_int_equal(rehearsal_stand_in(bench.config, listed).bytes, 0);
	message_release(turned, &bench.shelf);
	message_release(listed, &bench.shelf);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rehearsed),
		cmocka_unit_test(who_stands_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
