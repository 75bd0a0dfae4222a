#include "bench/mock_saying.h"

#include "queue/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DRAWS 200 /* of each saying: every text comes up */

static struct random random;
static struct mock_host front;
static struct mock_host back;

static int setup(void **state)
{
	(void)state;
	random_seed(&random, 7);
	mock_host_pick(&front, MOCK_HOST_FRONT, &random);
	mock_host_pick(&back, MOCK_HOST_BACK, &random);
	return 0;
}

static struct mock_words words_now(void)
{
	return (struct mock_words){ .front = &front,
		.back = &back,
		.now = { 1795601472123 },
		.address = VIEW("198.51.100.16"),
		.mailbox = VIEW("info@contoso.com"),
		.sender = VIEW("noreply@contoso.com"),
		.recipient = VIEW("jdoe@fabrikam.com"),
		.session_ns = 1255 * NS_PER_S + 287235500 };
}

/* What Sluice must make of each; a cause of 0 (CAUSE_UNKNOWN or the like) is not asked for. */
static const struct {
	enum mock_saying saying;
	enum stage stage;
	const char *causes; /* any of */
} meanings[] = {
	{ MOCK_SAYS_BUSY_CONNECT, STAGE_CONNECT, "server_busy concurrent_connections" },
	{ MOCK_SAYS_BUSY_AUTH, STAGE_AUTH, "auth_temporary server_busy" },
	{ MOCK_SAYS_BUSY_MAIL, STAGE_MAIL, "server_busy proxy_temporarily_unavailable" },
	{ MOCK_SAYS_BUSY_RCPT, STAGE_RCPT, "attribution_temporary server_busy" },
	{ MOCK_SAYS_BUSY_EOD, STAGE_EOD, "server_busy" },
	{ MOCK_SAYS_FAULT_PROXY, STAGE_AUTH, "proxy_temporarily_unavailable server_busy" },
	{ MOCK_SAYS_FAULT_PROXY, STAGE_MAIL, "proxy_temporarily_unavailable server_busy" },
	{ MOCK_SAYS_FAULT_ATTRIBUTION, STAGE_RCPT, "attribution_temporary" },
	{ MOCK_SAYS_FAULT_REPLICATION, STAGE_EOD, "server_busy" },
	{ MOCK_SAYS_AUTH_FAILED, STAGE_AUTH, "auth_failed" },
	{ MOCK_SAYS_PASSWORD_WRONG, STAGE_AUTH, "auth_failed" },
	{ MOCK_SAYS_TOKEN_EXPIRED, STAGE_AUTH, "token_expired" },
	{ MOCK_SAYS_AUTH_DISABLED, STAGE_AUTH, "auth_disabled" },
	{ MOCK_SAYS_BASIC_DISABLED, STAGE_AUTH, "basic_auth_disabled" },
	{ MOCK_SAYS_BASIC_RETIRED, STAGE_AUTH, "basic_auth_disabled" },
	{ MOCK_SAYS_TENANT_BLOCKED, STAGE_MAIL, "tenant_blocked" },
	{ MOCK_SAYS_DIRECT_REJECTED, STAGE_MAIL, "direct_send_rejected" },
	{ MOCK_SAYS_NOT_ACCEPTED, STAGE_RCPT, "relay_denied" },
	{ MOCK_SAYS_RELAY_DENIED, STAGE_RCPT, "relay_denied" },
	{ MOCK_SAYS_ADDRESS_BUSY, STAGE_RCPT, "server_busy" },
	{ MOCK_SAYS_RECIPIENT_UNKNOWN, STAGE_RCPT, "recipient_unknown" },
	{ MOCK_SAYS_RECIPIENTS_MANY, STAGE_RCPT, "recipient_other_tenant too_many_recipients" },
	{ MOCK_SAYS_CONCURRENT, STAGE_EOD, "concurrent_connections" },
	{ MOCK_SAYS_RATE, STAGE_EOD, "sender_rate" },
	{ MOCK_SAYS_DAILY, STAGE_EOD, "recipient_rate_daily" },
	{ MOCK_SAYS_SEND_AS, STAGE_EOD, "send_as_denied" },
	{ MOCK_SAYS_BARRED_FULL, STAGE_EOD, "continuous_errors" },
	{ MOCK_SAYS_BARRED_SEND_AS, STAGE_EOD, "continuous_errors" },
	{ MOCK_SAYS_BARRED_LICENCE, STAGE_EOD, "continuous_errors" },
	{ MOCK_SAYS_BARRED_MANY, STAGE_EOD, "continuous_errors" },
	{ MOCK_SAYS_BARRED_INVALID, STAGE_EOD, "continuous_errors" },
	{ MOCK_SAYS_MAILBOX_FULL, STAGE_EOD, "sender_mailbox_full" },
	{ MOCK_SAYS_LOGON_FAILED, STAGE_EOD, "mailbox_logon" },
	{ MOCK_SAYS_SUSPENDED, STAGE_EOD, "account_suspended" },
	{ MOCK_SAYS_SENDER_BANNED, STAGE_EOD, "sender_blocked" },
	{ MOCK_SAYS_EXTERNAL_QUOTA, STAGE_EOD, "tenant_rate" },
	{ MOCK_SAYS_ONMICROSOFT_QUOTA, STAGE_EOD, "moera_rate" },
	{ MOCK_SAYS_IDLE, STAGE_ANY, "idle_timeout" },
	{ MOCK_SAYS_SESSION_OVER, STAGE_ANY, "session_timeout" },
};

static void assert_is_a_line(struct view line)
{
	assert_true(line.bytes > 4 && line.bytes <= MOCK_SAYING_BYTES_MAX);
	assert_true(byte_is_digit(line.data[0]) && line.data[3] == ' ');
	for (size_t i = 0; i < line.bytes; i++)
		assert_true(line.data[i] >= ' ' && line.data[i] <= '~' && line.data[i] != '{');
}

static void test_mean_what_sluice_reads(void **state)
{
	static char room[4096];
	const struct mock_words words = words_now();

	(void)state;
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		for (int draw = 0; draw < DRAWS; draw++) {
			struct text text = TEXT_ON(room);
			mock_saying_put(&text, meanings[i].saying, &words, &random);
			assert_is_a_line(text_view(&text));
			const struct verdict verdict =
			        verdict_judge(meanings[i].stage, text_view(&text));
			if (verdict.basis != BASIS_RULE ||
			        !view_contains_fold(view_of(meanings[i].causes),
			                view_of(cause_word(verdict.cause))))
				fail_msg("%s: \"%s\" is read as %s",
				        mock_saying_word(meanings[i].saying), text_string(&text),
				        cause_word(verdict.cause));
		}
	}
}

static void test_every_saying_is_judged_above(void **state)
{
	(void)state;
	for (int saying = MOCK_SAYS_NOTHING + 1; saying < MOCK_SAYING_COUNT; saying++) {
		bool found = false;
		for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
			found = found || meanings[i].saying == (enum mock_saying)saying;
		assert_true(found);
	}
}

/* What the collected replies have no row for, and why it is said all the same. */
static const struct {
	const char *text;
	const char *why;
} unlisted[] = {
	{ "550 5.2.253 Sender throttled due to continuous license errors.",
	        "reference.md, 3.1 has the code, and rows of its neighbours the words" },
	{ "550 5.7.30 Basic authentication is not supported for Client Submission.",
	        "reference.md, 4.4 quotes it" },
	{ "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
	        "reference.md, 3.1 quotes it: the text before the one of today" },
	{ "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
	        "what Exchange says of external recipients on direct send; no transcript of "
	        "Exchange Online's was found" },
	{ "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to "
	  "process message due to a permanent exception with message The message can't be "
	  "submitted "
	  "because the sender's submission quota was exceeded. [BeginDiagnosticData]Cannot submit "
	  "message. #[EndDiagnosticData]",
	        "the listed text with the diagnostics of its neighbours: real ones are that long" },
};

#define ROWS_MAX 400

static char row_memory[ROWS_MAX][4096];
static size_t row_count;

/* Whatever is a host's name, an id, a time or a number of the moment goes. */
static void put_plain(struct text *plain, struct view reply)
{
	static const struct view server = VIEW_INIT("Server = ");
	static const struct view duration = VIEW_INIT("duration: ");
	bool diagnostics = false;

	/* "[HOST]", "[HOST time id]", "[Hostname=HOST]": groups at the end */
	while (reply.bytes > 0 && reply.data[reply.bytes - 1] == ']' &&
	        !view_ends_fold(reply, VIEW("[EndDiagnosticData]"))) {
		size_t open = reply.bytes - 1;
		while (open > 0 && reply.data[open] != '[')
			open--;
		reply = view_trim(view_first(reply, open));
	}
	while (reply.bytes > 0) {
		const bool named = view_starts_fold(reply, server);
		const size_t digits = view_find(reply, ':');

		if (named || view_starts_fold(reply, duration)) {
			text_put(plain, named ? server : duration);
			reply = named ? view_skip(reply, view_find(reply, '['))
			              : view_skip(reply, reply.bytes);
			continue;
		}
		/* "1.84300:0A000000, 0.62184:00000000" */
		if (digits == 7 && reply.bytes >= 16 && reply.data[1] == '.' &&
		        byte_is_digit(reply.data[0]) && byte_is_digit(reply.data[6])) {
			if (!diagnostics)
				text_put_byte(plain, '#');
			diagnostics = true;
			reply = view_skip(reply, 16);
			if (view_starts_fold(reply, VIEW(", ")))
				reply = view_skip(reply, 2);
			continue;
		}
		text_put_byte(plain, reply.data[0]);
		reply = view_skip(reply, 1);
	}
}

static void read_rows(void)
{
	const char *slash = strrchr(__FILE__, '/');
	char path[1024];
	static char line[8192];

	(void)snprintf(
	        path, sizeof path, "%.*s/../queue/replies.tsv", (int)(slash - __FILE__), __FILE__);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	for (row_count = 0; fgets(line, sizeof line, file) != NULL; row_count++) {
		struct view rest = view_of(line);

		assert_true(row_count < ROWS_MAX);
		struct text plain = TEXT_ON(row_memory[row_count]);
		rest = view_skip(rest, view_find(rest, '\t') + 1);
		put_plain(&plain, view_first(rest, view_find(rest, '\t')));
		(void)text_string(&plain);
	}
	(void)fclose(file);
	assert_true(row_count > 150);
}

static bool is_listed(const char *plain)
{
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(row_memory[i], plain) == 0)
			return true;
	return false;
}

/* Nothing is made up: each text is a row of replies.tsv, or stands above with its reason. */
static void test_texts_are_collected_ones(void **state)
{
	static bool used[sizeof unlisted / sizeof unlisted[0]];
	static char room[4096];
	static char plain_room[4096];
	const struct mock_words words = words_now();

	(void)state;
	read_rows();
	for (int saying = MOCK_SAYS_NOTHING + 1; saying < MOCK_SAYING_COUNT; saying++) {
		for (int draw = 0; draw < DRAWS; draw++) {
			struct text text = TEXT_ON(room);
			struct text plain = TEXT_ON(plain_room);
			bool known = false;

			mock_saying_put(&text, (enum mock_saying)saying, &words, &random);
			put_plain(&plain, text_view(&text));
			for (size_t i = 0; i < sizeof unlisted / sizeof unlisted[0]; i++)
				if (strcmp(unlisted[i].text, text_string(&plain)) == 0)
					known = used[i] = true;
			if (!known && !is_listed(text_string(&plain)))
				fail_msg("%s: \"%s\" is no row of replies.tsv",
				        mock_saying_word((enum mock_saying)saying),
				        text_string(&plain));
		}
	}
	for (size_t i = 0; i < sizeof unlisted / sizeof unlisted[0]; i++)
		if (!used[i] || is_listed(unlisted[i].text))
			fail_msg("\"%s\" is listed, or never said", unlisted[i].text);
}

static void test_texts_vary(void **state)
{
	static char room[4096];
	const struct mock_words words = words_now();
	bool stamped = false;
	size_t longest = 0;

	(void)state;
	for (int draw = 0; draw < DRAWS; draw++) {
		struct text text = TEXT_ON(room);
		mock_saying_put(&text, MOCK_SAYS_SEND_AS, &words, &random);
		longest = text.bytes > longest ? text.bytes : longest;
	}
	assert_true(longest > 1500); /* real ones break clients that read 512 octets */
	for (int draw = 0; draw < DRAWS; draw++) {
		struct text text = TEXT_ON(room);
		mock_saying_put(&text, MOCK_SAYS_AUTH_FAILED, &words, &random);
		stamped = stamped ||
		          view_contains_fold(text_view(&text), VIEW(" 2026-11-25T10:11:12.123Z "));
	}
	assert_true(stamped);
}

static void test_fields_are_put_in(void **state)
{
	static char room[4096];
	const struct mock_words words = words_now();
	struct text text = TEXT_ON(room);

	(void)state;
	mock_saying_put(&text, MOCK_SAYS_SESSION_OVER, &words, &random);
	assert_string_equal(text_string(&text),
	        "421 4.4.1 Connection timed out. Total session duration: 00:20:55.2872355");
	text.bytes = 0;
	mock_saying_put(&text, MOCK_SAYS_ADDRESS_BUSY, &words, &random);
	assert_true(view_contains_fold(text_view(&text), VIEW("from [198.51.100.16]. (S777")));
}

static void test_hosts_look_like_the_services(void **state)
{
	char room[128];
	struct mock_host again;
	struct random first;
	struct random second;

	(void)state;
	for (int i = 0; i < DRAWS; i++) {
		struct mock_host host;
		struct text text = TEXT_ON(room);
		mock_host_pick(&host, (enum mock_host_kind)(i % MOCK_HOST_KIND_COUNT), &random);
		mock_host_put(&text, &host);
		assert_true(view_ends_fold(text_view(&text), VIEW(".prod.outlook.com")));
		text.bytes = 0;
		mock_host_put_public(&text, &host);
		assert_true(view_ends_fold(text_view(&text),
		        host.kind == MOCK_HOST_EDGE ? VIEW(".mail.protection.outlook.com")
		                                    : VIEW(".outlook.office365.com")));
		text.bytes = 0;
		mock_host_put_stamp(&text, &host, (struct wall){ 0 });
		assert_true(view_contains_fold(
		        text_view(&text), VIEW(" 1970-01-01T00:00:00.000Z 08DE")));
	}
	random_seed(&first, 3);
	random_seed(&second, 3);
	mock_host_pick(&front, MOCK_HOST_FRONT, &first);
	mock_host_pick(&again, MOCK_HOST_FRONT, &second);
	assert_memory_equal(&front, &again, sizeof front);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mean_what_sluice_reads),
		cmocka_unit_test(test_every_saying_is_judged_above),
		cmocka_unit_test(test_texts_are_collected_ones),
		cmocka_unit_test(test_texts_vary),
		cmocka_unit_test(test_fields_are_put_in),
		cmocka_unit_test(test_hosts_look_like_the_services),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
