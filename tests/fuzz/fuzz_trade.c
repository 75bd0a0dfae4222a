/* Asks of the keeper: whatever another process sends, it is refused, or it is what that process
 * writes for the ask that was read, byte for byte where anything hangs on it. */
#include "engine/io/tube.h"
#include "engine/trade.h"
#include "tests/fuzz/fuzz.h"

static const struct config *config_of(void)
{
	static struct config_identity identities[3] = { { .user = "a@b.test" },
		{ .user = "c@b.test" }, { .user = "d@b.test" } };
	static struct config_route routes[2] = { { .identities = { identities, 2 } },
		{ .identities = { identities + 2, 1 } } };
	static struct config_listener listeners[2] = { { .users_file = NULL },
		{ .users_file = "users" } };
	static const struct config config = { .routes = { routes, 2 },
		.listeners = { listeners, 2 } };

	return &config;
}

static void check_secrets(struct view packet)
{
	static char again[TUBE_PACKET_MAX];
	struct keeper_ask ask = { .bytes = 0 };
	const struct config *config = config_of();

	if (!trade_secrets.take_ask(config, packet, &ask.ask))
		return;
	check(ask.mechanism > SIGNIN_NONE);
	check(ask.mechanism < SIGNIN_MECHANISM_COUNT);
	const size_t bytes =
	        trade_secrets.put_ask(config, &ask.ask, (struct span){ again, sizeof again });
	check(bytes == packet.bytes);
	struct keeper_ask other = { .bytes = 0 };
	check(trade_secrets.take_ask(config, view_from(again, bytes), &other.ask));
	check(other.identity == ask.identity);
	check(other.mechanism == ask.mechanism);
	check(other.serial == ask.serial);
	check(other.refused == ask.refused);
	check(other.again == ask.again);
}

static void check_passwords(struct view packet)
{
	static char again[TUBE_PACKET_MAX];
	static struct trade_check copy;
	const struct config *config = config_of();
	struct password_check *question = &copy.check;

	if (!trade_passwords.take_ask(config, packet, &question->ask))
		return;
	check(question->door == 1); /* where somebody signs in */
	check(question->client == &copy.client);
	check(question->user.data == copy.memory);
	check(question->password.data + question->password.bytes <=
	        copy.memory + sizeof copy.memory);
	check(trade_passwords.put_ask(config, &question->ask,
	              (struct span){ again, sizeof again }) == packet.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view packet = view_from(data, bytes);

	if (fuzz_choice(&packet) % 2 == 0)
		check_secrets(packet);
	else
		check_passwords(packet);
	return 0;
}
