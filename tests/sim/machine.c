#include "tests/sim/machine.h"

#include "queue/base/check.h"
#include "tests/sim/disk.h"
#include "tests/sim/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RELEASE_NS (600 * NS_PER_S) /* between two looks of the operator */

static void machine_open(struct machine *machine, uint64_t seed);
static void machine_open_ingest(struct machine *machine, size_t index, uint64_t seed);
static void machine_open_delivery(struct machine *machine, size_t index, uint64_t seed);
static void machine_start(struct machine *machine);
static void machine_add_thread(struct machine *machine, struct loop *loop,
        void (*turn)(struct machine_thread *thread), void *what);
static struct log *machine_log(struct machine *machine);
static void turn_ingest(struct machine_thread *thread);
static void turn_delivery(struct machine_thread *thread);
static void turn_spooler(struct machine_thread *thread);
static void turn_keeper(struct machine_thread *thread);
static void turn_checker(struct machine_thread *thread);

/* Starting can't fail here: there is no kernel to refuse anything. */
static void must(struct err err, struct text *why)
{
	if (!failed(err))
		return;
	fprintf(stderr, "a machine does not boot: %s: %s\n", err_text(err.code), text_string(why));
	abort();
}

struct machine *machine_boot(const struct config *config, bool verbose, uint64_t seed)
{
	struct machine *machine = aligned_alloc(64, (sizeof *machine + 63) / 64 * 64);

	check(machine != NULL);
	memset(machine, 0, sizeof *machine);
	machine->config = config;
	if (verbose) {
		const struct logger_options options = { .fd = STDOUT_FILENO, .level = LOG_DEBUG };
		char none[1];
		struct text why = TEXT_ON(none);
		must(logger_create(&machine->logger, options), &why);
	}
	machine_open(machine, seed);
	machine_start(machine);
	return machine;
}

static struct log *machine_log(struct machine *machine)
{
	struct log *log = NULL;

	if (machine->logger != NULL && failed(logger_open(machine->logger, &log)))
		return NULL;
	return log;
}

static void machine_open(struct machine *machine, uint64_t seed)
{
	const struct config *config = machine->config;
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	must(depot_create(&machine->depot, config->limits.memory_bytes), &why);
	must(doors_open(&machine->doors, config, NULL, NULL, &why), &why);
	const struct spooler_settings settings = {
		.config = config,
		.depot = machine->depot,
		.counters = &machine->counters,
		.log = machine_log(machine),
		.io = IO_SETTINGS_DEFAULT,
		.seed = seed,
		.ingest_count = config->threads.ingest,
		.delivery_count = config->threads.delivery,
	};
	must(spooler_create(&machine->spooler, &settings, &why), &why);
	const struct keeper_settings secrets = {
		.config = config,
		.depot = machine->depot,
		.log = machine_log(machine),
		.seed = seed,
	};
	must(keeper_init(&machine->keeper, &secrets, &why), &why);
	machine->has_checker = roster_is_wanted(config);
	if (machine->has_checker)
		must(checker_init(&machine->checker, &config->limits, machine->depot, &why), &why);
	for (size_t i = 0; i < config->threads.ingest; i++)
		machine_open_ingest(machine, i, seed);
	for (size_t i = 0; i < config->threads.delivery; i++)
		machine_open_delivery(machine, i, seed);
	must(request_create(&machine->request), &why);
	must(mailbox_init(&machine->requests, sizeof(struct letter), 1,
	             &machine->spooler->shard.loop.doorbell),
	        &why);
	machine->spooler->requests = &machine->requests;
	spooler_join(machine->spooler);
}

static void machine_open_ingest(struct machine *machine, size_t index, uint64_t seed)
{
	struct ingest *ingest = &machine->ingests[index];
	struct pair *pair = &machine->ingest_pairs[index];
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	must(pair_init(pair, &machine->spooler->shard.loop, &ingest->shard.loop, INGEST_LETTERS),
	        &why);
	const struct ingest_settings settings = {
		.config = machine->config,
		.doors = machine->doors,
		.depot = machine->depot,
		.counters = &machine->counters,
		.log = machine_log(machine),
		.spooler = pair_shards_post(pair),
		.io = IO_SETTINGS_DEFAULT,
		.index = (unsigned)index,
		.shard_count = machine->config->threads.ingest,
		.seed = seed + index,
	};
	must(ingest_init(ingest, &settings, &why), &why);
	if (machine->has_checker)
		must(ingest_join(ingest, &machine->checker.helper), &why);
	machine->spooler->ingest[index] = pair_spoolers_post(pair);
	machine->ingest_count++;
}

static void machine_open_delivery(struct machine *machine, size_t index, uint64_t seed)
{
	struct delivery *delivery = &machine->deliveries[index];
	struct pair *pair = &machine->delivery_pairs[index];
	const size_t shard_count = machine->config->threads.delivery;
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	must(pair_init(pair, &machine->spooler->shard.loop, &delivery->shard.loop,
	             feed_window_sum(machine->config, shard_count) +
	                     spooler_letters_spare(machine->config)),
	        &why);
	const struct delivery_settings settings = {
		.config = machine->config,
		.depot = machine->depot,
		.counters = &machine->counters,
		.log = machine_log(machine),
		.spooler = pair_shards_post(pair),
		.io = IO_SETTINGS_DEFAULT,
		.helpers = { .keeper = &machine->keeper.helper },
		.spool = machine->spooler->spool,
		.index = (unsigned)index,
		.shard_count = (unsigned)shard_count,
		.seed = seed + 100 + index,
	};
	must(delivery_init(delivery, &settings, &why), &why);
	machine->spooler->delivery[index] = pair_spoolers_post(pair);
	machine->delivery_count++;
}

static void machine_start(struct machine *machine)
{
	spooler_start(machine->spooler);
	machine_add_thread(machine, &machine->spooler->shard.loop, turn_spooler, machine->spooler);
	loop_start(&machine->keeper.helper.loop);
	machine_add_thread(
	        machine, &machine->keeper.helper.loop, turn_keeper, &machine->keeper.helper);
	if (machine->has_checker) {
		struct helper *helper = &machine->checker.helper;
		loop_start(&helper->loop);
		machine_add_thread(machine, &helper->loop, turn_checker, helper);
	}
	for (size_t i = 0; i < machine->delivery_count; i++) {
		struct delivery *delivery = &machine->deliveries[i];
		delivery_start(delivery);
		machine_add_thread(machine, &delivery->shard.loop, turn_delivery, delivery);
	}
	for (size_t i = 0; i < machine->ingest_count; i++) {
		struct ingest *ingest = &machine->ingests[i];
		ingest_start(ingest);
		machine_add_thread(machine, &ingest->shard.loop, turn_ingest, ingest);
	}
}

static void machine_add_thread(struct machine *machine, struct loop *loop,
        void (*turn)(struct machine_thread *thread), void *what)
{
	check(machine->thread_count < MACHINE_THREADS_MAX);
	io_sim_expose(loop->io);
	machine->threads[machine->thread_count++] =
	        (struct machine_thread){ machine, loop, turn, what };
}

static void turn_ingest(struct machine_thread *thread)
{
	ingest_turn(thread->what);
}

static void turn_delivery(struct machine_thread *thread)
{
	delivery_turn(thread->what);
}

bool machine_delivers(const struct machine_thread *thread)
{
	return thread->turn == turn_delivery;
}

static void turn_spooler(struct machine_thread *thread)
{
	spooler_turn(thread->what);
}

static void turn_keeper(struct machine_thread *thread)
{
	keeper_turn(thread->what);
}

static void turn_checker(struct machine_thread *thread)
{
	checker_turn(thread->what);
}

void machine_crash(struct machine *machine)
{
	for (size_t i = 0; i < machine->thread_count; i++)
		io_sim_kill(machine->threads[i].loop->io);
	machine->thread_count = 0;
	disk_power_off();
}

bool machine_owns(const struct machine *machine, const struct io *io, bool ingest)
{
	for (size_t i = 0; ingest && i < machine->ingest_count; i++)
		if (machine->ingests[i].shard.loop.io == io)
			return true;
	for (size_t i = 0; !ingest && i < machine->delivery_count; i++)
		if (machine->deliveries[i].shard.loop.io == io)
			return true;
	return false;
}

bool machine_release(struct machine *machine)
{
	const struct letter letter = { .kind = LETTER_REQUEST, .request = machine->request };
	const struct mono now = clock_mono();

	machine->asked = machine->asked && !request_wait(machine->request, 0);
	if (machine->asked || !mono_reached(now, machine->release_at))
		return false;
	machine->release_at = mono_after(now, RELEASE_NS);
	request_reset(machine->request, REQUEST_RELEASE);
	machine->request->all = true;
	machine->request->filter.in_doubt = true;
	machine->asked = true;
	const bool put = mailbox_put(&machine->requests, &letter);
	check(put);
	return true;
}

void machine_drain(struct machine *machine)
{
	spooler_drain(machine->spooler);
}

bool machine_is_drained(const struct machine *machine)
{
	return spooler_state(machine->spooler) == SPOOLER_FINISHED;
}

void machine_abort(struct machine *machine)
{
	for (size_t i = 0; i < machine->ingest_count; i++)
		ingest_abort(&machine->ingests[i]);
	for (size_t i = 0; i < machine->delivery_count; i++)
		delivery_abort(&machine->deliveries[i]);
}

bool machine_is_over(const struct machine *machine)
{
	for (size_t i = 0; i < machine->ingest_count; i++)
		if (!ingest_is_over(&machine->ingests[i]))
			return false;
	for (size_t i = 0; i < machine->delivery_count; i++)
		if (!delivery_is_over(&machine->deliveries[i]))
			return false;
	return true;
}

void machine_finish(struct machine *machine)
{
	for (size_t i = 0; i < machine->ingest_count; i++)
		ingest_finish(&machine->ingests[i]);
	for (size_t i = 0; i < machine->delivery_count; i++)
		delivery_finish(&machine->deliveries[i]);
	keeper_finish(&machine->keeper);
	if (machine->has_checker)
		checker_finish(&machine->checker);
	spooler_destroy(machine->spooler);
	mailbox_finish(&machine->requests);
	request_destroy(machine->request);
	for (size_t i = 0; i < machine->ingest_count; i++)
		pair_finish(&machine->ingest_pairs[i]);
	for (size_t i = 0; i < machine->delivery_count; i++)
		pair_finish(&machine->delivery_pairs[i]);
	doors_close(machine->doors);
	depot_destroy(machine->depot);
	logger_destroy(machine->logger);
	free(machine);
}

uint64_t machine_in_flight(const struct machine *machine)
{
	uint64_t in_flight = 0;

	for (size_t i = 0; i < machine->delivery_count; i++) {
		const struct dispatch *dispatch = &machine->deliveries[i].dispatch;
		for (uint32_t j = 0; j < dispatch->lane_count; j++)
			in_flight += dispatch->lane_values[j].in_flight;
	}
	return in_flight;
}
