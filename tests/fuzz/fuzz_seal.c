/* Seals and groups of the journal: what was written is read, and nothing that differs from it by a
 * byte; any other bytes are no row and no group, or one that would be written the same. */
#include "queue/journal_group.h"
#include "queue/seal.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX    4096
#define GROUP_BYTES ((size_t)4 * JOURNAL_PAGE_BYTES)

static const char salt[JOURNAL_SALT_BYTES] = "salt of a group";
static char memory[2][SEAL_HEAD_BYTES + 2 * FUZZ_MAX];

static size_t write_row(char *room, const struct seal *row, struct seal_secret secret)
{
	const size_t bytes = seal_bytes(row->key.bytes, row->value.bytes);
	const struct span span = { room, bytes };
	const struct span value = seal_begin(span, row->table, row->key, row->serial);

	check(value.bytes == row->value.bytes);
	memcpy(value.data, row->value.data, value.bytes);
	seal_end(span, row->key.bytes, secret);
	return bytes;
}

static void seal_row(struct view input)
{
	const struct seal_secret secret = { 0x5ea1 + fuzz_choice(&input) };
	const unsigned at = fuzz_choice(&input) * 16 + fuzz_choice(&input);
	const unsigned flip = fuzz_choice(&input);
	struct seal row = { .table = (uint8_t)fuzz_choice(&input), .serial = at };
	struct seal read;

	row.key = view_first(input, fuzz_choice(&input) * 2 % (SEAL_KEY_MAX + 1));
	row.value = view_skip(input, row.key.bytes);
	const size_t bytes = write_row(memory[0], &row, secret);
	const struct view whole = view_from(memory[0], bytes);
	check(seal_find(whole) == 0);
	check(seal_read(whole, secret, &read));
	check(read.table == row.table && read.serial == row.serial);
	check(view_equal(read.key, row.key) && view_equal(read.value, row.value));
	check(!seal_read(view_first(whole, bytes - 1), secret, &read));
	check(!seal_read(whole, (struct seal_secret){ secret.number + 1 }, &read));
	if (flip == 0)
		return;
	memory[0][at % bytes] = (char)(memory[0][at % bytes] ^ (char)flip);
	check(!seal_read(whole, secret, &read));
}

static void read_rows(struct view input)
{
	const struct seal_secret secret = { 0 };
	struct seal read;

	for (;;) {
		const size_t place = seal_find(input);
		if (place == input.bytes)
			return;
		input = view_skip(input, place);
		if (seal_read(input, secret, &read)) {
			const size_t bytes = write_row(memory[1], &read, secret);
			check(view_equal(view_first(input, bytes), view_from(memory[1], bytes)));
		}
		input = view_skip(input, 1);
	}
}

static void check_changes(struct view rest, const struct journal_group *group)
{
	struct view written =
	        view_from(group->room.data + JOURNAL_HEAD_BYTES, group->bytes - JOURNAL_HEAD_BYTES);
	struct journal_change change;
	struct journal_change again;

	while (written.bytes > 0) {
		check(journal_change_next(&rest, &change));
		check(journal_change_next(&written, &again));
		check(change.act == again.act && change.table == again.table);
		check(view_equal(change.key, again.key) && view_equal(change.value, again.value));
	}
}

static void write_group(struct view input)
{
	static struct journal_group group;
	const unsigned at = fuzz_choice(&input) * 16 + fuzz_choice(&input);
	const unsigned flip = fuzz_choice(&input);
	const struct view all = input;
	struct journal_change change;
	struct journal_head head;

	if (group.room.data == NULL)
		check(!failed(journal_group_init(&group, GROUP_BYTES)));
	journal_group_clear(&group);
	while (journal_change_next(&input, &change))
		journal_group_add(&group, &change);
	if (group.large)
		return;
	const struct view pages = journal_group_seal(&group, at, salt);
	check(pages.bytes == journal_whole_pages(group.bytes));
	check(journal_head_read(pages, &head));
	check(head.number == at && head.bytes == group.bytes);
	check(memcmp(head.salt, salt, sizeof salt) == 0);
	const struct view whole = view_first(pages, group.bytes);
	check(journal_head_holds(whole));
	check_changes(all, &group);
	/* The end of the head is not in use. */
	const size_t place = at % group.bytes;
	if (flip == 0 || (place >= JOURNAL_HEAD_BYTES - 8 && place < JOURNAL_HEAD_BYTES))
		return;
	group.room.data[place] = (char)(group.room.data[place] ^ (char)flip);
	check(!journal_head_holds(whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from((const char *)data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	struct journal_head head;

	if (journal_head_read(input, &head))
		check(head.bytes >= JOURNAL_HEAD_BYTES);
	switch (fuzz_choice(&input) % 3) {
	case 0:
		seal_row(input);
		break;
	case 1:
		read_rows(input);
		break;
	default:
		write_group(input);
		break;
	}
	return 0;
}
