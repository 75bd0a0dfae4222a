/*
 * A result as one HTML page that needs nothing else: its data as JSON, and page.html, whose script
 * draws it (throughput, latency, CPU a message, the record), in light and in dark.
 *
 * Thread:  any.
 * Owns:    nothing; lends the file.
 * Fails:   page_write(): the file could not be written.
 */
#ifndef SLUICE_PAGE_H
#define SLUICE_PAGE_H

#include "bench/result.h"

MUST_CHECK bool page_write(const struct result *result, FILE *file);

#endif
