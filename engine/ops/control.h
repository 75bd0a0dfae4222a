/*
 * Control answers operators: it listens on control.sock in the spool's folder (mode 0600), takes
 * a question a line, asks the spooler, and sends the answer back (control_talk.h says how both
 * look). `sluice queue` is its client.
 *
 * It has a thread, and a small memory budget of its own: an operator gets in when clients have
 * used up the other.
 *
 * Thread:  control_create, _start, _stop, _destroy: the main one; all else its own.
 * Owns:    its thread, loop and clients, and the one request; the engine may still hold that
 *          after control_stop(), so control_destroy() comes after the engine's end.
 * Never:   asks two things at once: clients wait for each other, the spooler for none.
 * Fails:   control_create(), in words: what forbids io_uring, or why the path can't be had.
 */
#ifndef SLUICE_CONTROL_H
#define SLUICE_CONTROL_H

#include "engine/io/io.h"
#include "engine/request.h"
#include "queue/base/errors.h"

#define CONTROL_CLIENTS_MAX 16 /* beyond: closed at once */

struct control;

struct control_settings {
	const char *folder;
	struct io_settings io;
	/* Runs the request and waits for its answer. ERR_CLOSED: the engine is ending. */
	struct err (*ask)(void *owner, struct request *request);
	void *owner;
};

MUST_CHECK struct err control_create(
        struct control **result, const struct control_settings *settings, struct text *why);
MUST_CHECK struct err control_start(struct control *control);
/* Not started: nothing happens. */
void control_stop(struct control *control);
/* Stopped. NULL is fine. */
void control_destroy(struct control *control);

#endif
