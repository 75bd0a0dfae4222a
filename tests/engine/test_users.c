#include "engine/users.h"

#include "engine/config_report.h"

#include <crypt.h>
#include <dlfcn.h>
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

/* What was hashed last, and how often: in libcrypt's place, which does the work. */
static unsigned hash_count;
static char hash_setting[CRYPT_OUTPUT_SIZE];

char *crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
	typedef char *(*crypt_function)(const char *, const char *, struct crypt_data *);
	static crypt_function real;

	if (real == NULL) {
		void *found = dlsym(RTLD_NEXT, "crypt_r");
		assert_non_null(found);
		memcpy(&real, &found, sizeof real);
	}
	hash_count++;
	strncpy(hash_setting, setting, sizeof hash_setting - 1);
	return real(phrase, setting, data);
}

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

/* What it hashed against; it did so once. */
static const char *hashed(const struct users *users, struct view name, struct view password)
{
	hash_count = 0;
	users_verify(users, name, password);
	assert_int_equal(hash_count, 1);
	return hash_setting;
}

/* Right, wrong, empty, too long, of somebody or nobody: each costs one hash, and nobody's is of a
 * cost that users have. */
static void every_name_costs_one_hash(void **state)
{
	static const char *const hashes[] = { HASH_SHA512, HASH_YESCRYPT };
	struct config_report report;
	struct users *users = load("a:" HASH_SHA512 "\nb:" HASH_YESCRYPT "\n", &report);
	char password[1024];
	bool met[2] = { false, false };

	(void)state;
	memset(password, 'x', sizeof password);
	const struct view passwords[] = { VIEW_INIT("secret"), VIEW_INIT("wrong"), VIEW_INIT(""),
		VIEW_INIT("sec\0ret"), { password, sizeof password } };
	for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
		assert_string_equal(hashed(users, VIEW("a"), passwords[i]), HASH_SHA512);
		assert_string_equal(hashed(users, VIEW("B"), passwords[i]), HASH_YESCRYPT);
		(void)hashed(users, VIEW("nobody"), passwords[i]);
	}
	/* One name always costs the same; of forty, some cost what one user does and some what the
	 * other: that all fall to one side happens once in 2^39. */
	for (int i = 0; i < 40; i++) {
		char name[16];
		snprintf(name, sizeof name, "Nobody%d", i);
		const bool second = strcmp(hashed(users, view_of(name), VIEW("x")), hashes[1]) == 0;
		assert_string_equal(hash_setting, hashes[second]);
		name[0] = 'n';
		assert_string_equal(hashed(users, view_of(name), VIEW("y")), hashes[second]);
		met[second] = true;
	}
	assert_true(met[0]);
	assert_true(met[1]);
	users_destroy(users);
	config_report_finish(&report);
	users = load("# nobody\n", &report);
	assert_memory_equal(hashed(users, VIEW("a"), VIEW("x")), "$6$", 3);
	users_destroy(users);
	config_report_finish(&report);
}

static void weak_hashes_are_noted(void **state)
{
	struct config_report report;
	struct users *users =
	        load("old:" HASH_MD5 "\nnew:" HASH_YESCRYPT "\ngood:" HASH_SHA512 "\n", &report);

	(void)state;
	assert_non_null(users);
	assert_null(config_report_first_wrong(&report));
	assert_int_equal(report.count, 1);
	assert_int_equal(report.lines[0].line, 1);
	assert_int_equal(report.lines[0].remark, CONFIG_NOTE);
	assert_non_null(strstr(report.lines[0].text, "yescrypt"));
	users_destroy(users);
	config_report_finish(&report);
	/* A note is not what is wrong. */
	assert_null(load("old:" HASH_MD5 "\nbad\n", &report));
	assert_int_equal(config_report_first_wrong(&report)->line, 2);
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
		assert_int_equal(config_report_first_wrong(&report)->line, cases[i].line);
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
		cmocka_unit_test(every_name_costs_one_hash),
		cmocka_unit_test(weak_hashes_are_noted),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(a_missing_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
