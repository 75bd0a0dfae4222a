#include "tests/sim/oracle.h"

#include "queue/base/check.h"
#include "queue/job.h"
#include "queue/row_key.h"

#include <stdarg.h>
#include <stdio.h>

static void oracle_recipient(
        struct mock_observer *observer, const struct mock_session *session, struct view arguments);
static void oracle_message(
        struct mock_observer *observer, const struct mock_session *session, struct view id);
static void oracle_see_message(struct oracle *oracle, const struct disk_row *row);
static void oracle_see_jobs(struct oracle *oracle, int number, const struct disk_state *state);
static void oracle_judge_one(struct oracle *oracle, int number);

/* What a transaction of the mock has so far, kept by its session's place. */
static struct transaction_seen {
	size_t count;
	char kind[ORACLE_RECIPIENTS]; /* 'o', 'b', or 's' for a report */
	int number[ORACLE_RECIPIENTS];
	int index[ORACLE_RECIPIENTS];
} seen[ORACLE_MOCKS][MOCK_SESSIONS_MAX];

static struct transaction_seen *oracle_seen(
        struct oracle *oracle, const struct mock_session *session)
{
	size_t mock = 0;

	while (oracle->mocks[mock] != NULL && oracle->mocks[mock] != session->mock) {
		mock++;
		check(mock < ORACLE_MOCKS);
	}
	oracle->mocks[mock] = session->mock;
	return &seen[mock][pool_index(&session->mock->sessions, session)];
}

void oracle_init(struct oracle *oracle)
{
	*oracle = (struct oracle){
		.observer = { .recipient = oracle_recipient, .message = oracle_message },
		.doubt.ns = -ORACLE_LATE_NS,
	};
	const struct err err = depot_create(&oracle->depot, 16 << 20);
	check(!failed(err));
	shelf_init(&oracle->shelf, oracle->depot);
}

void oracle_fail(struct oracle *oracle, const char *format, ...)
{
	va_list args;

	if (oracle->failed)
		return;
	oracle->failed = true;
	va_start(args, format);
	vsnprintf(oracle->failure, sizeof oracle->failure, format, args);
	va_end(args);
}

int oracle_begin(struct oracle *oracle)
{
	if (oracle->count == ORACLE_MESSAGES)
		return -1;
	oracle->messages[oracle->count].used = true;
	return (int)oracle->count++;
}

void oracle_doubt(struct oracle *oracle)
{
	oracle->doubt = clock_mono();
}

void oracle_see_disk(struct oracle *oracle, const struct disk_state *state)
{
	const struct disk_table *table = &state->tables[TABLE_MESSAGES];

	for (size_t i = 0; i < table->count; i++) {
		uint64_t id = 0;
		bool known = false;

		const bool parsed = row_key_parse_message(table->rows[i]->key, &id);
		check(parsed);
		for (size_t at = 0; at < oracle->durable_count && !known; at++)
			known = oracle->durable[at] == id;
		if (known)
			continue;
		check(oracle->durable_count < sizeof oracle->durable / sizeof oracle->durable[0]);
		oracle->durable[oracle->durable_count++] = id;
		oracle_see_message(oracle, table->rows[i]);
	}
	oracle_see_trace(oracle, state);
	for (size_t i = 0; i < oracle->count; i++)
		if (oracle->messages[i].id != 0)
			oracle_see_jobs(oracle, (int)i, state);
}

/* Its envelope has the recipients' addresses as they came. */
static void oracle_see_message(struct oracle *oracle, const struct disk_row *row)
{
	static const struct view domain = VIEW_INIT("far.test");
	static const struct view other = VIEW_INIT("@x.");
	struct view rest = view_from(row->value.data, row->value.bytes);
	size_t at = view_find_fold(rest, domain);
	char address[64];

	for (; at < rest.bytes; at = view_find_fold(rest, domain)) {
		const size_t mark = view_ends_fold(view_first(rest, at), other) ? other.bytes : 1;
		size_t from = at < mark ? 0 : at - mark;
		const size_t to = from;
		while (from > 0 &&
		        (byte_is_digit(rest.data[from - 1]) || rest.data[from - 1] == '.'))
			from--;
		struct text text = TEXT_ON(address);
		int number = -1;
		int index = -1;
		text_put(&text, view_from(rest.data + from, to - from));
		rest = view_skip(rest, at + domain.bytes);
		if (sscanf(text_string(&text), ".%d.%d", &number, &index) != 2)
			continue;
		check(number >= 0);
		check((size_t)number < oracle->count);
		struct oracle_message *message = &oracle->messages[number];
		const uint64_t before = message->id;
		const bool parsed = row_key_parse_message(row->key, &message->id);
		check(parsed);
		if (before != 0 && before != message->id)
			oracle_fail(oracle, "twice: %d is queued again", number);
		message->committed = clock_mono();
		if (message->envelope++ != index)
			oracle_fail(
			        oracle, "I2: the recipients of %d are not in their order", number);
		if (message->stranger)
			oracle_fail(oracle, "I9: %d is queued, and comes from a stranger", number);
		if (message->told == ORACLE_NOTHING)
			oracle_fail(oracle, "I1: %d is queued, and was never sent whole", number);
	}
}

/* Who is owed nothing any more has had an end in this very commit. */
static void oracle_see_jobs(struct oracle *oracle, int number, const struct disk_state *state)
{
	struct oracle_message *message = &oracle->messages[number];
	const struct row_key key = row_key_message(message->id);
	const struct disk_table *table = &state->tables[TABLE_JOBS];
	bool owed[ORACLE_RECIPIENTS] = { false };

	for (size_t i = disk_seek(table, row_key_view(&key)); i < table->count; i++) {
		const struct disk_row *row = table->rows[i];
		struct job job = { 0 };
		uint16_t route;
		if (!view_equal(view_first(row->key, key.bytes), row_key_view(&key)))
			break;
		const struct err err = job_decode(&job, &oracle->shelf, 0,
		        view_from(row->value.data, row->value.bytes), &route);
		check(!failed(err));
		for (size_t at = 0; at < job.owed_count; at++) {
			check(job_owed(&job)[at].index < message->envelope);
			owed[job_owed(&job)[at].index] = true;
		}
		job_clear(&job, &oracle->shelf);
	}
	for (int i = 0; i < message->envelope; i++) {
		if (owed[i] && message->ended[i])
			oracle_fail(
			        oracle, "I2: %d owes recipient %d again, after an end", number, i);
		if (owed[i] || message->ended[i])
			continue;
		message->ended[i] = true;
		if (message->delivered[i] == 0 && !message->bad[i] && !message->poison)
			oracle_fail(oracle, "I2: %d left recipient %d without an end", number, i);
		oracle_judge_trace(oracle, number, i);
	}
}

void oracle_see_queued(struct oracle *oracle, int number, struct view reply)
{
	const struct view text = view_skip(reply, view_find_fold(reply, VIEW("queued as ")));
	uint64_t id = 0;

	if (text.bytes < strlen("queued as ") ||
	        !message_id_parse(view_trim(view_skip(text, strlen("queued as "))), &id) ||
	        id != oracle->messages[number].id)
		oracle_fail(oracle, "twice: %d was answered \"%.*s\"", number, VIEW_ARGS(reply));
}

void oracle_see_answer(struct oracle *oracle, struct view bytes)
{
	const struct view queued = VIEW("250 2.0.0 queued as ");
	size_t at = view_find_fold(bytes, queued);
	uint64_t id;

	for (; at < bytes.bytes; at = view_find_fold(bytes, queued)) {
		bytes = view_skip(bytes, at + queued.bytes);
		const struct view text = view_first(bytes, view_find(bytes, '\r'));
		if (text.bytes == bytes.bytes)
			return; /* the rest of the line is in the next piece */
		if (!message_id_parse(text, &id)) {
			oracle_fail(oracle, "I1: no id in \"%.*s\"", VIEW_ARGS(text));
			return;
		}
		bool durable = false;
		for (size_t i = 0; i < oracle->durable_count && !durable; i++)
			durable = oracle->durable[i] == id;
		if (!durable)
			oracle_fail(oracle, "I1: %.*s was answered before it was on the disk",
			        VIEW_ARGS(text));
	}
}

static void oracle_recipient(
        struct mock_observer *observer, const struct mock_session *session, struct view arguments)
{
	struct oracle *oracle = container_of(observer, struct oracle, observer);
	struct transaction_seen *it = oracle_seen(oracle, session);
	char text[64];
	struct text copy = TEXT_ON(text);
	char kind;
	int number;
	int index = 0;

	if (session->recipients == 0)
		it->count = 0;
	text_put(&copy, view_skip(arguments, view_find(arguments, '<')));
	const char *address = text_string(&copy);
	if (sscanf(address, "<s.%d@", &number) == 1)
		kind = 's';
	else if (sscanf(address, "<ok.%d.%d@", &number, &index) == 2)
		kind = 'o';
	else if (sscanf(address, "<bad.%d.%d@", &number, &index) == 2)
		kind = 'b';
	else {
		oracle_fail(oracle, "I9: mail to a stranger: %s", address);
		return;
	}
	if (it->count == ORACLE_RECIPIENTS || number < 0 || (size_t)number >= oracle->count ||
	        index < 0 || index >= ORACLE_RECIPIENTS) {
		oracle_fail(oracle, "I2: a recipient nobody asked for: %s", address);
		return;
	}
	it->kind[it->count] = kind;
	it->number[it->count] = number;
	it->index[it->count] = index;
	it->count++;
}

static void oracle_message(
        struct mock_observer *observer, const struct mock_session *session, struct view id)
{
	struct oracle *oracle = container_of(observer, struct oracle, observer);
	const struct transaction_seen *it = oracle_seen(oracle, session);
	char text[64];
	struct text copy = TEXT_ON(text);
	int number = -1;

	text_put(&copy, id);
	if (sscanf(text_string(&copy), "<poison%d@sim>", &number) == 1)
		oracle_fail(oracle, "I2: the server took %d, which it refuses", number);
	(void)sscanf(text_string(&copy), "<%d@sim>", &number);
	for (size_t i = 0; i < it->count; i++) {
		struct oracle_message *message = &oracle->messages[it->number[i]];

		if (it->kind[i] == 's') {
			message->reports++;
			continue;
		}
		if (it->kind[i] == 'b')
			oracle_fail(oracle, "I2: %d went to a recipient who was refused", number);
		if (number != it->number[i])
			oracle_fail(oracle, "I2: message %d went to a recipient of %d", number,
			        it->number[i]);
		if (message->id == 0)
			oracle_fail(oracle, "I1: %d was delivered, and never queued", number);
		if (message->delivered[it->index[i]]++ > 0 &&
		        message->committed.ns - ORACLE_LATE_NS > oracle->doubt.ns)
			oracle_fail(oracle, "twice: %d, and nothing was in doubt", number);
	}
}

void oracle_judge(struct oracle *oracle)
{
	for (size_t i = 0; i < oracle->count; i++)
		oracle_judge_one(oracle, (int)i);
}

static void oracle_judge_one(struct oracle *oracle, int number)
{
	const struct oracle_message *message = &oracle->messages[number];
	bool bounced = false;

	for (int i = 0; i < ORACLE_RECIPIENTS; i++) {
		const uint32_t delivered = message->delivered[i];
		const bool owed = message->told == ORACLE_ACCEPTED && i < message->recipients;

		if (delivered > 0 && message->told < ORACLE_UNKNOWN)
			oracle_fail(oracle, "I2: %d was delivered, and never sent whole", number);
		if (delivered > 0 && message->told == ORACLE_REFUSED)
			oracle_fail(oracle, "I9: %d was delivered, and had been refused", number);
		if (owed && !message->bad[i] && !message->poison && delivered == 0)
			oracle_fail(
			        oracle, "I2: %d was accepted, and recipient %d is lost", number, i);
		if (owed && !message->ended[i])
			oracle_fail(oracle, "I2: %d owes recipient %d an end", number, i);
		bounced |= owed && (message->bad[i] || message->poison);
	}
	if (bounced && !message->quiet && message->reports == 0)
		oracle_fail(oracle, "I2: %d bounced, and its sender was not told", number);
	if (message->reports > 0 && message->told == ORACLE_ACCEPTED &&
	        (!bounced || message->quiet))
		oracle_fail(oracle, "I2: %d has a report that nobody was owed", number);
}
