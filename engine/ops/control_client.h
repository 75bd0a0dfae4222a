/*
 * The asking side of control.sock: sends a question, reads the answer's lines. See
 * control_talk.h for how they look.
 *
 * Thread:  a command's main one; blocks.
 * Owns:    the connection and one answer's bytes. Lends lines until the next question.
 * Fails:   with a complaint to stderr, whose words name the socket and what to look at.
 */
#ifndef SLUICE_CONTROL_CLIENT_H
#define SLUICE_CONTROL_CLIENT_H

#include "queue/base/bytes.h"

struct json_t;

struct control_client;

/* NULL: the engine can't be reached, and that was complained of, in the name of the command (lent).
 * `config` is the file that names the spool; whatever else is wrong with it does not matter
 * here. */
struct control_client *control_client_open(const char *command, const char *config);
/* Of the engine that has the spool in this folder. NULL: it can't be reached, and nothing was said
 * of that. */
struct control_client *control_client_reach(const char *command, const char *folder);
/* NULL is fine. */
void control_client_close(struct control_client *client);
/* Takes question. The answer's first line; the caller's to json_decref(). NULL: it failed or was
 * refused, and that was complained of. */
struct json_t *control_client_ask(struct control_client *client, struct json_t *question);
/* The next row of the answer, as it came, without its line end; false: no more, or the
 * connection broke (complained of). */
bool control_client_row(struct control_client *client, struct view *line);

#endif
