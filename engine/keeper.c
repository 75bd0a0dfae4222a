#include "engine/keeper.h"

#include "engine/secret_file.h"
#include "engine/vault.h"
#include "queue/base/check.h"

#include <stdlib.h>

/* Of the vault, for each token: the access token, and a refresh token that could not be stored. */
#define TOKEN_PLACE_BYTES ((size_t)2 * TOKEN_BYTES_MAX)

static void keeper_init_tokens(struct keeper *keeper, const struct config *config);
static void keeper_hear(struct keeper *keeper, struct keeper_ask *ask);
static void keeper_read(struct keeper *keeper, struct keeper_ask *ask);
static void keeper_want(struct keeper *keeper, struct keeper_token *token);
static void keeper_answer(
        struct keeper *keeper, struct keeper_token *token, struct keeper_ask *ask);
static void keeper_give(struct keeper *keeper, struct keeper_ask *ask);
static void keeper_answer_all(struct keeper *keeper, struct keeper_token *token);
static void keeper_give_up(struct keeper *keeper, struct keeper_token *token);
static void keeper_begin(struct keeper *keeper);
static bool keeper_begin_one(struct keeper *keeper, struct keeper_token *token);
static struct token_fetch *keeper_free_fetch(
        struct keeper *keeper, const struct config_oauth *oauth);
static void keeper_work(struct keeper *keeper);
static void keeper_settle(struct keeper *keeper, struct keeper_token *token);
static void keeper_take(struct keeper *keeper, struct keeper_token *token);
static void keeper_store(struct keeper *keeper, struct keeper_token *token);
static void keeper_fail(struct keeper *keeper, struct keeper_token *token);
static void keeper_renew_at(struct keeper *keeper, struct mono when);
static void keeper_looked(struct timer *timer);
static void keeper_renewed(struct timer *timer);
static struct span keeper_place(const struct keeper *keeper, const struct keeper_token *token);
static struct log_line keeper_log(struct keeper *keeper, const struct keeper_token *token,
        enum log_level level, const char *event);

struct err keeper_init(
        struct keeper *keeper, const struct keeper_settings *settings, struct text *why)
{
	*keeper = (struct keeper){
		.log = settings->log,
		.token_count = settings->config->token_count,
		.look.expired = keeper_looked,
		.renew.expired = keeper_renewed,
	};
	list_init(&keeper->wanted);
	random_seed(&keeper->random, settings->seed);
	struct err err = helper_init(&keeper->helper, settings->depot, NULL, keeper_turn, why);
	if (failed(err) || keeper->token_count == 0)
		return err;
	err = vault_create(&keeper->vault, keeper->token_count * TOKEN_PLACE_BYTES +
	                                           (size_t)KEEPER_FETCHES_MAX * TOKEN_FETCH_BYTES);
	if (!failed(err))
		err = token_http_create(&keeper->http);
	keeper->tokens = calloc(keeper->token_count, sizeof *keeper->tokens);
	if (!failed(err) && keeper->tokens == NULL)
		err = err_make(ERR_NO_MEMORY, 0);
	if (failed(err)) {
		keeper_finish(keeper);
		return err;
	}
	for (size_t i = 0; i < KEEPER_FETCHES_MAX; i++) {
		keeper->fetches[i].http = keeper->http;
		keeper->fetches[i].memory = (struct span){
			keeper->vault.data + keeper->token_count * TOKEN_PLACE_BYTES +
			        i * TOKEN_FETCH_BYTES,
			TOKEN_FETCH_BYTES,
		};
	}
	keeper_init_tokens(keeper, settings->config);
	return err_ok();
}

static void keeper_init_tokens(struct keeper *keeper, const struct config *config)
{
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_identities *identities = &config->routes.at[i].identities;

		for (size_t j = 0; j < identities->count; j++) {
			const struct config_identity *identity = &identities->at[j];
			if (identity->auth != IDENTITY_AUTH_XOAUTH2 ||
			        identity->oauth.flow == FLOW_FILE)
				continue;
			struct keeper_token *token = &keeper->tokens[identity->token];
			const int64_t margin_ns = identity->oauth.margin_ns;
			if (token->first == NULL) {
				token->first = identity;
				token->oauth = &identity->oauth;
				list_init(&token->waiting);
				token_lease_init(&token->lease, margin_ns,
				        identity->oauth.flow == FLOW_REFRESH_TOKEN);
			}
			/* The one whose server wants it freshest. */
			if (margin_ns > token->lease.margin_ns)
				token->lease.margin_ns = margin_ns;
			token->identity_count++;
		}
	}
}

void keeper_finish(struct keeper *keeper)
{
	for (size_t i = 0; i < KEEPER_FETCHES_MAX; i++)
		token_fetch_end(&keeper->fetches[i]);
	loop_timer_stop(&keeper->helper.loop, &keeper->look);
	loop_timer_stop(&keeper->helper.loop, &keeper->renew);
	helper_finish(&keeper->helper);
	token_http_destroy(MOVE(keeper->http));
	free(MOVE(keeper->tokens));
	vault_destroy(keeper->vault);
	keeper->vault = (struct span){ NULL, 0 };
}

void keeper_turn(struct helper *helper)
{
	struct keeper *keeper = container_of(helper, struct keeper, helper);
	struct helper_ask *ask;

	helper_turn_begin(helper);
	while ((ask = helper_take(helper)) != NULL)
		keeper_hear(keeper, container_of(ask, struct keeper_ask, ask));
	keeper_begin(keeper);
	helper_turn_end(helper);
}

void keeper_wipe(struct keeper_ask *ask)
{
	check(!ask->ask.in_flight);
	crypto_wipe(ask->secret, sizeof ask->secret);
	ask->bytes = 0;
}

/* Asks. */

static void keeper_hear(struct keeper *keeper, struct keeper_ask *ask)
{
	const struct config_identity *identity = ask->identity;

	ask->bytes = 0;
	ask->err = err_ok();
	ask->advice = NULL;
	ask->hint = NULL;
	ask->why[0] = '\0';
	ask->transient = false;
	ask->wait_ns = 0;
	if (identity->auth != IDENTITY_AUTH_XOAUTH2 || identity->oauth.flow == FLOW_FILE) {
		keeper_read(keeper, ask);
		return;
	}
	check(identity->token < keeper->token_count);
	struct keeper_token *token = &keeper->tokens[identity->token];
	const enum token_advice advice = token_lease_ask(&token->lease,
	        loop_now(&keeper->helper.loop), ask->refused ? ask->serial : 0, ask->again);
	keeper_renew_at(keeper, token_lease_due(&token->lease));
	if (advice == TOKEN_GOOD || advice == TOKEN_FAIL) {
		keeper_answer(keeper, token, ask);
		return;
	}
	list_push_last(&token->waiting, &ask->ask.link);
	if (advice == TOKEN_FETCH)
		keeper_want(keeper, token);
}

static void keeper_read(struct keeper *keeper, struct keeper_ask *ask)
{
	struct text why = TEXT_ON(ask->why);
	struct token_claims claims;

	ask->err = secret_file_read(ask->identity->secret_file,
	        (struct span){ ask->secret, KEEPER_SECRET_MAX }, &ask->bytes);
	if (failed(ask->err)) {
		text_format(&why, "secret_file %s: %s", ask->identity->secret_file,
		        secret_file_why(ask->err));
		(void)text_string(&why);
		ask->advice = "The identity's secret can't be read: mend the file, then `sluice "
		              "queue retry`.";
	} else if (ask->identity->auth == IDENTITY_AUTH_XOAUTH2) {
		token_claims_read(&claims, view_from(ask->secret, ask->bytes));
		ask->hint = token_claims_hint(&claims, FLOW_FILE);
	}
	keeper_give(keeper, ask);
}

static void keeper_answer(struct keeper *keeper, struct keeper_token *token, struct keeper_ask *ask)
{
	const struct mono now = loop_now(&keeper->helper.loop);
	struct text why = TEXT_ON(ask->why);

	if (token->lease.held && !mono_reached(now, token->lease.good_until)) {
		memcpy(ask->secret, keeper_place(keeper, token).data, token->bytes);
		ask->bytes = token->bytes;
		ask->serial = token->lease.serial;
		ask->hint = token->hint;
	} else if (token->error != NULL) {
		ask->err = err_make(ERR_NOT_FOUND, 0);
		ask->transient = token->error->transient;
		ask->advice = token->error->advice;
		if (token->lease.not_before.ns > now.ns)
			ask->wait_ns = token->lease.not_before.ns - now.ns;
		text_put(&why, view_of(token->why));
	} else {
		ask->err = err_make(ERR_CANCELLED, 0);
		ask->transient = true;
		text_put(&why, VIEW("nobody waits for the token any more"));
	}
	(void)text_string(&why);
	keeper_give(keeper, ask);
}

/* As the mechanism sends it. */
static void keeper_give(struct keeper *keeper, struct keeper_ask *ask)
{
	char memory[KEEPER_ARGUMENT_MAX];
	struct text argument = TEXT_ON(memory);
	struct text why = TEXT_ON(ask->why);

	if (!failed(ask->err) && ask->mechanism != SIGNIN_NONE) {
		signin_put_argument(&argument, ask->mechanism, view_of(ask->identity->user),
		        view_from(ask->secret, ask->bytes));
		crypto_wipe(ask->secret, sizeof ask->secret);
		ask->bytes = 0;
		if (argument.overflow) {
			ask->err = err_make(ERR_LIMIT, 0);
			ask->advice = "A secret of several thousand bytes is none that servers "
			              "take: look at where it comes from.";
			text_put(&why, VIEW("the secret is too long to sign in with"));
			(void)text_string(&why);
		} else {
			memcpy(ask->secret, argument.data, argument.bytes);
			ask->bytes = argument.bytes;
		}
		crypto_wipe(memory, sizeof memory);
	}
	helper_answer(&keeper->helper, &ask->ask);
}

static void keeper_answer_all(struct keeper *keeper, struct keeper_token *token)
{
	struct link *link;

	while ((link = list_pop_first(&token->waiting)) != NULL)
		keeper_answer(keeper, token, container_of(link, struct keeper_ask, ask.link));
}

/* Those that the engine, on its way down, does not wait for. */
static void keeper_give_up(struct keeper *keeper, struct keeper_token *token)
{
	list_each_safe(link, &token->waiting) {
		struct keeper_ask *ask = container_of(link, struct keeper_ask, ask.link);

		if (!atomic_load(&ask->given_up))
			continue;
		list_remove(&token->waiting, link);
		ask->err = err_make(ERR_CANCELLED, 0);
		ask->transient = true;
		helper_answer(&keeper->helper, &ask->ask);
	}
}

/* Fetching. */

static void keeper_want(struct keeper *keeper, struct keeper_token *token)
{
	token_lease_begin(&token->lease);
	token->repeated = false;
	list_push_last(&keeper->wanted, &token->link);
}

static void keeper_begin(struct keeper *keeper)
{
	list_each_safe(link, &keeper->wanted) {
		if (keeper->fetch_count == KEEPER_FETCHES_MAX)
			break;
		struct keeper_token *token = container_of(link, struct keeper_token, link);
		if (keeper_begin_one(keeper, token))
			list_remove(&keeper->wanted, link);
	}
	if ((keeper->fetch_count > 0 || !list_is_empty(&keeper->wanted)) &&
	        !timer_is_set(&keeper->look))
		loop_timer_after(&keeper->helper.loop, &keeper->look, KEEPER_LOOK_NS);
}

/* False: its endpoint has enough to do. */
static bool keeper_begin_one(struct keeper *keeper, struct keeper_token *token)
{
	struct token_fetch_unsaved unsaved = { 0 };

	token->fetch = keeper_free_fetch(keeper, token->oauth);
	if (token->fetch == NULL)
		return false;
	if (token->unsaved_bytes > 0) {
		unsaved.token = view_from(
		        keeper_place(keeper, token).data + TOKEN_BYTES_MAX, token->unsaved_bytes);
		memcpy(unsaved.digest, token->digest, sizeof unsaved.digest);
	}
	keeper->owners[token->fetch - keeper->fetches] = token;
	keeper->fetch_count++;
	token_fetch_begin(token->fetch, token->oauth, &unsaved, keeper->loud,
	        loop_now(&keeper->helper.loop), loop_wall(&keeper->helper.loop));
	return true;
}

static struct token_fetch *keeper_free_fetch(
        struct keeper *keeper, const struct config_oauth *oauth)
{
	const bool command = oauth->flow == FLOW_COMMAND;
	const char *endpoint = command ? oauth->command.at[0] : oauth->token_url;
	struct token_fetch *free_one = NULL;
	size_t busy = 0;

	for (size_t i = 0; i < KEEPER_FETCHES_MAX; i++) {
		const struct config_oauth *other = keeper->fetches[i].oauth;

		if (other == NULL)
			free_one = &keeper->fetches[i];
		else if ((other->flow == FLOW_COMMAND) == command)
			busy += strcmp(endpoint,
			                command ? other->command.at[0] : other->token_url) == 0;
	}
	return busy < KEEPER_ENDPOINT_MAX ? free_one : NULL;
}

static void keeper_looked(struct timer *timer)
{
	keeper_work(container_of(timer, struct keeper, look));
}

static void keeper_work(struct keeper *keeper)
{
	token_http_work(keeper->http);
	list_each(link, &keeper->wanted)
		keeper_give_up(keeper, container_of(link, struct keeper_token, link));
	for (size_t i = 0; i < KEEPER_FETCHES_MAX; i++) {
		struct keeper_token *token = keeper->owners[i];

		if (token == NULL)
			continue;
		keeper_give_up(keeper, token);
		token_fetch_work(token->fetch, loop_now(&keeper->helper.loop),
		        loop_wall(&keeper->helper.loop));
		if (token->fetch->done)
			keeper_settle(keeper, token);
	}
}

static void keeper_settle(struct keeper *keeper, struct keeper_token *token)
{
	struct token_fetch *fetch = token->fetch;

	/* Somebody else (`sluice token`) rotated the refresh token meanwhile: its heir may do. */
	const bool again =
	        fetch->error != NULL && !token->repeated && token_fetch_is_outdated(fetch);
	if (again) {
		token->repeated = true;
		list_push_last(&keeper->wanted, &token->link);
	} else if (fetch->error != NULL) {
		keeper_fail(keeper, token);
	} else {
		keeper_take(keeper, token);
	}
	keeper->owners[fetch - keeper->fetches] = NULL;
	token_fetch_end(MOVE(token->fetch));
	keeper->fetch_count--;
	if (again)
		return;
	keeper_renew_at(keeper, token_lease_due(&token->lease));
	keeper_answer_all(keeper, token);
}

static void keeper_take(struct keeper *keeper, struct keeper_token *token)
{
	const struct token_fetch *fetch = token->fetch;
	const struct token_claims *claims = &fetch->claims;
	const struct mono now = loop_now(&keeper->helper.loop);
	const struct span place = keeper_place(keeper, token);
	const char *fault = token_claims_fault(claims);

	crypto_wipe(place.data, TOKEN_BYTES_MAX);
	memcpy(place.data, fetch->reply.access_token.data, fetch->reply.access_token.bytes);
	token->bytes = fetch->reply.access_token.bytes;
	token->error = NULL;
	token->hint = token_claims_hint(claims, token->oauth->flow);
	/* On disk before it is used: a crash must not lose the only one that is good. */
	if (token->oauth->flow == FLOW_REFRESH_TOKEN && fetch->reply.refresh_token.bytes > 0)
		keeper_store(keeper, token);
	token_lease_got(&token->lease, now, fetch->lifetime_s, !list_is_empty(&token->waiting),
	        &keeper->random);
	struct log_line line =
	        keeper_log(keeper, token, fault == NULL ? LOG_INFO : LOG_WARNING, "token");
	log_signed(&line, "expires_in", fetch->lifetime_s);
	log_seconds(&line, "renew_in", token->lease.renew_at.ns - now.ns);
	if (claims->readable) {
		log_word(&line, "audience", claims->audience);
		log_word(&line, "rights", claims->rights);
	}
	log_word(&line, "advice", fault);
	log_end(&line);
}

static void keeper_store(struct keeper *keeper, struct keeper_token *token)
{
	const struct view refresh = token->fetch->reply.refresh_token;
	const struct span place = keeper_place(keeper, token);
	const struct err err = secret_file_replace(token->oauth->refresh_token_file, refresh);

	crypto_wipe(place.data + TOKEN_BYTES_MAX, token->unsaved_bytes);
	token->unsaved_bytes = 0;
	if (!failed(err))
		return;
	memcpy(place.data + TOKEN_BYTES_MAX, refresh.data, refresh.bytes);
	token->unsaved_bytes = refresh.bytes;
	memcpy(token->digest, token->fetch->digest, sizeof token->digest);
	struct log_line line = keeper_log(keeper, token, LOG_ERROR, "token_not_stored");
	log_word(&line, "file", token->oauth->refresh_token_file);
	log_word(&line, "error", secret_file_why(err));
	log_word(&line, "advice",
	        "The new refresh token is kept in memory alone: let the service write to the "
	        "file's folder (in the unit: ReadWritePaths=), or move the file below "
	        "/var/lib/sluice.");
	log_end(&line);
}

static void keeper_fail(struct keeper *keeper, struct keeper_token *token)
{
	const struct token_fetch *fetch = token->fetch;
	const struct token_error *error = fetch->error;
	struct text why = TEXT_ON(token->why);
	const char *word = fetch->reply.error[0] != '\0' ? fetch->reply.error : error->word;

	token->error = error;
	text_format(&why, "token: %s: %s", error->meaning, fetch->text);
	(void)text_string(&why);
	const int64_t wait_ns = token_lease_failed(&token->lease, loop_now(&keeper->helper.loop),
	        !error->transient, fetch->retry_after_s, &keeper->random);
	struct log_line line = keeper_log(
	        keeper, token, error->transient ? LOG_WARNING : LOG_ERROR, "token_failed");
	log_word(&line, "error", word);
	if (fetch->reply.code != 0)
		log_number(&line, "code", fetch->reply.code);
	log_word(&line, "meaning", error->meaning);
	log_word(&line, "text", fetch->text);
	log_word(&line, "whose", token_party_word(error->whose));
	log_word(&line, "advice", error->advice);
	if (fetch->reply.trace_id[0] != '\0')
		log_word(&line, "trace_id", fetch->reply.trace_id);
	log_seconds(&line, "retry_in", wait_ns);
	log_end(&line);
}

/* Renewing. */

static void keeper_renew_at(struct keeper *keeper, struct mono when)
{
	if (when.ns == MONO_NEVER.ns)
		return;
	if (!timer_is_set(&keeper->renew) || when.ns < keeper->renew.deadline.ns)
		loop_timer_set(&keeper->helper.loop, &keeper->renew, when);
}

static void keeper_renewed(struct timer *timer)
{
	struct keeper *keeper = container_of(timer, struct keeper, renew);
	const struct mono now = loop_now(&keeper->helper.loop);
	struct mono next = MONO_NEVER;

	for (uint32_t i = 0; i < keeper->token_count; i++) {
		struct keeper_token *token = &keeper->tokens[i];

		if (token_lease_renew(&token->lease, now))
			keeper_want(keeper, token);
		next = mono_earlier(next, token_lease_due(&token->lease));
	}
	keeper_renew_at(keeper, next);
}

/* Small things. */

static struct span keeper_place(const struct keeper *keeper, const struct keeper_token *token)
{
	return (struct span){
		keeper->vault.data + (size_t)(token - keeper->tokens) * TOKEN_PLACE_BYTES,
		TOKEN_PLACE_BYTES,
	};
}

static struct log_line keeper_log(struct keeper *keeper, const struct keeper_token *token,
        enum log_level level, const char *event)
{
	const struct config_oauth *oauth = token->oauth;
	struct log_line line = log_begin(keeper->log, level, event);

	if (oauth->tenancy != NULL)
		log_word(&line, "tenant", oauth->tenancy->name);
	log_word(&line, "flow", config_flow_word(oauth->flow));
	log_word(&line, "client_id", oauth->client_id);
	if (token->identity_count == 1)
		log_word(&line, "identity", token->first->user);
	else
		log_number(&line, "identities", token->identity_count);
	return line;
}
