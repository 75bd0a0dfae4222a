#include "engine/users.h"

#include "engine/config_report.h"
#include "queue/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Of "secret", by four methods. */
#define HASH_MD5 "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"
#define HASH_SHA512                                                                                \
	"$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN."   \
	"Pq.H91p5hVO1"
#define HASH_YESCRYPT "$y$j75$saltsaltsaltsalt$DsMjm5uqUiFBUYLB9CLnX8E/M0k0mOVJBUWdpCrUik9"
#define HASH_BCRYPT   "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"

static struct users *load(const char *text, struct config_report *report)
{
	char path[] = "sluice-users-XXXXXX";
	int fd = mkstemp(path);
	struct users *users = NULL;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	config_report_init(report);
	struct err err = users_load(&users, path, report);
	assert_int_equal(failed(err), report->wrong_count > 0);
	assert_int_equal(failed(err), users == NULL);
	unlink(path);
	return users;
}

static void the_right_password_is_right(void **state)
{
	(void)state;
	struct config_report report;
	struct users *users = load("# who may\n\n  \n"
	                           "old:" HASH_MD5 "\n"
	                           "new:" HASH_SHA512 "\r\n"
	                           " spaced : " HASH_YESCRYPT " \n"
	                           "a@b.test:" HASH_BCRYPT,
	        &report);
	static const char *const names[] = { "old", "new", "spaced", "a@b.test", "A@B.TEST" };

	assert_int_equal(users_count(users), 4);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_true(users_verify(users, view_of(names[i]), VIEW("secret")));
		assert_false(users_verify(users, view_of(names[i]), VIEW("Secret")));
		assert_false(users_verify(users, view_of(names[i]), VIEW("")));
		assert_false(users_verify(users, view_of(names[i]), VIEW("secret\0")));
		assert_false(users_verify(users, view_of(names[i]), VIEW("secret\0more")));
	}
	assert_false(users_verify(users, VIEW("nobody"), VIEW("secret")));
	assert_false(users_verify(users, VIEW(""), VIEW("secret")));
	assert_false(users_verify(users, VIEW("# who may"), VIEW("secret")));
	users_destroy(users);
	config_report_finish(&report);
}

static void a_password_too_long_is_wrong(void **state)
{
	(void)state;
	struct config_report report;
	struct users *users = load("a:" HASH_MD5 "\n", &report);
	char password[1024];

	memset(password, 'x', sizeof password);
	memcpy(password, "secret", 6);
	assert_false(users_verify(users, VIEW("a"), view_from(password, sizeof password)));
	assert_false(users_verify(users, VIEW("a"), view_from(password, 257)));
	assert_false(users_verify(users, VIEW("a"), view_from(password, 256)));
	assert_true(users_verify(users, VIEW("a"), view_from(password, 6)));
	users_destroy(users);
	config_report_finish(&report);
}

static void a_file_without_users_lets_nobody_in(void **state)
{
	(void)state;
	struct config_report report;
	struct users *users = load("# nobody\n", &report);

	assert_int_equal(users_count(users), 0);
	assert_false(users_verify(users, VIEW("a"), VIEW("secret")));
	users_destroy(users);
	config_report_finish(&report);
}

static int64_t cost_ns(const struct users *users, struct view name)
{
	int64_t before = clock_thread_cpu_ns();

	users_verify(users, name, VIEW("wrong"));
	return clock_thread_cpu_ns() - before;
}

static void an_unknown_name_costs_a_hash(void **state)
{
	(void)state;
	struct config_report report;
	struct users *users = load("a:" HASH_SHA512 "\n", &report);

	cost_ns(users, VIEW("a"));
	int64_t known = cost_ns(users, VIEW("a"));
	int64_t unknown = cost_ns(users, VIEW("nobody"));
	/* Five thousand rounds against none: a wide margin tells them apart. */
	assert_true(unknown > known / 5);
	assert_true(unknown < known * 5);
	users_destroy(users);
	config_report_finish(&report);
}

static void bad_lines_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{ "noline\n", 1 },
		{ ":" HASH_MD5 "\n", 1 },
		{ "a:\n", 1 },
		{ "# a\na:secret\n", 2 },
		{ "a:$9$what$\n", 1 },
		{ "a:" HASH_MD5 "\nA:" HASH_MD5 "\n", 2 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct config_report report;

		assert_null(load(cases[i].text, &report));
		assert_int_equal(report.wrong_count, 1);
		assert_int_equal(report.lines[0].line, cases[i].line);
		config_report_finish(&report);
	}
}

static void a_missing_file_is_told(void **state)
{
	(void)state;
	struct config_report report;
	struct users *users = NULL;

	config_report_init(&report);
	assert_int_equal(users_load(&users, "no/such/file", &report).code, ERR_NOT_FOUND);
	assert_int_equal(report.wrong_count, 1);
	config_report_finish(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_password_is_right),
		cmocka_unit_test(a_password_too_long_is_wrong),
		cmocka_unit_test(a_file_without_users_lets_nobody_in),
		cmocka_unit_test(an_unknown_name_costs_a_hash),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(a_missing_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
