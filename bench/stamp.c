#include "bench/stamp.h"

#include <assert.h>

static_assert(sizeof STAMP_ZERO - 1 == STAMP_DIGITS, "the stamp's place in a template");

void stamp_digits(char *at, uint64_t number, unsigned digits)
{
	while (digits-- > 0) {
		at[digits] = (char)('0' + number % 10);
		number /= 10;
	}
}

bool stamp_read(struct view message_id, struct mono *sent)
{
	const size_t behind = STAMP_DIGITS + sizeof STAMP_END - 1;
	uint64_t ns;

	if (message_id.bytes <= behind ||
	        !view_equal(view_skip(message_id, message_id.bytes - sizeof STAMP_END + 1),
	                VIEW(STAMP_END)))
		return false;
	const struct view rest = view_skip(message_id, message_id.bytes - behind);
	if (rest.data[-1] != '.' || !view_to_u64(view_first(rest, STAMP_DIGITS), &ns) ||
	        ns > INT64_MAX)
		return false;
	sent->ns = (int64_t)ns;
	return true;
}
