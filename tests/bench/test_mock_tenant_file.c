#include "bench/mock_tenant_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct mock_tenant *read_text(const char *text)
{
	struct mock_tenant *tenant;
	char room[512];
	struct text why = TEXT_ON(room);

	if (!mock_tenant_file_read(&tenant, view_of(text), "", &why))
		fail_msg("%s", text_string(&why));
	return tenant;
}

static void test_an_empty_one_is_the_service(void **state)
{
	(void)state;
	struct mock_tenant *tenant = read_text("{}");

	assert_true(tenant->settings.speed == 1);
	assert_true(tenant->settings.tarpit_s == 5);
	assert_true(tenant->settings.idle_s == 300);
	assert_int_equal(tenant->settings.counts, MOCK_COUNTS_DATA);
	assert_int_equal(tenant->settings.external_refusal, MOCK_REFUSAL_LATE);
	assert_int_equal(tenant->external.limit, 10000);
	assert_int_equal(tenant->mailbox_count, 0);
	mock_tenant_destroy(tenant);
}

static void test_everything(void **state)
{
	(void)state;
	struct mock_tenant *tenant = read_text(
	        "{\"speed\": 60, \"licences\": 100, \"counts\": \"mail\", \"rate\": \"delay\","
	        " \"external_refusal\": \"session\", \"banned_refusal\": \"session\","
	        " \"basic_auth\": \"retired\", \"blocked\": true, \"reject_direct_send\": true,"
	        " \"recipients_per_message\": 500, \"recipients_per_domain\": 20, \"tarpit\": 0,"
	        " \"idle\": 30, \"session\": 60, \"report\": 1.5, \"seed\": 9,"
	        " \"accepted_domains\": [\"contoso.com\", \"fabrikam.com\"],"
	        " \"banned_senders\": [\"spam@contoso.com\"],"
	        " \"unknown_recipients\": [\"gone@contoso.com\"],"
	        " \"faults\": {\"proxy\": 0.1, \"attribution\": 0.2, \"replication\": 0.3},"
	        " \"errors\": {\"count\": 4, \"within\": 60, \"bar\": 3600, \"at\": \"auth\"},"
	        " \"source\": {\"messages_per_minute\": 6, \"burst\": 2},"
	        " \"mailbox\": {\"messages_per_minute\": 10},"
	        " \"mailboxes\": [{\"name\": \"m#@contoso.com\", \"count\": 20, \"password\": "
	        "\"pw\"},"
	        "  {\"name\": \"a@contoso.com\", \"token\": \"t\", \"state\": \"full\","
	        "   \"connections\": 1, \"recipients_per_day\": \"none\", \"barred\": \"253\","
	        "   \"send_as\": [\"b@contoso.com\"]}],"
	        " \"connectors\": [{\"certificate\": \"relay.contoso.com\"},"
	        "  {\"addresses\": [\"192.0.2.0/24\", \"2001:db8::1\"]}],"
	        " \"spells\": [{\"from\": 10, \"to\": 20, \"probability\": 0.5, \"stage\": "
	        "\"mail\","
	        "  \"in_flight\": 40}],"
	        " \"schedule\": [{\"at\": 60, \"limit\": \"messages_per_minute\", \"factor\": "
	        "0.5},"
	        "  {\"at\": 30, \"limit\": \"connections\", \"mailbox\": \"M3@contoso.com\","
	        "   \"value\": \"none\"}]}");

	assert_int_equal(tenant->mailbox_count, 21);
	const struct mock_mailbox *m20 = mock_tenant_mailbox(tenant, VIEW("m20@contoso.com"));
	assert_non_null(m20);
	assert_int_equal(m20->messages.limit, 10);
	assert_int_equal(m20->messages.limit_first, 10);
	assert_true(m20->counts_mail);
	const struct mock_mailbox *a = mock_tenant_mailbox(tenant, VIEW("a@contoso.com"));
	assert_null(a->password);
	assert_string_equal(a->token, "t");
	assert_int_equal(a->state, MOCK_MAILBOX_FULL);
	assert_int_equal(a->barred, MOCK_SAYS_BARRED_LICENCE);
	assert_int_equal(m20->barred, MOCK_SAYS_NOTHING);
	assert_int_equal(a->connections, 1);
	assert_true(a->recipients.limit == MOCK_NONE);
	assert_true(mock_mailbox_may_send_as(a, VIEW("b@contoso.com")));
	assert_int_equal(tenant->external.limit, 22059);
	assert_true(mock_tenant_accepts(tenant, VIEW("fabrikam.com")));
	assert_true(mock_tenant_bans(tenant, VIEW("spam@contoso.com")));
	assert_true(mock_tenant_lacks(tenant, VIEW("gone@contoso.com")));
	assert_true(mock_tenant_knows_certificate(tenant, VIEW("relay.contoso.com")));
	assert_int_equal(tenant->connectors[1].networks[0].bits, 120);
	assert_int_equal(tenant->connectors[1].networks[1].bits, 128);
	assert_int_equal(tenant->settings.rate, MOCK_RATE_DELAYS);
	assert_int_equal(tenant->settings.basic_auth, MOCK_BASIC_RETIRED);
	assert_int_equal(tenant->settings.bar, MOCK_BAR_AUTH);
	assert_int_equal(tenant->settings.strikes, 4);
	assert_true(tenant->settings.fault_replication == 0.3);
	assert_true(tenant->sources.burst == 2);
	assert_int_equal(tenant->spells[0].stage, STAGE_MAIL);
	assert_int_equal(tenant->spells[0].in_flight, 40);
	assert_int_equal(tenant->change_count, 2);
	assert_ptr_equal(
	        tenant->changes[0].mailbox, mock_tenant_mailbox(tenant, VIEW("m3@contoso.com")));
	assert_true(tenant->changes[0].value == MOCK_NONE);
	assert_true(tenant->changes[1].is_factor);
	mock_tenant_destroy(tenant);
}

#define BOX "\"mailboxes\": [{\"name\": \"a@b.example\", \"password\": \"x\""

static void test_complaints_name_the_place(void **state)
{
	static const char *const wrong[][2] = {
		{ "", "line 1: " },
		{ "{\n\"speed\": 1,\n}", "line 3: " },
		{ "[]", "an object is wanted" },
		{ "{\"speed\": 1, \"speed\": 2}", "duplicate object key" },
		{ "{\"Speed\": 1}", "Speed: there is no such key" },
		{ "{\"speed\": 0}", "speed: a number from 0.001 to 100000 is wanted" },
		{ "{\"speed\": \"fast\"}", "speed: a number" },
		{ "{\"licences\": 1.5}", "licences: a whole number from 1 to 10000000 is wanted" },
		{ "{\"licences\": -1}", "licences: a whole number" },
		{ "{\"blocked\": 1}", "blocked: true or false is wanted" },
		{ "{\"counts\": \"rcpt\"}", "counts: one of \"data\", \"mail\" is wanted" },
		{ "{\"counts\": 1}", "counts: one of " },
		{ "{\"ndr_folder\": \"\"}", "ndr_folder: a text of 1 to 4096 bytes is wanted" },
		{ "{\"ndr_folder\": \"no/such/folder\"}", "ndr_folder: no/such/folder: No such" },
		{ "{\"faults\": {\"proxy\": 2}}", "faults.proxy: a number from 0 to 1 is wanted" },
		{ "{\"faults\": []}", "faults: an object is wanted" },
		{ "{\"errors\": {\"at\": \"mail\"}}", "errors.at: one of \"eod\", \"auth\"" },
		{ "{\"accepted_domains\": \"a\"}", "accepted_domains: a list is wanted" },
		{ "{\"accepted_domains\": [\"a.example\", \"b c\"]}",
		        "accepted_domains[1]: a domain name is wanted" },
		{ "{\"banned_senders\": [\"x\"]}", "banned_senders[0]: a mail address is wanted" },
		{ "{\"unknown_recipients\": [7]}", "unknown_recipients[0]: a text of " },
		{ "{\"mailboxes\": [7]}", "mailboxes[0]: an object is wanted" },
		{ "{\"mailboxes\": [{\"password\": \"x\"}]}", "mailboxes[0]: name is missing" },
		{ "{\"mailboxes\": [{\"name\": \"a@b.example\"}]}",
		        "mailboxes[0]: password or token is missing" },
		{ "{" BOX ", \"connections\": \"many\"}]}",
		        "mailboxes[0].connections: a whole number from 0 to 1000000, or "
		        "\"none\"," },
		{ "{" BOX "}, {\"name\": \"A@b.example\", \"password\": \"y\"}]}",
		        "mailboxes[1]: name A@b.example is taken" },
		{ "{" BOX ", \"count\": 2}]}", "mailboxes[0]: with a count, name needs a \"#\"" },
		{ "{" BOX ", \"state\": \"odd\"}]}", "mailboxes[0].state: one of \"fine\", " },
		{ "{" BOX ", \"send_as\": [\"\"]}]}", "mailboxes[0].send_as[0]: a text of 1 to" },
		{ "{\"mailbox\": {\"name\": \"a\"}}", "mailbox.name: there is no such key" },
		{ "{\"connectors\": [{}]}", "connectors[0]: certificate or addresses is missing" },
		{ "{\"connectors\": [{\"addresses\": [\"1.2.3\"]}]}",
		        "connectors[0].addresses[0]: an IP address, or ADDRESS/BITS, is wanted" },
		{ "{\"connectors\": [{\"addresses\": [\"192.0.2.0/33\"]}]}",
		        "connectors[0].addresses[0]: 0 to 32 bits are wanted" },
		{ "{\"connectors\": [{\"addresses\": [\"::\",\"::\",\"::\",\"::\",\"::\",\"::\","
		  "\"::\",\"::\",\"::\"]}]}",
		        "connectors[0].addresses[8]: more than 8 addresses" },
		{ "{\"spells\": [{\"from\": 5, \"to\": 5}]}",
		        "spells[0]: from and, later, to are wanted" },
		{ "{\"spells\": [{\"from\": 5, \"to\": 6, \"stage\": \"quit\"}]}",
		        "spells[0].stage: one of \"connect\", " },
		{ "{\"schedule\": [{\"at\": 1, \"limit\": \"connections\"}]}",
		        "schedule[0]: at, limit, and factor or value are wanted" },
		{ "{\"schedule\": [{\"at\": 1, \"limit\": \"connections\", \"factor\": 1, "
		  "\"value\": 1}]}",
		        "schedule[0]: at, limit, and factor or value are wanted" },
		{ "{\"schedule\": [{\"at\": 1, \"limit\": \"speed\", \"value\": 1}]}",
		        "schedule[0]: there is no limit speed" },
		{ "{\"schedule\": [{\"at\": 1, \"limit\": \"connections\", \"value\": 1, "
		  "\"mailbox\": \"x\"}]}",
		        "schedule[0]: there is no mailbox x" },
	};
	char room[512];

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct mock_tenant *tenant;
		struct text why = TEXT_ON(room);
		if (mock_tenant_file_read(&tenant, view_of(wrong[i][0]), "", &why))
			fail_msg("%s is fine?", wrong[i][0]);
		assert_null(tenant);
		if (strstr(text_string(&why), wrong[i][1]) == NULL)
			fail_msg("%s: \"%s\" is wanted, not \"%s\"", wrong[i][0], wrong[i][1],
			        text_string(&why));
	}
}

static void test_files(void **state)
{
	char folder[] = P_tmpdir "/sluice-tenant-XXXXXX";
	char path_room[256];
	char why_room[512];
	struct text path = TEXT_ON(path_room);
	struct text why = TEXT_ON(why_room);
	struct mock_tenant *tenant;

	(void)state;
	assert_non_null(mkdtemp(folder));
	text_format(&path, "%s/tenant.json", folder);
	FILE *file = fopen(text_string(&path), "w");
	assert_non_null(file);
	fputs("{\"ndr_folder\": \".\"}", file); /* starts where the file lies */
	assert_int_equal(fclose(file), 0);
	assert_true(mock_tenant_file_load(&tenant, text_string(&path), &why));
	assert_int_equal(strncmp(tenant->settings.ndr_folder, folder, strlen(folder)), 0);
	mock_tenant_destroy(tenant);
	assert_int_equal(unlink(text_string(&path)), 0);
	why.bytes = 0;
	assert_false(mock_tenant_file_load(&tenant, text_string(&path), &why));
	assert_non_null(strstr(text_string(&why), "tenant.json: No such file"));
	assert_int_equal(rmdir(folder), 0);
	why.bytes = 0;
	assert_false(mock_tenant_file_load(&tenant, "/dev/zero", &why));
	assert_non_null(strstr(text_string(&why), "/dev/zero: more than 16777216 bytes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_one_is_the_service),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_complaints_name_the_place),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
