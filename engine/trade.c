#include "engine/trade.h"

#include "engine/io/tube.h"
#include "queue/base/check.h"

#include <assert.h>
#include <stddef.h>

struct secret_ask {
	uint64_t serial;
	uint16_t route;
	uint16_t identity;
	uint8_t mechanism;
	uint8_t refused;
	uint8_t again;
};

/* Then the words, and the secret. */
struct secret_answer {
	struct err err;
	int64_t wait_ns;
	uint64_t serial;
	const char *advice;
	const char *hint;
	uint32_t why_bytes;
	uint32_t bytes;
	bool transient;
};

/* Then the user, and the password. */
struct password_ask {
	struct endpoint client;
	uint16_t door;
	uint16_t user_bytes;
	uint16_t password_bytes;
	uint8_t may_relay;
};

struct password_reply {
	struct guesses_ruling ruling;
	enum password_answer answer;
};

static_assert(sizeof(struct secret_answer) + KEEPER_WHY_BYTES + KEEPER_ARGUMENT_MAX + 64 <=
                      TUBE_PACKET_MAX,
        "the longest answer fits");

static void put(struct span *into, const void *bytes, size_t count)
{
	check(count <= into->bytes);
	memcpy(into->data, bytes, count);
	*into = (struct span){ into->data + count, into->bytes - count };
}

/* False: there are not so many. */
static bool take(struct view *from, void *bytes, size_t count)
{
	if (from->bytes < count)
		return false;
	memcpy(bytes, from->data, count);
	*from = view_skip(*from, count);
	return true;
}

/* Secrets. */

static struct keeper_ask *secret_of(const struct helper_ask *ask)
{
	return container_of((struct helper_ask *)(uintptr_t)ask, struct keeper_ask, ask);
}

static size_t put_secret_ask(
        const struct config *config, const struct helper_ask *helper_ask, struct span into)
{
	const struct keeper_ask *ask = secret_of(helper_ask);
	struct secret_ask out = {
		.serial = ask->serial,
		.mechanism = (uint8_t)ask->mechanism,
		.refused = ask->refused,
		.again = ask->again,
	};

	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_identities *of = &config->routes.at[i].identities;

		if (ask->identity < of->at || ask->identity >= of->at + of->count)
			continue;
		out.route = (uint16_t)i;
		out.identity = (uint16_t)(ask->identity - of->at);
		put(&into, &out, sizeof out);
		return sizeof out;
	}
	check(false);
	return 0;
}

static bool take_secret_ask(
        const struct config *config, struct view packet, struct helper_ask *helper_ask)
{
	struct keeper_ask *ask = secret_of(helper_ask);
	struct secret_ask in;

	if (!take(&packet, &in, sizeof in) || packet.bytes > 0 ||
	        in.route >= config->routes.count ||
	        in.identity >= config->routes.at[in.route].identities.count ||
	        in.mechanism >= SIGNIN_MECHANISM_COUNT || in.mechanism == SIGNIN_NONE)
		return false; /* the secret as it is goes to no engine */
	ask->identity = &config->routes.at[in.route].identities.at[in.identity];
	ask->mechanism = in.mechanism;
	ask->serial = in.serial;
	ask->refused = in.refused != 0;
	ask->again = in.again != 0;
	atomic_store(&ask->given_up, false);
	return true;
}

static size_t put_secret_answer(const struct helper_ask *helper_ask, struct span into)
{
	const struct keeper_ask *ask = secret_of(helper_ask);
	struct secret_answer out;

	memset(&out, 0, sizeof out); /* no byte of ours goes with it, between the fields */
	out.err = ask->err;
	out.wait_ns = ask->wait_ns;
	out.serial = ask->serial;
	out.advice = ask->advice;
	out.hint = ask->hint;
	out.why_bytes = (uint32_t)strlen(ask->why);
	out.bytes = (uint32_t)ask->bytes;
	out.transient = ask->transient;
	put(&into, &out, sizeof out);
	put(&into, ask->why, out.why_bytes);
	put(&into, ask->secret, out.bytes);
	return sizeof out + out.why_bytes + out.bytes;
}

static bool take_secret_answer(struct view packet, struct helper_ask *helper_ask)
{
	struct keeper_ask *ask = secret_of(helper_ask);
	struct secret_answer in;

	if (!take(&packet, &in, sizeof in) || in.why_bytes >= sizeof ask->why ||
	        in.bytes > sizeof ask->secret || packet.bytes != (size_t)in.why_bytes + in.bytes)
		return false;
	ask->err = in.err;
	ask->transient = in.transient;
	ask->wait_ns = in.wait_ns;
	ask->serial = in.serial;
	ask->advice = in.advice;
	ask->hint = in.hint;
	ask->bytes = in.bytes;
	const bool whole =
	        take(&packet, ask->why, in.why_bytes) && take(&packet, ask->secret, in.bytes);
	ask->why[in.why_bytes] = '\0';
	return whole;
}

static bool secret_is_given_up(const struct helper_ask *ask)
{
	return atomic_load(&secret_of(ask)->given_up);
}

static void refuse_secret(struct helper_ask *helper_ask)
{
	struct keeper_ask *ask = secret_of(helper_ask);
	struct text why = TEXT_ON(ask->why);

	ask->err = err_make(ERR_CANCELLED, 0);
	ask->transient = true;
	ask->wait_ns = 0;
	ask->advice = NULL;
	ask->hint = NULL;
	ask->bytes = 0;
	text_put(&why, VIEW("nobody is there to give the secret"));
	(void)text_string(&why);
}

static void wipe_secret(struct helper_ask *ask)
{
	keeper_wipe(secret_of(ask));
}

const struct trade trade_secrets = {
	.put_ask = put_secret_ask,
	.take_ask = take_secret_ask,
	.put_answer = put_secret_answer,
	.take_answer = take_secret_answer,
	.is_given_up = secret_is_given_up,
	.refuse = refuse_secret,
	.wipe = wipe_secret,
	.copy_bytes = sizeof(struct keeper_ask),
};

/* Passwords. */

static struct password_check *check_of(const struct helper_ask *ask)
{
	return container_of((struct helper_ask *)(uintptr_t)ask, struct password_check, ask);
}

static size_t put_password_ask(
        const struct config *config, const struct helper_ask *ask, struct span into)
{
	const struct password_check *question = check_of(ask);
	const struct password_ask out = {
		.client = *question->client,
		.door = question->door,
		.user_bytes = (uint16_t)question->user.bytes,
		.password_bytes = (uint16_t)question->password.bytes,
		.may_relay = question->may_relay,
	};

	(void)config;
	check(question->user.bytes + question->password.bytes <= SIGNIN_MEMORY_BYTES);
	put(&into, &out, sizeof out);
	put(&into, question->user.data, out.user_bytes);
	put(&into, question->password.data, out.password_bytes);
	return sizeof out + out.user_bytes + out.password_bytes;
}

static bool take_password_ask(
        const struct config *config, struct view packet, struct helper_ask *ask)
{
	struct password_check *question = check_of(ask);
	struct trade_check *copy = container_of(question, struct trade_check, check);
	struct password_ask in;

	if (!take(&packet, &in, sizeof in) || in.door >= config->listeners.count ||
	        config->listeners.at[in.door].users_file == NULL ||
	        packet.bytes != (size_t)in.user_bytes + in.password_bytes ||
	        packet.bytes > sizeof copy->memory)
		return false;
	memcpy(copy->memory, packet.data, packet.bytes);
	copy->client = in.client;
	question->door = in.door;
	question->user = view_from(copy->memory, in.user_bytes);
	question->password = view_from(copy->memory + in.user_bytes, in.password_bytes);
	question->client = &copy->client;
	question->may_relay = in.may_relay != 0;
	question->answer = PASSWORD_WRONG;
	question->ruling = (struct guesses_ruling){ .bar = GUESSES_BAR_NONE };
	return true;
}

static size_t put_password_answer(const struct helper_ask *ask, struct span into)
{
	const struct password_check *question = check_of(ask);
	struct password_reply out;

	memset(&out, 0, sizeof out);
	out.ruling = question->ruling;
	out.answer = question->answer;
	put(&into, &out, sizeof out);
	return sizeof out;
}

static bool take_password_answer(struct view packet, struct helper_ask *ask)
{
	struct password_check *question = check_of(ask);
	struct password_reply in;

	if (!take(&packet, &in, sizeof in) || packet.bytes > 0)
		return false;
	question->ruling = in.ruling;
	question->answer = in.answer;
	return true;
}

static bool password_is_given_up(const struct helper_ask *ask)
{
	(void)ask;
	return false; /* a hash takes a second at most */
}

static void refuse_password(struct helper_ask *ask)
{
	struct password_check *question = check_of(ask);

	question->answer = PASSWORD_UNSEEN;
	question->ruling = (struct guesses_ruling){ .bar = GUESSES_BAR_NONE };
}

static void wipe_password(struct helper_ask *ask)
{
	struct trade_check *copy = container_of(check_of(ask), struct trade_check, check);

	crypto_wipe(copy->memory, sizeof copy->memory);
}

const struct trade trade_passwords = {
	.put_ask = put_password_ask,
	.take_ask = take_password_ask,
	.put_answer = put_password_answer,
	.take_answer = take_password_answer,
	.is_given_up = password_is_given_up,
	.refuse = refuse_password,
	.wipe = wipe_password,
	.copy_bytes = sizeof(struct trade_check),
};
