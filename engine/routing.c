#include "engine/routing.h"

#include "queue/base/check.h"

static struct routing routing_for_null_sender(const struct config *config, bool all_internal);
static bool routing_all_internal(const struct config *config, const struct message *message);
static const char *routing_mailbox(const struct config_route *route);
static bool routing_is_internal(const struct config *config, struct view address);

struct routing routing_pick(const struct config *config, const struct message *message)
{
	check(config->routes.count > 0);
	if (!message_sender_is_null(message))
		return (struct routing){ .found = true };

	return routing_for_null_sender(config, routing_all_internal(config, message));
}

struct routing routing_pick_report(const struct config *config, struct view recipient)
{
	return routing_for_null_sender(config, routing_is_internal(config, recipient));
}

static struct routing routing_for_null_sender(const struct config *config, bool all_internal)
{
	for (size_t i = 0; i < config->routes.count; i++)
		if (routing_carries_null_sender(&config->routes.at[i], all_internal))
			return (struct routing){ .found = true, .route = (uint16_t)i };
	for (size_t i = 0; i < config->routes.count; i++) {
		const char *mailbox = routing_mailbox(&config->routes.at[i]);
		if (mailbox != NULL)
			return (struct routing){
				.found = true,
				.route = (uint16_t)i,
				.mailbox = mailbox,
			};
	}
	return (struct routing){ .found = false };
}

bool routing_suits(const struct config *config, uint16_t route, const struct message *message)
{
	check(route < config->routes.count);
	const struct config_route *settings = &config->routes.at[route];

	return !message_sender_is_null(message) || routing_mailbox(settings) != NULL ||
	       routing_carries_null_sender(settings, routing_all_internal(config, message));
}

/* Direct send goes to our own domains alone, whoever it is from. */
static const char *routing_mailbox(const struct config_route *route)
{
	return route->interface == INTERFACE_DIRECT ? NULL : route->notices_from;
}

static bool routing_all_internal(const struct config *config, const struct message *message)
{
	struct message_cursor at = message_recipients(message);
	struct message_recipient recipient;

	while (message_next_recipient(&at, &recipient))
		if (!routing_is_internal(config, recipient.address))
			return false;
	return true;
}

bool routing_carries_null_sender(const struct config_route *route, bool all_internal)
{
	switch (route->interface) {
	case INTERFACE_DIRECT:
		return all_internal;
	case INTERFACE_CONNECTOR:
		return route->tls.certificate != NULL;
	default:
		return false;
	}
}

struct view routing_null_sender(const struct config_route *route)
{
	return view_of(routing_carries_null_sender(route, true) ? NULL : routing_mailbox(route));
}

static bool routing_is_internal(const struct config *config, struct view address)
{
	size_t at = address.bytes;

	while (at > 0 && address.data[at - 1] != '@')
		at--;
	return at > 0 && config_accepts_domain(config, view_skip(address, at));
}
