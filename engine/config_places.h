/*
 * Where in the file each field was written, so that a complaint made later names its line.
 *
 * Thread:  start-up.
 * Owns:    its table, until config_places_finish(). Lends path and report.
 * Fails:   never; out of memory stops the program, as nothing has started yet.
 */
#ifndef SLUICE_CONFIG_PLACES_H
#define SLUICE_CONFIG_PLACES_H

#include "engine/config_report.h"

struct config_place;

struct config_places {
	const char *path;
	struct config_report *report;
	struct config_place *at;
	size_t count;
	bool keyless; /* nothing is to be looked into that only the keeper reads */
};

void config_places_init(
        struct config_places *places, const char *path, struct config_report *report);
void config_places_finish(struct config_places *places);
/* A section's struct and its first field share an address: they are two places. */
void config_places_add_section(struct config_places *places, const void *section, unsigned line);
void config_places_add_field(struct config_places *places, const void *field, unsigned line);
/* Whether the file says anything of this field, right or wrong. */
bool config_places_wrote(const struct config_places *places, const void *field);
/* Complains at the field's line, or at its section's where the file says nothing of it. */
__attribute__((format(printf, 5, 6))) void config_places_complain(struct config_places *places,
        enum config_remark remark, const void *section, const void *field, const char *format, ...);

#endif
