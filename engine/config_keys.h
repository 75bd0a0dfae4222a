/*
 * The private keys that the configuration names for TLS, in one order wherever they are counted:
 * the engine asks its keeper for them by number.
 *
 * Thread:  start-up.
 * Owns:    the list, until config_keys_close(). Lends paths of the configuration.
 * Fails:   out of memory.
 */
#ifndef SLUICE_CONFIG_KEYS_H
#define SLUICE_CONFIG_KEYS_H

#include "engine/config.h"

struct config_keys {
	const char **keys;         /* each file once */
	const char **certificates; /* of each */
	size_t count;
};

MUST_CHECK struct err config_keys_open(struct config_keys *keys, const struct config *config);
void config_keys_close(struct config_keys *keys);

#endif
