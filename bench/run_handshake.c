#include "bench/run_held.h"

/* One way of having sessions. */
struct handshake_way {
	const char *name;
	unsigned messages_per_session; /* 0: any number */
	bool lacks_tickets;
};

static const struct handshake_way handshake_ways[] = {
	{ "kept", 0, false },
	{ "resumed", 1, false },
	{ "whole", 1, true },
};

static bool handshake_measure(const struct run_settings *settings, const struct handshake_way *way,
        struct run_drain *drain, struct text *why);
static void handshake_add(struct figures *figures, const struct handshake_way *way,
        const struct run_drain *drain, double message_us);

/* Mail that waits goes out one message a session. What a session costs is what it costs more than
 * the same mail on sessions that are kept. */
bool run_handshake(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	const size_t count = sizeof handshake_ways / sizeof handshake_ways[0];
	struct run_drain all = { 0 };
	double message_us = 0;

	for (size_t i = 0; i < count; i++) {
		const struct handshake_way *way = &handshake_ways[i];
		struct run_drain drain;
		if (!handshake_measure(settings, way, &drain, why))
			return false;
		if (way->messages_per_session == 0) {
			message_us = drain.cpu_us;
			figures_add(figures, "message_cpu", message_us, "us/message");
		} else {
			handshake_add(figures, way, &drain, message_us);
		}
		all.sent_twice += drain.sent_twice;
		all.lost += drain.lost;
	}
	run_held_add_end(figures, &all);
	return true;
}

static bool handshake_measure(const struct run_settings *settings, const struct handshake_way *way,
        struct run_drain *drain, struct text *why)
{
	const uint64_t messages = settings->load.messages;
	struct run_settings own = *settings;
	struct stand stand;
	struct load_account load;

	own.stand.messages_per_session = way->messages_per_session;
	own.stand.lacks_tickets = way->lacks_tickets;
	if (!run_held_open(&stand, &own, why))
		return false;
	const bool done = run_held_fill(&stand, &own, "handshake", messages, &load, why) &&
	                  run_held_release(&stand, &own, messages, NULL, drain, why);
	if (!done)
		child_last_words(stand.sluice_output);
	stand_close(&stand);
	return done;
}

static void handshake_add(struct figures *figures, const struct handshake_way *way,
        const struct run_drain *drain, double message_us)
{
	const double connections = (double)drain->connections;
	const double messages = (double)(drain->distinct);
	char name[FIGURE_NAME_MAX];

	(void)snprintf(name, sizeof name, "%s_sessions_per_second", way->name);
	figures_add(figures, name, drain->seconds > 0 ? connections / drain->seconds : 0, "1/s");
	(void)snprintf(name, sizeof name, "%s_session_cpu", way->name);
	figures_add(figures, name, (drain->cpu_us - message_us) * messages / connections, "us");
	(void)snprintf(name, sizeof name, "%s_share", way->name);
	figures_add(figures, name,
	        way->lacks_tickets ? 100 - (double)drain->resumed * 100 / connections
	                           : (double)drain->resumed * 100 / connections,
	        "%");
}
