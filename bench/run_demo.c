#include "bench/run.h"

#define DEMO_EMPTY_NS (30 * NS_PER_S) /* for the queue to be empty after the last delivery */

struct demo {
	const struct run_settings *settings;
	struct stand stand;
	struct pump pump;
	struct stand_account account;
	uint64_t killed_after; /* messages acknowledged by then */
	struct mono killed_at;
	struct mono ready_at; /* the second start's */
};

/* Why messages came twice. */
struct demo_twice {
	uint64_t doubted;   /* the client never saw the 250, and sent it again */
	uint64_t unsettled; /* Exchange Online had it, and the kill came before we noted that */
};

static bool demo_send(struct demo *demo, struct text *why);
static bool demo_kill(struct demo *demo, struct text *why);
static bool demo_await_empty(const struct demo *demo, struct text *why);
static struct demo_twice demo_count_twice(const struct demo *demo);
static bool demo_tell(const struct demo *demo);

bool run_demo(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct demo demo = { .settings = settings };
	char file_system[64];
	struct text on = TEXT_ON(file_system);

	(void)figures; /* its account is for people */
	if (!run_open(&demo.stand, settings, why))
		return false;
	stand_file_system(&demo.stand, &on);
	printf("mock Exchange Online on port %u: STARTTLS, sign-in, its own authority's "
	       "certificate\n"
	       "Sluice on port %u, spool on %s, %u sessions out, %u messages in flight on each\n",
	        demo.stand.mock_port, demo.stand.sluice_port, text_string(&on),
	        settings->stand.sessions, settings->stand.pipeline);
	fflush(stdout);
	struct load_settings load = settings->load;
	load.target = stand_sluice(&demo.stand);
	bool done = !failed(pump_open(&demo.pump, &load, settings->interrupted, why));
	if (!done)
		goto close;
	done = demo_send(&demo, why) && run_await_delivery(&demo.stand, settings,
	                                        settings->load.messages, &demo.account, why);
	if (done) {
		done = demo_await_empty(&demo, why) && demo_tell(&demo);
		stand_account_finish(&demo.account);
	}
	pump_close(&demo.pump);
close:
	if (!done)
		child_last_words(demo.stand.sluice_output);
	stand_close(&demo.stand);
	return done;
}

/* All messages, with the kill when half of them are acknowledged. */
static bool demo_send(struct demo *demo, struct text *why)
{
	const struct load *load = &demo->pump.load;

	printf("%llu messages of %zu bytes over %u sessions\n",
	        (unsigned long long)load->settings.messages, load->settings.bytes,
	        load->settings.sessions);
	fflush(stdout);
	while (pump_turn(&demo->pump))
		if (demo->killed_at.ns == 0 && load->account.taken >= load->settings.messages / 2 &&
		        !demo_kill(demo, why))
			return false;
	return pump_succeeded(&demo->pump, why);
}

/* Clients and the mock see their connections break, no more: clients come again by themselves. */
static bool demo_kill(struct demo *demo, struct text *why)
{
	struct stand *stand = &demo->stand;
	uint64_t recovered = 0;

	demo->killed_after = demo->pump.load.account.taken;
	demo->killed_at = clock_mono();
	child_kill(&stand->sluice);
	if (failed(stand_start_sluice(stand, why)) || failed(stand_await_sluice(stand, why)))
		return false;
	demo->ready_at = clock_mono();
	if (!child_logged(stand->sluice_output, "ready", "messages", &recovered))
		recovered = 0;
	printf("kill -9 after %llu were acknowledged; up again %lld ms later with %llu messages in "
	       "its queue\n",
	        (unsigned long long)demo->killed_after,
	        (long long)((demo->ready_at.ns - demo->killed_at.ns) / NS_PER_MS),
	        (unsigned long long)recovered);
	fflush(stdout);
	return true;
}

static bool demo_await_empty(const struct demo *demo, struct text *why)
{
	const struct mono until = mono_after(clock_mono(), DEMO_EMPTY_NS);
	uint64_t count = 0;

	for (;;) {
		if (!stand_queue_count(&demo->stand, &count)) {
			text_put(why, VIEW("sluice queue count gives no number"));
			return false;
		}
		if (count == 0)
			return true;
		if (mono_reached(clock_mono(), until)) {
			text_format(
			        why, "%llu messages stay in the queue", (unsigned long long)count);
			return false;
		}
		child_pause(RUN_LOOK_NS);
	}
}

/* A message may be both; the client's doubt explains it then. */
static struct demo_twice demo_count_twice(const struct demo *demo)
{
	struct demo_twice twice = { 0 };

	for (size_t i = 0; i < demo->account.duplicate_id_count; i++) {
		uint64_t number;
		const struct view id = view_of(demo->account.duplicate_ids[i]);
		if (!load_number_of(&demo->pump.load, id, &number))
			continue;
		if ((load_fate(&demo->pump.load, number) & LOAD_DOUBTED) != 0)
			twice.doubted++;
		else
			twice.unsettled++;
	}
	return twice;
}

/* True: nothing was lost. Every message was acknowledged in the end, so that what lacks among
 * the distinct ones at the mock is lost. */
static bool demo_tell(const struct demo *demo)
{
	const struct load_account *load = &demo->pump.load.account;
	const struct stand_account *account = &demo->account;
	const struct demo_twice twice = demo_count_twice(demo);
	const uint64_t lost = load->taken - account->distinct;
	const double seconds = (double)(account->last.ns - load->first.ns) / (double)NS_PER_S;

	printf("\n"
	       "accepted    %8llu   acknowledged with 250, each after a synced commit\n"
	       "delivered   %8llu   distinct messages that the mock Exchange Online has\n"
	       "lost        %8llu\n"
	       "sent twice  %8llu   ",
	        (unsigned long long)load->taken, (unsigned long long)account->distinct,
	        (unsigned long long)lost, (unsigned long long)account->duplicates);
	if (account->duplicates == 0)
		printf("nothing was in flight at the kill\n");
	else
		printf("%llu in doubt: the kill took the 250 from the client, who sent again\n"
		       "                       %llu unsettled: the kill came between Exchange "
		       "Online's 250 and the commit\n",
		        (unsigned long long)twice.doubted, (unsigned long long)twice.unsettled);
	printf("messages/s  %8.0f   first MAIL to last delivery, kill and restart included\n",
	        (double)account->distinct / seconds);
	fflush(stdout);
	return lost == 0 && load->refused == 0;
}
