#include "engine/config_check.h"

#include "engine/config_accounts.h"
#include "engine/config_arena.h"
#include "engine/config_check_admin.h"
#include "engine/config_check_devices.h"
#include "engine/config_check_host.h"
#include "engine/config_check_oauth.h"
#include "engine/config_check_names.h"
#include "engine/config_check_quota.h"
#include "engine/config_check_rehearsal.h"
#include "engine/config_check_rules.h"
#include "engine/config_check_service.h"
#include "engine/config_check_user.h"
#include "engine/config_section.h"
#include "engine/io/tls.h"
#include "engine/io/tls_roots.h"
#include "engine/secret_file.h"
#include "engine/users.h"
#include "queue/address.h"
#include "queue/base/check.h"

#include <string.h>
#include <unistd.h>

#define HOST_NAME_BYTES 256
#define WHY_BYTES       1024
#define PEM_BYTES_MAX   65536 /* a chain of ten certificates has a third of that */
#define SESSIONS_MOST   10000 /* as config_schema.h has it */

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)
#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

static void check_name(struct config *config, struct config_places *places)
{
	char host[HOST_NAME_BYTES + 1] = { 0 };

	if (config->name != NULL)
		return;
	/* A host without a name can still say who it is (RFC 5321 4.1.1.1 wants a name). */
	if (gethostname(host, HOST_NAME_BYTES) != 0 || !address_is_domain(view_of(host), false))
		config->name = "localhost";
	else
		config->name = config_arena_copy(config->arena, view_of(host));
	if (strchr(config->name, '.') == NULL)
		remark(places, config, &config->name,
		        "the system's name \"%s\" has no domain; some servers refuse that in "
		        "EHLO: set name, such as relay.contoso.com",
		        config->name);
}

static void check_limits(struct config *config, struct config_places *places)
{
	struct config_limits *limits = &config->limits;
	const uint64_t most = config_message_most(limits->memory_bytes);

	if (limits->message_bytes <= most)
		return;
	if (config_places_wrote(places, &limits->message_bytes))
		complain(places, limits, &limits->message_bytes,
		        "limits.message: two of %llu bytes don't fit into the memory; right is at "
		        "most 7/16 of limits.memory, %llu",
		        (unsigned long long)limits->message_bytes, (unsigned long long)most);
	else
		remark(places, limits, &limits->memory_bytes,
		        "limits.memory: with so little of it, messages of more than %llu bytes are "
		        "refused",
		        (unsigned long long)most);
	limits->message_bytes = most;
}

static void check_retry(struct config *config, struct config_places *places)
{
	struct config_retry *retry = &config->retry;

	if (retry->first_ns <= retry->most_ns)
		return;
	/* Who sets one of them means the other to follow. */
	if (!config_places_wrote(places, &retry->most_ns))
		retry->most_ns = retry->first_ns;
	else if (!config_places_wrote(places, &retry->first_ns))
		retry->first_ns = retry->most_ns;
	else
		complain(places, retry, &retry->most_ns,
		        "retry.most: shorter than retry.first; right is at least as long");
}

static void check_threads(struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t count = cores < 1 ? 1 : cores > 128 ? 128 : (uint32_t)cores;

	/* Delivery has the cipher's work, so it gets twice the threads. */
	if (config->threads.ingest == 0)
		config->threads.ingest = count < 8 ? 1 : count / 4;
	if (config->threads.delivery == 0)
		config->threads.delivery = count < 4 ? 1 : count / 2;
}

static void check_listener_tls(
        struct config_listener *listener, size_t index, struct config_places *places)
{
	const struct config_listener_tls *tls = &listener->tls;
	struct tls_context *context = NULL;
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	if (tls->certificate == NULL && tls->key == NULL) {
		if (tls->implicit)
			complain(places, tls, &tls->implicit,
			        "listeners[%zu].tls: implicit needs certificate and key", index);
		return;
	}
	if (tls->certificate == NULL || tls->key == NULL) {
		complain(places, tls, tls->key == NULL ? &tls->certificate : &tls->key,
		        "listeners[%zu].tls: %s is missing; right are certificate and key", index,
		        tls->key == NULL ? "key" : "certificate");
		return;
	}
	const struct tls_server_settings settings = { tls->certificate, tls->key };
	if (!places->keyless && access(tls->certificate, R_OK) == 0 &&
	        access(tls->key, R_OK) == 0 &&
	        failed(tls_context_server(&context, &settings, &why)))
		complain(places, tls, &tls->certificate, "listeners[%zu].tls: %s", index,
		        text_string(&why));
	tls_context_destroy(context);
}

static void check_users(
        const struct config_listener *listener, size_t index, struct config_places *places)
{
	struct users *users;

	if (listener->users_file == NULL)
		return;
	if (!places->keyless && !failed(users_load(&users, listener->users_file, places->report)))
		users_destroy(users);
	if (listener->tls.certificate == NULL && !listener->allow_plaintext_auth &&
	        !config_check_devices_sign_in(listener))
		remark(places, listener, &listener->users_file,
		        "listeners[%zu]: nobody can sign in without TLS: set tls, or "
		        "allow_plaintext_auth: true",
		        index);
}

/* Not there, or there without an item. One that was no list has been complained of. */
static bool is_empty(const struct config_places *places, const void *field, const void *items)
{
	const struct config_items *list = field;

	return list->count == 0 && (items != NULL || !config_places_wrote(places, field));
}

static void check_listeners(struct config *config, struct config_places *places)
{
	struct config_listener *listeners = (struct config_listener *)config->listeners.at;

	if (is_empty(places, &config->listeners, listeners))
		complain(places, config, &config->listeners,
		        "listeners: none; right is at least one, such as "
		        "- address: 127.0.0.1:2525");
	for (size_t i = 0; i < config->listeners.count; i++) {
		struct config_listener *listener = &listeners[i];

		if (listener->name == NULL)
			listener->name = config->name;
		for (size_t j = 0; j < i; j++)
			if (endpoint_equal(&listener->address, &listeners[j].address))
				complain(places, listener, &listener->address,
				        "listeners[%zu].address: listeners[%zu] has it already; "
				        "right is another address or port",
				        i, j);
		check_listener_tls(listener, i, places);
		check_users(listener, i, places);
		config_check_devices(listener, i, places);
		if (config_networks_hold_everybody(&listener->allow))
			remark(places, listener, &listener->allow,
			        "listeners[%zu].allow: everybody may relay: an open relay", i);
		if (config_networks_hold_everybody(&listener->proxy))
			remark(places, listener, &listener->proxy,
			        "listeners[%zu].proxy: everybody may say that he is somebody else, "
			        "and so relay as one of allow: an open relay",
			        i);
	}
}

static void inherit(struct config_limit *limit, const struct config_limit *from)
{
	if (!limit->set)
		*limit = *from;
}

static void check_identities(struct config *config, struct config_route *route, size_t index,
        struct config_places *places)
{
	struct config_identity *identities = (struct config_identity *)route->identities.at;

	for (size_t i = 0; i < route->identities.count; i++) {
		struct config_identity *identity = &identities[i];

		inherit(&identity->connections, &route->connections);
		inherit(&identity->messages_per_minute, &route->messages_per_minute);
		inherit(&identity->recipients_per_day, &route->recipients_per_day);
		inherit(&identity->recipients_per_message, &route->recipients_per_message);
		if (identity->user == NULL && !config_places_wrote(places, &identity->user))
			complain(places, identity, &identity->user,
			        "routes[%zu].identities[%zu]: user is missing; right is the "
			        "account to sign in as",
			        index, i);
		config_check_sign_in(config, route, index, i, places);
		for (size_t j = 0; j < i; j++)
			if (identity->user != NULL && identities[j].user != NULL &&
			        strcasecmp(identity->user, identities[j].user) == 0)
				complain(places, identity, &identity->user,
				        "routes[%zu].identities[%zu]: identities[%zu] is the "
				        "same user; right is each once",
				        index, i, j);
	}
}

/* Where the interface leaves TLS to us, whoever asks for a check or has something to keep
 * secret asks for TLS (I8). */
static void derive_tls_mode(struct config_route *route, const struct config_places *places)
{
	struct config_route_tls *tls = &route->tls;

	if (tls->mode != ROUTE_TLS_UNSET)
		return;
	tls->mode = config_section_preset_tls(route->interface);
	if (tls->mode == ROUTE_TLS_OPTIONAL &&
	        (tls->ca_file != NULL || tls->certificate != NULL || route->identities.count > 0 ||
	                (tls->verify && config_places_wrote(places, &tls->verify))))
		tls->mode = ROUTE_TLS_REQUIRED;
}

/* Exchange Online looks for no intermediate certificate: without them it takes us for a stranger,
 * and says no more than "Relay Access Denied". */
static void note_lone_certificate(
        const struct config_route *route, size_t index, struct config_places *places)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	char memory[PEM_BYTES_MAX];
	size_t bytes = 0;

	if (route->interface != INTERFACE_CONNECTOR || route->tls.certificate == NULL ||
	        failed(secret_file_read(
	                route->tls.certificate, (struct span){ memory, sizeof memory }, &bytes)))
		return;
	memory[bytes] = '\0';
	const char *first = strstr(memory, begin);
	if (first != NULL && strstr(first + 1, begin) == NULL)
		remark(places, &route->tls, &route->tls.certificate,
		        "routes[%zu].tls.certificate: the file holds one certificate alone; a "
		        "connector knows us by it only if those of its intermediate authorities "
		        "follow it there",
		        index);
}

static void check_route_tls(struct config_route *route, size_t index, struct tls_roots *roots,
        struct config_places *places)
{
	struct config_route_tls *tls = &route->tls;
	struct tls_context *context = NULL;
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	derive_tls_mode(route, places);
	if (tls->name == NULL)
		tls->name = route->host;
	if (tls->mode == ROUTE_TLS_NONE && route->identities.count > 0)
		complain(places, tls, &tls->mode,
		        "routes[%zu].tls.mode: none, but there are identities; right is "
		        "required, since no password goes out in the clear",
		        index);
	if (tls->mode == ROUTE_TLS_NONE && (tls->ca_file != NULL || tls->certificate != NULL))
		complain(places, tls, &tls->mode,
		        "routes[%zu].tls.mode: none, but there are certificates; right is "
		        "required, or neither ca_file nor certificate",
		        index);
	if ((tls->certificate == NULL) != (tls->key == NULL)) {
		complain(places, tls, tls->key == NULL ? &tls->certificate : &tls->key,
		        "routes[%zu].tls: %s is missing; right are certificate and key", index,
		        tls->key == NULL ? "key" : "certificate");
		return;
	}
	/* Without files of ours there is nothing to find, and the system's roots cost time. */
	if (tls->ca_file == NULL && tls->certificate == NULL)
		return;
	const struct tls_client_settings settings = {
		.verify = tls->verify,
		.ca_file = tls->ca_file,
		.roots = roots,
		.certificate_file = tls->certificate,
		.key_file = tls->key,
	};
	if ((tls->key == NULL || !places->keyless) &&
	        (tls->ca_file == NULL || access(tls->ca_file, R_OK) == 0) &&
	        (tls->certificate == NULL || access(tls->certificate, R_OK) == 0) &&
	        (tls->key == NULL || access(tls->key, R_OK) == 0) &&
	        failed(tls_context_client(&context, &settings, &why)))
		complain(places, tls, tls->ca_file != NULL ? &tls->ca_file : &tls->certificate,
		        "routes[%zu].tls: %s", index, text_string(&why));
	tls_context_destroy(context);
	note_lone_certificate(route, index, places);
}

static void check_route_name(
        struct config_route *routes, size_t index, struct config_places *places)
{
	struct config_route *route = &routes[index];

	if (route->name == NULL)
		route->name = config_interface_word(route->interface);
	for (size_t i = 0; i < index; i++)
		if (strcmp(route->name, routes[i].name) == 0)
			complain(places, route, &route->name,
			        "routes[%zu].name: routes[%zu] is named \"%s\" already; right is "
			        "a name of its own",
			        index, i, route->name);
}

static void remark_on_route(const struct config *config, const struct config_route *route,
        size_t index, struct config_places *places)
{
	if (route->interface == INTERFACE_SUBMISSION && route->identities.count == 0)
		remark(places, route, &route->interface,
		        "routes[%zu]: Exchange Online takes no submission without signing in: "
		        "set identities",
		        index);
	if (route->message_bytes != 0 && route->message_bytes < config->limits.message_bytes)
		remark(places, route, &route->message_bytes,
		        "routes[%zu]: carries %llu bytes a message; clients may hand in %llu "
		        "(limits.message), and what is larger bounces",
		        index, (unsigned long long)route->message_bytes,
		        (unsigned long long)config->limits.message_bytes);
}

/* Every mailbox may have as many messages under way as the service lets it. */
static void derive_sessions(struct config_route *route, const struct config_places *places)
{
	uint64_t sessions = 0;

	if (config_places_wrote(places, &route->sessions))
		return;
	for (size_t i = 0; i < route->identities.count; i++) {
		const uint64_t most = route->identities.at[i].connections.count;
		sessions += most == LIMIT_NONE ? 0 : most;
		if (sessions > SESSIONS_MOST)
			sessions = SESSIONS_MOST;
	}
	if (sessions > route->sessions)
		route->sessions = (uint32_t)sessions;
}

static void check_routes(struct config *config, struct config_places *places)
{
	struct config_route *routes = (struct config_route *)config->routes.at;
	struct tls_roots *roots;

	if (failed(tls_roots_create(&roots)))
		roots = NULL; /* each route parses its own, and is heard of if it can't */
	if (is_empty(places, &config->routes, routes))
		complain(places, config, &config->routes,
		        "routes: none; right is at least one with a host");
	config_check_tenants(config, places);
	for (size_t i = 0; i < config->routes.count; i++) {
		check_route_name(routes, i, places);
		config_check_tenancy(config, &routes[i], i, places);
		config_check_host(config, &routes[i], i, places);
		check_identities(config, &routes[i], i, places);
		derive_sessions(&routes[i], places);
		check_route_tls(&routes[i], i, roots, places);
		config_check_dane(config, &routes[i], i, places);
		remark_on_route(config, &routes[i], i, places);
		config_check_service(&routes[i], i, places);
	}
	tls_roots_destroy(roots);
	config_number_tokens(config);
	config_check_key_uses(config, places);
}

void config_check(struct config *config, struct config_places *places)
{
	check_name(config, places);
	check_limits(config, places);
	check_retry(config, places);
	check_threads(config);
	config_check_admin(config, places);
	config_check_dns(config);
	check_listeners(config, places);
	check_routes(config, places);
	config_accounts_number(config);
	config_check_rules(config, places);
	config_check_rehearsal(config, places);
	config_check_names(config, places);
	config_check_quota(config, places);
	config_check_user(config, places);
}
