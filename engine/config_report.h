/*
 * What was found wrong, or worth knowing, while configuration was read: all of it, by line.
 *
 * Thread:  start-up.
 * Owns:    its lines, until config_report_finish().
 * Fails:   never; out of memory stops the program, as nothing has started yet.
 */
#ifndef SLUICE_CONFIG_REPORT_H
#define SLUICE_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum config_remark {
	CONFIG_WRONG, /* the file is refused */
	CONFIG_NOTE,  /* it is not, but its writer should know */
};

struct config_report_line {
	char *path;
	unsigned line; /* from 1; what is missing altogether is missing from line 1 */
	size_t order;  /* of adding */
	enum config_remark remark;
	char *text;
};

struct config_report {
	struct config_report_line *lines;
	size_t count;
	size_t wrong_count;
};

void config_report_init(struct config_report *report);
void config_report_finish(struct config_report *report);
__attribute__((format(printf, 5, 6))) void config_report_add(struct config_report *report,
        enum config_remark remark, const char *path, unsigned line, const char *format, ...);
/* The first that was added; lends. NULL: nothing is wrong. */
const struct config_report_line *config_report_first_wrong(const struct config_report *report);
/* `file:line: text`, sorted by file and line; notes as `file:line: note: text`. */
void config_report_print(struct config_report *report, enum config_remark remark, FILE *file);

#endif
