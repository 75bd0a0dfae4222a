#include "engine/inbound_device.h"

#include "engine/inbound_log.h"
#include "queue/base/check.h"

#include <assert.h>

static_assert(DEVICE_USE_COUNT <= 8, "a bit each in inbound->device_uses");

static const char *const device_words[] = {
#define X(name, word) [DEVICE_USE_##name] = word,
	DEVICE_USES(X)
#undef X
};

struct tls_context *inbound_device_tls(const struct inbound *inbound)
{
	const struct door_device *device = inbound->device;

	return device != NULL && device->tls != NULL ? device->tls : inbound->door->tls;
}

bool inbound_device_may_auth_plainly(const struct inbound *inbound)
{
	const struct door_device *device = inbound->device;

	return inbound->door->config->allow_plaintext_auth ||
	       (device != NULL && device->config->auth_without_tls);
}

bool inbound_device_repairs(const struct inbound *inbound)
{
	const struct door_device *device = inbound->device;

	if (device != NULL && device->config->bare_lf != BARE_LF_UNSET)
		return device->config->bare_lf == BARE_LF_REPAIR;
	return inbound->door->config->bare_lf == BARE_LF_REPAIR;
}

bool inbound_device_is_tolerant(const struct inbound *inbound)
{
	return inbound->device != NULL && inbound->device->config->tolerant;
}

/* Whether it may only by its profile. */
static bool device_needs(const struct inbound *inbound, enum device_use use)
{
	const struct config_old_device *device = inbound->device->config;

	switch (use) {
	case DEVICE_USE_TLS:
		return inbound->device->tls != NULL;
	case DEVICE_USE_PLAIN_AUTH:
		return !inbound->door->config->allow_plaintext_auth;
	case DEVICE_USE_BARE_LF:
		return device->bare_lf == BARE_LF_REPAIR &&
		       inbound->door->config->bare_lf != BARE_LF_REPAIR;
	case DEVICE_USE_GRAMMAR:
		return device->tolerant;
	case DEVICE_USE_COUNT:
		break;
	}
	return false;
}

void inbound_device_use(struct inbound *inbound, enum device_use use, struct view said)
{
	const uint8_t bit = (uint8_t)(1u << use);

	check(use < DEVICE_USE_COUNT);
	if (inbound->device == NULL || (inbound->device_uses & bit) != 0 ||
	        !device_needs(inbound, use))
		return;
	inbound->device_uses |= bit;
	inbound_log_old_device(inbound, device_words[use], said);
}
