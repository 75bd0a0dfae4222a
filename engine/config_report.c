#include "engine/config_report.h"

#include "queue/base/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void config_report_init(struct config_report *report)
{
	*report = (struct config_report){ .lines = NULL };
}

void config_report_finish(struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		free(report->lines[i].path);
		free(report->lines[i].text);
	}
	free(report->lines);
	config_report_init(report);
}

void config_report_add(struct config_report *report, enum config_remark remark, const char *path,
        unsigned line, const char *format, ...)
{
	struct config_report_line *lines =
	        reallocarray(report->lines, report->count + 1, sizeof *lines);
	char *text;
	va_list args;

	check(lines != NULL);
	report->lines = lines;
	va_start(args, format);
	int written = vasprintf(&text, format, args);
	va_end(args);
	check(written >= 0);
	char *copy = strdup(path);
	check(copy != NULL);
	lines[report->count] = (struct config_report_line){
		.path = copy,
		.line = line,
		.order = report->count,
		.remark = remark,
		.text = text,
	};
	report->count++;
	if (remark == CONFIG_WRONG)
		report->wrong_count++;
}

const struct config_report_line *config_report_first_wrong(const struct config_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->lines[i].remark == CONFIG_WRONG)
			return &report->lines[i];
	return NULL;
}

static int compare(const void *a_pointer, const void *b_pointer)
{
	const struct config_report_line *a = a_pointer;
	const struct config_report_line *b = b_pointer;
	int paths = strcmp(a->path, b->path);

	if (paths != 0)
		return paths;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

void config_report_print(struct config_report *report, enum config_remark remark, FILE *file)
{
	if (report->count > 0)
		qsort(report->lines, report->count, sizeof *report->lines, compare);
	for (size_t i = 0; i < report->count; i++) {
		const struct config_report_line *line = &report->lines[i];

		if (line->remark != remark)
			continue;
		fprintf(file, "%s:%u: %s%s\n", line->path, line->line,
		        remark == CONFIG_NOTE ? "note: " : "", line->text);
	}
}
