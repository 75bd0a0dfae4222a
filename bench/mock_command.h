/*
 * The commands that the mock knows, with Exchange Online's words for each.
 *
 * Thread:  the mock's loop's.
 */
#ifndef SLUICE_MOCK_COMMAND_H
#define SLUICE_MOCK_COMMAND_H

#include "bench/mock_session.h"

/* A command line, without its end. */
void mock_command(struct mock_session *session, struct view line);
/* The sign-in exchange went a step on. */
void mock_command_signin(struct mock_session *session, enum signin_news news);

#endif
