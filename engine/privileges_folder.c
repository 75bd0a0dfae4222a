#include "engine/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT 0

static struct err make(const struct privileges *who, const char *path, struct text *why);
static struct err give(
        const struct privileges *who, const char *path, int folder, struct text *why);
static bool is_spool_or_empty(DIR *entries);
static void give_entry(const struct privileges *who, int folder, const char *name);
static struct err refuse(struct text *why, const char *path, const char *what);

void privileges_find_owner(struct privileges *who, const char *folder)
{
	struct stat status;

	*who = (struct privileges){ .uid = geteuid(), .gid = getegid() };
	if (stat(folder, &status) != 0)
		return;
	*who = (struct privileges){
		.name = "who owns the folder",
		.uid = status.st_uid,
		.gid = status.st_gid,
		.groups = { status.st_gid },
		.group_count = 1,
		.root = geteuid() == ROOT && status.st_uid != ROOT,
	};
}

struct err privileges_give_folder(const struct privileges *who, const char *path, struct text *why)
{
	struct stat status;

	if (!who->root)
		return err_ok();
	const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 && errno == ENOENT)
		return make(who, path, why);
	if (folder < 0)
		return refuse(why, path, "can't open it");
	struct err err = err_ok();
	if (fstat(folder, &status) != 0)
		err = refuse(why, path, "can't look at it");
	else if (status.st_uid == ROOT)
		err = give(who, path, folder, why);
	(void)close(folder);
	return err;
}

static struct err make(const struct privileges *who, const char *path, struct text *why)
{
	struct err err = err_ok();

	if (mkdir(path, S_IRWXU) != 0)
		return refuse(why, path, "can't make it");
	/* Never a link's end: it is ours, and was made this moment. */
	const int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || fchown(folder, who->uid, who->gid) != 0)
		err = refuse(why, path, "can't give it to the user");
	if (folder >= 0)
		(void)close(folder);
	return err;
}

/* What lies in it first: stopped half-way, it is all begun again. */
static struct err give(const struct privileges *who, const char *path, int folder, struct text *why)
{
	struct err err = err_ok();
	const int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);

	if (entries == NULL)
		return refuse(why, path, "can't read it");
	if (!is_spool_or_empty(entries)) {
		text_format(why,
		        "%s is root's, and holds other things, and no spool: right is a folder "
		        "of its own, or `chown -R %s %s`",
		        path, who->name, path);
		err = err_make(ERR_SYSTEM, EPERM);
	}
	rewinddir(entries);
	for (const struct dirent *entry = readdir(entries); !failed(err) && entry != NULL;
	        entry = readdir(entries))
		give_entry(who, folder, entry->d_name);
	if (!failed(err) &&
	        (fchown(folder, who->uid, who->gid) != 0 || fchmod(folder, S_IRWXU) != 0))
		err = refuse(why, path, "can't give it to the user");
	(void)closedir(entries);
	return err;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A mistaken path, as /etc, must not be given away. What lies beside a spool is the relay's too,
 * such as tokens. */
static bool is_spool_or_empty(DIR *entries)
{
	bool empty = true;

	for (const struct dirent *entry = readdir(entries); entry != NULL;
	        entry = readdir(entries)) {
		if (strcmp(entry->d_name, "data.mdb") == 0)
			return true;
		if (!is_dots(entry->d_name) && strcmp(entry->d_name, "lost+found") != 0)
			empty = false;
	}
	return empty;
}

/* Nothing that has a second name elsewhere, and no link. */
static void give_entry(const struct privileges *who, int folder, const char *name)
{
	struct stat status;

	const int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && status.st_uid == ROOT && status.st_nlink == 1 &&
	        (S_ISREG(status.st_mode) || S_ISSOCK(status.st_mode)))
		/* What could not be given is said by whoever can't open it. */
		(void)!fchownat(fd, "", who->uid, who->gid, AT_EMPTY_PATH);
	(void)close(fd);
}

static struct err refuse(struct text *why, const char *path, const char *what)
{
	const int error = errno;

	text_format(why, "%s: %s: %s", path, what, strerrordesc_np(error));
	return err_make(ERR_SYSTEM, error);
}
