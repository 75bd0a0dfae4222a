/*
 * Doors: what all ingest shards share of the listeners: certificates, who may relay, which old
 * devices are let in, and the doorman.
 *
 * Thread:  opened at start, before the shards; constant afterwards, so any thread reads it.
 * Owns:    TLS contexts and the doorman; lends the configuration.
 * Fails:   with a sentence that names the file and what is wrong with it.
 */
#ifndef SLUICE_DOORS_H
#define SLUICE_DOORS_H

#include "engine/config.h"
#include "engine/doorman.h"
#include "engine/io/handed.h"
#include "engine/io/tls.h"

/* Old devices that are let in here by name. */
struct door_device {
	const struct config_old_device *config;
	struct tls_context *tls; /* NULL: the door's */
};

struct door {
	const struct config_listener *config;
	char address[ENDPOINT_TEXT_BYTES]; /* where it listens, as text */
	const char *name;                  /* what we call ourselves here */
	struct tls_context *tls;           /* NULL: none */
	uint16_t number;                   /* of the listener */
	int socket;                        /* handed over, lent; -1: it makes its own */
	struct door_device *devices;       /* one for each of the listener's old_devices */
	size_t device_count;
};

struct doors {
	const struct config *config;
	struct doorman *doorman;
	struct door *at;
	size_t count; /* at least 1 */
};

/* `keys`: who has the private keys; NULL: they are read here. `handed`: sockets to listen on; NULL:
 * there are none. */
MUST_CHECK struct err doors_open(struct doors **result, const struct config *config,
        struct tls_keys *keys, struct handed *handed, struct text *why);
/* No connection is left. NULL is fine. */
void doors_close(struct doors *doors);
/* Which of the old devices the client is; NULL: none. */
const struct door_device *door_device_of(const struct door *door, const struct endpoint *client);

#endif
