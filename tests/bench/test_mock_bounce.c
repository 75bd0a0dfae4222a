#include "bench/mock_bounce.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define REPLY "550 5.7.233 - Your message can't be sent because your tenant has exceeded"

static struct mock_letter letter;
static struct mock_bounce bounce;

static int setup(void **state)
{
	struct random random;

	(void)state;
	random_seed(&random, 1);
	mock_letter_begin(&letter);
	mock_letter_feed(&letter, VIEW("Message-ID: <1@x>\r\nSubject: news\r\n\r\nText.\r\n"));
	mock_bounce_init(&bounce, VIEW("a@contoso.com"), VIEW(REPLY),
	        VIEW("b@example.org\nc@example.net\n"), &letter);
	mock_host_pick(&bounce.host, MOCK_HOST_BACK, &random);
	bounce.number = 26;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mock_bounce_finish(&bounce);
	return 0;
}

static void assert_holds(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is wanted in:\n%s", part, text);
}

static void assert_is_the_report(const char *text)
{
	assert_holds(text, "To: <a@contoso.com>\r\n");
	assert_holds(text, "Content-Type: multipart/report; report-type=delivery-status;\r\n");
	assert_holds(text, "In-Reply-To: <1@x>\r\n");
	assert_holds(text, "Reporting-MTA: dns;");
	assert_holds(text, "Final-Recipient: rfc822;b@example.org\r\nAction: failed\r\n"
	                   "Status: 5.7.233\r\nDiagnostic-Code: smtp;" REPLY "\r\n");
	assert_holds(text, "Final-Recipient: rfc822;c@example.net\r\n");
	assert_holds(text, "Remote server returned '" REPLY "'");
	assert_holds(text, "Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@x>\r\n"
	                   "Subject: news\r\n\r\n\r\n--_0000001A_--\r\n");
	/* Every line end is a line end of mail. */
	for (const char *end = strchr(text, '\n'); end != NULL; end = strchr(end + 1, '\n'))
		assert_true(end > text && end[-1] == '\r');
}

static void test_report(void **state)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(file);
	assert_true(mock_bounce_write(&bounce, file));
	assert_int_equal(fclose(file), 0);
	assert_is_the_report(text);
	free(text);
}

static void test_saves_it_whole(void **state)
{
	char folder[] = P_tmpdir "/sluice-bounce-XXXXXX";
	char room[256];
	char text[16384];
	struct text path = TEXT_ON(room);
	struct text why = { 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(mock_bounce_save(&bounce, folder, &why));
	text_format(&path, "%s/0000001a.eml", folder);
	FILE *file = fopen(text_string(&path), "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	assert_is_the_report(text);
	assert_int_equal(unlink(text_string(&path)), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing else is left in it */
}

static void test_says_why_it_can_not(void **state)
{
	static char deep[5000];
	char room[512];
	struct text why = TEXT_ON(room);

	(void)state;
	assert_false(mock_bounce_save(&bounce, "/nonexistent/folder", &why));
	assert_holds(text_string(&why), "/nonexistent/folder/0000001a.eml: No such file");
	memset(deep, 'x', sizeof deep - 1);
	why.bytes = 0;
	assert_false(mock_bounce_save(&bounce, deep, &why));
	assert_holds(text_string(&why), "too long a path");
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	assert_false(mock_bounce_write(&bounce, full));
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_report, setup, teardown),
		cmocka_unit_test_setup_teardown(test_saves_it_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says_why_it_can_not, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
