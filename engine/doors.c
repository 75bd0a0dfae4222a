#include "engine/doors.h"

#include "queue/base/check.h"

#include <stdlib.h>

static struct err door_make_tls(struct door *door, enum tls_oldest oldest, struct tls_keys *keys,
        struct tls_context **result, struct text *why)
{
	const struct config_listener_tls *tls = &door->config->tls;
	const struct tls_server_settings settings = {
		.certificate_file = tls->certificate,
		.key_file = tls->key,
		.keys = keys,
		.oldest = oldest,
	};

	return tls->certificate == NULL ? err_ok() : tls_context_server(result, &settings, why);
}

static struct err door_devices_open(struct door *door, struct tls_keys *keys, struct text *why)
{
	static const enum tls_oldest oldest[] = {
		[DEVICE_TLS_1_0] = TLS_OLDEST_1_0,
		[DEVICE_TLS_1_1] = TLS_OLDEST_1_1,
		[DEVICE_TLS_1_2] = TLS_OLDEST_1_2,
	};
	const struct config_old_devices *devices = &door->config->old_devices;

	if (devices->count == 0)
		return err_ok();
	door->devices = calloc(devices->count, sizeof *door->devices);
	if (door->devices == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	door->device_count = devices->count;
	for (size_t i = 0; i < devices->count; i++) {
		struct door_device *device = &door->devices[i];
		device->config = &devices->at[i];
		if (device->config->tls == DEVICE_TLS_UNSET)
			continue;
		struct err err =
		        door_make_tls(door, oldest[device->config->tls], keys, &device->tls, why);
		if (failed(err))
			return err;
	}
	return err_ok();
}

static struct err door_open(
        struct door *door, const struct config *config, struct tls_keys *keys, struct text *why)
{
	const struct config_listener *listener = door->config;

	door->name = listener->name != NULL ? listener->name : config->name;
	check(door->name != NULL);
	struct text address = TEXT_ON(door->address);
	endpoint_format(&address, &listener->address);
	(void)text_string(&address);
	struct err err = door_make_tls(door, TLS_OLDEST_GOOD, keys, &door->tls, why);
	return failed(err) ? err : door_devices_open(door, keys, why);
}

struct err doors_open(struct doors **result, const struct config *config, struct tls_keys *keys,
        struct handed *handed, struct text *why)
{
	const size_t count = config->listeners.count;
	struct err err;

	check(count > 0);
	struct doors *doors = calloc(1, sizeof *doors);
	if (doors == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	doors->config = config;
	doors->at = calloc(count, sizeof *doors->at);
	if (doors->at == NULL) {
		err = err_make(ERR_NO_MEMORY, 0);
		goto fail;
	}
	doors->count = count;
	err = doorman_create(
	        &doors->doorman, config->limits.connections, config->limits.connections_per_client);
	if (failed(err))
		goto fail;
	for (size_t i = 0; i < count; i++) {
		doors->at[i].config = &config->listeners.at[i];
		doors->at[i].number = (uint16_t)i;
		doors->at[i].socket = -1;
		if (handed != NULL)
			doors->at[i].socket = handed_find(handed, &config->listeners.at[i].address);
		err = door_open(&doors->at[i], config, keys, why);
		if (failed(err))
			goto fail;
	}
	*result = doors;
	return err_ok();

fail:
	if (why->bytes == 0)
		text_put(why, view_of(err_text(err.code)));
	doors_close(doors);
	return err;
}

void doors_close(struct doors *doors)
{
	if (doors == NULL)
		return;
	for (size_t i = 0; i < doors->count; i++) {
		struct door *door = &doors->at[i];
		for (size_t j = 0; j < door->device_count; j++)
			tls_context_destroy(door->devices[j].tls);
		free(door->devices);
		tls_context_destroy(door->tls);
	}
	doorman_destroy(doors->doorman);
	free(doors->at);
	free(doors);
}

const struct door_device *door_device_of(const struct door *door, const struct endpoint *client)
{
	for (size_t i = 0; i < door->device_count; i++)
		if (config_networks_contain(&door->devices[i].config->networks, client))
			return &door->devices[i];
	return NULL;
}
