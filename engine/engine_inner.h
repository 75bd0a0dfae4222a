/*
 * What the files of an engine share: engine.c (its life), engine_open.c (how it is put together).
 *
 * Thread:  the main one. For these files alone.
 */
#ifndef SLUICE_ENGINE_INNER_H
#define SLUICE_ENGINE_INNER_H

#include "engine/delivery.h"
#include "engine/doors.h"
#include "engine/engine.h"
#include "engine/ingest.h"
#include "engine/config_keys.h"
#include "engine/courier.h"
#include "engine/pair.h"
#include "engine/privileges.h"
#include "engine/resolver.h"
#include "engine/signing.h"
#include "engine/spooler.h"
#include "engine/thread.h"
#include "engine/watch.h"

struct engine_ingest {
	struct ingest ingest;
	struct pair pair;
	struct counters counters;
	struct thread thread;
};

struct engine_delivery {
	struct delivery delivery;
	struct pair pair;
	struct counters counters;
	struct thread thread;
};

struct engine {
	const struct config *config;
	struct privileges privileges;
	struct handed *handed;
	struct keeper_process *keeper;
	struct watch watch;
	struct logger *logger;
	struct log *log; /* the main thread's */
	struct depot *depot;
	struct doors *doors;
	struct resolver resolver;
	struct courier secrets; /* stand for the keeper's */
	struct courier passwords;
	struct config_keys key_files;
	struct signing signing;
	struct tls_keys *keys; /* NULL: there is none */
	struct spooler *spooler;
	struct counters spooler_counters;
	struct thread spooler_thread;
	struct mailbox requests;
	struct engine_ingest *ingests;
	size_t ingest_count; /* initialised */
	struct engine_delivery *deliveries;
	size_t delivery_count; /* initialised */
	bool has_passwords;
	bool has_resolver;
	bool has_secrets;
	bool has_requests;
	atomic_bool closed; /* requests are not answered any more */
};

/* Makes every part and joins them; nothing runs yet. What was made when it fails is undone by
 * engine_destroy(). `why` may stay empty. */
MUST_CHECK struct err engine_open(
        struct engine *engine, const struct engine_options *options, struct text *why);

#endif
