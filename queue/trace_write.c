#include "queue/trace_write.h"

#include "queue/record.h"
#include "queue/verdict_words.h"

#include <assert.h>

/* The largest of what a row has besides recipients and groups: its head and fields. */
#define ACCEPT_BYTES    (TRACE_ROW_HEAD + 64 + 13 * (1 + TRACE_WORD_MAX))
#define WAY_BYTES       (2 + 1 + 2 + 1 + TRACE_WORD_MAX)
#define RECIPIENT_BYTES (1 + TRACE_WORD_MAX + 2)
#define SETTLE_BYTES    (TRACE_ROW_HEAD + 64 + 3 * (1 + TRACE_WORD_MAX))
#define GROUP_BYTES     (1 + 1 + 1 + 2 + 6 + 1 + 1 + 2 + 2) /* without its words */
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

static void put_word(struct record_writer *writer, struct view word)
{
	const struct view kept = view_first(word, TRACE_WORD_MAX);

	record_put_u8(writer, (uint8_t)kept.bytes);
	record_put(writer, kept);
}

static void put_string(struct record_writer *writer, const char *string)
{
	put_word(writer, view_of(string));
}

void trace_write_head(struct span block, struct wall from, struct wall to)
{
	struct record_writer writer = record_write(block);

	record_put_u8(&writer, TRACE_VERSION);
	record_put_u64(&writer, (uint64_t)from.ms);
	record_put_u64(&writer, (uint64_t)to.ms);
	check(writer.bytes == TRACE_BLOCK_HEAD);
}

/* Its length comes with row_end(). */
static struct record_writer row_begin(
        struct span into, enum trace_kind kind, uint64_t id, struct wall when)
{
	struct record_writer writer = record_write(into);

	record_put_u16(&writer, 0);
	record_put_u8(&writer, (uint8_t)kind);
	record_put_u64(&writer, id);
	record_put_u64(&writer, (uint64_t)when.ms);
	return writer;
}

static size_t row_end(const struct record_writer *writer)
{
	struct record_writer length = record_write((struct span){ writer->room.data, 2 });

	check(writer->bytes <= TRACE_ROW_MAX);
	record_put_u16(&length, (uint16_t)writer->bytes);
	return writer->bytes;
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
static void put_recipients(
        struct record_writer *writer, const struct trace_put *put, struct message_cursor *at)
{
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
		put_word(writer, recipient.address);
		if (parting.parted)
			record_put_u16(writer, parting.number[at->index - 1]);
	}
	record_put_u16(&count, (uint16_t)(at->index - first));
}

static void put_ways(struct record_writer *writer, const struct trace_put *put)
{
	const size_t ways = put->job_count < WAYS_MAX ? put->job_count : WAYS_MAX;

	record_put_u16(writer, (uint16_t)ways);
	for (size_t i = 0; i < ways; i++) {
		const struct job *job = put->jobs[i];

		record_put_u16(writer, job->number);
		record_put_u8(writer, job->nowhere ? TRACE_WAY_NOWHERE
		                      : job->held  ? TRACE_WAY_KEPT
		                                   : TRACE_WAY_GOES);
		record_put_u16(writer, job->rule);
		put_string(writer, job->nowhere ? "" : put->routes[i]);
	}
}

size_t trace_write_accept(struct span into, const struct trace_put *put, struct message_cursor *at)
{
	static const struct trace_origin none = { .marks = TRACE_MARK_REPORT };
	static const enum message_field fields[] = { MESSAGE_SENDER, MESSAGE_ORIGINAL,
		MESSAGE_CLIENT, MESSAGE_HELO, MESSAGE_USER, MESSAGE_LISTENER, MESSAGE_PROTOCOL };
	const struct trace_origin *origin = put->origin != NULL ? put->origin : &none;
	const struct message *message = put->message;
	struct record_writer writer = row_begin(into, TRACE_ACCEPT, message->id, put->when);

	record_put_u64(&writer, (uint64_t)message->received.ms);
	record_put_u64(&writer, origin->connection);
	record_put_u16(&writer, origin->marks);
	record_put_u64(&writer, message->body_bytes);
	record_put_u64(&writer, put->about);
	record_put_u16(&writer, (uint16_t)message->recipient_count);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		put_word(&writer, message_get(message, fields[i]));
	put_word(&writer, origin->message_id);
	put_string(&writer, origin->tls);
	put_string(&writer, origin->cipher);
	put_string(&writer, origin->device);
	put_string(&writer, origin->proxy);
	put_string(&writer, put->stream);
	put_ways(&writer, put);
	put_recipients(&writer, put, at);
	return row_end(&writer);
}

size_t trace_write_recipients(
        struct span into, const struct trace_put *put, struct message_cursor *at)
{
	struct record_writer writer =
	        row_begin(into, TRACE_RECIPIENTS, put->message->id, put->when);

	put_recipients(&writer, put, at);
	return row_end(&writer);
}

static bool is_alike(const struct job *job, size_t a, size_t b)
{
	const struct owed *owed = job_owed_const(job);

	return owed[a].outcome == owed[b].outcome && owed[a].flags == owed[b].flags &&
	       job_says_same(job, a, b);
}

/* What was said, and of it no more words than `texts` has room for. */
static void put_reply(struct record_writer *writer, const struct job *job, size_t at, size_t *texts)
{
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
	put_word(writer, note.server);
	record_put_u16(writer, (uint16_t)note.text.bytes);
	record_put(writer, note.text);
}

/* The recipient and all behind it of whom the same is to be said. */
static void put_group(struct record_writer *writer, const struct job *job, size_t at, bool *written,
        size_t *texts)
{
	const struct owed *owed = job_owed_const(job);
	struct record_writer count;
	uint16_t members = 0;

	record_put_u8(writer, owed[at].outcome);
	record_put_u8(writer, owed[at].flags);
	put_reply(writer, job, at, texts);
	count = *writer;
	record_put_u16(writer, 0);
	for (size_t i = at; i < job->owed_count; i++) {
		if (written[i] || !is_alike(job, at, i))
			continue;
		written[i] = true;
		record_put_u16(writer, owed[i].index);
		members++;
	}
	record_put_u16(&count, members);
}

static void put_groups(struct record_writer *writer, const struct job *job)
{
	bool written[MESSAGE_RECIPIENTS_MAX];
	size_t texts = TRACE_TEXTS_MAX;
	struct record_writer count = *writer;
	uint16_t groups = 0;

	memset(written, 0, job->owed_count * sizeof written[0]);
	record_put_u16(writer, 0);
	for (size_t i = 0; i < job->owed_count; i++) {
		if (written[i])
			continue;
		put_group(writer, job, i, written, &texts);
		groups++;
	}
	record_put_u16(&count, groups);
}

size_t trace_write_settle(struct span into, const struct job *job, const struct trace_end *end)
{
	struct record_writer writer = row_begin(into, TRACE_SETTLE, job->id, end->when);
	const unsigned flags = (job->held ? TRACE_SETTLE_HELD : 0U) |
	                       (end->branch != NULL ? TRACE_SETTLE_BRANCHED : 0U);

	record_put_u16(&writer, job->number);
	record_put_u8(&writer, job->act);
	record_put_u8(&writer, (uint8_t)flags);
	record_put_u32(&writer, job->attempts);
	record_put_u64(&writer, (uint64_t)job->next_attempt.ms);
	record_put_u64(&writer, job->connection);
	record_put_u64(&writer, end->report);
	put_string(&writer, end->route);
	put_string(&writer, end->identity);
	if (end->branch != NULL) {
		record_put_u16(&writer, end->branch_number);
		put_string(&writer, end->branch);
	}
	put_groups(&writer, job);
	return row_end(&writer);
}
