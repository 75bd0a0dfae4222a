/* What entries of `names` may say, by lines. */
#include "tests/engine/config_rows.h"

#include <stdlib.h>
#include <unistd.h>

#define FILE_TEXT                                                                                  \
	"name: relay.test\n"                                                                       \
	"listeners: [{address: 127.0.0.1:2525, name: in.relay.test}]\n"                            \
	"routes: [{host: a.test}]\n"                                                               \
	"names:\n"

static const struct config_row rows[] = {
	{ FILE_TEXT
	        "  - {listener: in.relay.test, client: 10.0.0.0/8, user: [joe, ann],\n"
	        "     sender: [a@b.test, '@c.test', '<>'], policy: rewrite, address: n@o.test}\n"
	        "  - {policy: map, map: ['a@b.test: n@o.test', '@b.test:m@o.test']}\n",
	        0, NULL, false },
	{ FILE_TEXT "  - {default_from: n@o.test}\n", 0, NULL, false },
	/* Who sends it is known where it is sent: an identity, or notices_from. */
	{ FILE_TEXT "  - {policy: rewrite}\n", 5,
	        "names[0]: address is missing, and route \"connector\", which may take such "
	        "mail, has no identities",
	        false },
	{ FILE_TEXT "  - user: joe\n    policy: rewrite\n", 6, "names[0]: address is missing",
	        false },
	{ "name: relay.test\nroutes: [{host: a.test, notices_from: n@o.test}]\n"
	  "names: [{policy: rewrite}]\n",
	        0, NULL, false },
	{ FILE_TEXT "  - {policy: rewrite, address: root}\n", 5, "a mail address such as", false },
	{ FILE_TEXT "  - {policy: change}\n", 5, "as_is, rewrite, map or refuse", false },
	{ FILE_TEXT "  - {address: n@o.test}\n", 5, "names[0].address: only rewrite and map",
	        false },
	{ FILE_TEXT "  - {policy: refuse, address: n@o.test}\n", 5, "names[0].address: only",
	        false },
	{ FILE_TEXT "  - {policy: map}\n", 5, "names[0]: map is missing", false },
	{ FILE_TEXT "  - {policy: map, map: []}\n", 5, "names[0].map: empty", false },
	{ FILE_TEXT "  - {policy: rewrite, address: n@o.test, map: 'a@b.test: n@o.test'}\n", 5,
	        "names[0].map: only policy: map", false },
	{ FILE_TEXT "  - policy: map\n    map: ['a@b.test: n@o.test',\n          'A@b.test: "
	            "m@o.test']\n",
	        6, "names[0].map: \"", false },
	{ FILE_TEXT "  - {policy: map, map: 'a@b.test n@o.test'}\n", 5, "pairs such as", false },
	{ FILE_TEXT "  - {policy: map, map: 'b.test: n@o.test'}\n", 5, "pairs such as", false },
	{ FILE_TEXT "  - {policy: map, map: '@b.test: @o.test'}\n", 5, "pairs such as", false },
	{ FILE_TEXT "  - {policy: map, map: ': n@o.test'}\n", 5, "pairs such as", false },
	{ FILE_TEXT "  - {policy: map, map: '@b.test: \xc3\xa4@o.test'}\n", 5, "is not ASCII",
	        false },
	{ FILE_TEXT "  - {default_from: \xc3\xa4@o.test}\n", 5,
	        "names[0].default_from: \"\xc3\xa4@o.test\" is not ASCII", false },
	{ FILE_TEXT "  - {policy: rewrite, address: \xc3\xa4@o.test}\n", 5,
	        "names[0].address: \"\xc3\xa4@o.test\" is not ASCII", false },
	{ FILE_TEXT "  - {policy: refuse, default_from: n@o.test}\n", 5,
	        "names[0].default_from: refuse lets no sender pass", false },
	{ FILE_TEXT "  - {sender: []}\n", 5, "names[0].sender: empty", false },
	{ FILE_TEXT "  - {listener: []}\n", 5, "names[0].listener: empty", false },
	{ FILE_TEXT "  - {client: []}\n", 5, "names[0].client: empty", false },
	{ FILE_TEXT "  - {user: []}\n", 5, "names[0].user: empty", false },
	{ FILE_TEXT "  - {listener: out.test}\n", 5,
	        "names[0].listener: no listener has the address or name \"out.test\"", false },
	{ FILE_TEXT "  - {adress: n@o.test}\n", 5, "did you mean \"address\"", false },
	{ FILE_TEXT "  - {user: joe}\n  - {}\n  - {user: ann, policy: refuse}\n", 7,
	        "names[2]: never matches: names[1] takes all mail before it", true },
};

static void every_row(void **state)
{
	(void)state;
	config_rows_check(rows, sizeof rows / sizeof rows[0]);
}

/* Identities that send are authors, and so addresses. */
static void identities_are_addresses(void **state)
{
	static const struct {
		const char *user;
		const char *words;
	} cases[] = {
		{ "relay@o.test", NULL },
		{ "CONTOSO\\relay",
		        "routes[0].identities[1].user: \"CONTOSO\\relay\" is no mail address in "
		        "ASCII, and names[1] sends in its name" },
		{ "\xc3\xa4@o.test",
		        "routes[0].identities[1].user: \"\xc3\xa4@o.test\" is no mail" },
	};
	char secret[] = "sluice-names-XXXXXX";
	char text[1024];

	(void)state;
	const int fd = mkstemp(secret);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "s3cret", 6), 6);
	close(fd);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct config_row row = { text, 6, cases[i].words, false };

		snprintf(text, sizeof text,
		        "name: relay.test\nroutes:\n  - interface: submission\n    identities:\n"
		        "      - {user: m@o.test, secret_file: %s}\n"
		        "      - {user: %s, secret_file: %s}\n"
		        "names: [{user: joe}, {policy: rewrite}]\n",
		        secret, cases[i].user, secret);
		config_rows_check(&row, 1);
	}
	unlink(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(identities_are_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
