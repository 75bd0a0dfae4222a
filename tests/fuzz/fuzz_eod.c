/* The end of data: whole and split input give the same body, which holds no bare CR or LF; and
 * what was read, stuffed and read again is the same. */
#include "engine/wire/eod.h"
#include "engine/wire/stuff.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX 4096

static char bodies[3][4 * FUZZ_MAX];

static bool read_all(
        struct eod *eod, struct view input, unsigned seed, struct text *body, size_t *used)
{
	size_t all = input.bytes;
	struct view piece;

	while (input.bytes > 0) {
		struct view part =
		        view_first(input, seed == 0 ? input.bytes : fuzz_step(input, seed));
		size_t bytes = part.bytes;
		enum eod_news news = eod_read(eod, &part, &piece);
		input = view_skip(input, bytes - part.bytes);
		*used = all - input.bytes;
		if (news == EOD_END)
			return true;
		if (news == EOD_PIECE)
			text_put(body, piece);
	}
	return false;
}

static void check_line_ends(struct view body)
{
	for (size_t i = 0; i < body.bytes; i++) {
		if (body.data[i] == '\n')
			check(i > 0 && body.data[i - 1] == '\r');
		if (body.data[i] == '\r')
			check(i + 1 == body.bytes || body.data[i + 1] == '\n');
	}
}

static void check_return(struct view body, struct text *sent, struct text *back)
{
	struct stuff stuff;
	struct eod eod;
	struct view piece;
	struct view input = body;
	size_t used = 0;

	stuff_init(&stuff);
	while (stuff_read(&stuff, &input, &piece))
		text_put(sent, piece);
	for (bool more = true; more;) {
		more = stuff_finish(&stuff, &piece);
		text_put(sent, piece);
	}
	eod_init(&eod, ENDINGS_REFUSE);
	check(read_all(&eod, text_view(sent), 0, back, &used));
	check(used == sent->bytes);
	check(!eod_is_refused(&eod));
	check(view_equal(text_view(back), body));
	/* To who drops NULs it ends there too. */
	size_t kept = 0;
	for (size_t i = 0; i < sent->bytes; i++)
		if (sent->data[i] != '\0')
			sent->data[kept++] = sent->data[i];
	back->bytes = 0;
	eod_init(&eod, ENDINGS_REFUSE);
	check(read_all(&eod, view_from(sent->data, kept), 0, back, &used));
	check(used == kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	unsigned seed = fuzz_choice(&input) + 1;
	enum endings_mode mode = fuzz_choice(&input) % 2 == 0 ? ENDINGS_REFUSE : ENDINGS_REPAIR;
	struct text whole = TEXT_ON(bodies[0]);
	struct text split = TEXT_ON(bodies[1]);
	struct eod eod_whole;
	struct eod eod_split;
	size_t used_whole = 0;
	size_t used_split = 0;

	eod_init(&eod_whole, mode);
	eod_init(&eod_split, mode);
	bool ended = read_all(&eod_whole, input, 0, &whole, &used_whole);
	check(read_all(&eod_split, input, seed, &split, &used_split) == ended);
	check(used_whole == used_split);
	check(eod_is_refused(&eod_whole) == eod_is_refused(&eod_split));
	if (eod_is_refused(&eod_whole))
		return 0;
	check(view_equal(text_view(&whole), text_view(&split)));
	check_line_ends(text_view(&whole));
	if (ended) {
		struct text back = TEXT_ON(bodies[2]);
		split.bytes = 0;
		check_return(text_view(&whole), &split, &back);
	}
	return 0;
}
