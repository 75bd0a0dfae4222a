/*
 * A record says what figures were measured on: machine, system, libraries, Sluice's version and
 * commit, the spool's disk, the day.
 *
 * Thread:  the program's main one: it runs `sluice version`.
 * Owns:    nothing beyond itself.
 * Fails:   never; what can't be learned has no row.
 */
#ifndef SLUICE_RECORD_H
#define SLUICE_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#define RECORD_ROWS_MAX  32
#define RECORD_NAME_MAX  24
#define RECORD_VALUE_MAX 256

struct record_row {
	char name[RECORD_NAME_MAX];
	char value[RECORD_VALUE_MAX];
};

struct record {
	struct record_row rows[RECORD_ROWS_MAX];
	size_t count;
};

/* `programs`: the folder that has sluice. `place`: where the spool lies. `uncounted`: system calls
 * are not to be counted. */
void record_make(struct record *record, const char *programs, const char *place, bool uncounted);
/* Cuts what is too long. */
void record_add(struct record *record, const char *name, const char *value);
/* NULL: no such row. */
const char *record_find(const struct record *record, const char *name);

#endif
