/*
 * The files that the configuration names and that are read again while the relay runs: secrets,
 * what tokens are got with, the DNSSEC anchor. All others are read at start alone.
 *
 * Thread:  start-up.
 * Owns:    the list, until config_late_close(). Lends paths and places of the configuration.
 * Fails:   out of memory.
 */
#ifndef SLUICE_CONFIG_LATE_H
#define SLUICE_CONFIG_LATE_H

#include "engine/config.h"

struct config_late_file {
	const char *path;
	const char *key;     /* of the identity, "secret_file"; or from the top */
	const void *section; /* as config_places knows them */
	const void *field;
	size_t route; /* of the identity; of the anchor there is none */
	size_t identity;
	bool of_identity;
	bool replaced; /* written back, by a new file in its folder */
};

struct config_late {
	struct config_late_file *at;
	size_t count;
};

MUST_CHECK struct err config_late_open(struct config_late *late, const struct config *config);
/* "routes[0].identities[1].secret_file". */
void config_late_name(const struct config_late_file *file, struct text *text);
void config_late_close(struct config_late *late);

#endif
