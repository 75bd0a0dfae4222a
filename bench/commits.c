#include "bench/commits.h"

#include "bench/histogram.h"
#include "queue/base/check.h"
#include "queue/base/random.h"
#include "queue/row_key.h"
#include "queue/spool.h"
#include "queue/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define COMMITS_MEMORY ((size_t)64 << 20)  /* a batch's messages */
#define COMMITS_MAP    ((uint64_t)1 << 30) /* never has to grow */
#define COMMITS_FILE   ((size_t)32 << 20)  /* written over and over by COMMITS_APPEND */
#define COMMITS_WARM   3                   /* the first are not counted: pages come from nowhere */

struct commits {
	struct commits_settings settings;
	struct depot *depot;
	struct shelf shelf;
	struct spool *spool; /* one of these three, by the way */
	struct tables *tables;
	int file;
	size_t file_at;
	char *noise;      /* a body */
	struct job *jobs; /* of one batch */
	uint64_t next_id;
	struct histogram latency;
	int64_t ns;
	int64_t cpu_ns;
};

static struct err commits_open(struct commits *commits);
static struct err commits_open_spool(struct commits *commits);
static struct err commits_open_tables(struct commits *commits);
static struct err commits_open_file(struct commits *commits);
static void commits_close(struct commits *commits);
static struct err commits_go(struct commits *commits, uint64_t *messages);
static void commits_make(struct commits *commits, struct job *job);
static struct err commits_put(struct commits *commits);
static struct err commits_put_spool(struct commits *commits);
static struct err commits_put_tables(struct commits *commits);
static struct err commits_put_file(struct commits *commits);

bool commits_fit(size_t bytes, unsigned group)
{
	return group >= 1 && group <= COMMITS_GROUP_MAX && bytes * group <= COMMITS_BATCH_MAX;
}

struct err commits_run(const struct commits_settings *settings, struct commits_result *result)
{
	struct commits commits = { .settings = *settings, .next_id = 1, .file = -1 };
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
	if (settings->way == COMMITS_SPOOL)
		return commits_open_spool(commits);
	if (mkdir(settings->path, 0700) != 0)
		return err_make(ERR_SYSTEM, errno);
	return settings->way == COMMITS_BARE ? commits_open_tables(commits)
	                                     : commits_open_file(commits);
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

/* Blocks are allocated ahead, as the store does it: a sync has less to write then. */
static struct err commits_open_tables(struct commits *commits)
{
	const struct err err = tables_open(&commits->tables, commits->settings.path, COMMITS_MAP);

	if (failed(err))
		return err;
	(void)fallocate(tables_fd(commits->tables), FALLOC_FL_KEEP_SIZE, 0,
	        (off_t)COMMITS_BYTES_MAX); /* not every file system can */
	return err_ok();
}

static struct err commits_open_file(struct commits *commits)
{
	char name[4096];

	(void)snprintf(name, sizeof name, "%s/data.mdb", commits->settings.path);
	commits->file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (commits->file < 0)
		return err_make(ERR_SYSTEM, errno);
	char *zeros = calloc(1, COMMITS_FILE);
	if (zeros == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	const bool written =
	        pwrite(commits->file, zeros, COMMITS_FILE, 0) == (ssize_t)COMMITS_FILE &&
	        fsync(commits->file) == 0;
	const int number = errno;
	free(zeros);
	return written ? err_ok() : err_make(ERR_SYSTEM, number);
}

static void commits_close(struct commits *commits)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "journal", "" };
	char name[4096];

	spool_close(commits->spool);
	if (commits->tables != NULL)
		tables_close(commits->tables);
	if (commits->file >= 0)
		close(commits->file);
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
	const unsigned made = settings->way == COMMITS_SPOOL ? settings->group : 0;
	const struct mono until = mono_after(clock_mono(), settings->within_ns);
	struct err err = err_ok();

	for (uint64_t turn = 0; (turn + 1) * batch <= COMMITS_BYTES_MAX && !failed(err); turn++) {
		if (turn > COMMITS_WARM && mono_reached(clock_mono(), until))
			break;
		for (unsigned i = 0; i < made; i++)
			commits_make(commits, &commits->jobs[i]);
		const struct mono from = clock_mono();
		const int64_t cpu_from = clock_thread_cpu_ns();
		err = commits_put(commits);
		const int64_t cpu_ns = clock_thread_cpu_ns() - cpu_from;
		const int64_t ns = clock_mono().ns - from.ns;
		for (unsigned i = 0; i < made; i++)
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

static struct err commits_put(struct commits *commits)
{
	switch (commits->settings.way) {
	case COMMITS_APPEND:
		return commits_put_file(commits);
	case COMMITS_BARE:
		return commits_put_tables(commits);
	case COMMITS_SPOOL:
		break;
	}
	return commits_put_spool(commits);
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

static struct err commits_put_tables(struct commits *commits)
{
	const size_t bytes = commits->settings.bytes;
	struct err err = tables_begin(commits->tables);

	for (unsigned i = 0; i < commits->settings.group && !failed(err); i++) {
		const struct row_key key = row_key_body(commits->next_id++, 0);
		struct span room;
		err = tables_put_room(commits->tables, TABLE_BODIES, row_key_view(&key), bytes,
		        TABLES_NEW, &room);
		if (!failed(err))
			memcpy(room.data, commits->noise, bytes);
	}
	if (!failed(err))
		return tables_commit(commits->tables);
	tables_drop(commits->tables);
	return err;
}

static struct err commits_put_file(struct commits *commits)
{
	struct iovec pieces[COMMITS_GROUP_MAX];
	const unsigned group = commits->settings.group;
	const size_t bytes = group * commits->settings.bytes;

	for (unsigned i = 0; i < group; i++)
		pieces[i] = (struct iovec){ commits->noise, commits->settings.bytes };
	if (commits->file_at + bytes > COMMITS_FILE)
		commits->file_at = 0;
	if (pwritev(commits->file, pieces, (int)group, (off_t)commits->file_at) != (ssize_t)bytes ||
	        fdatasync(commits->file) != 0)
		return err_make(ERR_SYSTEM, errno);
	commits->file_at += bytes;
	return err_ok();
}
