#include "engine/routing.h"

#include "queue/address.h"
#include "queue/base/check.h"

/* Routes to choose from: those of a rule, or all. */
struct choice {
	const struct config *config;
	const uint16_t *routes; /* NULL: all */
	size_t count;
};

static struct routing routing_choose(
        const struct choice *choice, bool null_sender, struct view recipient);
static const char *routing_mailbox(const struct config_route *route);
static bool routing_carries_null_sender(const struct config_route *route, bool internal);

struct routing routing_decide(
        const struct config *config, const struct rulebook_mail *mail, struct view recipient)
{
	const bool null_sender = mail->sender.bytes == 0;
	const struct choice all = { .config = config, .count = config->routes.count };
	struct rulebook_walk walk;
	enum rulebook_reason reason;
	uint16_t rule;

	check(config->routes.count > 0);
	rulebook_begin(&walk, config->rulebook, mail, recipient);
	while (rulebook_next(&walk, &rule, &reason)) {
		const struct rulebook_rule *made = &config->rulebook->rules[rule];
		const struct choice choice = { config, made->routes, made->route_count };
		struct routing routing = routing_choose(&choice, null_sender, recipient);

		routing.rule = rule;
		if (reason == RULEBOOK_MATCHES)
			return routing;
		/* Refused for certain is only what every way it may go refuses. */
		if (routing.fate == ROUTING_NOWHERE)
			continue;
		routing.fate = ROUTING_OPEN;
		return routing;
	}
	return routing_choose(&all, null_sender, recipient);
}

struct routing routing_pick_report(const struct config *config, struct view recipient)
{
	struct rulebook_mail mail = { 0 };
	struct rulebook_seen seen;

	rulebook_see_none(&seen);
	mail.seen = &seen;
	return routing_decide(config, &mail, recipient);
}

static struct routing routing_choose(
        const struct choice *choice, bool null_sender, struct view recipient)
{
	const struct config *config = choice->config;
	const bool internal = rulebook_is_internal(config->rulebook, rulebook_domain(recipient));
	struct routing routing = { .fate = ROUTING_NOWHERE, .rule = ROUTING_NO_RULE };
	const char *stand_in = NULL;

	for (size_t i = 0; i < choice->count; i++) {
		const uint16_t index = choice->routes == NULL ? (uint16_t)i : choice->routes[i];
		const struct config_route *route = &config->routes.at[index];

		if (!routing_takes(config, route, internal))
			continue;
		if (!null_sender || routing_carries_null_sender(route, internal))
			return (struct routing){ ROUTING_TAKEN, index, ROUTING_NO_RULE, NULL };
		if (routing.fate == ROUTING_NOWHERE)
			routing.fate = ROUTING_KEPT;
		if (stand_in != NULL || routing_mailbox(route) == NULL)
			continue;
		stand_in = routing_mailbox(route);
		routing.route = index;
	}
	if (stand_in != NULL) {
		routing.fate = ROUTING_TAKEN;
		routing.mailbox = stand_in;
	}
	return routing;
}

bool routing_takes(const struct config *config, const struct config_route *route, bool internal)
{
	switch (route->interface) {
	case INTERFACE_DIRECT:
		return internal;
	case INTERFACE_HVE:
		return internal || config->accepted_domains.count == 0;
	default:
		return true;
	}
}

bool routing_carries(
        const struct config *config, uint16_t route, struct view sender, struct view recipient)
{
	check(route < config->routes.count);
	const struct config_route *settings = &config->routes.at[route];
	const bool internal = rulebook_is_internal(config->rulebook, rulebook_domain(recipient));

	if (!routing_takes(config, settings, internal))
		return false;
	return sender.bytes > 0 || routing_carries_null_sender(settings, internal) ||
	       routing_mailbox(settings) != NULL;
}

bool routing_suits(const struct config *config, uint16_t route, const struct job *job)
{
	const struct config_route *settings = &config->routes.at[route];
	const struct view sender = message_get(job->message, MESSAGE_SENDER);
	struct message_cursor at = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	struct message_recipient recipient;

	/* What takes anything to anybody need not be asked about each. */
	if (sender.bytes > 0 && routing_takes(config, settings, false))
		return true;
	for (size_t i = 0; i < job->owed_count; i++) {
		if (owed_is_ended(owed[i].outcome))
			continue;
		check(message_seek_recipient(&at, owed[i].index, &recipient));
		if (!routing_carries(config, route, sender, recipient.address))
			return false;
	}
	return true;
}

bool routing_is_external(const struct config *config, struct view address)
{
	return !rulebook_is_internal(config->rulebook, rulebook_domain(address));
}

bool routing_is_onmicrosoft(struct view address)
{
	return view_ends_fold(address, VIEW(".onmicrosoft.com"));
}

struct routing_tally routing_tally(const struct config *config, const struct job *job)
{
	struct message_cursor at = message_recipients(job->message);
	const struct owed *owed = job_owed_const(job);
	struct routing_tally tally = { 0 };
	struct message_recipient recipient;

	for (size_t i = 0; i < job->owed_count; i++) {
		if (owed[i].outcome != OWED_PENDING)
			continue;
		check(message_seek_recipient(&at, owed[i].index, &recipient));
		if (routing_is_external(config, recipient.address))
			tally.external++;
		else
			tally.internal++;
	}
	return tally;
}

bool routing_fallback(const struct config *config, uint16_t route, uint16_t *fallback)
{
	const char *name = config->routes.at[route].fallback;

	return name != NULL && config_find_route(config, name, fallback);
}

/* Direct send goes to our own domains alone, whoever it is from. */
static const char *routing_mailbox(const struct config_route *route)
{
	return route->interface == INTERFACE_DIRECT ? NULL : route->notices_from;
}

static bool routing_carries_null_sender(const struct config_route *route, bool internal)
{
	switch (route->interface) {
	case INTERFACE_DIRECT:
		return internal;
	case INTERFACE_CONNECTOR:
		return route->tls.certificate != NULL;
	default:
		return false;
	}
}

struct view routing_author(const struct config_route *route, const struct config_identity *identity)
{
	struct address address;

	if (identity != NULL &&
	        address_parse(view_of(identity->user), false, &address) == ADDRESS_OK)
		return view_of(identity->user);
	return view_of(route->notices_from);
}

struct view routing_sender(const struct config_route *route, const struct config_identity *identity,
        const struct message *message)
{
	const struct view sender = message_get(message, MESSAGE_SENDER);

	if (sender.bytes == 0)
		return routing_null_sender(route);
	if (!message_author_is_open(message))
		return sender;
	const struct view author = routing_author(route, identity);
	return author.bytes > 0 ? author : sender;
}

struct view routing_null_sender(const struct config_route *route)
{
	return view_of(routing_carries_null_sender(route, true) ? NULL : routing_mailbox(route));
}
