#include "queue/window_record.h"

void window_record_put(struct record_writer *writer, const struct window *window, int64_t now_ns)
{
	uint32_t counted;
	size_t cursor = 0;
	int64_t at_ns;

	record_put_u64(writer, (uint64_t)window->slot_ns);
	record_put_u16(writer, window_filled_count(window));
	while (window_next(window, &cursor, &at_ns, &counted)) {
		const int64_t age = now_ns > at_ns ? (now_ns - at_ns) / window->slot_ns : 0;
		record_put_u16(writer, (uint16_t)age);
		record_put_u32(writer, counted);
	}
}

void window_record_get(struct record_reader *reader, struct window *window, int64_t then_ns)
{
	const uint64_t slot_ns = record_get_u64(reader);
	const uint16_t count = record_get_u16(reader);

	if (slot_ns > (uint64_t)(INT64_MAX / WINDOW_SLOTS / 4))
		reader->bad = true;
	for (uint16_t i = 0; i < count && !reader->bad; i++) {
		const uint16_t age = record_get_u16(reader);
		const uint32_t counted = record_get_u32(reader);
		if (age > WINDOW_SLOTS)
			reader->bad = true;
		if (!reader->bad)
			window_restore(window, then_ns - age * (int64_t)slot_ns, counted);
	}
}
