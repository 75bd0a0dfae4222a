#include "engine/privileges.h"

#include "queue/base/check.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRY_BYTES     16384 /* a line of the user or group database; sysconf() asks for 1,024 */
#define CAPABILITY_LAST 63    /* what two words of a set hold; the kernel says where its own end */
#define ROOT            0

static bool find_user(struct privileges *who, const char *user, bool *known, struct text *why);
static bool find_group(struct privileges *who, const char *group, struct text *why);
static bool read_id(const char *text, unsigned *id);
static struct err refuse(struct text *why, const char *what);
static struct err give_up_identity(const struct privileges *who, struct text *why);
static struct err give_up_capabilities(struct text *why);
static bool root_comes_back(const struct privileges *who);
static bool holds_capabilities(void);

bool privileges_find(struct privileges *who, const char *user, const char *group, struct text *why)
{
	bool known = false;

	*who = (struct privileges){ .name = user, .uid = geteuid(), .gid = getegid() };
	if (user == NULL)
		return true;
	if (!find_user(who, user, &known, why))
		return false;
	if (group != NULL && !find_group(who, group, why))
		return false;
	if (group == NULL && !known) {
		text_format(
		        why, "user %s is no name of the system's, so its group is not known", user);
		return false;
	}
	who->groups[0] = who->gid;
	who->group_count = 1;
	if (known) {
		struct passwd entry;
		struct passwd *found;
		char memory[ENTRY_BYTES];

		(void)getpwuid_r(who->uid, &entry, memory, sizeof memory, &found);
		who->group_count = PRIVILEGES_GROUPS_MAX;
		if (found == NULL ||
		        getgrouplist(entry.pw_name, who->gid, who->groups, &who->group_count) < 0) {
			text_format(why, "user %s is in more than %d groups", user,
			        PRIVILEGES_GROUPS_MAX);
			return false;
		}
	}
	who->root = geteuid() == ROOT && who->uid != ROOT;
	return true;
}

static bool find_user(struct privileges *who, const char *user, bool *known, struct text *why)
{
	struct passwd entry;
	struct passwd *found = NULL;
	char memory[ENTRY_BYTES];
	unsigned id;

	const bool number = read_id(user, &id);
	if (number)
		(void)getpwuid_r(id, &entry, memory, sizeof memory, &found);
	else
		(void)getpwnam_r(user, &entry, memory, sizeof memory, &found);
	*known = found != NULL;
	if (!number && found == NULL) {
		text_format(why, "there is no user %s", user);
		return false;
	}
	who->uid = found != NULL ? found->pw_uid : id;
	who->gid = found != NULL ? found->pw_gid : who->gid;
	return true;
}

static bool find_group(struct privileges *who, const char *group, struct text *why)
{
	struct group entry;
	struct group *found = NULL;
	char memory[ENTRY_BYTES];
	unsigned id;

	if (read_id(group, &id)) {
		who->gid = id;
		return true;
	}
	(void)getgrnam_r(group, &entry, memory, sizeof memory, &found);
	if (found == NULL) {
		text_format(why, "there is no group %s", group);
		return false;
	}
	who->gid = found->gr_gid;
	return true;
}

/* -1 is nobody's: it means "as it is" to the calls that change a process. */
static bool read_id(const char *text, unsigned *id)
{
	uint64_t number;

	if (!view_to_u64(view_of(text), &number) || number >= UINT32_MAX)
		return false;
	*id = (unsigned)number;
	return true;
}

static struct err refuse(struct text *why, const char *what)
{
	const int error = errno;

	text_format(why, "%s: %s", what, strerrordesc_np(error));
	return err_make(ERR_SYSTEM, error);
}

/* The files' alone: rings and low ports may still want root. */

struct err privileges_put_on(struct privileges *who, struct text *why)
{
	if (!who->root)
		return err_ok();
	who->own_group_count = getgroups(PRIVILEGES_GROUPS_MAX, who->own_groups);
	if (who->own_group_count < 0 || setgroups((size_t)who->group_count, who->groups) != 0)
		return refuse(why, "can't take on the user's groups (CAP_SETGID)");
	(void)setfsgid(who->gid);
	(void)setfsuid(who->uid);
	/* They tell what it was, and nothing of an error. */
	if ((uid_t)setfsuid((uid_t)-1) == who->uid && (gid_t)setfsgid((gid_t)-1) == who->gid)
		return err_ok();
	privileges_take_off(who);
	text_format(why, "can't open files as user %s (CAP_SETUID, CAP_SETGID)", who->name);
	return err_make(ERR_SYSTEM, EPERM);
}

void privileges_take_off(struct privileges *who)
{
	if (!who->root)
		return;
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	check(setgroups((size_t)who->own_group_count, who->own_groups) == 0);
	check((uid_t)setfsuid((uid_t)-1) == geteuid());
}

struct err privileges_give_up(const struct privileges *who, struct text *why)
{
	struct err err = err_ok();

	if (who->root)
		err = give_up_identity(who, why);
	if (!failed(err) && geteuid() != ROOT)
		err = give_up_capabilities(why);
	if (!failed(err) && who->root && root_comes_back(who)) {
		text_format(why, "user %s could become root again", who->name);
		err = err_make(ERR_SYSTEM, EPERM);
	}
	return err;
}

/* Real, effective and saved, so that none is left to go back to. */
static struct err give_up_identity(const struct privileges *who, struct text *why)
{
	/* For a program that it might start: such a one gets nothing either. Where we may not, we
	 * had nothing to give. */
	for (unsigned long i = 0; i <= CAPABILITY_LAST; i++)
		(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (setgroups((size_t)who->group_count, who->groups) != 0)
		return refuse(why, "can't take on the user's groups (CAP_SETGID)");
	if (setresgid(who->gid, who->gid, who->gid) != 0)
		return refuse(why, "can't become the user's group (CAP_SETGID)");
	if (setresuid(who->uid, who->uid, who->uid) != 0)
		return refuse(why, "can't become the user (CAP_SETUID)");
	return err_ok();
}

/* A service manager may have lent some, for low ports. */
static struct err give_up_capabilities(struct text *why)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* A unit's or container's filter may forbid to give up what one has not. */
	if (!holds_capabilities() || syscall(SYS_capset, &header, none) == 0)
		return err_ok();
	return refuse(why, "can't give up capabilities");
}

/* Each way is tried, since the answer of the calls before is not enough to stake a server on. */
static bool root_comes_back(const struct privileges *who)
{
	uid_t uids[3];
	gid_t gids[3];

	if (setresuid(ROOT, ROOT, ROOT) == 0 || seteuid(ROOT) == 0 || setuid(ROOT) == 0)
		return true;
	if (who->gid != ROOT && (setresgid(ROOT, ROOT, ROOT) == 0 || setegid(ROOT) == 0))
		return true;
	check(getresuid(&uids[0], &uids[1], &uids[2]) == 0);
	check(getresgid(&gids[0], &gids[1], &gids[2]) == 0);
	for (size_t i = 0; i < 3; i++)
		if (uids[i] != who->uid || gids[i] != who->gid)
			return true;
	return holds_capabilities();
}

static bool holds_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];

	check(syscall(SYS_capget, &header, held) == 0);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if ((held[i].effective | held[i].permitted | held[i].inheritable) != 0)
			return true;
	return false;
}
