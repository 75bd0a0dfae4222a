#include "engine/inbound_signin.h"

#include "engine/inbound_log.h"
#include "engine/ingest.h"
#include "engine/io/crypto.h"
#include "queue/base/check.h"

static void signin_go_on(struct inbound *inbound, enum signin_news news);
static void signin_check(struct inbound *inbound);
static void signin_punish(struct inbound *inbound);
static int64_t signin_penalty(const struct inbound *inbound);
static void signin_end(struct inbound *inbound, enum inbound_reply_name reply);

void inbound_signin_begin(struct inbound *inbound, const struct command_auth *auth)
{
	check(inbound->signin == NULL);
	struct inbound_signin *signin = pool_take(&inbound->ingest->signins);
	check(signin != NULL); /* there is one for each connection */
	signin->inbound = inbound;
	inbound->signin = signin;
	const enum signin_news news = signin_server_start(&signin->server, auth->mechanism,
	        (struct span){ signin->memory, sizeof signin->memory }, auth->has_initial,
	        auth->initial);
	inbound_signin_wipe(auth->initial);
	signin_go_on(inbound, news);
}

/* Its bytes are ours, though we only read them elsewhere. */
void inbound_signin_wipe(struct view line)
{
	crypto_wipe((void *)(uintptr_t)line.data, line.bytes);
}

enum inbound_progress inbound_signin_step(struct inbound *inbound)
{
	enum signin_news news = SIGNIN_BAD;
	struct view line;
	size_t line_bytes = 0;

	const enum inbound_line found = inbound_line(inbound, SIGNIN_LINE_MAX, &line, &line_bytes);
	if (found == INBOUND_LINE_NONE)
		return INBOUND_WAITS;
	if (found == INBOUND_LINE_LONG) {
		signin_end(inbound, INBOUND_REPLY_AUTH_LONG);
		return INBOUND_ON;
	}
	if (found == INBOUND_LINE)
		news = signin_server_feed(&inbound->signin->server, line);
	inbound_signin_wipe(line);
	stream_consume(&inbound->stream, line_bytes);
	signin_go_on(inbound, news);
	return INBOUND_ON;
}

static void signin_go_on(struct inbound *inbound, enum signin_news news)
{
	switch (news) {
	case SIGNIN_CHALLENGE:
		inbound_enter(inbound, INBOUND_SIGNIN);
		inbound_reply_challenge(inbound, inbound->signin->server.challenge);
		return;
	case SIGNIN_DONE:
		signin_check(inbound);
		return;
	case SIGNIN_CANCELLED:
		signin_end(inbound, INBOUND_REPLY_AUTH_CANCELLED);
		return;
	case SIGNIN_BAD:
		signin_end(inbound, INBOUND_REPLY_AUTH_BAD);
		return;
	}
}

static void signin_check(struct inbound *inbound)
{
	struct inbound_signin *signin = inbound->signin;
	const struct signin_server *server = &signin->server;

	signin->check = (struct password_check){
		.door = inbound->door->number,
		.user = server->user,
		.password = server->password,
		.client = &inbound->client,
		.may_relay = inbound->may_relay,
		.answer = PASSWORD_WRONG,
	};
	/* Nobody acts as somebody else here. */
	if (server->authzid.bytes > 0 && !view_equal_fold(server->authzid, server->user))
		signin_punish(inbound);
	else if (ingest_check(inbound->ingest, inbound))
		inbound_enter(inbound, INBOUND_CHECKING);
	else
		signin_end(inbound, INBOUND_REPLY_AUTH_BUSY);
}

void inbound_signin_judge(struct inbound *inbound)
{
	const struct inbound_signin *signin = inbound->signin;
	const struct view user = view_first(signin->check.user, sizeof inbound->user);

	if (signin->check.answer != PASSWORD_RIGHT) {
		signin_punish(inbound);
		return;
	}
	inbound_log_signed_in(inbound, user);
	counters_add(inbound->ingest->shard.counters, signins_accepted, 1);
	memcpy(inbound->user, user.data, user.bytes);
	inbound->user_bytes = (uint8_t)user.bytes;
	inbound->signed_in = true;
	inbound->signin_failures = 0;
	signin_end(inbound, INBOUND_REPLY_SIGNED_IN);
}

/* Guessing shall be slow: each reply waits longer than the one before, of this connection and of
 * all that its client and the user's name have had. */
static void signin_punish(struct inbound *inbound)
{
	struct ingest *ingest = inbound->ingest;
	const struct password_check *check = &inbound->signin->check;

	inbound_log_signin_refused(inbound, check);
	counters_add(ingest->shard.counters, signins_refused, 1);
	counters_add(ingest->shard.counters, signins_barred, check->answer == PASSWORD_UNSEEN);
	inbound_enter(inbound, INBOUND_PENALTY);
	loop_timer_after(&ingest->shard.loop, &inbound->timer, signin_penalty(inbound));
	inbound->signin_failures++;
}

static int64_t signin_penalty(const struct inbound *inbound)
{
	const int64_t asked = inbound->signin->check.ruling.wait_ns;
	int64_t own = GUESSES_WAIT_NS;

	for (unsigned i = 0; i < inbound->signin_failures && own < GUESSES_WAIT_NS_MAX; i++)
		own *= 2;
	return own > asked ? own : asked;
}

void inbound_signin_refuse(struct inbound *inbound)
{
	const bool unseen = inbound->signin->check.answer == PASSWORD_UNSEEN;

	if (inbound->signin_failures >= inbound->ingest->shard.config->limits.auth_failures)
		inbound_close(inbound, INBOUND_REPLY_GUESSES);
	else
		signin_end(inbound, unseen ? INBOUND_REPLY_AUTH_BARRED : INBOUND_REPLY_AUTH_WRONG);
}

static void signin_end(struct inbound *inbound, enum inbound_reply_name reply)
{
	inbound_signin_drop(inbound);
	inbound_enter(inbound, INBOUND_READY);
	/* signin_punish() logged these. */
	if (reply == INBOUND_REPLY_AUTH_WRONG || reply == INBOUND_REPLY_AUTH_BARRED)
		inbound_reply_unlogged(inbound, reply);
	else
		inbound_reply(inbound, reply);
}

void inbound_signin_drop(struct inbound *inbound)
{
	struct inbound_signin *signin = inbound->signin;

	if (signin == NULL)
		return;
	inbound->signin = NULL;
	crypto_wipe(signin, sizeof *signin);
	pool_give(&inbound->ingest->signins, signin);
}
