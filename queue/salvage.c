#include "queue/salvage.h"

#include "queue/base/check.h"
#include "queue/salvage_inner.h"

#include <stdlib.h>

struct err salvage_create(struct salvage **result, int data_fd, int journal_fd)
{
	struct salvage *salvage = calloc(1, sizeof *salvage);

	if (salvage == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	salvage->routes = calloc(SPOOL_ROUTES_MAX, sizeof *salvage->routes);
	if (salvage->routes == NULL) {
		free(salvage);
		return err_make(ERR_NO_MEMORY, 0);
	}
	salvage->data_fd = data_fd;
	salvage->journal_fd = journal_fd;
	*result = salvage;
	return err_ok();
}

void salvage_destroy(struct salvage *salvage)
{
	if (salvage == NULL)
		return;
	free(salvage->rows);
	free(salvage->routes);
	free(salvage);
}

struct err salvage_add(struct salvage *salvage, const struct salvage_row *row)
{
	if (salvage->count == salvage->room) {
		const size_t room = salvage->room * 2 + 1024;
		struct salvage_row *rows = realloc(salvage->rows, room * sizeof *rows);
		if (rows == NULL)
			return err_make(ERR_NO_MEMORY, 0);
		salvage->rows = rows;
		salvage->room = room;
	}
	salvage->rows[salvage->count++] = *row;
	return err_ok();
}

void salvage_set_secret(struct salvage *salvage, struct seal_secret secret)
{
	salvage->secret = secret;
}

void salvage_expect_journal(struct salvage *salvage, const char salt[JOURNAL_SALT_BYTES])
{
	memcpy(salvage->salt, salt, sizeof salvage->salt);
	salvage->salt_known = true;
}

struct err salvage_expect_job(struct salvage *salvage, uint64_t id, uint16_t number)
{
	const struct salvage_row row = {
		.id = id,
		.number = number,
		.table = TABLE_JOBS,
		.serial = UINT64_MAX, /* before the rows themselves */
		.in_list = true,
	};

	return salvage_add(salvage, &row);
}

void salvage_expect_no_more(struct salvage *salvage)
{
	salvage->all_known = true;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Of versions the latest comes first; of those of one batch, which have the same serial, what
 * stands last in the journal, and then what the tables have of it. */
static int compare_rows(const void *first, const void *second)
{
	const struct salvage_row *a = first;
	const struct salvage_row *b = second;
	int order = compare_numbers(a->id, b->id);

	if (order == 0)
		order = compare_numbers(a->table, b->table);
	if (order == 0)
		order = compare_numbers(a->number, b->number);
	if (order == 0)
		order = compare_numbers(b->serial, a->serial);
	if (order == 0)
		order = (int)b->in_journal - (int)a->in_journal;
	return order != 0 ? order : compare_numbers(b->at, a->at);
}

static bool is_same_row(const struct salvage_row *a, const struct salvage_row *b)
{
	return a->id == b->id && a->table == b->table && a->number == b->number;
}

/* What all rows of one key come to. */
struct verdict {
	const struct salvage_row *row; /* the latest; NULL: only the tables tell of it */
	bool in_list;
	bool gone;
	size_t next; /* behind them */
};

static struct verdict judge(const struct salvage *salvage, size_t at, size_t end)
{
	const struct salvage_row *first = &salvage->rows[at];
	struct verdict verdict = { .next = at };

	for (; verdict.next < end && is_same_row(first, &salvage->rows[verdict.next]);
	        verdict.next++) {
		const struct salvage_row *row = &salvage->rows[verdict.next];
		verdict.in_list |= row->in_list;
		if (row->in_list || verdict.row != NULL || verdict.gone)
			continue;
		verdict.gone = row->gone;
		if (!row->gone)
			verdict.row = row;
	}
	return verdict;
}

/* Tables that tell of jobs which nobody finds have told lies, and those that they left out may be
 * there all the same. */
static bool list_is_right(const struct salvage *salvage)
{
	for (size_t at = 0; at < salvage->count;) {
		const struct verdict verdict = judge(salvage, at, salvage->count);
		if (verdict.in_list && verdict.row == NULL && !verdict.gone)
			return false;
		at = verdict.next;
	}
	return true;
}

struct err salvage_read(struct salvage *salvage)
{
	struct err err = salvage_scan_data(salvage);

	if (!failed(err))
		err = salvage_scan_journal(salvage);
	if (failed(err))
		return err;
	if (salvage->count > 0)
		qsort(salvage->rows, salvage->count, sizeof *salvage->rows, compare_rows);
	salvage->all_known = salvage->all_known && list_is_right(salvage);
	return err_ok();
}

uint64_t salvage_unreadable_bytes(const struct salvage *salvage)
{
	return salvage->unreadable_bytes;
}

bool salvage_journal_is_damaged(const struct salvage *salvage)
{
	return salvage->journal_damaged;
}

/* A job's row: whether it is owed. False: it is not. */
static bool job_is_owed(
        const struct salvage *salvage, const struct verdict *verdict, enum salvage_surety *surety)
{
	if (verdict->gone)
		return false;
	if (verdict->row == NULL)
		*surety = SALVAGE_JOB_LOST;
	else if (salvage->journal_damaged)
		*surety = SALVAGE_PERHAPS; /* its end may have been in what is lost of it */
	else if (verdict->in_list || (verdict->row->in_journal && salvage->salt_known))
		*surety = SALVAGE_OWED;
	else if (salvage->all_known)
		return false;
	else
		*surety = SALVAGE_PERHAPS;
	return true;
}

/* What the rows of one id come to. False: nothing is owed. */
static bool judge_message(const struct salvage *salvage, struct salvage_found *found)
{
	const size_t end = found->at + found->count;
	bool any = false;
	bool gone = false;

	found->surety = SALVAGE_JOB_LOST;
	for (size_t at = found->at; at < end;) {
		const uint8_t table = salvage->rows[at].table;
		const struct verdict verdict = judge(salvage, at, end);
		enum salvage_surety surety;
		at = verdict.next;
		gone |= table == TABLE_MESSAGES && verdict.gone;
		if (table != TABLE_JOBS || !job_is_owed(salvage, &verdict, &surety))
			continue;
		any = true;
		found->job_count += surety != SALVAGE_JOB_LOST;
		found->perhaps_count += surety == SALVAGE_PERHAPS;
		found->lost_count += surety == SALVAGE_JOB_LOST;
		if (surety < found->surety)
			found->surety = surety;
	}
	/* Rows of a message whose job nobody knows: settled, if anybody would have told. With its
	 * last job a message goes. */
	return any || (!gone && (!salvage->all_known || salvage->journal_damaged));
}

bool salvage_next(const struct salvage *salvage, struct salvage_found *found)
{
	size_t at = found->at + found->count;

	while (at < salvage->count) {
		size_t end = at;
		while (end < salvage->count && salvage->rows[end].id == salvage->rows[at].id)
			end++;
		*found = (struct salvage_found){
			.id = salvage->rows[at].id,
			.at = at,
			.count = end - at,
		};
		if (judge_message(salvage, found))
			return true;
		at = end;
	}
	return false;
}

/* Loading. */

/* The latest row of this key; NULL: there is none. */
static const struct salvage_row *find_row(const struct salvage *salvage,
        const struct salvage_found *found, enum store_table table, uint32_t number)
{
	const struct salvage_row wanted = { .id = found->id,
		.table = (uint8_t)table,
		.number = number,
		.serial = UINT64_MAX,
		.in_journal = true,
		.at = UINT64_MAX };
	const size_t end = found->at + found->count;
	size_t low = found->at;
	size_t high = end;

	while (low < high) { /* the first that does not come before all of this key */
		const size_t middle = low + (high - low) / 2;
		if (compare_rows(&salvage->rows[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == end || !is_same_row(&salvage->rows[low], &wanted))
		return NULL;
	return judge(salvage, low, end).row;
}

/* Reads it once more: `memory` is to be freed, whatever comes of it. */
static struct err read_row(const struct salvage *salvage, const struct salvage_row *row,
        char **memory, struct view *value)
{
	struct salvage unused = { 0 }; /* what can't be read was counted the first time */
	struct seal seal;

	*memory = malloc(row->bytes);
	if (*memory == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	const struct span room = { *memory, row->bytes };
	const int fd = row->in_journal ? salvage->journal_fd : salvage->data_fd;
	const size_t bytes = salvage_pread(&unused, fd, room, row->at);
	if (!seal_read(view_from(*memory, bytes), salvage->secret, &seal))
		return err_make(ERR_FORMAT, 0);
	*value = seal.value;
	return err_ok();
}

static struct err complain(struct text *what, const char *of)
{
	text_put(what, view_of(of));
	return err_make(ERR_FORMAT, 0);
}

static struct err complain_of_part(struct text *what, uint32_t part, const char *of)
{
	text_format(what, "part %u of its envelope %s", part + 1, of);
	return err_make(ERR_FORMAT, 0);
}

static struct err complain_of_body(struct text *what, const struct message *message, const char *of)
{
	text_format(
	        what, "its body %s from byte %llu on", of, (unsigned long long)message->body.bytes);
	return err_make(ERR_FORMAT, 0);
}

static struct err load_envelope(const struct salvage *salvage, const struct salvage_found *found,
        struct shelf *shelf, struct message **message, struct text *what)
{
	const struct salvage_row *row = find_row(salvage, found, TABLE_MESSAGES, 0);
	char *memory = NULL;
	struct view value;

	if (row == NULL)
		return complain(what, "its envelope is lost");
	struct err err = read_row(salvage, row, &memory, &value);
	if (!failed(err))
		err = message_load(message, shelf, 0, found->id, value);
	free(memory);
	if (err.code == ERR_FORMAT)
		return complain(what, "its envelope can't be read");
	for (uint32_t i = 1; !failed(err) && i < (*message)->part_count; i++) {
		row = find_row(salvage, found, TABLE_ENVELOPES, i);
		if (row == NULL)
			return complain_of_part(what, i, "is lost");
		err = read_row(salvage, row, &memory, &value);
		if (!failed(err))
			err = message_load_part(*message, shelf, 0, value);
		free(memory);
		if (err.code == ERR_FORMAT)
			return complain_of_part(what, i, "can't be read");
	}
	return err;
}

static struct err load_body(const struct salvage *salvage, const struct salvage_found *found,
        struct shelf *shelf, struct message *message, struct text *what)
{
	struct err err = err_ok();

	for (uint32_t i = 0; !failed(err) && message->body.bytes < message->body_bytes; i++) {
		const struct salvage_row *row = find_row(salvage, found, TABLE_BODIES, i);
		const uint64_t left = message->body_bytes - message->body.bytes;
		char *memory = NULL;
		struct view value = { 0 };
		if (row == NULL)
			return complain_of_body(what, message, "is lost");
		err = read_row(salvage, row, &memory, &value);
		if (!failed(err) && (value.bytes == 0 || value.bytes > left))
			err = err_make(ERR_FORMAT, 0);
		if (!failed(err) && !rope_append(&message->body, shelf, value, 0))
			err = err_make(ERR_NO_MEMORY, 0);
		free(memory);
		if (err.code == ERR_FORMAT)
			return complain_of_body(what, message, "can't be read");
	}
	return err;
}

struct err salvage_load(const struct salvage *salvage, const struct salvage_found *found,
        struct shelf *shelf, struct message **message, struct text *what)
{
	*message = NULL;
	struct err err = load_envelope(salvage, found, shelf, message, what);

	if (!failed(err))
		err = load_body(salvage, found, shelf, *message, what);
	if (!failed(err)) {
		err = message_load_end(*message);
		if (failed(err))
			text_put(what, VIEW("its envelope and its body don't fit together"));
	}
	if (failed(err))
		message_release(MOVE(*message), shelf);
	return err;
}

struct err salvage_load_job(const struct salvage *salvage, const struct salvage_found *found,
        size_t index, struct shelf *shelf, struct job *job)
{
	const size_t end = found->at + found->count;

	for (size_t at = found->at; at < end;) {
		const bool is_job = salvage->rows[at].table == TABLE_JOBS;
		const struct verdict verdict = judge(salvage, at, end);
		enum salvage_surety surety;
		char *memory = NULL;
		struct view value;
		at = verdict.next;
		if (!is_job || verdict.row == NULL || !job_is_owed(salvage, &verdict, &surety) ||
		        index-- > 0)
			continue;
		struct err err = read_row(salvage, verdict.row, &memory, &value);
		if (!failed(err))
			err = job_decode(job, shelf, 0, value, &job->route);
		free(memory);
		job->id = found->id;
		job->number = (uint16_t)verdict.row->number;
		return err;
	}
	return err_make(ERR_NOT_FOUND, 0);
}

const char *salvage_route_name(const struct salvage *salvage, uint16_t route_id)
{
	if (route_id >= SPOOL_ROUTES_MAX || salvage->routes[route_id][0] == '\0')
		return NULL;
	return salvage->routes[route_id];
}
