#include "engine/passwords.h"

#include "queue/base/check.h"

#include <assert.h>

static const struct io_settings passwords_io = {
	.entries = 64, .buffer_count = 1, .buffer_bytes = 4096
};

static_assert((PASSWORDS_CHECKS_MAX & (PASSWORDS_CHECKS_MAX - 1)) == 0,
        "a mailbox's capacity is a power of two");

struct err passwords_init(struct passwords *passwords, const struct config_limits *limits,
        struct depot *depot, struct text *why)
{
	*passwords = (struct passwords){ 0 };
	crypto_random((struct span){ (char *)passwords->key, sizeof passwords->key });
	struct err err = guesses_init(&passwords->guesses, limits);
	if (failed(err))
		return err;
	shelf_init(&passwords->shelf, depot);
	err = loop_init(&passwords->loop, &passwords_io, &passwords->shelf, why);
	if (failed(err))
		guesses_finish(&passwords->guesses);
	return err;
}

struct err passwords_join(struct passwords *passwords, struct loop *shard_loop, struct post *result)
{
	check(passwords->shard_count < PASSWORDS_SHARDS_MAX);
	struct mailbox *questions = &passwords->questions[passwords->shard_count];
	struct mailbox *answers = &passwords->answers[passwords->shard_count];

	struct err err = mailbox_init(questions, sizeof(struct password_check *),
	        PASSWORDS_CHECKS_MAX, &passwords->loop.doorbell);
	if (failed(err))
		return err;
	err = mailbox_init(answers, sizeof(struct password_check *), PASSWORDS_CHECKS_MAX,
	        &shard_loop->doorbell);
	if (failed(err)) {
		mailbox_finish(questions);
		return err;
	}
	loop_reads(&passwords->loop, questions);
	loop_writes(&passwords->loop, answers);
	loop_reads(shard_loop, answers);
	loop_writes(shard_loop, questions);
	passwords->shard_count++;
	*result = (struct post){ .out = questions, .in = answers };
	return err_ok();
}

void passwords_finish(struct passwords *passwords)
{
	for (size_t i = 0; i < passwords->shard_count; i++) {
		check(mailbox_is_empty(&passwords->questions[i]));
		check(mailbox_is_empty(&passwords->answers[i]));
		loop_leave(&passwords->loop, &passwords->questions[i]);
		loop_leave(&passwords->loop, &passwords->answers[i]);
		mailbox_finish(&passwords->questions[i]);
		mailbox_finish(&passwords->answers[i]);
	}
	loop_finish(&passwords->loop);
	shelf_finish(&passwords->shelf);
	guesses_finish(&passwords->guesses);
	crypto_wipe(passwords->key, sizeof passwords->key);
	crypto_wipe(passwords->remembered, sizeof passwords->remembered);
}

void passwords_start(struct passwords *passwords)
{
	loop_start(&passwords->loop);
}

/* A digest of who asks where with what: it tells nothing to whom the key is unknown. */
static void passwords_digest(const struct passwords *passwords,
        const struct password_check *question, uint8_t digest[CRYPTO_SHA256_BYTES])
{
	const struct view key = view_from(passwords->key, sizeof passwords->key);
	uint8_t parts[2 * CRYPTO_SHA256_BYTES + sizeof question->users];

	crypto_hmac_sha256(key, question->user, parts);
	crypto_hmac_sha256(key, question->password, parts + CRYPTO_SHA256_BYTES);
	memcpy(parts + (size_t)2 * CRYPTO_SHA256_BYTES, &question->users, sizeof question->users);
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
	if (!users_verify(question->users, question->user, question->password)) {
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
	const struct mono now = loop_now(&passwords->loop);
	const struct guesses_who who = {
		.users = question->users,
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

/* Up to the first that costs a hash; a shard has no more under way than an answer box holds. */
static void passwords_serve(struct passwords *passwords, size_t shard)
{
	struct password_check *question;

	for (size_t i = 0; i < PASSWORDS_CHECKS_MAX; i++) {
		if (!mailbox_take(&passwords->questions[shard], &question))
			return;
		const bool hashed = passwords_judge(passwords, question);
		check(mailbox_put(&passwords->answers[shard], &question));
		if (hashed)
			return;
	}
}

void passwords_turn(struct passwords *passwords)
{
	loop_begin(&passwords->loop);
	loop_run_completions(&passwords->loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&passwords->loop);
	for (size_t i = 0; i < passwords->shard_count; i++)
		passwords_serve(passwords, i);
	loop_end(&passwords->loop);
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
