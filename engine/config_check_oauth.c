#include "engine/config_check_oauth.h"

#include "engine/config_arena.h"
#include "engine/config_file.h"
#include "engine/io/crypto.h"
#include "engine/secret_file.h"
#include "queue/base/check.h"
#include "queue/base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#define PEM_BYTES_MAX  65536 /* a chain of ten certificates has a third of that */
#define WHY_BYTES      512
#define URL_BYTES      512
#define EXPIRY_NOTED_S (30LL * 86400) /* long enough before to get another certificate */
#define TIMEOUT_NS     (30 * NS_PER_S)
#define MARGIN_NS      (5 * 60 * NS_PER_S)  /* reference.md 4.2 */
#define MARGIN_HVE_NS  (15 * 60 * NS_PER_S) /* refused 8 to 10 minutes before its end already */
#define LEVELS         3                    /* identity, route, tenant */

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)
#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

static const struct cloud {
	const char *login;
	const char *resource;        /* of an app's token */
	const char *person_resource; /* of a person's */
	const char *submission;
	const char *hve;
} clouds[CLOUD_COUNT] = {
#define X(name, word, login, resource, person, submission, hve)                                    \
	[CLOUD_##name] = { login, resource, person, submission, hve },
	CONFIG_CLOUDS(X)
#undef X
};

/* What an identity is made of, the nearest first. */
struct levels {
	const struct config_oauth *at[LEVELS];
	size_t count;
};

static enum oauth_flow flow_of(const struct config_oauth *oauth)
{
	if (oauth->flow != FLOW_UNSET)
		return oauth->flow;
	if (oauth->command.count > 0)
		return FLOW_COMMAND;
	if (oauth->refresh_token_file != NULL)
		return FLOW_REFRESH_TOKEN;
	if (oauth->client_secret_file != NULL || oauth->certificate != NULL || oauth->key != NULL)
		return FLOW_CLIENT_CREDENTIALS;
	return FLOW_UNSET;
}

/* Tenants and sections. */

static void check_pair(
        const struct config_oauth *oauth, const char *where, struct config_places *places)
{
	char memory[2][PEM_BYTES_MAX];
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);
	size_t bytes[2] = { 0 };
	int64_t expires_s = 0;

	if (oauth->certificate == NULL && oauth->key == NULL)
		return;
	if (oauth->certificate == NULL || oauth->key == NULL) {
		complain(places, oauth, oauth->key == NULL ? &oauth->certificate : &oauth->key,
		        "%s: %s is missing; right are certificate and key", where,
		        oauth->key == NULL ? "key" : "certificate");
		return;
	}
	if (oauth->client_secret_file != NULL)
		complain(places, oauth, &oauth->client_secret_file,
		        "%s: there are a client secret and a certificate; right is one of them",
		        where);
	/* What can't be read has been complained of. */
	if (places->keyless ||
	        failed(secret_file_read(oauth->certificate,
	                (struct span){ memory[0], PEM_BYTES_MAX }, &bytes[0])) ||
	        failed(secret_file_read(
	                oauth->key, (struct span){ memory[1], PEM_BYTES_MAX }, &bytes[1])))
		return;
	const bool usable = crypto_pair_is_usable(
	        view_from(memory[0], bytes[0]), view_from(memory[1], bytes[1]), &expires_s, &why);
	crypto_wipe(memory, sizeof memory);
	const int64_t left_s = expires_s - clock_wall().ms / 1000;
	if (!usable)
		complain(places, oauth, &oauth->certificate, "%s.certificate: %s", where,
		        text_string(&why));
	else if (left_s < EXPIRY_NOTED_S)
		remark(places, oauth, &oauth->certificate,
		        "%s.certificate: it ends in %lld days; upload another to the app "
		        "registration before",
		        where, (long long)(left_s / 86400));
}

static void check_command(
        const struct config_oauth *oauth, const char *where, struct config_places *places)
{
	const char *const *words = oauth->command.at;

	if (oauth->command.count > 0 && access(words[0], X_OK) != 0)
		complain(places, oauth, &oauth->command,
		        "%s.command: %s is no program that we may run; right is its path", where,
		        words[0]);
}

/* A program's path is seen from the file's folder, as every path is. */
static void join_command(struct config *config, struct config_oauth *oauth)
{
	const char **words;

	if (oauth->command.count == 0)
		return;
	words = config_arena_take(config->arena, (oauth->command.count + 1) * sizeof *words);
	memcpy(words, oauth->command.at, oauth->command.count * sizeof *words);
	words[0] = config_file_join(config->arena, config->path, view_of(words[0]));
	oauth->command.at = words; /* and a NULL behind them, as a program's arguments have */
}

static void check_section(struct config *config, struct config_oauth *oauth, const char *where,
        struct config_places *places)
{
	join_command(config, oauth);
	check_pair(oauth, where, places);
	check_command(oauth, where, places);
}

void config_check_tenants(struct config *config, struct config_places *places)
{
	struct config_tenant *tenants = (struct config_tenant *)config->tenants.at;
	struct config_route *routes = (struct config_route *)config->routes.at;
	char where[WHY_BYTES];

	for (size_t i = 0; i < config->tenants.count; i++) {
		struct config_tenant *tenant = &tenants[i];

		if (tenant->name == NULL && tenant->id == NULL)
			complain(places, tenant, &tenant->name,
			        "tenants[%zu]: name is missing; right are a name and the id", i);
		if (tenant->name == NULL)
			tenant->name = tenant->id != NULL ? tenant->id : "";
		for (size_t j = 0; j < i; j++)
			if (strcasecmp(tenant->name, tenants[j].name) == 0)
				complain(places, tenant, &tenant->name,
				        "tenants[%zu]: tenants[%zu] is named \"%s\" already; "
				        "right is a name of its own",
				        i, j, tenant->name);
		snprintf(where, sizeof where, "tenants[%zu].oauth", i);
		check_section(config, &tenant->oauth, where, places);
	}
	for (size_t i = 0; i < config->routes.count; i++) {
		struct config_identity *identities =
		        (struct config_identity *)routes[i].identities.at;

		snprintf(where, sizeof where, "routes[%zu].oauth", i);
		check_section(config, &routes[i].oauth, where, places);
		for (size_t j = 0; j < routes[i].identities.count; j++) {
			snprintf(where, sizeof where, "routes[%zu].identities[%zu].oauth", i, j);
			check_section(config, &identities[j].oauth, where, places);
		}
	}
}

/* Routes. */

static const struct config_tenant *find_tenant(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->tenants.count; i++)
		if (strcasecmp(config->tenants.at[i].name, name) == 0)
			return &config->tenants.at[i];
	return NULL;
}

void config_check_tenancy(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places)
{
	if (config->tenants.count > 0)
		route->tenancy = &config->tenants.at[0];
	if (route->tenant != NULL) {
		route->tenancy = find_tenant(config, route->tenant);
		if (route->tenancy == NULL)
			complain(places, route, &route->tenant,
			        "routes[%zu].tenant: no tenant is named \"%s\"; right is a name "
			        "in tenants",
			        index, route->tenant);
	}
	if (route->tenancy == NULL || config_places_wrote(places, &route->host))
		return;
	const struct cloud *cloud = &clouds[route->tenancy->cloud];
	if (route->interface == INTERFACE_SUBMISSION)
		route->host = cloud->submission;
	else if (route->interface == INTERFACE_HVE)
		route->host = cloud->hve;
}

/* Identities. */

static struct levels levels_of(
        const struct config_route *route, const struct config_identity *identity)
{
	struct levels levels = { { &identity->oauth, &route->oauth }, 2 };

	if (route->tenancy != NULL)
		levels.at[levels.count++] = &route->tenancy->oauth;
	return levels;
}

static enum oauth_flow choose_flow(
        const struct levels *levels, const struct config_identity *identity)
{
	for (size_t i = 0; i < levels->count; i++) {
		const enum oauth_flow flow = flow_of(levels->at[i]);

		if (flow != FLOW_UNSET)
			return flow;
		if (i == 0 && identity->secret_file != NULL)
			return FLOW_FILE;
	}
	return FLOW_UNSET;
}

static bool says_file(const struct levels *levels)
{
	for (size_t i = 0; i < levels->count; i++)
		if (levels->at[i]->flow == FLOW_FILE)
			return true;
	return false;
}

/* The nearest level that says something says it. */
static struct config_oauth inherit(const struct levels *levels)
{
	struct config_oauth all = { 0 };

	for (size_t i = 0; i < levels->count; i++) {
		const struct config_oauth *from = levels->at[i];

#define TAKE(field)                                                                                \
	if (all.field == 0)                                                                        \
	all.field = from->field
		/* Secret and certificate are two ways of one thing, and come together; they are
		 * the app's that is named here or nearer, not those of another farther away. */
		if (all.client_id == NULL && all.client_secret_file == NULL &&
		        all.certificate == NULL) {
			all.client_secret_file = from->client_secret_file;
			all.certificate = from->certificate;
			all.key = from->key;
		}
		TAKE(client_id);
		TAKE(refresh_token_file);
		TAKE(token_url);
		TAKE(scope);
		TAKE(ca_file);
		TAKE(proxy);
		TAKE(timeout_ns);
		TAKE(margin_ns);
#undef TAKE
		if (all.command.count == 0)
			all.command = from->command;
	}
	return all;
}

/* What a flow asks of the endpoint, by the tenant's cloud. */
static void fill_in(
        struct config_oauth *oauth, const struct config_route *route, struct config_arena *arena)
{
	const struct config_tenant *tenant = route->tenancy;
	char memory[URL_BYTES];
	struct text text = TEXT_ON(memory);

	oauth->tenancy = tenant;
	if (oauth->timeout_ns == 0)
		oauth->timeout_ns = TIMEOUT_NS;
	if (oauth->margin_ns == 0)
		oauth->margin_ns = route->interface == INTERFACE_HVE ? MARGIN_HVE_NS : MARGIN_NS;
	const struct cloud *cloud = &clouds[tenant != NULL ? tenant->cloud : CLOUD_WORLDWIDE];
	if (oauth->token_url == NULL && tenant != NULL && tenant->id != NULL) {
		text_format(&text, "https://%s/%s/oauth2/v2.0/token", cloud->login, tenant->id);
		oauth->token_url = config_arena_copy(arena, text_view(&text));
		text.bytes = 0;
	}
	if (oauth->scope == NULL) {
		if (oauth->flow == FLOW_CLIENT_CREDENTIALS)
			text_format(&text, "%s/.default", cloud->resource);
		else
			text_format(&text, "%s/SMTP.Send offline_access", cloud->person_resource);
		oauth->scope = config_arena_copy(arena, text_view(&text));
	}
}

static void check_enough(const struct config_identity *identity, size_t index, size_t at,
        struct config_places *places)
{
	const struct config_oauth *oauth = &identity->oauth;
	const struct {
		enum oauth_flow flow;
		bool there;
		const char *what;
	} needs[] = {
		{ FLOW_CLIENT_CREDENTIALS, oauth->client_id != NULL,
		        "client_id is missing; right is the app's Application (client) ID" },
		{ FLOW_CLIENT_CREDENTIALS,
		        oauth->client_secret_file != NULL || oauth->certificate != NULL,
		        "the app's credential is missing; right is client_secret_file, or "
		        "certificate and key" },
		{ FLOW_CLIENT_CREDENTIALS, oauth->token_url != NULL,
		        "the token endpoint is not known; right is an id of the tenant, or "
		        "token_url" },
		{ FLOW_REFRESH_TOKEN, oauth->client_id != NULL,
		        "client_id is missing; right is the app's Application (client) ID" },
		{ FLOW_REFRESH_TOKEN, oauth->refresh_token_file != NULL,
		        "refresh_token_file is missing; right is a file that holds one" },
		{ FLOW_REFRESH_TOKEN, oauth->token_url != NULL,
		        "the token endpoint is not known; right is an id of the tenant, or "
		        "token_url" },
		{ FLOW_COMMAND, oauth->command.count > 0,
		        "command is missing; right is a program's path and its arguments" },
		{ FLOW_FILE, identity->secret_file != NULL,
		        "secret_file is missing; right is a file that holds the token, or oauth" },
	};

	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
		if (needs[i].flow == oauth->flow && !needs[i].there &&
		        !config_places_wrote(places, &identity->secret_file))
			complain(places, identity, &identity->oauth.flow,
			        "routes[%zu].identities[%zu].oauth: %s (flow %s)", index, at,
			        needs[i].what, config_flow_word(oauth->flow));
	if (identity->secret_file != NULL && oauth->flow != FLOW_FILE)
		complain(places, identity, &identity->secret_file,
		        "routes[%zu].identities[%zu].secret_file: the flow %s does not use it; "
		        "right is secret_file or oauth",
		        index, at, config_flow_word(oauth->flow));
}

static void check_password(const struct config_identity *identity, size_t index, size_t at,
        struct config_places *places)
{
	if (flow_of(&identity->oauth) != FLOW_UNSET)
		complain(places, identity, &identity->auth,
		        "routes[%zu].identities[%zu].oauth: auth is %s, which takes no token; "
		        "right is xoauth2",
		        index, at, config_auth_word(identity->auth));
	else if (identity->secret_file == NULL &&
	         !config_places_wrote(places, &identity->secret_file))
		complain(places, identity, &identity->secret_file,
		        "routes[%zu].identities[%zu]: secret_file is missing; right is a file "
		        "that holds the password, or oauth to sign in with a token",
		        index, at);
}

void config_check_sign_in(struct config *config, struct config_route *route, size_t index,
        size_t at, struct config_places *places)
{
	struct config_identity *identity = (struct config_identity *)&route->identities.at[at];
	const struct levels levels = levels_of(route, identity);
	const enum oauth_flow flow = choose_flow(&levels, identity);

	/* A secret_file alone holds a password. */
	if (identity->auth == IDENTITY_AUTH_UNSET)
		identity->auth = flow == FLOW_UNSET || (flow == FLOW_FILE && !says_file(&levels))
		                         ? IDENTITY_AUTH_PASSWORD
		                         : IDENTITY_AUTH_XOAUTH2;
	if (identity->auth != IDENTITY_AUTH_XOAUTH2) {
		check_password(identity, index, at, places);
		return;
	}
	struct config_oauth all = inherit(&levels);
	/* A file holds the token: without any other word it is that file which is missing. */
	all.flow = flow == FLOW_UNSET ? FLOW_FILE : flow;
	fill_in(&all, route, config->arena);
	identity->oauth = all;
	check_enough(identity, index, at, places);
}

/* Numbers. */

/* Whether a listener or a route shakes hands with it. */
static bool is_for_tls(const struct config *config, const char *key)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.at[i].tls.key != NULL &&
		        strcmp(config->listeners.at[i].tls.key, key) == 0)
			return true;
	for (size_t i = 0; i < config->routes.count; i++)
		if (config->routes.at[i].tls.key != NULL &&
		        strcmp(config->routes.at[i].tls.key, key) == 0)
			return true;
	return false;
}

/* Whoever took over the engine has handshakes signed, and so whatever else that key signs. */
void config_check_key_uses(const struct config *config, struct config_places *places)
{
	for (size_t i = 0; i < config->tenants.count; i++) {
		const struct config_oauth *oauth = &config->tenants.at[i].oauth;

		if (oauth->key != NULL && is_for_tls(config, oauth->key))
			remark(places, oauth, &oauth->key,
			        "tenants[%zu].oauth.key: TLS has this key too, so whoever can sign "
			        "handshakes with it can get tokens; better is one of its own",
			        i);
	}
}

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare(const void *left, const void *right)
{
	const struct config_oauth *a = &(*(struct config_identity *const *)left)->oauth;
	const struct config_oauth *b = &(*(struct config_identity *const *)right)->oauth;
	int order = (int)a->flow - (int)b->flow;

#define THEN(field) order = order != 0 ? order : compare_texts(a->field, b->field)
	if (a->flow == FLOW_COMMAND) {
		if (a->command.count != b->command.count)
			return a->command.count < b->command.count ? -1 : 1;
		for (size_t i = 0; i < a->command.count; i++)
			THEN(command.at[i]);
		return order;
	}
	THEN(token_url);
	THEN(client_id);
	THEN(scope);
	if (a->flow == FLOW_REFRESH_TOKEN)
		THEN(refresh_token_file);
	THEN(client_secret_file);
	THEN(certificate);
	THEN(ca_file);
	THEN(proxy);
#undef THEN
	return order;
}

void config_number_tokens(struct config *config)
{
	size_t count = 0;

	for (size_t i = 0; i < config->routes.count; i++)
		count += config->routes.at[i].identities.count;
	struct config_identity **all = config_arena_take(config->arena, count * sizeof(void *));
	count = 0;
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_identities *identities = &config->routes.at[i].identities;

		for (size_t j = 0; j < identities->count; j++) {
			const struct config_identity *identity = &identities->at[j];
			if (identity->auth == IDENTITY_AUTH_XOAUTH2 &&
			        identity->oauth.flow != FLOW_FILE)
				all[count++] = (struct config_identity *)identity;
		}
	}
	qsort(all, count, sizeof(void *), compare);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && compare(&all[i - 1], &all[i]) != 0)
			config->token_count++;
		all[i]->token = config->token_count;
	}
	config->token_count += count > 0;
}
