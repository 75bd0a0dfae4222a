/*
 * Every setting of config_schema.h, written for people: as text for a terminal, and as the list of
 * keys that engine/sluice.yaml.5 holds (a test compares the two).
 *
 * Thread:  a command's main one.
 */
#ifndef SLUICE_CONFIG_MANUAL_H
#define SLUICE_CONFIG_MANUAL_H

#include <stdio.h>

void config_manual_text(FILE *file);
/* For man(7). */
void config_manual_roff(FILE *file);

#endif
