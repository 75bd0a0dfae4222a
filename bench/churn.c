#include "bench/churn.h"

#include "bench/process.h"
#include "queue/base/check.h"
#include "queue/base/random.h"
#include "queue/spool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUDGET_BYTES ((size_t)512 << 20)
#define LOADS_MAX    2000
#define FIFTHS       5
#define MINUTE_S     60

struct churn {
	struct churn_settings settings;
	struct depot *depot;
	struct shelf shelf;
	struct spool *spool;
	struct random random;
	uint64_t next_id;
	uint64_t *backlog; /* ids */
	uint64_t live_bytes;
	uint64_t put_count;
	uint64_t put_bytes;
	struct job *puts; /* of one batch */
	struct job *settles;
	char *noise; /* bytes_max of them: what bodies are made of */
};

static uint64_t churn_body_bytes(struct churn *churn)
{
	const double least = log((double)churn->settings.bytes_min);
	const double most = log((double)churn->settings.bytes_max);

	return (uint64_t)exp(least + (most - least) * random_unit(&churn->random));
}

static void churn_make(struct churn *churn, struct job *job)
{
	const uint64_t bytes = churn_body_bytes(churn);
	struct message *message = message_create(&churn->shelf, 0);

	check(message != NULL);
	message_name(message, churn->next_id++, (struct wall){ 0 });
	const struct message_recipient recipient = { .address = VIEW("someone@example.org") };
	bool made = message_set(message, MESSAGE_SENDER, VIEW("printer@contoso.com"));
	check(made);
	made = message_add_recipient(message, &churn->shelf, 0, &recipient);
	check(made);
	made = rope_append(&message->body, &churn->shelf, view_from(churn->noise, bytes), 0);
	check(made);
	message_seal(message);
	*job = (struct job){ 0 };
	job_begin(job, message, 0, 0);
	message_release(message, &churn->shelf);
	made = job_owe_all(job, &churn->shelf, 0);
	check(made);
	churn->put_count++;
	churn->put_bytes += bytes;
	churn->live_bytes += bytes;
}

/* One of the backlog, at random, and delivered; its slot is for the next that is put. */
static struct err churn_pick(struct churn *churn, struct job *job, uint64_t *slot)
{
	*slot = random_below(&churn->random, churn->settings.backlog);
	while (churn->backlog[*slot] == 0) /* picked already, in this batch */
		*slot = (*slot + 1) % churn->settings.backlog;
	*job = (struct job){ 0 };
	const struct spool_place place = { churn->backlog[*slot], 0 };
	churn->backlog[*slot] = 0;
	const struct err err = spool_load(churn->spool, place, false, &churn->shelf, 0, job);
	if (failed(err))
		return err;
	job_set_outcome(job, 0, OWED_DELIVERED, NULL, &churn->shelf);
	churn->live_bytes -= job->message->body_bytes;
	return err;
}

static struct err churn_commit(struct churn *churn, uint64_t puts, uint64_t settles)
{
	struct err err = spool_begin(churn->spool);

	for (uint64_t i = 0; i < settles && !failed(err); i++)
		err = spool_settle(churn->spool, &churn->settles[i]);
	for (uint64_t i = 0; i < puts && !failed(err); i++)
		err = spool_put(churn->spool, churn->puts[i].message,
		        (struct job *[]){ &churn->puts[i] }, 1, false);
	if (failed(err)) {
		spool_abort(churn->spool);
		return err;
	}
	return spool_commit(churn->spool);
}

/* A batch, again when the map had to grow; gives the time it took. */
static struct err churn_batch(
        struct churn *churn, uint64_t puts, uint64_t settles, int64_t *ns, int64_t *cpu_ns)
{
	const int64_t cpu_from = clock_thread_cpu_ns();
	const struct mono from = clock_mono();
	struct err err;

	do {
		err = churn_commit(churn, puts, settles);
	} while (err.code == ERR_AGAIN);
	*ns += clock_mono().ns - from.ns;
	*cpu_ns += clock_thread_cpu_ns() - cpu_from;
	for (uint64_t i = 0; i < puts; i++)
		job_clear(&churn->puts[i], &churn->shelf);
	for (uint64_t i = 0; i < settles; i++)
		job_clear(&churn->settles[i], &churn->shelf);
	return err;
}

static struct err churn_fill(struct churn *churn, struct churn_result *result)
{
	struct err err = spool_begin(churn->spool);
	int64_t ns = 0;
	int64_t cpu_ns = 0;

	/* One block of ids, so large that the run never needs another. */
	if (!failed(err))
		err = spool_reserve_ids(churn->spool, UINT64_C(1) << 32, &churn->next_id);
	if (failed(err)) {
		spool_abort(churn->spool);
		return err;
	}
	err = spool_commit(churn->spool);
	for (uint64_t done = 0; done < churn->settings.backlog && !failed(err);) {
		uint64_t puts = churn->settings.backlog - done;
		if (puts > churn->settings.batch)
			puts = churn->settings.batch;
		for (uint64_t i = 0; i < puts; i++) {
			churn_make(churn, &churn->puts[i]);
			churn->backlog[done++] = churn->puts[i].id;
		}
		err = churn_batch(churn, puts, 0, &ns, &cpu_ns);
	}
	result->fill_per_s = (double)churn->settings.backlog / ((double)ns / NS_PER_S);
	return err;
}

static struct err churn_turn(struct churn *churn, int64_t *ns, int64_t *cpu_ns)
{
	const uint64_t batch = churn->settings.batch;
	uint64_t *slots = calloc(batch, sizeof *slots);
	struct err err = err_ok();

	check(slots != NULL);
	for (uint64_t i = 0; i < batch && !failed(err); i++)
		err = churn_pick(churn, &churn->settles[i], &slots[i]);
	for (uint64_t i = 0; i < batch && !failed(err); i++) {
		churn_make(churn, &churn->puts[i]);
		churn->backlog[slots[i]] = churn->puts[i].id;
	}
	free(slots);
	return failed(err) ? err : churn_batch(churn, batch, batch, ns, cpu_ns);
}

static struct err churn_churn(struct churn *churn, struct churn_result *result)
{
	const uint64_t seconds = churn->settings.seconds;
	const bool by_minutes = seconds >= CHURN_BY_MINUTES_S;
	const int64_t wanted_ns = (int64_t)seconds * NS_PER_S;
	const int64_t part_ns = by_minutes ? MINUTE_S * NS_PER_S : wanted_ns / FIFTHS;
	const double batch = (double)churn->settings.batch;
	uint64_t all = 0;
	int64_t ns = 0;
	int64_t cpu_ns = 0;
	struct err err = err_ok();

	while (ns < wanted_ns && !failed(err)) {
		const int64_t part = ns / part_ns;
		err = churn_turn(churn, &ns, &cpu_ns);
		result->part_per_s[part] += batch * (double)NS_PER_S / (double)part_ns;
		all++;
	}
	/* A part that was begun and not ended is none. */
	result->part_count = by_minutes ? (unsigned)(seconds / MINUTE_S) : FIFTHS;
	result->per_s = (double)all * batch / ((double)ns / NS_PER_S);
	result->cpu_us = (double)cpu_ns / NS_PER_US / ((double)all * batch);
	return err;
}

/* What the run wrote, and how often the spool's tables were brought up to date for it. */
static struct err churn_measure(struct churn *churn, struct churn_result *result)
{
	struct process before = { 0 };
	struct process after = { 0 };
	const struct spool_counts from = spool_counts(churn->spool);
	const uint64_t mail = churn->put_bytes;
	const bool read = process_read(&before, getpid());
	struct err err = churn_churn(churn, result);
	if (!failed(err))
		err = spool_tidy(churn->spool); /* what is in the journal alone was written too */
	const struct spool_counts to = spool_counts(churn->spool);

	result->checkpoints = (double)(to.checkpoints - from.checkpoints);
	if (to.checkpoints > from.checkpoints)
		result->checkpoint_ms = (double)(to.checkpoints_ns - from.checkpoints_ns) /
		                        NS_PER_MS / result->checkpoints;
	result->checkpoint_most_ms = (double)to.checkpoint_longest_ns / NS_PER_MS;
	if (read && process_read(&after, getpid()))
		result->written_bytes = (double)(after.write_bytes - before.write_bytes) /
		                        (double)(churn->put_bytes - mail);
	return err;
}

static struct err churn_load(struct churn *churn, struct churn_result *result)
{
	const struct mono from = clock_mono();
	struct err err = err_ok();
	uint64_t loads = 0;

	for (; loads < LOADS_MAX && loads < churn->settings.backlog && !failed(err); loads++) {
		struct job job = { 0 };
		err = spool_next(churn->spool, 0, (struct wall){ 1 }, &churn->shelf, 0, &job);
		if (!failed(err))
			job_clear(&job, &churn->shelf);
	}
	result->load_per_s = (double)loads / ((double)(clock_mono().ns - from.ns) / NS_PER_S);
	return err;
}

static struct err churn_open(struct churn *churn)
{
	static const char *const routes[] = { "churn" };
	const struct spool_settings settings = {
		.routes = routes,
		.route_count = 1,
		.lent_max = LOADS_MAX,
	};

	check(churn->settings.batch <= churn->settings.backlog);
	check(churn->settings.seconds >= 1);
	check(churn->settings.seconds <= CHURN_SECONDS_MAX);
	churn->backlog = calloc(churn->settings.backlog, sizeof *churn->backlog);
	churn->puts = calloc(churn->settings.batch, sizeof *churn->puts);
	churn->settles = calloc(churn->settings.batch, sizeof *churn->settles);
	churn->noise = malloc(churn->settings.bytes_max);
	if (churn->backlog == NULL || churn->puts == NULL || churn->settles == NULL ||
	        churn->noise == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	random_seed(&churn->random, churn->settings.seed);
	for (uint64_t i = 0; i < churn->settings.bytes_max; i++)
		churn->noise[i] = (char)random_u64(&churn->random);
	struct err err = depot_create(&churn->depot, BUDGET_BYTES);
	if (failed(err))
		return err;
	shelf_init(&churn->shelf, churn->depot);
	return spool_open(&churn->spool, churn->settings.path, &settings);
}

static void churn_close(struct churn *churn)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "journal", "" };
	char name[4096];

	spool_close(churn->spool);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", churn->settings.path, files[i]);
		(void)remove(name);
	}
	if (churn->depot != NULL)
		shelf_finish(&churn->shelf);
	depot_destroy(churn->depot);
	free(churn->backlog);
	free(churn->puts);
	free(churn->settles);
	free(churn->noise);
}

struct err churn_run(const struct churn_settings *settings, struct churn_result *result)
{
	struct churn churn = { .settings = *settings };
	struct err err = churn_open(&churn);

	*result = (struct churn_result){ 0 };
	if (!failed(err))
		err = churn_fill(&churn, result);
	if (!failed(err))
		err = churn_measure(&churn, result);
	if (!failed(err)) {
		result->file_bytes = (double)spool_counts(churn.spool).file_bytes;
		result->live_bytes = (double)churn.live_bytes;
		result->body_bytes = (double)churn.put_bytes / (double)churn.put_count;
		err = churn_load(&churn, result);
	}
	churn_close(&churn);
	return err;
}

void churn_print(const struct churn_result *result)
{
	printf("churn_fill_rate %.0f messages/s\n", result->fill_per_s);
	printf("churn_rate %.0f messages/s\n", result->per_s);
	for (unsigned i = 0; i < result->part_count; i++)
		printf("churn_rate_part_%u %.0f messages/s\n", i + 1, result->part_per_s[i]);
	printf("churn_load_rate %.0f messages/s\n", result->load_per_s);
	printf("churn_cpu %.1f us/message\n", result->cpu_us);
	printf("churn_body_mean %.0f bytes\n", result->body_bytes);
	printf("churn_file %.0f bytes\n", result->file_bytes);
	printf("churn_live %.0f bytes\n", result->live_bytes);
	printf("churn_checkpoints %.0f checkpoints\n", result->checkpoints);
	printf("churn_checkpoint %.1f ms\n", result->checkpoint_ms);
	printf("churn_checkpoint_most %.1f ms\n", result->checkpoint_most_ms);
	printf("churn_writes %.2f bytes/byte\n", result->written_bytes);
}
