#include "engine/keeper_ends.h"

#include "engine/io/packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Both processes find the same ends, and what goes into one comes out of the other. */
static void assert_joined(int ours, int theirs, bool wanted)
{
	char word;
	size_t bytes;

	assert_int_equal(ours >= 0, wanted);
	assert_int_equal(theirs >= 0, wanted);
	if (!wanted)
		return;
	assert_false(failed(packets_send(ours, VIEW("x"))));
	assert_false(failed(packets_receive(theirs, (struct span){ &word, 1 }, 1000, &bytes)));
}

static void there_are_those_that_are_wanted(void **state)
{
	(void)state;
	for (unsigned wish = 0; wish < 8; wish++) {
		const bool secrets = (wish & 1) != 0;
		const bool passwords = (wish & 2) != 0;
		const bool keys = (wish & 4) != 0;
		const struct config_identity identity = { .user = "a@b.test" };
		const struct config_listener listener = {
			.users_file = passwords ? "users" : NULL,
			.tls = { .certificate = keys ? "a.pem" : NULL,
			        .key = keys ? "a.key" : NULL },
		};
		const struct config_route route = { .identities = { &identity, secrets } };
		const struct config config = { .listeners = { &listener, 1 },
			.routes = { &route, 1 },
			.threads = { .ingest = 2, .delivery = 3 } };
		struct keeper_ends ours;
		struct keeper_ends theirs;

		assert_false(failed(keeper_ends_open(&ours, &theirs, &config)));
		assert_int_equal(keeper_ends_are_empty(&ours), wish == 0);
		assert_int_equal(keeper_ends_are_empty(&theirs), wish == 0);
		assert_joined(ours.life, theirs.life, wish != 0);
		assert_joined(ours.secrets, theirs.secrets, secrets);
		assert_joined(ours.passwords, theirs.passwords, passwords);
		assert_int_equal(ours.signer_count, keys ? 5 : 0);
		assert_int_equal(theirs.signer_count, ours.signer_count);
		for (size_t i = 0; i < ours.signer_count; i++)
			assert_joined(ours.signers[i], theirs.signers[i], true);
		keeper_ends_close(&ours);
		keeper_ends_close(&ours);
		keeper_ends_close(&theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_those_that_are_wanted),
	};

	return cmocka_run_group_tests_name("keeper_ends", tests, NULL, NULL);
}
