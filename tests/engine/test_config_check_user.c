/* Whether the user exists and may read and write what it needs, as root sees it. */
#include "engine/config_check_user.h"

#include "engine/config_report.h"
#include "tests/engine/config_rows.h"
#include "tests/engine/place.h"

#define THEM     "user: nobody\n"
#define THEM_UID 65534

static int begin(void **state)
{
	static struct place place;
	char path[PLACE_PATH_BYTES];

	place_open(&place);
	place_write(&place, "roots", 0600);
	place_write(&place, "theirs", 0600);
	place_make_folder(&place, "closed", 0700);
	place_write(&place, "closed/open", 0640);
	place_make_folder(&place, "spool", 0700);
	place_make_folder(&place, "others", 0700);
	*state = &place;
	if (geteuid() != 0)
		return 0;
	check(chown(place_path(&place, "theirs", path), THEM_UID, THEM_UID) == 0);
	check(chown(place_path(&place, "closed/open", path), THEM_UID, THEM_UID) == 0);
	check(chown(place_path(&place, "others", path), 1, 1) == 0);
	return 0;
}

static int end(void **state)
{
	place_close(*state);
	return 0;
}

/* What is said of a configuration that begins with `top`, of a spool and a secret. */
static void assert_says(const struct place *place, const char *top, const char *spool,
        const char *identity, const char *words, const char *note)
{
	char text[1024];
	char path[PLACE_PATH_BYTES];
	char wrong[CONFIG_ROWS_OUTPUT_BYTES] = "";
	char notes[CONFIG_ROWS_OUTPUT_BYTES] = "";
	struct config_report report;
	struct config *config;

	(void)snprintf(text, sizeof text,
	        "name: relay.test\n"
	        "spool: {path: %s}\n"
	        "routes:\n"
	        "  - host: mail.test\n"
	        "    interface: submission\n"
	        "    identities:\n"
	        "      - user: a@contoso.com\n"
	        "        %s\n"
	        "%s",
	        spool, identity, top);
	config_report_init(&report);
	const bool refused = failed(config_load_text(
	        &config, place_path(place, "x.yaml", path), view_of(text), &report));
	config_rows_print(&report, CONFIG_WRONG, wrong);
	config_rows_print(&report, CONFIG_NOTE, notes);
	config_report_finish(&report);
	config_destroy(config);
	if (refused != (words != NULL) || (words != NULL && strstr(wrong, words) == NULL) ||
	        (note != NULL && strstr(notes, note) == NULL) ||
	        (words == NULL && note == NULL && notes[0] != '\0'))
		fail_msg("%s\nexpected %s and %s, got:\n%s%s", text,
		        words == NULL ? "nothing" : words, note == NULL ? "no note" : note, wrong,
		        notes);
}

#define PASSWORD(file) "secret_file: " file
#define REFRESH(file)                                                                              \
	"oauth: {client_id: i, token_url: \"https://t.test/\", scope: s, "                         \
	"refresh_token_file: " file "}"

static void test_who(void **state)
{
	assert_says(*state, "", "spool", PASSWORD("theirs"), NULL, NULL);
	assert_says(*state, "user: no-such-user\n", "spool", PASSWORD("theirs"),
	        "x.yaml:9: user: there is no user no-such-user; right is an account", NULL);
	assert_says(*state, THEM "group: no-such-group\n", "spool", PASSWORD("theirs"),
	        "user: there is no group no-such-group", NULL);
	assert_says(*state, "group: daemon\n", "spool", PASSWORD("theirs"),
	        "x.yaml:9: group: there is no user; right is user too", NULL);
	assert_says(
	        *state, "user: root\n", "spool", PASSWORD("theirs"), "user: root is root", NULL);
	assert_says(*state, "user: 0\n", "spool", PASSWORD("theirs"), "user: 0 is root", NULL);
}

static void test_files(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_says(*state, THEM, "spool", PASSWORD("theirs"), NULL, NULL);
	assert_says(*state, THEM "group: daemon\n", "spool", PASSWORD("theirs"), NULL, NULL);
	assert_says(*state, THEM, "spool", PASSWORD("roots"),
	        "x.yaml:8: routes[0].identities[0].secret_file: user nobody can't read ", NULL);
	assert_says(*state, THEM, "spool", PASSWORD("roots"),
	        "roots: Permission denied; right is "
	        "`chown nobody FILE`",
	        NULL);
	assert_says(*state, THEM, "spool", PASSWORD("closed/open"), "can't read ", NULL);
	/* What is not there has been complained of. */
	assert_says(*state, THEM, "spool", PASSWORD("nowhere"), "nowhere: No such file", NULL);
	/* The new token is a new file beside the old one. */
	assert_says(*state, THEM, "spool", REFRESH("theirs"),
	        "oauth.refresh_token_file: user nobody can't write into ", NULL);
	assert_says(*state, "", "spool", REFRESH("roots"), NULL, NULL);
}

static void test_spools(void **state)
{
	if (geteuid() != 0)
		skip();
	/* Root's is given to the user, and one that is not there made, wherever that may pass. */
	assert_says(*state, THEM, "new", PASSWORD("theirs"), NULL, NULL);
	assert_says(*state, THEM, "closed/new", PASSWORD("theirs"),
	        "spool.path: user nobody can't pass through the folders to ", NULL);
	assert_says(*state, THEM, "others", PASSWORD("theirs"),
	        "x.yaml:2: spool.path: user nobody can't write into ", NULL);
}

static void test_commands_need_room(void **state)
{
	static const char command[] = "oauth: {command: [/bin/true]}";

	assert_says(*state, "", "spool", command, NULL, NULL);
	assert_says(*state, "sandbox: {seccomp: true}\n", "spool", command, NULL,
	        "x.yaml:9: note: sandbox: not in force for the process that keeps secrets, "
	        "since a token comes from a command");
	assert_says(*state, "sandbox: {seccomp: false, landlock: false}\n", "spool", command, NULL,
	        NULL);
	assert_says(*state, "sandbox: {seccomp: true}\n", "spool", PASSWORD("theirs"), NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_spools),
		cmocka_unit_test(test_commands_need_room),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
