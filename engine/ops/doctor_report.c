#include "engine/ops/doctor_report.h"

#include "engine/json_write.h"
#include "engine/ops/cli.h"

#define JSON_BYTES 32768 /* a reply takes six times its bytes at most */
#define LINE_BYTES 4096

static const char *const step_words[] = {
#define X(name, word) [DOCTOR_##name] = (word),
	DOCTOR_STEPS(X)
#undef X
};

static const char *const result_words[] = {
#define X(name, word, mark) [DOCTOR_##name] = (word),
	DOCTOR_RESULTS(X)
#undef X
};

static const char *const result_marks[] = {
#define X(name, word, mark) [DOCTOR_##name] = (mark),
	DOCTOR_RESULTS(X)
#undef X
};

static void put_line(struct doctor_report *report, const struct doctor_finding *finding, double ms);
static void put_json(struct doctor_report *report, const struct doctor_finding *finding, double ms);
static void put_key(struct text *text, const char *key, struct view value);
static void print_words(const char *key, struct view words);

void doctor_report_title(struct doctor_report *report, const char *route, const char *identity)
{
	report->route = route;
	report->identity = identity;
	if (report->json)
		return;
	if (report->finding_count > 0)
		fputc('\n', report->file);
	if (identity != NULL)
		fprintf(report->file, "route %s as %s\n", route, identity);
	else if (route != NULL)
		fprintf(report->file, "route %s\n", route);
}

void doctor_report_begin(struct doctor_report *report)
{
	report->since = clock_mono();
}

void doctor_report_add(struct doctor_report *report, const struct doctor_finding *finding)
{
	const double ms = (double)(clock_mono().ns - report->since.ns) / NS_PER_MS;

	report->finding_count++;
	report->wrong_count += finding->result == DOCTOR_WRONG;
	if (report->json)
		put_json(report, finding, ms);
	else
		put_line(report, finding, ms);
	doctor_report_begin(report);
}

static void put_line(struct doctor_report *report, const struct doctor_finding *finding, double ms)
{
	fprintf(report->file, "  %-5s  %-8s  %8.1f ms", result_marks[finding->result],
	        step_words[finding->step], ms);
	print_words("  ", finding->subject);
	print_words(finding->subject.bytes > 0 ? ": " : "  ", finding->said);
	fputc('\n', report->file);
	if (finding->cause != NULL)
		fprintf(report->file, "         means     %s\n", finding->cause);
	if (finding->advice != NULL)
		fprintf(report->file, "         to do     %s\n", finding->advice);
}

/* What a server said must not move the cursor. */
static void print_words(const char *key, struct view words)
{
	char memory[LINE_BYTES];
	struct text text = TEXT_ON(memory);

	if (words.bytes == 0)
		return;
	for (size_t i = 0; i < words.bytes; i++)
		text_put_byte(&text, words.data[i] == '\n' ? ' ' : words.data[i]);
	fputs(key, stdout);
	cli_print_plain(text_string(&text));
}

static void put_json(struct doctor_report *report, const struct doctor_finding *finding, double ms)
{
	char memory[JSON_BYTES];
	struct text text = TEXT_ON(memory);

	text_format(&text, "{\"step\":\"%s\",\"result\":\"%s\",\"ms\":%.1f",
	        step_words[finding->step], result_words[finding->result], ms);
	put_key(&text, "route", view_of(report->route));
	put_key(&text, "identity", view_of(report->identity));
	put_key(&text, "subject", finding->subject);
	put_key(&text, "said", finding->said);
	put_key(&text, "cause", view_of(finding->cause));
	put_key(&text, "advice", view_of(finding->advice));
	fprintf(report->file, "%s}\n", text_string(&text));
}

static void put_key(struct text *text, const char *key, struct view value)
{
	if (value.bytes == 0)
		return;
	text_format(text, ",\"%s\":", key);
	json_write_text(text, value);
}

bool doctor_report_reply(
        struct doctor_report *report, enum doctor_step step, struct view subject, struct view reply)
{
	static const enum stage stages[] = {
		[DOCTOR_GREETING] = STAGE_CONNECT,
		[DOCTOR_EHLO] = STAGE_EHLO,
		[DOCTOR_STARTTLS] = STAGE_STARTTLS,
		[DOCTOR_SIGN_IN] = STAGE_AUTH,
		[DOCTOR_MAIL] = STAGE_MAIL,
		[DOCTOR_RCPT] = STAGE_RCPT,
		[DOCTOR_DATA] = STAGE_EOD,
	};
	const struct verdict verdict = verdict_judge(stages[step], reply);
	const bool fine = verdict.code >= 200 && verdict.code < 400;

	const struct doctor_finding finding = {
		.step = step,
		.result = fine ? DOCTOR_FINE : DOCTOR_WRONG,
		.subject = subject,
		.said = reply,
		.cause = fine ? NULL : cause_word(verdict.cause),
		.advice = fine ? NULL : verdict.advice,
	};
	doctor_report_add(report, &finding);
	return fine;
}
