#include "tests/engine/kept.h"

#define ASKS 40

static struct kept kept;

static void open_both(void)
{
	int secrets[2];
	int passwords[2];

	kept_open(&kept);
	assert_false(failed(packets_pair(secrets)));
	assert_false(failed(packets_pair(passwords)));
	kept_open_keeper(&kept, ASKS, secrets[1], passwords[1]);
	kept_open_engine(&kept, ASKS, secrets[0], passwords[0]);
}

static void close_both(void)
{
	kept_close_engine(&kept);
	kept_close_keeper(&kept);
	kept_close(&kept);
}

/* As many as may be under way, several times: each gets its own answer. */
static void every_ask_has_its_answer(void **state)
{
	static struct keeper_ask asks[ASKS];

	(void)state;
	open_both();
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ASKS; i++) {
			asks[i].identity = &kept.identities[0];
			asks[i].mechanism = SIGNIN_LOGIN;
			helper_ask(&kept.secrets.helper, 0, &asks[i].ask);
		}
		kept_await(&kept, &kept.secrets, ASKS);
		for (size_t i = 0; i < ASKS; i++) {
			assert_false(failed(asks[i].err));
			assert_int_equal(asks[i].bytes, strlen(KEPT_ARGUMENT));
			assert_memory_equal(asks[i].secret, KEPT_ARGUMENT, asks[i].bytes);
			keeper_wipe(&asks[i]);
		}
	}
	asks[0].identity = &kept.identities[1];
	helper_ask(&kept.secrets.helper, 0, &asks[0].ask);
	kept_await(&kept, &kept.secrets, 1);
	assert_true(failed(asks[0].err));
	assert_non_null(asks[0].advice);
	assert_non_null(strstr(asks[0].why, "nowhere"));
	close_both();
}

/* And no packet, nor the room for it, keeps what went through. */
static void passwords_are_checked_elsewhere(void **state)
{
	static const char *const words[] = { "secret", "wrong", "" };
	struct endpoint client;
	struct password_check checks[sizeof words / sizeof words[0]] = { 0 };
	const size_t count = sizeof words / sizeof words[0];

	(void)state;
	open_both();
	assert_true(endpoint_parse_address(VIEW("192.0.2.1"), &client));
	for (size_t i = 0; i < count; i++) {
		checks[i].user = VIEW("anna");
		checks[i].password = view_of(words[i]);
		checks[i].client = &client;
		helper_ask(&kept.checks.helper, 0, &checks[i].ask);
	}
	kept_await(&kept, &kept.checks, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(checks[i].answer, i == 0 ? PASSWORD_RIGHT : PASSWORD_WRONG);
	kept_close_engine(&kept);
	assert_null(memmem(&kept.checks, sizeof kept.checks, "secret", strlen("secret")));
	kept_close_keeper(&kept);
	kept_close(&kept);
}

/* The keeper is gone: whoever waits is told, and whoever comes. */
static void without_a_keeper_all_are_refused(void **state)
{
	static struct keeper_ask asks[ASKS];
	int secrets[2];
	int passwords[2];

	(void)state;
	kept_open(&kept);
	assert_false(failed(packets_pair(secrets)));
	assert_false(failed(packets_pair(passwords)));
	kept_open_engine(&kept, ASKS, secrets[0], passwords[0]);
	for (size_t i = 0; i < ASKS / 2; i++) {
		asks[i] = (struct keeper_ask){ .identity = &kept.identities[0],
			.mechanism = SIGNIN_LOGIN };
		helper_ask(&kept.secrets.helper, 0, &asks[i].ask);
	}
	packets_close(&secrets[1]);
	kept_await(&kept, &kept.secrets, ASKS / 2);
	for (size_t i = ASKS / 2; i < ASKS; i++) {
		asks[i] = (struct keeper_ask){ .identity = &kept.identities[0],
			.mechanism = SIGNIN_LOGIN };
		helper_ask(&kept.secrets.helper, 0, &asks[i].ask);
	}
	kept_await(&kept, &kept.secrets, ASKS / 2);
	for (size_t i = 0; i < ASKS; i++) {
		assert_int_equal(asks[i].err.code, ERR_CANCELLED);
		assert_true(asks[i].transient);
		assert_int_equal(asks[i].bytes, 0);
	}
	kept_close_engine(&kept);
	packets_close(&passwords[1]);
	kept_close(&kept);
}

/* Who gives up is answered, though the keeper is silent; its late answer reaches nobody else. */
static void late_answers_are_nobodys(void **state)
{
	static struct keeper_ask asks[2];
	char packet[TUBE_PACKET_MAX];
	size_t bytes;
	int secrets[2];
	int passwords[2];

	(void)state;
	kept_open(&kept);
	assert_false(failed(packets_pair(secrets)));
	assert_false(failed(packets_pair(passwords)));
	kept_open_engine(&kept, 1, secrets[0], passwords[0]);
	asks[0] = (struct keeper_ask){ .identity = &kept.identities[0], .mechanism = SIGNIN_LOGIN };
	kept_ask(&kept.secrets, &asks[0].ask);
	assert_false(failed(packets_receive(
	        secrets[1], (struct span){ packet, sizeof packet }, PACKETS_FOR_EVER, &bytes)));
	atomic_store(&asks[0].given_up, true);
	kept_await(&kept, &kept.secrets, 1);
	assert_int_equal(asks[0].err.code, ERR_CANCELLED);
	/* There is one ticket, and it is not free yet. */
	asks[1] = (struct keeper_ask){ .identity = &kept.identities[0], .mechanism = SIGNIN_LOGIN };
	kept_ask(&kept.secrets, &asks[1].ask);
	struct keeper_ask answer = { .bytes = 4, .secret = "late" };
	for (int i = 0; i < 2; i++) {
		uint32_t ticket;
		memcpy(&ticket, packet, sizeof ticket);
		bytes = sizeof ticket + trade_secrets.put_answer(&answer.ask,
		                                (struct span){ packet + sizeof ticket,
		                                        sizeof packet - sizeof ticket });
		assert_false(failed(packets_send(secrets[1], view_from(packet, bytes))));
		if (i == 1)
			break;
		assert_false(failed(packets_receive(secrets[1],
		        (struct span){ packet, sizeof packet }, PACKETS_FOR_EVER, &bytes)));
		memcpy(answer.secret, "good", 4);
	}
	kept_await(&kept, &kept.secrets, 1);
	assert_false(failed(asks[1].err));
	assert_memory_equal(asks[1].secret, "good", 4);
	kept_close_engine(&kept);
	packets_close(&secrets[1]);
	packets_close(&passwords[1]);
	kept_close(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_ask_has_its_answer),
		cmocka_unit_test(passwords_are_checked_elsewhere),
		cmocka_unit_test(without_a_keeper_all_are_refused),
		cmocka_unit_test(late_answers_are_nobodys),
	};

	return cmocka_run_group_tests_name("courier", tests, NULL, NULL);
}
