#include "bench/stand.h"

#include "bench/stand_files.h"
#include "queue/base/check.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define STAND_ACCOUNT_NS (10 * NS_PER_S) /* the mock writes it within a turn */
/* A signal may lie unseen while the mock sleeps: the thread sanitizer's runtime keeps it until the
 * next library call. Asked again, the mock wakes up. */
#define STAND_ASK_NS    (200 * NS_PER_MS)
#define STAND_WORDS_MAX 32

static struct err stand_failure(
        struct stand *stand, const char *program, const char *output, struct text *why);
static const char *stand_sluice_folder(const struct stand *stand);
static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where);
static void add_words(const char **words, const char *option, const char *value);

struct err stand_open(struct stand *stand, const struct stand_settings *settings, struct text *why)
{
	*stand = (struct stand){ .settings = *settings };
	(void)snprintf(
	        stand->folder, sizeof stand->folder, "%s/sluice-bench-XXXXXX", settings->place);
	if (mkdtemp(stand->folder) == NULL) {
		const int number = errno;
		text_format(why, "%s: no folder can be made there: %s", settings->place,
		        strerror(number));
		stand->folder[0] = '\0';
		return err_make(ERR_SYSTEM, number);
	}
	const struct {
		char *path;
		size_t size;
		const char *name;
	} names[] = {
		{ stand->config, sizeof stand->config, "sluice.yaml" },
		{ stand->mock_output, sizeof stand->mock_output, "mock.log" },
		{ stand->sluice_output, sizeof stand->sluice_output, "sluice.log" },
		{ stand->authority, sizeof stand->authority, "ca.pem" },
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)snprintf(names[i].path, names[i].size, "%s/%s", stand->folder, names[i].name);
	struct err err = stand_files_ports(stand);
	if (!failed(err))
		err = stand_files_write(stand);
	if (!failed(err))
		err = stand_files_certificates(stand);
	if (failed(err)) {
		text_format(why, "the folder %s can't be filled: %s", stand->folder,
		        err.code == ERR_NOT_FOUND ? "the command openssl is missing or failed"
		        : err.code == ERR_SYSTEM  ? strerror(err.detail)
		                                  : err_text(err.code));
		stand_close(stand);
	}
	return err;
}

void stand_close(struct stand *stand)
{
	child_end(&stand->sluice);
	child_end(&stand->mock);
	if (stand->folder[0] != '\0')
		(void)nftw(stand->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	stand->folder[0] = '\0';
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

struct err stand_start_mock(struct stand *stand, struct text *why)
{
	char program[STAND_PATH_MAX];
	char listen[64];
	char certificate[STAND_PATH_MAX + 32];
	char key[STAND_PATH_MAX + 32];
	char account[STAND_PATH_MAX + 32];
	char tenant[STAND_PATH_MAX + 32];
	char delay[16];
	const char *words[STAND_WORDS_MAX] = { program, "--listen", listen, "--certificate",
		certificate, "--key", key, "--account", account, "--interface",
		stand->settings.open ? "mx" : "submission" };

	(void)snprintf(program, sizeof program, "%s/sluice-mock", stand->settings.programs);
	(void)snprintf(listen, sizeof listen, STAND_ADDRESS ":%u", stand->mock_port);
	(void)snprintf(certificate, sizeof certificate, "%s/mock.pem", stand->folder);
	(void)snprintf(key, sizeof key, "%s/mock.key", stand->folder);
	(void)snprintf(account, sizeof account, "%s/account.json", stand->folder);
	(void)snprintf(tenant, sizeof tenant, "%s/tenant.json", stand->folder);
	(void)snprintf(delay, sizeof delay, "%u", stand->settings.delay_ms);
	if (stand->settings.mailboxes > 0) {
		add_words(words, "--tenant", tenant);
		add_words(words, "--work", STAND_WORK_MS);
	} else if (stand->settings.identities <= 1) { /* else whoever signs in is welcome */
		add_words(words, "--user", STAND_USER ":" STAND_SECRET);
	}
	if (stand->settings.delay_ms > 0)
		add_words(words, "--delay", delay);
	if (stand->settings.lacks_tickets)
		add_words(words, "--no-tickets", NULL);
	const struct err err = child_start(&stand->mock, words, stand->mock_output, false);
	if (failed(err) || !child_await(&stand->mock, "event=ready", STAND_READY_NS))
		return stand_failure(stand, "sluice-mock", stand->mock_output, why);
	return err_ok();
}

/* `value` NULL: it has none. */
static void add_words(const char **words, const char *option, const char *value)
{
	size_t end = 0;

	while (words[end] != NULL)
		end++;
	check(end + 2 < STAND_WORDS_MAX);
	words[end] = option;
	words[end + 1] = value;
}

static const char *stand_sluice_folder(const struct stand *stand)
{
	return stand->settings.sluice == NULL ? stand->settings.programs : stand->settings.sluice;
}

struct err stand_start_sluice(struct stand *stand, struct text *why)
{
	char program[STAND_PATH_MAX];
	const char *const words[] = { program, "serve", "--config", stand->config, NULL };

	(void)snprintf(program, sizeof program, "%s/sluice", stand_sluice_folder(stand));
	if (failed(child_start(&stand->sluice, words, stand->sluice_output, false)))
		return stand_failure(stand, "sluice serve", stand->sluice_output, why);
	return err_ok();
}

struct err stand_await_sluice(struct stand *stand, struct text *why)
{
	if (!child_await(&stand->sluice, "event=ready", STAND_READY_NS))
		return stand_failure(stand, "sluice serve", stand->sluice_output, why);
	return err_ok();
}

static struct err stand_failure(
        struct stand *stand, const char *program, const char *output, struct text *why)
{
	(void)stand;
	text_format(why, "%s does not start", program);
	child_last_words(output);
	return err_make(ERR_NOT_FOUND, 0);
}

static struct endpoint endpoint_at(uint16_t port)
{
	struct endpoint at;

	check(endpoint_parse(VIEW(STAND_ADDRESS ":1"), &at));
	at.port = port;
	return at;
}

struct endpoint stand_sluice(const struct stand *stand)
{
	return endpoint_at(stand->sluice_port);
}

struct endpoint stand_mock(const struct stand *stand)
{
	return endpoint_at(stand->mock_port);
}

bool stand_ask_account(const struct stand *stand, struct stand_account *account)
{
	char path[STAND_PATH_MAX + 32];
	const struct mono until = mono_after(clock_mono(), STAND_ACCOUNT_NS);
	struct mono ask_at = { 0 };

	(void)snprintf(path, sizeof path, "%s/account.json", stand->folder);
	(void)remove(path);
	/* It is there in part until it is there whole. */
	while (!stand_files_account(path, account)) {
		const struct mono now = clock_mono();
		if (stand->mock.pid == 0 || mono_reached(now, until))
			return false;
		if (mono_reached(now, ask_at)) {
			child_signal(&stand->mock, SIGUSR1);
			ask_at = mono_after(now, STAND_ASK_NS);
		}
		child_pause(NS_PER_MS);
	}
	return true;
}

void stand_account_finish(struct stand_account *account)
{
	for (size_t i = 0; i < account->duplicate_id_count; i++)
		free(account->duplicate_ids[i]);
	free(MOVE(account->duplicate_ids));
	account->duplicate_id_count = 0;
}

bool stand_queue_count(const struct stand *stand, uint64_t *count)
{
	char program[STAND_PATH_MAX];
	char output[STAND_PATH_MAX + 32];
	const char *const words[] = { program, "queue", "count", "--config", stand->config, NULL };
	unsigned long long number;

	(void)snprintf(program, sizeof program, "%s/sluice", stand_sluice_folder(stand));
	(void)snprintf(output, sizeof output, "%s/count", stand->folder);
	if (!child_run(words, output))
		return false;
	FILE *file = fopen(output, "re");
	if (file == NULL)
		return false;
	const bool is_number = fscanf(file, "%llu", &number) == 1;
	fclose(file);
	*count = number;
	return is_number;
}

void stand_file_system(const struct stand *stand, struct text *text)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {
		{ 0xef53, "ext4" },
		{ 0x58465342, "xfs" },
		{ 0x9123683e, "btrfs" },
		{ 0x01021994, "tmpfs: memory, its syncs cost nothing" },
		{ 0x794c7630, "overlay" },
		{ 0x2fc12fc1, "zfs" },
		{ 0x6969, "nfs" },
	};
	struct statfs status;

	if (statfs(stand->folder, &status) != 0) {
		text_put(text, VIEW("unknown"));
		return;
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i].magic != (unsigned long)status.f_type)
			continue;
		text_put(text, view_of(known[i].name));
		return;
	}
	text_format(text, "file system 0x%lx", (unsigned long)status.f_type);
}
