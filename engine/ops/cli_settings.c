#include "engine/ops/cli.h"

#include "engine/config_manual.h"
#include "engine/ops/metrics_manual.h"

#include <string.h>

static const char usage[] =
        "usage: sluice help settings [--roff]\n"
        "       sluice help metrics [--roff]\n"
        "\n"
        "Prints every setting of the configuration, with what it takes and its default; or every\n"
        "metric of the admin port.\n"
        "\n"
        "  --roff   as sluice.yaml(5) and sluice(1) hold them\n"
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
	if (strcmp(argv[0], "metrics") == 0)
		(roff ? metrics_manual_roff : metrics_manual_text)(stdout);
	else
		(roff ? config_manual_roff : config_manual_text)(stdout);
	return CLI_FINE;
}
