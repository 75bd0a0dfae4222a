#include "engine/ops/cli.h"
#include "engine/ops/cli_spool.h"
#include "queue/base/check.h"
#include "queue/record.h"
#include "queue/row_key.h"
#include "queue/salvage.h"
#include "queue/store_folder.h"
#include "queue/tables.h"

#include <jansson.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_ROOM 4096
/* Seconds of CPU: a damaged tree may lead a reader astray; a whole one of a million jobs takes one
 * of them. */
#define WALK_CPU_S 60

/* What the child tells: it reads the tables, and may die of it. */
enum news {
	NEWS_SECRET = 1, /* of the seals */
	NEWS_JOURNAL,    /* the salt of the one that goes on from the tables */
	NEWS_JOB,
	NEWS_END, /* those were all jobs */
};

struct letter {
	uint8_t news; /* enum news */
	uint16_t number;
	uint64_t id;
	char salt[JOURNAL_SALT_BYTES];
};

/* The child. */

static bool tell(int to, const struct letter *letter)
{
	return write(to, letter, sizeof *letter) == (ssize_t)sizeof *letter;
}

static bool tell_of_meta(void *owner, struct store_row row)
{
	const int to = *(const int *)owner;
	struct record_reader reader = record_read(row.value);
	struct letter letter = { 0 };

	(void)record_get_u8(&reader);
	letter.id = record_get_u64(&reader);
	if (view_equal(row.key, VIEW("seal"))) {
		letter.news = NEWS_SECRET;
		return !record_is_read(&reader) || tell(to, &letter);
	}
	if (!view_equal(row.key, VIEW("journal")))
		return true;
	letter.news = NEWS_JOURNAL;
	const struct view salt = record_get(&reader, JOURNAL_SALT_BYTES);
	if (!record_is_read(&reader))
		return true;
	memcpy(letter.salt, salt.data, sizeof letter.salt);
	return tell(to, &letter);
}

static bool tell_of_job(void *owner, struct store_row row)
{
	struct letter letter = { .news = NEWS_JOB };

	return !row_key_parse_job(row.key, &letter.id, &letter.number) ||
	       tell(*(const int *)owner, &letter);
}

static _Noreturn void walk_tables(const char *path, int to)
{
	const struct letter end = { .news = NEWS_END };
	const struct rlimit cpu = { WALK_CPU_S, WALK_CPU_S };
	const struct rlimit core = { 0, 0 };

	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_CORE, &core);
	/* What the library says on its way down is not for people. */
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(CLI_WRONG);
	const bool meta = !failed(tables_walk(path, TABLE_META, tell_of_meta, &to));
	const bool jobs = !failed(tables_walk(path, TABLE_JOBS, tell_of_job, &to));
	_exit(meta && jobs && tell(to, &end) ? CLI_FINE : CLI_WRONG);
}

/* Its parent. */

struct rescue {
	struct cli_spool *cli;
	struct salvage *salvage;
	int data_fd;
	int journal_fd;
	int lock_fd;
	int folder_fd;
	struct seal_secret secret;
	bool secret_known;
	uint64_t owed;    /* messages that were written: sure, */
	uint64_t perhaps; /* not sure, */
	uint64_t bare;    /* and without a job */
	uint64_t lost;
};

static int open_file(const char *path, const char *file)
{
	char name[PATH_ROOM];

	if (snprintf(name, sizeof name, "%s/%s", path, file) >= (int)sizeof name)
		return -1;
	return open(name, O_RDONLY | O_CLOEXEC);
}

static struct err take_letter(struct rescue *rescue, const struct letter *letter, bool *whole)
{
	switch (letter->news) {
	case NEWS_SECRET:
		/* The file's own is as good: a damaged table may tell anything. */
		if (!rescue->secret_known)
			rescue->secret.number = letter->id;
		rescue->secret_known = true;
		break;
	case NEWS_JOURNAL:
		salvage_expect_journal(rescue->salvage, letter->salt);
		break;
	case NEWS_JOB:
		return salvage_expect_job(rescue->salvage, letter->id, letter->number);
	case NEWS_END:
		*whole = true;
		salvage_expect_no_more(rescue->salvage);
		break;
	}
	return err_ok();
}

static struct err hear_child(struct rescue *rescue, int from, bool *whole)
{
	struct letter letter;
	struct err err = err_ok();
	FILE *letters = fdopen(from, "rb");

	if (letters == NULL) {
		close(from);
		return err_make(ERR_NO_MEMORY, 0);
	}
	while (!failed(err) && fread(&letter, sizeof letter, 1, letters) == 1)
		err = take_letter(rescue, &letter, whole);
	fclose(letters);
	return err;
}

static struct err ask_tables(struct rescue *rescue, bool *whole)
{
	int ends[2];

	if (pipe(ends) != 0)
		return err_make(ERR_SYSTEM, errno);
	fflush(NULL);
	const pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		walk_tables(rescue->cli->path, ends[1]);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return err_make(ERR_SYSTEM, errno);
	}
	const struct err err = hear_child(rescue, ends[0], whole);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
	return err;
}

static bool open_files(struct rescue *rescue)
{
	const char *path = rescue->cli->path;

	rescue->data_fd = open_file(path, "data.mdb");
	const int error = errno;
	rescue->journal_fd = open_file(path, "journal");
	if (rescue->journal_fd < 0 && errno != ENOENT) {
		cli_spool_complain("the journal", err_make(ERR_SYSTEM, errno));
		return false;
	}
	rescue->lock_fd = open_file(path, "lock");
	if (rescue->data_fd < 0 && rescue->journal_fd < 0) {
		cli_spool_complain(path, err_make(ERR_SYSTEM, error));
		return false;
	}
	if (rescue->lock_fd >= 0 && flock(rescue->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		cli_spool_complain(path, err_make(ERR_EXISTS, 0));
		return false;
	}
	rescue->secret_known = rescue->lock_fd >= 0 &&
	                       store_folder_read_secret(rescue->lock_fd, &rescue->secret.number);
	return true;
}

/* Messages. */

static bool put_jobs(struct rescue *rescue, const struct salvage_found *found,
        const struct message *message, json_t *parcel)
{
	size_t count = 0;

	for (size_t i = 0; i < found->job_count; i++) {
		struct job job = { 0 };
		const struct err err =
		        salvage_load_job(rescue->salvage, found, i, &rescue->cli->shelf, &job);
		const bool fits = !failed(err) && job_owed(&job)[job.owed_count - 1].index <
		                                          message->recipient_count;
		const bool added = fits && parcel_add_job(parcel, &job,
		                                   salvage_route_name(rescue->salvage, job.route));
		count += added;
		job_clear(&job, &rescue->cli->shelf);
	}
	return count == found->job_count;
}

static void say_found(struct rescue *rescue, const struct salvage_found *found, const char *id)
{
	if (found->job_count == 0) {
		printf("message %s: whole, but whom it still owes is lost: import it with --route, "
		       "and all its recipients get it\n",
		        id);
		rescue->bare++;
		return;
	}
	if (found->lost_count > 0) {
		printf("message %s: whole, but %zu of its jobs are lost: some of its recipients "
		       "are "
		       "owed it, and not in what was found\n",
		        id, found->lost_count);
		rescue->lost++;
	}
	if (found->perhaps_count > 0) {
		printf("message %s: whole; it may have been delivered before\n", id);
		rescue->perhaps++;
	} else {
		rescue->owed++;
	}
}

/* False: nothing can be written. */
static bool rescue_message(struct rescue *rescue, const struct salvage_found *found)
{
	char room[200];
	char id[MESSAGE_ID_TEXT];
	struct text what = TEXT_ON(room);
	struct message *message = NULL;
	const struct err err =
	        salvage_load(rescue->salvage, found, &rescue->cli->shelf, &message, &what);

	message_id_format(found->id, id);
	if (failed(err)) {
		printf("message %s: lost: %s\n", id,
		        err.code == ERR_FORMAT ? text_string(&what) : err_text(err.code));
		rescue->lost++;
		return true;
	}
	json_t *parcel = parcel_begin(message);
	if (parcel != NULL && !put_jobs(rescue, found, message, parcel)) {
		printf("message %s: some of what it owes to whom can't be read\n", id);
		rescue->lost++;
	}
	const bool written = cli_spool_write(rescue->folder_fd, parcel, message);
	message_release(message, &rescue->cli->shelf);
	if (written)
		say_found(rescue, found, id);
	return written;
}

static int rescue_all(struct rescue *rescue, bool whole)
{
	struct salvage_found found = { 0 };
	bool goes_on = true;
	const struct err err = salvage_read(rescue->salvage);

	if (failed(err)) {
		cli_spool_complain(rescue->cli->path, err);
		return CLI_WRONG;
	}
	if (!whole)
		puts("The tables can't be read to their end: what was delivered may be among what "
		     "is found.");
	const bool damaged = salvage_journal_is_damaged(rescue->salvage);
	const uint64_t unreadable = salvage_unreadable_bytes(rescue->salvage);
	if (damaged)
		puts("The journal is damaged: what came or went with that part of it alone is "
		     "lost, "
		     "and what is found may have been delivered.");
	if (unreadable > 0)
		printf("%llu bytes can't be read from the disk.\n", (unsigned long long)unreadable);
	while (goes_on && salvage_next(rescue->salvage, &found))
		goes_on = rescue_message(rescue, &found);
	if (fsync(rescue->folder_fd) != 0)
		goes_on = false;
	printf("%llu messages found, %llu that may have been delivered, %llu without what they "
	       "owe; %llu lost\n",
	        (unsigned long long)rescue->owed, (unsigned long long)rescue->perhaps,
	        (unsigned long long)rescue->bare, (unsigned long long)rescue->lost);
	const bool all = goes_on && whole && !damaged && unreadable == 0 &&
	                 rescue->perhaps + rescue->bare + rescue->lost == 0;
	return all ? CLI_FINE : CLI_WRONG;
}

static int rescue_spool(struct rescue *rescue)
{
	bool whole = false;
	struct err err = salvage_create(&rescue->salvage, rescue->data_fd, rescue->journal_fd);

	if (!failed(err))
		err = ask_tables(rescue, &whole);
	if (failed(err)) {
		cli_spool_complain(rescue->cli->path, err);
		return CLI_WRONG;
	}
	if (!rescue->secret_known) {
		fprintf(stderr,
		        "sluice spool: %s: neither the file lock nor the tables have the secret of "
		        "the seals:\nmail can't be told from what only looks like it\n",
		        rescue->cli->path);
		return CLI_WRONG;
	}
	salvage_set_secret(rescue->salvage, rescue->secret);
	rescue->folder_fd = cli_spool_open_folder(rescue->cli, true);
	return rescue->folder_fd < 0 ? CLI_WRONG : rescue_all(rescue, whole);
}

int cli_spool_salvage(struct cli_spool *cli)
{
	struct rescue rescue = { .cli = cli, .folder_fd = -1 };
	int status = CLI_WRONG;

	if (open_files(&rescue))
		status = rescue_spool(&rescue);
	salvage_destroy(rescue.salvage);
	const int fds[] = { rescue.data_fd, rescue.journal_fd, rescue.lock_fd, rescue.folder_fd };
	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return status;
}
