#include "engine/engine_inner.h"

#include "engine/io/crypto.h"
#include "engine/io/tls_roots.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define ENGINE_REQUESTS 2 /* one is asked at a time */
/* Descriptors that are neither clients' nor sessions': spool, rings, control, name servers. */
#define ENGINE_FILES 128

static struct err engine_open_privileges(struct engine *engine, struct text *why);
static struct err engine_open_theirs(struct engine *engine, struct text *why);
static struct err engine_open_spooler(struct engine *engine, struct text *why);
static struct err engine_open_helpers(struct engine *engine, struct text *why);
static struct err engine_open_courier(struct engine *engine, struct courier *courier,
        const struct trade *trade, int *end, struct text *why);
static struct err engine_open_keys(struct engine *engine);
static struct err engine_open_ingests(struct engine *engine, struct text *why);
static struct err engine_open_ingest(struct engine *engine, size_t index, struct text *why);
static struct err engine_open_deliveries(struct engine *engine, struct text *why);
static struct err engine_open_delivery(
        struct engine *engine, size_t index, struct tls_roots *roots, struct text *why);
static struct log *engine_open_log(struct engine *engine);
static void engine_raise_files(void);
static void engine_fit_files(struct engine *engine);

struct err engine_open(
        struct engine *engine, const struct engine_options *options, struct text *why)
{
	struct err err = engine_open_privileges(engine, why);
	if (failed(err))
		return err;
	engine_raise_files();
	err = watch_open(&engine->watch);
	if (failed(err))
		return err;
	engine->watch.keeper = engine->keeper->ends.life;
	err = logger_create(&engine->logger, options->log);
	if (failed(err))
		return err;
	engine->log = engine_open_log(engine);
	err = depot_create(&engine->depot, engine->config->limits.memory_bytes);
	if (failed(err))
		return err;
	err = engine_open_keys(engine);
	if (failed(err))
		return err;
	err = doors_open(&engine->doors, engine->config, engine->keys, options->handed, why);
	if (failed(err))
		return err;
	engine_fit_files(engine);
	err = engine_open_theirs(engine, why);
	if (!failed(err))
		err = engine_open_helpers(engine, why);
	if (!failed(err))
		err = engine_open_ingests(engine, why);
	if (!failed(err))
		err = engine_open_deliveries(engine, why);
	if (!failed(err))
		err = privileges_put_on(&engine->privileges, why);
	if (!failed(err))
		spooler_join(engine->spooler);
	return err;
}

static struct err engine_open_privileges(struct engine *engine, struct text *why)
{
	const struct config *config = engine->config;
	struct privileges *who = &engine->privileges;

	if (!privileges_find(who, config->user, config->group, why))
		return err_make(ERR_NOT_FOUND, 0);
	if (config->user == NULL || who->root || who->uid == geteuid())
		return err_ok();
	text_format(why,
	        "%s: user: started as user %u, who can't become %s; right is to start as root, or "
	        "as %s",
	        config->path, (unsigned)geteuid(), config->user, config->user);
	return err_make(ERR_SYSTEM, 0);
}

/* With the user's rights, for whatever lies in the user's folder may be a trap for root. */
static struct err engine_open_theirs(struct engine *engine, struct text *why)
{
	struct privileges *who = &engine->privileges;
	struct err err = privileges_give_folder(who, engine->config->spool.path, why);

	if (!failed(err))
		err = privileges_put_on(who, why);
	if (failed(err))
		return err;
	err = engine_open_spooler(engine, why);
	privileges_take_off(who);
	return err;
}

/* One descriptor a client and a session: as many as we may have. */
static void engine_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files); /* else engine_fit_files() says so */
}

/* No more clients than there are descriptors for, with some kept back for those who get 421: a
 * client that can't be accepted at all hears nothing. */
static void engine_fit_files(struct engine *engine)
{
	const struct config *config = engine->config;
	const uint64_t wanted = config->limits.connections;
	uint64_t others = ENGINE_FILES + (uint64_t)config->threads.ingest * INGEST_REFUSED_MAX;
	struct rlimit files;

	for (size_t i = 0; i < config->routes.count; i++)
		others += config->routes.at[i].sessions;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted + others)
		return;
	const uint64_t room = files.rlim_cur > others ? files.rlim_cur - others : 1;
	doorman_lower(engine->doors->doorman, room);
	struct log_line line = log_begin(engine->log, LOG_WARNING, "descriptors_short");
	log_number(&line, "connections", room);
	log_number(&line, "wanted", wanted);
	log_number(&line, "limit", files.rlim_cur);
	log_word(&line, "advice",
	        "Raise the limit of open files (LimitNOFILE in the unit, ulimit -n), or lower "
	        "limits.connections.");
	log_end(&line);
}

static struct log *engine_open_log(struct engine *engine)
{
	struct log *log = NULL;

	if (failed(logger_open(engine->logger, &log)))
		return NULL; /* a thread without a log says nothing */
	return log;
}

static struct err engine_open_spooler(struct engine *engine, struct text *why)
{
	const struct spooler_settings settings = {
		.config = engine->config,
		.depot = engine->depot,
		.counters = &engine->spooler_counters,
		.log = engine_open_log(engine),
		.io = { .entries = 256, .buffer_count = 8, .buffer_bytes = 4096 },
		.seed = crypto_random_u64(),
		.ingest_count = engine->config->threads.ingest,
		.delivery_count = engine->config->threads.delivery,
	};
	struct err err = spooler_create(&engine->spooler, &settings, why);
	if (failed(err))
		return err;
	engine->spooler->state_event = engine->watch.events;
	err = mailbox_init(&engine->requests, sizeof(struct letter), ENGINE_REQUESTS,
	        &engine->spooler->shard.loop.doorbell);
	if (failed(err))
		return err;
	engine->has_requests = true;
	engine->spooler->requests = &engine->requests;
	return err_ok();
}

static struct err engine_open_helpers(struct engine *engine, struct text *why)
{
	struct err err = resolver_init(&engine->resolver, &engine->config->dns, engine->depot, why);

	engine->has_resolver = !failed(err);
	if (!failed(err) && engine->keeper->ends.secrets >= 0) {
		err = engine_open_courier(engine, &engine->secrets, &trade_secrets,
		        &engine->keeper->ends.secrets, why);
		engine->has_secrets = !failed(err);
	}
	if (!failed(err) && engine->keeper->ends.passwords >= 0) {
		err = engine_open_courier(engine, &engine->passwords, &trade_passwords,
		        &engine->keeper->ends.passwords, why);
		engine->has_passwords = !failed(err);
	}
	return err;
}

static struct err engine_open_courier(struct engine *engine, struct courier *courier,
        const struct trade *trade, int *end, struct text *why)
{
	const struct courier_settings settings = {
		.config = engine->config,
		.trade = trade,
		.depot = engine->depot,
		.end = *end,
	};

	*end = -1;
	return courier_init(courier, &settings, why);
}

/* Handshakes are signed by the keeper. */
static struct err engine_open_keys(struct engine *engine)
{
	if (engine->keeper->ends.signer_count == 0)
		return err_ok();
	struct err err = config_keys_open(&engine->key_files, engine->config);
	if (failed(err))
		return err;
	signing_init(&engine->signing, &engine->keeper->ends);
	const struct tls_keys_settings settings = {
		.door = &engine->signing.door,
		.paths = engine->key_files.keys,
		.count = engine->key_files.count,
	};
	return tls_keys_create(&engine->keys, &settings);
}

static struct err engine_open_ingests(struct engine *engine, struct text *why)
{
	const size_t count = engine->config->threads.ingest;

	engine->ingests = aligned_alloc(64, count * sizeof *engine->ingests);
	if (engine->ingests == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	memset(engine->ingests, 0, count * sizeof *engine->ingests);
	for (size_t i = 0; i < count; i++) {
		struct err err = engine_open_ingest(engine, i, why);
		if (failed(err))
			return err;
	}
	return err_ok();
}

static struct err engine_open_ingest(struct engine *engine, size_t index, struct text *why)
{
	struct engine_ingest *own = &engine->ingests[index];
	struct err err = pair_init(
	        &own->pair, &engine->spooler->shard.loop, &own->ingest.shard.loop, INGEST_LETTERS);

	if (failed(err))
		return err;
	const struct ingest_settings settings = {
		.config = engine->config,
		.doors = engine->doors,
		.depot = engine->depot,
		.counters = &own->counters,
		.log = engine_open_log(engine),
		.spooler = pair_shards_post(&own->pair),
		.io = IO_SETTINGS_DEFAULT,
		.index = (unsigned)index,
		.shard_count = engine->config->threads.ingest,
		.seed = crypto_random_u64(),
	};
	err = ingest_init(&own->ingest, &settings, why);
	if (failed(err)) {
		pair_finish(&own->pair);
		return err;
	}
	engine->spooler->ingest[index] = pair_spoolers_post(&own->pair);
	engine->ingest_count++;
	return engine->has_passwords ? ingest_join(&own->ingest, &engine->passwords.helper)
	                             : err_ok();
}

static struct err engine_open_deliveries(struct engine *engine, struct text *why)
{
	const size_t count = engine->config->threads.delivery;

	engine->deliveries = aligned_alloc(64, count * sizeof *engine->deliveries);
	if (engine->deliveries == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	memset(engine->deliveries, 0, count * sizeof *engine->deliveries);
	/* Each route of each shard has its TLS context; what they trust is parsed once for all. */
	struct tls_roots *roots;
	struct err err = tls_roots_create(&roots);
	if (failed(err))
		return err;
	for (size_t i = 0; i < count && !failed(err); i++)
		err = engine_open_delivery(engine, i, roots, why);
	tls_roots_destroy(roots); /* the contexts keep what is theirs */
	return err;
}

static struct err engine_open_delivery(
        struct engine *engine, size_t index, struct tls_roots *roots, struct text *why)
{
	struct engine_delivery *own = &engine->deliveries[index];
	const size_t shard_count = engine->config->threads.delivery;
	/* Every job of every route's window may be on its way, and a few letters besides. */
	const uint32_t letters = feed_window_sum(engine->config, shard_count) +
	                         spooler_letters_spare(engine->config);
	struct err err = pair_init(
	        &own->pair, &engine->spooler->shard.loop, &own->delivery.shard.loop, letters);

	if (failed(err))
		return err;
	const struct delivery_settings settings = {
		.config = engine->config,
		.depot = engine->depot,
		.counters = &own->counters,
		.log = engine_open_log(engine),
		.spooler = pair_shards_post(&own->pair),
		.io = IO_SETTINGS_DEFAULT,
		.helpers = { .resolver = &engine->resolver,
		        .keeper = engine->has_secrets ? &engine->secrets.helper : NULL,
		        .tls_roots = roots,
		        .tls_keys = engine->keys },
		.spool = engine->spooler->spool,
		.index = (unsigned)index,
		.shard_count = (unsigned)shard_count,
		.seed = crypto_random_u64(),
	};
	err = delivery_init(&own->delivery, &settings, why);
	if (failed(err)) {
		pair_finish(&own->pair);
		return err;
	}
	engine->spooler->delivery[index] = pair_spoolers_post(&own->pair);
	engine->delivery_count++;
	return err_ok();
}
