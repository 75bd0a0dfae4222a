/*
 * A reader of the message trace in a spool's data.mdb, while another process writes to it or none
 * does: it takes nothing from that but, for some milliseconds, pages that could be used again.
 *
 * What the journal alone has is not there: who wants it asks the engine to bring it (REQUEST_TIDY).
 *
 * Thread:  one; a command's.
 * Lends:   a block: until the next call.
 * Fails:   ERR_NOT_FOUND: no block there, or no trace in this spool. ERR_FORMAT: the spool is
 *          damaged, or none. ERR_SYSTEM: errno says why.
 */
#ifndef SLUICE_TRACE_READER_H
#define SLUICE_TRACE_READER_H

#include "queue/base/errors.h"
#include "queue/trace_read.h"

struct trace_reader;

MUST_CHECK struct err trace_reader_open(struct trace_reader **result, const char *path);
/* NULL is fine. */
void trace_reader_close(struct trace_reader *reader);
/* The first block at *number or behind it; *number becomes its own. */
MUST_CHECK struct err trace_reader_seek(
        struct trace_reader *reader, uint64_t *number, struct trace_block *block);
/* Behind the last block. */
MUST_CHECK struct err trace_reader_end(struct trace_reader *reader, uint64_t *number);
/* The first block that has something from `since` on, or the end. */
MUST_CHECK struct err trace_reader_since(
        struct trace_reader *reader, struct wall since, uint64_t *number);

#endif
