#include "engine/config_check_user.h"

#include "engine/config_late.h"
#include "engine/privileges.h"
#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_BYTES  1024
#define NAME_BYTES 128

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)
#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

static void check_files(
        struct config *config, const struct privileges *who, struct config_places *places);
static void check_file(const struct config *config, const struct config_late_file *file,
        struct config_places *places);
static void check_spool(const struct config *config, struct config_places *places);
static void note_commands(const struct config *config, struct config_places *places);

void config_check_user(struct config *config, struct config_places *places)
{
	struct privileges who;
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	note_commands(config, places);
	if (config->user == NULL) {
		if (config->group != NULL)
			complain(places, config, &config->group,
			        "group: there is no user; right is user too, such as sluice");
		return;
	}
	if (!privileges_find(&who, config->user, config->group, &why)) {
		complain(places, config, &config->user,
		        "user: %s; right is an account of the system's, such as `useradd --system "
		        "--no-create-home %s` makes, and group with a number",
		        text_string(&why), config->user);
		return;
	}
	if (who.uid == 0) {
		complain(places, config, &config->user,
		        "user: %s is root; right is an account of the relay's own", config->user);
		return;
	}
	if (who.root)
		check_files(config, &who, places);
	else if (geteuid() != who.uid)
		remark(places, config, &config->user,
		        "user: what %s may read is known to root alone, or to %s: run `sluice "
		        "check` as one of them",
		        config->user, config->user);
}

static void check_files(
        struct config *config, const struct privileges *found, struct config_places *places)
{
	struct privileges who = *found;
	struct config_late late;
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	if (failed(config_late_open(&late, config)))
		return; /* the start itself needs more, and will say so */
	if (failed(privileges_put_on(&who, &why))) {
		complain(places, config, &config->user, "user: %s", text_string(&why));
		config_late_close(&late);
		return;
	}
	for (size_t i = 0; i < late.count; i++)
		check_file(config, &late.at[i], places);
	check_spool(config, places);
	privileges_take_off(&who);
	config_late_close(&late);
}

static bool is_forbidden(void)
{
	return errno == EACCES || errno == EPERM;
}

/* "a" has the folder ".", "/a" has "/". */
static const char *folder_of(const char *path, char room[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	(void)snprintf(room, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return room;
}

static void check_file(const struct config *config, const struct config_late_file *file,
        struct config_places *places)
{
	char name_bytes[NAME_BYTES];
	struct text name = TEXT_ON(name_bytes);
	char room[PATH_MAX];

	config_late_name(file, &name);
	const int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && is_forbidden()) {
		complain(places, file->section, file->field,
		        "%s: user %s can't read %s: %s; right is `chown %s FILE`, or a group of "
		        "that user's and mode 0640, in folders that it may pass through",
		        text_string(&name), config->user, file->path, strerrordesc_np(errno),
		        config->user);
		return;
	}
	if (fd >= 0)
		check(close(fd) == 0);
	const char *folder = folder_of(file->path, room);
	if (file->replaced && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0 &&
	        is_forbidden())
		complain(places, file->section, file->field,
		        "%s: user %s can't write into %s, where the tokens that replace it go: %s; "
		        "right is a folder of that user's",
		        text_string(&name), config->user, folder, strerrordesc_np(errno));
}

/* A folder that is root's, or not there, is given to the user at the start. */
static void check_spool(const struct config *config, struct config_places *places)
{
	const char *path = config->spool.path;
	char room[PATH_MAX];
	struct stat status;

	if (stat(path, &status) == 0) {
		if (status.st_uid == 0 ||
		        faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
			return;
		complain(places, &config->spool, &config->spool.path,
		        "spool.path: user %s can't write into %s; right is `chown -R %s %s`",
		        config->user, path, config->user, path);
	} else if (faccessat(AT_FDCWD, folder_of(path, room), X_OK, AT_EACCESS) != 0 &&
	           is_forbidden()) {
		complain(places, &config->spool, &config->spool.path,
		        "spool.path: user %s can't pass through the folders to %s; right is mode "
		        "0755 for them, or another path",
		        config->user, path);
	}
}

/* A program that gives tokens would live in the keeper's sandbox, and its needs nobody knows. */
static void note_commands(const struct config *config, struct config_places *places)
{
	const struct config_sandbox *sandbox = &config->sandbox;
	const bool wanted = (sandbox->seccomp && config_places_wrote(places, &sandbox->seccomp)) ||
	                    (sandbox->landlock && config_places_wrote(places, &sandbox->landlock));

	if (!wanted || !config_runs_commands(config))
		return;
	remark(places, sandbox, sandbox,
	        "sandbox: not in force for the process that keeps secrets, since a token comes "
	        "from "
	        "a command; with a certificate, a client secret or a refresh token it would be");
}
