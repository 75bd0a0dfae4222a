#include "engine/ops/cli.h"

#include "engine/core_dumps.h"
#include "engine/engine.h"
#include "engine/ops/admin.h"
#include "engine/ops/control.h"

#define WHY_BYTES 1024

static const char usage[] =
        "usage: sluice serve [--config FILE] [--log-json] [--log-level LEVEL]\n"
        "\n"
        "Runs the relay in the foreground. It logs event=ready when every listener accepts.\n"
        "SIGTERM stops it: it accepts nothing more, finishes transactions in progress, waits\n"
        "at most `drain` (30s) for replies in flight, and leaves the queue on disk; a second\n"
        "SIGTERM stops it at once.\n"
        "\n"
        "  --config FILE      the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --log-json         log one JSON object a line instead of key=value\n"
        "  --log-level LEVEL  least urgent lines to log: error, warning, info, debug\n"
        "                     (default: info)\n"
        "  --help             this text\n"
        "\n"
        "Exit status: 0 stopped as asked, 1 the configuration is wrong, the start failed or the\n"
        "spool's disk did, 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "log-json", no_argument, NULL, 'j' },
	{ "log-level", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct serve {
	const char *path;
	struct engine_options engine;
	bool help;
};

static bool read_level(const char *word, enum log_level *level)
{
	static const char *const words[LOG_LEVEL_COUNT] = {
#define X(name, text, ...) text,
		LOG_LEVELS(X)
#undef X
	};

	for (size_t i = 0; i < LOG_LEVEL_COUNT; i++) {
		if (strcmp(word, words[i]) != 0)
			continue;
		*level = (enum log_level)i;
		return true;
	}
	fprintf(stderr, "sluice serve: --log-level %s; right is error, warning, info or debug\n",
	        word);
	return false;
}

static bool read_options(int argc, char **argv, struct serve *serve)
{
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		switch (option) {
		case 'c':
			serve->path = optarg;
			break;
		case 'j':
			serve->engine.log.json = true;
			serve->engine.log.journal = false;
			break;
		case 'l':
			if (!read_level(optarg, &serve->engine.log.level))
				return false;
			break;
		case 'h':
			serve->help = true;
			return true;
		default:
			return false;
		}
	}
	return cli_has_no_words(argc, argv);
}

static struct err ask(void *owner, struct request *request)
{
	return engine_ask(owner, request);
}

static void survey(void *owner, struct survey *into)
{
	engine_survey(owner, into);
}

/* To become another user forbids core dumps anew; and once confined, none can be allowed. */
static struct err harden(struct engine *engine, const struct config *config,
        const struct core_dumps *dumps, struct text *why)
{
	const struct err err = engine_give_up(engine, why);

	if (failed(err))
		return err;
	if (config->core_dumps)
		core_dumps_allow(dumps);
	return engine_confine(engine, why);
}

/* Control's socket is there before the engine says that it is ready. */
static int run(struct engine *engine, const struct config *config, const struct core_dumps *dumps,
        struct text *why)
{
	struct control *control;
	const struct control_settings settings = {
		.folder = config->spool.path,
		.io = { .entries = 64, .buffer_count = 64, .buffer_bytes = 4096 },
		.ask = ask,
		.owner = engine,
	};

	const struct admin_settings pages = { .config = config, .survey = survey, .owner = engine };
	struct admin *admin = NULL;

	if (failed(control_create(&control, &settings, why))) {
		engine_destroy(engine);
		return CLI_WRONG;
	}
	int status = CLI_WRONG;
	if (!failed(admin_open(&admin, &pages, why)) &&
	        !failed(harden(engine, config, dumps, why)) && !failed(engine_start(engine, why))) {
		if (failed(control_start(control)))
			text_format(why, "control's thread can't be started");
		else if (failed(admin_start(admin)))
			text_format(why, "the admin port's thread can't be started");
		else
			status = engine_wait(engine);
	}
	admin_close(admin);
	control_stop(control);
	engine_destroy(engine);
	control_destroy(control);
	return status;
}

int cli_serve(int argc, char **argv)
{
	static struct handed handed;
	struct keeper_process keeper;
	struct serve serve = {
		.path = CLI_CONFIG_DEFAULT,
		.engine = { .log = logger_options_default(), .handed = &handed, .keeper = &keeper },
	};
	struct core_dumps dumps;
	struct engine *engine;
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	if (!read_options(argc, argv, &serve))
		return CLI_USAGE;
	if (serve.help) {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	core_dumps_forbid(&dumps);
	if (failed(handed_open(&handed, &why))) {
		fprintf(stderr, "sluice serve: %s\n", text_string(&why));
		return CLI_WRONG;
	}
	struct config *config = cli_load_keyless(serve.path);
	if (config == NULL)
		return CLI_WRONG;
	int status = CLI_WRONG;
	const struct keeper_options kept = { serve.engine.log, &handed, &dumps };
	if (!failed(keeper_process_start(&keeper, config, &kept, &why)) &&
	        !failed(engine_create(&engine, config, &serve.engine, &why)))
		status = run(engine, config, &dumps, &why);
	keeper_process_end(&keeper);
	if (why.bytes > 0)
		fprintf(stderr, "sluice serve: %s\n", text_string(&why));
	config_destroy(config);
	return status;
}
