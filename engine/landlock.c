#include "engine/landlock.h"

#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of versions younger than Debian 12's headers. The structure grows, and a kernel takes what it
 * knows of it: a version is as many bytes. */
struct landlock_wishes {
	uint64_t files;
	uint64_t network; /* 4 */
	uint64_t scopes;  /* 6 */
};

struct landlock_port {
	uint64_t use;
	uint64_t port;
} __attribute__((packed));

#define FILES_TRUNCATE  (UINT64_C(1) << 14) /* 3 */
#define FILES_DEVICES   (UINT64_C(1) << 15) /* 5: ioctl() of devices */
#define NETWORK_BIND    (UINT64_C(1) << 0)
#define RULE_PORT       2
#define SCOPES_ALL      UINT64_C(3) /* abstract sockets, signals */
#define PORT_OF_KERNELS 0           /* a client's own end, which the kernel chooses */

#define FILES_OF_1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READING    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITING                                                                                    \
	(READING | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                \
	        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | FILES_TRUNCATE)
/* Of what can be done to folders, a file's rule must not speak. */
#define OF_A_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FILES_TRUNCATE)

static uint64_t files_known(int version);
static size_t wishes_bytes(int version);

struct err landlock_open(struct landlock *landlock)
{
	*landlock = (struct landlock){ .rules = -1 };
	const long version =
	        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return err_make(ERR_UNSUPPORTED, errno);
	landlock->version = (int)version;
	const struct landlock_wishes wishes = {
		.files = files_known(landlock->version),
		.network = NETWORK_BIND,
		.scopes = SCOPES_ALL,
	};
	landlock->rules = (int)syscall(
	        SYS_landlock_create_ruleset, &wishes, wishes_bytes(landlock->version), 0);
	if (landlock->rules < 0)
		return err_make(ERR_SYSTEM, errno);
	const struct landlock_port port = { .use = NETWORK_BIND, .port = PORT_OF_KERNELS };
	if (landlock->version < 4 ||
	        syscall(SYS_landlock_add_rule, landlock->rules, RULE_PORT, &port, 0) == 0)
		return err_ok();
	const struct err err = err_make(ERR_SYSTEM, errno);
	landlock_close(landlock);
	return err;
}

static uint64_t files_known(int version)
{
	uint64_t files = FILES_OF_1;

	if (version >= 2)
		files |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		files |= FILES_TRUNCATE;
	if (version >= 5)
		files |= FILES_DEVICES;
	return files;
}

static size_t wishes_bytes(int version)
{
	if (version < 4)
		return offsetof(struct landlock_wishes, network);
	if (version < 6)
		return offsetof(struct landlock_wishes, scopes);
	return sizeof(struct landlock_wishes);
}

struct err landlock_allow(const struct landlock *landlock, const char *path, enum landlock_use use)
{
	struct err err = err_ok();
	struct stat status;

	check(landlock->rules >= 0);
	const int place = open(path, O_PATH | O_CLOEXEC);
	if (place < 0)
		return errno == ENOENT || errno == ENOTDIR ? err_ok() : err_make(ERR_SYSTEM, errno);
	struct landlock_path_beneath_attr rule = {
		.parent_fd = place,
		.allowed_access = use == LANDLOCK_READ ? READING : WRITING,
	};
	rule.allowed_access &= files_known(landlock->version);
	if (fstat(place, &status) != 0)
		err = err_make(ERR_SYSTEM, errno);
	else if (!S_ISDIR(status.st_mode))
		rule.allowed_access &= OF_A_FILE;
	if (!failed(err) && syscall(SYS_landlock_add_rule, landlock->rules,
	                            LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
		err = err_make(ERR_SYSTEM, errno);
	check(close(place) == 0);
	return err;
}

struct err landlock_enforce(const struct landlock *landlock)
{
	check(landlock->rules >= 0);
	if (syscall(SYS_landlock_restrict_self, landlock->rules, 0) == 0)
		return err_ok();
	return err_make(ERR_SYSTEM, errno);
}

void landlock_close(struct landlock *landlock)
{
	if (landlock->rules >= 0)
		check(close(landlock->rules) == 0);
	landlock->rules = -1;
}
