/* Replies out of what stands around them, ids in their order, texts that fit. */
#include "engine/wire/ndr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
	const char *text;
	const char *status;
	const char *reply;
} replies[] = {
	{ "smtp;550 5.7.233 Your message can't be sent", "5.7.233",
	        "550 5.7.233 Your message can't be sent" },
	{ "smtp; 550 5.1.1 <a@b.example>: unknown", "5.1.1", "550 5.1.1 <a@b.example>: unknown" },
	{ "SMTP;550-5.7.26 This mail", "5.7.26", "550 5.7.26 This mail" },
	{ "#< #5.1.8 smtp;550 5.1.8 Access denied, bad outbound sender> #SMTP#", "",
	        "550 5.1.8 Access denied, bad outbound sender" },
	{ "#5.1.1 smtp; 550 5.1.1 unknown> #SMTP#", "", "550 5.1.1 unknown" },
	{ "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##", "",
	        "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found" },
	{ "550 5.1.10 RESOLVER.ADR.RecipientNotFound; smtp; lookup'", "",
	        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; smtp; lookup" },
	{ "smtp;5.2.2 mailbox full", "", "550 5.2.2 mailbox full" },
	{ "x-postfix; delivery temporarily suspended", "4.4.1",
	        "450 4.4.1 delivery temporarily suspended" },
	{ "smtp;gone", "", "550 gone" },
	{ "", "5.7.1", "550 5.7.1" },
	{ "", "4.4.7", "450 4.4.7" },
	{ "", "", "" },
	{ "smtp;451 4.4.0\tx\x01y", "", "451 4.4.0 x y" },
	{ "550", "", "550" },
	{ "###", "", "" },
};

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		struct ndr_recipient recipient = { .action = NDR_FAILED };

		ndr_set_reply(&recipient, view_of(replies[i].text), view_of(replies[i].status));
		assert_string_equal(recipient.reply, replies[i].reply);
	}
}

static void test_status(void **state)
{
	static const char *const none[] = { "", "5", "5.", "5.7", "5.7.", "3.1.1", "55.1.1",
		"5.1234.1", "5..1", "550 5.1.1", "5.1.1234" };

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_int_equal(ndr_status_of(view_of(none[i])).bytes, 0);
	assert_true(view_equal(ndr_status_of(VIEW("5.7.233 (tenant)")), VIEW("5.7.233")));
	assert_true(view_equal(ndr_status_of(VIEW("2.0.0")), VIEW("2.0.0")));
	assert_true(view_equal(ndr_status_of(VIEW("4.4.7.1")), VIEW("4.4.7")));
}

static void test_ids(void **state)
{
	struct ndr ndr = { 0 };

	(void)state;
	ndr_add_id(&ndr, VIEW("no id"), false);
	ndr_add_id(&ndr, VIEW("<>"), false);
	ndr_add_id(&ndr, VIEW("< open"), false);
	assert_int_equal(ndr.id_count, 0);
	ndr_add_id(&ndr, VIEW(" <a@x> "), false);
	ndr_add_id(&ndr, VIEW("<b@x>"), false);
	ndr_add_id(&ndr, VIEW("<a@x>"), false);
	assert_int_equal(ndr.id_count, 2);
	ndr_add_id(&ndr, VIEW("<b@x>"), true);
	assert_string_equal(ndr.ids[0], "<b@x>");
	assert_string_equal(ndr.ids[1], "<a@x>");
	ndr_add_id(&ndr, VIEW("<c@x>"), true);
	ndr_add_id(&ndr, VIEW("<d@x>"), false);
	ndr_add_id(&ndr, VIEW("<late@x>"), false);
	assert_int_equal(ndr.id_count, NDR_IDS_MAX);
	assert_string_equal(ndr.ids[3], "<d@x>");
	ndr_add_id(&ndr, VIEW("<e@x>"), true);
	assert_int_equal(ndr.id_count, NDR_IDS_MAX);
	assert_string_equal(ndr.ids[0], "<e@x>");
	assert_string_equal(ndr.ids[3], "<a@x>");
}

static void test_recipients_have_a_bound(void **state)
{
	static struct ndr ndr;

	(void)state;
	for (size_t i = 0; i < NDR_RECIPIENTS_MAX; i++) {
		struct ndr_recipient *recipient = ndr_add_recipient(&ndr);
		snprintf(recipient->address, sizeof recipient->address, "u%zu@x.example", i);
	}
	assert_null(ndr_add_recipient(&ndr));
	assert_int_equal(ndr.recipients_missed, 1);
	assert_ptr_equal(ndr_find_recipient(&ndr, VIEW("U3@X.example")), &ndr.recipients[3]);
	assert_null(ndr_find_recipient(&ndr, VIEW("v@x.example")));
	assert_null(ndr_find_recipient(&ndr, VIEW("")));
}

static void test_actions(void **state)
{
	(void)state;
	assert_int_equal(ndr_action_of(VIEW("Failed")), NDR_FAILED);
	assert_int_equal(ndr_action_of(VIEW("delayed")), NDR_DELAYED);
	assert_int_equal(ndr_action_of(VIEW("lost")), NDR_UNKNOWN);
	assert_string_equal(ndr_action_word(NDR_RELAYED), "relayed");
}

static void test_texts_are_cut(void **state)
{
	char into[4] = "xxx";

	(void)state;
	ndr_set(into, sizeof into, VIEW("a\nbc"));
	assert_string_equal(into, "a b");
	ndr_set(into, sizeof into, VIEW(""));
	assert_string_equal(into, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_recipients_have_a_bound),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
