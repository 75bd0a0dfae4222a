/* Conversion: whole and split input give the same answer and the same message; what was converted
 * is 7-bit, and needs no conversion. */
#include "engine/wire/mime_convert.h"
#include "queue/base/utf8.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX 8192

static char results[2][8 * FUZZ_MAX];
static struct mime_convert convert;

static struct view next_part(struct view *input, unsigned seed)
{
	struct view part = view_first(*input, seed == 0 ? input->bytes : fuzz_step(*input, seed));

	*input = view_skip(*input, part.bytes);
	return part;
}

static enum mime_answer judge(struct view input, unsigned seed)
{
	mime_convert_init(&convert);
	while (input.bytes > 0)
		mime_convert_scan(&convert, next_part(&input, seed));
	return mime_convert_judge(&convert);
}

static void write_all(struct view input, unsigned seed, struct text *result)
{
	char memory[MIME_OUTPUT_MIN + 100];
	struct text output = TEXT_ON(memory);

	while (input.bytes > 0) {
		struct view part = next_part(&input, seed);
		while (!mime_convert_write(&convert, &part, &output)) {
			text_put(result, text_view(&output));
			output.bytes = 0;
		}
		check(part.bytes == 0);
	}
	text_put(result, text_view(&output));
	output.bytes = 0;
	mime_convert_finish(&convert, &output);
	text_put(result, text_view(&output));
	check(!output.overflow);
	check(!result->overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	unsigned seed = fuzz_choice(&input) + 1;
	struct text whole = TEXT_ON(results[0]);
	struct text split = TEXT_ON(results[1]);
	enum mime_answer answer = judge(input, 0);

	check((answer == MIME_UNNEEDED) == utf8_is_ascii(input));
	if (answer == MIME_CAN)
		write_all(input, 0, &whole);
	check(judge(input, seed) == answer);
	if (answer != MIME_CAN)
		return 0;
	write_all(input, seed, &split);
	check(view_equal(text_view(&whole), text_view(&split)));
	check(utf8_is_ascii(text_view(&whole)));
	check(judge(text_view(&whole), 0) == MIME_UNNEEDED);
	return 0;
}
