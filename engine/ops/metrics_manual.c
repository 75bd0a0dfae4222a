#include "engine/ops/metrics_manual.h"

#include "engine/ops/metrics.h"
#include "queue/base/check.h"

#include <stdlib.h>
#include <string.h>

#define HELP "# HELP "
#define TYPE "# TYPE "

typedef void put_metric(FILE *file, struct view name, struct view text, struct view type);

static void each_metric(FILE *file, put_metric *put);
static struct view next_word(struct view *rest, char end);

static void put_text(FILE *file, struct view name, struct view text, struct view type)
{
	fprintf(file, "%.*s (%.*s)\n    %.*s\n", VIEW_ARGS(name), VIEW_ARGS(type), VIEW_ARGS(text));
}

static void put_roff(FILE *file, struct view name, struct view text, struct view type)
{
	fprintf(file, ".TP\n.BR %.*s \" (%.*s)\"\n%.*s.\n", VIEW_ARGS(name), VIEW_ARGS(type),
	        VIEW_ARGS(text));
}

void metrics_manual_text(FILE *file)
{
	each_metric(file, put_text);
}

void metrics_manual_roff(FILE *file)
{
	each_metric(file, put_roff);
}

/* They say of themselves what they are: those of an engine that has done nothing. */
static void each_metric(FILE *file, put_metric *put)
{
	static const struct survey none = { 0 };
	static const struct metrics_process process = { 0 };
	struct view name = VIEW("");
	struct view text = VIEW("");
	char *memory = NULL;
	size_t bytes = 0;
	FILE *page = open_memstream(&memory, &bytes);

	check(page != NULL);
	metrics_print(page, &none, &process);
	check(fclose(page) == 0);
	for (struct view rest = view_from(memory, bytes); rest.bytes > 0;) {
		struct view line = next_word(&rest, '\n');

		if (view_starts_fold(line, VIEW(HELP))) {
			line = view_skip(line, strlen(HELP));
			name = next_word(&line, ' ');
			text = line;
		} else if (view_starts_fold(line, VIEW(TYPE))) {
			line = view_skip(line, strlen(TYPE));
			(void)next_word(&line, ' ');
			put(file, name, text, line);
		}
	}
	free(memory);
}

static struct view next_word(struct view *rest, char end)
{
	const size_t bytes = view_find(*rest, end);
	const struct view word = view_first(*rest, bytes);

	*rest = view_skip(*rest, bytes < rest->bytes ? bytes + 1 : bytes);
	return word;
}
