#include "engine/log.h"

#include "engine/log_ring.h"
#include "queue/base/check.h"

#include <assert.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECORD_ALIGN 8

static_assert(LOG_RING_BYTES % LOG_LINE_BYTES == 0, "a line fits before the end or is skipped");
static_assert(LOG_LINE_BYTES % RECORD_ALIGN == 0, "records are aligned");
static_assert(offsetof(struct log_record, when) == 8, "a skip has its first 8 bytes alone");

static struct log_record *record_at(struct log *log, uint64_t position)
{
	void *place = log->memory + position % LOG_RING_BYTES;

	return place;
}

/* Room for the longest line, in one piece; NULL: the ring is full. */
static struct log_record *reserve(struct log *log)
{
	uint64_t head = atomic_load_explicit(&log->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&log->tail, memory_order_acquire);
	uint64_t to_end = LOG_RING_BYTES - head % LOG_RING_BYTES;
	uint64_t skipped = to_end < LOG_LINE_BYTES ? to_end : 0;

	if (LOG_RING_BYTES - (head - tail) < skipped + LOG_LINE_BYTES)
		return NULL;
	if (skipped > 0) {
		struct log_record *skip = record_at(log, head);

		skip->bytes = (uint32_t)skipped;
		skip->skip = true;
		head += skipped;
		atomic_store_explicit(&log->head, head, memory_order_release);
	}
	return record_at(log, head);
}

struct log_line log_begin(struct log *log, enum log_level level, const char *event)
{
	struct log_line line = { .log = NULL };

	if (!log_wants(log, level))
		return line;
	check(!log->building);
	struct log_record *record = reserve(log);
	if (record == NULL) {
		atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
		return line;
	}
	*record = (struct log_record){
		.level = (uint8_t)level,
		.when = clock_wall(),
		.order = clock_mono(),
		.event = event,
	};
	log->building = true;
	line.log = log;
	line.data = (char *)record;
	line.bytes = sizeof *record;
	return line;
}

static struct log_record *record_of(struct log_line *line)
{
	void *place = line->data;

	return place;
}

void log_message(struct log_line *line, uint64_t message_id)
{
	if (line->log != NULL)
		record_of(line)->message_id = message_id;
}

void log_connection(struct log_line *line, uint64_t connection_id)
{
	if (line->log != NULL)
		record_of(line)->connection_id = connection_id;
}

/* A text is cut to what is left of the line; a number that has no room is left out. */
static void put_field(struct log_line *line, const char *key, enum log_kind kind, struct view value)
{
	struct log_field field = { .key = key, .kind = kind };

	if (line->log == NULL)
		return;
	check(line->bytes <= LOG_LINE_BYTES);
	size_t room = LOG_LINE_BYTES - line->bytes;
	if (room < sizeof field || (kind != LOG_FIELD_TEXT && room < sizeof field + value.bytes))
		return;
	room -= sizeof field;
	field.bytes = (uint32_t)(value.bytes < room ? value.bytes : room);
	memcpy(line->data + line->bytes, &field, sizeof field);
	line->bytes += (uint32_t)sizeof field;
	if (field.bytes > 0)
		memcpy(line->data + line->bytes, value.data, field.bytes);
	line->bytes += field.bytes;
	record_of(line)->fields_count++;
}

void log_text(struct log_line *line, const char *key, struct view value)
{
	put_field(line, key, LOG_FIELD_TEXT, value);
}

void log_word(struct log_line *line, const char *key, const char *value)
{
	if (value != NULL)
		put_field(line, key, LOG_FIELD_TEXT, view_of(value));
}

void log_number(struct log_line *line, const char *key, uint64_t value)
{
	put_field(line, key, LOG_FIELD_NUMBER, view_from(&value, sizeof value));
}

void log_signed(struct log_line *line, const char *key, int64_t value)
{
	put_field(line, key, LOG_FIELD_SIGNED, view_from(&value, sizeof value));
}

void log_seconds(struct log_line *line, const char *key, int64_t ns)
{
	put_field(line, key, LOG_FIELD_SECONDS, view_from(&ns, sizeof ns));
}

void log_err(struct log_line *line, struct err err)
{
	log_word(line, "error", err_text(err.code));
	if (err.detail == 0)
		return;
	log_signed(line, "detail", err.detail);
	if (err.code == ERR_SYSTEM || err.code == ERR_BROKEN || err.code == ERR_NO_SPACE)
		log_word(line, "reason", strerrordesc_np(err.detail));
}

/* Our record comes before our look at the bell, as the logger's bell comes before its look at
 * the records, all of them in one order (seq_cst): one of the two always sees the other. */
static void ring(struct log_bell *bell)
{
	if (atomic_load(&bell->sleeping) == 0)
		return;
	if (atomic_exchange_explicit(&bell->sleeping, 0, memory_order_relaxed) != 0)
		syscall(SYS_futex, &bell->sleeping, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void log_end(struct log_line *line)
{
	struct log *log = line->log;

	if (log == NULL)
		return;
	check(log->building);
	uint64_t head = atomic_load_explicit(&log->head, memory_order_relaxed);
	check(record_of(line) == record_at(log, head));
	uint32_t bytes = (line->bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
	record_of(line)->bytes = bytes;
	log->building = false;
	line->log = NULL;
	atomic_store(&log->head, head + bytes);
	ring(log->bell);
}

bool log_wants(const struct log *log, enum log_level level)
{
	return log != NULL && level <= log->level;
}
