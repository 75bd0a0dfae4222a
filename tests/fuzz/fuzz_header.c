/* Headers: whole and split input give the same findings. */
#include "engine/wire/header.h"
#include "tests/fuzz/fuzz.h"

static void check_same(const struct header *a, const struct header *b)
{
	check(a->received_count == b->received_count);
	check(a->fields == b->fields);
	check(a->has_message_id == b->has_message_id);
	check(a->has_date == b->has_date);
	check(a->date_gap == b->date_gap);
	check(a->message_id_gap == b->message_id_gap);
	check(a->has_from == b->has_from);
	check(a->has_mime_version == b->has_mime_version);
	check(a->ended == b->ended);
	check(a->blank_missed == b->blank_missed);
	check(a->header_8bit == b->header_8bit);
	check(a->body_8bit == b->body_8bit);
	check(a->has_nul == b->has_nul);
	check(a->type == b->type);
	check(a->encoding == b->encoding);
	check(a->longest_line == b->longest_line);
	check(view_equal(view_from(a->message_id, a->message_id_bytes),
	        view_from(b->message_id, b->message_id_bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes);
	unsigned seed = fuzz_choice(&input) + 1;
	struct header whole;
	struct header split;

	header_init(&whole);
	header_feed(&whole, input);
	header_finish(&whole);
	header_init(&split);
	while (input.bytes > 0) {
		struct view part = view_first(input, fuzz_step(input, seed));
		header_feed(&split, part);
		input = view_skip(input, part.bytes);
	}
	header_finish(&split);
	check_same(&whole, &split);
	fuzz_check_safe(view_from(whole.message_id, whole.message_id_bytes));
	return 0;
}
