#include "engine/ops/cli.h"

#include "engine/config_report.h"
#include "engine/json_write.h"
#include "engine/ops/explain.h"

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *does;
} commands[] = {
#define X(name, main, does) { name, main, does },
	CLI_COMMANDS(X)
#undef X
};

#define COMMANDS_COUNT (sizeof commands / sizeof commands[0])

static void print_usage(FILE *file)
{
	fprintf(file,
	        "usage: sluice COMMAND [OPTION...]\n"
	        "\n"
	        "Sluice is a mail relay in front of Exchange Online: it takes mail by SMTP,\n"
	        "keeps it safe on disk, and delivers it at the rate that the service allows.\n"
	        "\n");
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		fprintf(file, "  %-9s  %s\n", commands[i].name, commands[i].does);
	fprintf(file,
	        "\n"
	        "Each has its own --help. Most read --config FILE (default: %s).\n"
	        "Exit status: 0 fine, 1 what was asked about is wrong or the engine can't be\n"
	        "reached, 2 wrong usage. See also sluice(1) and sluice.yaml(5).\n",
	        CLI_CONFIG_DEFAULT);
}

static const struct command *find(struct view name)
{
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (view_equal(name, view_of(commands[i].name)))
			return &commands[i];
	return NULL;
}

static int complain_of_command(const char *name)
{
	fprintf(stderr, "sluice: no command \"%s\"; right is one of", name);
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		fprintf(stderr, " %s", commands[i].name);
	fprintf(stderr, "; see sluice --help\n");
	return CLI_USAGE;
}

/* By the name of a link to the program, too. */
static bool is_called(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash == NULL ? path : slash + 1, name) == 0;
}

static int sendmail_by_name(int argc, char **argv)
{
	char name[] = "mailq";

	if (is_called(argv[0], name))
		argv[0] = name;
	return cli_sendmail(argc, argv);
}

int cli_main(int argc, char **argv)
{
	if (is_called(argv[0], "sendmail") || is_called(argv[0], "mailq"))
		return sendmail_by_name(argc, argv);
	const char *name = argc > 1 ? argv[1] : NULL;

	if (name == NULL) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0)
		name = "version";
	const struct command *command = find(view_of(name));
	if (command == NULL)
		return complain_of_command(name);
	int status = command->main(argc - 1, argv + 1);
	/* A full disk behind stdout must not pass for an answer. */
	if (fflush(stdout) != 0 && status == CLI_FINE)
		return CLI_WRONG;
	return status;
}

int cli_help(int argc, char **argv)
{
	char help[] = "--help";
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };

	if (argc < 2 || strcmp(argv[1], help) == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return CLI_FINE;
	}
	if (strcmp(argv[1], "settings") == 0 || strcmp(argv[1], "metrics") == 0)
		return cli_settings(argc - 1, argv + 1);
	if (cli_option(argc, argv, options, true) == '?')
		return CLI_USAGE;
	const struct command *command = find(view_of(argv[1]));
	if (command == NULL)
		return complain_of_command(argv[1]);
	char *words[] = { argv[1], help, NULL };
	return command->main(2, words);
}

/* In a cluster of letters, as in -xy, it is optopt; else the word before the next. */
static void complain_of_option(char **argv, const struct option *options)
{
	const char *word = argv[optind - 1];
	const char *value = strchr(word, '=');

	if (optopt == 0) {
		fprintf(stderr, "sluice %s: unknown option %s; see sluice %s --help\n", argv[0],
		        word, argv[0]);
		return;
	}
	for (; options->name != NULL && value != NULL; options++) {
		if (options->val != optopt || options->has_arg != no_argument)
			continue;
		fprintf(stderr, "sluice %s: --%s takes no value; see sluice %s --help\n", argv[0],
		        options->name, argv[0]);
		return;
	}
	fprintf(stderr, "sluice %s: unknown option -%c; see sluice %s --help\n", argv[0], optopt,
	        argv[0]);
}

int cli_option(int argc, char **argv, const struct option *options, bool first)
{
	if (first)
		optind = 0; /* GNU's way to begin anew */
	opterr = 0;
	int option = getopt_long(argc, argv, ":h", options, NULL);
	if (option == ':')
		fprintf(stderr, "sluice %s: %s needs a value; see sluice %s --help\n", argv[0],
		        argv[optind - 1], argv[0]);
	else if (option == '?')
		complain_of_option(argv, options);
	return option == ':' ? '?' : option;
}

bool cli_has_no_words(int argc, char **argv)
{
	if (optind >= argc)
		return true;
	fprintf(stderr, "sluice %s: what is \"%s\"? See sluice %s --help\n", argv[0], argv[optind],
	        argv[0]);
	return false;
}

void cli_print_plain(const char *text)
{
	struct view rest = view_of(text);

	while (rest.bytes > 0) {
		size_t bytes = json_write_plain_bytes(rest);

		if (bytes > 0)
			fwrite(rest.data, 1, bytes, stdout);
		else
			putchar(rest.data[0] == '\n' ? ' ' : '?');
		rest = view_skip(rest, bytes > 0 ? bytes : 1);
	}
}

static struct config *load(const char *path,
        struct err (*by)(struct config **result, const char *path, struct config_report *report))
{
	struct config_report report;
	struct config *config;

	config_report_init(&report);
	if (failed(by(&config, path, &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	return config;
}

struct config *cli_load(const char *path)
{
	return load(path, config_load);
}

struct config *cli_load_keyless(const char *path)
{
	return load(path, config_load_keyless);
}
