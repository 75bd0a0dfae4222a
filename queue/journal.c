#include "queue/journal.h"

#include "queue/base/check.h"
#include "queue/base/milestone.h"
#include "queue/store_room.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_NAME "journal"
#define ZEROS_BYTES  (64 << 10) /* written at once */

struct err journal_open(struct journal *journal, int folder_fd, uint64_t bytes_max)
{
	struct stat file;

	check(bytes_max % JOURNAL_STEP_BYTES == 0);
	*journal = (struct journal){ .bytes_max = bytes_max, .sync_fd = -1, .direct_fd = -1 };
	journal->fd = openat(folder_fd, JOURNAL_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (journal->fd < 0)
		return err_make(ERR_SYSTEM, errno);
	if (fstat(journal->fd, &file) != 0)
		return err_make(ERR_SYSTEM, errno);
	journal->sync_fd = openat(folder_fd, JOURNAL_NAME, O_WRONLY | O_CLOEXEC | O_DSYNC);
	if (journal->sync_fd < 0)
		return err_make(ERR_SYSTEM, errno);
	journal->direct_fd =
	        openat(folder_fd, JOURNAL_NAME, O_WRONLY | O_CLOEXEC | O_DSYNC | O_DIRECT);
	journal->file_bytes = (uint64_t)file.st_size / JOURNAL_PAGE_BYTES * JOURNAL_PAGE_BYTES;
	return err_ok();
}

void journal_close(struct journal *journal)
{
	int *const fds[] = { &journal->fd, &journal->sync_fd, &journal->direct_fd };

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

void journal_restart(struct journal *journal, uint64_t number, const char salt[JOURNAL_SALT_BYTES])
{
	journal->at = 0;
	journal->number = number;
	journal->first = number;
	journal->end = 0;
	memcpy(journal->salt, salt, sizeof journal->salt);
}

void journal_rewind(struct journal *journal)
{
	journal->at = 0;
	journal->number = journal->first;
}

/* All of it, or errno. */
static int write_all(int fd, struct view bytes, uint64_t at)
{
	while (bytes.bytes > 0) {
		const ssize_t written = pwrite(fd, bytes.data, bytes.bytes, (off_t)at);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written == 0 ? EIO : errno;
		bytes = view_skip(bytes, (size_t)written);
		at += (uint64_t)written;
	}
	return 0;
}

static int read_all(int fd, struct span room, uint64_t at)
{
	while (room.bytes > 0) {
		const ssize_t got = pread(fd, room.data, room.bytes, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? EIO : errno;
		room = (struct span){ room.data + got, room.bytes - (size_t)got };
		at += (uint64_t)got;
	}
	return 0;
}

/* Zeros up to `end` and on to a whole step. Blocks that they have are the groups' later on. */
static struct err journal_grow(struct journal *journal, uint64_t end)
{
	static const char zeros[ZEROS_BYTES];
	const uint64_t grown =
	        (end + JOURNAL_STEP_BYTES - 1) / JOURNAL_STEP_BYTES * JOURNAL_STEP_BYTES;

	while (journal->file_bytes < grown) {
		const struct view piece =
		        view_first(view_from(zeros, sizeof zeros), grown - journal->file_bytes);
		const int error = write_all(journal->fd, piece, journal->file_bytes);
		if (error != 0)
			return err_make(
			        store_room_ran_out(error) ? ERR_NO_SPACE : ERR_BROKEN, error);
		journal->file_bytes += piece.bytes;
	}
	/* So that the groups find blocks, and nothing but their own to write. */
	return fdatasync(journal->fd) == 0 ? err_ok() : err_make(ERR_BROKEN, errno);
}

/* A file system may open a file so, and refuse to write it so, or ask for more than whole pages. */
static int journal_write(struct journal *journal, struct view pages)
{
	if (journal->direct_fd >= 0) {
		const int error = write_all(journal->direct_fd, pages, journal->at);
		if (error != EINVAL)
			return error;
		close(journal->direct_fd);
		journal->direct_fd = -1;
	}
	return write_all(journal->sync_fd, pages, journal->at);
}

struct err journal_append(struct journal *journal, struct journal_group *group)
{
	const struct view pages = journal_group_seal(group, journal->number, journal->salt);
	const uint64_t end = journal->at + pages.bytes;

	if (end > journal->bytes_max)
		return err_make(ERR_LIMIT, 0);
	if (end > journal->file_bytes) {
		const struct err err = journal_grow(journal, end);
		if (failed(err))
			return err;
	}
	/* What is written of a group is none before it is whole. */
	milestone_reached(MILESTONE_JOURNAL_WRITING);
	const int error = journal_write(journal, pages);
	milestone_reached(MILESTONE_JOURNAL_WRITTEN);
	if (error != 0)
		return err_make(store_room_ran_out(error) ? ERR_NO_SPACE : ERR_BROKEN, error);
	journal->at = end;
	journal->number++;
	journal->end = journal->number;
	return err_ok();
}

/* A group's head at this place. ERR_NOT_FOUND: there is none of this time. */
static struct err journal_read_head(
        const struct journal *journal, uint64_t at, struct journal_head *head)
{
	char page[JOURNAL_HEAD_BYTES];

	if (at + JOURNAL_PAGE_BYTES > journal->file_bytes)
		return err_make(ERR_NOT_FOUND, 0);
	const int error = read_all(journal->fd, (struct span){ page, sizeof page }, at);
	if (error != 0)
		return err_make(ERR_BROKEN, error);
	const bool ours = journal_head_read(view_from(page, sizeof page), head) &&
	                  memcmp(head->salt, journal->salt, sizeof head->salt) == 0;
	return ours ? err_ok() : err_make(ERR_NOT_FOUND, 0);
}

/* Groups are written one after the other, so behind one that a crash cut short there is none. One
 * that was there a moment ago is no such group. */
static struct err journal_end(struct journal *journal)
{
	struct journal_head head;

	if (journal->end != 0)
		return err_make(ERR_BROKEN, 0);
	for (uint64_t at = journal->at; at < journal->file_bytes; at += JOURNAL_PAGE_BYTES) {
		const struct err err = journal_read_head(journal, at, &head);
		if (failed(err) && err.code != ERR_NOT_FOUND)
			return err;
		if (!failed(err) && head.number > journal->number)
			return err_make(ERR_FORMAT, 0);
	}
	journal->end = journal->number;
	return err_make(ERR_NOT_FOUND, 0);
}

struct err journal_read(struct journal *journal, struct span room, struct view *changes)
{
	struct journal_head head = { 0 };

	if (journal->number == journal->end)
		return err_make(ERR_NOT_FOUND, 0);
	const struct err err = journal_read_head(journal, journal->at, &head);
	if (failed(err) && err.code != ERR_NOT_FOUND)
		return err;
	if (failed(err) || head.number != journal->number)
		return journal_end(journal);
	/* The file grows before a group is written, and a head comes to the disk as a whole. */
	if (head.bytes > journal->file_bytes - journal->at || head.bytes > room.bytes)
		return err_make(ERR_FORMAT, 0);
	const int error =
	        read_all(journal->fd, (struct span){ room.data, head.bytes }, journal->at);
	if (error != 0)
		return err_make(ERR_BROKEN, error);
	const struct view group = view_from(room.data, head.bytes);
	if (!journal_head_holds(group))
		return journal_end(journal);
	*changes = view_skip(group, JOURNAL_HEAD_BYTES);
	journal->at += journal_whole_pages(head.bytes);
	journal->number++;
	return err_ok();
}
