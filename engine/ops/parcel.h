/*
 * A parcel: a message outside of the spool, with what is still owed to whom. Two files: ID.eml, the
 * message as it was accepted, byte for byte; and ID.json, its envelope and its jobs, in words. All
 * of both is written before the second has its name.
 *
 * The text of the JSON may be changed by people, or be somebody else's: reading checks all of it.
 * A value that is no UTF-8 is {"base64": "..."}.
 *
 * Thread:  any, one at a time; blocks on the disk.
 * Owns:    nothing: folder and messages are the caller's.
 * Fails:   ERR_SYSTEM: errno. ERR_EXISTS: a file of that name is there. ERR_FORMAT: no parcel, and
 *          `why` says what is wrong, without control characters of the text. ERR_NO_MEMORY.
 */
#ifndef SLUICE_PARCEL_H
#define SLUICE_PARCEL_H

#include "queue/job.h"

#define PARCEL_JSON_SUFFIX ".json"
/* Of a parcel that has been taken in: what it is called then is looked at no more. */
#define PARCEL_DONE_SUFFIX ".imported"
#define PARCEL_NAME_ROOM   (MESSAGE_ID_TEXT + sizeof PARCEL_JSON_SUFFIX + sizeof PARCEL_DONE_SUFFIX)
#define PARCEL_JSON_MAX    ((size_t)8 << 20) /* 2,000 recipients with a word on each are less */

struct json_t; /* jansson's */

/* Writing: parcel_begin(), parcel_add_job() for each, parcel_write(). */

/* NULL: no memory. Gives. */
struct json_t *parcel_begin(const struct message *message);
/* `queue`: ROUTE or ROUTE/STREAM; NULL: it is not known. False: no memory. */
MUST_CHECK bool parcel_add_job(struct json_t *parcel, struct job *job, const char *queue);
MUST_CHECK struct err parcel_write(
        int folder_fd, const struct json_t *parcel, const struct message *message);

/* Reading. */

struct parcel {
	struct json_t *json;     /* the parcel's own */
	struct message *message; /* one hold of it; not sealed: it has no id yet */
	uint64_t id;             /* that it had */
	struct wall received;
	size_t job_count;
};

/* `name` ends with PARCEL_JSON_SUFFIX. */
MUST_CHECK struct err parcel_read(struct parcel *parcel, int folder_fd, const char *name,
        struct shelf *shelf, struct text *why);
/* Job number `index`, into a zeroed one, of the message, which has its id and is sealed. `queue` is
 * lent until parcel_close(); NULL: it says none. */
MUST_CHECK struct err parcel_take_job(const struct parcel *parcel, size_t index,
        struct shelf *shelf, struct job *job, const char **queue, struct text *why);
void parcel_close(struct parcel *parcel, struct shelf *shelf);
/* It was taken in. */
MUST_CHECK struct err parcel_set_done(int folder_fd, const char *name);

#endif
