#include "engine/ops/doctor_visit.h"

#include "engine/io/crypto.h"
#include "engine/mechanism.h"
#include "engine/routing.h"
#include "engine/target.h"
#include "engine/wire/write.h"
#include "queue/base/check.h"
#include "queue/base/date.h"

#include <stdlib.h>

#define LINE_BYTES    1024
#define MESSAGE_BYTES 2048

static bool greet(struct doctor_visit *visit);
static bool say_hello(struct doctor_visit *visit);
static bool secure(struct doctor_visit *visit);
static bool start_tls(struct doctor_visit *visit);
static bool sign_in(struct doctor_visit *visit);
static bool get_secret(
        struct doctor_visit *visit, enum signin_mechanism mechanism, struct keeper_ask *ask);
static bool exchange(
        struct doctor_visit *visit, enum signin_mechanism mechanism, struct keeper_ask *ask);
static bool look_at_token(struct doctor_visit *visit, struct keeper_ask *ask);
static bool try_senders(struct doctor_visit *visit);
static bool try_sender(struct doctor_visit *visit, const char *sender);
static bool try_recipient(struct doctor_visit *visit);
static bool send_message(struct doctor_visit *visit, const char *sender);
static bool command(
        struct doctor_visit *visit, enum doctor_step step, struct view subject, struct view line);
static bool lose(struct doctor_visit *visit, enum doctor_step step, const char *advice);
static void wrong(struct doctor_visit *visit, enum doctor_step step, struct view said,
        const char *cause, const char *advice);
static void note(
        struct doctor_visit *visit, enum doctor_step step, struct view said, const char *advice);

void doctor_visit_run(struct doctor_visit *visit)
{
	visit->secured = false;
	visit->sent = false;
	if (!doctor_visit_connect(visit))
		return;
	if (greet(visit) && say_hello(visit) && start_tls(visit) && sign_in(visit) &&
	        try_senders(visit))
		(void)talk_say(&visit->talk, VIEW("QUIT\r\n"));
	talk_end(&visit->talk);
}

/* Up to EHLO. */

static bool greet(struct doctor_visit *visit)
{
	if (visit->route->tls.mode == ROUTE_TLS_IMPLICIT && !secure(visit))
		return false;
	if (!talk_hear(&visit->talk))
		return lose(visit, DOCTOR_GREETING,
		        "A server greets at once: this is none, it is one with TLS from the first "
		        "byte (tls.mode: implicit), or something on the way swallows what it "
		        "says.");
	return doctor_report_reply(
	        visit->doctor->report, DOCTOR_GREETING, VIEW(""), visit->talk.reply.whole);
}

static bool say_hello(struct doctor_visit *visit)
{
	char memory[LINE_BYTES];
	struct text line = TEXT_ON(memory);

	visit->offers = (struct capabilities){ 0 };
	talk_want_offers(&visit->talk, &visit->offers);
	check(write_ehlo(&line, view_of(visit->doctor->config->name)));
	return command(visit, DOCTOR_EHLO, view_of(visit->doctor->config->name), text_view(&line));
}

/* TLS. */

static bool start_tls(struct doctor_visit *visit)
{
	const enum route_tls mode = visit->route->tls.mode;
	const bool required = mode == ROUTE_TLS_REQUIRED || visit->host->dane != HOST_DANE_NONE;

	if (visit->secured)
		return true;
	if (mode == ROUTE_TLS_NONE || (!visit->offers.starttls && !required)) {
		note(visit, DOCTOR_STARTTLS,
		        mode == ROUTE_TLS_NONE ? VIEW("the route's tls.mode is none")
		                               : VIEW("it is not offered"),
		        "Mail goes in clear here.");
		return true;
	}
	if (!visit->offers.starttls) {
		wrong(visit, DOCTOR_STARTTLS, VIEW("it is not offered, and TLS is required"),
		        cause_word(CAUSE_TLS_REQUIRED),
		        "Exchange Online offers it always: something on the way takes it out of "
		        "the reply (a firewall that looks into SMTP), or another server answers.");
		return false;
	}
	return command(visit, DOCTOR_STARTTLS, VIEW(""), VIEW("STARTTLS\r\n")) && secure(visit) &&
	       say_hello(visit);
}

static bool secure(struct doctor_visit *visit)
{
	struct view records[HOSTS_TLSA_MAX];
	const struct tls_peer peer = target_peer(visit->route, visit->hosts, visit->host, records);
	char memory[LINE_BYTES];
	struct text text = TEXT_ON(memory);

	doctor_report_begin(visit->doctor->report);
	if (!talk_secure(&visit->talk, visit->context, &peer))
		return lose(visit, DOCTOR_TLS,
		        "If the certificate is not the service's, something on the way breaks TLS "
		        "open, or the host is another's; if its authority is one of the house, "
		        "name "
		        "it in the route's tls.ca_file.");
	const struct tls *tls = stream_tls(&visit->talk.stream);
	text_format(&text, "%s %s, authenticated by %s; ", tls_version(tls), tls_cipher(tls),
	        tls_auth_word(tls_auth(tls)));
	tls_describe_peer(tls, &text);
	const bool known = tls_auth(tls) != TLS_AUTH_NONE;
	const struct doctor_finding finding = {
		.step = DOCTOR_TLS,
		.result = known ? DOCTOR_FINE : DOCTOR_NOTE,
		.said = text_view(&text),
		.advice = known ? NULL
		                : "Nobody vouches for this server: set the route's tls.verify, so "
		                  "that nobody can take its place.",
	};
	doctor_report_add(visit->doctor->report, &finding);
	visit->secured = true;
	return true;
}

/* Sign-in. */

static bool sign_in(struct doctor_visit *visit)
{
	if (visit->identity == NULL)
		return true;
	const enum signin_mechanism mechanism =
	        mechanism_choose(visit->identity->auth, visit->offers.mechanisms);
	char memory[LINE_BYTES];
	struct text lack = TEXT_ON(memory);

	if (!visit->secured) {
		wrong(visit, DOCTOR_SIGN_IN, VIEW("credentials go over TLS only"),
		        cause_word(CAUSE_TLS_REQUIRED), "Set the route's tls.mode to required.");
		return false;
	}
	if (mechanism == SIGNIN_NONE) {
		mechanism_put_lack(&lack, visit->identity->auth, visit->offers.mechanisms);
		wrong(visit, DOCTOR_SIGN_IN, text_view(&lack), cause_word(CAUSE_AUTH_MECHANISM),
		        MECHANISM_ADVICE);
		return false;
	}
	struct keeper_ask *ask = calloc(1, sizeof *ask);
	check(ask != NULL);
	const bool fine = (mechanism != SIGNIN_XOAUTH2 || look_at_token(visit, ask)) &&
	                  get_secret(visit, mechanism, ask) && exchange(visit, mechanism, ask);
	keeper_wipe(ask);
	free(ask);
	return fine;
}

/* What the token says of itself; an opaque one says nothing. */
static bool look_at_token(struct doctor_visit *visit, struct keeper_ask *ask)
{
	char memory[LINE_BYTES];
	struct text text = TEXT_ON(memory);
	struct token_claims claims = { 0 };

	if (!get_secret(visit, SIGNIN_NONE, ask))
		return false;
	token_claims_read(&claims, view_from(ask->secret, ask->bytes));
	const char *fault = token_claims_fault(&claims);
	if (claims.readable)
		text_format(&text, "audience %s, rights %s, app %s", claims.audience, claims.rights,
		        claims.app);
	const struct doctor_finding finding = {
		.step = DOCTOR_TOKEN,
		.result = fault != NULL ? DOCTOR_WRONG : DOCTOR_FINE,
		.said = claims.readable ? text_view(&text) : VIEW("it is opaque"),
		.advice = fault,
	};
	doctor_report_add(visit->doctor->report, &finding);
	return fault == NULL;
}

static bool get_secret(
        struct doctor_visit *visit, enum signin_mechanism mechanism, struct keeper_ask *ask)
{
	*ask = (struct keeper_ask){ .identity = visit->identity, .mechanism = mechanism };
	doctor_report_begin(visit->doctor->report);
	desk_ask_keeper(visit->doctor->desk, ask);
	if (!failed(ask->err))
		return true;
	wrong(visit, visit->identity->auth == IDENTITY_AUTH_XOAUTH2 ? DOCTOR_TOKEN : DOCTOR_SIGN_IN,
	        view_of(ask->why), NULL, ask->advice);
	return false;
}

static bool exchange(
        struct doctor_visit *visit, enum signin_mechanism mechanism, struct keeper_ask *ask)
{
	char memory[KEEPER_ARGUMENT_MAX + LINE_BYTES];
	struct text line = TEXT_ON(memory);
	struct signin_client client;
	const struct view user = view_of(visit->identity->user);

	/* A token makes a line far beyond 512 bytes: it goes by itself, after a challenge. */
	bool going = signin_client_start(&client, mechanism, user,
	        view_from(ask->secret, ask->bytes), mechanism != SIGNIN_XOAUTH2, &line);
	enum signin_client_news news = going ? SIGNIN_SEND : SIGNIN_BROKEN;
	while (news == SIGNIN_SEND) {
		if (!talk_say(&visit->talk, text_view(&line))) {
			crypto_wipe(memory, sizeof memory);
			return lose(visit, DOCTOR_SIGN_IN, "The server ended it during sign-in.");
		}
		line = (struct text)TEXT_ON(memory);
		news = signin_client_feed(&client, visit->talk.reply.code, &line);
	}
	crypto_wipe(memory, sizeof memory);
	if (news == SIGNIN_BROKEN) {
		wrong(visit, DOCTOR_SIGN_IN, visit->talk.reply.whole, NULL,
		        "That is no answer to a sign-in.");
		return false;
	}
	return doctor_report_reply(
	        visit->doctor->report, DOCTOR_SIGN_IN, user, visit->talk.reply.whole);
}

/* Senders and recipients. */

static bool try_senders(struct doctor_visit *visit)
{
	const char *notices = visit->route->notices_from;
	bool tried = false;

	if (visit->doctor->from != NULL)
		return try_sender(visit, visit->doctor->from);
	for (size_t i = 0; visit->identity != NULL && i < visit->identity->senders.count; i++) {
		const char *sender = visit->identity->senders.at[i];

		if (sender[0] == '@')
			continue; /* a domain: which of its addresses, nobody says */
		tried = true;
		if (!try_sender(visit, sender))
			return false;
	}
	if (visit->identity != NULL && !tried && strchr(visit->identity->user, '@') != NULL) {
		tried = true;
		if (!try_sender(visit, visit->identity->user))
			return false;
	}
	const bool again = tried && visit->identity->senders.count == 0 && notices != NULL &&
	                   strcmp(notices, visit->identity->user) == 0;
	if (notices != NULL && !again)
		return try_sender(visit, notices);
	if (!tried)
		note(visit, DOCTOR_MAIL, VIEW("not tried: no sender is configured"),
		        "Name one with --from.");
	return true;
}

static bool try_sender(struct doctor_visit *visit, const char *sender)
{
	const struct write_mail mail = { .sender = view_of(sender) };
	char memory[LINE_BYTES];
	struct text line = TEXT_ON(memory);

	check(write_mail(&line, &mail));
	if (!command(visit, DOCTOR_MAIL, view_of(sender), text_view(&line)))
		return false;
	if (visit->doctor->to != NULL && !try_recipient(visit))
		return false;
	if (visit->doctor->send && !visit->sent)
		return send_message(visit, sender);
	return talk_say(&visit->talk, VIEW("RSET\r\n"));
}

static bool try_recipient(struct doctor_visit *visit)
{
	const struct write_rcpt rcpt = { .recipient = view_of(visit->doctor->to) };
	char memory[LINE_BYTES];
	struct text line = TEXT_ON(memory);

	check(write_rcpt(&line, &rcpt));
	return command(visit, DOCTOR_RCPT, view_of(visit->doctor->to), text_view(&line));
}

static bool send_message(struct doctor_visit *visit, const char *sender)
{
	const char *name = visit->doctor->config->name;
	char memory[MESSAGE_BYTES];
	struct text mail = TEXT_ON(memory);

	text_format(&mail, "From: <%s>\r\nTo: <%s>\r\nDate: ", sender, visit->doctor->to);
	date_put_mail(&mail, clock_wall());
	text_format(&mail,
	        "\r\nMessage-ID: <%016llx@%s>\r\nSubject: A test of the mail relay %s\r\n"
	        "Auto-Submitted: auto-generated\r\n\r\n"
	        "This is a test of route %s, sent by `sluice doctor --send`.\r\n.\r\n",
	        (unsigned long long)crypto_random_u64(), name, name, visit->route->name);
	if (!talk_say(&visit->talk, VIEW("DATA\r\n")))
		return lose(visit, DOCTOR_DATA, NULL);
	if (visit->talk.reply.code != 354)
		return doctor_report_reply(
		        visit->doctor->report, DOCTOR_DATA, VIEW(""), visit->talk.reply.whole);
	visit->sent = true;
	return command(visit, DOCTOR_DATA, VIEW(""), text_view(&mail));
}

/* What is found. */

static bool command(
        struct doctor_visit *visit, enum doctor_step step, struct view subject, struct view line)
{
	doctor_report_begin(visit->doctor->report);
	if (!talk_say(&visit->talk, line))
		return lose(visit, step, "The server ended the session, or does not answer.");
	return doctor_report_reply(visit->doctor->report, step, subject, visit->talk.reply.whole);
}

/* The session is over. */
static bool lose(struct doctor_visit *visit, enum doctor_step step, const char *advice)
{
	wrong(visit, step, text_view(&visit->talk.why), NULL, advice);
	return false;
}

static void wrong(struct doctor_visit *visit, enum doctor_step step, struct view said,
        const char *cause, const char *advice)
{
	const struct doctor_finding finding = {
		.step = step,
		.result = DOCTOR_WRONG,
		.said = said,
		.cause = cause,
		.advice = advice,
	};
	doctor_report_add(visit->doctor->report, &finding);
}

static void note(
        struct doctor_visit *visit, enum doctor_step step, struct view said, const char *advice)
{
	const struct doctor_finding finding = {
		.step = step,
		.result = DOCTOR_NOTE,
		.said = said,
		.advice = advice,
	};
	doctor_report_add(visit->doctor->report, &finding);
}
