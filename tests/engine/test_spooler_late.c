/* Reports of what was sent: matched, told to the shards, or not believed. */
#include "tests/engine/star.h"

#include "engine/spooler_inner.h"

#include <sys/stat.h>

static const char remembers[] =
        "sent_memory: {window: 1h}\n"
        "routes:\n"
        "  - {name: first, interface: connector, host: 127.0.0.1, sessions: 2, pipeline: 2,\n"
        "     identities: [{user: m@c.test, secret_file: late-secret},\n"
        "                  {user: n@c.test, secret_file: late-secret}]}\n";

#define TENANT                                                                                     \
	"550 5.7.233 - Your message can't be sent because your tenant has exceeded its daily "     \
	"limit"

/* It was taken for b@fabrikam.com and others, by the second mailbox. */
static void keep(struct star *star, const char *message_id, uint64_t id, const char *to)
{
	struct spool_sent sent = {
		.id = id,
		.when = clock_wall(),
		.route = "first",
		.identity = "N@c.test",
		.sender = "a@contoso.com",
		.recipient_count = 1,
		.recipients = { spool_sent_print(view_of(to)) },
	};

	spooler_sent_key(view_of(message_id), sent.key);
	star_assert_ok(spool_begin(star->spooler->spool));
	star_assert_ok(spool_keep_sent(star->spooler->spool, &sent));
	star_assert_ok(spool_commit(star->spooler->spool));
}

static struct late hear(struct star *star, const char *message_id, const char *to,
        enum ndr_action action, const char *remote, const char *reply)
{
	static struct ndr ndr;
	struct late late;

	memset(&ndr, 0, sizeof ndr);
	ndr.report = true;
	ndr_add_id(&ndr, view_of(message_id), true);
	struct ndr_recipient *recipient = ndr_add_recipient(&ndr);
	recipient->action = action;
	ndr_set(recipient->address, sizeof recipient->address, view_of(to));
	ndr_set(recipient->remote, sizeof recipient->remote, view_of(remote));
	ndr_set(recipient->reply, sizeof recipient->reply, view_of(reply));
	spooler_hear_late(star->spooler, &ndr, recipient, "test", &late);
	star_turns(star, 3);
	return late;
}

/* Of the same message, who is one of many. */
static struct late hear_from(struct star *star, const char *message_id, int recipient)
{
	char address[32];

	(void)snprintf(address, sizeof address, "b%d@fabrikam.com", recipient);
	return hear(star, message_id, address, NDR_FAILED, "", TENANT);
}

static void test_heard(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b@fabrikam.com");
	keep(&star, "<1@c>", 42, "c@fabrikam.com");
	keep(&star, "<1@c>", 43, "d@fabrikam.com");
	struct late late =
	        hear(&star, "<1@c>", "C@fabrikam.com", NDR_FAILED, "x.prod.outlook.com", TENANT);
	assert_int_equal(late.fate, LATE_ACTED);
	assert_int_equal(late.sent.id, 42);
	assert_true(late.known);
	assert_int_equal(late.verdict.cause, CAUSE_TENANT_RATE);
	assert_int_equal(star.lates, 1);
	assert_int_equal(star.late.route, 0);
	assert_true(star.late.signed_in);
	assert_int_equal(star.late.identity, 1);
	assert_string_equal(star.late.sender, "a@contoso.com");
	assert_string_equal(star.late.reply, TENANT);
	assert_int_equal(star.counters.refusals_late, 1);
	/* Of a group's member that was never named. */
	late = hear(&star, "<1@c>", "e@fabrikam.com", NDR_FAILED, "", TENANT);
	assert_int_equal(late.fate, LATE_ACTED);
	assert_false(late.known);
	/* Sheets come back: there is no end to them. */
	for (int i = 0; i < 3 * LATE_SHEETS; i++)
		assert_int_equal(hear_from(&star, "<1@c>", i).fate, LATE_ACTED);
	assert_int_equal(star.lates, 2 + 3 * LATE_SHEETS);
	star_close(&star);
}

/* The same of the same recipient is one refusal; but before a crash it may have been told to
 * nobody. */
static void test_heard_again(void **state)
{
	static struct ndr ndr = { .report = true, .id_count = 1, .ids = { "<1@c>" } };
	struct star star;
	struct late late;

	(void)state;
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b0@fabrikam.com");
	ndr.recipient_count = 1;
	ndr.recipients[0] = (struct ndr_recipient){
		.action = NDR_FAILED, .address = "b0@fabrikam.com", .reply = TENANT
	};
	spooler_hear_late(star.spooler, &ndr, &ndr.recipients[0], "test", &late);
	assert_int_equal(late.fate, LATE_ACTED);
	const uint64_t notes = late.notes;
	assert_true(notes != 0);
	/* On its way to the disk, and there. */
	spooler_hear_late(star.spooler, &ndr, &ndr.recipients[0], "test", &late);
	assert_int_equal(late.fate, LATE_AGAIN);
	assert_int_equal(late.notes, notes);
	star_turns(&star, 3);
	late = hear_from(&star, "<1@c>", 0);
	assert_int_equal(late.fate, LATE_AGAIN);
	assert_true(late.kept);
	assert_int_equal(late.notes, 0);
	assert_int_equal(hear_from(&star, "<1@c>", 1).fate, LATE_ACTED);
	assert_int_equal(star.lates, 2);
	assert_int_equal(star.counters.refusals_late, 2);
	star_restart(&star, remembers);
	star.spooler->started.ms = clock_wall().ms + 1;
	assert_int_equal(hear_from(&star, "<1@c>", 0).fate, LATE_ACTED);
	star_close(&star);
}

/* What `queue show` has of a message. */
static size_t shown(struct star *star, struct request *request, uint64_t id)
{
	request_reset(request, REQUEST_SHOW);
	request->ids = &id;
	request->ids_count = 1;
	spooler_put_lates(star->spooler, request);
	request->ids = NULL;
	return request->rows_count;
}

static void test_kept_with_the_message(void **state)
{
	struct request *request = NULL;
	struct star star;
	char address[32];

	(void)state;
	star_assert_ok(request_create(&request));
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b@fabrikam.com");
	keep(&star, "<2@c>", 42, "b@fabrikam.com");
	assert_true(hear(&star, "<1@c>", "b@fabrikam.com", NDR_FAILED, "", TENANT).kept);
	assert_true(hear(&star, "<1@c>", "B@fabrikam.com", NDR_FAILED, "", TENANT).kept);
	assert_false(hear(&star, "<1@c>", "b@fabrikam.com", NDR_DELAYED, "", "450 4.4.7").kept);
	star_restart(&star, remembers);
	assert_int_equal(shown(&star, request, 41), 1);
	const struct request_row *row = &request->rows[0];
	assert_int_equal(row->id, 41);
	assert_true(view_equal(row->state, VIEW("refused_late")));
	assert_true(view_equal(row->from, VIEW("a@contoso.com")));
	assert_true(view_equal(row->reply, VIEW(TENANT)));
	assert_true(view_equal(row->recipients[0].address, VIEW("b@fabrikam.com")));
	assert_int_equal(shown(&star, request, 42), 0);
	/* Whoever has one report can't fill the disk with more. */
	for (int i = 0; i < 70; i++) {
		(void)snprintf(address, sizeof address, "x%d@fabrikam.com", i);
		const struct late late = hear(&star, "<2@c>", address, NDR_FAILED, "", TENANT);
		assert_int_equal(late.kept, i < 64);
	}
	assert_int_equal(shown(&star, request, 42), 64);
	/* Forgotten, the first first. */
	const struct wall later = { clock_wall().ms + 1000 };
	for (int i = 0; i < 20; i++) {
		spooler_forget_lates(star.spooler, later);
		star_turns(&star, 2);
		assert_int_equal(shown(&star, request, 41), 0);
	}
	assert_int_equal(shown(&star, request, 42), 0);
	request_destroy(request);
	star_close(&star);
}

static void test_stops_nothing(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b@fabrikam.com");
	struct late late =
	        hear(&star, "<1@c>", "b@fabrikam.com", NDR_FAILED, "mx.fabrikam.com", TENANT);
	assert_int_equal(late.fate, LATE_NOTED);
	assert_true(late.foreign);
	late = hear(&star, "<1@c>", "b@fabrikam.com", NDR_FAILED, "", "550 5.1.1 unknown");
	assert_int_equal(late.fate, LATE_NOTED);
	late = hear(&star, "<1@c>", "b@fabrikam.com", NDR_DELAYED, "", "450 4.4.7");
	assert_int_equal(late.fate, LATE_NOTED);
	assert_int_equal(star.counters.refusals_late, 2);
	/* No such message, or no report at all. */
	late = hear(&star, "<2@c>", "b@fabrikam.com", NDR_FAILED, "", TENANT);
	assert_int_equal(late.fate, LATE_UNKNOWN);
	static const struct ndr none = { .report = false };
	spooler_hear_late(star.spooler, &none, NULL, "test", &late);
	assert_int_equal(late.fate, LATE_NONE);
	assert_int_equal(star.counters.reports_disbelieved, 2);
	assert_int_equal(star.lates, 0);
	star_close(&star);
}

/* Nobody turns: what finds no sheet is not heard, and said so. */
static void test_sheets_have_a_bound(void **state)
{
	struct star star;
	static struct ndr ndr = { .report = true, .id_count = 1, .ids = { "<1@c>" } };
	struct late late;

	(void)state;
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b@fabrikam.com");
	ndr.recipient_count = 1;
	ndr.recipients[0] = (struct ndr_recipient){
		.action = NDR_FAILED, .address = "b@fabrikam.com", .reply = TENANT
	};
	for (int i = 0; i <= LATE_SHEETS; i++) {
		(void)snprintf(ndr.recipients[0].address, sizeof ndr.recipients[0].address,
		        "b%d@fabrikam.com", i);
		spooler_hear_late(star.spooler, &ndr, &ndr.recipients[0], "test", &late);
		assert_int_equal(late.fate, i < LATE_SHEETS ? LATE_ACTED : LATE_BUSY);
	}
	star_turns(&star, 5);
	assert_int_equal(star.lates, LATE_SHEETS);
	/* It has missed nothing. */
	spooler_hear_late(star.spooler, &ndr, &ndr.recipients[0], "test", &late);
	assert_int_equal(late.fate, LATE_ACTED);
	star_close(&star);
}

/* Nor is there an end to records: what finds no room is neither kept nor told. */
static void test_notes_have_a_bound(void **state)
{
	static struct ndr ndr = { .report = true, .id_count = 1, .ids = { "<1@c>" } };
	static const char fault[] = "550 5.1.10 RESOLVER.ADR.RecipientNotFound";
	struct star star;
	struct late late;

	(void)state;
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b@fabrikam.com");
	ndr.recipient_count = 1;
	ndr.recipients[0] = (struct ndr_recipient){ .action = NDR_FAILED };
	memcpy(ndr.recipients[0].reply, fault, sizeof fault);
	for (int i = 0; i <= LATE_NOTES; i++) {
		(void)snprintf(ndr.recipients[0].address, sizeof ndr.recipients[0].address,
		        "b%d@fabrikam.com", i);
		spooler_hear_late(star.spooler, &ndr, &ndr.recipients[0], "test", &late);
		assert_int_equal(late.fate, i < LATE_NOTES ? LATE_NOTED : LATE_BUSY);
		assert_int_equal(late.kept, i < LATE_NOTES);
	}
	star_turns(&star, 3);
	assert_int_equal(spooler_lates_under_way(star.spooler), 0);
	star_close(&star);
}

/* As an ingest shard sends it: answered after the commit of what is kept of it, and refused for now
 * where there is no room to hear it. */
static void test_by_mail(void **state)
{
	static struct ndr ndrs[LATE_SHEETS];
	struct letter letter = { .kind = LETTER_PUT, .report = &ndrs[0] };
	struct star star;

	(void)state;
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b@fabrikam.com");
	for (int i = 0; i < LATE_SHEETS; i++) {
		struct ndr *ndr = &ndrs[i];
		*ndr = (struct ndr){ .report = true, .id_count = 1, .ids = { "<1@c>" } };
		for (int j = 0; j < 3; j++) {
			struct ndr_recipient *recipient = &ndr->recipients[ndr->recipient_count++];
			*recipient =
			        (struct ndr_recipient){ .action = NDR_FAILED, .reply = TENANT };
			(void)snprintf(recipient->address, sizeof recipient->address,
			        "b%d-%d@fabrikam.com", i, j);
		}
		letter.report = ndr;
		letter.ticket = ++star.asked;
		star_send(&star, &star.ingest.to_spooler, &letter);
	}
	star_turns(&star, 10);
	assert_int_equal(star.committed, LATE_SHEETS / 3);
	assert_int_equal(star.failed, LATE_SHEETS - LATE_SHEETS / 3);
	assert_int_equal(star.lates, LATE_SHEETS);
	/* Those that were refused come again: of one that was heard in part the rest is. */
	letter.report = &ndrs[LATE_SHEETS / 3];
	letter.ticket = ++star.asked;
	star_send(&star, &star.ingest.to_spooler, &letter);
	star_turns(&star, 5);
	assert_int_equal(star.committed, LATE_SHEETS / 3 + 1);
	assert_int_equal(star.lates, LATE_SHEETS + 2);
	/* Of a message that nobody knows each recipient would be looked for in vain. */
	(void)snprintf(ndrs[0].ids[0], sizeof ndrs[0].ids[0], "<2@c>");
	letter.report = &ndrs[0];
	letter.ticket = ++star.asked;
	star_send(&star, &star.ingest.to_spooler, &letter);
	star_turns(&star, 3);
	assert_int_equal(star.committed, LATE_SHEETS / 3 + 2);
	assert_int_equal(star.counters.reports_disbelieved, 1);
	star_close(&star);
}

/* Not before the commit; and not as if there had been one. */
static void test_answered_after_the_commit(void **state)
{
	static struct ndr ndr = { .report = true, .id_count = 1, .ids = { "<1@c>" } };
	struct letter letter = { .kind = LETTER_PUT, .report = &ndr };
	struct star star;

	(void)state;
	star_open(&star, remembers);
	keep(&star, "<1@c>", 41, "b@fabrikam.com");
	ndr.recipient_count = 1;
	ndr.recipients[0] = (struct ndr_recipient){
		.action = NDR_FAILED, .address = "b@fabrikam.com", .reply = TENANT
	};
	/* The same report twice in one batch: the second waits for the first one's record. */
	for (int i = 0; i < 2; i++) {
		letter.ticket = ++star.asked;
		star_send(&star, &star.ingest.to_spooler, &letter);
	}
	spooler_take_puts(star.spooler);
	assert_int_equal(star.spooler->heard_count, 2);
	const uint64_t notes = star.spooler->heard[0].notes;
	assert_true(notes != 0);
	assert_int_equal(star.spooler->heard[1].notes, notes);
	assert_true(mailbox_is_empty(&star.ingest.to_shard));
	star_turns(&star, 3);
	assert_int_equal(star.committed, 2);
	assert_int_equal(star.lates, 1);
	/* The disk fails. */
	star.spooler->heard[star.spooler->heard_count++] =
	        (struct late_heard){ .ticket = ++star.asked, .notes = notes };
	spooler_answer_heard(star.spooler, true);
	star_turns(&star, 3);
	assert_int_equal(star.committed, 2);
	assert_int_equal(star.failed, 1);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heard),
		cmocka_unit_test(test_kept_with_the_message),
		cmocka_unit_test(test_stops_nothing),
		cmocka_unit_test(test_sheets_have_a_bound),
		cmocka_unit_test(test_by_mail),
		cmocka_unit_test(test_heard_again),
		cmocka_unit_test(test_notes_have_a_bound),
		cmocka_unit_test(test_answered_after_the_commit),
	};

	FILE *secret = fopen("late-secret", "w");
	if (secret == NULL || fputs("secret\n", secret) < 0 || fclose(secret) != 0 ||
	        chmod("late-secret", 0600) != 0)
		return 1;
	const int failures = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink("late-secret");
	return failures;
}
