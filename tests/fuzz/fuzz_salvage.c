/* Salvage of files whose rows are the fuzzer's, each under a seal that holds: what comes out is
 * whole, or it is said what is missing. */
#include "queue/row_key.h"
#include "queue/salvage.h"
#include "queue/store.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_MAX     8192
#define FUZZ_MEMORY  ((size_t)4 << 20)
#define DATA_MAX     ((size_t)64 << 10)
#define GROUP_BYTES  ((size_t)16 * JOURNAL_PAGE_BYTES)
#define PAGE_BYTES   4096
#define MESSAGES_MAX 256 /* ids have a byte */

static const char salt[JOURNAL_SALT_BYTES] = "salt of a group";
static const struct seal_secret secret = { 77 };

static struct depot *depot;
static struct shelf shelf;
static int data_fd = -1;
static int journal_fd = -1;
static char file[DATA_MAX];
static struct journal_group group;

static void set_up(void)
{
	if (depot != NULL)
		return;
	check(!failed(depot_create(&depot, FUZZ_MEMORY)));
	shelf_init(&shelf, depot);
	check(!failed(journal_group_init(&group, GROUP_BYTES)));
	data_fd = memfd_create("data", MFD_CLOEXEC);
	journal_fd = memfd_create("journal", MFD_CLOEXEC);
	check(data_fd >= 0);
	check(journal_fd >= 0);
}

static struct row_key make_key(unsigned kind, uint64_t id, unsigned number)
{
	switch (kind % 5) {
	case 0:
		return row_key_message(id);
	case 1:
		return row_key_part(id, (uint16_t)number);
	case 2:
		return row_key_body(id, number);
	case 3:
		return row_key_job(id, (uint16_t)number);
	default:
		return row_key_due((struct due_key){ (uint16_t)number, { 5 }, id, 0 });
	}
}

/* Of the input: where the row goes, its table, its key, and the value's length. */
static void write_row(struct view *input, size_t *used)
{
	const unsigned where = fuzz_choice(input);
	const uint8_t table = (uint8_t)(fuzz_choice(input) % TABLE_COUNT);
	const unsigned kind = fuzz_choice(input);
	const uint64_t id = fuzz_choice(input);
	const struct row_key key = make_key(kind, id, fuzz_choice(input));
	const unsigned high = fuzz_choice(input);
	const struct view value = view_first(*input, high * 256 + fuzz_choice(input));
	const size_t bytes = seal_bytes(key.bytes, value.bytes);
	struct journal_change change = { JOURNAL_PUT, table, row_key_view(&key), value };

	*input = view_skip(*input, value.bytes);
	if (where % 4 == 3) {
		change.act = where % 8 == 3 ? JOURNAL_DELETE : JOURNAL_DELETE_ALL;
		change.value = VIEW("");
		journal_group_add(&group, &change);
		return;
	}
	if (bytes > sizeof file - *used)
		return;
	const struct span room = { file + *used, bytes };
	const struct span place = seal_begin(room, table, row_key_view(&key), where / 4);
	memcpy(place.data, value.data, place.bytes);
	seal_end(room, key.bytes, secret);
	if (where % 4 == 2) {
		change.value = view_from(room.data, bytes);
		journal_group_add(&group, &change);
		memset(room.data, 0, bytes);
		return;
	}
	*used += where % 4 == 0 ? bytes : (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	if (*used > sizeof file)
		*used = sizeof file;
}

static void write_files(struct view input)
{
	size_t used = 0;

	memset(file, 0, sizeof file);
	journal_group_clear(&group);
	while (input.bytes > 0)
		write_row(&input, &used);
	check(ftruncate(data_fd, 0) == 0);
	check(pwrite(data_fd, file, used, 0) == (ssize_t)used);
	check(ftruncate(journal_fd, 0) == 0);
	if (group.large)
		return;
	const struct view pages = journal_group_seal(&group, 1, salt);
	check(pwrite(journal_fd, pages.data, pages.bytes, 0) == (ssize_t)pages.bytes);
}

static void load(const struct salvage *salvage, const struct salvage_found *found)
{
	static char room[512];
	struct text what = TEXT_ON(room);
	struct message *message = NULL;
	const struct err err = salvage_load(salvage, found, &shelf, &message, &what);

	check(!failed(err) || what.bytes > 0 || err.code != ERR_FORMAT);
	check(failed(err) == (message == NULL));
	if (message != NULL) {
		check(message->id == found->id);
		check(message->body.bytes == message->body_bytes);
	}
	for (size_t i = 0; i < found->job_count; i++) {
		struct job job = { 0 };
		if (!failed(salvage_load_job(salvage, found, i, &shelf, &job)))
			(void)salvage_route_name(salvage, job.route);
		job_clear(&job, &shelf);
	}
	message_release(message, &shelf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from((const char *)data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	const unsigned tables = fuzz_choice(&input);
	struct salvage *salvage = NULL;
	struct salvage_found found = { 0 };
	uint64_t last = 0;
	size_t count = 0;

	set_up();
	write_files(input);
	check(!failed(salvage_create(&salvage, data_fd, journal_fd)));
	salvage_set_secret(salvage, secret);
	if (tables % 2 == 1)
		salvage_expect_journal(salvage, salt);
	for (unsigned i = 0; i < tables / 2 % 4; i++)
		check(!failed(salvage_expect_job(salvage, i, 0)));
	if (tables / 8 % 2 == 1)
		salvage_expect_no_more(salvage);
	check(!failed(salvage_read(salvage)));
	check(salvage_unreadable_bytes(salvage) == 0);
	while (salvage_next(salvage, &found)) {
		check(count == 0 || found.id > last);
		last = found.id;
		check(++count <= MESSAGES_MAX);
		load(salvage, &found);
	}
	salvage_destroy(salvage);
	shelf_finish(&shelf);
	check(depot_chunks_out(depot) == 0);
	shelf_init(&shelf, depot);
	return 0;
}
