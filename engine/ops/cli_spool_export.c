#include "engine/ops/cli.h"
#include "engine/ops/cli_spool.h"
#include "queue/base/check.h"

#include <jansson.h>
#include <unistd.h>

struct export
{
	struct cli_spool *cli;
	struct spool *spool;
	int folder_fd;
	struct message *message; /* of the parcel at hand: one hold; NULL: there is none */
	json_t *parcel;
	uint64_t done;
	uint64_t failures;
};

/* The parcel at hand is complete. */
static bool finish_parcel(struct export *export)
{
	if (export->message == NULL)
		return true;
	const bool written =
	        cli_spool_write(export->folder_fd, MOVE(export->parcel), export->message);

	message_release(MOVE(export->message), &export->cli->shelf);
	export->done += written;
	return written;
}

static void complain_of_job(struct export *export, struct spool_place place, struct err err)
{
	char id[MESSAGE_ID_TEXT];

	fprintf(stderr, "sluice spool: message %s, job %u: %s\n", message_id_format(place.id, id),
	        place.number,
	        err.code == ERR_FORMAT ? "damaged: see what --salvage finds" : err_text(err.code));
	export->failures++;
}

/* A job, and with its first one the message. False: nothing can be written. */
static bool export_job(struct export *export, struct spool_place place)
{
	struct job job = { 0 };
	const bool first = export->message == NULL || export->message->id != place.id;

	if (first && !finish_parcel(export))
		return false;
	const struct err err =
	        spool_load(export->spool, place, first, &export->cli->shelf, 0, &job);
	if (failed(err)) {
		complain_of_job(export, place, err);
		return true;
	}
	if (first) {
		export->message = message_hold(job.message);
		export->parcel = parcel_begin(job.message);
	}
	const uint16_t queue = spool_queue_of(export->spool, &job);
	const bool added =
	        export->parcel != NULL &&
	        parcel_add_job(export->parcel, &job, spool_route_name(export->spool, queue));
	job_clear(&job, &export->cli->shelf);
	if (!added)
		cli_spool_complain("a message", err_make(ERR_NO_MEMORY, 0));
	return added;
}

static int export_all(struct export *export)
{
	struct spool_place place = { 0 };
	bool goes_on = true;

	while (goes_on && spool_walk(export->spool, &place))
		goes_on = export_job(export, place);
	goes_on = goes_on && finish_parcel(export);
	json_decref(export->parcel);
	message_release(export->message, &export->cli->shelf);
	printf("%llu messages exported", (unsigned long long)export->done);
	if (export->failures > 0)
		printf(", %llu jobs damaged", (unsigned long long)export->failures);
	putchar('\n');
	return goes_on && export->failures == 0 ? CLI_FINE : CLI_WRONG;
}

int cli_spool_export(struct cli_spool *cli)
{
	struct export export = { .cli = cli, .spool = cli_spool_open(cli) };
	int status = CLI_WRONG;

	if (export.spool == NULL)
		return CLI_WRONG;
	export.folder_fd = cli_spool_open_folder(cli, true);
	if (export.folder_fd >= 0) {
		status = export_all(&export);
		if (fsync(export.folder_fd) != 0)
			status = CLI_WRONG;
		close(export.folder_fd);
	}
	spool_close(export.spool);
	return status;
}
