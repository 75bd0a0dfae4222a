#include "engine/outbound_inner.h"

#include "engine/io/crypto.h"
#include "engine/mechanism.h"
#include "engine/wire/write.h"
#include "queue/base/check.h"

#define HELLO_BYTES 512 /* EHLO and our name */

/* The sign-in's chunk: the argument lies at its end, and lines that go out at its start. The one
 * that sends the argument may reach into it: it is sent once. */
#define SIGNIN_ARGUMENT_AT (CHUNK_DATA_BYTES - KEEPER_ARGUMENT_MAX)
#define SIGNIN_WORDS_MAX   64 /* "AUTH XOAUTH2 " and a line's end */
static_assert(KEEPER_USER_MAX / 3 * 4 + SIGNIN_WORDS_MAX <= SIGNIN_ARGUMENT_AT,
        "LOGIN's user, who goes first, ends before it");

static const struct host *hello_host(struct outbound *outbound);
static void hello_secure(struct outbound *outbound);
static void hello_greet(struct outbound *outbound, enum outbound_step step);
static void hello_on_ehlo(struct outbound *outbound, const struct reply *reply);
static bool hello_is_unknown(int code);
static void hello_greet_as_of_old(struct outbound *outbound);
static void hello_go_on(struct outbound *outbound);
static void hello_be_anonymous(struct outbound *outbound);
static void hello_send_word(
        struct outbound *outbound, enum write_word word, enum outbound_step step);
static void hello_ask_secret(struct outbound *outbound);
static void hello_no_mechanism(struct outbound *outbound);
static void hello_send_signin(struct outbound *outbound, const struct text *line);
static void hello_no_secret(struct outbound *outbound, const struct keeper_ask *ask);
static void hello_on_auth(struct outbound *outbound, const struct reply *reply);
static void hello_not_signed_in(struct outbound *outbound, const struct reply *reply);
static void hello_refused(struct outbound *outbound, const struct reply *reply);
static void hello_fault(
        struct outbound *outbound, enum cause cause, const char *advice, struct view text);

void outbound_hello_connected(struct outbound *outbound)
{
	char memory[ENDPOINT_TEXT_BYTES];
	struct text peer = TEXT_ON(memory);

	outbound->connected = true;
	counters_add(outbound->shard->counters, sessions_opened, 1);
	endpoint_format(&peer, &outbound->address);
	struct log_line line = outbound_log(outbound, LOG_INFO, "connected");
	log_word(&line, "host", outbound->host);
	log_text(&line, "peer", text_view(&peer));
	log_end(&line);
	if (outbound->target->route->tls.mode == ROUTE_TLS_IMPLICIT)
		hello_secure(outbound);
	else
		outbound_enter(outbound, STEP_GREETING);
}

/* The host as DNS knows it now; NULL: it is none of the route's any more, and the session failed.
 * So nothing is ever sent by a policy that is out of date. */
static const struct host *hello_host(struct outbound *outbound)
{
	const struct host *host = hosts_find(&outbound->target->hosts, outbound->host);

	if (host == NULL)
		outbound_fail_with(outbound, VIEW("DNS does not lead there any more"));
	return host;
}

static void hello_secure(struct outbound *outbound)
{
	const struct target *target = outbound->target;
	const struct host *host = hello_host(outbound);
	struct view records[HOSTS_TLSA_MAX];

	if (host == NULL)
		return;
	const struct tls_peer peer = target_peer(target->route, &target->hosts, host, records);
	outbound->dane = peer.tlsa_count > 0;
	/* What the server said ahead of TLS is nobody's word (CVE-2011-0411). */
	const size_t dropped =
	        stream_secure_client(&outbound->stream, outbound->target->tls, &peer);
	if (dropped > 0) {
		struct log_line line = outbound_log(outbound, LOG_WARNING, "injection");
		log_number(&line, "bytes", dropped);
		log_end(&line);
	}
	reply_init(&outbound->reader,
	        (struct span){ outbound->reply_memory, sizeof outbound->reply_memory });
	outbound_enter(outbound, STEP_TLS);
}

void outbound_hello_secured(struct outbound *outbound)
{
	const struct config_route *route = outbound->target->route;
	const struct tls *tls = stream_tls(&outbound->stream);
	const enum tls_auth auth = tls_auth(tls);

	check(auth != TLS_AUTH_NONE || (!route->tls.verify && !outbound->dane)); /* I8 */
	check(auth == TLS_AUTH_DANE_EE || auth == TLS_AUTH_DANE_TA || !outbound->dane);
	outbound->secured = true;
	struct log_line line = outbound_log(outbound, LOG_INFO, "tls");
	log_word(&line, "version", tls_version(tls));
	log_word(&line, "cipher", tls_cipher(tls));
	log_word(&line, "tls_auth", tls_auth_word(auth));
	log_word(&line, "resumed", tls_resumed(tls) ? "yes" : "no");
	log_end(&line);
	if (route->tls.mode == ROUTE_TLS_IMPLICIT)
		outbound_enter(outbound, STEP_GREETING);
	else
		hello_greet(outbound, STEP_EHLO);
}

void outbound_hello_reply(struct outbound *outbound, const struct reply *reply)
{
	const int class = reply->code / 100;

	switch ((enum outbound_step)outbound->step) {
	case STEP_GREETING:
		if (reply->code == 220)
			hello_greet(outbound, STEP_EHLO);
		else
			hello_refused(outbound, reply);
		break;
	case STEP_EHLO:
	case STEP_HELO:
		hello_on_ehlo(outbound, reply);
		break;
	case STEP_STARTTLS:
		if (class == 2)
			hello_secure(outbound);
		else
			hello_refused(outbound, reply);
		break;
	case STEP_AUTH:
		hello_on_auth(outbound, reply);
		break;
	default:
		/* The server speaks out of turn: 421 before we asked for anything. */
		hello_refused(outbound, reply);
		break;
	}
}

static void hello_greet(struct outbound *outbound, enum outbound_step step)
{
	char memory[HELLO_BYTES];
	struct text line = TEXT_ON(memory);
	const struct view name = view_of(outbound->target->name);
	const bool written = step == STEP_EHLO ? write_ehlo(&line, name) : write_helo(&line, name);

	check(written);
	outbound->carrier.offers = (struct capabilities){ 0 };
	if (step == STEP_EHLO)
		reply_want_offers(&outbound->reader, &outbound->carrier.offers);
	outbound_enter(outbound, step);
	outbound_send(outbound, &line);
}

static void hello_on_ehlo(struct outbound *outbound, const struct reply *reply)
{
	if (reply->code / 100 == 2) {
		hello_go_on(outbound);
	} else if (outbound->step == STEP_EHLO && hello_is_unknown(reply->code)) {
		hello_greet_as_of_old(outbound);
	} else {
		hello_refused(outbound, reply);
	}
}

/* It does not know EHLO; any other 5yz refuses us, and HELO would be refused as well. */
static bool hello_is_unknown(int code)
{
	return code == 500 || code == 502 || code == 504;
}

/* HELO offers neither TLS nor sign-in. */
static void hello_greet_as_of_old(struct outbound *outbound)
{
	const struct host *host = hello_host(outbound);

	if (host == NULL)
		return;
	if (outbound->identity != NULL)
		outbound_fail_with(outbound,
		        VIEW("it does not know EHLO, so we could not sign in; nothing was sent"));
	else if (!outbound->secured && target_requires_tls(outbound->target, host))
		outbound_fail_with(outbound,
		        VIEW("it does not know EHLO, so TLS, which the route or its signed TLSA "
		             "records require, is not to be had; nothing was sent"));
	else
		hello_greet(outbound, STEP_HELO);
}

/* What comes next, given what is done and what is offered. */
static void hello_go_on(struct outbound *outbound)
{
	const struct config_route *route = outbound->target->route;
	const bool offered = outbound->carrier.offers.starttls;
	const enum route_tls mode = route->tls.mode;
	const struct host *host = hello_host(outbound);

	if (host == NULL)
		return;
	if (!outbound->secured && target_requires_tls(outbound->target, host) && !offered)
		outbound_fail_with(outbound,
		        mode == ROUTE_TLS_REQUIRED
		                ? VIEW("it does not offer STARTTLS, which the route requires; "
		                       "nothing was sent")
		                : VIEW("it does not offer STARTTLS, which its signed TLSA records "
		                       "require; nothing was sent"));
	else if (!outbound->secured && mode != ROUTE_TLS_NONE && offered)
		hello_send_word(outbound, WRITE_STARTTLS, STEP_STARTTLS);
	else if (outbound->identity != NULL)
		hello_ask_secret(outbound);
	else
		hello_be_anonymous(outbound);
}

/* No sign-in. Mail that goes in clear is told of once a session: where TLS was wished for, nobody
 * may have noticed that the server does not offer it. */
static void hello_be_anonymous(struct outbound *outbound)
{
	if (!outbound->secured) {
		const bool wished = outbound->target->route->tls.mode != ROUTE_TLS_NONE;
		struct log_line line =
		        outbound_log(outbound, wished ? LOG_WARNING : LOG_INFO, "in_clear");
		log_word(&line, "starttls", wished ? "not offered" : "off");
		log_end(&line);
	}
	outbound_become_ready(outbound);
}

static void hello_send_word(
        struct outbound *outbound, enum write_word word, enum outbound_step step)
{
	char memory[16];
	struct text line = TEXT_ON(memory);
	const bool written = write_word(&line, word);

	check(written);
	outbound_enter(outbound, step);
	outbound_send(outbound, &line);
}

/* Sign-in. */

static void hello_ask_secret(struct outbound *outbound)
{
	if (!outbound->secured) {
		hello_fault(outbound, CAUSE_TLS_REQUIRED,
		        "Credentials go over TLS only: set the route's tls mode to required.",
		        VIEW("the connection is not secured, so we did not sign in"));
		return;
	}
	if (outbound_mechanism(outbound) == SIGNIN_NONE) {
		hello_no_mechanism(outbound);
		return;
	}
	outbound->signin_chunk = shelf_take(&outbound->shard->shelf);
	if (outbound->signin_chunk == NULL) {
		outbound_fail_with(outbound, VIEW("no memory to sign in"));
		return;
	}
	outbound_enter(outbound, STEP_SECRET);
	outbound_want_secret(outbound);
}

enum signin_mechanism outbound_mechanism(const struct outbound *outbound)
{
	return mechanism_choose(outbound->identity->auth, outbound->carrier.offers.mechanisms);
}

/* Says what is offered, so that nobody has to look by hand. */
static void hello_no_mechanism(struct outbound *outbound)
{
	char memory[OUTBOUND_TEXT_BYTES];
	struct text text = TEXT_ON(memory);

	mechanism_put_lack(&text, outbound->identity->auth, outbound->carrier.offers.mechanisms);
	hello_fault(outbound, CAUSE_AUTH_MECHANISM, MECHANISM_ADVICE, text_view(&text));
}

void outbound_sign_in(struct outbound *outbound, const struct keeper_ask *ask)
{
	const bool xoauth2 = outbound->identity->auth == IDENTITY_AUTH_XOAUTH2;

	check(outbound->step == STEP_SECRET);
	check(outbound->secured);
	outbound->hint = ask->hint;
	/* Repeated refusals bar a mailbox: one session tries again, from the start. */
	if (outbound->refusals != outbound->carrier.lane->refusals) {
		outbound_lose(outbound, VIEW("another session's sign-in was refused meanwhile"));
		return;
	}
	if (failed(ask->err)) {
		hello_no_secret(outbound, ask);
		return;
	}
	struct text kept =
	        text_on(outbound->signin_chunk->data + SIGNIN_ARGUMENT_AT, KEEPER_ARGUMENT_MAX);
	struct text line = text_on(outbound->signin_chunk->data, CHUNK_DATA_BYTES);
	if (strlen(outbound->identity->user) > KEEPER_USER_MAX) {
		outbound_fail_with(outbound, VIEW("the user's name is too long to sign in with"));
		return;
	}
	text_put(&kept, view_from(ask->secret, ask->bytes));
	/* A token makes a line far beyond 512 bytes: it goes by itself, after a challenge. */
	const bool written = signin_client_start(&outbound->signin, outbound_mechanism(outbound),
	        view_of(outbound->identity->user), text_view(&kept), !xoauth2, &line);
	if (!written) {
		outbound_fail_with(outbound, VIEW("the secret is too long to sign in with"));
		return;
	}
	hello_send_signin(outbound, &line);
}

/* Lends the line, which may be more than a stream copies. */
static void hello_send_signin(struct outbound *outbound, const struct text *line)
{
	check(!line->overflow);
	outbound_enter(outbound, STEP_AUTH);
	if (!stream_lend(&outbound->stream, text_view(line)))
		outbound_fail_with(outbound, VIEW("no memory for a command"));
	else
		outbound->signin_until = stream_queued_total(&outbound->stream);
}

static void hello_no_secret(struct outbound *outbound, const struct keeper_ask *ask)
{
	const struct view why = view_of(ask->why);
	struct judge_case it;

	if (ask->transient) {
		judge_case_wait(&it, ask->advice, (int32_t)(ask->wait_ns / NS_PER_S), why);
		outbound_fail(outbound, &it);
	} else {
		hello_fault(outbound, CAUSE_AUTH_FAILED, ask->advice, why);
	}
}

static void hello_on_auth(struct outbound *outbound, const struct reply *reply)
{
	struct text line = text_on(outbound->signin_chunk->data, CHUNK_DATA_BYTES);

	switch (signin_client_feed(&outbound->signin, reply->code, &line)) {
	case SIGNIN_SEND:
		hello_send_signin(outbound, &line);
		break;
	case SIGNIN_PASSED: {
		struct log_line log = outbound_log(outbound, LOG_INFO, "signed_in");
		log_word(&log, "mechanism", signin_mechanism_name(outbound->signin.mechanism));
		log_end(&log);
		lane_prove(outbound->carrier.lane);
		outbound_hello_forget(outbound);
		outbound_become_ready(outbound);
		break;
	}
	case SIGNIN_REFUSED:
		hello_not_signed_in(outbound, reply);
		break;
	case SIGNIN_BROKEN:
		outbound_fail_with(outbound, VIEW("the server does not keep to the mechanism"));
		break;
	}
}

static void hello_not_signed_in(struct outbound *outbound, const struct reply *reply)
{
	struct lane *lane = outbound->carrier.lane;
	const bool stale = outbound->refusals != lane->refusals;
	struct judge_case it;

	judge_case_hear(&it, STAGE_AUTH, reply, outbound->carrier.server);
	const bool again =
	        it.verdict.outcome == OUTCOME_REFRESH_TOKEN || it.verdict.outcome == OUTCOME_REAUTH;
	if (again || reply->code / 100 == 5)
		lane_disprove(lane);
	/* It began with the token that another session has been refused with meanwhile: that says
	 * nothing new, and must not count as the fresh one's failure. */
	if (again && stale) {
		outbound_lose(outbound, reply->whole);
		return;
	}
	/* The server's words are the same whatever is wrong; the token may tell more. */
	if (it.verdict.cause == CAUSE_AUTH_FAILED && outbound->hint != NULL)
		it.verdict.advice = outbound->hint;
	if (it.verdict.outcome == OUTCOME_PROCEED)
		outbound_fail_with(outbound, VIEW("the server answered what was not asked"));
	else
		outbound_fail(outbound, &it);
}

/* Where a server answers what it has not heard to its end, the stream keeps the chunk, wiped. */
void outbound_hello_forget(struct outbound *outbound)
{
	if (outbound->signin_chunk == NULL)
		return;
	crypto_wipe(outbound->signin_chunk->data, CHUNK_DATA_BYTES);
	outbound->signin = (struct signin_client){ 0 };
	if (stream_written_total(&outbound->stream) >= outbound->signin_until)
		outbound_hello_end(outbound);
}

void outbound_hello_end(struct outbound *outbound)
{
	outbound->signin_until = 0;
	if (outbound->signin_chunk != NULL)
		shelf_give(&outbound->shard->shelf, MOVE(outbound->signin_chunk));
}

/* Failing. */

static void hello_refused(struct outbound *outbound, const struct reply *reply)
{
	struct judge_case it;

	judge_case_hear(&it, outbound_step_stage(outbound->step), reply, outbound->carrier.server);
	if (it.verdict.outcome == OUTCOME_PROCEED) {
		outbound_fail_with(outbound, VIEW("the server answered what was not asked"));
		return;
	}
	outbound_fail(outbound, &it);
}

static void hello_fault(
        struct outbound *outbound, enum cause cause, const char *advice, struct view text)
{
	struct judge_case it;

	judge_case_fault(&it, cause, SCOPE_IDENTITY, advice, text);
	outbound_fail(outbound, &it);
}
