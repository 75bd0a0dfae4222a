#include "engine/doorman.h"

#include "engine/io/crypto.h"
#include "queue/base/check.h"
#include "queue/base/map.h"

#include <pthread.h>
#include <stdlib.h>

struct doorman {
	pthread_mutex_t lock;
	size_t connections_max;
	size_t per_client_max;
	bool trusts_us; /* who comes from this host is not counted one by one */
	/* under lock */
	size_t connections;
	struct map clients; /* connections by address */
};

struct err doorman_create(struct doorman **result, size_t connections_max, size_t per_client_max)
{
	check(connections_max > 0);
	struct doorman *doorman = calloc(1, sizeof *doorman);
	if (doorman == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	/* Strangers choose the addresses: a seed of ours keeps them from choosing the slots. */
	struct err err = map_init(&doorman->clients, connections_max, crypto_random_u64());
	if (failed(err)) {
		free(doorman);
		return err;
	}
	doorman->connections_max = connections_max;
	doorman->per_client_max = per_client_max > 0 ? per_client_max : DOORMAN_PER_CLIENT;
	doorman->trusts_us = per_client_max == 0;
	check(pthread_mutex_init(&doorman->lock, NULL) == 0);
	*result = doorman;
	return err_ok();
}

void doorman_lower(struct doorman *doorman, size_t connections_max)
{
	check(doorman->connections == 0);
	check(connections_max > 0);
	check(connections_max <= doorman->connections_max);
	doorman->connections_max = connections_max;
}

void doorman_destroy(struct doorman *doorman)
{
	if (doorman == NULL)
		return;
	check(doorman->connections == 0);
	check(doorman->clients.count == 0);
	check(pthread_mutex_destroy(&doorman->lock) == 0);
	map_finish(&doorman->clients);
	free(doorman);
}

/* An IPv6 client has 2^64 addresses of its own to come from: its network counts as one. */
static struct map_key doorman_key(const struct endpoint *client)
{
	struct map_key key;

	memcpy(&key.high, client->address, sizeof key.high);
	memcpy(&key.low, client->address + sizeof key.high, sizeof key.low);
	if (!endpoint_is_ipv4(client))
		key.low = 0;
	return key;
}

enum doorman_answer doorman_admit(struct doorman *doorman, const struct endpoint *client)
{
	const struct map_key key = doorman_key(client);
	enum doorman_answer answer = DOORMAN_WELCOME;

	check(pthread_mutex_lock(&doorman->lock) == 0);
	uint64_t *count = map_find(&doorman->clients, key);
	if (doorman->connections >= doorman->connections_max) {
		answer = DOORMAN_FULL;
	} else if (count != NULL && *count >= doorman->per_client_max &&
	           !(doorman->trusts_us && endpoint_is_loopback(client))) {
		answer = DOORMAN_CLIENT_FULL;
	} else {
		doorman->connections++;
		if (count != NULL)
			++*count;
		else /* There are no more clients than connections, so it has room. */
			check(map_set(&doorman->clients, key, 1));
	}
	check(pthread_mutex_unlock(&doorman->lock) == 0);
	return answer;
}

void doorman_leave(struct doorman *doorman, const struct endpoint *client)
{
	const struct map_key key = doorman_key(client);

	check(pthread_mutex_lock(&doorman->lock) == 0);
	uint64_t *count = map_find(&doorman->clients, key);
	check(count != NULL);
	check(doorman->connections > 0);
	doorman->connections--;
	if (--*count == 0)
		check(map_remove(&doorman->clients, key));
	check(pthread_mutex_unlock(&doorman->lock) == 0);
}

size_t doorman_count(struct doorman *doorman)
{
	check(pthread_mutex_lock(&doorman->lock) == 0);
	size_t count = doorman->connections;
	check(pthread_mutex_unlock(&doorman->lock) == 0);
	return count;
}
