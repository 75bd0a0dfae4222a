/*
 * Tells people what happened to a message: a line of what it is, and one of each step, with what it
 * means and what comes next.
 *
 * Thread:  a command's.
 */
#ifndef SLUICE_TRACE_TEXT_H
#define SLUICE_TRACE_TEXT_H

#include "engine/ops/trace_story.h"

/* To stdout. */
void trace_text_print(const struct trace_story *story);

#endif
