#include "bench/mock_meter.h"

void mock_meter_init(struct mock_meter *meter, uint64_t limit, int64_t length_ns)
{
	*meter = (struct mock_meter){ .limit = limit, .limit_first = limit };
	mock_window_init(&meter->tried, length_ns);
	mock_window_init(&meter->taken, length_ns);
}

void mock_meter_finish(struct mock_meter *meter)
{
	mock_window_finish(&meter->tried);
	mock_window_finish(&meter->taken);
}

void mock_meter_try(struct mock_meter *meter, struct mono now, uint64_t count)
{
	mock_window_add(&meter->tried, now, count);
	const uint64_t tried = meter->tried.count;

	if (tried > meter->limit)
		meter->over += tried - meter->limit < count ? tried - meter->limit : count;
}

bool mock_meter_fits(struct mock_meter *meter, struct mono now, uint64_t count)
{
	const uint64_t taken = mock_window_count(&meter->taken, now);

	return meter->limit == MOCK_WINDOW_UNLIMITED ||
	       (count <= meter->limit && taken <= meter->limit - count);
}

void mock_meter_take(struct mock_meter *meter, struct mono now, uint64_t count)
{
	mock_window_add(&meter->taken, now, count);
}
