/* sluice-bench: what Sluice can do on this machine. See --help. */

#include "bench/run.h"
#include "queue/base/check.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define REPEAT_MAX       FIGURES_VALUES_MAX
#define IDLE_DEFAULT     10000
#define DEMO_MESSAGES    6000
#define HOUR_MAILBOXES   20
#define HOUR_MESSAGES    45000 /* a quarter more than they may send */
#define HOUR_BYTES       2048
#define CONNECTIONS_MORE 100 /* than the load opens */

static const char usage[] =
        "Usage: sluice-bench RUN [OPTION]...\n"
        "Measures Sluice. Prints a line for each figure: name, value, unit; medians where runs\n"
        "are repeated, the least and the most behind them.\n"
        "\n"
        "Runs:\n"
        "  throughput  messages a second from the first MAIL to the last delivery: this load,\n"
        "              `sluice serve` and `sluice-mock`, TLS and sign-in between the two\n"
        "  limit       the load straight into the mock, no relay: what can be had at all\n"
        "  hour        an hour at the limits of 20 mailboxes, 60 times as fast; compare with\n"
        "              `simulate --day hour`\n"
        "  idle        memory of idle client connections\n"
        "  churn       the spool alone: a backlog settled in random order\n"
        "  load        the load alone, at any server: --to\n"
        "  demo        throughput with a kill -9 midway, told in words; exit 1 if mail is lost\n"
        "\n"
        "The load:\n"
        "  --messages N       how many (20000; demo 6000, hour 45000)\n"
        "  --size BYTES       of each, also 10KiB, 2MiB (10KiB; hour 2KiB)\n"
        "  --in N             sessions that hand mail in (20; idle 10000)\n"
        "  --window N         messages in flight on each; 1 waits for every 250 (1)\n"
        "  --recipients N     of each message (1)\n"
        "  --bdat             hand in with BDAT; else with DATA\n"
        "  --rate N           messages a second; else as fast as answers come\n"
        "  --to ADDRESS:PORT  where `load` goes\n"
        "  --ledger FILE      a line for each 250 that `load` gets: Message-ID, reply\n"
        "Sluice:\n"
        "  --out N            sessions to the mock (20)\n"
        "  --pipeline N       messages in flight on each (16)\n"
        "  --ingest N         threads (Sluice's own default)\n"
        "  --delivery N       threads (Sluice's own default)\n"
        "  --remember         keep what was sent (sent_memory)\n"
        "  --delay MS         every reply of the mock comes so much later\n"
        "Churn:\n"
        "  --backlog N        messages (100000)\n"
        "  --seconds N        (15; hour 60)\n"
        "All:\n"
        "  --runs N           repeat, and print medians (1)\n"
        "  --spool DIR        where the spool lies: a real disk (the programs' folder)\n"
        "  --programs DIR     where sluice and sluice-mock are (this program's folder)\n"
        "  --help\n"
        "\n"
        "Exit 0 fine, 1 the run failed or mail was lost, 2 usage.\n";

struct command {
	const char *name;
	bool (*run)(const struct run_settings *settings, struct figures *figures, struct text *why);
	bool has_spool; /* say what it lies on */
};

static const struct command commands[] = {
	{ "throughput", run_throughput, true },
	{ "limit", run_limit, false },
	{ "hour", run_hour, true },
	{ "idle", run_idle, false },
	{ "churn", run_churn, true },
	{ "load", run_load, false },
	{ "demo", run_demo, false },
};

struct options {
	const struct command *command;
	struct run_settings run;
	uint64_t repeat;
	bool has_target;
};

static volatile sig_atomic_t interrupted;

static void options_read(struct options *options, int argc, char **argv);
static void options_default(struct options *options, const char *name);
static bool option_set(struct options *options, int option, const char *value);
static bool option_number(const char *value, uint64_t least, uint64_t most, uint64_t *number);
static bool option_size(const char *value, size_t *bytes);
static bool option_rate(const char *value, double *rate);
static const char *own_folder(void);
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

	options_read(&options, argc, argv);
	check(sigaction(SIGINT, &action, NULL) == 0);
	check(sigaction(SIGTERM, &action, NULL) == 0);
	raise_files();
	tell_machine(&options);
	for (uint64_t i = 0; i < options.repeat; i++) {
		if (options.command->run(&options.run, &figures, &why))
			continue;
		fprintf(stderr, "sluice-bench: %s%s\n", why.bytes > 0 ? "" : "mail was lost",
		        text_string(&why));
		return 1;
	}
	figures_print(&figures, stdout);
	return figures_sum(&figures, "lost") > 0 ? 1 : 0;
}

enum option_name {
	OPTION_MESSAGES = 256,
	OPTION_SIZE,
	OPTION_IN,
	OPTION_WINDOW,
	OPTION_RECIPIENTS,
	OPTION_BDAT,
	OPTION_RATE,
	OPTION_TO,
	OPTION_LEDGER,
	OPTION_OUT,
	OPTION_PIPELINE,
	OPTION_INGEST,
	OPTION_DELIVERY,
	OPTION_REMEMBER,
	OPTION_DELAY,
	OPTION_BACKLOG,
	OPTION_SECONDS,
	OPTION_RUNS,
	OPTION_SPOOL,
	OPTION_PROGRAMS,
	OPTION_HELP,
};

static const struct option option_table[] = {
	{ "messages", required_argument, NULL, OPTION_MESSAGES },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ "in", required_argument, NULL, OPTION_IN },
	{ "window", required_argument, NULL, OPTION_WINDOW },
	{ "recipients", required_argument, NULL, OPTION_RECIPIENTS },
	{ "bdat", no_argument, NULL, OPTION_BDAT },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "to", required_argument, NULL, OPTION_TO },
	{ "ledger", required_argument, NULL, OPTION_LEDGER },
	{ "out", required_argument, NULL, OPTION_OUT },
	{ "pipeline", required_argument, NULL, OPTION_PIPELINE },
	{ "ingest", required_argument, NULL, OPTION_INGEST },
	{ "delivery", required_argument, NULL, OPTION_DELIVERY },
	{ "remember", no_argument, NULL, OPTION_REMEMBER },
	{ "delay", required_argument, NULL, OPTION_DELAY },
	{ "backlog", required_argument, NULL, OPTION_BACKLOG },
	{ "seconds", required_argument, NULL, OPTION_SECONDS },
	{ "runs", required_argument, NULL, OPTION_RUNS },
	{ "spool", required_argument, NULL, OPTION_SPOOL },
	{ "programs", required_argument, NULL, OPTION_PROGRAMS },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static void options_read(struct options *options, int argc, char **argv)
{
	int option;
	int at = 0;

	/* --help goes before everything, so the run's name may be missing then. */
	const bool has_name = argc > 1 && argv[1][0] != '-';
	options_default(options, has_name ? argv[1] : "throughput");
	while ((option = getopt_long(argc, argv, "h", option_table, &at)) != -1) {
		if (option == OPTION_HELP || option == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (option != '?' && option_set(options, option, optarg))
			continue;
		if (option != '?')
			fprintf(stderr, "sluice-bench: --%s %s: not right\n", option_table[at].name,
			        optarg);
		fputs("sluice-bench: see --help\n", stderr);
		exit(2);
	}
	const bool lacks_target = options->command == &commands[5] && !options->has_target;
	if (!has_name || argc - optind != 1 || options->command == NULL || lacks_target) {
		fputs(lacks_target ? "sluice-bench: load needs --to ADDRESS:PORT\n"
		                   : "sluice-bench: one run is wanted; see --help\n",
		        stderr);
		exit(2);
	}
	options->run.stand.connections = options->run.load.sessions + CONNECTIONS_MORE;
	if (options->run.stand.place == NULL)
		options->run.stand.place = options->run.stand.programs;
}

static void options_default(struct options *options, const char *name)
{
	*options = (struct options){
		.run = { .stand = { .programs = own_folder(), .sessions = 20, .pipeline = 16 },
		        .load = LOAD_SETTINGS,
		        .churn = CHURN_SETTINGS,
		        .hour_s = 3600 / STAND_SPEED,
		        .interrupted = &interrupted },
		.repeat = 1,
	};
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			options->command = &commands[i];
	if (strcmp(name, "idle") == 0)
		options->run.load.sessions = IDLE_DEFAULT;
	if (strcmp(name, "hour") == 0) {
		options->run.stand.mailboxes = HOUR_MAILBOXES;
		options->run.load.messages = HOUR_MESSAGES;
		options->run.load.bytes = HOUR_BYTES;
	}
	if (strcmp(name, "demo") == 0)
		options->run.load.messages = DEMO_MESSAGES;
}

static bool option_set(struct options *options, int option, const char *value)
{
	struct load_settings *load = &options->run.load;
	struct stand_settings *stand = &options->run.stand;
	uint64_t number = 0;
	bool fits = true;

#define NUMBER(least, most, field)                                                                 \
	(fits = option_number(value, least, most, &number), (field) = (__typeof__(field))number)
	switch (option) {
	case OPTION_MESSAGES:
		NUMBER(1, 1000000000, load->messages);
		break;
	case OPTION_SIZE:
		return option_size(value, &load->bytes);
	case OPTION_IN:
		NUMBER(1, LOAD_SESSIONS_MAX, load->sessions);
		break;
	case OPTION_WINDOW:
		NUMBER(1, LOAD_WINDOW_MAX, load->window);
		break;
	case OPTION_RECIPIENTS:
		NUMBER(1, LOAD_RECIPIENTS_MAX, load->recipients);
		break;
	case OPTION_BDAT:
		load->chunking = true;
		break;
	case OPTION_RATE:
		return option_rate(value, &load->rate_per_s);
	case OPTION_TO:
		options->has_target = endpoint_parse(view_of(value), &load->target);
		return options->has_target;
	case OPTION_LEDGER:
		options->run.ledger = value;
		break;
	case OPTION_OUT:
		NUMBER(1, 10000, stand->sessions);
		break;
	case OPTION_PIPELINE:
		NUMBER(1, 1000, stand->pipeline);
		break;
	case OPTION_INGEST:
		NUMBER(1, 64, stand->ingest_threads);
		break;
	case OPTION_DELIVERY:
		NUMBER(1, 64, stand->delivery_threads);
		break;
	case OPTION_REMEMBER:
		stand->remembers = true;
		break;
	case OPTION_DELAY:
		stand->delay_ms = value;
		return option_number(value, 0, 60000, &number);
	case OPTION_BACKLOG:
		NUMBER(1, 10000000, options->run.churn.backlog);
		break;
	case OPTION_SECONDS:
		NUMBER(1, 86400, options->run.churn.seconds);
		options->run.hour_s = options->run.churn.seconds;
		break;
	case OPTION_RUNS:
		NUMBER(1, REPEAT_MAX, options->repeat);
		break;
	case OPTION_SPOOL:
		stand->place = value;
		break;
	case OPTION_PROGRAMS:
		stand->programs = value;
		break;
	default:
		return false;
	}
#undef NUMBER
	return fits;
}

static bool option_number(const char *value, uint64_t least, uint64_t most, uint64_t *number)
{
	return view_to_u64(view_of(value), number) && *number >= least && *number <= most;
}

static bool option_size(const char *value, size_t *bytes)
{
	struct view text = view_of(value);
	unsigned shift = 0;
	uint64_t number;

	if (view_ends_fold(text, VIEW("KiB")))
		shift = 10;
	else if (view_ends_fold(text, VIEW("MiB")))
		shift = 20;
	if (shift > 0)
		text = view_first(text, text.bytes - 3);
	if (!view_to_u64(text, &number) || number > (uint64_t)1 << 30)
		return false;
	*bytes = (size_t)number << shift;
	return *bytes >= LOAD_BYTES_MIN && *bytes <= (size_t)1 << 30;
}

static bool option_rate(const char *value, double *rate)
{
	char *end;

	*rate = strtod(value, &end);
	return end != value && *end == '\0' && *rate > 0 && *rate < 1e9;
}

static const char *own_folder(void)
{
	static char folder[STAND_PATH_MAX];
	const ssize_t bytes = readlink("/proc/self/exe", folder, sizeof folder - 1);

	check(bytes > 0);
	*strrchr(folder, '/') = '\0';
	return folder;
}

/* On stderr: what the figures depend on. */
static void tell_machine(const struct options *options)
{
	const struct run_settings *run = &options->run;
	char name[64];
	struct text on = TEXT_ON(name);
	struct stand stand = { 0 };

	if (!options->command->has_spool)
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
