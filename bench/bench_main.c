/* sluice-bench: what Sluice can do on this machine. See --help. */

#include "bench/options.h"
#include "queue/base/check.h"

#include <sys/resource.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void tell_machine(const struct options *options);
static void raise_files(void);
static void on_signal(int number);

int main(int argc, char **argv)
{
	static struct options options;
	static struct figures figures;
	char why_text[512];
	struct text why = TEXT_ON(why_text);
	const struct sigaction action = { .sa_handler = on_signal };

	switch (options_read(&options, argc, argv, &why)) {
	case OPTIONS_HELP:
		options_help(stdout);
		return 0;
	case OPTIONS_WRONG:
		fprintf(stderr, "sluice-bench: %s\n", text_string(&why));
		return 2;
	case OPTIONS_RUN:
		break;
	}
	options.run.interrupted = &interrupted;
	check(sigaction(SIGINT, &action, NULL) == 0);
	check(sigaction(SIGTERM, &action, NULL) == 0);
	raise_files();
	tell_machine(&options);
	for (uint64_t i = 0; i < options.repeat; i++) {
		if (options.row->run(&options.run, &figures, &why))
			continue;
		fprintf(stderr, "sluice-bench: %s%s\n", why.bytes > 0 ? "" : "mail was lost",
		        text_string(&why));
		return 1;
	}
	figures_print(&figures, stdout);
	return figures_sum(&figures, "lost") > 0 ? 1 : 0;
}

/* On stderr: what the figures depend on. */
static void tell_machine(const struct options *options)
{
	const struct run_settings *run = &options->run;
	char name[64];
	struct text on = TEXT_ON(name);
	struct stand stand = { 0 };

	if ((options->row->traits & RUN_HAS_SPOOL) == 0)
		return;
	(void)snprintf(stand.folder, sizeof stand.folder, "%s", run->stand.place);
	stand_file_system(&stand, &on);
	fprintf(stderr, "# %ld cores; spool in %s on %s\n", sysconf(_SC_NPROCESSORS_ONLN),
	        run->stand.place, text_string(&on));
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
