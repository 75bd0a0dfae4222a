/* From: whole and split input keep the same bytes, nothing but From and Sender is lost, and what is
 * written are header lines. */
#include "engine/wire/byline.h"
#include "engine/wire/header.h"
#include "queue/address.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 65536

struct result {
	struct text kept;
	struct text lines;
	struct byline_place place;
	bool kept_from;
};

static char kept_rooms[2][ROOM];
static char lines_rooms[2][BYLINE_BYTES_MAX];

static enum byline_rule rule_of(unsigned choice)
{
	if ((choice & 1) == 0)
		return BYLINE_REPAIR;
	return (choice & 8) != 0 ? BYLINE_OPEN : BYLINE_REPLACE;
}

static struct result run(size_t index, struct view input, unsigned seed, unsigned choice)
{
	struct result result = {
		.kept = text_on(kept_rooms[index], ROOM),
		.lines = text_on(lines_rooms[index], BYLINE_BYTES_MAX),
	};
	const size_t bytes = input.bytes;
	struct byline byline;
	struct view kept;

	byline_init(&byline, rule_of(choice), VIEW("n@c.test"), (choice & 2) != 0);
	while (input.bytes > 0) {
		struct view piece =
		        view_first(input, seed == 0 ? input.bytes : fuzz_step(input, seed));
		input = view_skip(input, piece.bytes);
		while (byline_read(&byline, &piece, &kept))
			text_put(&result.kept, kept);
	}
	if (byline_finish(&byline, &kept))
		text_put(&result.kept, kept);
	result.place =
	        byline_put(&byline, (choice & 4) != 0 ? VIEW("s@b.test") : VIEW(""), &result.lines);
	result.kept_from = byline.kept;
	check(result.kept.bytes <= bytes);
	check(!result.lines.overflow);
	return result;
}

static void check_lines(struct view lines, bool utf8)
{
	while (lines.bytes > 0) {
		const size_t end = view_find(lines, '\r');
		check(end > 0);
		check(end <= 998);
		check(end + 1 < lines.bytes);
		check(lines.data[end + 1] == '\n');
		fuzz_check_safe(view_first(lines, end));
		for (size_t i = 0; i < end; i++)
			check(utf8 || (unsigned char)lines.data[i] < 0x80);
		lines = view_skip(lines, end + 2);
	}
}

/* An address that may go, in brackets; a longer one in its place leaves the line legal. */
static void check_place(struct view lines, struct byline_place place, bool utf8)
{
	struct address address;
	size_t begin = place.offset;

	check(place.offset + place.bytes < lines.bytes);
	const struct view stands = view_from(lines.data + place.offset, place.bytes);
	check(address_parse(stands, utf8, &address) == ADDRESS_OK);
	check(lines.data[place.offset - 1] == '<');
	check(memcmp(lines.data + place.offset + place.bytes, ">\r\n", 3) == 0);
	while (begin > 0 && lines.data[begin - 1] != '\n')
		begin--;
	check(place.offset - begin + ADDRESS_BYTES_MAX + 1 <= 998);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes);
	const unsigned seed = fuzz_choice(&input) + 1;
	const unsigned choice = fuzz_choice(&input);
	struct header header;

	if (input.bytes > ROOM)
		return 0;
	const struct result whole = run(0, input, 0, choice);
	const struct result split = run(1, input, seed, choice);
	check(view_equal(text_view(&whole.kept), text_view(&split.kept)));
	check(view_equal(text_view(&whole.lines), text_view(&split.lines)));
	check_lines(text_view(&whole.lines), (choice & 2) != 0);
	if (rule_of(choice) == BYLINE_OPEN)
		check_place(text_view(&whole.lines), whole.place, (choice & 2) != 0);
	else
		check(whole.place.bytes == 0);
	/* There is a From: one that was kept, or ours. */
	header_init(&header);
	header_feed(&header, text_view(&whole.lines));
	header_finish(&header);
	check(header.has_from != whole.kept_from);
	check(header.blank_missed == false);
	header_init(&header);
	header_feed(&header, text_view(&whole.kept));
	header_finish(&header);
	check((choice & 1) == 0 || header.has_from == whole.kept_from);
	return 0;
}
