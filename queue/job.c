#include "queue/job.h"

#include "queue/base/check.h"
#include "queue/record.h"

#define RECORD_VERSION     1
#define RECORD_HELD        (1 << 0)
#define RECORD_RESTARTS    1 /* shift of two bits in the flags */
#define RECORD_REHEARSED   (1 << 3)
#define RECORD_FLAGS       (RECORD_HELD | JOB_RESTARTS_MAX << RECORD_RESTARTS | RECORD_REHEARSED)
#define RECORD_HEAD_BYTES  (1 + 1 + 2 + 4 + 8 + 8 + 8 + 2 + 2)
#define RECORD_OWED_BYTES  (2 + 1 + 1 + 2)
#define RECORD_REPLY_BYTES (2 + 6 + 2 + 1 + 1 + 2)
#define RECORD_OWED_FLAGS  (OWED_IN_DOUBT | OWED_DELAY_TOLD | OWED_RELAYED)

static_assert(RECORD_HEAD_BYTES + MESSAGE_RECIPIENTS_MAX * RECORD_OWED_BYTES + REPLIES_INLINE +
                              REPLIES_CHUNKS_MAX * CHUNK_DATA_BYTES <=
                      JOB_RECORD_MAX,
        "the largest job fits its record: a reply takes less there than in memory");

static_assert(JOB_RESTARTS_MAX == 3, "two bits of the record's flags");

#define LEADS_TO(state) (1U << JOB_##state)

static const unsigned job_ways[] = {
	[JOB_FREE] = LEADS_TO(PUTTING) | LEADS_TO(READY) | LEADS_TO(SETTLING),
	[JOB_PUTTING] = LEADS_TO(READY) | LEADS_TO(SETTLING) | LEADS_TO(FREE),
	[JOB_READY] = LEADS_TO(SENDING) | LEADS_TO(SETTLING),
	[JOB_SENDING] = LEADS_TO(READY) | LEADS_TO(SETTLING),
	[JOB_SETTLING] = LEADS_TO(FREE),
};
static_assert(sizeof job_ways / sizeof job_ways[0] == JOB_STATE_COUNT, "a row for each state");

void job_enter(struct job *job, enum job_state state)
{
	check(state < JOB_STATE_COUNT);
	check((job_ways[job->state] & (1U << state)) != 0);
	check(!link_is_linked(&job->link));
	job->state = state;
}

bool owed_is_ended(enum owed_outcome outcome)
{
	static const bool ends[] = {
#define X(name, word, end) [OWED_##name] = (end),
		OWED_OUTCOMES(X)
#undef X
	};

	check(outcome < OWED_OUTCOME_COUNT);
	return ends[outcome];
}

const char *owed_word(enum owed_outcome outcome)
{
	static const char *const words[] = {
#define X(name, word, end) [OWED_##name] = (word),
		OWED_OUTCOMES(X)
#undef X
	};

	check(outcome < OWED_OUTCOME_COUNT);
	return words[outcome];
}

void job_begin(struct job *job, struct message *message, uint16_t number, uint16_t route)
{
	check(job->message == NULL);
	check(job->owed_count == 0);
	job->message = message_hold(message);
	job->id = message->id;
	job->number = number;
	job->route = route;
}

struct owed *job_owed(struct job *job)
{
	return job->owed_chunk != NULL ? (void *)job->owed_chunk->data : job->owed_inline;
}

const struct owed *job_owed_const(const struct job *job)
{
	return job->owed_chunk != NULL ? (const void *)job->owed_chunk->data : job->owed_inline;
}

/* The inline ones are full: all move to a chunk. */
static bool job_spread(struct job *job, struct shelf *shelf, size_t reserve)
{
	struct chunk *chunk = shelf_take_above(shelf, reserve);

	if (chunk == NULL)
		return false;
	memcpy(chunk->data, job->owed_inline, sizeof job->owed_inline);
	job->owed_chunk = chunk;
	return true;
}

bool job_owe(struct job *job, struct shelf *shelf, size_t reserve, uint16_t index, uint8_t notify)
{
	check(job->owed_count < MESSAGE_RECIPIENTS_MAX);
	check(index < MESSAGE_RECIPIENTS_MAX);
	if (job->owed_count == JOB_OWED_INLINE && job->owed_chunk == NULL &&
	        !job_spread(job, shelf, reserve))
		return false;
	struct owed *owed = job_owed(job);
	if (job->owed_count > 0)
		check(owed[job->owed_count - 1].index < index);
	owed[job->owed_count++] = (struct owed){ .index = index, .notify = notify };
	return true;
}

bool job_owe_all(struct job *job, struct shelf *shelf, size_t reserve)
{
	struct message_cursor at = message_recipients(job->message);
	struct message_recipient recipient;

	check(job->owed_count == 0);
	/* The chunk first, so that nothing has changed if there is none. */
	if (job->message->recipient_count > JOB_OWED_INLINE && !job_spread(job, shelf, reserve))
		return false;
	while (message_next_recipient(&at, &recipient)) {
		const bool added =
		        job_owe(job, shelf, reserve, (uint16_t)(at.index - 1), recipient.notify);
		check(added);
	}
	return true;
}

bool job_split(
        struct job *job, struct job *branch, const bool *moves, struct shelf *shelf, size_t reserve)
{
	struct owed *owed = job_owed(job);
	uint32_t moving = 0;
	uint32_t staying = 0;

	for (uint32_t i = 0; i < job->owed_count; i++) {
		check(!moves[i] || !owed_is_ended(owed[i].outcome));
		moving += moves[i];
		staying += !moves[i] && !owed_is_ended(owed[i].outcome);
	}
	check(moving > 0);
	check(staying > 0);
	job_begin(branch, job->message, 0, job->route);
	branch->stream = job->stream;
	branch->rehearsed = job->rehearsed;
	/* The chunk first, so that nothing has changed if there is none. */
	if (moving > JOB_OWED_INLINE && !job_spread(branch, shelf, reserve)) {
		job_clear(branch, shelf);
		return false;
	}
	branch->attempts = job->attempts;
	branch->first_attempt = job->first_attempt;
	branch->last_attempt = job->last_attempt;
	for (uint32_t i = 0; i < job->owed_count; i++) {
		struct reply_note note;

		if (!moves[i])
			continue;
		const bool added = job_owe(branch, shelf, reserve, owed[i].index, owed[i].notify);
		check(added);
		const uint32_t at = branch->owed_count - 1;
		job_owed(branch)[at].flags = owed[i].flags;
		if (job_reply(job, i, &note))
			job_set_outcome(branch, at, OWED_PENDING, &note, shelf);
		job_set_outcome(job, i, OWED_MOVED, NULL, shelf);
	}
	return true;
}

void job_clear(struct job *job, struct shelf *shelf)
{
	check(!link_is_linked(&job->link));
	message_release(MOVE(job->message), shelf);
	if (job->owed_chunk != NULL)
		shelf_give(shelf, MOVE(job->owed_chunk));
	replies_free(&job->replies, shelf);
	*job = (struct job){ 0 };
}

void job_set_outcome(struct job *job, size_t at, enum owed_outcome outcome,
        const struct reply_note *reply, struct shelf *shelf)
{
	check(at < job->owed_count);
	check(outcome < OWED_OUTCOME_COUNT);
	struct owed *owed = &job_owed(job)[at];

	check(!owed_is_ended(owed->outcome)); /* an end is an end */
	owed->outcome = (uint8_t)outcome;
	const uint16_t ref = reply == NULL ? 0 : replies_note(&job->replies, shelf, reply);
	if (ref != 0)
		owed->reply =
		        ref; /* without room, what it said before still tells more than nothing */
}

bool job_reply(const struct job *job, size_t at, struct reply_note *reply)
{
	check(at < job->owed_count);
	const uint16_t ref = job_owed_const(job)[at].reply;

	if (ref == 0)
		return false;
	*reply = replies_get(&job->replies, ref);
	return true;
}

bool job_says_same(const struct job *job, size_t a, size_t b)
{
	check(a < job->owed_count);
	check(b < job->owed_count);
	return job_owed_const(job)[a].reply == job_owed_const(job)[b].reply;
}

struct job_tally job_tally(const struct job *job)
{
	const struct owed *owed = job_owed_const(job);
	struct job_tally tally = { 0 };

	for (uint32_t i = 0; i < job->owed_count; i++) {
		check(owed[i].outcome < OWED_OUTCOME_COUNT);
		tally.of[owed[i].outcome]++;
		tally.in_doubt += (owed[i].flags & OWED_IN_DOUBT) != 0;
	}
	return tally;
}

static void reply_put(struct record_writer *writer, const struct reply_note *note)
{
	record_put_u16(writer, note->code);
	for (size_t i = 0; i < 3; i++)
		record_put_u16(writer, note->status[i]);
	record_put_u16(writer, note->advice);
	record_put_u8(writer, note->stage);
	record_put_u8(writer, (uint8_t)note->server.bytes);
	record_put_u16(writer, (uint16_t)note->text.bytes);
	record_put(writer, note->server);
	record_put(writer, note->text);
}

static struct reply_note reply_take(struct record_reader *reader)
{
	struct reply_note note = { .code = record_get_u16(reader) };

	for (size_t i = 0; i < 3; i++)
		note.status[i] = record_get_u16(reader);
	note.advice = record_get_u16(reader);
	note.stage = record_get_u8(reader);
	const uint8_t server_bytes = record_get_u8(reader);
	const uint16_t text_bytes = record_get_u16(reader);
	note.server = record_get(reader, server_bytes);
	note.text = record_get(reader, text_bytes);
	return note;
}

static uint16_t job_still_owed(const struct job *job)
{
	const struct owed *owed = job_owed_const(job);
	uint16_t count = 0;

	for (uint32_t i = 0; i < job->owed_count; i++)
		count += !owed_is_ended(owed[i].outcome);
	return count;
}

/* Each reply that is still needed, once; marks it with its number, from 1. */
static uint16_t job_encode_replies(struct job *job, struct record_writer *writer)
{
	const struct owed *owed = job_owed(job);
	uint16_t count = 0;

	replies_unmark(&job->replies);
	for (uint32_t i = 0; i < job->owed_count; i++) {
		if (owed_is_ended(owed[i].outcome) || owed[i].reply == 0)
			continue;
		uint16_t *mark = replies_mark(&job->replies, owed[i].reply);
		if (*mark != 0)
			continue;
		*mark = ++count;
		const struct reply_note note = replies_get(&job->replies, owed[i].reply);
		reply_put(writer, &note);
	}
	return count;
}

size_t job_encode(struct job *job, uint16_t route_id, struct span into)
{
	const struct owed *owed = job_owed(job);
	const uint16_t owed_count = job_still_owed(job);

	check(owed_count > 0);
	check(into.bytes >= JOB_RECORD_MAX);
	/* The replies first, behind the head's place: their count stands in the head. */
	struct record_writer writer = record_write(into);
	writer.bytes = RECORD_HEAD_BYTES;
	const uint16_t reply_count = job_encode_replies(job, &writer);
	for (uint32_t i = 0; i < job->owed_count; i++) {
		if (owed_is_ended(owed[i].outcome))
			continue;
		record_put_u16(&writer, owed[i].index);
		record_put_u8(&writer, owed[i].flags);
		record_put_u8(&writer, owed[i].notify);
		record_put_u16(&writer,
		        owed[i].reply == 0 ? 0 : *replies_mark(&job->replies, owed[i].reply));
	}

	struct record_writer head = record_write((struct span){ into.data, RECORD_HEAD_BYTES });
	record_put_u8(&head, RECORD_VERSION);
	const uint16_t restarts =
	        job->restarts < JOB_RESTARTS_MAX ? job->restarts : JOB_RESTARTS_MAX;
	record_put_u8(&head, (uint8_t)((job->held ? RECORD_HELD : 0) | restarts << RECORD_RESTARTS |
	                               (job->rehearsed ? RECORD_REHEARSED : 0)));
	record_put_u16(&head, route_id);
	record_put_u32(&head, job->attempts);
	record_put_u64(&head, (uint64_t)job->first_attempt.ms);
	record_put_u64(&head, (uint64_t)job->last_attempt.ms);
	record_put_u64(&head, (uint64_t)job->next_attempt.ms);
	record_put_u16(&head, owed_count);
	record_put_u16(&head, reply_count);
	check(head.bytes == RECORD_HEAD_BYTES);
	return writer.bytes;
}

struct head {
	uint16_t route_id;
	uint16_t owed_count;
	uint16_t reply_count;
};

static bool head_take(struct job *job, struct record_reader *reader, struct head *head)
{
	const uint8_t version = record_get_u8(reader);
	const uint8_t flags = record_get_u8(reader);

	job->held = (flags & RECORD_HELD) != 0;
	job->rehearsed = (flags & RECORD_REHEARSED) != 0;
	job->restarts = (flags >> RECORD_RESTARTS) & JOB_RESTARTS_MAX;
	head->route_id = record_get_u16(reader);
	job->attempts = record_get_u32(reader);
	job->first_attempt.ms = (int64_t)record_get_u64(reader);
	job->last_attempt.ms = (int64_t)record_get_u64(reader);
	job->next_attempt.ms = (int64_t)record_get_u64(reader);
	head->owed_count = record_get_u16(reader);
	head->reply_count = record_get_u16(reader);
	return !reader->bad && version == RECORD_VERSION && (flags & ~RECORD_FLAGS) == 0 &&
	       job->first_attempt.ms >= 0 && job->last_attempt.ms >= 0 &&
	       job->next_attempt.ms >= 0 && head->owed_count > 0 &&
	       head->owed_count <= MESSAGE_RECIPIENTS_MAX && head->reply_count <= head->owed_count;
}

/* One recipient; `refs` are the replies' places by their number in the record. */
static bool owed_take(struct job *job, struct record_reader *reader, size_t at,
        const uint16_t *refs, uint16_t reply_count)
{
	struct owed *owed = &job_owed(job)[at];

	*owed = (struct owed){ .index = record_get_u16(reader) };
	owed->flags = record_get_u8(reader);
	owed->notify = record_get_u8(reader);
	const uint16_t reply = record_get_u16(reader);
	if (reader->bad || owed->index >= MESSAGE_RECIPIENTS_MAX || reply > reply_count ||
	        (owed->flags & ~RECORD_OWED_FLAGS) != 0 || owed->notify > NOTIFY_ALL)
		return false;
	if (at > 0 && owed[-1].index >= owed->index)
		return false;
	owed->reply = reply == 0 ? 0 : refs[reply - 1];
	return true;
}

static struct err job_take(struct job *job, struct shelf *shelf, size_t reserve,
        struct record_reader *reader, uint16_t *route_id)
{
	uint16_t refs[MESSAGE_RECIPIENTS_MAX];
	struct head head;

	if (!head_take(job, reader, &head))
		return err_make(ERR_FORMAT, 0);
	for (uint16_t i = 0; i < head.reply_count; i++) {
		const struct reply_note note = reply_take(reader);
		if (reader->bad)
			return err_make(ERR_FORMAT, 0);
		refs[i] = replies_note(&job->replies, shelf, &note);
	}
	if (head.owed_count > JOB_OWED_INLINE && !job_spread(job, shelf, reserve))
		return err_make(ERR_NO_MEMORY, 0);
	for (uint16_t i = 0; i < head.owed_count; i++)
		if (!owed_take(job, reader, i, refs, head.reply_count))
			return err_make(ERR_FORMAT, 0);
	if (!record_is_read(reader))
		return err_make(ERR_FORMAT, 0);
	job->owed_count = head.owed_count;
	*route_id = head.route_id;
	return err_ok();
}

struct err job_decode(struct job *job, struct shelf *shelf, size_t reserve, struct view record,
        uint16_t *route_id)
{
	struct record_reader reader = record_read(record);

	check(job->owed_count == 0);
	check(job->message == NULL);
	const struct err err = job_take(job, shelf, reserve, &reader, route_id);
	if (failed(err))
		job_clear(job, shelf);
	return err;
}

struct err job_decode_facts(struct view record, struct job_facts *facts)
{
	struct record_reader reader = record_read(record);
	struct job job = { 0 };
	struct head head;

	if (!head_take(&job, &reader, &head))
		return err_make(ERR_FORMAT, 0);
	*facts = (struct job_facts){
		.next_attempt = job.next_attempt,
		.route_id = head.route_id,
		.held = job.held,
	};
	return err_ok();
}
