#include "engine/ops/cli_spool.h"

#include "engine/ops/cli.h"
#include "engine/privileges.h"
#include "engine/streams.h"
#include "queue/base/check.h"

#include <jansson.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHY_BYTES 1024
/* Two messages of the largest size, one out of the spool and one into it. */
#define MEMORY_BYTES ((size_t)2 * MESSAGE_BODY_MAX + ((size_t)64 << 20))

static const char usage[] =
        "usage: sluice spool check [--config FILE | --spool PATH]\n"
        "       sluice spool export [--salvage] [--config FILE | --spool PATH] DIR\n"
        "       sluice spool import [--route NAME] [--config FILE] DIR\n"
        "\n"
        "Looks through the spool, takes its mail out, and puts mail in, while no engine runs.\n"
        "\n"
        "  check            looks at every message: its envelope, its body to the last byte, what\n"
        "                   it owes to whom; says what is damaged, a line each\n"
        "  export           writes each message to DIR as two files: ID.eml, as it came, and\n"
        "                   ID.json, its envelope and what is still owed; the spool stays as it\n"
        "                   is, so don't start an engine on both\n"
        "  export --salvage the same of a spool that is damaged, changing nothing: finds every\n"
        "                   message whose own pages are whole, with or without the tables that\n"
        "                   led to it, and names the others; what was delivered before may be\n"
        "                   among it, and is said to be\n"
        "  import           puts what was exported into the spool of the configuration, and names\n"
        "                   each file ID.json.imported that is in\n"
        "\n"
        "  --config FILE    the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --spool PATH     the spool's folder, without a configuration\n"
        "  --route NAME     import: the route of mail whose own is not in the configuration, or\n"
        "                   not known; of a message whose jobs are lost, to all its recipients\n"
        "  --help           this text\n"
        "\n"
        "Not moved: limits used up, tokens, incidents, claims, the memory of what was sent and\n"
        "the message trace.\n"
        "\n"
        "Exit status: 0 all is well, 1 something is damaged, lost or left out, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "spool", required_argument, NULL, 'p' },
	{ "route", required_argument, NULL, 'r' },
	{ "salvage", no_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct words {
	const char *verb;
	const char *config;
	const char *spool;
	const char *route;
	const char *folder;
	bool salvage;
	bool help;
};

static bool put_on(const struct cli_spool *cli, struct privileges *who);

static bool complain_of_use(const char *what)
{
	fprintf(stderr, "sluice spool: %s; see sluice spool --help\n", what);
	return false;
}

static bool read_options(int argc, char **argv, struct words *words)
{
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		if (option == 'c')
			words->config = optarg;
		else if (option == 'p')
			words->spool = optarg;
		else if (option == 'r')
			words->route = optarg;
		else if (option == 's')
			words->salvage = true;
		else if (option == 'h')
			words->help = true;
		else
			return false;
	}
	return true;
}

static bool read_words(int argc, char **argv, struct words *words)
{
	if (!read_options(argc, argv, words))
		return false;
	if (words->help)
		return true;
	if (optind == argc)
		return complain_of_use("what? check, export or import");
	words->verb = argv[optind++];
	const bool checks = strcmp(words->verb, "check") == 0;
	const bool exports = strcmp(words->verb, "export") == 0;
	const bool imports = strcmp(words->verb, "import") == 0;
	if (!checks && !exports && !imports)
		return complain_of_use("right is check, export or import");
	if (!checks && optind == argc)
		return complain_of_use("which folder?");
	if (!checks)
		words->folder = argv[optind++];
	if (!cli_has_no_words(argc, argv))
		return false;
	if (words->config != NULL && words->spool != NULL)
		return complain_of_use("--config or --spool, not both");
	if (imports && words->spool != NULL)
		return complain_of_use("import needs the routes of a configuration: --config");
	if (words->salvage && !exports)
		return complain_of_use("--salvage goes with export");
	if (words->route != NULL && !imports)
		return complain_of_use("--route goes with import");
	return true;
}

void cli_spool_complain(const char *what, struct err err)
{
	fprintf(stderr, "sluice spool: %s: %s", what, err_text(err.code));
	if (err.code == ERR_EXISTS)
		fprintf(stderr, ": another process has it open; stop the engine first");
	else if (err.code == ERR_FORMAT && err.detail > 0)
		fprintf(stderr, ": version %d, which this program does not know", err.detail);
	else if (err.detail > 0)
		fprintf(stderr, ": %s", strerror(err.detail));
	fputc('\n', stderr);
}

struct spool *cli_spool_open(const struct cli_spool *cli)
{
	const char *routes[SPOOL_ROUTES_MAX];
	const char *streams[SCHEDULE_STREAMS_MAX];
	struct spool_settings settings = { .routes = routes, .streams = streams, .lent_max = 1 };
	struct spool *spool = NULL;
	struct stat folder;

	/* It would be made: nobody asks for that here, but by import. */
	if (cli->config == NULL && stat(cli->path, &folder) != 0) {
		cli_spool_complain(cli->path, err_make(ERR_SYSTEM, errno));
		return NULL;
	}
	if (cli->config != NULL) {
		settings.route_count = cli->config->routes.count;
		settings.stream_count = streams_count(cli->config);
		settings.reserve_bytes = cli->config->spool.reserve_bytes;
		for (size_t i = 0; i < settings.route_count; i++)
			routes[i] = cli->config->routes.at[i].name;
		for (uint32_t i = 0; i < settings.stream_count; i++)
			streams[i] = streams_name(cli->config, i);
	}
	struct privileges who;
	if (!put_on(cli, &who))
		return NULL;
	const struct err err = spool_open(&spool, cli->path, &settings);
	privileges_take_off(&who);
	if (failed(err))
		cli_spool_complain(cli->path, err);
	return failed(err) ? NULL : spool;
}

/* What root makes in the spool's folder must be whose the spool is, or the relay can't open it. */
static bool put_on(const struct cli_spool *cli, struct privileges *who)
{
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);
	bool fine = true;

	if (cli->config == NULL || cli->config->user == NULL)
		privileges_find_owner(who, cli->path);
	else
		fine = privileges_find(who, cli->config->user, cli->config->group, &why) &&
		       !failed(privileges_give_folder(who, cli->path, &why));
	if (fine && !failed(privileges_put_on(who, &why)))
		return true;
	fprintf(stderr, "sluice spool: %s\n", text_string(&why));
	return false;
}

int cli_spool_open_folder(const struct cli_spool *cli, bool makes)
{
	if (makes && mkdir(cli->folder, 0700) != 0 && errno != EEXIST) {
		cli_spool_complain(cli->folder, err_make(ERR_SYSTEM, errno));
		return -1;
	}
	const int fd = open(cli->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		cli_spool_complain(cli->folder, err_make(ERR_SYSTEM, errno));
	return fd;
}

bool cli_spool_write(int folder_fd, json_t *parcel, const struct message *message)
{
	char id[MESSAGE_ID_TEXT];
	const struct err err = parcel == NULL ? err_make(ERR_NO_MEMORY, 0)
	                                      : parcel_write(folder_fd, parcel, message);

	json_decref(parcel);
	if (!failed(err))
		return true;
	fprintf(stderr, "sluice spool: message %s can't be written: %s\n",
	        message_id_format(message->id, id),
	        err.code == ERR_EXISTS ? "a file of that name is there already"
	        : err.detail > 0       ? strerror(err.detail)
	                               : err_text(err.code));
	return false;
}

/* Check. */

static void say_line(void *owner, const char *line)
{
	(void)owner;
	puts(line);
}

static int check_spool(struct cli_spool *cli)
{
	struct spool *spool = cli_spool_open(cli);
	uint64_t complaints = 0;

	if (spool == NULL)
		return CLI_WRONG;
	const uint64_t messages = spool_message_count(spool);
	const struct err err = spool_verify_all(spool, say_line, NULL, &complaints);
	spool_close(spool);
	if (failed(err)) {
		cli_spool_complain(cli->path, err);
		return CLI_WRONG;
	}
	printf("%llu messages, %llu complaints\n", (unsigned long long)messages,
	        (unsigned long long)complaints);
	return complaints == 0 ? CLI_FINE : CLI_WRONG;
}

/* The command. */

static int run(struct cli_spool *cli, int (*work)(struct cli_spool *))
{
	const struct err err = depot_create(&cli->depot, MEMORY_BYTES);

	if (failed(err)) {
		cli_spool_complain("memory", err);
		return CLI_WRONG;
	}
	shelf_init(&cli->shelf, cli->depot);
	const int status = work(cli);
	shelf_finish(&cli->shelf);
	depot_destroy(cli->depot);
	return status;
}

static int run_in_child(struct cli_spool *cli, int (*work)(struct cli_spool *))
{
	int status = 0;

	fflush(NULL);
	const pid_t child = fork();
	if (child == 0)
		exit(run(cli, work));
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (child < 0) {
		cli_spool_complain("a process of its own", err_make(ERR_SYSTEM, errno));
		return CLI_WRONG;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr,
	        "sluice spool: %s: the tables themselves are damaged (%s): see what\n"
	        "`sluice spool export --salvage DIR` finds\n",
	        cli->path, strsignal(WTERMSIG(status)));
	return CLI_WRONG;
}

static int run_words(const struct words *words)
{
	struct config *config = NULL;
	struct cli_spool cli = {
		.path = words->spool,
		.folder = words->folder,
		.route = words->route,
	};

	if (words->spool == NULL) {
		config = cli_load(words->config != NULL ? words->config : CLI_CONFIG_DEFAULT);
		if (config == NULL)
			return CLI_WRONG;
		cli.config = config;
		cli.path = config->spool.path;
	}
	int (*work)(struct cli_spool *) = cli_spool_export;
	if (strcmp(words->verb, "check") == 0)
		work = check_spool;
	else if (strcmp(words->verb, "import") == 0)
		work = cli_spool_import;
	else if (words->salvage)
		work = cli_spool_salvage;
	const int status = run_in_child(&cli, work);
	config_destroy(config);
	return status;
}

int cli_spool(int argc, char **argv)
{
	struct words words = { 0 };

	if (!read_words(argc, argv, &words))
		return CLI_USAGE;
	if (words.help) {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	return run_words(&words);
}
