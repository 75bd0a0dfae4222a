/* What `sluice route` says, and how it ends. */
#include "engine/ops/cli.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 32

static const char configuration[] =
        "name: relay.test\n"
        "accepted_domains: [in.test]\n"
        "listeners: [{address: 127.0.0.1:2525}, {address: 127.0.0.1:26, name: second.test}]\n"
        "routes:\n"
        "  - {name: far, host: mx.test, fallback: box}\n"
        "  - {name: inside, interface: direct, fallback: far}\n"
        "  - {name: box, interface: submission, notices_from: n@in.test}\n"
        "rules:\n"
        "  - {recipient_domain: internal, route: inside}\n"
        "  - {header: 'X-Way: box*', route: box}\n"
        "  - {client: 10.0.0.0/8, listener: second.test, user: ann, route: box}\n"
        "  - {sender: '@only.test', route: inside}\n"
        "names:\n"
        "  - {client: 192.0.2.1, policy: rewrite, address: n@only.test}\n"
        "  - {client: 192.0.2.2, policy: map, map: ['a@b.test: m@in.test']}\n"
        "  - {client: 192.0.2.3, policy: refuse}\n"
        "  - {client: 192.0.2.4, default_from: d@only.test}\n";

/* Mail in the name of whoever sends it. */
static const char opening[] =
        "name: relay.test\n"
        "routes:\n"
        "  - {name: far, host: mx.test, notices_from: f@in.test}\n"
        "  - name: pool\n"
        "    interface: submission\n"
        "    identities:\n"
        "      - {user: one@in.test, auth: xoauth2, oauth: {command: [/bin/true]}}\n"
        "      - {user: two@in.test, auth: xoauth2, oauth: {command: [/bin/true]}}\n"
        "rules: [{sender: '@pool.test', route: pool}]\n"
        "names: [{policy: rewrite}]\n";

static char path[] = "sluice-route-XXXXXX";
static char open_path[] = "sluice-route-open-XXXXXX";

static char *read_all(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	char *text = calloc(1, (size_t)status.st_size + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)status.st_size, 0), status.st_size);
	close(fd);
	return text;
}

/* Runs it with words parted by '|'; gives what it printed. */
static char *run(const char *line, int status)
{
	char copy[1024];
	char program[] = "sluice";
	char command[] = "route";
	char option[] = "--config";
	char *words[WORDS_MAX] = { program, command, option, path };
	int count = 4;
	const int data = memfd_create("data", 0);
	const int complaints = memfd_create("complaints", 0);
	const int stdout_before = dup(STDOUT_FILENO);
	const int stderr_before = dup(STDERR_FILENO);

	snprintf(copy, sizeof copy, "%s", line);
	for (char *at = copy; at != NULL && *at != '\0'; count++) {
		words[count] = strsep(&at, "|");
		if (strcmp(words[count], "OPEN") == 0)
			words[count] = open_path;
		assert_true(count + 1 < WORDS_MAX);
	}
	fflush(stdout);
	assert_true(dup2(data, STDOUT_FILENO) >= 0);
	assert_true(dup2(complaints, STDERR_FILENO) >= 0);
	const int ended = cli_main(count, words);
	fflush(stdout);
	assert_true(dup2(stdout_before, STDOUT_FILENO) >= 0);
	assert_true(dup2(stderr_before, STDERR_FILENO) >= 0);
	close(stdout_before);
	close(stderr_before);
	char *printed = read_all(data);
	char *said = read_all(complaints);
	if (ended != status || (status == 2) != (said[0] != '\0'))
		fail_msg("%s: status %d: %s%s", line, ended, printed, said);
	free(said);
	return printed;
}

static const struct row {
	const char *line;
	int status;
	const char *words; /* parted by '|' */
} rows[] = {
	{ "--from|a@b.test|--to|c@in.test", 0,
	        "to c@in.test (internal)|rules[0]: matches|route: inside (direct, MX of in.test "
	        "port 25)|"
	        "fallback: far|fallback: box" },
	{ "--from|a@b.test|--to|c@x.test", 0,
	        "(external)|rules[0]: no, by recipient_domain|rules[1]: no, by header|"
	        "rules[2]: no, by listener|rules[3]: no, by sender|no rule matches|route: far" },
	{ "--from|a@b.test|--to|c@x.test|--header|X-Way: boxed|--header|A: b", 0,
	        "rules[1]: matches|route: box (submission, smtp.office365.com port 587)" },
	{ "--from|a@b.test|--to|c@x.test|--client|10.1.1.1|--listener|second.test|--user|ann", 0,
	        "rules[2]: matches|route: box" },
	{ "--from|a@b.test|--to|c@x.test|--client|10.1.1.1|--listener|127.0.0.1:26|--user|bob", 0,
	        "rules[2]: no, by user|route: far" },
	{ "--from|a@only.test|--to|c@x.test", 1,
	        "rules[3]: matches|inside: no, it goes to accepted_domains alone|refused" },
	{ "--from|a@only.test|--to|c@x.test|--to|c@in.test", 1,
	        "to c@x.test|refused|to c@in.test|route: inside" },
	{ "--from|<>|--to|c@x.test", 0,
	        "far: no, it can't carry the null sender|route: box|sent from: n@in.test" },
	{ "--from|<>|--to|c@in.test", 0, "route: inside|fallback: far, but it can't carry this" },
	/* In whose name, and that rules look at the new one. */
	{ "--from|a@b.test|--to|c@x.test", 0,
	        "from a@b.test|names[0]: no, by client|names[3]: no, by client|no entry matches: "
	        "as_is|sender: stays a@b.test, which the mailbox that sends needs Send As|From: "
	        "stays|to c@x.test" },
	{ "--from|a@b.test|--to|c@in.test|--client|192.0.2.1", 0,
	        "names[0]: matches|policy: rewrite|sender: becomes n@only.test|From: becomes "
	        "n@only.test|Reply-To|X-Sluice-Original-From|rules[0]: matches" },
	{ "--from|a@b.test|--to|c@x.test|--client|192.0.2.1", 1, "rules[3]: matches|refused" },
	{ "--from|a@b.test|--to|c@x.test|--client|192.0.2.2", 0,
	        "names[1]: matches|policy: map|sender: becomes m@in.test|rules[3]: no" },
	{ "--from|o@b.test|--to|c@x.test|--client|192.0.2.2", 0,
	        "policy: map|sender: stays o@b.test|From: stays" },
	{ "--from|a@b.test|--to|c@x.test|--client|192.0.2.3", 1,
	        "names[2]: matches|policy: refuse|refused: 550 5.7.1 Sender refused" },
	{ "--from|a@only.test|--to|c@in.test|--client|192.0.2.4", 0,
	        "policy: as_is|sender: stays a@only.test|From: stays, unless it is missing or "
	        "impossible: then it becomes d@only.test" },
	{ "--from|root|--to|c@x.test|--client|192.0.2.4", 1,
	        "from root|sender: becomes d@only.test, for it is empty or impossible|rules[3]: "
	        "matches|refused" },
	{ "--from|<>|--to|c@x.test|--client|192.0.2.4", 1, "from <>|sender: becomes d@only.test" },
	{ "--from|<>|--to|c@x.test|--client|192.0.2.4|--header|Auto-Submitted: auto-replied", 0,
	        "sender: stays null, for this is a report|route: box" },
	{ "--config|OPEN|--from|a@pool.test|--to|c@x.test", 0,
	        "names[0]: matches|policy: rewrite|sender: becomes the identity's that sends it; "
	        "until then, for rules and our reports, it is a@pool.test|From: becomes the same|"
	        "rules[0]: matches|route: pool|sent from: whichever of its identities takes it, of "
	        "2" },
	{ "--config|OPEN|--from|root|--to|c@x.test", 0,
	        "from root|becomes the identity's|it is f@in.test, for it is empty or impossible|"
	        "route: far|sent from: f@in.test, for the route has no identities" },
	{ "--from|a|--to|c@x.test", 1, "from a|refused: 501 5.1.7" },
	{ "--help", 0, "usage: sluice route" },
	{ "--from|a@b.test", 2, "" },
	{ "--to|a@b.test", 2, "" },
	{ "--from|a@b.test|--to|c", 2, "" },
	{ "--from|a@b.test|--to|c@x.test|--client|here", 2, "" },
	{ "--from|a@b.test|--to|c@x.test|--listener|third.test", 2, "" },
	{ "--from|a@b.test|--to|c@x.test|--header|none", 2, "" },
	{ "--from|a@b.test|--to|c@x.test|more", 2, "" },
	{ "--nonsense", 2, "" },
};

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *printed = run(rows[i].line, rows[i].status);
		const char *at = printed;
		char words[512];
		char *rest = words;

		snprintf(words, sizeof words, "%s", rows[i].words);
		while (rest != NULL && *rest != '\0') {
			const char *word = strsep(&rest, "|");
			const char *found = strstr(at, word);
			if (found == NULL)
				fail_msg("%s: no \"%s\" in\n%s", rows[i].line, word, printed);
			at = found;
		}
		free(printed);
	}
}

static void as_json(void **state)
{
	(void)state;
	char *printed = run("--json|--from|<>|--to|c@x.test|--to|c@in.test", 0);
	char *line = strchr(printed, '\n');
	assert_non_null(line);
	json_t *first = json_loadb(printed, (size_t)(line - printed), 0, NULL);
	json_t *second = json_loads(line + 1, 0, NULL);
	assert_non_null(first);
	assert_non_null(second);
	assert_string_equal(json_string_value(json_object_get(first, "route")), "box");
	assert_string_equal(json_string_value(json_object_get(first, "mailbox")), "n@in.test");
	assert_true(json_is_null(json_object_get(first, "rule")));
	assert_true(json_is_false(json_object_get(first, "internal")));
	assert_int_equal(json_array_size(json_object_get(first, "rules")), 4);
	assert_string_equal(json_string_value(json_object_get(second, "fate")), "taken");
	assert_int_equal(json_integer_value(json_object_get(second, "rule")), 0);
	assert_int_equal(json_array_size(json_object_get(second, "fallback")), 1);
	json_decref(first);
	json_decref(second);
	free(printed);
	printed = run("--json|--from|a@only.test|--to|c@x.test", 1);
	first = json_loads(printed, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(first, "fate")), "refused");
	assert_true(json_is_null(json_object_get(first, "route")));
	json_decref(first);
	free(printed);
}

static json_t *names_of(const char *line, int status)
{
	char *printed = run(line, status);
	json_t *object = json_loads(printed, 0, NULL);

	assert_non_null(object);
	free(printed);
	json_t *names = json_incref(json_object_get(object, "names"));
	json_decref(object);
	assert_non_null(names);
	return names;
}

#define ASSERT_TEXT(names, key, text)                                                              \
	assert_string_equal(json_string_value(json_object_get((names), (key))), (text))

static void names_as_json(void **state)
{
	(void)state;
	json_t *names = names_of("--json|--from|a@b.test|--to|c@x.test|--client|192.0.2.2", 0);
	const json_t *entries = json_object_get(names, "entries");
	assert_int_equal(json_array_size(entries), 2);
	assert_true(json_is_true(json_object_get(json_array_get(entries, 1), "matches")));
	ASSERT_TEXT(json_array_get(entries, 0), "condition", "client");
	assert_int_equal(json_integer_value(json_object_get(names, "entry")), 1);
	ASSERT_TEXT(names, "policy", "map");
	ASSERT_TEXT(names, "sender", "m@in.test");
	ASSERT_TEXT(names, "header_from", "m@in.test");
	ASSERT_TEXT(names, "header_from_when", "always");
	assert_true(json_is_null(json_object_get(names, "reply")));
	json_decref(names);
	names = names_of("--json|--from|a@b.test|--to|c@x.test|--client|192.0.2.3", 1);
	ASSERT_TEXT(names, "policy", "refuse");
	assert_memory_equal(json_string_value(json_object_get(names, "reply")), "550 5.7.1", 9);
	assert_true(json_is_null(json_object_get(names, "sender")));
	json_decref(names);
	names = names_of("--config|OPEN|--json|--from|a@b.test|--to|c@x.test", 0);
	assert_true(json_is_true(json_object_get(names, "by_identity")));
	ASSERT_TEXT(names, "sender", "a@b.test");
	assert_true(json_is_null(json_object_get(names, "header_from")));
	ASSERT_TEXT(names, "header_from_when", "always");
	json_decref(names);
	names = names_of("--json|--from|a@b.test|--to|c@x.test", 0);
	assert_true(json_is_false(json_object_get(names, "by_identity")));
	assert_true(json_is_null(json_object_get(names, "entry")));
	ASSERT_TEXT(names, "policy", "as_is");
	ASSERT_TEXT(names, "sender", "a@b.test");
	ASSERT_TEXT(names, "header_from_when", "never");
	json_decref(names);
}

static bool write_file(char *name, const char *text)
{
	const int fd = mkstemp(name);
	const bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return written;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(as_json),
		cmocka_unit_test(names_as_json),
	};
	const int status = write_file(path, configuration) && write_file(open_path, opening)
	                           ? cmocka_run_group_tests(tests, NULL, NULL)
	                           : 1;
	unlink(path);
	unlink(open_path);
	return status;
}
