#include "engine/ops/cli.h"

#include "engine/config_manual.h"

static const char usage[] =
        "usage: sluice help settings [--roff]\n"
        "\n"
        "Prints every setting of the configuration, with what it takes and its default.\n"
        "\n"
        "  --roff   as sluice.yaml(5) holds them\n"
        "  --help   this text\n";

static const struct option options[] = {
	{ "roff", no_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

int cli_settings(int argc, char **argv)
{
	bool roff = false;
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		if (option == '?')
			return CLI_USAGE;
		if (option == 'h') {
			fputs(usage, stdout);
			return CLI_FINE;
		}
		roff = true;
	}
	if (!cli_has_no_words(argc, argv))
		return CLI_USAGE;
	if (roff)
		config_manual_roff(stdout);
	else
		config_manual_text(stdout);
	return CLI_FINE;
}
