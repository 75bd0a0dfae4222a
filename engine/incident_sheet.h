/*
 * A sheet is what a shard tells the spooler about an incident: that it is there, or more of it, or
 * that it is over. It goes by letter, and comes back once it is read.
 *
 * Thread:  its shard's; between LETTER_INCIDENT and its answer the spooler's.
 * Owns:    nothing; of a fixed size, from its shard's pool.
 */
#ifndef SLUICE_INCIDENT_SHEET_H
#define SLUICE_INCIDENT_SHEET_H

#include "queue/incident.h"

/* A shard has so many under way at most: its mailboxes have room for that. */
#define INCIDENT_SHEETS 16

struct incident_sheet {
	struct incident incident; /* count: since it was told last */
	bool over;
};

#endif
