/* The ways of a message's recipients: one for all, or one for each. */
#include "tests/engine/ways_bench.h"

static const char routes[] = "routes:\n"
                             "  - {name: far, host: a.test}\n"
                             "  - {name: inside, interface: direct, host: a.test}\n"
                             "accepted_domains: [in.test]\n"
                             "rules:\n"
                             "  - {recipient_domain: in.test, route: inside}\n"
                             "  - {header: 'X-Inside: yes', route: inside}\n";

static const struct row {
	const char *from;
	const char *to;
	const char *header;
	const char *ways; /* a letter each: 0, 1, Kept, Nowhere */
	bool parted;
	const char *rules; /* a letter each: 0, 1, - for none */
} rows[] = {
	{ "a@b.c", "u@x.test", "", "0", false, "-" },
	{ "a@b.c", "u@in.test", "", "1", false, "0" },
	{ "a@b.c", "u@x.test v@x.test w@y.test", "", "000", false, "---" },
	{ "a@b.c", "u@x.test v@in.test w@y.test", "", "010", true, "-0-" },
	{ "a@b.c", "u@in.test v@x.test", "", "10", true, "0-" },
	{ "a@b.c", "u@in.test v@x.test", "X-Inside: yes\r\n", "1N", true, "01" },
	{ "a@b.c", "v@x.test u@y.test", "X-Inside: YES\r\n", "NN", false, "11" },
	{ "", "u@in.test", "", "1", false, "0" },
	{ "", "u@x.test u@in.test", "", "K1", true, "-0" },
	{ "", "u@x.test", "X-Inside: yes\r\n", "N", false, "1" },
};

static void every_row(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench, routes);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct message *message = mail(&bench, row->from, row->to, row->header);
		struct ways ways;
		bool nowhere = true;

		assert_true(ways_find(&ways, bench.config, message, &bench.shelf, 0));
		assert_int_equal(ways.each != NULL, row->parted);
		assert_int_equal(message->recipient_count, strlen(row->ways));
		for (uint32_t j = 0; j < message->recipient_count; j++) {
			const uint16_t way = row->ways[j] == 'N'   ? WAYS_NOWHERE
			                     : row->ways[j] == 'K' ? WAYS_KEPT
			                                           : (uint16_t)(row->ways[j] - '0');
			assert_int_equal(ways_of(&ways, j), way);
			assert_int_equal(ways_at(&ways, j).rule,
			        row->rules[j] == '-' ? ROUTING_NO_RULE : row->rules[j] - '0');
			assert_true(ways_have(&ways, message->recipient_count, way));
			nowhere &= way == WAYS_NOWHERE;
		}
		assert_false(ways_have(&ways, message->recipient_count, 7));
		assert_int_equal(ways_lead_nowhere(&ways, message->recipient_count), nowhere);
		ways_free(&ways, &bench.shelf);
		message_release(message, &bench.shelf);
	}
	bench_close(&bench);
}

/* Nothing is taken where there is no memory for it; one way needs none. */
static void no_memory(void **state)
{
	struct bench bench;
	struct ways ways;
	struct chunk *taken = NULL;
	struct chunk *chunk;

	(void)state;
	bench_open(&bench, routes);
	struct message *one = mail(&bench, "a@b.c", "u@in.test v@in.test", "");
	struct message *two = mail(&bench, "a@b.c", "u@in.test v@x.test", "");
	while ((chunk = shelf_take(&bench.shelf)) != NULL) {
		chunk->next = taken;
		taken = chunk;
	}
	assert_true(ways_find(&ways, bench.config, one, &bench.shelf, 0));
	assert_false(ways_find(&ways, bench.config, two, &bench.shelf, 0));
	assert_null(ways.each);
	while (taken != NULL) {
		chunk = taken;
		taken = MOVE(chunk->next);
		shelf_give(&bench.shelf, chunk);
	}
	assert_true(ways_find(&ways, bench.config, two, &bench.shelf, 0));
	ways_free(&ways, &bench.shelf);
	message_release(one, &bench.shelf);
	message_release(two, &bench.shelf);
	bench_close(&bench);
}

/* Made by hand, without a rulebook: everybody's is the first. */
static void without_rules(void **state)
{
	struct bench bench;
	struct config none = { 0 };
	struct ways ways;

	(void)state;
	bench_open(&bench, "routes: [{host: a.test}]\n");
	struct message *message = mail(&bench, "", "u@in.test v@x.test", "");
	assert_true(ways_find(&ways, &none, message, &bench.shelf, 0));
	assert_int_equal(ways_of(&ways, 1), 0);
	/* With one, the null sender has no way over a connector known by its address. */
	assert_true(ways_find(&ways, bench.config, message, &bench.shelf, 0));
	assert_int_equal(ways_of(&ways, 1), WAYS_KEPT);
	message_release(message, &bench.shelf);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(without_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
