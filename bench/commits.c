#include "bench/commits.h"

#include "bench/histogram.h"
#include "queue/base/check.h"
#include "queue/base/random.h"
#include "queue/row_key.h"
#include "queue/spool.h"
#include "queue/store.h"

#include <stdio.h>
#include <stdlib.h>

#define COMMITS_MEMORY ((size_t)64 << 20)  /* a batch's messages */
#define COMMITS_MAP    ((uint64_t)1 << 30) /* never has to grow */
#define COMMITS_WARM   3                   /* the first are not counted: pages come from nowhere */

struct commits {
	struct commits_settings settings;
	struct depot *depot;
	struct shelf shelf;
	struct spool *spool;
	struct store *store; /* one of the two */
	char *noise;         /* a body */
	struct job *jobs;    /* of one batch */
	uint64_t next_id;
	struct histogram latency;
	int64_t ns;
	int64_t cpu_ns;
};

static struct err commits_open(struct commits *commits);
static struct err commits_open_spool(struct commits *commits);
static void commits_close(struct commits *commits);
static struct err commits_go(struct commits *commits, uint64_t *messages);
static void commits_make(struct commits *commits, struct job *job);
static struct err commits_put_spool(struct commits *commits);
static struct err commits_put_store(struct commits *commits);

bool commits_fit(size_t bytes, unsigned group)
{
	return group >= 1 && group <= COMMITS_GROUP_MAX && bytes * group <= COMMITS_BATCH_MAX;
}

struct err commits_run(const struct commits_settings *settings, struct commits_result *result)
{
	struct commits commits = { .settings = *settings, .next_id = 1 };
	uint64_t messages = 0;

	check(commits_fit(settings->bytes, settings->group));
	*result = (struct commits_result){ 0 };
	struct err err = commits_open(&commits);
	if (!failed(err))
		err = commits_go(&commits, &messages);
	if (!failed(err) && messages > 0)
		*result = (struct commits_result){
			.per_s = (double)messages * (double)NS_PER_S / (double)commits.ns,
			.cpu_us = (double)commits.cpu_ns / (double)NS_PER_US / (double)messages,
			.p50_ns = histogram_at(&commits.latency, 0.5),
		};
	commits_close(&commits);
	return err;
}

static struct err commits_open(struct commits *commits)
{
	const struct commits_settings *settings = &commits->settings;
	const struct store_settings store = { .map_bytes = COMMITS_MAP };
	struct random random;

	commits->jobs = calloc(settings->group, sizeof *commits->jobs);
	commits->noise = malloc(settings->bytes);
	if (commits->jobs == NULL || commits->noise == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	random_seed(&random, 1);
	for (size_t i = 0; i < settings->bytes; i++)
		commits->noise[i] = (char)random_u64(&random);
	struct err err = depot_create(&commits->depot, COMMITS_MEMORY);
	if (failed(err))
		return err;
	shelf_init(&commits->shelf, commits->depot);
	return settings->bare ? store_open(&commits->store, settings->path, &store)
	                      : commits_open_spool(commits);
}

static struct err commits_open_spool(struct commits *commits)
{
	static const char *const routes[] = { "commits" };
	const struct spool_settings settings = {
		.routes = routes,
		.route_count = 1,
		.lent_max = 1,
		.map_bytes = COMMITS_MAP,
	};
	struct err err = spool_open(&commits->spool, commits->settings.path, &settings);

	if (!failed(err))
		err = spool_begin(commits->spool);
	if (failed(err))
		return err;
	err = spool_reserve_ids(commits->spool, UINT64_C(1) << 32, &commits->next_id);
	if (!failed(err))
		return spool_commit(commits->spool);
	spool_abort(commits->spool);
	return err;
}

static void commits_close(struct commits *commits)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "" };
	char name[4096];

	spool_close(commits->spool);
	if (commits->store != NULL)
		store_close(commits->store);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		(void)snprintf(name, sizeof name, "%s/%s", commits->settings.path, files[i]);
		(void)remove(name);
	}
	if (commits->depot != NULL)
		shelf_finish(&commits->shelf);
	depot_destroy(commits->depot);
	free(commits->jobs);
	free(commits->noise);
}

static struct err commits_go(struct commits *commits, uint64_t *messages)
{
	const struct commits_settings *settings = &commits->settings;
	const uint64_t batch = (uint64_t)settings->group * settings->bytes;
	const struct mono until = mono_after(clock_mono(), settings->within_ns);
	struct err err = err_ok();

	for (uint64_t turn = 0; (turn + 1) * batch <= COMMITS_BYTES_MAX && !failed(err); turn++) {
		if (turn > COMMITS_WARM && mono_reached(clock_mono(), until))
			break;
		for (unsigned i = 0; i < settings->group && !settings->bare; i++)
			commits_make(commits, &commits->jobs[i]);
		const struct mono from = clock_mono();
		const int64_t cpu_from = clock_thread_cpu_ns();
		err = settings->bare ? commits_put_store(commits) : commits_put_spool(commits);
		const int64_t cpu_ns = clock_thread_cpu_ns() - cpu_from;
		const int64_t ns = clock_mono().ns - from.ns;
		for (unsigned i = 0; i < settings->group && !settings->bare; i++)
			job_clear(&commits->jobs[i], &commits->shelf);
		if (turn < COMMITS_WARM)
			continue;
		histogram_add(&commits->latency, ns);
		commits->ns += ns;
		commits->cpu_ns += cpu_ns;
		*messages += settings->group;
	}
	return err;
}

static void commits_make(struct commits *commits, struct job *job)
{
	const struct message_recipient recipient = { .address = VIEW("someone@example.org") };
	struct message *message = message_create(&commits->shelf, 0);

	check(message != NULL);
	message_name(message, commits->next_id++, (struct wall){ 0 });
	bool made = message_set(message, MESSAGE_SENDER, VIEW("load@contoso.com"));
	check(made);
	made = message_add_recipient(message, &commits->shelf, 0, &recipient);
	check(made);
	made = rope_append(&message->body, &commits->shelf,
	        view_from(commits->noise, commits->settings.bytes), 0);
	check(made);
	message_seal(message);
	*job = (struct job){ 0 };
	job_begin(job, message, 0, 0);
	message_release(message, &commits->shelf);
	made = job_owe_all(job, &commits->shelf, 0);
	check(made);
}

static struct err commits_put_spool(struct commits *commits)
{
	struct err err = spool_begin(commits->spool);

	if (failed(err))
		return err;
	for (unsigned i = 0; i < commits->settings.group && !failed(err); i++)
		err = spool_put(commits->spool, commits->jobs[i].message,
		        (struct job *[]){ &commits->jobs[i] }, 1, false);
	if (!failed(err))
		return spool_commit(commits->spool);
	spool_abort(commits->spool);
	return err;
}

static struct err commits_put_store(struct commits *commits)
{
	const size_t bytes = commits->settings.bytes;
	struct err err = store_begin(commits->store);

	if (failed(err))
		return err;
	for (unsigned i = 0; i < commits->settings.group && !failed(err); i++) {
		const struct row_key key = row_key_body(commits->next_id++, 0);
		struct span room;
		err = store_admit(commits->store, bytes / STORE_PAGE_BYTES + 1, false);
		if (!failed(err))
			err = store_put_room(
			        commits->store, TABLE_BODIES, row_key_view(&key), bytes, &room);
		if (!failed(err))
			memcpy(room.data, commits->noise, bytes);
	}
	if (!failed(err))
		return store_commit(commits->store);
	store_abort(commits->store);
	return err;
}
