/*
 * Whom the relay runs as: the account that `user` and `group` name, and how a process that was
 * started as root becomes it.
 *
 *	privileges_find         who that is
 *	privileges_give_folder  the spool's folder becomes theirs
 *	privileges_put_on       files are opened and made as theirs, until privileges_take_off()
 *	privileges_give_up      becomes them for good
 *
 * As root alone there is something to put on and to give up; as anybody else the account must be
 * who we are, or none is named. A folder of theirs may hold links that they made: whatever root
 * does in it is done with their rights alone.
 *
 * Thread:  the main one, before any other is started.
 * Owns:    nothing but the process's own credentials.
 * Fails:   with a sentence for people in `why`.
 */
#ifndef SLUICE_PRIVILEGES_H
#define SLUICE_PRIVILEGES_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#include <sys/types.h>

/* Of one account: more groups than that no system of people has. */
#define PRIVILEGES_GROUPS_MAX 1024

struct privileges {
	const char *name; /* as the configuration has it; NULL: nobody is named */
	uid_t uid;
	gid_t gid;
	gid_t groups[PRIVILEGES_GROUPS_MAX];
	int group_count;
	bool root;                               /* we are root, and somebody is named */
	gid_t own_groups[PRIVILEGES_GROUPS_MAX]; /* root's, while theirs are put on */
	int own_group_count;
};

/* By name or number. False: there is no such user or group. `user` NULL: nobody, which is fine. */
bool privileges_find(struct privileges *who, const char *user, const char *group, struct text *why);
/* Whose a folder is. Not there: nobody is named. */
void privileges_find_owner(struct privileges *who, const char *folder);

/* Makes the folder where it is not there. One that is root's, of earlier runs as root, is given
 * with all files in it, if that is a spool or empty. Not root: nothing happens. */
MUST_CHECK struct err privileges_give_folder(
        const struct privileges *who, const char *path, struct text *why);

/* Of the calling thread, and of its dealings with files alone: it keeps its other powers. Not root:
 * nothing happens. */
MUST_CHECK struct err privileges_put_on(struct privileges *who, struct text *why);
void privileges_take_off(struct privileges *who);

/* For good: user, groups and every capability go, and it is made sure that nothing brings them
 * back. Not root: only the capabilities go, unless we are root and nobody is named. */
MUST_CHECK struct err privileges_give_up(const struct privileges *who, struct text *why);

#endif
