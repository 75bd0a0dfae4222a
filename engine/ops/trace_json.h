/*
 * Says what happened to a message as a line of JSON: what it is, its recipients with their ends,
 * and its steps. Times are in UTC as RFC 3339 has them; what is not known is left out.
 *
 * Thread:  a command's.
 */
#ifndef SLUICE_TRACE_JSON_H
#define SLUICE_TRACE_JSON_H

#include "engine/ops/trace_story.h"

#include <stdio.h>

void trace_json_print(const struct trace_story *story, FILE *file);

#endif
