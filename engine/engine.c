#include "engine/engine.h"

#include "engine/engine_inner.h"
#include "engine/request.h"
#include "engine/sandbox.h"
#include "engine/survey.h"
#include "queue/base/check.h"

#include <stdlib.h>
#include <unistd.h>

/* Beyond config->drain, for the last settles to be committed on a slow disk. */
#define ENGINE_DRAIN_GRACE (5 * NS_PER_S)
/* For the log's last lines, where the process ends without waiting for its threads. */
#define ENGINE_LAST_WORDS (200 * NS_PER_MS)
#define ENGINE_ASK_MS     200 /* how often an asker looks whether the engine has ended */

static void engine_put_error(struct text *why, struct err err);
static struct err engine_start_threads(struct engine *engine);
static void engine_log_anchor(struct engine *engine);
static void engine_log_unused(struct engine *engine);
static void engine_log_ready(struct engine *engine);
static void engine_log_ending(struct engine *engine, const char *event);
static void engine_log_hangup(struct engine *engine);
static void engine_log_lost(struct engine *engine);
static void engine_log_stopped(struct engine *engine);
static void engine_stop_threads(struct engine *engine);
static _Noreturn void engine_leave(struct engine *engine, int status);
static void run_spooler(struct thread *thread);
static void run_ingest(struct thread *thread);
static void run_delivery(struct thread *thread);

struct err engine_create(struct engine **result, const struct config *config,
        const struct engine_options *options, struct text *why)
{
	struct engine *engine = aligned_alloc(64, (sizeof *engine + 63) / 64 * 64);

	if (engine == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	memset(engine, 0, sizeof *engine);
	engine->config = config;
	engine->handed = options->handed;
	engine->keeper = options->keeper;
	engine->watch = (struct watch){ .signals = -1, .events = -1, .keeper = -1 };
	struct err err = engine_open(engine, options, why);
	if (failed(err)) {
		if (why->bytes == 0)
			engine_put_error(why, err);
		engine_destroy(engine);
		return err;
	}
	*result = engine;
	return err_ok();
}

static void engine_put_error(struct text *why, struct err err)
{
	text_put(why, view_of(err_text(err.code)));
	if (err.code == ERR_SYSTEM && err.detail > 0)
		text_format(why, ": %s", strerror(err.detail));
}

struct err engine_give_up(struct engine *engine, struct text *why)
{
	const struct err err = privileges_give_up(&engine->privileges, why);

	if (failed(err))
		return err;
	if (geteuid() == 0) {
		struct log_line line = log_begin(engine->log, LOG_WARNING, "running_as_root");
		log_word(&line, "advice",
		        "Whoever finds a hole in the relay has the machine: set user, such as "
		        "sluice, in the configuration (`useradd --system --no-create-home sluice` "
		        "makes it), or User= in the unit.");
		log_end(&line);
	}
	return err_ok();
}

struct err engine_confine(struct engine *engine, struct text *why)
{
	return sandbox_enter(engine->config, SANDBOX_ENGINE,
	        io_is_restricted(engine->spooler->shard.loop.io), engine->log, why);
}

struct err engine_start(struct engine *engine, struct text *why)
{
	struct err err = engine_start_threads(engine);

	if (failed(err)) {
		text_put(why, VIEW("can't start a thread: "));
		engine_put_error(why, err);
		return err;
	}
	thread_await(&engine->spooler_thread);
	for (size_t i = 0; i < engine->delivery_count; i++)
		thread_await(&engine->deliveries[i].thread);
	for (size_t i = 0; i < engine->ingest_count; i++)
		thread_await(&engine->ingests[i].thread);
	engine_log_anchor(engine);
	engine_log_unused(engine);
	engine_log_ready(engine);
	return err_ok();
}

/* Who is asked starts before who asks. */
static struct err engine_start_threads(struct engine *engine)
{
	struct err err = logger_start(engine->logger);

	spooler_rest(engine->spooler); /* on the way up it was read from here */
	if (!failed(err))
		err = thread_start(&engine->spooler_thread, "spooler", &engine->spooler->shard.loop,
		        run_spooler);
	if (!failed(err))
		err = resolver_start(&engine->resolver);
	if (!failed(err))
		err = engine->has_secrets ? courier_start(&engine->secrets) : err_ok();
	if (!failed(err) && engine->has_passwords)
		err = courier_start(&engine->passwords);
	for (size_t i = 0; !failed(err) && i < engine->delivery_count; i++)
		err = thread_start(&engine->deliveries[i].thread, "delivery",
		        &engine->deliveries[i].delivery.shard.loop, run_delivery);
	for (size_t i = 0; !failed(err) && i < engine->ingest_count; i++)
		err = thread_start(&engine->ingests[i].thread, "ingest",
		        &engine->ingests[i].ingest.shard.loop, run_ingest);
	return err;
}

/* What settings ask for and the machine can't do is said once. */
static void engine_log_anchor(struct engine *engine)
{
	const struct config *config = engine->config;
	bool wanted = false;

	for (size_t i = 0; i < config->routes.count; i++)
		wanted |= config->routes.at[i].tls.dane == ROUTE_DANE_AUTO;
	if (!wanted || config->dns.trust_anchor != NULL)
		return;
	struct log_line line = log_begin(engine->log, LOG_INFO, "no_trust_anchor");
	log_word(&line, "advice",
	        "DNSSEC can't be validated, so TLSA records don't count: install dns-root-data, "
	        "or set dns.trust_anchor.");
	log_end(&line);
}

/* One that no listener has would keep its clients waiting for ever. */
static void engine_log_unused(struct engine *engine)
{
	char address[ENDPOINT_TEXT_BYTES];

	for (size_t i = 0; engine->handed != NULL && i < engine->handed->count; i++) {
		if (engine->handed->taken[i])
			continue;
		struct text text = TEXT_ON(address);
		endpoint_format(&text, &engine->handed->at[i]);
		struct log_line line = log_begin(engine->log, LOG_WARNING, "socket_unused");
		log_text(&line, "address", text_view(&text));
		log_word(&line, "advice",
		        "The socket unit has it and no listener does: its clients wait in vain. "
		        "Write the same addresses in both.");
		log_end(&line);
	}
}

static void engine_log_ready(struct engine *engine)
{
	const struct ingest *ingest = &engine->ingests[0].ingest;
	char address[ENDPOINT_TEXT_BYTES];

	for (size_t i = 0; i < engine->doors->count; i++) {
		const struct endpoint at = listener_endpoint(&ingest->listeners[i]);
		struct text text = TEXT_ON(address);
		endpoint_format(&text, &at);
		struct log_line line = log_begin(engine->log, LOG_INFO, "listening");
		log_text(&line, "address", text_view(&text));
		if (engine->doors->at[i].socket >= 0)
			log_word(&line, "socket", "handed");
		log_end(&line);
	}
	struct log_line line = log_begin(engine->log, LOG_INFO, "ready");
	log_word(&line, "version", SLUICE_VERSION);
	log_number(&line, "pid", (uint64_t)getpid());
	log_number(&line, "listeners", engine->doors->count);
	log_number(&line, "messages", spooler_message_count(engine->spooler));
	log_end(&line);
}

int engine_wait(struct engine *engine)
{
	struct mono until = MONO_NEVER;
	bool draining = false;
	int status = EXIT_SUCCESS;

	for (;;) {
		const enum watch_news news = watch_wait(&engine->watch, until);
		const enum spooler_state state = spooler_state(engine->spooler);

		if (state == SPOOLER_BROKEN) {
			engine_log_ending(engine, "broken");
			engine_leave(engine, EXIT_FAILURE);
		}
		if (state == SPOOLER_FINISHED)
			break;
		if (news == WATCH_TIMEOUT || (news == WATCH_END && draining)) {
			engine_log_ending(engine, "stopped_at_once");
			engine_leave(engine, status);
		}
		if (news == WATCH_HANGUP)
			engine_log_hangup(engine);
		if (news == WATCH_LOST) {
			engine_log_lost(engine);
			status = EXIT_FAILURE;
		}
		if ((news == WATCH_END || news == WATCH_LOST) && !draining) {
			draining = true;
			until = mono_after(
			        clock_mono(), engine->config->drain_ns + ENGINE_DRAIN_GRACE);
			engine_log_ending(engine, "draining");
			spooler_drain(engine->spooler);
		}
	}
	atomic_store(&engine->closed, true);
	/* Everything is on disk: who asks again while the threads end need not wait for them. */
	watch_let_go(&engine->watch);
	engine_stop_threads(engine);
	engine_log_stopped(engine);
	return status;
}

static void engine_log_ending(struct engine *engine, const char *event)
{
	struct log_line line = log_begin(engine->log, LOG_INFO, event);

	log_number(&line, "messages", spooler_message_count(engine->spooler));
	log_end(&line);
}

static void engine_log_hangup(struct engine *engine)
{
	struct log_line line = log_begin(engine->log, LOG_WARNING, "hangup");

	log_word(&line, "reason", "this version reads its configuration at the start alone");
	log_word(&line, "advice", "For a new configuration, restart: what is queued stays.");
	log_end(&line);
}

/* Nobody can sign in any more, nor shake hands with us: a new start brings a new keeper. */
static void engine_log_lost(struct engine *engine)
{
	struct log_line line = log_begin(engine->log, LOG_ERROR, "keeper_lost");

	log_word(&line, "reason", "the process that keeps keys and secrets has ended");
	log_word(&line, "advice",
	        "The kernel's log says whether memory was short; the supervisor starts us again, "
	        "and what is queued stays.");
	log_end(&line);
}

static void engine_sum(const struct engine *engine, struct counters_sum *sum)
{
	counters_sum_add(sum, &engine->spooler_counters);
	for (size_t i = 0; i < engine->ingest_count; i++)
		counters_sum_add(sum, &engine->ingests[i].counters);
	for (size_t i = 0; i < engine->delivery_count; i++)
		counters_sum_add(sum, &engine->deliveries[i].counters);
}

void engine_survey(const struct engine *engine, struct survey *survey)
{
	const enum spooler_state state = spooler_state(engine->spooler);

	survey->counters = (struct counters_sum){ 0 };
	engine_sum(engine, &survey->counters);
	survey->messages = spooler_message_count(engine->spooler);
	survey->memory_bytes = (uint64_t)depot_chunks_out(engine->depot) * CHUNK_BYTES;
	survey->memory_most = (uint64_t)depot_chunks_max(engine->depot) * CHUNK_BYTES;
	survey->incidents_open = spooler_incident_count(engine->spooler);
	survey->running = state == SPOOLER_RUNNING;
	survey->draining = state == SPOOLER_DRAINING || state == SPOOLER_FINISHED;
	for (size_t i = 0; i < survey->route_count; i++) {
		survey->routes[i].sessions = 0;
		for (size_t j = 0; j < engine->delivery_count; j++)
			survey->routes[i].sessions +=
			        dispatch_session_count(&engine->deliveries[j].delivery.dispatch, i);
	}
}

/* With what the whole run did. */
static void engine_log_stopped(struct engine *engine)
{
	struct log_line line = log_begin(engine->log, LOG_INFO, "stopped");
	struct counters_sum sum = { 0 };
	struct counters_row row;

	engine_sum(engine, &sum);
	log_number(&line, "messages", spooler_message_count(engine->spooler));
	for (size_t i = 0; counters_sum_row(&sum, i, &row); i++)
		log_number(&line, row.name, row.value);
	log_end(&line);
}

/* What was not settled stays on disk as it is: to end here loses nothing. */
static _Noreturn void engine_leave(struct engine *engine, int status)
{
	(void)engine;
	const struct mono until = mono_after(clock_mono(), ENGINE_LAST_WORDS);
	while (watch_wait(&engine->watch, until) != WATCH_TIMEOUT)
		continue;
	_exit(status);
}

/* Who asks stops before who is asked, so that every answer finds its asker. */
static void engine_stop_threads(struct engine *engine)
{
	for (size_t i = 0; i < engine->ingest_count; i++)
		thread_stop(&engine->ingests[i].thread);
	for (size_t i = 0; i < engine->delivery_count; i++)
		thread_stop(&engine->deliveries[i].thread);
	helper_stop(&engine->resolver.helper);
	helper_stop(&engine->secrets.helper);
	helper_stop(&engine->passwords.helper);
	thread_stop(&engine->spooler_thread);
}

void engine_destroy(struct engine *engine)
{
	if (engine == NULL)
		return;
	engine_stop_threads(engine);
	for (size_t i = 0; i < engine->ingest_count; i++)
		ingest_finish(&engine->ingests[i].ingest);
	for (size_t i = 0; i < engine->delivery_count; i++)
		delivery_finish(&engine->deliveries[i].delivery);
	if (engine->has_resolver)
		resolver_finish(&engine->resolver);
	if (engine->has_secrets)
		courier_finish(&engine->secrets);
	if (engine->has_passwords)
		courier_finish(&engine->passwords);
	spooler_destroy(engine->spooler);
	if (engine->has_requests)
		mailbox_finish(&engine->requests);
	for (size_t i = 0; i < engine->ingest_count; i++)
		pair_finish(&engine->ingests[i].pair);
	for (size_t i = 0; i < engine->delivery_count; i++)
		pair_finish(&engine->deliveries[i].pair);
	free(engine->ingests);
	free(engine->deliveries);
	doors_close(engine->doors);
	tls_keys_destroy(engine->keys);
	signing_finish(&engine->signing);
	config_keys_close(&engine->key_files);
	depot_destroy(engine->depot);
	logger_destroy(engine->logger);
	watch_close(&engine->watch);
	free(engine);
}

struct err engine_ask(struct engine *engine, struct request *request)
{
	const struct letter letter = { .kind = LETTER_REQUEST, .request = request };

	if (atomic_load(&engine->closed) || !mailbox_put(&engine->requests, &letter))
		return err_make(ERR_CLOSED, 0);
	mailbox_ring(&engine->requests, NULL);
	while (!request_wait(request, ENGINE_ASK_MS))
		if (atomic_load(&engine->closed))
			return err_make(ERR_CLOSED, 0);
	return err_ok();
}

static void run_spooler(struct thread *thread)
{
	struct engine *engine = container_of(thread, struct engine, spooler_thread);

	spooler_start(engine->spooler);
	thread_tell_started(thread);
	while (!thread_is_stopping(thread))
		spooler_turn(engine->spooler);
	spooler_rest(engine->spooler);
}

static void run_ingest(struct thread *thread)
{
	struct ingest *ingest = &container_of(thread, struct engine_ingest, thread)->ingest;

	ingest_start(ingest);
	thread_tell_started(thread);
	while (!thread_is_stopping(thread))
		ingest_turn(ingest);
	ingest_abort(ingest);
	while (!ingest_is_over(ingest))
		ingest_turn(ingest);
}

static void run_delivery(struct thread *thread)
{
	struct delivery *delivery = &container_of(thread, struct engine_delivery, thread)->delivery;

	delivery_start(delivery);
	thread_tell_started(thread);
	while (!thread_is_stopping(thread))
		delivery_turn(delivery);
	delivery_abort(delivery);
	while (!delivery_is_over(delivery))
		delivery_turn(delivery);
}
