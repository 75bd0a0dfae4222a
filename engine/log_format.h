/*
 * Turns a record of the log into a line: `key=value` or JSON.
 *
 * A value never breaks out of its place, whatever a client or server said: in text it is quoted
 * where it holds a space, a quote, a backslash, an equals sign or nothing at all, with control
 * characters and broken UTF-8 as \n or \xHH inside; in JSON what is no UTF-8 becomes U+FFFD.
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_LOG_FORMAT_H
#define SLUICE_LOG_FORMAT_H

#include "engine/log_ring.h"

/* A record's longest line: each byte as \u00HH, and as much again for the keys. */
#define LOG_FORMAT_BYTES (LOG_LINE_BYTES * 8)

/* `journal`: "<6>" first and no time, which the journal keeps itself. */
void log_format_text(struct text *text, const struct log_record *record, bool journal);
void log_format_json(struct text *text, const struct log_record *record);

#endif
