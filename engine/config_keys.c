#include "engine/config_keys.h"

#include <stdlib.h>

static void add(struct config_keys *keys, const char *key, const char *certificate)
{
	if (key == NULL || certificate == NULL)
		return;
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->keys[i], key) == 0)
			return;
	keys->keys[keys->count] = key;
	keys->certificates[keys->count++] = certificate;
}

struct err config_keys_open(struct config_keys *keys, const struct config *config)
{
	const size_t most = config->listeners.count + config->routes.count;

	*keys = (struct config_keys){
		.keys = calloc(most + 1, sizeof *keys->keys),
		.certificates = calloc(most + 1, sizeof *keys->certificates),
	};
	if (keys->keys == NULL || keys->certificates == NULL) {
		config_keys_close(keys);
		return err_make(ERR_NO_MEMORY, 0);
	}
	for (size_t i = 0; i < config->listeners.count; i++)
		add(keys, config->listeners.at[i].tls.key, config->listeners.at[i].tls.certificate);
	for (size_t i = 0; i < config->routes.count; i++)
		if (config->routes.at[i].tls.mode != ROUTE_TLS_NONE)
			add(keys, config->routes.at[i].tls.key,
			        config->routes.at[i].tls.certificate);
	return err_ok();
}

void config_keys_close(struct config_keys *keys)
{
	free(keys->keys);
	free(keys->certificates);
	*keys = (struct config_keys){ .keys = NULL };
}
