/* What entries of `rehearsal` may say, by lines. */
#include "tests/engine/config_rows.h"

#define FILE_TEXT                                                                                  \
	"name: relay.test\n"                                                                       \
	"listeners: [{address: 127.0.0.1:2525, name: in.relay.test}]\n"                            \
	"routes: [{host: a.test}]\n"                                                               \
	"streams: [{name: news, header: 'List-Id: *'}]\n"                                          \
	"rehearsal:\n"

static const struct config_row rows[] = {
	{ FILE_TEXT "  - {listener: in.relay.test, client: 10.0.0.0/8, to: me@b.test}\n"
	            "  - {user: [joe, ann], sender: [a@b.test, '@c.test', '<>'], only: '@b.test'}\n"
	            "  - {stream: news, only: [a@b.test]}\n"
	            "  - {header: 'X-Rehearse: *'}\n",
	        0, NULL, false },
	{ FILE_TEXT "  - {}\n", 0, NULL, false },
	{ FILE_TEXT "  - {to: a@b.test, only: a@b.test}\n", 6,
	        "rehearsal[0].only: all mail goes to \"a@b.test\" already", false },
	{ FILE_TEXT "  - {to: root}\n", 6, "a mail address such as", false },
	{ FILE_TEXT "  - {only: '@'}\n", 6, "addresses such as", false },
	{ FILE_TEXT "  - {to: a@b.test, stream: news}\n", 6, "rehearsal[0].to: this entry or",
	        false },
	{ FILE_TEXT "  - {header: 'X: *'}\n  - {to: a@b.test}\n", 7,
	        "rehearsal[1].to: this entry or one before it has header or stream", false },
	{ FILE_TEXT "  - {stream: [news, olds]}\n", 6,
	        "rehearsal[0].stream: no stream is named \"olds\"", false },
	{ FILE_TEXT "  - {listener: out.test}\n", 6,
	        "rehearsal[0].listener: no listener has the address or name \"out.test\"", false },
	{ FILE_TEXT "  - {listener: []}\n", 6, "rehearsal[0].listener: empty", false },
	{ FILE_TEXT "  - {client: []}\n", 6, "rehearsal[0].client: empty", false },
	{ FILE_TEXT "  - {user: []}\n", 6, "rehearsal[0].user: empty", false },
	{ FILE_TEXT "  - {stream: []}\n", 6, "rehearsal[0].stream: empty", false },
	{ FILE_TEXT "  - {sender: []}\n", 6, "rehearsal[0].sender: empty", false },
	{ FILE_TEXT "  - {header: []}\n", 6, "rehearsal[0].header: empty", false },
	{ FILE_TEXT "  - {route: far}\n", 6, "unknown", false },
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
