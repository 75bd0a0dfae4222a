#include "engine/log_ring.h"

#include "queue/base/check.h"

#include <stdlib.h>

struct err log_ring_open(struct log *log, struct log_bell *bell, enum log_level level)
{
	char *memory = aligned_alloc(64, LOG_RING_BYTES);

	if (memory == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	*log = (struct log){ .memory = memory, .bell = bell, .level = level };
	return err_ok();
}

void log_ring_close(struct log *log)
{
	free(log->memory);
	log->memory = NULL;
}

const struct log_record *log_ring_first(struct log *log, uint64_t head)
{
	uint64_t tail = atomic_load_explicit(&log->tail, memory_order_relaxed);

	check(tail <= head);
	while (tail < head) {
		const void *place = log->memory + tail % LOG_RING_BYTES;
		const struct log_record *record = place;

		check(record->bytes > 0);
		check(tail + record->bytes <= head);
		if (!record->skip)
			return record;
		tail += record->bytes;
		atomic_store_explicit(&log->tail, tail, memory_order_release);
	}
	return NULL;
}

void log_ring_next(struct log *log, const struct log_record *record)
{
	uint64_t tail = atomic_load_explicit(&log->tail, memory_order_relaxed);

	atomic_store_explicit(&log->tail, tail + record->bytes, memory_order_release);
}

uint64_t log_ring_head(const struct log *log)
{
	return atomic_load(&log->head); /* seq_cst: see log.c's ring() */
}

uint64_t log_ring_take_dropped(struct log *log)
{
	return atomic_exchange_explicit(&log->dropped, 0, memory_order_relaxed);
}
