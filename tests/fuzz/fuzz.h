/*
 * What the fuzz targets share: input as a view, its first bytes as choices.
 *
 * Thread:  the fuzzer's.
 */
#ifndef SLUICE_TESTS_FUZZ_H
#define SLUICE_TESTS_FUZZ_H

#include "queue/base/bytes.h"
#include "queue/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Takes a byte off the input: a choice the fuzzer makes; 0 where there is none. */
static inline unsigned fuzz_choice(struct view *input)
{
	if (input->bytes == 0)
		return 0;
	unsigned choice = (unsigned char)input->data[0];
	*input = view_skip(*input, 1);
	return choice;
}

/* How much of the input is fed next: a length drawn from its own bytes, at least 1. */
static inline size_t fuzz_step(struct view input, unsigned seed)
{
	size_t step = 1 + (seed * 31u + (unsigned char)input.data[0]) % 7;

	return step < input.bytes ? step : input.bytes;
}

static inline void fuzz_check_safe(struct view view)
{
	for (size_t i = 0; i < view.bytes; i++) {
		unsigned char c = (unsigned char)view.data[i];
		check(c >= ' ' && c != 0x7f);
	}
}

#endif
