#include "engine/secret_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "secret-file-XXXXXX";
static char path[64];
static char beside[80];

static int begin(void **state)
{
	(void)state;
	strncpy(folder + sizeof folder - 7, "XXXXXX", 7);
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/secret", folder);
	(void)snprintf(beside, sizeof beside, "%s.new", path);
	return 0;
}

static int end(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(beside);
	return rmdir(folder);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_holds(const char *wanted)
{
	char memory[64];
	size_t bytes;

	assert_false(
	        failed(secret_file_read(path, (struct span){ memory, sizeof memory }, &bytes)));
	assert_int_equal(bytes, strlen(wanted));
	assert_memory_equal(memory, wanted, bytes);
}

static void test_read(void **state)
{
	char memory[8];
	const struct span span = { memory, sizeof memory };
	size_t bytes;

	(void)state;
	struct err err = secret_file_read(path, span, &bytes);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_int_equal(err.detail, ENOENT);
	assert_string_equal(secret_file_why(err), "No such file or directory");
	write_file(path, "\r\n");
	err = secret_file_read(path, span, &bytes);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(secret_file_why(err), "the file is empty");
	write_file(path, "12345678");
	err = secret_file_read(path, span, &bytes);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(secret_file_why(err), "the file is too long");
	assert_int_equal(bytes, 0);
	write_file(path, "123456\n");
	assert_holds("123456");
	assert_int_equal(mkfifo(beside, 0600), 0);
	/* Nobody writes into it, and it is not waited for. */
	assert_true(failed(secret_file_read(beside, span, &bytes)));
	assert_true(failed(secret_file_read(folder, span, &bytes)));
}

static void test_replace(void **state)
{
	struct stat status;

	(void)state;
	write_file(path, "old\n");
	assert_int_equal(chmod(path, 0640), 0);
	/* What a crash left beside it is in nobody's way. */
	write_file(beside, "rest of another life");
	assert_false(failed(secret_file_replace(path, VIEW("new"))));
	assert_holds("new");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(access(beside, F_OK), -1);
	assert_false(failed(secret_file_replace(path, VIEW("newer"))));
	assert_holds("newer");
}

/* Root's `sluice token` for a relay that runs as somebody else. */
static void test_replace_keeps_the_owner(void **state)
{
	const uid_t other = 65534;
	struct stat status;

	(void)state;
	if (geteuid() != 0)
		skip();
	write_file(path, "old\n");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chown(path, other, other), 0);
	assert_false(failed(secret_file_replace(path, VIEW("new"))));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_uid, other);
	assert_int_equal(status.st_gid, other);
	assert_int_equal(status.st_mode & 07777, 0640);
}

static void test_replace_fails(void **state)
{
	char longer[5000];

	(void)state;
	write_file(path, "old\n");
	/* A folder in the new file's place: the old one stays as it was. */
	assert_int_equal(mkdir(beside, 0700), 0);
	assert_true(failed(secret_file_replace(path, VIEW("new"))));
	assert_holds("old");
	assert_int_equal(rmdir(beside), 0);
	assert_int_equal(secret_file_replace("nowhere/at/all", VIEW("x")).detail, ENOENT);
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(secret_file_replace(longer, VIEW("x")).detail, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, begin, end),
		cmocka_unit_test_setup_teardown(test_replace, begin, end),
		cmocka_unit_test_setup_teardown(test_replace_keeps_the_owner, begin, end),
		cmocka_unit_test_setup_teardown(test_replace_fails, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
