/* sluice-bench: what Sluice can do on this machine. See --help. */

#include "bench/compare.h"
#include "bench/measure.h"
#include "bench/output.h"
#include "bench/progress.h"
#include "bench/result_json.h"
#include "bench/sweep.h"
#include "queue/base/check.h"

#include <jansson.h>
#include <sys/resource.h>
#include <unistd.h>

enum exit_code { EXIT_FINE = 0, EXIT_WORSE = 1, EXIT_USAGE = 2 };

static volatile sig_atomic_t interrupted;

static enum exit_code measure(struct options *options);
static enum exit_code tell(
        const struct options *options, const struct result *result, const json_t *base);
static void tell_machine(const struct options *options, const struct record *record);
static enum exit_code complain(enum exit_code code, struct text *why);
static void raise_files(void);
static void on_signal(int number);

int main(int argc, char **argv)
{
	static struct options options;
	char why_text[512];
	struct text why = TEXT_ON(why_text);
	const struct sigaction action = { .sa_handler = on_signal };

	switch (options_read(&options, argc, argv, &why)) {
	case OPTIONS_HELP:
		options_help(stdout);
		return EXIT_FINE;
	case OPTIONS_WRONG:
		return complain(EXIT_USAGE, &why);
	case OPTIONS_RUN:
		break;
	}
	options.run.interrupted = &interrupted;
	check(sigaction(SIGINT, &action, NULL) == 0);
	check(sigaction(SIGTERM, &action, NULL) == 0);
	raise_files();
	return measure(&options);
}

/* What can't be read or written is said before anything is measured. */
static enum exit_code measure(struct options *options)
{
	static struct output output;
	static struct result result;
	struct progress progress;
	char why_text[512];
	struct text why = TEXT_ON(why_text);
	json_t *base = NULL;

	if (options->sweeps && !sweep_is_right(options, &why))
		return complain(EXIT_USAGE, &why);
	if (options->base != NULL) {
		base = compare_load(options->base, options->row->name, &why);
		if (base == NULL)
			return complain(EXIT_USAGE, &why);
	}
	if (!output_open(&output, options, &why)) {
		json_decref(base);
		return complain(EXIT_USAGE, &why);
	}
	progress_init(&progress, stderr, isatty(STDERR_FILENO) == 1);
	options->run.load.progress = &progress;
	result_init(&result, options);
	tell_machine(options, &result.record);
	enum exit_code code = EXIT_FINE;
	const bool done = options->sweeps ? sweep_measure(&result, options, &why)
	                                  : measure_point(&result, options, &why);
	if (!done && options->sweeps && result.count > 0)
		result_print(&result, stdout); /* hours of it, maybe */
	if (!done || !output_write(&output, &result, &why))
		code = complain(EXIT_WORSE, &why);
	else
		code = tell(options, &result, base);
	output_close(&output);
	result_finish(&result);
	options->run.load.progress = NULL;
	json_decref(base);
	return code;
}

static enum exit_code tell(
        const struct options *options, const struct result *result, const json_t *base)
{
	size_t fell = 0;

	result_print(result, stdout);
	if (options->sweeps)
		sweep_print_best(result, stdout);
	if (base != NULL) {
		json_t *now = result_json(result);
		printf("\n# compared with %s\n", options->base);
		fell += compare_base(base, now, options->tolerance_percent, stdout);
		json_decref(now);
	}
	if (options->against != NULL) {
		printf("\n# against %s, pair by pair\n", options->against);
		fell += compare_pairs(result, options->tolerance_percent, stdout);
	}
	fflush(stdout);
	return fell > 0 || result_sum(result, "lost") > 0 ? EXIT_WORSE : EXIT_FINE;
}

static enum exit_code complain(enum exit_code code, struct text *why)
{
	fprintf(stderr, "sluice-bench: %s%s\n", why->bytes > 0 ? "" : "mail was lost",
	        text_string(why));
	return code;
}

/* On stderr: what the figures depend on most. */
static void tell_machine(const struct options *options, const struct record *record)
{
	if ((options->row->traits & RUN_HAS_SPOOL) == 0)
		return;
	fprintf(stderr, "# %s cores; spool in %s on %s\n", record_find(record, "cores"),
	        options->run.stand.place, record_find(record, "file system"));
}

/* As many descriptors as we may have: a connection each, here and in the children. */
static void raise_files(void)
{
	struct rlimit limit;

	check(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* then io_connect says what is short */
}

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}
