#include "engine/resolver.h"

#include "queue/base/check.h"

#include <stdio.h>
#include <unbound.h>

#define RESOLVER_LOOK_NS (2 * NS_PER_MS) /* how often the library is asked for answers */
#define PACKAGED_ANCHOR  "/usr/share/dns/root.key"

enum { FAMILY_IPV6, FAMILY_IPV4, FAMILY_COUNT };

/* Of DNS: numbers of the protocol. */
#define DNS_CLASS_IN 1
static const struct {
	int type;
	int address_bytes;
} families[FAMILY_COUNT] = {
	[FAMILY_IPV6] = { 28, 16 },
	[FAMILY_IPV4] = { 1, 4 },
};

static struct err resolver_set(
        struct resolver *resolver, const struct config_dns *config, struct text *why);
static int resolver_set_servers(struct ub_ctx *library, const struct config_dns *config);
static void resolver_look(struct timer *timer);
static void resolver_begin(struct resolver *resolver, struct resolver_ask *ask);
static void resolver_found_ipv6(void *argument, int error, struct ub_result *result);
static void resolver_found_ipv4(void *argument, int error, struct ub_result *result);
static void resolver_found(
        struct resolver_ask *ask, size_t family, int error, struct ub_result *result);
static void resolver_read(struct resolver_ask *ask, size_t family, const struct ub_result *result);
static void resolver_complain(struct resolver_ask *ask, const char *why);
static void resolver_finish_ask(struct resolver_ask *ask);

struct err resolver_init(struct resolver *resolver, const struct config_dns *config,
        struct depot *depot, struct text *why)
{
	*resolver = (struct resolver){ .timer.expired = resolver_look };
	struct err err = helper_init(&resolver->helper, depot, resolver_turn, why);
	if (failed(err))
		return err;
	resolver->library = ub_ctx_create();
	if (resolver->library == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	return resolver_set(resolver, config, why);
}

static struct err resolver_set(
        struct resolver *resolver, const struct config_dns *config, struct text *why)
{
	struct ub_ctx *library = resolver->library;
	const char *anchor = config->trust_anchor;
	const char *what = "dns.servers";
	FILE *packaged = NULL;

	if (anchor == NULL) {
		packaged = fopen(PACKAGED_ANCHOR, "re");
		anchor = packaged != NULL ? PACKAGED_ANCHOR : NULL;
	}
	int error = resolver_set_servers(library, config);
	if (error == 0 && config->hosts != NULL) {
		what = config->hosts;
		error = ub_ctx_hosts(library, config->hosts);
	}
	if (error == 0 && anchor != NULL) {
		what = anchor;
		error = ub_ctx_add_ta_file(library, anchor);
	}
	if (error == 0) {
		what = "libunbound";
		/* A bad signature is told, and the answer given: see the header. */
		error = ub_ctx_set_option(library, "val-permissive-mode:", "yes");
	}
	if (error == 0)
		error = ub_ctx_async(library, 1);
	if (packaged != NULL)
		check(fclose(packaged) == 0);
	if (error == 0)
		return err_ok();
	text_format(why, "%s: %s", what, ub_strerror(error));
	return err_make(ERR_FORMAT, error);
}

static int resolver_set_servers(struct ub_ctx *library, const struct config_dns *config)
{
	int error = 0;

	if (config->servers.count == 0)
		return ub_ctx_resolvconf(library, NULL);
	/* By itself the library never asks a server on this machine. */
	error = ub_ctx_set_option(library, "do-not-query-localhost:", "no");
	for (size_t i = 0; i < config->servers.count && error == 0; i++)
		error = ub_ctx_set_fwd(library, config->servers.at[i]);
	return error;
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
	if (resolver->lookups > 0 && !timer_is_set(&resolver->timer))
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

bool resolver_literal(struct resolver_ask *ask)
{
	struct endpoint *address = &ask->addresses[0];

	if (!endpoint_parse_address(view_of(ask->host), address))
		return false;
	address->port = ask->port;
	ask->count = 1;
	return true;
}

static void resolver_begin(struct resolver *resolver, struct resolver_ask *ask)
{
	static void (*const found[])(void *, int, struct ub_result *) = {
		[FAMILY_IPV6] = resolver_found_ipv6,
		[FAMILY_IPV4] = resolver_found_ipv4,
	};

	ask->resolver = resolver;
	ask->count = 0;
	ask->ttl_s = UINT32_MAX;
	ask->secure = true;
	ask->why[0] = '\0';
	ask->found_count[FAMILY_IPV6] = 0;
	ask->found_count[FAMILY_IPV4] = 0;
	ask->pending = FAMILY_COUNT;
	resolver->lookups += FAMILY_COUNT;
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		const int error = ub_resolve_async(resolver->library, ask->host, families[i].type,
		        DNS_CLASS_IN, ask, found[i], NULL);
		if (error != 0)
			resolver_found(ask, i, error, NULL);
	}
}

static void resolver_found_ipv6(void *argument, int error, struct ub_result *result)
{
	resolver_found(argument, FAMILY_IPV6, error, result);
}

static void resolver_found_ipv4(void *argument, int error, struct ub_result *result)
{
	resolver_found(argument, FAMILY_IPV4, error, result);
}

static void resolver_found(
        struct resolver_ask *ask, size_t family, int error, struct ub_result *result)
{
	check(ask->pending > 0);
	check(ask->resolver->lookups > 0);
	if (error != 0) {
		resolver_complain(ask, ub_strerror(error));
	} else {
		resolver_read(ask, family, result);
		ub_resolve_free(result);
	}
	ask->resolver->lookups--;
	if (--ask->pending == 0)
		resolver_finish_ask(ask);
}

static void resolver_read(struct resolver_ask *ask, size_t family, const struct ub_result *result)
{
	const int bytes = families[family].address_bytes;
	uint32_t count = 0;

	ask->secure &= result->secure != 0;
	if (result->nxdomain != 0)
		resolver_complain(ask, "no such name");
	else if (result->rcode != 0)
		resolver_complain(ask, "the name server failed");
	else if (result->havedata == 0)
		resolver_complain(ask, "the name has no address");
	if (result->havedata == 0)
		return;
	for (size_t i = 0; result->data[i] != NULL && count < RESOLVER_ADDRESSES_MAX; i++) {
		struct endpoint *address = &ask->found[family][count];

		if (result->len[i] != bytes)
			continue;
		*address = (struct endpoint){ .port = ask->port };
		if (family == FAMILY_IPV4)
			memset(address->address + 10, 0xff, 2);
		memcpy(address->address + 16 - bytes, result->data[i], (size_t)bytes);
		count++;
	}
	ask->found_count[family] = count;
	if (result->ttl >= 0 && (uint32_t)result->ttl < ask->ttl_s)
		ask->ttl_s = (uint32_t)result->ttl;
}

/* The first complaint stands: both families' are the same, as a rule. */
static void resolver_complain(struct resolver_ask *ask, const char *why)
{
	struct text text = TEXT_ON(ask->why);

	if (ask->why[0] != '\0')
		return;
	text_put(&text, view_of(why));
	(void)text_string(&text);
}

/* Alternating, so that a family that leads nowhere costs one attempt in two. */
static void resolver_finish_ask(struct resolver_ask *ask)
{
	for (size_t i = 0; i < RESOLVER_ADDRESSES_MAX; i++)
		for (size_t family = 0; family < FAMILY_COUNT; family++)
			if (i < ask->found_count[family] && ask->count < RESOLVER_ADDRESSES_MAX)
				ask->addresses[ask->count++] = ask->found[family][i];
	helper_answer(&ask->resolver->helper, &ask->ask);
}
