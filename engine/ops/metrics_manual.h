/*
 * Every metric, written for people: as text for a terminal, and as the list that sluice(1) holds (a
 * test compares the two).
 *
 * Thread:  a command's main one.
 */
#ifndef SLUICE_METRICS_MANUAL_H
#define SLUICE_METRICS_MANUAL_H

#include <stdio.h>

void metrics_manual_text(FILE *file);
/* For man(7). */
void metrics_manual_roff(FILE *file);

#endif
