#include "tests/sim/day.h"

#include "bench/mock_session.h"
#include "bench/mock_tenant.h"
#include "engine/config_report.h"
#include "queue/base/check.h"
#include "tests/sim/clock_sim.h"
#include "tests/sim/day_watch.h"
#include "tests/sim/disk.h"
#include "tests/sim/feeder.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"
#include "tests/sim/oracle.h"
#include "tests/sim/tls_sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DAY_BEGAN_MS     1790000000000 /* of the wall clock */
#define DAY_MEMORY       (256 << 20)   /* the mock's and the feeder's */
#define DAY_MEMORY_RELAY "512MiB"
#define DAY_MEMORY_COST                                                                            \
	"4GiB" /* all that waits for 1,000 lanes: want of memory is no lane's cost */
#define DAY_MOCK_PORT 2526
#define DAY_LATENCY   (20 * NS_PER_MS)
#define DAY_SPELLS    4
#define DAY_SPELL_S   1800
#define DAY_STUCK_NS  (48 * 3600 * NS_PER_S) /* without a delivery */
#define DAY_LOOKS     10000                  /* at the CPU time, to know what one costs */

struct day {
	struct mock_observer observer;
	struct day_settings settings;
	struct day_result *result;
	struct random random;
	struct config *config;
	struct machine *machine;
	struct depot *depot;
	struct shelf shelf;
	struct loop mock_loop;
	struct mock mock;
	struct mock_tenant *tenant;
	struct loop feeder_loop;
	struct feeder feeder;
	struct feeder_mail *mails;
	struct day_watch watch;
	uint64_t delivered;
	struct mono last_delivery;
	int64_t cost_ns; /* of the delivery shards, since cost_from */
	uint64_t cost_turns;
	double clock_ns; /* that a look at the CPU time takes */
};

static struct day day; /* callbacks of the seams come without an owner of their own type */

static void day_judge_cost(struct day_result *result);
static void day_configure(void);
static void day_configure_pool(struct text *text);
static double day_seconds(void);
static unsigned day_sessions(void);
static uint64_t day_per_minute(void);
static void day_widen(struct mock_mailbox *mailbox);
static void day_make_tenant(void);
static void day_make_mock(void);
static void day_make_mail(void);
static int day_compare_mail(const void *left, const void *right);
static void day_turn(void);
static void day_turn_thread(struct machine_thread *thread);
static void day_turn_counted(struct machine_thread *thread);
static void day_begin_cost(void);
static void day_weigh_clock(void);
static int64_t day_cpu_ns(void);
static void day_look(void);
static bool day_is_over(void);
static void day_see_message(
        struct mock_observer *observer, const struct mock_session *session, struct view id);
static void day_see_recipient(
        struct mock_observer *observer, const struct mock_session *session, struct view arguments);
static void day_fail(const char *text);

void day_run(const struct day_settings *settings, struct day_result *result)
{
	const struct io_settings io = IO_SETTINGS_DEFAULT;
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	check(settings->mailboxes <= DAY_MAILBOXES_MAX);
	check(settings->messages <= DAY_MESSAGES_MAX);
	*result = (struct day_result){ 0 };
	day = (struct day){
		.observer = { .recipient = day_see_recipient, .message = day_see_message },
		.settings = *settings,
		.result = result,
	};
	random_seed(&day.random, settings->seed);
	clock_sim_set((struct mono){ NS_PER_S }, (struct wall){ DAY_BEGAN_MS });
	disk_reset(random_u64(&day.random));
	network_reset(random_u64(&day.random));
	sim_disk.calm = true;
	sim_network.weather.latency_ns =
	        settings->latency_ns > 0 ? settings->latency_ns : DAY_LATENCY;
	check(!failed(depot_create(&day.depot, DAY_MEMORY)));
	shelf_init(&day.shelf, day.depot);
	day_configure();
	day_make_tenant();
	day_make_mock();
	day_make_mail();
	day.machine = machine_boot(day.config, settings->verbose, random_u64(&day.random));
	check(!failed(loop_init(&day.feeder_loop, &io, &day.shelf, &why)));
	loop_start(&day.feeder_loop);
	loop_begin(&day.feeder_loop);
	feeder_init(&day.feeder, &day.feeder_loop, &day.config->listeners.at[0].address, day.mails,
	        settings->messages);
	feeder_start(&day.feeder);
	loop_end(&day.feeder_loop);
	day_watch_init(&day.watch, settings, day.tenant, clock_mono());
	day.last_delivery = clock_mono();
	if (settings->cost_from > 0)
		day_begin_cost();
	while (!day_is_over())
		day_turn();
	day_watch_judge(&day.watch, clock_mono(), result);
	if (settings->source_minute > 0)
		result->source_used = (double)day.delivered /
		                      (settings->source_minute * (1 + day_seconds() / 60));
	day_watch_judge_waits(day.mails, settings->messages, result);
	result->accepted = day.feeder.accepted;
	result->delivered = day.delivered;
	if (settings->cost_from > 0 && day.delivered > settings->cost_from)
		day_judge_cost(result);
}

static void day_judge_cost(struct day_result *result)
{
	const double messages = (double)(day.delivered - day.settings.cost_from);
	const double turns = (double)day.cost_turns;

	result->cost_us =
	        ((double)day.cost_ns - turns * day.clock_ns) / (double)NS_PER_US / messages;
	result->cost_turns = turns / messages;
}

static void day_configure(void)
{
	const struct day_settings *settings = &day.settings;
	const size_t room = 4096 + settings->mailboxes * 160;
	char *memory = malloc(room);
	struct text text = text_on(memory, room);
	struct config_report report;

	check(memory != NULL);
	if (settings->source_minute > 0)
		text_format(&text,
		        "routes: [{name: direct, interface: direct, host: 127.0.0.1, port: %d, "
		        "tls: {verify: true, mode: required}}]\n"
		        "accepted_domains: [day.test, out.test]\n",
		        DAY_MOCK_PORT);
	text_format(&text,
	        "name: relay.day.test\n"
	        "spool: {path: day}\n"
	        "limits: {memory: %s, message: 1MiB, idle: 1d}\n"
	        "listeners: [{address: \"127.0.0.1:2525\"}]\n"
	        "retry: {give_up_after: 30d}\n"
	        "threads: {ingest: 1, delivery: %d}\n"
	        "streams: [{name: urgent, urgent: true, sender: [urgent@day.test]}]\n",
	        settings->cost_from > 0 ? DAY_MEMORY_COST : DAY_MEMORY_RELAY,
	        settings->mailboxes > 100 && settings->cost_from == 0 ? 2 : 1);
	if (settings->mailboxes > 0)
		day_configure_pool(&text);
	check(!text.overflow);
	config_report_init(&report);
	const struct err err = config_load_text(&day.config, "day.yaml", text_view(&text), &report);
	if (failed(err)) {
		config_report_print(&report, CONFIG_WRONG, stderr);
		abort();
	}
	config_report_finish(&report);
	free(memory);
}

static void day_configure_pool(struct text *text)
{
	const struct day_settings *settings = &day.settings;

	text_format(text,
	        "routes:\n"
	        "  - name: pool\n"
	        "    interface: submission\n"
	        "    host: 127.0.0.1\n"
	        "    port: %d\n"
	        "    tls: {verify: true, mode: required}\n"
	        "    notices_from: notices@day.test\n",
	        DAY_MOCK_PORT);
	if (settings->connections > 0)
		text_format(text,
		        "    connections: %u\n    messages_per_minute: %" PRIu64
		        "\n    recipients_per_day: none\n",
		        settings->connections, day_per_minute());
	text_put(text, VIEW("    identities:\n"));
	for (unsigned i = 0; i < settings->mailboxes; i++)
		text_format(text, "      - {user: m%u@day.test, auth: login, secret_file: %s}\n", i,
		        settings->secret);
}

static void day_make_tenant(void)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;
	char name[64];

	settings.seed = random_u64(&day.random);
	settings.licences = 100000;
	settings.external_per_day = MOCK_NONE;
	settings.counts = MOCK_COUNTS_MAIL;
	settings.source_minute = day.settings.source_minute;
	settings.source_burst = day.settings.source_minute > 0 ? day.settings.source_minute : 1;
	mock_tenant_create(&day.tenant, &settings);
	mock_tenant_add_domain(day.tenant, VIEW("day.test"));
	if (day.settings.source_minute > 0)
		mock_tenant_add_domain(day.tenant, VIEW("out.test"));
	for (unsigned i = 0; i < day.settings.mailboxes; i++) {
		(void)snprintf(name, sizeof name, "m%u@day.test", i);
		struct mock_mailbox *mailbox = mock_tenant_add_mailbox(
		        day.tenant, view_of(name), VIEW("secret"), VIEW(""));
		check(mailbox != NULL);
		mock_mailbox_allow(mailbox, VIEW("*"));
		if (day.settings.connections > 0)
			day_widen(mailbox);
	}
	for (unsigned i = 0; day.settings.spells && i < DAY_SPELLS; i++) {
		const double from = day.settings.hours * 3600 * (i + 0.3) / DAY_SPELLS;
		const struct mock_spell spell = { from, from + DAY_SPELL_S, 0.01, 0,
			i % 2 == 0 ? STAGE_MAIL : STAGE_EOD };
		mock_tenant_add_spell(day.tenant, &spell);
	}
	if (day.settings.halve_at_s > 0) {
		const struct mock_change halve = { day.settings.halve_at_s, NULL,
			MOCK_LIMIT_MESSAGES, true, 0.5, 0 };
		const struct mock_change lift = { day.settings.lift_at_s, NULL, MOCK_LIMIT_MESSAGES,
			true, 1, 0 };
		mock_tenant_add_change(day.tenant, &halve);
		if (day.settings.lift_at_s > 0)
			mock_tenant_add_change(day.tenant, &lift);
	}
}

static unsigned day_sessions(void)
{
	return day.settings.mailboxes *
	       (day.settings.connections > 0 ? day.settings.connections : 1);
}

/* Of a mailbox with more connections than others, which share the work of that many. */
static uint64_t day_per_minute(void)
{
	return mock_limit_default(MOCK_LIMIT_MESSAGES) * day.settings.connections;
}

static void day_widen(struct mock_mailbox *mailbox)
{
	mock_mailbox_first_limit(mailbox, MOCK_LIMIT_CONNECTIONS, day.settings.connections);
	mock_mailbox_first_limit(mailbox, MOCK_LIMIT_MESSAGES, day_per_minute());
	mock_mailbox_first_limit(mailbox, MOCK_LIMIT_RECIPIENTS, MOCK_NONE);
}

static void day_make_mock(void)
{
	const bool direct = day.settings.source_minute > 0;
	const struct tls_server_settings tls = { "", "" };
	struct mock_settings settings = {
		.interface = direct ? MOCK_DIRECT : MOCK_SUBMISSION,
		.tenant = day.tenant,
		.mechanisms = direct ? 0 : SIGNIN_BIT(SIGNIN_LOGIN),
		.work_ns = (int64_t)(day.settings.work_s * (double)NS_PER_S),
		.work_spread = 0.5,
		.sessions_max = direct ? 100 : 4 * day_sessions(),
		.seed = random_u64(&day.random),
		.observer = &day.observer,
	};
	const struct io_settings io = IO_SETTINGS_DEFAULT;
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct endpoint at;

	check(!failed(tls_context_server(&settings.tls, &tls, &why)));
	check(!failed(loop_init(&day.mock_loop, &io, &day.shelf, &why)));
	loop_start(&day.mock_loop);
	loop_begin(&day.mock_loop);
	check(!failed(mock_init(&day.mock, &day.mock_loop, &settings)));
	check(endpoint_parse(VIEW("127.0.0.1:2526"), &at));
	check(!failed(mock_listen(&day.mock, &at, false)));
	loop_end(&day.mock_loop);
}

/* Urgent mail comes at any time, ordinary mail in bursts. */
static void day_make_mail(void)
{
	const struct day_settings *settings = &day.settings;
	const double length_s = settings->hours * 3600;

	day.mails = calloc(settings->messages, sizeof *day.mails);
	check(day.mails != NULL);
	for (unsigned i = 0; i < settings->messages; i++) {
		struct feeder_mail *mail = &day.mails[i];
		double due_s = random_unit(&day.random) * length_s;
		mail->urgent = random_unit(&day.random) < settings->urgent;
		if (!mail->urgent) {
			const unsigned burst =
			        (unsigned)random_below(&day.random, settings->bursts);
			due_s = length_s * burst / settings->bursts +
			        random_unit(&day.random) * settings->burst_s;
		}
		mail->due_ns = 5 * NS_PER_S + (int64_t)(due_s * (double)NS_PER_S);
	}
	qsort(day.mails, settings->messages, sizeof *day.mails, day_compare_mail);
}

static int day_compare_mail(const void *left, const void *right)
{
	const struct feeder_mail *a = left;
	const struct feeder_mail *b = right;

	return a->due_ns < b->due_ns ? -1 : a->due_ns > b->due_ns;
}

/* Every thread that has something to do, one after the other; or time goes on. */
static void day_turn(void)
{
	struct machine *machine = day.machine;
	bool turned = false;

	network_go_on();
	for (size_t i = 0; i < machine->thread_count; i++) {
		struct machine_thread *thread = &machine->threads[i];
		if (!io_sim_is_ready(thread->loop->io))
			continue;
		io_sim_turn(thread->loop->io);
		day_turn_thread(thread);
		turned = true;
	}
	if (io_sim_is_ready(day.mock_loop.io)) {
		io_sim_turn(day.mock_loop.io);
		loop_begin(&day.mock_loop);
		loop_run_completions(&day.mock_loop, LOOP_COMPLETIONS_PER_TURN);
		loop_run_timers(&day.mock_loop);
		mock_work(&day.mock);
		loop_end(&day.mock_loop);
		turned = true;
	}
	if (io_sim_is_ready(day.feeder_loop.io)) {
		io_sim_turn(day.feeder_loop.io);
		loop_begin(&day.feeder_loop);
		loop_run_completions(&day.feeder_loop, LOOP_COMPLETIONS_PER_TURN);
		loop_run_timers(&day.feeder_loop);
		feeder_work(&day.feeder);
		loop_end(&day.feeder_loop);
		turned = true;
	}
	if (machine->logger != NULL)
		(void)logger_drain(machine->logger);
	day.result->turns++;
	if (day.result->turns % day.settings.oracle_turns == 0)
		day_look();
	if (turned)
		return;
	struct mono next = network_wanted();
	for (size_t i = 0; i < machine->thread_count; i++)
		next = mono_earlier(next, io_sim_wanted(machine->threads[i].loop->io));
	next = mono_earlier(next, io_sim_wanted(day.mock_loop.io));
	next = mono_earlier(next, io_sim_wanted(day.feeder_loop.io));
	if (next.ns == MONO_NEVER.ns)
		day_fail("stuck: nobody waits for anything");
	const int64_t step = next.ns - clock_mono().ns;
	clock_sim_go_on(step > 0 ? step : 1);
	day_watch_see(&day.watch, clock_mono(), sim_disk.current.tables[TABLE_MESSAGES].count,
	        day.tenant);
}

static void day_turn_thread(struct machine_thread *thread)
{
	const unsigned from = day.settings.cost_from;

	if (from > 0 && day.delivered >= from && machine_delivers(thread))
		day_turn_counted(thread);
	else
		thread->turn(thread);
	if (from > 0)
		io_sim_submit(thread->loop->io);
}

/* A function of its own, by whose name a profiler finds what counts. */
static __attribute__((noinline)) void day_turn_counted(struct machine_thread *thread)
{
	const int64_t before = day_cpu_ns();

	thread->turn(thread);
	day.cost_ns += day_cpu_ns() - before;
	day.cost_turns++;
}

/* What the delivery shards ask the network for is done behind their turns. */
static void day_begin_cost(void)
{
	for (size_t i = 0; i < day.machine->thread_count; i++)
		if (machine_delivers(&day.machine->threads[i]))
			io_sim_measure(day.machine->threads[i].loop->io);
	day_weigh_clock();
}

/* A look is a system call. With few lanes there are many turns a message: the looks would count
 * for more than what is looked at. */
static void day_weigh_clock(void)
{
	const int64_t before = day_cpu_ns();
	int64_t after = before;

	for (int i = 0; i < DAY_LOOKS; i++)
		after = day_cpu_ns();
	day.clock_ns = (double)(after - before) / DAY_LOOKS;
}

/* The machine's own, which is simulated, has no thread's CPU time. */
static int64_t day_cpu_ns(void)
{
	struct timespec now;

	check(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void day_look(void)
{
	if (mock_tenant_over(day.tenant) > 0 && day.settings.halve_at_s <= 0)
		day_fail("I4: a mailbox had more than its limit in a window");
	if (day.feeder.failed)
		day_fail("the relay refused mail, or lost a client");
	if (spooler_state(day.machine->spooler) == SPOOLER_BROKEN)
		day_fail("the spool is broken");
	if (clock_mono().ns - day.last_delivery.ns > DAY_STUCK_NS &&
	        day.delivered < day.feeder.accepted)
		day_fail("stuck: nothing was delivered for two days");
}

static double day_seconds(void)
{
	return (double)clock_mono().ns / (double)NS_PER_S;
}

static bool day_is_over(void)
{
	if (day.result->failed)
		return true;
	if (day.settings.stop_hours > 0 && day_seconds() >= day.settings.stop_hours * 3600) {
		day_look();
		return true;
	}
	if (day.delivered < day.settings.messages)
		return false;
	day_look();
	return true;
}

static void day_see_message(
        struct mock_observer *observer, const struct mock_session *session, struct view id)
{
	char memory[64];
	struct text text = TEXT_ON(memory);
	unsigned number;

	(void)observer;
	(void)session;
	text_put(&text, id);
	if (sscanf(text_string(&text), "<%u@day>", &number) != 1 ||
	        number >= day.settings.messages) {
		day_fail("the service was sent what nobody handed over");
		return;
	}
	if (day.mails[number].delivered_ns != 0) {
		day_fail("twice: a message, and nothing was in doubt");
		return;
	}
	day.mails[number].delivered_ns = clock_mono().ns;
	day.delivered++;
	day.last_delivery = clock_mono();
}

static void day_see_recipient(
        struct mock_observer *observer, const struct mock_session *session, struct view arguments)
{
	(void)observer;
	(void)session;
	(void)arguments;
}

static void day_fail(const char *text)
{
	if (day.result->failed)
		return;
	day.result->failed = true;
	(void)snprintf(day.result->failure, sizeof day.result->failure, "%s", text);
}
