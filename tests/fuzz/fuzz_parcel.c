/* Parcels that somebody else wrote: each is refused with a reason, or read, and what is read and
 * written is read the same again. */
#include "engine/ops/parcel.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FUZZ_MAX    8192
#define FUZZ_MEMORY ((size_t)4 << 20)
#define BODY        "From: a@b.test\r\n\r\nHi\r\n"

static struct depot *depot;
static struct shelf shelf;
static char path[] = "sluice-parcel-XXXXXX"; /* below the working folder */
static int folder_fd = -1;

static void write_file(const char *name, struct view text)
{
	const int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	check(fd >= 0);
	check(write(fd, text.data, text.bytes) == (ssize_t)text.bytes);
	close(fd);
}

static void tidy_up(void)
{
	(void)unlinkat(folder_fd, "9.json", 0);
	(void)unlinkat(folder_fd, "9.eml", 0);
	(void)rmdir(path);
}

static void set_up(void)
{
	if (depot != NULL)
		return;
	check(!failed(depot_create(&depot, FUZZ_MEMORY)));
	shelf_init(&shelf, depot);
	check(mkdtemp(path) != NULL);
	folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(folder_fd >= 0);
	atexit(tidy_up);
	write_file("9.eml", VIEW(BODY));
}

/* NULL: refused. */
static json_t *read_and_write(void)
{
	char room[512];
	struct text why = TEXT_ON(room);
	struct parcel parcel;
	const struct err err = parcel_read(&parcel, folder_fd, "9.json", &shelf, &why);

	check(!failed(err) || err.code == ERR_FORMAT || err.code == ERR_NO_MEMORY);
	check(failed(err) == (why.bytes > 0));
	fuzz_check_safe(text_view(&why));
	if (failed(err))
		return NULL;
	message_name(parcel.message, parcel.id, parcel.received);
	message_seal(parcel.message);
	const struct message_place author = message_author(parcel.message);
	check(author.offset + (uint64_t)author.bytes <= parcel.message->body_bytes);
	json_t *json = parcel_begin(parcel.message);
	check(json != NULL);
	for (size_t i = 0; i < parcel.job_count; i++) {
		struct job job = { 0 };
		const char *queue = NULL;
		why.bytes = 0;
		if (!failed(parcel_take_job(&parcel, i, &shelf, &job, &queue, &why)))
			check(parcel_add_job(json, &job, queue));
		else
			check(why.bytes > 0);
		job_clear(&job, &shelf);
	}
	parcel_close(&parcel, &shelf);
	return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	set_up();
	write_file("9.json", view_from((const char *)data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX));
	json_t *first = read_and_write();
	if (first != NULL) {
		char *text = json_dumps(first, JSON_COMPACT);
		check(text != NULL);
		write_file("9.json", view_of(text));
		free(text);
		json_t *second = read_and_write();
		check(json_equal(first, second));
		json_decref(second);
		json_decref(first);
	}
	shelf_finish(&shelf);
	check(depot_chunks_out(depot) == 0);
	shelf_init(&shelf, depot);
	return 0;
}
