/* Becoming another user, for files alone and for good: in children, since nothing takes it back. */
#include "engine/privileges.h"

#include "tests/engine/child.h"
#include "tests/engine/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <cmocka.h>

/* Debian's nobody and nogroup; and an account that no system has. */
#define NOBODY       65534
#define NUMBER       "61234"
#define NUMBER_VALUE 61234

static char said[512];

static bool find(struct privileges *who, const char *user, const char *group)
{
	struct text why = TEXT_ON(said);
	const bool found = privileges_find(who, user, group, &why);

	(void)text_string(&why);
	return found;
}

static void test_who_that_is(void **state)
{
	struct privileges who;

	(void)state;
	assert_true(find(&who, NULL, NULL));
	assert_false(who.root);
	assert_int_equal(who.uid, geteuid());
	assert_true(find(&who, "nobody", NULL));
	assert_int_equal(who.root, geteuid() == 0);
	assert_int_equal(who.uid, NOBODY);
	assert_int_equal(who.gid, NOBODY);
	assert_true(who.group_count >= 1);
	assert_true(find(&who, "65534", "daemon"));
	assert_int_equal(who.uid, NOBODY);
	assert_int_equal(who.gid, 1);
	assert_true(find(&who, NUMBER, NUMBER));
	assert_int_equal(who.uid, NUMBER_VALUE);
	assert_int_equal(who.group_count, 1);
	assert_int_equal(who.groups[0], NUMBER_VALUE);
	assert_true(find(&who, "root", NULL));
	assert_false(who.root); /* nothing would change */

	assert_false(find(&who, "no-such-user", NULL));
	assert_string_equal(said, "there is no user no-such-user");
	assert_false(find(&who, "nobody", "no-such-group"));
	assert_string_equal(said, "there is no group no-such-group");
	assert_false(find(&who, NUMBER, NULL));
	assert_non_null(strstr(said, "its group is not known"));
	/* To the calls that it would be given to, this number means nobody in particular. */
	assert_false(find(&who, "4294967295", "daemon"));
	assert_false(find(&who, "nobody", "4294967295"));
}

static void put_on_and_take_off(const void *argument)
{
	const struct place *place = argument;
	struct privileges who;
	struct text why = TEXT_ON(said);
	struct stat status;
	char path[PLACE_PATH_BYTES];

	child_wants(find(&who, NUMBER, NUMBER));
	child_wants(!failed(privileges_put_on(&who, &why)));
	child_wants(!place_opens(place, "secret", O_RDONLY) && errno == EACCES);
	child_wants(!place_opens(place, "of-roots-group", O_RDONLY) && errno == EACCES);
	child_wants(place_opens(place, "open/theirs", O_WRONLY | O_CREAT));
	child_wants(geteuid() == 0);
	privileges_take_off(&who);
	child_wants(stat(place_path(place, "open/theirs", path), &status) == 0);
	child_wants(status.st_uid == NUMBER_VALUE && status.st_gid == NUMBER_VALUE);
	child_wants(place_opens(place, "secret", O_RDONLY));
	child_wants(place_opens(place, "secret2", O_WRONLY | O_CREAT));
	child_wants(stat(place_path(place, "secret2", path), &status) == 0 && status.st_uid == 0);
}

static void give_up(const void *argument)
{
	const struct place *place = argument;
	struct privileges who;
	struct text why = TEXT_ON(said);

	child_wants(find(&who, NUMBER, NUMBER));
	/* As the engine leaves it. */
	child_wants(!failed(privileges_put_on(&who, &why)));
	child_wants(!failed(privileges_give_up(&who, &why)));
	child_wants(getuid() == NUMBER_VALUE && geteuid() == NUMBER_VALUE);
	child_wants(getgid() == NUMBER_VALUE && getegid() == NUMBER_VALUE);
	child_wants(getgroups(0, NULL) == 1);
	child_wants(setuid(0) < 0 && setgid(0) < 0 && setresuid(0, 0, 0) < 0);
	child_wants(prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0);
	child_wants(!place_opens(place, "secret", O_RDONLY) && errno == EACCES);
	child_wants(!place_opens(place, "of-roots-group", O_RDONLY) && errno == EACCES);
}

/* Nothing to become: what a service manager lent goes all the same. */
static void give_up_as_oneself(const void *argument)
{
	struct privileges who;
	struct text why = TEXT_ON(said);

	(void)argument;
	child_wants(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	child_wants(setgroups(0, NULL) == 0);
	child_wants(setresgid(NUMBER_VALUE, NUMBER_VALUE, NUMBER_VALUE) == 0);
	child_wants(setresuid(NUMBER_VALUE, NUMBER_VALUE, NUMBER_VALUE) == 0);
	child_wants(find(&who, NUMBER, NUMBER) && !who.root);
	child_wants(!failed(privileges_put_on(&who, &why)));
	privileges_take_off(&who);
	/* Its capabilities are still permitted, and could be raised. */
	child_wants(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0) == 0);
	child_wants(!failed(privileges_give_up(&who, &why)));
	child_wants(setuid(0) < 0);
}

static void become_nobody_twice(const void *argument)
{
	struct privileges who;
	struct text why = TEXT_ON(said);

	(void)argument;
	child_wants(find(&who, NUMBER, NUMBER));
	child_wants(!failed(privileges_give_up(&who, &why)));
	/* Who is not root any more can't: it must be told, not passed over. */
	child_wants(failed(privileges_give_up(&who, &why)));
	child_wants(strstr(text_string(&why), "CAP_SETGID") != NULL);
	why.bytes = 0;
	child_wants(failed(privileges_put_on(&who, &why)));
}

static int begin(void **state)
{
	static struct place place;
	char path[PLACE_PATH_BYTES];

	place_open(&place);
	place_write(&place, "secret", 0600);
	place_write(&place, "of-roots-group", 0040);
	place_make_folder(&place, "open", 0777);
	place_make_folder(&place, "spool", 0755);
	(void)place_path(&place, "spool", path);
	*state = &place;
	return 0;
}

static int end(void **state)
{
	place_close(*state);
	return 0;
}

static void test_put_on_and_take_off(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_true(child_is_fine(put_on_and_take_off, *state));
}

static void test_give_up(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_true(child_is_fine(give_up, *state));
	assert_true(child_is_fine(give_up_as_oneself, *state));
	assert_true(child_is_fine(become_nobody_twice, *state));
}

/* The folder. */

static bool is_of(const struct place *place, const char *name, uid_t uid)
{
	char path[PLACE_PATH_BYTES];
	struct stat status;

	assert_int_equal(lstat(place_path(place, name, path), &status), 0);
	return status.st_uid == uid && status.st_gid == uid;
}

static struct err give(const struct place *place, const char *name)
{
	struct privileges who;
	struct text why = TEXT_ON(said);
	char path[PLACE_PATH_BYTES];

	assert_true(find(&who, NUMBER, NUMBER));
	const struct err err = privileges_give_folder(&who, place_path(place, name, path), &why);
	(void)text_string(&why);
	return err;
}

static void test_a_folder_is_made_and_given(void **state)
{
	const struct place *place = *state;
	char path[PLACE_PATH_BYTES];
	char other[PLACE_PATH_BYTES];
	struct privileges who;
	struct stat status;

	if (geteuid() != 0)
		skip();
	assert_false(failed(give(place, "made")));
	assert_true(is_of(place, "made", NUMBER_VALUE));
	assert_int_equal(stat(place_path(place, "made", path), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_false(failed(give(place, "made")));

	/* Root's of earlier runs; with names in it that lead to what is not the spool's. */
	place_write(place, "spool/data.mdb", 0600);
	assert_int_equal(
	        symlink(place_path(place, "secret", path), place_path(place, "spool/lock", other)),
	        0);
	assert_int_equal(link(path, place_path(place, "spool/journal", other)), 0);
	assert_false(failed(give(place, "spool")));
	assert_true(is_of(place, "spool", NUMBER_VALUE));
	assert_true(is_of(place, "spool/data.mdb", NUMBER_VALUE));
	assert_true(is_of(place, "spool/lock", 0));
	assert_true(is_of(place, "secret", 0));
	privileges_find_owner(&who, place_path(place, "spool", path));
	assert_true(who.root);
	assert_int_equal(who.uid, NUMBER_VALUE);
	assert_int_equal(who.groups[0], NUMBER_VALUE);
	privileges_find_owner(&who, place_path(place, "nowhere", path));
	assert_false(who.root);
	privileges_find_owner(&who, place->folder);
	assert_false(who.root);
	/* Once it is theirs, root touches nothing in it. */
	place_write(place, "spool/control.sock", 0600);
	assert_false(failed(give(place, "spool")));
	assert_true(is_of(place, "spool/control.sock", 0));

	/* A mistaken path. */
	assert_true(failed(give(place, ".")));
	assert_non_null(strstr(said, "holds other things, and no spool"));
	assert_true(is_of(place, ".", 0));
	assert_true(failed(give(place, "not/there")));
	assert_non_null(strstr(said, "can't make it: No such file or directory"));
	assert_true(failed(give(place, "secret")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_that_is),
		cmocka_unit_test(test_put_on_and_take_off),
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_a_folder_is_made_and_given),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
