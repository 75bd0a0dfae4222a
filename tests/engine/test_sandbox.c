/* What the configuration's files and the sandbox's switches come to: in children. */
#include "engine/sandbox.h"

#include "engine/config_report.h"
#include "tests/engine/child.h"
#include "tests/engine/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <cmocka.h>

static struct place place;

static int begin(void **state)
{
	char path[PLACE_PATH_BYTES];
	char target[PLACE_PATH_BYTES];

	(void)state;
	place_open(&place);
	place_make_folder(&place, "spool", 0700);
	place_make_folder(&place, "secrets", 0700);
	place_write(&place, "secrets/password", 0600);
	place_make_folder(&place, "archive", 0700);
	place_write(&place, "archive/password1", 0600);
	place_make_folder(&place, "live", 0700);
	check(symlink(place_path(&place, "archive/password1", target),
	              place_path(&place, "live/password", path)) == 0);
	place_make_folder(&place, "tokens", 0700);
	place_write(&place, "tokens/refresh", 0600);
	place_write(&place, "other", 0644);
	return 0;
}

static int end(void **state)
{
	(void)state;
	place_close(&place);
	return 0;
}

static struct config *load(const char *sandbox, const char *more)
{
	struct config_report report;
	struct config *config = NULL;
	char text[1024];
	char path[PLACE_PATH_BYTES];

	(void)snprintf(text, sizeof text,
	        "name: relay.test\n"
	        "spool: {path: spool}\n"
	        "sandbox: {%s}\n"
	        "routes:\n"
	        "  - host: mail.test\n"
	        "    interface: submission\n"
	        "    identities:\n"
	        "      - {user: a@contoso.com, secret_file: secrets/password}\n"
	        "      - {user: b@contoso.com, secret_file: live/password}\n"
	        "      %s\n",
	        sandbox, more);
	config_report_init(&report);
	if (failed(config_load_text(
	            &config, place_path(&place, "x.yaml", path), view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

static void enter(const struct config *config, enum sandbox_process process)
{
	char room[256];
	struct text why = TEXT_ON(room);

	if (failed(sandbox_enter(config, process, true, NULL, &why)))
		dprintf(STDERR_FILENO, "%s\n", text_string(&why));
	child_wants(why.bytes == 0);
}

static bool is_confined(void)
{
	errno = 0;
	return !place_opens(&place, "other", O_RDONLY) && errno == EACCES;
}

static bool is_filtered(void)
{
	char path[PLACE_PATH_BYTES];

	errno = 0;
	return chmod(place_path(&place, "spool", path), 0700) < 0 && errno == EPERM;
}

static void open_files(const void *config)
{
	char path[PLACE_PATH_BYTES];
	char other[PLACE_PATH_BYTES];

	enter(config, SANDBOX_KEEPER);
	if (!is_confined())
		return; /* this kernel has no Landlock */
	child_wants(place_opens(&place, "secrets/password", O_RDONLY));
	child_wants(place_opens(&place, "live/password", O_RDONLY));
	child_wants(place_opens(&place, "tokens/refresh.new", O_WRONLY | O_CREAT | O_EXCL));
	child_wants(rename(place_path(&place, "tokens/refresh.new", path),
	                    place_path(&place, "tokens/refresh", other)) == 0);
	child_wants(place_opens(&place, "tokens/refresh", O_RDONLY));
	child_wants(place_opens(&place, "tokens", O_RDONLY | O_DIRECTORY));
	child_wants(!place_opens(&place, "secrets/password", O_WRONLY) && errno == EACCES);
	child_wants(!place_opens(&place, "", O_RDONLY | O_DIRECTORY) && errno == EACCES);
	child_wants(!place_opens(&place, "spool/new", O_RDWR | O_CREAT) && errno == EACCES);
	child_wants(open("/proc/self/mem", O_RDONLY) < 0 && errno == EACCES);
	child_wants(open("/dev/null", O_RDONLY) >= 0);
}

/* What the engine opens, and no secret. */
static void open_spool(const void *config)
{
	enter(config, SANDBOX_ENGINE);
	if (!is_confined())
		return;
	child_wants(place_opens(&place, "spool/new", O_RDWR | O_CREAT));
	child_wants(!place_opens(&place, "secrets/password", O_RDONLY) && errno == EACCES);
	child_wants(!place_opens(&place, "live/password", O_RDONLY) && errno == EACCES);
	child_wants(!place_opens(&place, "tokens/refresh", O_RDONLY) && errno == EACCES);
	child_wants(open("/proc/self/mem", O_RDONLY) < 0 && errno == EACCES);
}

/* Put in the old one's place from outside, as an mender does who changes it. */
static void open_another_password(const void *config)
{
	char path[PLACE_PATH_BYTES];
	int go[2];
	int done[2];
	char byte = 0;

	child_wants(pipe(go) == 0 && pipe(done) == 0);
	const pid_t mender = fork();
	child_wants(mender >= 0);
	if (mender == 0) {
		char beside[PLACE_PATH_BYTES];
		child_wants(read(go[0], &byte, 1) == 1);
		place_write(&place, "secrets/next", 0600);
		child_wants(rename(place_path(&place, "secrets/next", beside),
		                    place_path(&place, "secrets/password", path)) == 0);
		_exit(write(done[1], "x", 1) == 1 ? 0 : 1);
	}
	enter(config, SANDBOX_KEEPER);
	child_wants(write(go[1], "x", 1) == 1);
	child_wants(read(done[0], &byte, 1) == 1);
	child_wants(place_opens(&place, "secrets/password", O_RDONLY));
}

static void test_files(void **state)
{
	static const char refresh[] =
	        "- {user: c@contoso.com, oauth: {client_id: i, token_url: \"https://t.test/\", "
	        "scope: s, refresh_token_file: tokens/refresh}}";

	(void)state;
	struct config *config = load("seccomp: false", refresh);
	assert_true(child_is_fine(open_files, config));
	assert_true(child_is_fine(open_another_password, config));
	assert_true(child_is_fine(open_spool, config));
	config_destroy(config);
}

static void no_endpoint_is_asked(const void *config)
{
	enter(config, SANDBOX_KEEPER);
	if (is_confined())
		child_wants(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
}

static void test_etc_is_for_endpoints(void **state)
{
	(void)state;
	struct config *config = load("seccomp: false", "");
	assert_true(child_is_fine(no_endpoint_is_asked, config));
	config_destroy(config);
}

static void both(const void *config)
{
	const bool before = is_confined() || is_filtered();

	child_wants(!before);
	enter(config, SANDBOX_KEEPER);
	child_wants(is_filtered());
	_exit(is_confined() ? 0 : 2);
}

static void neither(const void *config)
{
	enter(config, SANDBOX_KEEPER);
	child_wants(!is_confined());
	child_wants(!is_filtered());
	child_wants(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static void filter_alone(const void *config)
{
	enter(config, SANDBOX_KEEPER);
	child_wants(!is_confined());
	child_wants(is_filtered());
}

/* As in a container whose own filter forbids others: it runs all the same. */
static void forbidden_from_outside(const void *config)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	child_wants(filter != NULL);
	child_wants(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) == 0);
	child_wants(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
	                    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)) == 0);
	child_wants(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
	                    SCMP_SYS(landlock_create_ruleset), 0) == 0);
	child_wants(seccomp_load(filter) == 0);
	enter(config, SANDBOX_KEEPER);
	child_wants(!is_confined());
	child_wants(!is_filtered());
}

/* The program is the keeper's child, not the engine's. */
static void engine_whatever_the_keeper_runs(const void *config)
{
	enter(config, SANDBOX_ENGINE);
	child_wants(is_filtered());
}

static void test_switches(void **state)
{
	static const char command[] = "- {user: c@contoso.com, oauth: {command: [/bin/true]}}";
	const struct {
		const char *sandbox;
		const char *more;
		void (*body)(const void *);
	} rows[] = {
		{ "seccomp: true", "", both },
		{ "landlock: false", "", filter_alone },
		{ "landlock: false, seccomp: false", "", neither },
		/* The program would have to live with it. */
		{ "landlock: true, seccomp: true", command, neither },
		{ "landlock: true, seccomp: true", command, engine_whatever_the_keeper_runs },
		{ "landlock: true, seccomp: true", "", forbidden_from_outside },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *config = load(rows[i].sandbox, rows[i].more);
		if (!child_is_fine(rows[i].body, config))
			fail_msg("row %zu", i);
		config_destroy(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_etc_is_for_endpoints),
		cmocka_unit_test(test_switches),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
