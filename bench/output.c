#include "bench/output.h"

#include "bench/page.h"
#include "bench/result_json.h"
#include "bench/tracker.h"
#include "queue/base/check.h"

#include <errno.h>
#include <jansson.h>

static bool is_asked(const struct options *options);
static bool write_json(const struct result *result, FILE *file);

static bool is_asked(const struct options *options)
{
	return options->json != NULL || options->html != NULL || options->tracker != NULL ||
	       options->base != NULL || options->against != NULL;
}

bool output_open(struct output *output, const struct options *options, struct text *why)
{
	const struct {
		const char *name;
		const char *ending;
	} wanted[OUTPUT_COUNT] = {
		[OUTPUT_JSON] = { options->json, "" },
		[OUTPUT_HTML] = { options->html, "" },
		[OUTPUT_BIGGER] = { options->tracker, ".bigger.json" },
		[OUTPUT_SMALLER] = { options->tracker, ".smaller.json" },
	};

	*output = (struct output){ 0 };
	if ((options->row->traits & RUN_IS_TALE) != 0 && is_asked(options)) {
		text_format(why, "%s tells in words: it has no figures to write or to compare",
		        options->row->name);
		return false;
	}
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		struct output_file *made = &output->files[i];
		if (wanted[i].name == NULL)
			continue;
		(void)snprintf(
		        made->path, sizeof made->path, "%s%s", wanted[i].name, wanted[i].ending);
		made->file = fopen(made->path, "we");
		if (made->file != NULL)
			continue;
		text_format(why, "%s: %s", made->path, strerror(errno));
		output_close(output);
		return false;
	}
	return true;
}

bool output_write(struct output *output, const struct result *result, struct text *why)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		struct output_file *file = &output->files[i];
		bool written = true;
		if (file->file == NULL)
			continue;
		switch ((enum output_kind)i) {
		case OUTPUT_JSON:
			written = write_json(result, file->file);
			break;
		case OUTPUT_HTML:
			written = page_write(result, file->file);
			break;
		case OUTPUT_BIGGER:
			written = tracker_write(result, FIGURE_BIGGER, file->file);
			break;
		case OUTPUT_SMALLER:
			written = tracker_write(result, FIGURE_SMALLER, file->file);
			break;
		case OUTPUT_COUNT:
			check(false);
		}
		if (fclose(MOVE(file->file)) == 0 && written)
			continue;
		text_format(why, "%s: %s", file->path, strerror(errno));
		return false;
	}
	return true;
}

static bool write_json(const struct result *result, FILE *file)
{
	json_t *root = result_json(result);
	bool written = json_dumpf(root, file, JSON_INDENT(1)) == 0;

	written = fputc('\n', file) != EOF && written;
	json_decref(root);
	return written;
}

void output_close(struct output *output)
{
	for (size_t i = 0; i < OUTPUT_COUNT; i++) {
		if (output->files[i].file != NULL)
			(void)fclose(output->files[i].file);
		output->files[i].file = NULL;
	}
}
