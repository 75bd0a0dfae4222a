#include "engine/ops/explain.h"

#include "queue/verdict.h"

#include <getopt.h>
#include <jansson.h>

/* The judge looks at the first 4 KiB of text; what is behind this can't matter. */
#define REPLY_BYTES_MAX 65536

enum exit_status {
	EXPLAINED = 0,
	NOT_A_REPLY = 1,
	WRONG_USAGE = 2,
};

struct request {
	enum stage stage;
	bool json;
	bool help;
};

static const char usage[] =
        "usage: sluice explain [--stage STAGE] [--json] REPLY\n"
        "\n"
        "Says what a mail server's reply means: whose fault it is, whether it heals, what\n"
        "Sluice does about it, and what you can do.\n"
        "\n"
        "  REPLY           as the server said it: '550 5.7.64 TenantAttribution; ...'; several\n"
        "                  lines by line ends or by the two characters \\n\n"
        "  --stage STAGE   what it answered: connect ehlo starttls auth mail rcpt data eod quit\n"
        "                  any (default: any); eod is the end of the message\n"
        "  --json          one JSON object instead of lines\n"
        "  --help          this text\n"
        "\n"
        "Exit status: 0 explained, 1 REPLY is not a reply, 2 wrong usage.\n";

static const struct option options[] = {
	{ "stage", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool explain_read_options(int argc, char **argv, struct request *request, FILE *complaints)
{
	int option;

	optind = 0; /* GNU's way to begin anew: the program has parsed its own options before */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":s:jh", options, NULL)) != -1) {
		switch (option) {
		case 's':
			if (stage_from_word(view_of(optarg), &request->stage))
				break;
			fprintf(complaints, "sluice explain: --stage %s: no such stage, use one of",
			        optarg);
			for (int stage = 0; stage < STAGE_COUNT; stage++)
				fprintf(complaints, " %s", stage_word((enum stage)stage));
			fprintf(complaints, "\n");
			return false;
		case 'j':
			request->json = true;
			break;
		case 'h':
			request->help = true;
			break;
		case ':':
			fprintf(complaints, "sluice explain: %s needs a value\n", argv[optind - 1]);
			return false;
		default:
			if (optopt != 0 && strchr(argv[optind - 1], '=') == NULL)
				fprintf(complaints, "sluice explain: unknown option -%c\n", optopt);
			else
				fprintf(complaints, "sluice explain: unknown option %s\n",
				        argv[optind - 1]);
			return false;
		}
	}
	if (optind < argc || request->help)
		return true;
	fprintf(complaints, "sluice explain: which reply? See sluice explain --help\n");
	return false;
}

/* The words of the reply with a space between, and \n and \r made into what they stand for. */
static void explain_join(struct text *reply, int count, char **words)
{
	for (int i = 0; i < count; i++) {
		const char *word = words[i];
		if (i > 0)
			text_put_byte(reply, ' ');
		for (size_t at = 0; word[at] != '\0'; at++) {
			char escaped = word[at] == '\\' ? word[at + 1] : '\0';
			if (escaped == 'n' || escaped == 'r') {
				text_put_byte(reply, escaped == 'n' ? '\n' : '\r');
				at++;
			} else {
				text_put_byte(reply, word[at]);
			}
		}
	}
}

static const char *explain_enhanced(const struct verdict *verdict, struct text *text)
{
	if (verdict->enhanced.class == 0)
		return NULL;
	text_format(text, "%u.%u.%u", verdict->enhanced.class, verdict->enhanced.subject,
	        verdict->enhanced.detail);
	return text_string(text);
}

static bool explain_as_json(enum stage stage, const struct verdict *verdict, FILE *data)
{
	char buffer[32];
	struct text text = TEXT_ON(buffer);
	json_t *object = json_pack("{ss so ss? ss ss ss ss so ss}", "stage", stage_word(stage),
	        "code", verdict->code == 0 ? json_null() : json_integer(verdict->code), "enhanced",
	        explain_enhanced(verdict, &text), "cause", cause_word(verdict->cause), "scope",
	        scope_word(verdict->scope), "permanence", permanence_word(verdict->permanence),
	        "outcome", outcome_word(verdict->outcome), "wait_s",
	        verdict->wait_s == VERDICT_NO_WAIT ? json_null() : json_integer(verdict->wait_s),
	        "advice", verdict->advice);
	if (object == NULL)
		return false;
	bool written = json_dumpf(object, data, 0) == 0 && fputc('\n', data) != EOF;
	json_decref(object);
	return written;
}

static bool explain_as_lines(enum stage stage, const struct verdict *verdict, FILE *data)
{
	char buffer[32];
	struct text text = TEXT_ON(buffer);
	const char *enhanced = explain_enhanced(verdict, &text);
	fprintf(data, "stage:       %s\n", stage_word(stage));
	if (verdict->code == 0)
		fprintf(data, "code:        -\n");
	else
		fprintf(data, "code:        %u\n", verdict->code);
	fprintf(data, "enhanced:    %s\n", enhanced == NULL ? "-" : enhanced);
	fprintf(data, "cause:       %s\n", cause_word(verdict->cause));
	fprintf(data, "scope:       %s\n", scope_word(verdict->scope));
	fprintf(data, "permanence:  %s\n", permanence_word(verdict->permanence));
	fprintf(data, "outcome:     %s\n", outcome_word(verdict->outcome));
	if (verdict->wait_s == VERDICT_NO_WAIT)
		fprintf(data, "wait_s:      -\n");
	else
		fprintf(data, "wait_s:      %d\n", (int)verdict->wait_s);
	return fprintf(data, "advice:      %s\n", verdict->advice) > 0;
}

static void explain_complain(struct view reply, FILE *complaints)
{
	size_t digits = 0;

	while (digits < reply.bytes && byte_is_digit(reply.data[digits]))
		digits++;
	fprintf(complaints, "sluice explain: this is no SMTP reply: ");
	if (digits == 3)
		fprintf(complaints, "there is no code %.3s; right is one from 200 to 599,",
		        reply.data);
	else
		fprintf(complaints, "one begins with three digits, from 200 to 599,");
	fprintf(complaints, " as in '550 5.1.1 User unknown'\n");
}

int explain_run(int argc, char **argv, FILE *data, FILE *complaints)
{
	struct request request = { .stage = STAGE_ANY };
	if (!explain_read_options(argc, argv, &request, complaints))
		return WRONG_USAGE;
	if (request.help) {
		fputs(usage, data);
		return EXPLAINED;
	}

	char buffer[REPLY_BYTES_MAX];
	struct text reply = TEXT_ON(buffer);
	explain_join(&reply, argc - optind, argv + optind);
	struct verdict verdict = verdict_judge(request.stage, text_view(&reply));
	/* A text without a code is a reply all the same where a rule knows it, or where it has an
	 * enhanced code. */
	if (verdict.code == 0 && verdict.enhanced.class == 0 && verdict.basis != BASIS_RULE) {
		explain_complain(text_view(&reply), complaints);
		return NOT_A_REPLY;
	}
	bool written = request.json ? explain_as_json(request.stage, &verdict, data)
	                            : explain_as_lines(request.stage, &verdict, data);
	if (written && fflush(data) == 0)
		return EXPLAINED;
	fprintf(complaints, "sluice explain: can't write the answer\n");
	return NOT_A_REPLY;
}

int explain_main(int argc, char **argv)
{
	return explain_run(argc, argv, stdout, stderr);
}
