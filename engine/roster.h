/*
 * The roster: the users of every listener, by the listener's number.
 *
 * Thread:  loaded at start, constant afterwards.
 * Owns:    the users.
 * Fails:   with a sentence that names the file, its line and what is wrong with it.
 */
#ifndef SLUICE_ROSTER_H
#define SLUICE_ROSTER_H

#include "engine/config.h"
#include "engine/users.h"

struct roster {
	struct users **at; /* NULL: nobody signs in there */
	size_t count;
};

MUST_CHECK struct err roster_open(
        struct roster *roster, const struct config *config, struct text *why);
void roster_close(struct roster *roster);
/* Whether anybody signs in anywhere. */
bool roster_is_wanted(const struct config *config);

#endif
