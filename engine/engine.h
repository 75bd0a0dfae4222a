/*
 * The engine: every thread of `sluice serve`, made, joined by mailboxes, run and ended.
 *
 *	engine_create   opens files, spool and listeners; nothing runs yet. From here on files are
 *	                opened as the user that the configuration names
 *	engine_give_up  becomes that user for good, without capabilities
 *	engine_confine  gives up all else that is not needed any more
 *	engine_start    starts the threads; logs event=ready when every listener accepts
 *	engine_wait     until SIGTERM or SIGINT, or until the spool breaks; then drains
 *	engine_destroy  undoes the rest
 *
 * SIGTERM: stops accepting, finishes transactions, waits at most config->drain for replies in
 * flight, settles. A second one stops at once: what was not settled stays on disk.
 *
 * Thread:  the main one. It blocks the signals it waits for, so that every thread does.
 * Owns:    all threads and what they share; not the configuration.
 * Fails:   with a sentence for people in `why`.
 */
#ifndef SLUICE_ENGINE_H
#define SLUICE_ENGINE_H

#include "engine/config.h"
#include "engine/io/handed.h"
#include "engine/letters.h"
#include "engine/keeper_process.h"
#include "engine/logger.h"

struct engine;

struct engine_options {
	struct logger_options log;
	struct handed *handed;         /* sockets to listen on; NULL: all are made */
	struct keeper_process *keeper; /* has what the configuration wants kept; outlives us */
};

MUST_CHECK struct err engine_create(struct engine **result, const struct config *config,
        const struct engine_options *options, struct text *why);
/* Both for the whole process, and for good; the second logs what is in force. */
MUST_CHECK struct err engine_give_up(struct engine *engine, struct text *why);
MUST_CHECK struct err engine_confine(struct engine *engine, struct text *why);
MUST_CHECK struct err engine_start(struct engine *engine, struct text *why);
/* The process's exit status: 0 drained, 1 the spool is broken. It may end the process itself
 * where threads can't be waited for. */
int engine_wait(struct engine *engine);
/* NULL is fine. */
void engine_destroy(struct engine *engine);

/* What is told of it without asking its threads; the survey is open. Thread: any, until
 * engine_destroy(). */
struct survey;
void engine_survey(const struct engine *engine, struct survey *survey);

/*
 * The operators' way in (engine/ops/control): sends a request to the spooler and waits for it.
 * Thread: any one at a time. ERR_CLOSED: the engine is ending.
 */
struct request;
MUST_CHECK struct err engine_ask(struct engine *engine, struct request *request);

#endif
