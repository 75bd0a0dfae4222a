/*
 * An ingest shard in a test: its configuration, and a spooler of the test's. Its clients are in
 * ingest_client.h.
 *
 * Thread:  the test's: everything turns in it, one after the other.
 */
#ifndef SLUICE_TESTS_INGEST_FIXTURE_H
#define SLUICE_TESTS_INGEST_FIXTURE_H

#include "engine/ingest.h"
#include "tests/engine/ingest_mail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUSE_DOORS_MAX   4
#define HOUSE_MAIL_MAX    64
#define HOUSE_BODY_MAX    (1 << 20)
#define HOUSE_PATIENCE_NS (10 * NS_PER_S)

/* The user of the tests is "anna" with the password "secret". */
#define HOUSE_USERS "anna:$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2\n"

struct house {
	struct config config;
	struct config_listener listeners[HOUSE_DOORS_MAX];
	struct depot *depot;
	struct doors *doors;
	struct doorbell spooler_bell;
	struct mailbox to_spooler;
	struct mailbox to_ingest;
	struct counters counters;
	struct log *log;
	struct ingest ingest;
	struct roster roster;
	struct passwords *passwords;
	struct shelf shelf; /* the spooler's */
	uint64_t id_next;
	bool holds; /* the spooler doesn't answer puts */
	bool keeps_ids;
	bool drained;
	enum put_result result;
	uint64_t known_id; /* for PUT_KNOWN and PUT_CLASH */
	struct house_mail mail[HOUSE_MAIL_MAX];
	size_t mail_count;
	size_t answered;
	char users_path[256];
};

static const struct config_network house_loopback = {
	.address = { [10] = 0xff, [11] = 0xff, [12] = 127 },
	.prefix_bits = 104,
};

/* A configuration with one door, open to loopback; to be changed before house_open(). */
static inline void house_prepare(struct house *house)
{
	*house = (struct house){ .id_next = 1000 };
	house->config.name = "relay.test";
	house->config.drain_ns = 60 * NS_PER_S;
	house->config.limits = (struct config_limits){
		.memory_bytes = 64 << 20,
		.message_bytes = 1 << 20,
		.recipients = 100,
		.connections = 100,
		.connections_per_client = 100,
		.errors = 1000,
		.auth_failures = 3,
		.hops = 20,
		.idle_ns = 60 * NS_PER_S,
		.transaction_ns = 60 * NS_PER_S,
	};
	house->config.listeners.at = house->listeners;
	house->config.listeners.count = 1;
	for (size_t i = 0; i < HOUSE_DOORS_MAX; i++) {
		assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &house->listeners[i].address));
		house->listeners[i].name = "relay.test";
		house->listeners[i].allow = (struct config_networks){ &house_loopback, 1 };
		house->listeners[i].bare_lf = BARE_LF_REFUSE;
	}
}

static inline void house_add_users(struct house *house, struct config_listener *listener)
{
	const char *folder = getenv("TMPDIR");
	snprintf(house->users_path, sizeof house->users_path, "%s/sluice-users-XXXXXX",
	        folder == NULL ? P_tmpdir : folder);
	int fd = mkstemp(house->users_path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, HOUSE_USERS, strlen(HOUSE_USERS)), (ssize_t)strlen(HOUSE_USERS));
	close(fd);
	listener->users_file = house->users_path;
}

static inline void house_open(struct house *house)
{
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	assert_false(failed(depot_create(&house->depot, house->config.limits.memory_bytes)));
	shelf_init(&house->shelf, house->depot);
	if (failed(doors_open(&house->doors, &house->config, NULL, NULL, &why)))
		fail_msg("%s", text_string(&why));
	doorbell_init(&house->spooler_bell, NULL);
	assert_false(failed(mailbox_init(
	        &house->to_spooler, sizeof(struct letter), INGEST_LETTERS, &house->spooler_bell)));
	assert_false(failed(mailbox_init(&house->to_ingest, sizeof(struct letter), INGEST_LETTERS,
	        &house->ingest.shard.loop.doorbell)));
	const struct ingest_settings settings = {
		.config = &house->config,
		.doors = house->doors,
		.depot = house->depot,
		.counters = &house->counters,
		.log = house->log,
		.spooler = { .out = &house->to_spooler, .in = &house->to_ingest },
		.io = { 256, 64, 4096 },
		.shard_count = 1,
		.seed = 1,
	};
	if (failed(ingest_init(&house->ingest, &settings, &why)))
		fail_msg("%s", text_string(&why));
	if (roster_is_wanted(&house->config)) {
		if (failed(roster_open(&house->roster, &house->config, &why)))
			fail_msg("%s", text_string(&why));
		house->passwords = calloc(1, sizeof *house->passwords);
		assert_non_null(house->passwords);
		if (failed(passwords_init(house->passwords, &house->roster, &house->config.limits,
		            house->depot, &why)))
			fail_msg("%s", text_string(&why));
		assert_false(failed(ingest_join(&house->ingest, &house->passwords->helper)));
		loop_start(&house->passwords->helper.loop);
	}
	ingest_start(&house->ingest);
}

static inline void house_give(struct house *house, const struct letter *letter)
{
	assert_true(mailbox_put(&house->to_ingest, letter));
}

/* Answers the puts that wait. */
static inline void house_answer(struct house *house)
{
	for (; house->answered < house->mail_count; house->answered++) {
		if (house->mail[house->answered].lent != NULL && house->result >= PUT_KNOWN)
			house->mail[house->answered].lent->id = house->known_id;
		const struct letter done = { .kind = LETTER_PUT_DONE,
			.result = house->result,
			.ticket = house->mail[house->answered].ticket };
		house_give(house, &done);
	}
}

static inline void house_spool(struct house *house)
{
	struct letter letter;

	while (mailbox_take(&house->to_spooler, &letter)) {
		if (letter.kind == LETTER_IDS_WANTED && !house->keeps_ids) {
			const struct letter ids = {
				.kind = LETTER_IDS, .ticket = house->id_next, .count = letter.count
			};
			house->id_next += letter.count;
			house_give(house, &ids);
		} else if (letter.kind == LETTER_PUT) {
			assert_true(house->mail_count < HOUSE_MAIL_MAX);
			house_mail_keep(&house->mail[house->mail_count++], &letter);
			message_release(letter.message, &house->shelf);
			ways_free(&letter.ways, &house->shelf);
		} else if (letter.kind == LETTER_DRAINED) {
			house->drained = true;
		}
	}
	if (!house->holds)
		house_answer(house);
}

static inline void house_turn(struct house *house)
{
	io_wake(NULL, house->ingest.shard.loop.io);
	ingest_turn(&house->ingest);
	if (house->passwords != NULL) {
		io_wake(NULL, house->passwords->helper.loop.io);
		passwords_turn(&house->passwords->helper);
	}
	house_spool(house);
}

#define house_turn_until(house, condition)                                                         \
	do {                                                                                       \
		struct mono begun_ = clock_mono();                                                 \
		while (!(condition)) {                                                             \
			house_turn(house);                                                         \
			if (clock_mono().ns - begun_.ns > HOUSE_PATIENCE_NS)                       \
				fail_msg("waited in vain for: %s", #condition);                    \
		}                                                                                  \
	} while (0)

/* Nothing is left over: no connection, chunk or operation. */
static inline void house_close(struct house *house)
{
	ingest_abort(&house->ingest);
	house->holds = false;
	house_turn_until(house, ingest_is_over(&house->ingest));
	assert_int_equal(doorman_count(house->doors->doorman), 0);
	assert_int_equal(house->ingest.transactions, 0);
	ingest_finish(&house->ingest);
	if (house->passwords != NULL) {
		passwords_finish(house->passwords);
		free(house->passwords);
		roster_close(&house->roster);
		unlink(house->users_path);
	}
	mailbox_finish(&house->to_spooler);
	mailbox_finish(&house->to_ingest);
	doors_close(house->doors);
	shelf_finish(&house->shelf);
	assert_int_equal(depot_chunks_out(house->depot), 0);
	depot_destroy(house->depot);
	for (size_t i = 0; i < house->mail_count; i++)
		free(house->mail[i].body);
}

static inline void house_turn_some(struct house *house)
{
	for (int i = 0; i < 4; i++)
		house_turn(house);
}

#endif
