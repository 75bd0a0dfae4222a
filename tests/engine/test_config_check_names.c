/* What entries of `names` may say, by lines. */
#include "tests/engine/config_rows.h"

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
	{ FILE_TEXT "  - {policy: rewrite}\n", 5, "names[0]: address is missing", false },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
