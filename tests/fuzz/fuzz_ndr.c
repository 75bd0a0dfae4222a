/* Reports: whole and split input say the same, what they say is safe, and nothing runs over. */
#include "engine/wire/ndr_reader.h"
#include "queue/base/check.h"
#include "tests/fuzz/fuzz.h"

static void read_all(struct view input, unsigned seed, struct ndr *ndr)
{
	static struct ndr_reader reader;

	ndr_reader_init(&reader, ndr);
	while (input.bytes > 0) {
		const struct view piece =
		        view_first(input, seed == 0 ? input.bytes : fuzz_step(input, seed));
		ndr_reader_feed(&reader, piece);
		input = view_skip(input, piece.bytes);
	}
	ndr_reader_finish(&reader);
}

static void check_safe(const char *text, size_t size)
{
	check(strlen(text) < size);
	for (const char *at = text; *at != '\0'; at++)
		check((unsigned char)*at >= ' ' && *at != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct ndr whole;
	static struct ndr split;
	const struct view input = view_from(data, bytes);
	const unsigned seed = (unsigned)(bytes % 251) + 1; /* the seeds are whole reports */

	read_all(input, 0, &whole);
	read_all(input, seed, &split);
	check(memcmp(&whole, &split, sizeof whole) == 0);
	check(whole.id_count <= NDR_IDS_MAX);
	check(whole.recipient_count <= NDR_RECIPIENTS_MAX);
	for (size_t i = 0; i < whole.id_count; i++)
		check_safe(whole.ids[i], sizeof whole.ids[i]);
	for (size_t i = 0; i < whole.recipient_count; i++) {
		const struct ndr_recipient *recipient = &whole.recipients[i];
		check_safe(recipient->address, sizeof recipient->address);
		check_safe(recipient->original, sizeof recipient->original);
		check_safe(recipient->remote, sizeof recipient->remote);
		check_safe(recipient->reply, sizeof recipient->reply);
		check(recipient->reply[0] == '\0' || strlen(recipient->reply) >= 3);
	}
	return 0;
}
