/* What entries of `names` may say, by lines. */
#include "engine/config.h"
#include "engine/config_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define OUTPUT_BYTES 16384

#define FILE_TEXT                                                                                  \
	"name: relay.test\n"                                                                       \
	"listeners: [{address: 127.0.0.1:2525, name: in.relay.test}]\n"                            \
	"routes: [{host: a.test}]\n"                                                               \
	"names:\n"

static const struct row {
	const char *text;
	unsigned line;
	const char *words; /* NULL: nothing is wrong, and nothing worth a note */
	bool note;
} rows[] = {
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

static void print(struct config_report *report, enum config_remark remark, char *into)
{
	FILE *file = fmemopen(into, OUTPUT_BYTES, "w");

	assert_non_null(file);
	config_report_print(report, remark, file);
	fclose(file);
}

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct config_report report;
		struct config *config;
		char wrong[OUTPUT_BYTES] = "";
		char notes[OUTPUT_BYTES] = "";
		char place[64];

		config_report_init(&report);
		const bool refused =
		        failed(config_load_text(&config, "x.yaml", view_of(row->text), &report));
		print(&report, CONFIG_WRONG, wrong);
		print(&report, CONFIG_NOTE, notes);
		const char *said = row->note ? notes : wrong;
		snprintf(place, sizeof place, "x.yaml:%u: ", row->line);
		if (refused != (row->words != NULL && !row->note) ||
		        (row->words == NULL && (wrong[0] != '\0' || notes[0] != '\0')) ||
		        (row->words != NULL &&
		                (strstr(said, row->words) == NULL || strstr(said, place) == NULL)))
			fail_msg("%s\nexpected %s%s, got:\n%s%s", row->text, place,
			        row->words == NULL ? "nothing" : row->words, wrong, notes);
		config_destroy(config);
		config_report_finish(&report);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
