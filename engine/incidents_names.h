/*
 * The names that a message goes out in: the envelope's sender, and who From says that it is from.
 * A mailbox needs the right to send as both.
 *
 * Thread:  any; a value.
 * Lends:   the sender, which its message owns.
 */
#ifndef SLUICE_INCIDENTS_NAMES_H
#define SLUICE_INCIDENTS_NAMES_H

#include "queue/incident.h"
#include "queue/message.h"

struct incidents_names {
	struct view sender;
	size_t from_bytes; /* 0: there is no From, or no address in it */
	char from_room[INCIDENT_WHO_MAX];
};

/* `sender`: the envelope's, as it is sent. A From behind the first chunk of the message is not
 * looked for, nor that of a message which leaves it open. */
void incidents_names_read(
        struct incidents_names *names, const struct message *message, struct view sender);
/* Which of them a mailbox was refused: what the reply says, or else the one that is not its own
 * name; From is checked first. Lends. */
struct view incidents_names_blame(
        const struct incidents_names *names, struct view mailbox, struct view reply);
/* ASCII case ignored. */
bool incidents_names_have(const struct incidents_names *names, struct view name);

static inline struct view incidents_names_from(const struct incidents_names *names)
{
	return view_from(names->from_room, names->from_bytes);
}

#endif
