#include "engine/passwords.h"

#include "queue/base/check.h"

struct err passwords_init(struct passwords *passwords, const struct roster *roster,
        const struct config_limits *limits, struct depot *depot, struct text *why)
{
	*passwords = (struct passwords){ .roster = roster };
	crypto_random((struct span){ (char *)passwords->key, sizeof passwords->key });
	struct err err = guesses_init(&passwords->guesses, limits);
	if (failed(err))
		return err;
	err = helper_init(&passwords->helper, depot, NULL, passwords_turn, why);
	if (failed(err))
		guesses_finish(&passwords->guesses);
	return err;
}

void passwords_finish(struct passwords *passwords)
{
	helper_finish(&passwords->helper);
	guesses_finish(&passwords->guesses);
	crypto_wipe(passwords->key, sizeof passwords->key);
	crypto_wipe(passwords->remembered, sizeof passwords->remembered);
}

/* A digest of who asks where with what: it tells nothing to whom the key is unknown. */
static void passwords_digest(const struct passwords *passwords,
        const struct password_check *question, uint8_t digest[CRYPTO_SHA256_BYTES])
{
	const struct view key = view_from(passwords->key, sizeof passwords->key);
	uint8_t parts[2 * CRYPTO_SHA256_BYTES + sizeof question->door];

	crypto_hmac_sha256(key, question->user, parts);
	crypto_hmac_sha256(key, question->password, parts + CRYPTO_SHA256_BYTES);
	memcpy(parts + (size_t)2 * CRYPTO_SHA256_BYTES, &question->door, sizeof question->door);
	crypto_hmac_sha256(key, view_from(parts, sizeof parts), digest);
	crypto_wipe(parts, sizeof parts);
}

/* False: no hash was needed to know that it is right. */
static bool passwords_hash(
        struct passwords *passwords, struct password_check *question, struct mono now)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];

	question->answer = PASSWORD_RIGHT;
	passwords_digest(passwords, question, digest);
	struct passwords_digest *remembered =
	        &passwords->remembered[digest[0] % PASSWORDS_REMEMBERED];
	const struct view old = view_from(remembered->bytes, sizeof remembered->bytes);
	if (!mono_reached(now, remembered->until) &&
	        crypto_equal(old, view_from(digest, sizeof digest)))
		return false;
	const struct users *users = passwords->roster->at[question->door];
	if (!users_verify(users, question->user, question->password)) {
		question->answer = PASSWORD_WRONG;
		return true;
	}
	memcpy(remembered->bytes, digest, sizeof digest);
	remembered->until = mono_after(now, PASSWORDS_REMEMBERED_NS);
	return true;
}

/* True: it cost a hash. */
static bool passwords_judge(struct passwords *passwords, struct password_check *question)
{
	const struct mono now = loop_now(&passwords->helper.loop);
	const struct guesses_who who = {
		.users = passwords->roster->at[question->door],
		.user = question->user,
		.client = question->client,
		.may_relay = question->may_relay,
	};

	/* First of all: where guesses are barred, what was right lately would tell them apart. */
	question->ruling = guesses_ask(&passwords->guesses, &who, now);
	if (question->ruling.bar != GUESSES_BAR_NONE) {
		question->answer = PASSWORD_UNSEEN;
		return false;
	}
	const bool hashed = passwords_hash(passwords, question, now);
	if (question->answer == PASSWORD_RIGHT)
		guesses_right(&passwords->guesses, &who, now);
	else
		question->ruling = guesses_wrong(&passwords->guesses, &who, now);
	return hashed;
}

/* Up to the first that costs a hash: the helper gives each shard its turn. */
void passwords_turn(struct helper *helper)
{
	struct passwords *passwords = container_of(helper, struct passwords, helper);
	struct helper_ask *ask;
	bool hashed = false;

	helper_turn_begin(helper);
	while (!hashed && (ask = helper_take(helper)) != NULL) {
		hashed = passwords_judge(passwords, container_of(ask, struct password_check, ask));
		helper_answer(helper, ask);
	}
	helper_turn_end(helper);
}

const char *password_answer_word(enum password_answer answer)
{
	static const char *const words[] = {
#define X(name, word) [PASSWORD_##name] = word,
		PASSWORD_ANSWERS(X)
#undef X
	};

	check(answer < sizeof words / sizeof words[0]);
	return words[answer];
}
