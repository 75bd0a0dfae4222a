#include "queue/trace_write.h"

#include "queue/record.h"
#include "queue/verdict_words.h"

#include <assert.h>

/* The largest of what a row has besides recipients and groups: its head and fields. */
#define ACCEPT_BYTES    (TRACE_ROW_HEAD + 64 + 13 * (1 + TRACE_WORD_MAX))
#define WAY_BYTES       (2 + 1 + 2 + 1 + TRACE_WORD_MAX)
#define RECIPIENT_BYTES (1 + TRACE_WORD_MAX + 2)
#define SETTLE_BYTES    (TRACE_ROW_HEAD + 64 + 3 * (1 + TRACE_WORD_MAX))
#define GROUP_BYTES     (1 + 1 + 1 + 2 + 6 + 1 + 3 + 2 + 2) /* without its words */
/* Of ways a row has so many; whoever has more routes for one message must look them up there. */
#define WAYS_MAX 128

static_assert(ACCEPT_BYTES + WAYS_MAX * WAY_BYTES + RECIPIENT_BYTES < TRACE_ROW_MAX,
        "a row has room for a recipient");
static_assert(SETTLE_BYTES + MESSAGE_RECIPIENTS_MAX * (GROUP_BYTES + 2) + TRACE_TEXTS_MAX +
                              TRACE_TEXT_MAX + TRACE_WORD_MAX <
                      TRACE_ROW_MAX,
        "two thousand recipients fit, each with a reply of its own");

/* For each recipient the number of its job; whether they have several. */
struct parting {
	bool parted;
	uint16_t number[MESSAGE_RECIPIENTS_MAX];
};

/* A row on its way into the draft. */
struct row {
	struct trace_draft *draft;
	struct record_writer writer;
};

static bool word_is_at(const struct trace_draft *draft, uint16_t at, struct view word)
{
	const char *found = draft->room.data + at;

	return at > 0 && (unsigned char)found[0] == word.bytes &&
	       memcmp(found + 1, word.data, word.bytes) == 0;
}

/* Once more, or where it stands; short ones are shorter than that. */
static void put_word(struct row *row, enum trace_place place, struct view word)
{
	const struct view kept = view_first(word, TRACE_WORD_MAX);
	const size_t here = row->draft->bytes + row->writer.bytes;
	uint16_t *last = &row->draft->words[place];

	if (kept.bytes > 2 && word_is_at(row->draft, *last, kept)) {
		record_put_u8(&row->writer, TRACE_WORD_AGAIN);
		record_put_u16(&row->writer, *last);
		return;
	}
	if (kept.bytes > 2 && here <= UINT16_MAX)
		*last = (uint16_t)here;
	record_put_u8(&row->writer, (uint8_t)kept.bytes);
	record_put(&row->writer, kept);
}

static void put_string(struct row *row, enum trace_place place, const char *string)
{
	put_word(row, place, view_of(string));
}

void trace_write_begin(struct trace_draft *draft)
{
	draft->bytes = TRACE_BLOCK_HEAD;
	draft->rows = 0;
	memset(draft->words, 0, sizeof draft->words);
}

struct view trace_write_end(struct trace_draft *draft)
{
	struct record_writer writer = record_write(draft->room);

	record_put_u8(&writer, TRACE_VERSION);
	record_put_u64(&writer, (uint64_t)draft->from.ms);
	record_put_u64(&writer, (uint64_t)draft->to.ms);
	check(writer.bytes == TRACE_BLOCK_HEAD);
	return view_from(draft->room.data, draft->bytes);
}

/* So long after the other; of clocks that were set back, at once. */
static uint32_t ms_between(struct wall from, struct wall to)
{
	if (to.ms <= from.ms)
		return 0;
	return to.ms - from.ms < UINT32_MAX ? (uint32_t)(to.ms - from.ms) : UINT32_MAX;
}

/* Its length comes with row_end(). */
static struct row row_begin(
        struct trace_draft *draft, enum trace_kind kind, uint64_t id, struct wall when)
{
	struct row row = { .draft = draft };

	check(draft->room.bytes >= draft->bytes + TRACE_ROW_MAX);
	if (draft->rows == 0)
		draft->from = when;
	draft->to = when;
	row.writer = record_write((struct span){ draft->room.data + draft->bytes, TRACE_ROW_MAX });
	record_put_u16(&row.writer, 0);
	record_put_u8(&row.writer, (uint8_t)kind);
	record_put_u64(&row.writer, id);
	record_put_u32(&row.writer, ms_between(draft->from, when));
	return row;
}

static void row_end(const struct row *row)
{
	struct record_writer length = record_write((struct span){ row->writer.room.data, 2 });

	record_put_u16(&length, (uint16_t)row->writer.bytes);
	row->draft->bytes += row->writer.bytes;
	row->draft->rows++;
}

static void parting_find(struct parting *parting, const struct trace_put *put)
{
	parting->parted = put->job_count > 1;
	for (size_t i = 0; i < put->job_count && parting->parted; i++) {
		const struct owed *owed = job_owed_const(put->jobs[i]);
		for (size_t at = 0; at < put->jobs[i]->owed_count; at++)
			parting->number[owed[at].index] = put->jobs[i]->number;
	}
}

/* As many as fit. */
static void put_recipients(struct row *row, const struct trace_put *put, struct message_cursor *at)
{
	struct record_writer *writer = &row->writer;
	struct message_recipient recipient;
	struct record_writer count;
	struct parting parting;
	const size_t first = at->index;

	parting_find(&parting, put);
	record_put_u16(writer, (uint16_t)first);
	count = *writer;
	record_put_u16(writer, 0);
	record_put_u8(writer, parting.parted);
	if (!parting.parted)
		record_put_u16(writer, put->jobs[0]->number);
	while (TRACE_ROW_MAX - writer->bytes >= RECIPIENT_BYTES &&
	        message_next_recipient(at, &recipient)) {
		put_word(row, TRACE_PLACE_RECIPIENT, recipient.address);
		if (parting.parted)
			record_put_u16(writer, parting.number[at->index - 1]);
	}
	record_put_u16(&count, (uint16_t)(at->index - first));
}

static void put_ways(struct row *row, const struct trace_put *put)
{
	struct record_writer *writer = &row->writer;
	const size_t ways = put->job_count < WAYS_MAX ? put->job_count : WAYS_MAX;

	record_put_u16(writer, (uint16_t)ways);
	for (size_t i = 0; i < ways; i++) {
		const struct job *job = put->jobs[i];

		record_put_u16(writer, job->number);
		record_put_u8(writer, job->nowhere     ? TRACE_WAY_NOWHERE
		                      : job->held      ? TRACE_WAY_KEPT
		                      : job->rehearsed ? TRACE_WAY_REHEARSED
		                                       : TRACE_WAY_GOES);
		record_put_u16(writer, job->rule);
		put_string(row, TRACE_PLACE_ROUTE, job->nowhere ? "" : put->routes[i]);
	}
}

/* Fields in the order in which they stand. */
static void put_fields(struct row *row, const struct message *message)
{
	for (int i = 0; i < MESSAGE_FIELD_COUNT; i++)
		if (trace_write_keeps((enum message_field)i))
			put_word(row, TRACE_PLACE_FIELDS + i,
			        message_get(message, (enum message_field)i));
}

void trace_write_accept(
        struct trace_draft *draft, const struct trace_put *put, struct message_cursor *at)
{
	static const struct trace_origin none = { .marks = TRACE_MARK_REPORT };
	const struct trace_origin *origin = put->origin != NULL ? put->origin : &none;
	const struct message *message = put->message;
	struct row row = row_begin(draft, TRACE_ACCEPT, message->id, put->when);

	record_put_u32(&row.writer, ms_between(message->received, put->when));
	record_put_u64(&row.writer, origin->connection);
	record_put_u16(&row.writer, origin->marks);
	record_put_u32(&row.writer, (uint32_t)message->body_bytes);
	if ((origin->marks & TRACE_MARK_REPORT) != 0)
		record_put_u64(&row.writer, put->about);
	record_put_u16(&row.writer, (uint16_t)message->recipient_count);
	put_fields(&row, message);
	put_string(&row, TRACE_PLACE_TLS, origin->tls);
	put_string(&row, TRACE_PLACE_CIPHER, origin->cipher);
	put_string(&row, TRACE_PLACE_DEVICE, origin->device);
	put_string(&row, TRACE_PLACE_PROXY, origin->proxy);
	put_string(&row, TRACE_PLACE_STREAM, put->stream);
	const struct view id = view_first(origin->message_id, TRACE_WORD_MAX);
	record_put_u8(&row.writer, (uint8_t)id.bytes);
	record_put(&row.writer, id);
	put_ways(&row, put);
	put_recipients(&row, put, at);
	row_end(&row);
}

void trace_write_recipients(
        struct trace_draft *draft, const struct trace_put *put, struct message_cursor *at)
{
	struct row row = row_begin(draft, TRACE_RECIPIENTS, put->message->id, put->when);

	put_recipients(&row, put, at);
	row_end(&row);
}

static bool is_alike(const struct job *job, size_t a, size_t b)
{
	const struct owed *owed = job_owed_const(job);

	return owed[a].outcome == owed[b].outcome && owed[a].flags == owed[b].flags &&
	       job_says_same(job, a, b);
}

/* What was said, and of it no more words than `texts` has room for. */
static void put_reply(struct row *row, const struct job *job, size_t at, size_t *texts)
{
	struct record_writer *writer = &row->writer;
	struct reply_note note;
	const bool said = job_reply(job, at, &note);

	record_put_u8(writer, said);
	if (!said)
		return;
	if (note.server.bytes + note.text.bytes > *texts) {
		note.server = VIEW("");
		note.text = VIEW("");
	}
	note.text = view_first(note.text, TRACE_TEXT_MAX);
	*texts -= note.server.bytes + note.text.bytes;
	record_put_u16(writer, note.code);
	for (size_t i = 0; i < 3; i++)
		record_put_u16(writer, note.status[i]);
	record_put_u8(writer, note.stage);
	put_word(row, TRACE_PLACE_SERVER, note.server);
	record_put_u16(writer, (uint16_t)note.text.bytes);
	record_put(writer, note.text);
}

/* The recipient and all behind it of whom the same is to be said. */
static void put_group(
        struct row *row, const struct job *job, size_t at, bool *written, size_t *texts)
{
	const struct owed *owed = job_owed_const(job);
	struct record_writer count;
	uint16_t members = 0;

	record_put_u8(&row->writer, owed[at].outcome);
	record_put_u8(&row->writer, owed[at].flags);
	put_reply(row, job, at, texts);
	count = row->writer;
	record_put_u16(&row->writer, 0);
	for (size_t i = at; i < job->owed_count; i++) {
		if (written[i] || !is_alike(job, at, i))
			continue;
		written[i] = true;
		record_put_u16(&row->writer, owed[i].index);
		members++;
	}
	record_put_u16(&count, members);
}

static void put_groups(struct row *row, const struct job *job)
{
	bool written[MESSAGE_RECIPIENTS_MAX];
	size_t texts = TRACE_TEXTS_MAX;
	struct record_writer count = row->writer;
	uint16_t groups = 0;

	memset(written, 0, job->owed_count * sizeof written[0]);
	record_put_u16(&row->writer, 0);
	for (size_t i = 0; i < job->owed_count; i++) {
		if (written[i])
			continue;
		put_group(row, job, i, written, &texts);
		groups++;
	}
	record_put_u16(&count, groups);
}

static unsigned settle_flags(const struct job *job, const struct trace_end *end)
{
	const struct job_tally tally = job_tally(job);
	unsigned flags = job->held ? TRACE_SETTLE_HELD : 0U;

	flags |= end->branch != NULL ? TRACE_SETTLE_BRANCHED : 0U;
	flags |= tally.of[OWED_PENDING] + tally.of[OWED_DEFERRED] > 0 ? TRACE_SETTLE_OWES : 0U;
	flags |= job->connection != 0 ? TRACE_SETTLE_SESSION : 0U;
	flags |= end->report != 0 ? TRACE_SETTLE_REPORT : 0U;
	return flags;
}

void trace_write_settle(
        struct trace_draft *draft, const struct job *job, const struct trace_end *end)
{
	struct row row = row_begin(draft, TRACE_SETTLE, job->id, end->when);
	const unsigned flags = settle_flags(job, end);
	const uint32_t attempts = job->attempts < UINT16_MAX ? job->attempts : UINT16_MAX;

	record_put_u16(&row.writer, job->number);
	record_put_u8(&row.writer, job->act);
	record_put_u8(&row.writer, (uint8_t)flags);
	record_put_u16(&row.writer, (uint16_t)attempts);
	if ((flags & TRACE_SETTLE_OWES) != 0)
		record_put_u64(&row.writer, (uint64_t)job->next_attempt.ms);
	if ((flags & TRACE_SETTLE_SESSION) != 0)
		record_put_u64(&row.writer, job->connection);
	if ((flags & TRACE_SETTLE_REPORT) != 0)
		record_put_u64(&row.writer, end->report);
	put_string(&row, TRACE_PLACE_ROUTE, end->route);
	put_string(&row, TRACE_PLACE_IDENTITY, end->identity);
	if (end->branch != NULL) {
		record_put_u16(&row.writer, end->branch_number);
		put_string(&row, TRACE_PLACE_ROUTE, end->branch);
	}
	put_groups(&row, job);
	row_end(&row);
}
