#include "engine/ops/cli.h"
#include "engine/ops/cli_spool.h"
#include "queue/base/check.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct import {
	struct cli_spool *cli;
	struct spool *spool;
	int folder_fd;
	uint16_t route; /* --route */
	uint64_t done;
	uint64_t here; /* messages that were in the spool already */
	uint64_t failures;
};

static void complain(struct import *import, const char *name, const char *what)
{
	fprintf(stderr, "sluice spool: %s: %s\n", name, what);
	import->failures++;
}

static bool find_queue(const struct import *import, const char *name, struct job *job)
{
	for (uint16_t queue = 0; queue < spool_queue_count(import->spool); queue++) {
		if (strcmp(spool_route_name(import->spool, queue), name) != 0)
			continue;
		spool_set_queue(import->spool, job, queue);
		return true;
	}
	return false;
}

/* A name with a stream that the configuration has no more is that of the route alone. */
static bool find_route(const struct import *import, const char *name, struct job *job)
{
	char route[2 * SPOOL_ROUTE_NAME_MAX + 2];
	const size_t bytes = name == NULL ? 0 : strcspn(name, "/");

	if (name != NULL && find_queue(import, name, job))
		return true;
	if (bytes > 0 && bytes < sizeof route) {
		memcpy(route, name, bytes);
		route[bytes] = '\0';
		if (find_queue(import, route, job))
			return true;
	}
	job->route = import->route;
	job->stream = 0;
	return import->cli->route != NULL;
}

/* A message. */

/* Its own id, unless this spool has not given that yet, and so might, or has it for another. */
static struct err name_message(struct import *import, const struct parcel *parcel, bool taken)
{
	uint64_t first = 0;
	struct err err = spool_reserve_ids(import->spool, 1, &first);

	if (!failed(err))
		message_name(parcel->message, parcel->id < first && !taken ? parcel->id : first,
		        parcel->received);
	return err;
}

/* Every recipient, by --route: nobody knows whom it owes. */
static struct err owe_all(struct import *import, const struct parcel *parcel, struct job *job)
{
	if (import->cli->route == NULL)
		return err_make(ERR_NOT_FOUND, 0);
	job_begin(job, parcel->message, 0, import->route);
	return job_owe_all(job, &import->cli->shelf, 0) ? err_ok() : err_make(ERR_NO_MEMORY, 0);
}

static struct err take_jobs(struct import *import, const struct parcel *parcel, struct job *jobs,
        struct job **pointers, struct text *why)
{
	for (size_t i = 0; i < parcel->job_count; i++) {
		const char *queue = NULL;
		pointers[i] = &jobs[i];
		const struct err err =
		        parcel_take_job(parcel, i, &import->cli->shelf, &jobs[i], &queue, why);
		if (failed(err))
			return err;
		if (!find_route(import, queue, &jobs[i])) {
			text_format(why, "route %s is not in the configuration: --route",
			        queue == NULL ? "(none)" : queue);
			return err_make(ERR_FORMAT, 0);
		}
	}
	if (parcel->job_count > 0)
		return err_ok();
	const struct err err = owe_all(import, parcel, &jobs[0]);
	pointers[0] = &jobs[0];
	if (err.code == ERR_NOT_FOUND)
		text_put(
		        why, VIEW("it does not say whom it owes: --route, for all its recipients"));
	return err;
}

static struct err put_message(
        struct import *import, const struct parcel *parcel, bool taken, struct text *why)
{
	const size_t count = parcel->job_count > 0 ? parcel->job_count : 1;
	struct job *jobs = calloc(count, sizeof *jobs);
	struct job **pointers = calloc(count, sizeof(struct job *));
	struct err err = jobs == NULL || pointers == NULL ? err_make(ERR_NO_MEMORY, 0)
	                                                  : name_message(import, parcel, taken);

	if (!failed(err)) {
		message_seal(parcel->message);
		err = take_jobs(import, parcel, jobs, pointers, why);
	}
	if (!failed(err))
		err = spool_put(import->spool, parcel->message, pointers, count, false);
	for (size_t i = 0; jobs != NULL && i < count; i++)
		job_clear(&jobs[i], &import->cli->shelf);
	free(pointers);
	free(jobs);
	return err;
}

static bool has_id(const struct import *import, uint64_t id, struct spool_place *place)
{
	*place = (struct spool_place){ id - 1, UINT16_MAX };
	return spool_walk(import->spool, place) && place->id == id;
}

/* What is at `place` is the same message, not only one of its id: another spool may have given that
 * too. */
static bool is_same(
        const struct import *import, const struct parcel *parcel, struct spool_place place)
{
	struct job job = { 0 };

	if (failed(spool_load(import->spool, place, false, &import->cli->shelf, 0, &job)))
		return false;
	const bool same = job.message->received.ms == parcel->received.ms &&
	                  job.message->body_bytes == parcel->message->body.bytes &&
	                  job.message->recipient_count == parcel->message->recipient_count;
	job_clear(&job, &import->cli->shelf);
	return same;
}

/* A batch of its own: what is in is in, whatever comes of the next. ERR_EXISTS: it was there. */
static struct err import_once(struct import *import, const char *name, struct text *why)
{
	struct parcel parcel;
	struct err err = parcel_read(&parcel, import->folder_fd, name, &import->cli->shelf, why);

	if (failed(err))
		return err;
	struct spool_place place;
	const bool taken = has_id(import, parcel.id, &place);
	if (taken && is_same(import, &parcel, place))
		err = err_make(ERR_EXISTS, 0);
	else
		err = spool_begin(import->spool);
	if (!failed(err)) {
		err = put_message(import, &parcel, taken, why);
		if (failed(err))
			spool_abort(import->spool);
		else
			err = spool_commit(import->spool);
	}
	parcel_close(&parcel, &import->cli->shelf);
	return err;
}

static void import_file(struct import *import, const char *name)
{
	char room[300];
	struct text why = TEXT_ON(room);
	struct err err;

	do
		err = import_once(import, name, &why);
	while (err.code == ERR_AGAIN);
	if (failed(err) && err.code != ERR_EXISTS) {
		if (why.bytes == 0)
			text_put(&why, view_of(err.detail > 0 ? strerror(err.detail)
			                                      : err_text(err.code)));
		complain(import, name, text_string(&why));
		return;
	}
	if (failed(err))
		import->here++;
	else
		import->done++;
	if (failed(parcel_set_done(import->folder_fd, name)))
		complain(import, name,
		        "is in the spool, but can't be renamed: don't import it again once it is "
		        "delivered");
}

/* The folder. */

static int is_parcel(const struct dirent *entry)
{
	const size_t bytes = strlen(entry->d_name);
	const size_t suffix = strlen(PARCEL_JSON_SUFFIX);

	return bytes > suffix && strcmp(entry->d_name + bytes - suffix, PARCEL_JSON_SUFFIX) == 0;
}

static int import_all(struct import *import)
{
	struct dirent **entries = NULL;
	const int count = scandir(import->cli->folder, &entries, is_parcel, alphasort);

	if (count < 0) {
		cli_spool_complain(import->cli->folder, err_make(ERR_SYSTEM, errno));
		return CLI_WRONG;
	}
	for (int i = 0; i < count; i++) {
		if (spool_is_broken(import->spool))
			import->failures++;
		else
			import_file(import, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	printf("%llu messages imported", (unsigned long long)import->done);
	if (import->here > 0)
		printf(", %llu were there already", (unsigned long long)import->here);
	if (import->failures > 0)
		printf(", %llu left out", (unsigned long long)import->failures);
	putchar('\n');
	return import->failures == 0 ? CLI_FINE : CLI_WRONG;
}

int cli_spool_import(struct cli_spool *cli)
{
	struct import import = { .cli = cli };
	struct job job = { 0 };
	int status = CLI_WRONG;

	import.folder_fd = cli_spool_open_folder(cli, false);
	if (import.folder_fd < 0)
		return CLI_WRONG;
	import.spool = cli_spool_open(cli);
	if (import.spool != NULL) {
		if (cli->route == NULL || find_queue(&import, cli->route, &job)) {
			import.route = job.route;
			status = import_all(&import);
		} else {
			fprintf(stderr, "sluice spool: --route %s: the configuration has none\n",
			        cli->route);
		}
		spool_close(import.spool);
	}
	close(import.folder_fd);
	return status;
}
