/*
 * An engine's side and a keeper's in one test: couriers, and behind the hatch a keeper and
 * passwords, each with its thread; the test is their only shard.
 *
 * Thread:  the test's, and those that it starts.
 */
#ifndef SLUICE_TESTS_KEPT_H
#define SLUICE_TESTS_KEPT_H

#include "engine/courier.h"
#include "engine/hatch.h"
#include "engine/io/packets.h"
#include "tests/engine/ingest_fixture.h"

#include <pthread.h>

#define KEPT_SECRET   "s3cret of an account"
#define KEPT_ARGUMENT "czNjcmV0IG9mIGFuIGFjY291bnQ=" /* of LOGIN */

struct kept {
	struct house house; /* for its configuration and users */
	struct config_route route;
	struct config_identity identities[2]; /* the second one's secret is nowhere */
	char secret_path[64];
	struct depot *depot;
	struct roster roster;
	struct keeper keeper;
	struct passwords passwords;
	struct hatch hatch;
	pthread_t hatch_thread;
	struct courier secrets;
	struct courier checks;
	struct shelf shelf;
	struct loop loop;
};

static inline void *kept_serve(void *argument)
{
	hatch_run(argument);
	return NULL;
}

static inline void kept_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void kept_configure(struct kept *kept)
{
	house_prepare(&kept->house);
	house_add_users(&kept->house, &kept->house.listeners[0]);
	(void)snprintf(kept->secret_path, sizeof kept->secret_path, "kept-%d", (int)getpid());
	kept_write(kept->secret_path, KEPT_SECRET);
	for (size_t i = 0; i < 2; i++) {
		kept->identities[i].user = "a@b.test";
		kept->identities[i].secret_file = i == 0 ? kept->secret_path : "nowhere";
	}
	kept->route.identities = (struct config_identities){ kept->identities, 2 };
	kept->house.config.routes = (struct config_routes){ &kept->route, 1 };
}

/* `asks_most` of each trade. The keeper's side is made first, by its ends. */
static inline void kept_open_keeper(
        struct kept *kept, uint32_t asks_most, int secrets_end, int passwords_end)
{
	struct config *config = &kept->house.config;
	const struct keeper_settings settings = { .config = config, .depot = kept->depot };
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_false(failed(roster_open(&kept->roster, config, &why)));
	assert_false(failed(keeper_init(&kept->keeper, &settings, &why)));
	assert_false(failed(passwords_init(
	        &kept->passwords, &kept->roster, &config->limits, kept->depot, &why)));
	assert_false(failed(hatch_open(&kept->hatch, config, kept->depot, &why)));
	assert_false(failed(hatch_counter_open(
	        &kept->hatch, &trade_secrets, &kept->keeper.helper, asks_most, secrets_end)));
	assert_false(failed(hatch_counter_open(&kept->hatch, &trade_passwords,
	        &kept->passwords.helper, asks_most, passwords_end)));
	assert_false(failed(helper_start(&kept->keeper.helper)));
	assert_false(failed(helper_start(&kept->passwords.helper)));
	assert_int_equal(pthread_create(&kept->hatch_thread, NULL, kept_serve, &kept->hatch), 0);
}

/* Once the hatch has ended, as it does when one of its ends is closed. */
static inline void kept_close_keeper(struct kept *kept)
{
	assert_int_equal(pthread_join(kept->hatch_thread, NULL), 0);
	helper_stop(&kept->keeper.helper);
	helper_stop(&kept->passwords.helper);
	hatch_close(&kept->hatch);
	keeper_finish(&kept->keeper);
	passwords_finish(&kept->passwords);
	roster_close(&kept->roster);
}

static inline void kept_open_engine(
        struct kept *kept, uint32_t asks_most, int secrets_end, int passwords_end)
{
	static const struct io_settings io = { 64, 1, 4096 };
	struct courier_settings settings = { .config = &kept->house.config,
		.trade = &trade_secrets,
		.depot = kept->depot,
		.end = secrets_end };
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_false(failed(courier_init(&kept->secrets, &settings, &why)));
	settings.trade = &trade_passwords;
	settings.end = passwords_end;
	assert_false(failed(courier_init(&kept->checks, &settings, &why)));
	shelf_init(&kept->shelf, kept->depot);
	assert_false(failed(loop_init(&kept->loop, &io, &kept->shelf, &why)));
	loop_start(&kept->loop);
	assert_false(failed(helper_join(&kept->secrets.helper, 0, &kept->loop, asks_most)));
	assert_false(failed(helper_join(&kept->checks.helper, 0, &kept->loop, asks_most)));
	assert_false(failed(courier_start(&kept->secrets)));
	assert_false(failed(courier_start(&kept->checks)));
}

static inline void kept_close_engine(struct kept *kept)
{
	helper_stop(&kept->secrets.helper);
	helper_stop(&kept->checks.helper);
	helper_leave(&kept->secrets.helper, 0, &kept->loop);
	helper_leave(&kept->checks.helper, 0, &kept->loop);
	courier_finish(&kept->secrets);
	courier_finish(&kept->checks);
	loop_finish(&kept->loop);
	shelf_finish(&kept->shelf);
}

static inline void kept_open(struct kept *kept)
{
	*kept = (struct kept){ .depot = NULL };
	kept_configure(kept);
	assert_false(failed(depot_create(&kept->depot, 1 << 20)));
}

static inline void kept_close(struct kept *kept)
{
	depot_destroy(kept->depot);
	(void)unlink(kept->house.users_path);
	(void)unlink(kept->secret_path);
}

/* Not at the end of a turn, as others do it: now. */
static inline void kept_ask(struct courier *courier, struct helper_ask *ask)
{
	helper_ask(&courier->helper, 0, ask);
	mailbox_ring(&courier->helper.desks[0].asks, NULL);
}

/* Until `count` asks of a courier's are answered. */
static inline void kept_await(struct kept *kept, struct courier *courier, uint32_t count)
{
	uint32_t answered = 0;

	for (;;) {
		loop_begin(&kept->loop);
		loop_run_completions(&kept->loop, 64);
		while (helper_answered(&courier->helper, 0) != NULL)
			answered++;
		if (answered >= count)
			break;
		loop_end(&kept->loop);
	}
	assert_int_equal(answered, count);
}

#endif
