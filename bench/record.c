#include "bench/record.h"

#include "bench/commit.h"
#include "bench/counting.h"
#include "bench/stand.h"
#include "queue/base/clock.h"
#include "queue/base/date.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LINE_BYTES 1024

static void add_found(struct record *record, const char *name, const char *path, const char *key);
static void add_versions(struct record *record, const char *programs, const char *place);
static void add_version(struct record *record, char *line);
static void add_spool(struct record *record, const char *place);
static void add_counting(struct record *record, bool uncounted);

void record_make(struct record *record, const char *programs, const char *place, bool uncounted)
{
	char bytes[RECORD_VALUE_MAX];
	struct text text = TEXT_ON(bytes);
	struct utsname system;

	record->count = 0;
	date_put_iso(&text, clock_wall());
	record_add(record, "date", text_string(&text));
	add_versions(record, programs, place);
	record_add(record, "commit", commit_text);
	record_add(record, "build", SLUICE_BUILD_TYPE);
	record_add(record, "compiler", __VERSION__);
	add_found(record, "cpu", "/proc/cpuinfo", "model name");
	(void)snprintf(bytes, sizeof bytes, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
	record_add(record, "cores", bytes);
	add_found(record, "memory", "/proc/meminfo", "MemTotal");
	add_found(record, "system", "/etc/os-release", "PRETTY_NAME");
	if (record_find(record, "kernel") == NULL && uname(&system) == 0)
		record_add(record, "kernel", system.release);
	add_spool(record, place);
	add_counting(record, uncounted);
}

void record_add(struct record *record, const char *name, const char *value)
{
	if (record->count == RECORD_ROWS_MAX)
		return;
	struct record_row *row = &record->rows[record->count++];
	(void)snprintf(row->name, sizeof row->name, "%s", name);
	(void)snprintf(row->value, sizeof row->value, "%s", value);
}

const char *record_find(const struct record *record, const char *name)
{
	for (size_t i = 0; i < record->count; i++)
		if (strcmp(record->rows[i].name, name) == 0)
			return record->rows[i].value;
	return NULL;
}

/* What stands behind `key` and a ':' or '=' in the file's first such line. */
static void add_found(struct record *record, const char *name, const char *path, const char *key)
{
	char line[LINE_BYTES];
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return;
	while (fgets(line, sizeof line, file) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		char *value = line + strlen(key);
		value += strspn(value, ":=\" \t");
		value[strcspn(value, "\"\n")] = '\0';
		record_add(record, name, value);
		break;
	}
	fclose(file);
}

/* `sluice version` tells of the libraries that it runs with. */
static void add_versions(struct record *record, const char *programs, const char *place)
{
	char program[STAND_PATH_MAX];
	char output[STAND_PATH_MAX];
	char line[LINE_BYTES];
	const char *const words[] = { program, "version", NULL };

	(void)snprintf(program, sizeof program, "%s/sluice", programs);
	(void)snprintf(output, sizeof output, "%s/sluice-bench-%d.version", place, (int)getpid());
	if (child_run(words, output)) {
		FILE *file = fopen(output, "re");
		while (file != NULL && fgets(line, sizeof line, file) != NULL)
			add_version(record, line);
		if (file != NULL)
			fclose(file);
	}
	(void)remove(output);
}

/* "sluice 0.1.0", "OpenSSL: 3.0.17". */
static void add_version(struct record *record, char *line)
{
	char *end = line + strcspn(line, ": ");
	char *value = end + strspn(end, ": ");

	value[strcspn(value, "\n")] = '\0';
	if (*value == '\0' || *end == '\0')
		return;
	*end = '\0';
	record_add(record, line, value);
}

static void add_spool(struct record *record, const char *place)
{
	char bytes[RECORD_VALUE_MAX];
	struct text text = TEXT_ON(bytes);
	struct stand stand = { 0 };

	(void)snprintf(stand.folder, sizeof stand.folder, "%s", place);
	stand_file_system(&stand, &text);
	record_add(record, "file system", text_string(&text));
	/* There is no other way to run it. */
	record_add(record, "sync", "every commit, before its 250s");
}

/* Tries it on ourselves. */
static void add_counting(struct record *record, bool uncounted)
{
	struct counting counting;
	char bytes[RECORD_VALUE_MAX];
	struct text text = TEXT_ON(bytes);

	if (uncounted)
		text_put(&text, VIEW("not counted: --uncounted"));
	else if (counting_open(&counting, getpid(), &text))
		text_put(&text, VIEW("counted by the kernel's tracepoints"));
	if (text.bytes > 0 && !uncounted)
		counting_close(&counting);
	record_add(record, "system calls", text_string(&text));
}
