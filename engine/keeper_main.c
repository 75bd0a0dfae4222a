#include "engine/keeper_main.h"

#include "engine/config_report.h"
#include "engine/hatch.h"
#include "engine/io/packets.h"
#include "engine/privileges.h"
#include "engine/sandbox.h"
#include "engine/signers.h"
#include "queue/base/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define WHY_BYTES 1024
/* Address space for the loops' shelves; nothing here takes much of it. */
#define KEEPER_MEMORY (1 << 20)

struct keeper_main {
	struct config *config;
	struct keeper_ends *ends;
	struct privileges who;
	struct logger *logger;
	struct log *log;
	struct depot *depot;
	struct roster roster;
	struct signers signers;
	struct keeper keeper;
	struct passwords passwords;
	struct hatch hatch;
	bool has_hatch;
	bool has_keeper;
	bool has_passwords;
};

static struct config *read_again(const struct config *first);
static struct err open_all(struct keeper_main *main, struct logger_options log, struct text *why);
static struct err open_helpers(struct keeper_main *main, struct text *why);
static struct err open_counters(struct keeper_main *main);
static int take_end(int *end);
static struct err confine(
        struct keeper_main *main, const struct core_dumps *dumps, struct text *why);
static struct err start_threads(struct keeper_main *main, struct text *why);
static void serve(struct keeper_main *main);
static void close_all(struct keeper_main *main);

int keeper_main(
        struct keeper_ends *ends, const struct config *config, const struct keeper_options *options)
{
	struct keeper_main *main = calloc(1, sizeof *main);
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	(void)prctl(PR_SET_NAME, "sluice-keeper", 0, 0, 0);
	check(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	check(signal(SIGINT, SIG_IGN) != SIG_ERR);
	check(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	if (main == NULL)
		return EXIT_FAILURE;
	main->ends = ends;
	main->config = read_again(config);
	if (main->config == NULL) {
		close_all(main);
		return EXIT_FAILURE;
	}
	struct err err = open_all(main, options->log, &why);
	if (!failed(err))
		err = confine(main, options->dumps, &why);
	if (!failed(err))
		err = start_threads(main, &why);
	if (!failed(err))
		err = packets_send(ends->life, VIEW("r"));
	if (!failed(err))
		serve(main);
	else if (err.code != ERR_CLOSED) /* the engine is gone already */
		fprintf(stderr, "sluice serve: the keeper: %s\n",
		        why.bytes > 0 ? text_string(&why) : err_text(err.code));
	close_all(main);
	return failed(err) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* With all that the engine has left out. */
static struct config *read_again(const struct config *first)
{
	struct config_report report;
	struct config *config = NULL;

	config_report_init(&report);
	if (failed(config_load(&config, first->path, &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	if (config == NULL || memcmp(config->digest, first->digest, sizeof first->digest) == 0)
		return config;
	fprintf(stderr, "sluice serve: %s was changed while it was read; right is to start again\n",
	        first->path);
	config_destroy(config);
	return NULL;
}

static struct err open_all(struct keeper_main *main, struct logger_options log, struct text *why)
{
	struct err err = err_make(ERR_NOT_FOUND, 0);

	if (!privileges_find(&main->who, main->config->user, main->config->group, why))
		return err;
	err = logger_create(&main->logger, log);
	if (!failed(err))
		err = logger_open(main->logger, &main->log);
	if (!failed(err))
		err = depot_create(&main->depot, KEEPER_MEMORY);
	if (!failed(err))
		err = signers_open(&main->signers, main->config, main->ends, why);
	if (!failed(err) && main->ends->passwords >= 0)
		err = roster_open(&main->roster, main->config, why);
	if (!failed(err))
		err = open_helpers(main, why);
	return failed(err) ? err : open_counters(main);
}

static struct err open_helpers(struct keeper_main *main, struct text *why)
{
	struct err err = hatch_open(&main->hatch, main->config, main->depot, why);

	main->has_hatch = !failed(err);
	if (!failed(err) && main->ends->secrets >= 0) {
		struct keeper_settings settings = {
			.config = main->config,
			.depot = main->depot,
			.seed = crypto_random_u64(),
		};
		err = logger_open(main->logger, &settings.log);
		if (!failed(err))
			err = keeper_init(&main->keeper, &settings, why);
		main->has_keeper = !failed(err);
	}
	if (!failed(err) && main->ends->passwords >= 0) {
		err = passwords_init(
		        &main->passwords, &main->roster, &main->config->limits, main->depot, why);
		main->has_passwords = !failed(err);
	}
	return err;
}

/* As many asks as the engine's shards may have under way. */
static struct err open_counters(struct keeper_main *main)
{
	const struct config_threads *threads = &main->config->threads;
	struct err err = err_ok();

	if (main->has_keeper)
		err = hatch_counter_open(&main->hatch, &trade_secrets, &main->keeper.helper,
		        threads->delivery * config_identity_count(main->config),
		        take_end(&main->ends->secrets));
	if (!failed(err) && main->has_passwords)
		err = hatch_counter_open(&main->hatch, &trade_passwords, &main->passwords.helper,
		        threads->ingest * PASSWORDS_CHECKS_MAX, take_end(&main->ends->passwords));
	return err;
}

static int take_end(int *end)
{
	const int taken = *end;

	*end = -1;
	return taken;
}

/* As the engine does it. */
static struct err confine(
        struct keeper_main *main, const struct core_dumps *dumps, struct text *why)
{
	struct err err = privileges_give_up(&main->who, why);

	if (!failed(err) && main->config->core_dumps)
		core_dumps_allow(dumps);
	if (!failed(err))
		err = sandbox_enter(main->config, SANDBOX_KEEPER,
		        io_is_restricted(main->hatch.loop.io), main->log, why);
	return err;
}

static struct err start_threads(struct keeper_main *main, struct text *why)
{
	struct err err = logger_start(main->logger);

	text_put(why, VIEW("can't start a thread: there is too little memory, or there are too "
	                   "many processes"));
	if (!failed(err) && main->has_keeper)
		err = helper_start(&main->keeper.helper);
	if (!failed(err) && main->has_passwords)
		err = helper_start(&main->passwords.helper);
	if (!failed(err))
		err = signers_start(&main->signers);
	if (!failed(err))
		why->bytes = 0;
	return err;
}

/* Until the engine is gone, as the first who serves it finds. */
static void serve(struct keeper_main *main)
{
	if (main->hatch.counter_count > 0)
		hatch_run(&main->hatch);
	else
		signers_join(&main->signers);
}

static void close_all(struct keeper_main *main)
{
	/* If it is there after all, it is to see that nobody serves it any more. */
	keeper_ends_close(main->ends);
	signers_close(&main->signers);
	if (main->has_keeper)
		helper_stop(&main->keeper.helper);
	if (main->has_passwords)
		helper_stop(&main->passwords.helper);
	if (main->has_hatch)
		hatch_close(&main->hatch);
	if (main->has_keeper)
		keeper_finish(&main->keeper);
	if (main->has_passwords)
		passwords_finish(&main->passwords);
	roster_close(&main->roster);
	depot_destroy(main->depot);
	logger_destroy(main->logger);
	config_destroy(main->config);
	free(main);
}
