/*
 * The command line: which commands there are, and what they share.
 *
 * Thread:  the main one.
 * Fails:   by the exit status, the same for every command: 0 fine, 1 what was asked about is wrong
 *          or the engine can't be reached, 2 wrong usage. Data goes to stdout, complaints to
 *          stderr.
 */
#ifndef SLUICE_CLI_H
#define SLUICE_CLI_H

#include "engine/config.h"

#include <getopt.h>
#include <stdio.h>

enum cli_status {
	CLI_FINE = 0,
	CLI_WRONG = 1,
	CLI_USAGE = 2,
};

#define CLI_CONFIG_DEFAULT "/etc/sluice/sluice.yaml"

/* name, its main function, what it does */
#define CLI_COMMANDS(X)                                                                            \
	X("serve", cli_serve, "run the relay in the foreground")                                   \
	X("check", cli_check, "look through the configuration")                                    \
	X("queue", cli_queue, "list and change what waits for delivery")                           \
	X("trace", cli_trace, "say what happened to a message, and what comes next")               \
	X("spool", cli_spool, "look through what is on disk, move it, or rescue it")               \
	X("incidents", cli_incidents, "say what stops mail, since when, and what to do")           \
	X("ndr", cli_ndr, "hear reports about mail that was sent: refusals that come late")        \
	X("route", cli_route, "say which route mail would take, and why")                          \
	X("doctor", cli_doctor, "go the way that mail would go, and say what is wrong")            \
	X("sendmail", cli_sendmail, "hand in a message, as sendmail(8) does")                      \
	X("token", cli_token, "get an identity's token, and say what it is good for")              \
	X("explain", explain_main, "say what a mail server's reply means")                         \
	X("version", cli_version, "say what this is made of and what the kernel offers")           \
	X("help", cli_help, "print a command's usage, or every setting")

/* argv[0] is the command's own name. */
int cli_serve(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_queue(int argc, char **argv);
int cli_spool(int argc, char **argv);
int cli_trace(int argc, char **argv);
int cli_incidents(int argc, char **argv);
int cli_ndr(int argc, char **argv);
int cli_route(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_sendmail(int argc, char **argv);
int cli_token(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);
/* `sluice help settings`: every setting, with its default and bounds; `sluice help metrics`. */
int cli_settings(int argc, char **argv);

int cli_main(int argc, char **argv);

/* For the commands. */

/* The next option, as getopt_long() gives it, or -1; '?' after a complaint: a wrong or unknown
 * one, or a value that is missing. `first` starts anew. */
int cli_option(int argc, char **argv, const struct option *options, bool first);
/* Complains of words behind the options, unless there are none. */
bool cli_has_no_words(int argc, char **argv);
/* To stdout, for people: what a server said must not move the cursor. */
void cli_print_plain(const char *text);
/* Loads the configuration, or complains to stderr. NULL: it is wrong. */
struct config *cli_load(const char *path);
/* Without what only the keeper's process looks into. */
struct config *cli_load_keyless(const char *path);

#endif
