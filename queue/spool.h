/*
 * The spool: every accepted message and every job, on stable storage. A seam:
 * spool_*_lmdb.c keep them in the tables of queue/store.h, tests/sim/spool_sim.c in memory.
 *
 * Thread:  the spooler's alone. It blocks on the disk; nobody else may call it.
 * Owns:    the directory, from spool_open() (one process at a time) to spool_close().
 * Never:   keeps a pointer to a message or job that it is given.
 *
 * Writes come in batches: spool_begin(), any number of puts, settles and reservations, then
 * spool_commit(). All of a batch is durable when the commit succeeds, and none of it before.
 *
 * Fails, as struct err:
 *   ERR_NO_SPACE   the disk is full, or bytes_max reached. From spool_put(): this message alone
 *                  is refused (452) and the batch goes on. From spool_commit(): nothing of the
 *                  batch happened; its puts get 452, its settles are tried again later. Nothing
 *                  else stops.
 *   ERR_AGAIN      the map had to grow. Nothing of the batch happened: abort, and do it again.
 *   ERR_LIMIT      from spool_put(): the batch is large enough, or there may be room in the next;
 *                  commit it, put into the next.
 *   ERR_BROKEN     a sync or the meta page failed, or any EIO. Sticky: from now on every call
 *                  gives it, nothing is acknowledged (I7), and the process is to exit.
 * Whatever fails, what was committed before stays committed.
 *
 * A queue is a stream's jobs on a route, in the order in which they are due: queue `stream *
 * route_count + route`. Behind those of the settings come queues that only old jobs name.
 *
 * A job on disk is due (it has a row in the due index) or held. Lending is known in memory
 * alone: a job lent is skipped by spool_next() until a batch with its settle commits, and after a
 * crash no job is lent. Recovery is nothing but opening.
 */
#ifndef SLUICE_SPOOL_H
#define SLUICE_SPOOL_H

#include "queue/job.h"

#define SPOOL_ROUTES_MAX     1024 /* times streams: queues */
#define SPOOL_ROUTE_NAME_MAX 64
#define SPOOL_NOTE_NAME_MAX  400        /* LMDB's keys have 511 bytes */
#define SPOOL_BATCH_BYTES    (16 << 20) /* of bodies and envelopes put; one message may be more */

#define SPOOL_NO_JOURNAL UINT64_MAX

#define SPOOL_CLAIM_BYTES 16
/* A batch forgets so many claims at most: each may rewrite two pages. */
#define SPOOL_CLAIMS_FORGOTTEN 256

struct spool;

/* A client's key, and the message that it was given for: for a time, who comes with the key again
 * is told of that message. */
struct spool_claim {
	char key[SPOOL_CLAIM_BYTES]; /* a hash of whatever makes the key */
	uint64_t print;              /* a hash of what the message looked like */
	uint64_t id;
	struct wall until;
};

struct spool_settings {
	const char *const *routes;  /* names; route i of the configuration is index i */
	size_t route_count;         /* 0: who only looks, or takes out, needs none */
	const char *const *streams; /* names; the first is of what is in none, and not looked at */
	size_t stream_count;        /* 0 is as 1 */
	size_t lent_max;            /* jobs lent at once, at most */
	int64_t ahead_ms;           /* retry_ahead_ms(); 0: nothing lies too far ahead */
	uint64_t reserve_bytes;     /* allocated on disk for settles alone; 0: 64 MiB */
	uint64_t map_bytes;         /* the map's first size; 0: 1 GiB */
	uint64_t bytes_max;     /* most of data.mdb that new mail may fill; 0: as the disk allows */
	uint64_t journal_bytes; /* most of the journal; 0: 64 MiB; SPOOL_NO_JOURNAL: none */
};

/* Creates the directory (0700) where it is missing. ERR_EXISTS: another process has it open.
 * ERR_FORMAT: not a spool, or of a newer version. ERR_SYSTEM: errno says why. */
MUST_CHECK struct err spool_open(
        struct spool **result, const char *path, const struct spool_settings *settings);
/* No batch may be open. NULL is fine. */
void spool_close(struct spool *spool);

/* A batch. */

MUST_CHECK struct err spool_begin(struct spool *spool);
/* A sealed message and its jobs, each with next_attempt set: on disk after the commit. `urgent`:
 * a report that a settle of this batch owes may use the reserve too. */
MUST_CHECK struct err spool_put(struct spool *spool, const struct message *message,
        struct job *const *jobs, size_t job_count, bool urgent);
/* One more job of a message that is here already, settled in the same batch with the recipients
 * that go over to it (job_split()): gets its number. On disk after the commit. */
MUST_CHECK struct err spool_branch(struct spool *spool, struct job *branch);
/* The same, and its key is known from then on: the claim as of this message. */
MUST_CHECK struct err spool_put_claimed(struct spool *spool, const struct message *message,
        struct job *const *jobs, size_t job_count, const struct spool_claim *claim);
/* Forgets claims whose time is over, and of others the `early` ones whose time ends first;
 * SPOOL_CLAIMS_FORGOTTEN at most. Without room for that on the disk it does nothing. */
MUST_CHECK struct err spool_forget_claims(
        struct spool *spool, struct wall now, uint64_t early, uint64_t *forgotten);
/* Records a job's outcomes: ended recipients leave its row; what is still owed is written with
 * attempts, times, `held` and route as they stand in `job`; with its last recipient goes
 * the row, with its last job the message. Operators' acts are settles too: hold and release set
 * `held`, retry sets next_attempt, remove sets every outcome. ERR_NOT_FOUND: no such row, the
 * batch goes on. */
MUST_CHECK struct err spool_settle(struct spool *spool, struct job *job);
/* `count` ids that nobody gets again: *first .. *first + count - 1, each above all before; to be
 * used after the commit. */
MUST_CHECK struct err spool_reserve_ids(struct spool *spool, uint64_t count, uint64_t *first);
/* Keeps a record under a name, in place of the one before: what some part of the engine has to know
 * after a restart (limits used up, tokens). An empty record takes it away. ERR_NO_SPACE as for an
 * urgent put. */
MUST_CHECK struct err spool_note(struct spool *spool, struct view name, struct view record);
/* Ends the batch, also when it fails. */
MUST_CHECK struct err spool_commit(struct spool *spool);
void spool_abort(struct spool *spool);

/* Between batches: brings into data.mdb what so far only the journal has, for others who read it.
 * ERR_NO_SPACE: later, perhaps; nothing is lost. */
MUST_CHECK struct err spool_tidy(struct spool *spool);
bool spool_is_tidy(const struct spool *spool);
/* Likewise, as far as can be; from here on another thread may have the spool. */
void spool_rest(struct spool *spool);

/* Lending; between batches. */

/* The earliest job of the queue that is due at `now` and not lent, or without one that lies further
 * ahead than anything is planned; reads it, with its message and body, into a zeroed job, and lends
 * it. ERR_NOT_FOUND: none is due. ERR_NO_MEMORY: the
 * budget is short, nothing was lent. ERR_FORMAT: its records are damaged: job->id and ->number
 * name it, and it is skipped until the next start. */
MUST_CHECK struct err spool_next(struct spool *spool, uint16_t queue, struct wall now,
        struct shelf *shelf, size_t reserve, struct job *job);
/* When the earliest job of the queue that is not lent is due. False: there is none. */
bool spool_next_due(struct spool *spool, uint16_t queue, struct wall *due);
/* How many jobs of the queue are not lent, however far away they are due; adds those that are due
 * before `day` to *overdue. Looks at each: for starting up. */
uint64_t spool_count_due(struct spool *spool, uint16_t queue, struct wall day, uint64_t *overdue);
/* A job just put goes to a shard straight from memory: spool_next() is to skip it. */
void spool_lend(struct spool *spool, uint64_t id, uint16_t number);
bool spool_is_lent(const struct spool *spool, uint64_t id, uint16_t number);
/* A job comes back untouched (its shard had no use for it): it is due as it was. */
void spool_unlend(struct spool *spool, uint64_t id, uint16_t number);

/* Looking; between batches. */

struct spool_place {
	uint64_t id;
	uint16_t number;
};

/* The job at `place`, with its message; with_body: ready to be sent or bounced. It is not lent.
 * ERR_NOT_FOUND, ERR_NO_MEMORY, ERR_FORMAT. */
MUST_CHECK struct err spool_load(struct spool *spool, struct spool_place place, bool with_body,
        struct shelf *shelf, size_t reserve, struct job *job);
/* Moves to the next job in the order of ids; start with {0, 0}. False: that was the last. */
bool spool_walk(struct spool *spool, struct spool_place *place);

/* Whether claims wait to be forgotten; *early: so many for being more than count_max. */
bool spool_claims_are_due(
        struct spool *spool, struct wall now, uint64_t count_max, uint64_t *early);
/* The rest of the claim with claim->key. ERR_NOT_FOUND: there is none, or its time is over. */
MUST_CHECK struct err spool_find_claim(
        struct spool *spool, struct wall now, struct spool_claim *claim);
/* The record under the name; lends it until the next batch begins. ERR_NOT_FOUND. */
MUST_CHECK struct err spool_read_note(struct spool *spool, struct view name, struct view *record);
/* The first note whose name is behind `after` and begins with `prefix`; start with the prefix
 * itself, which is no name. Lends both. ERR_NOT_FOUND: the end. */
MUST_CHECK struct err spool_next_note(struct spool *spool, struct view prefix, struct view after,
        struct view *name, struct view *record);

struct spool_counts {
	uint64_t messages;
	uint64_t jobs;
	uint64_t held;
	uint64_t lent;
	uint64_t damaged;    /* jobs that spool_next() has passed over since the start */
	uint64_t file_bytes; /* pages in use or free for reuse */
	uint64_t map_bytes;
	bool full;              /* new mail is refused */
	bool unsure;            /* the file system can't keep the reserve for us */
	uint64_t checkpoints;   /* of the journal into the tables, since the start; */
	int64_t checkpoints_ns; /* the time of all, */
	int64_t checkpoint_longest_ns;
};
struct spool_counts spool_counts(struct spool *spool);
/* Messages at the last commit: it costs nothing, and a broken spool still knows it. */
uint64_t spool_message_count(const struct spool *spool);
/* Would so many bytes of new mail come in? Looks at the disk; this ends counts.full. */
bool spool_has_room(struct spool *spool, uint64_t bytes);
bool spool_is_broken(const struct spool *spool);

/* Of a job's route: one of the settings, or a queue that only old jobs name, whose stream it may
 * have behind a slash. A job moves to another by being settled with another job->route or
 * ->stream. NULL: no such route. */
const char *spool_route_name(const struct spool *spool, uint16_t route);
/* A job's queue; how many queues the settings have; whether there is one of this number. */
uint16_t spool_queue_of(const struct spool *spool, const struct job *job);
/* Gives the job the route and stream of a queue. */
void spool_set_queue(const struct spool *spool, struct job *job, uint16_t queue);
uint16_t spool_queue_count(const struct spool *spool);
bool spool_has_queue(const struct spool *spool, uint16_t queue);

/* Every job has its message, every due row its job, every message its jobs and its whole body, and
 * every seal holds. Slow. ERR_FORMAT: something is wrong, and `what` says the first of it. */
MUST_CHECK struct err spool_verify(struct spool *spool, struct text *what);
/* All of it, a line each; gives how many. */
MUST_CHECK struct err spool_verify_all(struct spool *spool,
        void (*say)(void *owner, const char *line), void *owner, uint64_t *count);

#endif
