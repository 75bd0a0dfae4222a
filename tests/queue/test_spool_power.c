/* The power goes at any moment: what was synced is there, and of what was written since then any
 * sectors are; a file's name is there once its folder was synced. Every write of a spool at work is
 * kept, and then the disk is made as it may have been at many of its moments: each time all batches
 * that were acknowledged are there, the one under way is or is not, as a whole, and nothing else
 * is. The same for the power that goes while the spool is being opened after that. */
#include "disk_faults.h"
#include "spool_tools.h"

#include <signal.h>
#include <sys/wait.h>

#define FILES        2
#define SECTOR_BYTES 512
#define EVENTS_MAX   60000
#define BATCHES      500
#define MAILS        400
#define CUTS         70
#define CUTS_AGAIN   2 /* of each opening after one */
#define BODY_MAX     30000
#define CHANGES_MAX  4
#define SEEDS_LONG   200
#define GONE         (-1)
#define IMAGE_MAX    (8 << 20)

static const char *const file_names[FILES] = { "data.mdb", "journal" };

#define DATA   0     /* made under another name first */
#define FOLDER FILES /* an event's file: names that are there now stay */

struct event {
	int file;
	char *data; /* NULL: all that was written to the file before is synced */
	size_t bytes;
	uint64_t at;
	bool stable; /* synced as it was written */
	bool named;  /* nothing was written: a file that was made under another name gets its own */
};

/* What a disk went through from when it had only `files`. */
struct film {
	struct {
		char *data;
		size_t bytes;
		bool there;
	} files[FILES];
	struct event events[EVENTS_MAX];
	size_t count;
	bool unsynced; /* by a disk that only says that it has synced */
};

struct state {
	int64_t when[MAILS]; /* of the mail's job; 0: there is none yet */
};

static struct tools tools;
static struct film film;
static struct film again;
static struct film *filming; /* NULL: nobody looks */
static uint64_t first_id;
static struct state states[BATCHES + 1]; /* before each batch, and behind the last */
static size_t acknowledged[BATCHES + 1]; /* events by then */

/* Filming. */

/* Also under the name that it is made by. */
static int file_of_name(const char *name)
{
	const char *last = strrchr(name, '/') + 1;

	for (int i = 0; i < FILES; i++) {
		const size_t bytes = strlen(file_names[i]);
		if (strncmp(last, file_names[i], bytes) == 0 &&
		        (last[bytes] == '\0' || strcmp(last + bytes, ".new") == 0))
			return i;
	}
	return -1;
}

static int file_of(int fd)
{
	char link[64];
	char name[512] = "";

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (readlink(link, name, sizeof name - 1) < 0)
		return -1;
	if (strcmp(strrchr(name, '/') + 1, tools.path) == 0)
		return FOLDER;
	return file_of_name(name);
}

static void film_wrote(int fd, const void *data, size_t bytes, uint64_t at)
{
	const int file = file_of(fd);

	if (filming == NULL || file < 0)
		return;
	assert_int_not_equal(file, FOLDER);
	assert_true(filming->count < EVENTS_MAX);
	struct event *event = &filming->events[filming->count++];
	*event = (struct event){
		.file = file,
		.data = malloc(bytes),
		.bytes = bytes,
		.at = at,
		.stable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0,
	};
	assert_non_null(event->data);
	memcpy(event->data, data, bytes);
}

static void film_synced(int fd)
{
	const int file = file_of(fd);

	if (filming == NULL || file < 0)
		return;
	assert_true(filming->count < EVENTS_MAX);
	filming->events[filming->count++] = (struct event){ .file = file };
}

static void film_named(const char *name)
{
	const int file = file_of_name(name);

	if (filming == NULL || file < 0)
		return;
	assert_true(filming->count < EVENTS_MAX);
	filming->events[filming->count++] = (struct event){ .file = file, .named = true };
}

static void film_clear(struct film *of)
{
	for (int i = 0; i < FILES; i++)
		free(of->files[i].data);
	for (size_t i = 0; i < of->count; i++)
		free(of->events[i].data);
	*of = (struct film){ 0 };
}

/* The folder as it is now. */
static void film_start(struct film *of, const char *folder)
{
	char name[64];

	film_clear(of);
	for (int i = 0; i < FILES; i++) {
		struct stat status;
		snprintf(name, sizeof name, "%s/%s", folder, file_names[i]);
		FILE *file = fopen(name, "rb");
		if (file == NULL)
			continue;
		of->files[i].there = true;
		assert_int_equal(fstat(fileno(file), &status), 0);
		of->files[i].bytes = (size_t)status.st_size;
		of->files[i].data = malloc(of->files[i].bytes + 1);
		assert_non_null(of->files[i].data);
		assert_int_equal(
		        fread(of->files[i].data, 1, of->files[i].bytes, file), of->files[i].bytes);
		fclose(file);
	}
	filming = of;
}

/* Making disks. */

static char image[IMAGE_MAX];

static size_t draw_part(const struct event *event, uint64_t percent, struct random *random)
{
	size_t end = 0;

	for (size_t done = 0; done < event->bytes;) {
		const size_t at = event->at + done;
		size_t bytes = SECTOR_BYTES - at % SECTOR_BYTES;
		if (bytes > event->bytes - done)
			bytes = event->bytes - done;
		if (random_below(random, 100) < percent) {
			assert_true(at + bytes <= sizeof image);
			memcpy(image + at, event->data + done, bytes);
			end = at + bytes;
		}
		done += bytes;
	}
	return end;
}

/* Whether its name is there. A file that was there stays; a new one is there from when the folder
 * was synced with it in. The journal is made at once, before any write that is filmed. */
static bool draw_name(const struct film *of, int file, size_t cut, struct random *random)
{
	bool made = of->files[file].there || file != DATA;
	bool synced = of->files[file].there;

	for (size_t i = 0; i < cut && i < of->count; i++) {
		made |= of->events[i].file == file && of->events[i].named;
		synced |= made && of->events[i].file == FOLDER && !of->unsynced;
	}
	return synced || (made && random_below(random, 2) == 0);
}

/* The file as it is when the power goes while event `cut` is under way: its bytes. */
static size_t draw_file(const struct film *of, int file, size_t cut, struct random *random)
{
	static const uint64_t percents[] = { 0, 10, 50, 90, 100 };
	const uint64_t percent = percents[random_below(random, 5)];
	size_t bytes = of->files[file].bytes;
	size_t synced = 0; /* all events before this one */

	for (size_t i = 0; i < cut && !of->unsynced; i++)
		if (of->events[i].file == file && of->events[i].data == NULL &&
		        !of->events[i].named)
			synced = i;
	memset(image, 0, sizeof image);
	if (bytes > 0)
		memcpy(image, of->files[file].data, bytes);
	for (size_t i = 0; i <= cut && i < of->count; i++) {
		const struct event *event = &of->events[i];
		if (event->file != file || event->data == NULL)
			continue;
		const bool whole = i < synced || (i < cut && event->stable && !of->unsynced);
		const size_t end = draw_part(event, whole ? 100 : percent, random);
		bytes = end > bytes ? end : bytes;
	}
	return bytes;
}

static void make_disk(const struct film *of, size_t cut, struct random *random)
{
	char name[64];

	assert_int_equal(mkdir(tools.path, 0700), 0);
	for (int i = 0; i < FILES; i++) {
		const size_t bytes = draw_file(of, i, cut, random);
		if (!draw_name(of, i, cut, random))
			continue;
		snprintf(name, sizeof name, "%s/%s", tools.path, file_names[i]);
		const int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
		assert_true(fd >= 0);
		assert_int_equal(syscall(SYS_pwrite64, fd, image, bytes, 0), bytes);
		close(fd);
	}
}

/* At work. */

static struct err try_to_open(void)
{
	const struct spool_settings settings = {
		.routes = tools_routes,
		.route_count = 2,
		.lent_max = TOOLS_LENT_MAX,
		.reserve_bytes = TOOLS_RESERVE,
		.map_bytes = 1 << 20,
		.journal_bytes = 1 << 20,
	};

	return spool_open(&tools.spool, tools.path, &settings);
}

static void open_spool(void)
{
	assert_ok(try_to_open());
}

/* What a batch does to a mail: it comes, goes, or is put off. */
struct change {
	int mail;
	bool put;
	struct job job;
	int64_t when; /* afterwards */
};

static void plan_change(struct change *change, const struct state *state, struct random *random)
{
	const struct spool_place place = { first_id + (uint64_t)change->mail, 0 };
	const struct reply_note note = { .code = 451, .text = VIEW("not yet") };
	const bool defers = random_below(random, 3) == 0;

	change->put = state->when[change->mail] == 0;
	if (change->put) {
		change->when = 1;
		change->job = tools_job(&tools, place.id, 1 + (uint32_t)random_below(random, 3),
		        random_below(random, BODY_MAX), 0, change->when);
		return;
	}
	assert_ok(spool_load(tools.spool, place, false, &tools.shelf, 0, &change->job));
	for (size_t i = 0; i < change->job.owed_count; i++)
		job_set_outcome(&change->job, i, defers ? OWED_DEFERRED : OWED_DELIVERED,
		        defers ? &note : NULL, &tools.shelf);
	change->job.next_attempt.ms++;
	change->when = defers ? change->job.next_attempt.ms : GONE;
}

/* Different mails; none that has been here: ids are not used again. */
static size_t plan_batch(
        struct change changes[CHANGES_MAX], const struct state *state, struct random *random)
{
	size_t count = 0;

	for (uint64_t tries = random_below(random, 2 * CHANGES_MAX); tries > 0; tries--) {
		const int mail = (int)random_below(random, MAILS);
		bool good = state->when[mail] != GONE && count < CHANGES_MAX;
		for (size_t i = 0; i < count; i++)
			good &= changes[i].mail != mail;
		if (!good)
			continue;
		changes[count] = (struct change){ .mail = mail };
		plan_change(&changes[count++], state, random);
	}
	return count;
}

static struct err run_batch(struct change *changes, size_t count, bool aborts)
{
	struct err err = spool_begin(tools.spool);

	for (size_t i = 0; i < count && !failed(err); i++)
		err = changes[i].put ? tools_try_put(&tools, &changes[i].job)
		                     : spool_settle(tools.spool, &changes[i].job);
	if (!failed(err) && !aborts)
		return spool_commit(tools.spool);
	spool_abort(tools.spool);
	return err;
}

static void work(struct random *random)
{
	for (int i = 0; i < BATCHES; i++) {
		struct change changes[CHANGES_MAX];
		const bool aborts = random_below(random, 10) == 0;
		const size_t count = plan_batch(changes, &states[i], random);
		struct err err;

		do
			err = run_batch(changes, count, aborts);
		while (err.code == ERR_AGAIN);
		assert_ok(err);
		states[i + 1] = states[i];
		for (size_t j = 0; j < count; j++) {
			if (!aborts)
				states[i + 1].when[changes[j].mail] = changes[j].when;
			job_clear(&changes[j].job, &tools.shelf);
		}
		acknowledged[i + 1] = film.count;
		if (random_below(random, 25) == 0)
			assert_ok(spool_tidy(tools.spool));
		if (random_below(random, 100) == 0) {
			spool_close(MOVE(tools.spool));
			open_spool();
		}
	}
}

/* Afterwards. */

static void read_state(struct state *state)
{
	uint64_t count = 0;

	tools_verify(&tools);
	for (int mail = 0; mail < MAILS; mail++) {
		const struct spool_place place = { first_id + (uint64_t)mail, 0 };
		struct job job = { 0 };
		const struct err err = spool_load(tools.spool, place, true, &tools.shelf, 0, &job);
		state->when[mail] = 0;
		if (err.code == ERR_NOT_FOUND)
			continue;
		assert_ok(err);
		tools_check_body(&tools, job.message);
		state->when[mail] = job.next_attempt.ms;
		job_clear(&job, &tools.shelf);
		count++;
	}
	assert_int_equal(spool_counts(tools.spool).messages, count);
}

static bool is_state(const struct state *read, const struct state *state)
{
	for (int mail = 0; mail < MAILS; mail++)
		if (read->when[mail] != (state->when[mail] == GONE ? 0 : state->when[mail]))
			return false;
	return true;
}

/* The power goes once more, while the spool recovers: it has what it had. */
static void cut_again(const struct state *state, struct random *random)
{
	for (int i = 0; i < CUTS_AGAIN; i++) {
		struct state read;
		const size_t cut = (size_t)random_below(random, again.count + 1);
		tools_remove(&tools);
		make_disk(&again, cut, random);
		open_spool();
		read_state(&read);
		if (!is_state(&read, state))
			fail_msg("cut again at %zu of %zu: another state", cut, again.count);
		spool_close(MOVE(tools.spool));
	}
}

static void cut_at(size_t cut, struct random *random)
{
	struct state read;
	int batch = 0;

	while (batch < BATCHES && acknowledged[batch + 1] <= cut)
		batch++;
	make_disk(&film, cut, random);
	film_start(&again, tools.path);
	open_spool();
	filming = NULL;
	read_state(&read);
	if (!is_state(&read, &states[batch]) &&
	        (batch == BATCHES || !is_state(&read, &states[batch + 1])))
		fail_msg("cut at %zu of %zu: not as batch %d left it, nor the next", cut,
		        film.count, batch);
	spool_close(MOVE(tools.spool));
	cut_again(&read, random);
	tools_remove(&tools);
}

/* Batches from a new spool on. `random` is what follows from the seed. */
static void make_film(uint64_t seed, struct random *random)
{
	random_seed(random, seed);
	open_spool();
	first_id = tools_ids(&tools, MAILS);
	memset(states, 0, sizeof states);
	film_start(&film, tools.path);
	spool_close(MOVE(tools.spool));
	open_spool();
	acknowledged[0] = film.count;
	work(random);
	filming = NULL;
	spool_close(MOVE(tools.spool));
	tools_remove(&tools);
}

static uint64_t seeds(void)
{
	const char *is_long = getenv("SLUICE_LONG");

	return is_long != NULL && strcmp(is_long, "ON") == 0 ? SEEDS_LONG : 1;
}

static void test_power_goes(void **state)
{
	struct random random;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		make_film(seed, &random);
		for (int i = 0; i < CUTS; i++)
			cut_at((size_t)random_below(&random, film.count + 1), &random);
	}
	film_clear(&film);
	film_clear(&again);
}

/* While the spool is made: it can be opened, and what it was asked to keep first is there if that
 * was acknowledged. */
static void test_power_goes_at_the_first_start(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 1);
	film_start(&film, tools.path);
	open_spool();
	first_id = tools_ids(&tools, MAILS);
	tools_put(&tools, first_id, 1, 5000, 0, 1);
	const size_t put = film.count;
	filming = NULL;
	spool_close(MOVE(tools.spool));
	tools_remove(&tools);
	for (size_t cut = 0; cut <= put; cut++) {
		for (int i = 0; i < 5; i++) {
			struct state read;
			make_disk(&film, cut, &random);
			open_spool();
			read_state(&read);
			if (cut == put)
				assert_int_equal(read.when[0], 1);
			spool_close(MOVE(tools.spool));
			tools_remove(&tools);
		}
	}
	film_clear(&film);
}

/* Whether a disk that has synced nothing has kept what was acknowledged. In a process of its own:
 * whatever else it has may end it. */
static bool keeps_anyway(size_t cut, struct random *random)
{
	int status = 0;

	make_disk(&film, cut, random);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		static const int ends[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL };
		int batch = 0;
		for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
			(void)signal(ends[i], SIG_DFL); /* not cmocka's */
		bool kept = freopen("/dev/null", "w", stderr) != NULL && !failed(try_to_open());
		while (batch < BATCHES && acknowledged[batch + 1] <= cut)
			batch++;
		for (int mail = 0; mail < MAILS && kept; mail++) {
			const struct spool_place place = { first_id + (uint64_t)mail, 0 };
			struct job job = { 0 };
			const bool there = !failed(
			        spool_load(tools.spool, place, true, &tools.shelf, 0, &job));
			kept = there == (states[batch].when[mail] > 0);
		}
		_exit(!kept);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	tools_remove(&tools);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* These tests can fail: on a disk whose syncs do nothing, mail is lost. */
static void test_syncs_are_needed(void **state)
{
	struct random random;
	int kept = 0;

	(void)state;
	make_film(1, &random);
	film.unsynced = true;
	for (int i = 0; i < CUTS; i++)
		kept += keeps_anyway((size_t)random_below(&random, film.count + 1), &random);
	assert_true(kept < CUTS / 2);
	film_clear(&film);
}

static int set_up(void **state)
{
	(void)state;
	disk = (struct disk_faults){
		.wrote = film_wrote, .synced = film_synced, .renamed = film_named, .hasty = true
	};
	tools_start(&tools);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tools_stop(&tools);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_power_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		        test_power_goes_at_the_first_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_syncs_are_needed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
