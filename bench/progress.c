#include "bench/progress.h"

#include <string.h>

#define LINE_MAX_BYTES 256

void progress_init(struct progress *progress, FILE *file, bool seen)
{
	*progress = (struct progress){ .file = file, .seen = seen };
}

void progress_begin(struct progress *progress, const char *title)
{
	(void)snprintf(progress->title, sizeof progress->title, "%s", title);
	progress->phase = NULL;
}

void progress_tell(struct progress *progress, const char *phase, uint64_t done, uint64_t total,
        struct mono now)
{
	char line[LINE_MAX_BYTES];
	int bytes;

	if (progress == NULL || !progress->seen)
		return;
	if (phase != progress->phase) {
		progress->phase = phase;
		progress->shown_at = now;
		progress->shown = done;
		return; /* a rate comes with the next */
	}
	const int64_t passed_ns = now.ns - progress->shown_at.ns;
	if (passed_ns < PROGRESS_SHOW_NS)
		return;
	const double rate = done < progress->shown ? 0
	                                           : (double)(done - progress->shown) *
	                                                     (double)NS_PER_S / (double)passed_ns;
	progress->shown_at = now;
	progress->shown = done;
	if (total > 0)
		bytes = snprintf(line, sizeof line, "%s: %s %llu of %llu, %.0f/s", progress->title,
		        phase, (unsigned long long)done, (unsigned long long)total, rate);
	else
		bytes = snprintf(line, sizeof line, "%s: %s %llu, %.0f/s", progress->title, phase,
		        (unsigned long long)done, rate);
	fprintf(progress->file, "\r%-*s", progress->columns, line);
	fflush(progress->file);
	if (bytes > progress->columns)
		progress->columns = bytes;
}

void progress_end(struct progress *progress)
{
	if (progress == NULL || !progress->seen || progress->columns == 0)
		return;
	fprintf(progress->file, "\r%*s\r", progress->columns, "");
	fflush(progress->file);
	progress->columns = 0;
	progress->phase = NULL;
}
