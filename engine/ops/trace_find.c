#include "engine/ops/trace_find.h"

#include "engine/ops/trace_tally.h"
#include "queue/base/check.h"
#include "queue/spool_trace.h"

#include <stdlib.h>

/* Of the smallest rows a block has fewer. */
#define ROWS_MAX ((SPOOL_TRACE_BLOCK_BYTES + TRACE_ROW_MAX) / TRACE_ROW_HEAD)

struct find {
	struct trace_reader *reader;
	const struct trace_query *query;
	struct trace_messages *messages;
	struct trace_tallies tallies;
	size_t room;   /* of messages->at */
	size_t wanted; /* ids that are still to be found */
};

static const char *const status_words[] = {
#define X(name, word) [TRACE_STATUS_##name] = (word),
	TRACE_STATUSES(X)
#undef X
};

const char *trace_status_word(enum trace_status status)
{
	check(status < TRACE_STATUS_ANY);
	return status_words[status];
}

bool trace_status_parse(struct view word, enum trace_status *status)
{
	for (int i = 0; i < TRACE_STATUS_ANY; i++) {
		if (!view_equal(word, view_of(status_words[i])))
			continue;
		*status = (enum trace_status)i;
		return true;
	}
	return false;
}

bool trace_find_address_passes(struct view filter, struct view address)
{
	if (filter.bytes > 0 && filter.data[0] == '@')
		return view_ends_fold(address, filter);
	return view_equal_fold(filter, address);
}

/* The client without its port, as far as the filter says none: "[::1]:2525" has brackets. */
static bool client_passes(struct view filter, struct view client)
{
	const bool brackets = client.bytes > 0 && client.data[0] == '[';
	const struct view host = brackets ? view_skip(client, 1) : client;
	const size_t end = view_find(host, brackets ? ']' : ':');

	return view_equal_fold(filter, client) || view_equal_fold(filter, view_first(host, end));
}

static struct view bare_id(struct view id)
{
	if (id.bytes >= 2 && id.data[0] == '<' && id.data[id.bytes - 1] == '>')
		return view_first(view_skip(id, 1), id.bytes - 2);
	return id;
}

static bool asks_for(const struct trace_query *query, uint64_t id)
{
	for (size_t i = 0; i < query->id_count; i++)
		if (query->ids[i] == id)
			return true;
	return query->id_count == 0;
}

/* A row's recipients, among them one that the filter wants. */
static bool has_recipient(const struct trace_query *query, struct trace_accept *accept)
{
	struct trace_recipient recipient;

	while (trace_read_recipient(accept, &recipient))
		if (trace_find_address_passes(query->to, recipient.address))
			return true;
	return query->to.bytes == 0;
}

static bool accept_passes(const struct trace_query *query, struct trace_accept *accept, bool to)
{
	const struct view sender = accept->fields[MESSAGE_SENDER];
	const struct view original = accept->fields[MESSAGE_ORIGINAL];

	if (query->by_from && !trace_find_address_passes(query->from, sender) &&
	        (original.bytes == 0 || !trace_find_address_passes(query->from, original)))
		return false;
	if (query->message_id.bytes > 0 &&
	        !view_equal(bare_id(query->message_id), bare_id(accept->message_id)))
		return false;
	if (query->client.bytes > 0 &&
	        !client_passes(query->client, accept->fields[MESSAGE_CLIENT]))
		return false;
	return to || has_recipient(query, accept);
}

/* Makes room for one more. NULL: no memory. */
static void *grow(void *array, size_t count, size_t *room, size_t item_bytes)
{
	if (count < *room)
		return array;
	const size_t wanted = *room == 0 ? 8 : *room * 2;
	void *grown = realloc(array, wanted * item_bytes);
	if (grown != NULL)
		*room = wanted;
	return grown;
}

static struct err add_message(struct find *find, const struct trace_message *message)
{
	struct trace_messages *messages = find->messages;
	void *at = grow(messages->at, messages->count, &find->room, sizeof *messages->at);

	if (at == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	messages->at = at;
	messages->at[messages->count++] = *message;
	return err_ok();
}

static struct err see_accept(struct find *find, const struct trace_row *row, uint64_t block)
{
	const struct trace_query *query = find->query;
	struct trace_tally tally = { 0 };
	struct trace_accept accept;

	if (!trace_read_accept(row, &accept))
		return err_make(ERR_FORMAT, 0);
	(void)trace_tally_take(&find->tallies, row->id, &tally);
	const struct trace_message message = {
		.id = row->id,
		.accepted = true,
		.block = block,
		.status = trace_tally_status(&tally, &accept),
	};
	find->wanted -= query->id_count > 0;
	if (row->when.ms < query->since.ms || !accept_passes(query, &accept, tally.to))
		return err_ok();
	if (query->status != TRACE_STATUS_ANY && query->status != message.status)
		return err_ok();
	return add_message(find, &message);
}

/* Rows from the last to the first. */
static struct err see_row(struct find *find, const struct trace_row *row, uint64_t block)
{
	struct trace_settle settle;
	struct trace_accept accept;

	if (!asks_for(find->query, row->id))
		return err_ok();
	if (row->kind == TRACE_ACCEPT)
		return see_accept(find, row, block);
	struct trace_tally *tally = trace_tally_of(&find->tallies, row->id);
	if (tally == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	tally->block = block;
	if (row->kind == TRACE_RECIPIENTS && trace_read_accept(row, &accept)) {
		tally->to |= find->query->to.bytes > 0 && has_recipient(find->query, &accept);
		return err_ok();
	}
	if (row->kind != TRACE_SETTLE || !trace_read_settle(row, &settle))
		return err_make(ERR_FORMAT, 0);
	trace_tally_add(tally, &settle);
	return err_ok();
}

static bool is_enough(const struct find *find)
{
	if (find->query->id_count > 0)
		return find->wanted == 0;
	return find->messages->count >= find->query->limit;
}

static struct err see_block(struct find *find, uint64_t number)
{
	static struct trace_row rows[ROWS_MAX];
	struct trace_block block;
	struct err err = trace_reader_seek(find->reader, &number, &block);
	size_t count = 0;

	if (failed(err))
		return err;
	while (count < ROWS_MAX && trace_read_row(&block, &rows[count]))
		count++;
	if (block.rows.bytes > 0)
		return err_make(ERR_FORMAT, 0);
	while (count > 0 && !failed(err) && !is_enough(find))
		err = see_row(find, &rows[--count], number);
	return err;
}

/* Of an id whose acceptance is forgotten, what is left. */
static struct err see_leftovers(struct find *find)
{
	const struct trace_query *query = find->query;
	struct err err = err_ok();

	for (size_t i = 0; i < query->id_count && !failed(err); i++) {
		struct trace_tally tally;

		if (!trace_tally_take(&find->tallies, query->ids[i], &tally))
			continue;
		const struct trace_message message = {
			.id = query->ids[i],
			.block = tally.block,
			.status = trace_tally_status(&tally, NULL),
		};
		err = add_message(find, &message);
	}
	return err;
}

/* From the newest back: which messages are wanted. */
static struct err find_messages(struct find *find)
{
	uint64_t first = 0;
	uint64_t number = 0;
	struct trace_block block;
	struct err err = trace_reader_end(find->reader, &number);

	if (!failed(err))
		err = trace_reader_since(find->reader, find->query->since, &first);
	if (!failed(err))
		err = trace_reader_seek(find->reader, &first, &block);
	while (!failed(err) && number > first && !is_enough(find)) {
		err = see_block(find, --number);
		/* It was forgotten meanwhile, as all before it were. */
		if (err.code == ERR_NOT_FOUND)
			break;
	}
	if (err.code == ERR_NOT_FOUND)
		err = err_ok();
	return failed(err) ? err : see_leftovers(find);
}

static int compare_blocks(const void *left, const void *right)
{
	const struct trace_message *a = left;
	const struct trace_message *b = right;

	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* In a copy of the block, which has all of it that is wanted. */
static struct err keep_row(
        struct trace_message *message, const struct trace_row *row, const char *copy)
{
	void *rows =
	        grow(message->rows, message->row_count, &message->row_room, sizeof *message->rows);

	if (rows == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	message->rows = rows;
	struct trace_row *kept = &message->rows[message->row_count++];
	*kept = *row;
	kept->body.data = copy + (row->body.data - row->block.data);
	kept->block.data = copy;
	return err_ok();
}

/* NULL: no memory. */
static char *keep_block(struct trace_messages *messages, struct view bytes)
{
	void *blocks = grow(messages->blocks, messages->block_count, &messages->block_room,
	        sizeof *messages->blocks);

	if (blocks == NULL)
		return NULL;
	messages->blocks = blocks;
	char *copy = malloc(bytes.bytes);
	if (copy == NULL)
		return NULL;
	memcpy(copy, bytes.data, bytes.bytes);
	messages->blocks[messages->block_count++] = copy;
	return copy;
}

static struct err take_block(struct find *find, struct trace_block *block)
{
	struct trace_messages *messages = find->messages;
	struct err err = err_ok();
	char *copy = NULL;
	struct trace_row row;

	while (!failed(err) && trace_read_row(block, &row)) {
		const struct trace_tally *tally = trace_tally_find(&find->tallies, row.id);

		if (tally == NULL || !trace_read_is_whole(&row))
			continue;
		if (copy == NULL)
			copy = keep_block(messages, block->bytes);
		err = copy == NULL ? err_make(ERR_NO_MEMORY, 0)
		                   : keep_row(&messages->at[tally->block], &row, copy);
	}
	return err;
}

/* From the oldest of them on: all that happened to them. */
static struct err take_rows(struct find *find)
{
	struct trace_messages *messages = find->messages;
	uint64_t number = messages->at[0].block;
	struct trace_block block;
	struct err err = err_ok();

	for (size_t i = 0; i < messages->count && !failed(err); i++) {
		struct trace_tally *tally = trace_tally_of(&find->tallies, messages->at[i].id);
		err = tally == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
		if (!failed(err))
			tally->block = i;
	}
	for (; !failed(err); number++) {
		err = trace_reader_seek(find->reader, &number, &block);
		if (!failed(err))
			err = take_block(find, &block);
	}
	return err.code == ERR_NOT_FOUND ? err_ok() : err;
}

struct err trace_find(struct trace_reader *reader, const struct trace_query *query,
        struct trace_messages *messages)
{
	struct find find = {
		.reader = reader,
		.query = query,
		.messages = messages,
		.wanted = query->id_count,
	};

	check(query->limit > 0);
	*messages = (struct trace_messages){ 0 };
	struct err err = find_messages(&find);
	trace_tallies_free(&find.tallies); /* from here on: who was found, by id */
	if (!failed(err) && messages->count > 0) {
		qsort(messages->at, messages->count, sizeof *messages->at, compare_blocks);
		err = take_rows(&find);
	}
	trace_tallies_free(&find.tallies);
	if (failed(err))
		trace_find_free(messages);
	return err;
}

void trace_find_free(struct trace_messages *messages)
{
	for (size_t i = 0; i < messages->count; i++)
		free(messages->at[i].rows);
	for (size_t i = 0; i < messages->block_count; i++)
		free(messages->blocks[i]);
	free(messages->at);
	free(messages->blocks);
	*messages = (struct trace_messages){ 0 };
}
