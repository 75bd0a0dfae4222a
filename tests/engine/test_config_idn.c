/* A domain's two forms: what the list of a setting has besides what was written. */
#include "engine/config_idn.h"

#include "engine/config_arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MARK                                                                                       \
	"b\xc3\xbc"                                                                                \
	"cher" /* what xn--bcher-kva is */

static void which_forms_a_text_has(void **state)
{
	static const struct {
		enum config_kind kind;
		const char *text;
		const char *forms[CONFIG_IDN_FORMS];
	} rows[] = {
		{ CONFIG_KIND_DOMAINS, "contoso.com", { NULL } },
		{ CONFIG_KIND_DOMAINS, "Contoso.COM", { NULL } },
		{ CONFIG_KIND_DOMAINS, MARK ".test", { "xn--bcher-kva.test" } },
		{ CONFIG_KIND_DOMAINS, "xn--bcher-kva.test", { MARK ".test" } },
		{ CONFIG_KIND_DOMAINS, "XN--BCHER-KVA.test", { MARK ".test" } },
		{ CONFIG_KIND_DOMAINS, "a_b." MARK ".test", { "a_b.xn--bcher-kva.test" } },
		/* What is written is no U-label, but means one. */
		{ CONFIG_KIND_DOMAINS,
		        "B\xc3\x9c"
		        "CHER.test",
		        { "xn--bcher-kva.test", MARK ".test" } },
		{ CONFIG_KIND_DOMAINS,
		        "bu\xcc\x88"
		        "cher.test",
		        { "xn--bcher-kva.test", MARK ".test" } },
		/* Not as in 2003, when this was strasse. */
		{ CONFIG_KIND_DOMAINS,
		        "stra\xc3\x9f"
		        "e.test",
		        { "xn--strae-oqa.test" } },
		/* IDNA has no such name. It is ASCII: who has it may use it. */
		{ CONFIG_KIND_DOMAINS, "xn--i-7iq.test", { NULL } },
		{ CONFIG_KIND_DOMAIN_GLOBS, "*." MARK ".test", { "*.xn--bcher-kva.test" } },
		{ CONFIG_KIND_DOMAIN_GLOBS, "internal", { NULL } },
		{ CONFIG_KIND_SENDERS, "*", { NULL } },
		{ CONFIG_KIND_RULE_SENDERS, "<>", { NULL } },
		{ CONFIG_KIND_RECIPIENTS, "@" MARK ".test", { "@xn--bcher-kva.test" } },
		{ CONFIG_KIND_RECIPIENTS, "J@XN--bcher-kva.test", { "J@" MARK ".test" } },
		/* The local part is its server's affair. */
		{ CONFIG_KIND_RECIPIENTS, MARK "@contoso.com", { NULL } },
		{ CONFIG_KIND_RECIPIENTS, "xn--bcher-kva@contoso.com", { NULL } },
		{ CONFIG_KIND_RECIPIENTS, "a@[IPv6:::1]", { NULL } },
		{ CONFIG_KIND_MAPPINGS, "@" MARK ".test: a@b.test",
		        { "@xn--bcher-kva.test: a@b.test" } },
		{ CONFIG_KIND_MAPPINGS, "x@b.test: a@xn--bcher-kva.test", { NULL } },
	};
	struct config_arena *arena = config_arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct view text = view_of(rows[i].text);
		const char *words[1 + CONFIG_IDN_FORMS] = { rows[i].text };
		size_t count = 1;

		assert_true(config_idn_concerns(rows[i].kind));
		assert_true(config_idn_is_known(rows[i].kind, text));
		while (count <= CONFIG_IDN_FORMS && rows[i].forms[count - 1] != NULL)
			count++;
		if (config_idn_add_forms(rows[i].kind, &text, 1, arena, words) != count)
			fail_msg("%s: not %zu", rows[i].text, count);
		for (size_t j = 1; j < count; j++)
			assert_string_equal(words[j], rows[i].forms[j - 1]);
	}
	config_arena_destroy(arena);
}

static void what_is_there_is_not_added(void **state)
{
	const struct view items[] = { VIEW_INIT("XN--bcher-kva.test"), VIEW_INIT("a.test"),
		VIEW_INIT(MARK ".test") };
	const char *words[3 * (1 + CONFIG_IDN_FORMS)] = { NULL };
	struct config_arena *arena = config_arena_create();

	(void)state;
	assert_int_equal(config_idn_add_forms(CONFIG_KIND_DOMAINS, items, 3, arena, words), 3);
	assert_null(words[3]);
	config_arena_destroy(arena);
}

static void what_idna_does_not_know(void **state)
{
	static const char *const names[] = { "\xe2\x9d\xa4.test", "-b\xc3\xbc.test",
		"b\xc3\xbc--c.test", "-\xd7\x90.test", "a@\xe2\x9d\xa4.test",
		"*.\xe2\x9d\xa4.test" };
	struct config_arena *arena = config_arena_create();
	char longest[512];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_false(config_idn_is_known(CONFIG_KIND_DOMAINS, view_of(names[i])));
		assert_null(config_idn_in_dns(arena, view_of(names[i])));
	}
	assert_string_equal(config_idn_in_dns(arena, VIEW(MARK ".test")), "xn--bcher-kva.test");
	/* Its labels fit as they are written, and don't in DNS. */
	memset(longest, 'a', 50);
	snprintf(longest + 50, sizeof longest - 50,
	        "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe5\xad\x97.test");
	assert_false(config_idn_is_known(CONFIG_KIND_DOMAINS, view_of(longest)));
	memset(longest, 'a', sizeof longest);
	assert_null(config_idn_in_dns(arena, view_from(longest, sizeof longest)));
	assert_false(config_idn_concerns(CONFIG_KIND_HOST));
	assert_false(config_idn_concerns(CONFIG_KIND_HEADERS));
	config_arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_forms_a_text_has),
		cmocka_unit_test(what_is_there_is_not_added),
		cmocka_unit_test(what_idna_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
