/* PROXY headers: whole and split input give the same; nothing behind a header is taken. */
#include "engine/wire/proxy.h"
#include "tests/fuzz/fuzz.h"

static enum proxy_news read_all(
        struct proxy *proxy, struct view input, unsigned seed, size_t *taken)
{
	const size_t all = input.bytes;
	enum proxy_news news = PROXY_MORE;

	proxy_init(proxy);
	while (input.bytes > 0 && news == PROXY_MORE) {
		struct view part =
		        view_first(input, seed == 0 ? input.bytes : fuzz_step(input, seed));
		const size_t bytes = part.bytes;
		news = proxy_read(proxy, &part);
		check(news != PROXY_MORE || part.bytes == 0);
		input = view_skip(input, bytes - part.bytes);
	}
	*taken = all - input.bytes;
	return news;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes);
	unsigned seed = fuzz_choice(&input) + 1;
	struct proxy whole;
	struct proxy split;
	size_t taken_whole;
	size_t taken_split;

	const enum proxy_news news = read_all(&whole, input, 0, &taken_whole);
	check(read_all(&split, input, seed, &taken_split) == news);
	check(taken_whole == taken_split);
	check(taken_whole <= PROXY_BYTES_MAX);
	check(whole.fault == split.fault);
	check((whole.fault != PROXY_FAULT_NONE) == (news == PROXY_BAD));
	check(whole.has_source == split.has_source);
	check(whole.port == split.port);
	check(memcmp(whole.source, split.source, sizeof whole.source) == 0);
	check(!whole.has_source || news == PROXY_DONE);
	if (news == PROXY_DONE)
		check(taken_whole == (size_t)PROXY_FIXED_BYTES + whole.length);
	return 0;
}
