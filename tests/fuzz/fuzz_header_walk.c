/* Header fields: whole and split input give the same ones, and patterns end. */
#include "engine/wire/header_walk.h"
#include "queue/base/glob.h"
#include "tests/fuzz/fuzz.h"

struct sum {
	uint64_t fields;
	uint64_t bytes;
	uint64_t hash;
	uint64_t matches;
	bool over;
};

static void sum_add(struct sum *sum, struct view name, struct view value)
{
	check(name.bytes > 0);
	check(name.bytes <= HEADER_WALK_NAME_MAX);
	check(value.bytes <= HEADER_WALK_VALUE_MAX);
	fuzz_check_safe(name);
	sum->fields++;
	sum->bytes += name.bytes + value.bytes;
	for (size_t i = 0; i < value.bytes; i++)
		sum->hash = sum->hash * 31 + (unsigned char)value.data[i];
	sum->matches += glob_matches(name, value);
	check(glob_matches(VIEW("*"), value));
}

static struct sum sum_of(struct view input, unsigned seed)
{
	struct header_walk walk;
	struct view name;
	struct view value;
	struct sum sum = { 0 };
	enum header_walk_news news = HEADER_WALK_MORE;

	header_walk_init(&walk);
	while (input.bytes > 0 && news != HEADER_WALK_OVER) {
		struct view piece =
		        view_first(input, seed == 0 ? input.bytes : fuzz_step(input, seed));
		input = view_skip(input, piece.bytes);
		while ((news = header_walk_next(&walk, &piece, &name, &value)) == HEADER_WALK_FIELD)
			sum_add(&sum, name, value);
	}
	sum.over = news == HEADER_WALK_OVER;
	if (header_walk_finish(&walk, &name, &value))
		sum_add(&sum, name, value);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes);
	const unsigned seed = fuzz_choice(&input) + 1;
	const struct sum whole = sum_of(input, 0);
	const struct sum split = sum_of(input, seed);

	check(whole.fields == split.fields);
	check(whole.bytes == split.bytes);
	check(whole.hash == split.hash);
	check(whole.matches == split.matches);
	check(whole.over == split.over);
	return 0;
}
