#include "tests/sim/world.h"

#include "bench/mock.h"
#include "engine/config_report.h"
#include "queue/base/check.h"
#include "tests/sim/client.h"
#include "tests/sim/clock_sim.h"
#include "tests/sim/jumps.h"
#include "tests/sim/machine.h"
#include "tests/sim/meter.h"
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"
#include "tests/sim/tls_sim.h"
#include "tests/sim/world_rules.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#define WORLD_CLIENTS_MAX  12
#define WORLD_CALM_CLIENTS 2 /* each operation of theirs is a world of its own */
#define WORLD_MEMORY       (64 << 20)
#define WORLD_CRASHES_MAX  4
#define WORLD_MOCK_PORT    2526
#define WORLD_OTHER_PORT   2527 /* where another route leads */
#define WORLD_SESSIONS     3
#define WORLD_BEGAN_MS     1790000000000 /* of the wall clock */
/* Trouble ends when the clients are done, or after this time. */
#define WORLD_TROUBLE_NS (3600 * NS_PER_S)
/* By then everything that can leave has left: waits between attempts are at most ten minutes, and
 * a clock that was set back has been where it was, two days ahead at most. */
#define WORLD_HEALING_NS (72 * 3600 * NS_PER_S)
#define WORLD_TURNS_MAX  300000

enum world_phase { WORLD_TROUBLE, WORLD_HEALING, WORLD_DRAINING, WORLD_ENDING, WORLD_OVER };

struct world {
	struct random random;
	struct oracle oracle;
	struct meter meter;
	struct config *config;
	struct machine *machine;
	struct depot *depot; /* the mock's and the clients' */
	struct shelf shelf;
	struct loop mock_loop;
	struct mock mock;
	struct mock other;          /* where the other route leads */
	struct mock_tenant *tenant; /* the mock's; NULL: none */
	struct loop client_loop;
	struct list client_news;
	struct client clients[WORLD_CLIENTS_MAX];
	size_t client_count;
	struct world_result *result;
	struct mono phase_began;
	enum world_phase phase;
	bool verbose;
	bool parted;                             /* recipients take two routes */
	bool fallback;                           /* and one of them may take the other's mail */
	bool holds;                              /* what is in doubt, until an operator comes */
	bool hasty;                              /* clients send on before they are answered */
	bool by_id;                              /* Message-ID and envelope are a key */
	bool opens;                              /* mail is from whichever mailbox sends it */
	bool calm;                               /* nothing goes wrong but by io_sim_fail() */
	struct world_rules rules;                /* of the servers */
	struct jumps jumps;                      /* of the wall clock */
	double crash;                            /* probability, a turn */
	double crash_in_wait;                    /* probability, a wait of a machine's thread */
	uint64_t turns[MACHINE_THREADS_MAX + 2]; /* by thread: who spins? */
	struct endpoint ingest_at;
	uint64_t losses; /* of connections, so far */
	jmp_buf crashed;
};

static struct world world; /* callbacks of the seams come without an owner of their own type */

static void world_boot(void);
static void world_say_stuck(void);
static void world_part(uint64_t seed);
static void world_configure(uint64_t seed, enum world_plant plant, const char *secret, bool tokens);
static void world_put_other_route(struct text *text, const char *limits, const char *identities);
static void world_make_tenant(uint64_t seed);
static void world_open_mock(
        struct mock *mock, const struct mock_settings *settings, struct endpoint at);
static void world_make_mock(enum world_plant plant);
static void world_make_clients(void);
static void world_make_weather(enum world_plant plant);
static void world_calm_down(void);
static void world_rule(bool trouble);
static void world_turn(void);
static bool world_pass_time(void);
static void world_count_sessions(uint16_t port);
static void world_look(void);
static void world_enter(enum world_phase phase);
static void world_next_phase(void);
static bool world_clients_done(void);
static bool world_queue_empty(void);
static void world_crash(void *owner);
static void world_reboot(void);
static void world_committed(void *owner, const struct disk_state *state);
static void world_sends(void *owner, const struct socket *socket, struct view bytes);
static void world_deceived(void *owner);
static void world_writes(void *owner, const void *session, struct view bytes);
static void mock_thread_turn(void);
static void client_thread_turn(void);

void world_run(uint64_t seed, enum world_plant plant, const char *secret, bool verbose,
        struct world_result *result)
{
	world.result = result;
	world.verbose = verbose;
	*result = (struct world_result){ 0 };
	random_seed(&world.random, seed);
	clock_sim_set((struct mono){ NS_PER_S }, (struct wall){ WORLD_BEGAN_MS });
	disk_reset(random_u64(&world.random));
	network_reset(random_u64(&world.random));
	oracle_init(&world.oracle);
	world_part(seed);
	world_configure(seed, plant, secret, seed % 4 < 2);
	const struct err err = depot_create(&world.depot, WORLD_MEMORY);
	check(!failed(err));
	shelf_init(&world.shelf, world.depot);
	world_make_tenant(seed);
	world_make_mock(plant);
	world_make_clients();
	jumps_init(&world.jumps, seed);
	world_make_weather(plant);
	if (world.calm)
		world_calm_down();
	world_boot();
	world.phase_began = clock_mono();

	if (setjmp(world.crashed) != 0)
		world_reboot();
	while (world.phase != WORLD_OVER && !world.oracle.failed) {
		world_turn();
		if (++result->turns == WORLD_TURNS_MAX)
			world_say_stuck();
	}
	result->failed = world.oracle.failed;
	memcpy(result->failure, world.oracle.failure, sizeof result->failure);
	result->messages = (uint32_t)world.oracle.count;
	result->io_failed = io_sim_has_failed();
	result->simulated_ms = (uint64_t)(clock_mono().ns / NS_PER_MS);
	for (size_t i = 0; i < world.oracle.count; i++) {
		const struct oracle_message *message = &world.oracle.messages[i];
		result->accepted += message->told == ORACLE_ACCEPTED;
		for (int k = 0; k < ORACLE_RECIPIENTS; k++)
			result->copies += message->delivered[k] > 1;
	}
}

void world_fail_io(enum io_kind kind, uint64_t nth)
{
	world.calm = true;
	io_sim_fail(kind, nth);
}

/* In fair weather: a machine that does not boot is booted again until it does. */
static void world_boot(void)
{
	const struct disk_weather weather = sim_disk.weather;

	sim_disk.weather = (struct disk_weather){ .pages = UINT64_MAX };
	world.machine = machine_boot(world.config, world.verbose, random_u64(&world.random));
	sim_disk.weather = weather;
}

static void world_say_stuck(void)
{
	char turns[128];
	struct text text = TEXT_ON(turns);

	for (size_t i = 0; i < MACHINE_THREADS_MAX + 2; i++)
		text_format(&text, " %llu", (unsigned long long)world.turns[i]);
	oracle_fail(&world.oracle, "stuck: %d turns and no end; by thread%s", WORLD_TURNS_MAX,
	        text_string(&text));
}

/* In half of the worlds every second recipient takes another route, so that most messages are two
 * jobs; and then in half of those it falls back on the first. */
static void world_part(uint64_t seed)
{
	struct random random; /* of its own: the dice of the world fall as they did without it */

	random_seed(&random, seed ^ UINT64_C(0x9a27ed));
	world.parted = random_below(&random, 2) == 0;
	world.fallback = random_below(&random, 2) == 0;
	world.rules.refusing = world.parted && world.fallback && random_below(&random, 2) == 0;
	world.holds = random_below(&random, 4) == 0;
	world.by_id = random_below(&random, 2) == 0;
	world.rules.barring = random_below(&random, 4) == 0;
	/* No throws: the other dice fall as they did. */
	world.hasty = seed % 4 == 0 && !world.by_id;
	world.opens = (seed ^ seed >> 3) % 2 == 0;
	if (random_below(&random, 3) == 0)
		world.rules.lies = random_u64(&random);
}

static void world_rule(bool trouble)
{
	world.rules.trouble = trouble;
	if (!trouble && world.tenant != NULL) {
		world.tenant->settings.fault_proxy = 0;
		world.tenant->settings.fault_replication = 0;
	}
	world_rules_set(&world.mock.script, &world.other.script, &world.rules, &world.random);
}

static void world_put_other_route(struct text *text, const char *limits, const char *identities)
{
	text_format(text,
	        "  - name: other\n"
	        "    interface: submission\n"
	        "    host: 127.0.0.1\n"
	        "    port: %d\n"
	        "    tls: {verify: true, mode: required}\n"
	        "    sessions: %d\n"
	        "    pipeline: 3\n"
	        "    group_by_domain: true\n"
	        "%s"
	        "    notices_from: notices@sim.test\n"
	        "    identities: [%s]\n",
	        WORLD_OTHER_PORT, WORLD_SESSIONS, limits, identities);
	if (world.fallback)
		text_format(text, "    fallback: far\n    fallback_after: 20s\n");
	text_format(text, "rules:\n  - {recipient_domain: '*.far.test', route: other}\n");
}

/* `tokens`: signs in with tokens of an endpoint, instead of a password. */
static void world_configure(uint64_t seed, enum world_plant plant, const char *secret, bool tokens)
{
	/* One a line: the order in which arguments are worked out is the compiler's. */
	const int pipeline = 1 + (int)random_below(&world.random, 6);
	const int ingests = 1 + (int)random_below(&world.random, MACHINE_SHARDS_MAX);
	const int deliveries = 1 + (int)random_below(&world.random, MACHINE_SHARDS_MAX);
	const bool limited = random_below(&world.random, 2) == 0;
	const unsigned mailboxes = 1 + (unsigned)random_below(&world.random, METER_MAILBOXES);
	const int cap = 1 + (int)random_below(&world.random, 3);
	const int rate = 3 + (int)random_below(&world.random, 20);
	const char *by = world.by_id ? "message_id" : "key";
	char file[8192];
	char limits[256];
	char identities[4096];
	const char *sign_in =
	        tokens ? "oauth: {client_id: relay, token_url: https://login.sim.test/token, "
	                 "client_secret_file"
	               : "auth: login, secret_file";
	struct text text = TEXT_ON(file);
	struct text limits_text = TEXT_ON(limits);
	struct text identities_text = TEXT_ON(identities);
	struct config_report report;

	text_format(&limits_text,
	        limited ? "    connections: %d\n"
	                  "    messages_per_minute: %d\n"
	                  "    recipients_per_day: 40/10m\n"
	                : "    connections: none\n"
	                  "    messages_per_minute: none\n"
	                  "    recipients_per_day: none\n",
	        cap, rate);
	text_format(&limits_text, "    in_doubt: %s\n    in_doubt_delay: 30s\n",
	        world.holds ? "hold" : "resend");
	for (unsigned i = 0; i < mailboxes; i++)
		text_format(&identities_text, "%s{user: %s, %s: %s%s}", i == 0 ? "" : ", ",
		        meter_mailbox(i), sign_in, secret, tokens ? "}" : "");
	meter_init(&world.meter, &world.oracle,
	        limited ? (uint64_t)(plant == WORLD_MORE_MAIL ? rate / 2 : rate) : 0,
	        60 * NS_PER_S);
	text_format(&text,
	        "name: relay.sim.test\n"
	        "spool: {path: sim}\n"
	        "limits: {memory: 32MiB, message: 1MiB}\n"
	        "drain: 30s\n"
	        "listeners: [{address: \"127.0.0.1:2525\", allow: [%s]}]\n"
	        "routes:\n"
	        "  - name: far\n"
	        "    interface: submission\n"
	        "    host: 127.0.0.1\n"
	        "    port: %d\n"
	        "    tls: {verify: true, mode: required}\n"
	        "    sessions: %d\n"
	        "    pipeline: %d\n"
	        "%s"
	        "    notices_from: notices@sim.test\n"
	        "    identities: [%s]\n",
	        plant == WORLD_RELAY_ALL ? "0.0.0.0/0" : "127.0.0.0/8", WORLD_MOCK_PORT,
	        plant == WORLD_MORE_SESSIONS ? 4 * WORLD_SESSIONS : WORLD_SESSIONS, pipeline,
	        text_string(&limits_text), text_string(&identities_text));
	if (world.parted)
		world_put_other_route(
		        &text, text_string(&limits_text), text_string(&identities_text));
	meter_put_quota(&world.meter, &text, seed, plant == WORLD_LEND_MORE);
	if (world.opens)
		text_put(&text, VIEW("names: [{sender: '<>'}, {policy: rewrite}]\n"));
	text_format(&text,
	        "idempotency: {by: %s, window: 30d}\n" /* more than its clock jumps */
	        "retry: {first: 10s, most: 10m, give_up_after: 30d}\n"
	        "threads: {ingest: %d, delivery: %d}\n",
	        plant == WORLD_FORGET_KEYS ? "off" : by, ingests, deliveries);
	config_report_init(&report);
	const struct err err =
	        config_load_text(&world.config, "sim.yaml", text_view(&text), &report);
	if (failed(err)) {
		config_report_print(&report, CONFIG_WRONG, stderr);
		abort();
	}
	config_report_finish(&report);
}

/* Half of the worlds have one. It has no limits: the meter has them. But its refusals come late,
 * sessions end when they are idle or old, and in times of trouble its front ends fail. Where mail
 * is from whoever sends it, a mailbox may send as nobody else: under another's name it would stay
 * in the queue for ever. */
static void world_make_tenant(uint64_t seed)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;
	struct random random; /* of its own: the dice of the world fall as they did without it */

	mock_tenant_destroy(world.tenant);
	world.tenant = NULL;
	random_seed(&random, ~seed);
	settings.seed = random_u64(&random);
	settings.fault_proxy = random_unit(&random) * 0.2;
	settings.fault_replication = random_unit(&random) * 0.2;
	settings.strikes = 0; /* many a client here has no name of its own */
	if (random_below(&random, 2) == 0)
		return;
	mock_tenant_create(&world.tenant, &settings);
	mock_tenant_add_domain(world.tenant, VIEW("sim.test"));
	for (unsigned i = 0; i < METER_MAILBOXES; i++) {
		struct mock_mailbox *mailbox = mock_tenant_add_mailbox(
		        world.tenant, view_of(meter_mailbox(i)), VIEW("secret"), VIEW(""));
		check(mailbox != NULL);
		mock_mailbox_allow(mailbox, world.opens ? VIEW("notices@sim.test") : VIEW("*"));
	}
	for (int i = 0; i < MOCK_LIMIT_COUNT; i++)
		mock_tenant_set_limit(world.tenant, NULL, (enum mock_limit)i, MOCK_NONE);
}

static void world_open_mock(
        struct mock *mock, const struct mock_settings *settings, struct endpoint at)
{
	struct err err = mock_init(mock, &world.mock_loop, settings);

	check(!failed(err));
	err = mock_listen(mock, &at, false);
	check(!failed(err));
}

static void world_make_mock(enum world_plant plant)
{
	const struct tls_server_settings tls = { "", "" };
	struct mock_settings settings = {
		.interface = MOCK_SUBMISSION,
		.tenant = world.tenant,
		.mechanisms = SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_XOAUTH2),
		.size_max = MOCK_SIZE_DEFAULT,
		.delay_ns = (int64_t)random_below(&world.random, 300) * NS_PER_MS,
		.seed = random_u64(&world.random),
		.observer = &world.oracle.observer,
	};
	const struct io_settings io = IO_SETTINGS_DEFAULT;
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct endpoint at;

	for (int i = 0; i < MOCK_EXTENSION_COUNT; i++)
		settings.lacks[i] =
		        i != MOCK_STARTTLS && i != MOCK_AUTH && random_below(&world.random, 6) == 0;
	struct err err = tls_context_server(&settings.tls, &tls, &why);
	check(!failed(err));
	err = loop_init(&world.mock_loop, &io, &world.shelf, &why);
	check(!failed(err));
	loop_start(&world.mock_loop);
	loop_begin(&world.mock_loop);
	const bool parsed = endpoint_parse(VIEW("127.0.0.1:2526"), &at);
	check(parsed);
	world_open_mock(&world.mock, &settings, at);
	at.port = WORLD_OTHER_PORT;
	world_open_mock(&world.other, &settings, at);
	loop_end(&world.mock_loop);
	sim_tls.forged = plant == WORLD_TRUST_ALL;
	sim_tls.verifies_never = plant == WORLD_TRUST_ALL;
	world_rule(!world.calm);
}

static void world_make_clients(void)
{
	const struct io_settings io = IO_SETTINGS_DEFAULT;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	list_init(&world.client_news);
	const struct err err = loop_init(&world.client_loop, &io, &world.shelf, &why);
	check(!failed(err));
	loop_start(&world.client_loop);
	loop_begin(&world.client_loop);
	world.ingest_at = world.config->listeners.at[0].address;
	world.client_count = 1 + random_below(&world.random, WORLD_CLIENTS_MAX);
	if (world.calm && world.client_count > WORLD_CALM_CLIENTS)
		world.client_count = WORLD_CALM_CLIENTS;
	for (size_t i = 0; i < world.client_count; i++) {
		client_init(&world.clients[i], &world.client_loop, &world.client_news,
		        &world.oracle, &world.ingest_at, random_u64(&world.random));
		world.clients[i].parted = world.parted;
		world.clients[i].by_id = world.by_id;
		world.clients[i].hasty = world.hasty;
	}
	loop_end(&world.client_loop);
}

/* A fault strikes in some worlds only, so that each is also met alone. */
static double world_chance(double probability)
{
	return random_below(&world.random, 3) == 0 ? probability : 0;
}

static void world_make_weather(enum world_plant plant)
{
	sim_network.weather = (struct network_weather){
		.reset = world_chance(0.01),
		.stall = world_chance(0.005),
		.partial = world_chance(0.2),
		.unreachable = world_chance(0.2),
		.lost = world_chance(0.1),
		.no_files = world_chance(0.05),
		.no_buffers = world_chance(0.05),
		.torn = random_unit(&world.random) * 0.5,
		.latency_ns = (int64_t)random_below(&world.random, 100) * NS_PER_MS,
	};
	sim_network.sends = world_sends;
	sim_disk.weather = (struct disk_weather){
		.full = world_chance(0.1),
		.grow = world_chance(0.05),
		.broken = world_chance(0.02),
		.crash = world_chance(0.02),
		.pages = UINT64_MAX,
	};
	sim_disk.plant = plant == WORLD_ANSWER_EARLY ? DISK_ANSWERS_EARLY
	                 : plant == WORLD_FORGET     ? DISK_FORGETS
	                 : plant == WORLD_DROP_JOBS  ? DISK_DROPS_JOBS
	                 : plant == WORLD_DROP_TRACE ? DISK_DROPS_TRACE
	                                             : DISK_SOUND;
	sim_disk.committed = world_committed;
	sim_disk.crash = world_crash;
	sim_tls.deceived = world_deceived;
	sim_tls.writes = world_writes;
	world.crash = world_chance(0.0005);
	world.crash_in_wait = world_chance(0.0005);
}

static void world_calm_down(void)
{
	sim_network.weather = (struct network_weather){ .latency_ns = NS_PER_MS };
	sim_disk.weather = (struct disk_weather){ .pages = UINT64_MAX };
	world.crash_in_wait = 0;
	world.jumps.on = false;
}

/* One turn of one thread that has something to do; or time goes on. */
static void world_turn(void)
{
	struct machine *machine = world.machine;
	int ready[MACHINE_THREADS_MAX + 2];
	size_t count = 0;
	const int mock_turns = (int)machine->thread_count;
	const int clients_turn = mock_turns + 1;

	network_go_on();
	for (size_t i = 0; i < machine->thread_count; i++)
		if (io_sim_is_ready(machine->threads[i].loop->io))
			ready[count++] = (int)i;
	if (io_sim_is_ready(world.mock_loop.io))
		ready[count++] = mock_turns;
	if (io_sim_is_ready(world.client_loop.io))
		ready[count++] = clients_turn;
	if (count == 0) {
		if (!world_pass_time())
			oracle_fail(&world.oracle, "stuck: nobody waits for anything");
		return;
	}
	const int chosen = ready[random_below(&world.random, count)];
	world.turns[chosen]++;
	if (chosen == mock_turns) {
		mock_thread_turn();
		meter_look(&world.meter);
		meter_see_in_flight(&world.meter, machine_in_flight(world.machine));
	} else if (chosen == clients_turn) {
		client_thread_turn();
	} else {
		struct machine_thread *thread = &machine->threads[chosen];
		io_sim_turn(thread->loop->io);
		io_sim_crash_in_wait(world_crash, NULL, world.crash_in_wait);
		thread->turn(thread);
		meter_see_in_flight(&world.meter, machine_in_flight(machine));
		io_sim_crash_in_wait(world_crash, NULL, 0); /* the others' power is not ours */
	}
	world_look();
	jumps_draw(&world.jumps);
	if (world.phase == WORLD_TROUBLE && !world.calm && random_unit(&world.random) < world.crash)
		world_crash(NULL);
}

static void mock_thread_turn(void)
{
	io_sim_turn(world.mock_loop.io);
	loop_begin(&world.mock_loop);
	loop_run_completions(&world.mock_loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&world.mock_loop);
	mock_work(&world.mock);
	mock_work(&world.other);
	loop_end(&world.mock_loop);
}

static void client_thread_turn(void)
{
	struct stream *stream;
	unsigned what;

	io_sim_turn(world.client_loop.io);
	loop_begin(&world.client_loop);
	loop_run_completions(&world.client_loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&world.client_loop);
	while ((stream = stream_next_news(&world.client_news, &what)) != NULL)
		client_work(container_of(stream, struct client, stream), what);
	loop_end(&world.client_loop);
}

/* To the next moment that somebody waits for. False: nobody waits. */
static bool world_pass_time(void)
{
	struct mono next = network_wanted();

	for (size_t i = 0; i < world.machine->thread_count; i++)
		next = mono_earlier(next, io_sim_wanted(world.machine->threads[i].loop->io));
	next = mono_earlier(next, io_sim_wanted(world.mock_loop.io));
	next = mono_earlier(next, io_sim_wanted(world.client_loop.io));
	if (next.ns == MONO_NEVER.ns)
		return false;
	const int64_t step = next.ns - clock_mono().ns;
	clock_sim_go_on(step > 0 ? step : 1);
	return true;
}

static void world_count_sessions(uint16_t port)
{
	const struct machine *machine = world.machine;
	size_t sessions = 0;

	for (size_t i = 0; i < machine->delivery_count; i++)
		sessions += network_connections(machine->deliveries[i].shard.loop.io, port);
	if (sessions > WORLD_SESSIONS)
		oracle_fail(&world.oracle, "I4: %zu sessions to %u, and the route has %d", sessions,
		        port, WORLD_SESSIONS);
}

/* After each turn. */
static void world_look(void)
{
	struct machine *machine = world.machine;
	const struct mock_account *account = &world.mock.account;
	const struct mock_account *other = &world.other.account;
	/* What is no reply loses a session, too. */
	const uint64_t losses = sim_network.breaks + account->drops_before + account->drops_after +
	                        account->lies + other->drops_before + other->drops_after +
	                        other->lies;

	if (losses != world.losses) {
		world.losses = losses;
		if (!world.holds)
			oracle_doubt(&world.oracle);
	}
	world_count_sessions(WORLD_MOCK_PORT);
	world_count_sessions(WORLD_OTHER_PORT);
	if (machine->logger != NULL)
		(void)logger_drain(machine->logger);
	if (spooler_state(machine->spooler) == SPOOLER_BROKEN)
		world_crash(NULL); /* the process ends, and its supervisor starts it again */
	world_next_phase();
}

static void world_next_phase(void)
{
	struct machine *machine = world.machine;
	const int64_t since = clock_mono().ns - world.phase_began.ns;

	switch (world.phase) {
	case WORLD_TROUBLE:
		if (!world_clients_done() && since < WORLD_TROUBLE_NS)
			return;
		world_calm_down();
		world_rule(false);
		world_enter(WORLD_HEALING);
		break;
	case WORLD_HEALING:
		/* Where what is in doubt was held, none of it came twice but by a crash. */
		if (world.holds && machine_release(machine))
			oracle_doubt(&world.oracle);
		if (world_clients_done() && world_queue_empty()) {
			machine_drain(machine);
			world_enter(WORLD_DRAINING);
		} else if (since > WORLD_HEALING_NS) {
			oracle_fail(&world.oracle, "stuck: the queue is not empty days later");
		}
		break;
	case WORLD_DRAINING:
		if (machine_is_drained(machine)) {
			machine_abort(machine);
			world_enter(WORLD_ENDING);
		} else if (since > WORLD_TROUBLE_NS) {
			oracle_fail(&world.oracle, "stuck: an idle machine does not drain");
		}
		break;
	case WORLD_ENDING:
		if (!machine_is_over(machine))
			return;
		machine_finish(machine);
		oracle_judge(&world.oracle);
		world_enter(WORLD_OVER);
		break;
	default:
		break;
	}
}

static void world_enter(enum world_phase phase)
{
	world.phase = phase;
	world.phase_began = clock_mono();
}

static bool world_clients_done(void)
{
	for (size_t i = 0; i < world.client_count; i++)
		if (world.clients[i].step != CLIENT_DONE)
			return false;
	return true;
}

static bool world_queue_empty(void)
{
	return sim_disk.durable.tables[TABLE_MESSAGES].count == 0;
}

/* The power is cut in the middle of whatever runs. */
static void world_crash(void *owner)
{
	(void)owner;
	longjmp(world.crashed, 1);
}

static void world_reboot(void)
{
	io_sim_crash_in_wait(world_crash, NULL, 0);
	oracle_doubt(&world.oracle);
	world.result->crashes++;
	machine_crash(world.machine);
	if (world.result->crashes >= WORLD_CRASHES_MAX) {
		world.crash = 0;
		sim_disk.weather.broken = 0;
		sim_disk.weather.crash = 0;
		world.crash_in_wait = 0;
	}
	world_boot();
}

static void world_committed(void *owner, const struct disk_state *state)
{
	(void)owner;
	oracle_see_disk(&world.oracle, state);
}

static void world_sends(void *owner, const struct socket *socket, struct view bytes)
{
	const struct io *io = socket_owner(socket);

	(void)owner;
	if (world.machine == NULL)
		return;
	if (machine_owns(world.machine, io, true))
		oracle_see_answer(&world.oracle, bytes);
	if (!machine_owns(world.machine, io, false))
		return;
	if (view_starts_fold(bytes, VIEW("AUTH")) || view_starts_fold(bytes, VIEW("MAIL")) ||
	        view_contains_fold(bytes, VIEW("Message-ID:")))
		oracle_fail(&world.oracle, "I8: in plain text: %.*s",
		        (int)(bytes.bytes < 40 ? bytes.bytes : 40), bytes.data);
}

static void world_deceived(void *owner)
{
	(void)owner;
	oracle_fail(&world.oracle, "I8: a forged certificate was taken");
}

static void world_writes(void *owner, const void *session, struct view bytes)
{
	(void)owner;
	meter_see(&world.meter, session, bytes);
}
