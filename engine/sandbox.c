#include "engine/sandbox.h"

#include "engine/config_late.h"
#include "engine/landlock.h"
#include "engine/syscall_filter.h"
#include "queue/base/check.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

/* What became of a part, and why it is missing. */
struct part {
	const char *state;
	int error;
	int version;
};

#define PATTERN_BYTES 256 /* the kernel's has 128 */

#define ON      "on"
#define OFF     "off"
#define MISSING "missing"
#define COMMAND "off_for_command"

/* Read while we run, by libc and libraries, whoever we are; none of it is secret. Code of libraries
 * that are loaded late, zones of finish_by, the number of processors, random bytes. */
static const char *const always[] = { "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib",
	"/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom",
	"/dev/random", "/sys/devices/system/cpu", "/proc/sys/vm/overcommit_memory" };

/* The system's roots, and where their links lead: OpenSSL looks an issuer up when it meets one. */
static const char *const roots[] = { "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/tls/certs",
	"/etc/pki/ca-trust/extracted", "/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates", "/var/lib/ca-certificates" };

/* By libcurl, which looks up the token endpoint's name by libc. /etc whole, since resolv.conf is
 * replaced by a new file whenever the network changes; what of it is secret the user can't read. */
static const char *const for_endpoints[] = { "/etc", "/run/systemd/resolve", "/run/resolvconf",
	"/run/NetworkManager", "/run/nscd" };

static struct part part_of(bool wanted, bool commands);
static struct err enter_landlock(const struct config *config, enum sandbox_process process,
        struct part *part, struct text *why);
static struct err allow_all(
        const struct config *config, enum sandbox_process process, const struct landlock *landlock);
static struct err allow_own(
        const struct config *config, enum sandbox_process process, const struct landlock *landlock);
static struct err allow_list(
        const struct landlock *landlock, const char *const *paths, size_t count);
static struct err allow_chosen_roots(const struct landlock *landlock);
static struct err allow_dumps(const struct landlock *landlock);
static struct err allow_late(
        const struct config *config, enum sandbox_process process, const struct landlock *landlock);
static struct err allow_folder(
        const struct landlock *landlock, const char *path, enum landlock_use use);
static struct err enter_filter(struct part *part, struct text *why);
static void log_parts(const struct config *config, enum sandbox_process process,
        const struct part *landlock, const struct part *seccomp, bool restricted, struct log *log);
static void log_missing(
        const struct part *part, struct log *log, const char *event, const char *advice);

struct err sandbox_enter(const struct config *config, enum sandbox_process process, bool restricted,
        struct log *log, struct text *why)
{
	const bool commands = process == SANDBOX_KEEPER && config_runs_commands(config);
	struct part landlock = part_of(config->sandbox.landlock, commands);
	struct part seccomp = part_of(config->sandbox.seccomp, commands);
	struct err err = err_ok();

	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (landlock.state == NULL)
		err = enter_landlock(config, process, &landlock, why);
	/* Last, since it refuses what made the rest. */
	if (!failed(err) && seccomp.state == NULL)
		err = enter_filter(&seccomp, why);
	if (!failed(err))
		log_parts(config, process, &landlock, &seccomp, restricted, log);
	return err;
}

/* Without a state, it is to be entered. */
static struct part part_of(bool wanted, bool commands)
{
	return (struct part){ .state = !wanted ? OFF : commands ? COMMAND : NULL };
}

static void log_parts(const struct config *config, enum sandbox_process process,
        const struct part *landlock, const struct part *seccomp, bool restricted, struct log *log)
{
	static const char *const words[] = {
#define X(name, word) word,
		SANDBOX_PROCESSES(X)
#undef X
	};
	struct log_line line = log_begin(log, LOG_INFO, "sandbox");

	log_word(&line, "process", words[process]);
	log_word(&line, "user", config->user);
	log_word(&line, "no_new_privs", ON);
	log_word(&line, "landlock", landlock->state);
	if (landlock->version > 0)
		log_number(&line, "landlock_version", (uint64_t)landlock->version);
	log_word(&line, "seccomp", seccomp->state);
	log_word(&line, "io_uring", restricted ? "restricted" : "unrestricted");
	log_end(&line);
	log_missing(landlock, log, "landlock_missing",
	        "Landlock came with 5.13, must be among the boot parameter lsm= where that is "
	        "given, and must not be forbidden by a container or unit: any file that the user "
	        "may open can be opened.");
	log_missing(seccomp, log, "seccomp_missing",
	        "Filters of system calls came with 3.5, want CONFIG_SECCOMP_FILTER, and must not "
	        "be forbidden by a container or unit: any call can be made.");
}

static void log_missing(
        const struct part *part, struct log *log, const char *event, const char *advice)
{
	struct utsname kernel = { 0 };

	if (part->error == 0)
		return;
	(void)uname(&kernel);
	struct log_line line = log_begin(log, LOG_WARNING, event);
	log_word(&line, "kernel", kernel.release);
	log_word(&line, "error", strerrordesc_np(part->error));
	log_word(&line, "advice", advice);
	log_end(&line);
}

/* Files. */

static struct err enter_landlock(const struct config *config, enum sandbox_process process,
        struct part *part, struct text *why)
{
	struct landlock landlock;
	struct err err = landlock_open(&landlock);

	if (err.code == ERR_UNSUPPORTED) {
		*part = (struct part){ .state = MISSING, .error = err.detail };
		return err_ok();
	}
	if (!failed(err))
		err = allow_all(config, process, &landlock);
	if (!failed(err))
		err = landlock_enforce(&landlock);
	landlock_close(&landlock);
	if (failed(err)) {
		text_format(why, "Landlock: %s; sandbox: {landlock: false} does without",
		        err.detail > 0 ? strerrordesc_np(err.detail) : err_text(err.code));
		return err;
	}
	*part = (struct part){ .state = ON, .version = landlock.version };
	return err_ok();
}

static bool asks_endpoints(const struct config *config)
{
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_identities *identities = &config->routes.at[i].identities;

		for (size_t j = 0; j < identities->count; j++)
			if (identities->at[j].auth == IDENTITY_AUTH_XOAUTH2 &&
			        identities->at[j].oauth.flow != FLOW_FILE)
				return true;
	}
	return false;
}

static struct err allow_all(
        const struct config *config, enum sandbox_process process, const struct landlock *landlock)
{
	struct err err = allow_list(landlock, always, sizeof always / sizeof always[0]);

	if (!failed(err))
		err = allow_list(landlock, roots, sizeof roots / sizeof roots[0]);
	if (!failed(err))
		err = allow_chosen_roots(landlock);
	if (!failed(err))
		err = allow_own(config, process, landlock);
	return failed(err) ? err : allow_late(config, process, landlock);
}

static struct err allow_own(
        const struct config *config, enum sandbox_process process, const struct landlock *landlock)
{
	struct err err = err_ok();

	if (process == SANDBOX_ENGINE) {
		err = landlock_allow(landlock, config->spool.path, LANDLOCK_WRITE);
		if (!failed(err) && config->core_dumps)
			err = allow_dumps(landlock);
	} else if (asks_endpoints(config)) {
		err = allow_list(
		        landlock, for_endpoints, sizeof for_endpoints / sizeof for_endpoints[0]);
	}
	return err;
}

static struct err allow_list(
        const struct landlock *landlock, const char *const *paths, size_t count)
{
	struct err err = err_ok();

	for (size_t i = 0; i < count && !failed(err); i++)
		err = landlock_allow(landlock, paths[i], LANDLOCK_READ);
	return err;
}

/* Folders that the environment puts in their place, with colons between. */
static struct err allow_chosen_roots(const struct landlock *landlock)
{
	struct view rest = view_of(getenv("SSL_CERT_DIR"));
	struct err err = err_ok();
	char folder[PATH_MAX];

	while (rest.bytes > 0 && !failed(err)) {
		const struct view first = view_first(rest, view_find(rest, ':'));

		rest = view_skip(rest, first.bytes < rest.bytes ? first.bytes + 1 : first.bytes);
		if (first.bytes == 0 || first.bytes >= sizeof folder)
			continue;
		memcpy(folder, first.data, first.bytes);
		folder[first.bytes] = '\0';
		err = landlock_allow(landlock, folder, LANDLOCK_READ);
	}
	return err;
}

/* The kernel writes them as we would ourselves: where its pattern says, or where we were started,
 * unless it gives them to a program. */
static struct err allow_dumps(const struct landlock *landlock)
{
	char pattern[PATTERN_BYTES] = "";
	FILE *file = fopen("/proc/sys/kernel/core_pattern", "re");

	if (file == NULL)
		return err_ok();
	const bool known = fgets(pattern, sizeof pattern, file) != NULL;
	check(fclose(file) == 0);
	if (!known || pattern[0] == '|')
		return err_ok();
	return allow_folder(landlock, pattern, LANDLOCK_WRITE);
}

/* A rule holds for the file that is there now, and most files are changed by putting another in
 * their place: so it is about the folder, and about the one that a link leads to, as those of
 * certificate tools and of Kubernetes do. */
static struct err allow_late(
        const struct config *config, enum sandbox_process process, const struct landlock *landlock)
{
	struct config_late late;
	struct err err = config_late_open(&late, config);

	for (size_t i = 0; i < late.count && !failed(err); i++) {
		const struct config_late_file *file = &late.at[i];
		const enum landlock_use use = file->replaced ? LANDLOCK_WRITE : LANDLOCK_READ;
		char target[PATH_MAX];

		if (file->of_identity != (process == SANDBOX_KEEPER))
			continue;
		if (i > 0 && strcmp(file->path, late.at[i - 1].path) == 0 && !file->replaced)
			continue;
		err = allow_folder(landlock, file->path, use);
		if (!failed(err) && realpath(file->path, target) != NULL &&
		        strcmp(target, file->path) != 0)
			err = allow_folder(landlock, target, use);
	}
	config_late_close(&late);
	return err;
}

/* Of a folder such as /etc, which others share, the file alone: until the next start it is that
 * one. A token that is written back needs its folder, whichever that is. */
static struct err allow_folder(
        const struct landlock *landlock, const char *path, enum landlock_use use)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (slash == NULL)
		return landlock_allow(landlock, ".", use);
	const bool shared =
	        path[0] == '/' && memchr(path + 1, '/', (size_t)(slash - path)) == slash;
	if (slash == path || (shared && use == LANDLOCK_READ))
		return landlock_allow(landlock, path, use);
	if (snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path) >=
	        (int)sizeof folder)
		return landlock_allow(landlock, path, use);
	return landlock_allow(landlock, folder, use);
}

/* System calls. */

static struct err enter_filter(struct part *part, struct text *why)
{
	const struct err err = syscall_filter_enforce();

	part->state = failed(err) ? MISSING : ON;
	part->error = err.detail;
	if (!failed(err) || err.code == ERR_UNSUPPORTED)
		return err_ok();
	text_format(why, "seccomp: %s; sandbox: {seccomp: false} does without",
	        err.detail > 0 ? strerrordesc_np(err.detail) : err_text(err.code));
	return err;
}
