#include "engine/ops/cli.h"

#include "engine/config_report.h"

static const char usage[] =
        "usage: sluice check [--config FILE]\n"
        "\n"
        "Reads the configuration and everything that it names (certificates, keys, secrets,\n"
        "users), and says all that is wrong with it, a line each:\n"
        "\n"
        "  FILE:LINE: what is wrong and what would be right\n"
        "\n"
        "What is not wrong but worth knowing is printed too, as a note.\n"
        "\n"
        "  --config FILE   the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help          this text\n"
        "\n"
        "Exit status: 0 nothing is wrong, 1 something is, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

int cli_check(int argc, char **argv)
{
	const char *path = CLI_CONFIG_DEFAULT;
	struct config_report report;
	struct config *config;
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		if (option == '?')
			return CLI_USAGE;
		if (option == 'h') {
			fputs(usage, stdout);
			return CLI_FINE;
		}
		path = optarg;
	}
	if (!cli_has_no_words(argc, argv))
		return CLI_USAGE;
	config_report_init(&report);
	bool wrong = failed(config_load(&config, path, &report));
	config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_print(&report, CONFIG_NOTE, stdout);
	config_report_finish(&report);
	config_destroy(config);
	return wrong ? CLI_WRONG : CLI_FINE;
}
