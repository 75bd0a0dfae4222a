#include "engine/config_late.h"

#include "queue/base/check.h"

#include <stdlib.h>

#define FILES_PER_IDENTITY 6

static void add_identity(
        struct config_late *late, const struct config *config, size_t route, size_t identity);

struct err config_late_open(struct config_late *late, const struct config *config)
{
	size_t most = 1;

	for (size_t i = 0; i < config->routes.count; i++)
		most += config->routes.at[i].identities.count * FILES_PER_IDENTITY;
	*late = (struct config_late){ .at = calloc(most, sizeof *late->at) };
	if (late->at == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	/* The library keeps its name, and reads it when the first name is looked up. */
	if (config->dns.trust_anchor != NULL)
		late->at[late->count++] = (struct config_late_file){
			.path = config->dns.trust_anchor,
			.key = "dns.trust_anchor",
			.section = &config->dns,
			.field = &config->dns.trust_anchor,
		};
	for (size_t i = 0; i < config->routes.count; i++)
		for (size_t j = 0; j < config->routes.at[i].identities.count; j++)
			add_identity(late, config, i, j);
	check(late->count <= most);
	return err_ok();
}

/* What an identity inherits is its own by now. */
static void add_identity(
        struct config_late *late, const struct config *config, size_t route, size_t identity)
{
	const struct config_identity *from = &config->routes.at[route].identities.at[identity];
	const struct config_oauth *oauth = &from->oauth;
	const bool asks =
	        from->auth == IDENTITY_AUTH_XOAUTH2 &&
	        (oauth->flow == FLOW_CLIENT_CREDENTIALS || oauth->flow == FLOW_REFRESH_TOKEN);
	const bool refreshes = asks && oauth->flow == FLOW_REFRESH_TOKEN;
	const struct {
		const char *key;
		const char *const *field;
		bool read;
		bool replaced;
	} files[FILES_PER_IDENTITY] = {
		{ "secret_file", &from->secret_file, true, false },
		{ "oauth.client_secret_file", &oauth->client_secret_file, asks, false },
		{ "oauth.certificate", &oauth->certificate, asks, false },
		{ "oauth.key", &oauth->key, asks, false },
		{ "oauth.ca_file", &oauth->ca_file, asks, false },
		{ "oauth.refresh_token_file", &oauth->refresh_token_file, refreshes, true },
	};

	for (size_t i = 0; i < FILES_PER_IDENTITY; i++)
		if (files[i].read && *files[i].field != NULL)
			late->at[late->count++] = (struct config_late_file){
				.path = *files[i].field,
				.key = files[i].key,
				.section = from,
				.field = files[i].field,
				.route = route,
				.identity = identity,
				.of_identity = true,
				.replaced = files[i].replaced,
			};
}

void config_late_name(const struct config_late_file *file, struct text *text)
{
	if (file->of_identity)
		text_format(text, "routes[%zu].identities[%zu].", file->route, file->identity);
	text_put(text, view_of(file->key));
}

void config_late_close(struct config_late *late)
{
	free(late->at);
	*late = (struct config_late){ .at = NULL };
}
