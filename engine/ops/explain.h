/*
 * `sluice explain`: what a server's reply means, for people and for scripts (CONTRACT.md).
 *
 * Thread:  a program's main, alone: it parses its arguments with getopt.
 * Fails:   by its exit status: 0 explained, 1 not a reply, 2 wrong usage.
 */
#ifndef SLUICE_EXPLAIN_H
#define SLUICE_EXPLAIN_H

#include <stdio.h>

/* argv[0] is the command's own name, "explain". */
int explain_main(int argc, char **argv);
/* The same, with where data and complaints go. */
int explain_run(int argc, char **argv, FILE *data, FILE *complaints);

#endif
