/*
 * A window in a record on disk: its slots by their age, in slots of its own length, which a new
 * limit may have changed by the time it is read.
 *
 * Thread:  any; a function of its arguments.
 */
#ifndef SLUICE_WINDOW_RECORD_H
#define SLUICE_WINDOW_RECORD_H

#include "queue/record.h"
#include "queue/window.h"

#define WINDOW_RECORD_MAX (16 + WINDOW_SLOTS * 6)

/* What counts at now_ns, which window_used() has been asked for. */
void window_record_put(struct record_writer *writer, const struct window *window, int64_t now_ns);
/* Counts what it says, on top of what counts already; then_ns: when it was written. */
void window_record_get(struct record_reader *reader, struct window *window, int64_t then_ns);

#endif
