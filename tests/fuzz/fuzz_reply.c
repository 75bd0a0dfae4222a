/* Replies: whole and split input give the same ones, all of them safe to log; and what the first
 * one offers is the same in a small buffer as in a large one. */
#include "engine/wire/capabilities.h"
#include "engine/wire/reply.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX 4096

static char accounts[2][16 * FUZZ_MAX];

static void put_reply(struct text *account, const struct reply *reply)
{
	struct capabilities capabilities;

	check(reply->code >= 200 && reply->code < 600);
	for (size_t i = 0; i < reply->whole.bytes; i++)
		check(reply->whole.data[i] != '\r' && reply->whole.data[i] != '\0');
	text_format(account, "%d %u.%u.%u %u %zu ", reply->code, reply->enhanced.class,
	        reply->enhanced.subject, reply->enhanced.detail, reply->lines,
	        reply->dropped_bytes);
	text_put(account, reply->whole);
	reply_put_text(account, reply);
	capabilities_parse(reply->whole, &capabilities);
}

static void read_all(struct view input, size_t room, unsigned seed, struct text *account)
{
	char buffer[256];
	struct reply_reader reader;
	struct reply reply;
	enum reply_news news = REPLY_MORE;

	reply_init(&reader, (struct span){ buffer, room });
	while (input.bytes > 0 && news != REPLY_BAD) {
		struct view part =
		        view_first(input, seed == 0 ? input.bytes : fuzz_step(input, seed));
		size_t bytes = part.bytes;
		news = reply_read(&reader, &part, &reply);
		input = view_skip(input, bytes - part.bytes);
		if (news == REPLY_READY)
			put_reply(account, &reply);
	}
	text_put(account, news == REPLY_BAD ? VIEW("bad") : VIEW("more"));
	text_format(account, "%zu", input.bytes);
}

static bool read_offers(struct view input, size_t room, struct capabilities *offers)
{
	static char buffer[2 * FUZZ_MAX];
	struct reply_reader reader;
	struct reply reply;

	reply_init(&reader, (struct span){ buffer, room });
	reply_want_offers(&reader, offers);
	return reply_read(&reader, &input, &reply) == REPLY_READY;
}

/* In lines that are no longer than they may be. */
static bool lines_are_short(struct view input)
{
	while (input.bytes > 0) {
		const size_t bytes = view_find(input, '\n');
		if (bytes >= REPLY_OFFER_MAX)
			return false;
		input = view_skip(input, bytes < input.bytes ? bytes + 1 : bytes);
	}
	return true;
}

static void check_offers(struct view input)
{
	struct capabilities small;
	struct capabilities large;

	const bool ready = read_offers(input, 2 * REPLY_OFFER_MAX, &small);
	check(read_offers(input, (size_t)2 * FUZZ_MAX, &large) == ready);
	if (!ready || !lines_are_short(input))
		return;
#define X(field, keyword) check(small.field == large.field);
	CAPABILITIES_FLAGS(X)
#undef X
	check(small.size_max == large.size_max);
	check(small.mechanisms == large.mechanisms);
	check(small.mail_max == large.mail_max && small.rcpt_max == large.rcpt_max);
	check(small.domain_max == large.domain_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	unsigned seed = fuzz_choice(&input) + 1;
	size_t room = fuzz_choice(&input);
	struct text whole = TEXT_ON(accounts[0]);
	struct text split = TEXT_ON(accounts[1]);

	read_all(input, room, 0, &whole);
	read_all(input, room, seed, &split);
	check(view_equal(text_view(&whole), text_view(&split)));
	check_offers(input);
	return 0;
}
