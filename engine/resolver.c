#include "engine/resolver.h"

#include "queue/base/check.h"

#include <stdio.h>
#include <unbound.h>

#define RESOLVER_LOOK_NS     (2 * NS_PER_MS) /* how often the library is asked for answers */
#define RESOLVER_RECORDS_MAX 64              /* of an answer; the rest is not looked at */
#define DNS_CLASS_IN         1
#define DNS_TYPE_A           1

static struct err resolver_set(
        struct resolver *resolver, const struct config_dns *config, struct text *why);
static int resolver_set_servers(struct ub_ctx *library, const struct config_dns *config);
static void resolver_look(struct timer *timer);
static void resolver_begin(struct resolver *resolver, struct resolver_ask *ask);
static void resolver_go_on(struct resolver *resolver);
static void resolver_ask_library(struct resolver *resolver, struct resolver_ask *ask);
static void resolver_forget(struct resolver *resolver, struct resolver_ask *ask);
static void resolver_found(void *argument, int error, struct ub_result *result);
static void resolver_hear(
        struct resolver_ask *ask, size_t question, const struct ub_result *result);
static const char *resolver_failure(int rcode);

struct err resolver_init(struct resolver *resolver, const struct config_dns *config,
        struct depot *depot, struct text *why)
{
	*resolver = (struct resolver){ .timer.expired = resolver_look };
	list_init(&resolver->asks);
	struct err err = helper_init(&resolver->helper, depot, NULL, resolver_turn, why);
	if (failed(err))
		return err;
	resolver->library = ub_ctx_create();
	if (resolver->library == NULL) {
		text_format(why, "libunbound can't be set up: too little memory, or too few "
		                 "descriptors (ulimit -n)");
		return err_make(ERR_NO_MEMORY, 0);
	}
	return resolver_set(resolver, config, why);
}

static struct err resolver_set(
        struct resolver *resolver, const struct config_dns *config, struct text *why)
{
	struct ub_ctx *library = resolver->library;
	const char *what = "dns.servers";
	int error = resolver_set_servers(library, config);

	if (error == 0 && config->hosts != NULL) {
		what = config->hosts;
		error = ub_ctx_hosts(library, config->hosts);
	}
	if (error == 0 && config->trust_anchor != NULL) {
		what = config->trust_anchor;
		error = ub_ctx_add_ta_file(library, config->trust_anchor);
	}
	if (error == 0) {
		what = "libunbound";
		error = ub_ctx_async(library, 1);
	}
	if (error == 0)
		return err_ok();
	text_format(why, "%s: %s", what, ub_strerror(error));
	return err_make(ERR_FORMAT, error);
}

static int resolver_set_servers(struct ub_ctx *library, const struct config_dns *config)
{
	/* By itself the library never asks a server on this machine, as resolv.conf may want. */
	int error = ub_ctx_set_option(library, "do-not-query-localhost:", "no");

	if (error == 0 && config->servers.count == 0)
		return ub_ctx_resolvconf(library, NULL);
	for (size_t i = 0; i < config->servers.count && error == 0; i++)
		error = ub_ctx_set_fwd(library, config->servers.at[i]);
	return error;
}

static void resolver_ignore(void *argument, int error, struct ub_result *result)
{
	(void)argument;
	if (error == 0)
		ub_resolve_free(result);
}

/* The library makes its thread when it is first asked, and where there are too few descriptors for
 * it libevent ends the whole process: so it is asked now, when there are some, and for a name that
 * it knows by itself. */
struct err resolver_start(struct resolver *resolver)
{
	if (ub_resolve_async(resolver->library, "localhost.", DNS_TYPE_A, DNS_CLASS_IN, NULL,
	            resolver_ignore, NULL) != 0)
		return err_make(ERR_NO_MEMORY, 0);
	return helper_start(&resolver->helper);
}

void resolver_finish(struct resolver *resolver)
{
	loop_timer_stop(&resolver->helper.loop, &resolver->timer);
	helper_finish(&resolver->helper);
	if (resolver->library != NULL)
		ub_ctx_delete(MOVE(resolver->library));
}

void resolver_turn(struct helper *helper)
{
	struct resolver *resolver = container_of(helper, struct resolver, helper);
	struct helper_ask *ask;

	helper_turn_begin(helper);
	while ((ask = helper_take(helper)) != NULL)
		resolver_begin(resolver, container_of(ask, struct resolver_ask, ask));
	resolver_go_on(resolver);
	if (!list_is_empty(&resolver->asks) && !timer_is_set(&resolver->timer))
		loop_timer_after(&helper->loop, &resolver->timer, RESOLVER_LOOK_NS);
	helper_turn_end(helper);
}

/* The library's own thread tells of answers by a pipe, which an io can't wait for: it is looked at
 * every few milliseconds while a lookup is under way, and never otherwise. */
static void resolver_look(struct timer *timer)
{
	struct resolver *resolver = container_of(timer, struct resolver, timer);

	if (ub_poll(resolver->library) != 0)
		(void)ub_process(resolver->library); /* failures come with each lookup */
}

bool resolver_literal(struct lookup *lookup)
{
	struct endpoint address = { .port = 0 };

	if (lookup->mx || !endpoint_parse_address(view_of(lookup->name), &address))
		return false;
	address.port = lookup->port;
	lookup->hosts = (struct hosts){ 0 };
	const bool fits = hosts_add(&lookup->hosts, view_of(lookup->name), 0) != NULL &&
	                  hosts_add_address(&lookup->hosts, &address);
	check(fits);
	return true;
}

static void resolver_begin(struct resolver *resolver, struct resolver_ask *ask)
{
	for (size_t i = 0; i < LOOKUP_QUESTIONS; i++)
		ask->questions[i] = (struct resolver_question){ .ask = ask };
	ask->until = mono_after(loop_now(&resolver->helper.loop), RESOLVER_PATIENCE_NS);
	lookup_begin(&ask->lookup);
	list_push_last(&resolver->asks, &ask->ask.link);
}

/* Asks what answers led to, and answers who has waited. */
static void resolver_go_on(struct resolver *resolver)
{
	const struct mono now = loop_now(&resolver->helper.loop);

	list_each_safe(link, &resolver->asks) {
		struct resolver_ask *ask = container_of(link, struct resolver_ask, ask.link);

		resolver_ask_library(resolver, ask);
		if (mono_reached(now, ask->until) && ask->lookup.open > 0)
			resolver_forget(resolver, ask);
		if (!lookup_is_over(&ask->lookup))
			continue;
		list_remove(&resolver->asks, link);
		helper_answer(&resolver->helper, &ask->ask);
	}
}

static void resolver_ask_library(struct resolver *resolver, struct resolver_ask *ask)
{
	char name[LOOKUP_NAME_BYTES];
	size_t question;
	int type;

	while (lookup_next(&ask->lookup, &question, name, &type)) {
		struct resolver_question *place = &ask->questions[question];
		const int error = ub_resolve_async(resolver->library, name, type, DNS_CLASS_IN,
		        place, resolver_found, &place->library_id);
		if (error == 0)
			continue;
		const struct lookup_answer answer = { .failure = ub_strerror(error) };
		lookup_hear(&ask->lookup, question, &answer);
	}
}

/* The library lets go of what is lent to it; then there is an answer to all that is open. */
static void resolver_forget(struct resolver *resolver, struct resolver_ask *ask)
{
	for (size_t i = 0; i < LOOKUP_QUESTIONS; i++)
		if (ask->lookup.states[i] == LOOKUP_ASKED)
			(void)ub_cancel(resolver->library, ask->questions[i].library_id);
	lookup_give_up(&ask->lookup, "no name server answered in time");
}

static void resolver_found(void *argument, int error, struct ub_result *result)
{
	struct resolver_question *place = argument;
	struct resolver_ask *ask = place->ask;
	const size_t question = (size_t)(place - ask->questions);

	if (error != 0) {
		const struct lookup_answer answer = { .failure = ub_strerror(error) };
		lookup_hear(&ask->lookup, question, &answer);
		return;
	}
	resolver_hear(ask, question, result);
	ub_resolve_free(result);
}

static void resolver_hear(struct resolver_ask *ask, size_t question, const struct ub_result *result)
{
	struct view records[RESOLVER_RECORDS_MAX];
	char alias[LOOKUP_NAME_BYTES];
	struct text name = TEXT_ON(alias);
	struct lookup_answer answer = {
		.failure = resolver_failure(result->rcode),
		.no_name = result->nxdomain != 0,
		.secure = result->secure != 0,
		.bogus = result->bogus != 0 ? "the validator does not say why" : NULL,
		.ttl_s = result->ttl > 0 ? (uint32_t)result->ttl : 0,
		.data = records,
	};

	if (result->bogus != 0 && result->why_bogus != NULL)
		answer.bogus = result->why_bogus;
	for (; result->havedata != 0 && answer.count < RESOLVER_RECORDS_MAX &&
	        result->data[answer.count] != NULL;
	        answer.count++)
		records[answer.count] =
		        view_from(result->data[answer.count], (size_t)result->len[answer.count]);
	if (result->canonname != NULL) {
		struct view canonical = view_of(result->canonname);
		if (canonical.bytes > 0 && canonical.data[canonical.bytes - 1] == '.')
			canonical.bytes--;
		text_put(&name, canonical);
		answer.alias = name.overflow ? NULL : text_string(&name);
	}
	lookup_hear(&ask->lookup, question, &answer);
}

/* NULL: the server answered, be it that there is no such name. */
static const char *resolver_failure(int rcode)
{
	enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };

	switch (rcode) {
	case NOERROR:
	case NXDOMAIN:
		return NULL;
	case SERVFAIL:
		return "the name server failed (SERVFAIL)";
	case REFUSED:
		return "the name server refused to answer (REFUSED)";
	default:
		return "the name server answered with an error";
	}
}
