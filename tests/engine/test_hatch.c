#include "tests/engine/kept.h"

#define ASKS 3

static struct kept kept;

/* What the engine never writes ends the hatch: it is not the engine that writes. */
static void other_packets_end_it(void **state)
{
	static const struct {
		const char *bytes;
		size_t count;
	} rows[] = {
		{ "x", 1 },
		{ "tick", 4 },
		{ "tick and something", 18 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int secrets[2];
		int passwords[2];
		char rest;
		size_t bytes;

		kept_open(&kept);
		assert_false(failed(packets_pair(secrets)));
		assert_false(failed(packets_pair(passwords)));
		kept_open_keeper(&kept, ASKS, secrets[1], passwords[1]);
		int *end = i % 2 == 0 ? &secrets[0] : &passwords[0];
		assert_false(failed(packets_send(*end, view_from(rows[i].bytes, rows[i].count))));
		kept_close_keeper(&kept);
		assert_int_equal(
		        packets_receive(*end, (struct span){ &rest, 1 }, PACKETS_FOR_EVER, &bytes)
		                .code,
		        ERR_CLOSED);
		packets_close(&secrets[0]);
		packets_close(&passwords[0]);
		kept_close(&kept);
	}
}

/* More than may be under way, where nothing is answered: the helper's thread does not run. */
static void too_many_asks_end_it(void **state)
{
	char packet[TUBE_PACKET_MAX] = { 0 };
	struct keeper_ask ask = { .identity = &kept.identities[0], .mechanism = SIGNIN_LOGIN };
	int secrets[2];
	int passwords[2];

	(void)state;
	kept_open(&kept);
	assert_false(failed(packets_pair(secrets)));
	assert_false(failed(packets_pair(passwords)));
	kept_open_keeper(&kept, ASKS, secrets[1], passwords[1]);
	helper_stop(&kept.keeper.helper);
	const size_t bytes = 4 + trade_secrets.put_ask(&kept.house.config, &ask.ask,
	                                 (struct span){ packet + 4, sizeof packet - 4 });
	for (int i = 0; i < ASKS + 1; i++)
		assert_false(failed(packets_send(secrets[0], view_from(packet, bytes))));
	kept_close_keeper(&kept);
	packets_close(&secrets[0]);
	packets_close(&passwords[0]);
	kept_close(&kept);
}

/* The engine goes, however: so does the hatch. */
static void it_ends_with_the_engine(void **state)
{
	int secrets[2];
	int passwords[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		kept_open(&kept);
		assert_false(failed(packets_pair(secrets)));
		assert_false(failed(packets_pair(passwords)));
		kept_open_keeper(&kept, ASKS, secrets[1], passwords[1]);
		packets_close(i == 0 ? &secrets[0] : &passwords[0]);
		kept_close_keeper(&kept);
		packets_close(&secrets[0]);
		packets_close(&passwords[0]);
		kept_close(&kept);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_packets_end_it),
		cmocka_unit_test(too_many_asks_end_it),
		cmocka_unit_test(it_ends_with_the_engine),
	};

	return cmocka_run_group_tests_name("hatch", tests, NULL, NULL);
}
