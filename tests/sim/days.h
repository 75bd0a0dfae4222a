/*
 * The days that are simulated to see that Sluice keeps exactly to the service's limits and uses
 * them: each with what it must come to. Time is simulated, so the figures are the same anywhere.
 *
 * Thread:  the simulator's one.
 */
#ifndef SLUICE_SIM_DAYS_H
#define SLUICE_SIM_DAYS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Runs the day and prints its figures, name value unit. True: it came to what it must; what did
 * not is said. `secret` is a file with a secret in it. */
bool days_run(const char *name, uint64_t seed, const char *secret, bool verbose, FILE *out);
/* False: there is no such day. */
bool days_have(const char *name);
void days_list(FILE *out);

#endif
