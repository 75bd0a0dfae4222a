#include "queue/lane.h"

#include "queue/base/check.h"
#include "queue/verdict.h"

static int64_t lane_gate_close(struct lane_gate *gate, struct mono now, int64_t first_ns,
        int64_t most_ns, struct random *random);
static bool lane_gate_is_open(const struct lane_gate *gate, struct mono now);

void lane_init(struct lane *lane, uint16_t route, uint16_t identity, struct throttle *throttle)
{
	*lane = (struct lane){
		.route = route,
		.identity = identity,
		.throttle = throttle,
		.peers = lane,
		.peer_count = 1,
	};
	list_init(&lane->idle);
}

void lane_stir(struct lane *lane)
{
	if (lane->stirred != NULL && !link_is_linked(&lane->stir_link))
		list_push_last(lane->stirred, &lane->stir_link);
}

bool lane_is_open(const struct lane *lane, struct mono now)
{
	if (!lane_gate_is_open(&lane->hold, now))
		return false;
	return lane->hold.setbacks == 0 || lane->in_flight == 0 || lane->doubted;
}

void lane_begin(struct lane *lane)
{
	lane->in_flight++;
}

void lane_end(struct lane *lane)
{
	check(lane->in_flight > 0);
	lane->in_flight--;
	lane_stir(lane);
}

void lane_stand(struct lane *lane)
{
	lane->standing++;
	lane_stir(lane);
}

void lane_unstand(struct lane *lane)
{
	check(lane->standing > 0);
	lane->standing--;
	lane_stir(lane);
}

void lane_prove(struct lane *lane)
{
	lane->unproven = false;
	lane->refused = false;
	lane_stir(lane);
}

void lane_disprove(struct lane *lane)
{
	lane->unproven = true;
	lane->refusals++;
}

bool lane_door_open(const struct lane *lane, struct mono now, uint32_t opening)
{
	if (!lane_gate_is_open(&lane->door, now))
		return false;
	return (lane->door.setbacks == 0 && !lane->unproven) || opening == 0;
}

bool lane_hold(struct lane *lane, struct mono now, uint32_t epoch, const struct lane_wait *wait,
        struct random *random)
{
	const bool open = lane_gate_is_open(&lane->hold, now) || lane->doubted;
	const int64_t most_ns = wait->most_ns > wait->first_ns ? wait->most_ns : wait->first_ns;

	check(wait->first_ns >= 0);
	lane_stir(lane);
	/* The rest of a train gets the same answer as its first: that is no further setback. */
	if (!open) {
		const struct mono until = mono_after(now, wait->first_ns);
		if (until.ns > lane->hold.until.ns) {
			lane->hold.until = until;
			lane->gated = false;
		}
		return false;
	}
	/* Nor is a late answer of its kind. What asks for more than moments is another matter. */
	if (epoch != lane->epoch && wait->first_ns <= LANE_LEARNED_MOST_NS)
		return false;
	lane->epoch++;
	lane->late = wait->late;
	lane->doubted = false;
	lane->gated = false;
	lane->held = now;
	(void)lane_gate_close(&lane->hold, now, wait->first_ns, most_ns, random);
	return true;
}

void lane_close(struct lane *lane, struct mono now, struct mono until)
{
	lane->epoch++;
	lane->held = now;
	lane_await(lane, until);
}

void lane_await(struct lane *lane, struct mono until)
{
	lane_stir(lane);
	if (until.ns <= lane->hold.until.ns && !lane->gated)
		return;
	lane->hold.until = until;
	lane->gated = true;
}

void lane_reopen(struct lane *lane)
{
	if (!lane->gated)
		return;
	lane->gated = false;
	lane->late = false;
	lane->doubted = false;
	lane->hold = (struct lane_gate){ 0 };
	lane_stir(lane);
}

void lane_say(struct lane *lane, struct mono now, struct wall wall, const struct reply_note *note)
{
	struct lane_word *word = &lane->word;
	struct text text = TEXT_ON(word->text);
	struct text server = TEXT_ON(word->server);

	text_put(&text, note->text);
	text_put(&server, note->server);
	word->note = *note;
	word->note.text = text_view(&text);
	word->note.server = text_view(&server);
	(void)lane_held_until(lane, now, wall);
}

struct wall lane_held_until(struct lane *lane, struct mono now, struct wall wall)
{
	struct lane_word *word = &lane->word;

	const struct wall until = { wall.ms + (lane->hold.until.ns - now.ns) / NS_PER_MS };
	const int64_t apart_ms = until.ms - word->until.ms;

	/* A wall clock that was set forward would call the mail due, and the lane would give it
	 * back, until the hold is over. */
	if (word->hold.ns != lane->hold.until.ns || apart_ms > LANE_APART_MS ||
	        apart_ms < -LANE_APART_MS) {
		word->hold = lane->hold.until;
		word->until = until;
	}
	return word->until;
}

int64_t lane_shut(struct lane *lane, struct mono now, int64_t most_ns, struct random *random)
{
	lane_stir(lane);
	if (most_ns < LANE_DOOR_FIRST_NS)
		most_ns = LANE_DOOR_FIRST_NS;
	if (!lane_gate_is_open(&lane->door, now))
		return lane->door.until.ns - now.ns;
	lane->door_faulted = false;
	return lane_gate_close(&lane->door, now, LANE_DOOR_FIRST_NS, most_ns, random);
}

int64_t lane_fault(struct lane *lane, struct mono now, int64_t first_ns, struct random *random)
{
	lane_stir(lane);
	if (!lane_gate_is_open(&lane->door, now))
		return lane->door.until.ns - now.ns;
	if (first_ns < LANE_DOOR_FIRST_NS)
		first_ns = LANE_DOOR_FIRST_NS;
	if (first_ns > LANE_FAULT_FIRST_NS)
		first_ns = LANE_FAULT_FIRST_NS;
	lane->door_faulted = true;
	return lane_gate_close(&lane->door, now, first_ns, LANE_FAULT_MOST_NS, random);
}

bool lane_succeed(struct lane *lane, struct mono now, uint32_t epoch)
{
	if (epoch != lane->epoch)
		return false;
	const bool doubted = lane->hold.setbacks > 0 && lane->late && !lane->doubted;
	if (lane->hold.setbacks > 0 || lane->door.setbacks > 0)
		lane_stir(lane);
	if (doubted) {
		lane->hold.until = mono_after(now, LANE_REPORT_NS);
	} else {
		lane->hold.setbacks = 0;
		lane->late = false;
	}
	lane->doubted = doubted;
	lane->door.setbacks = 0;
	if (lane->door_faulted)
		lane->door.until = (struct mono){ 0 };
	lane->door_faulted = false;
	lane->reauths = 0;
	return doubted;
}

void lane_restrain(struct lane *lane, struct mono now, struct wall wall)
{
	const struct reply_note note = {
		.stage = STAGE_ANY,
		.text = VIEW(
		        "before the restart the mailbox had as many refusals of one kind as it "
		        "may for now: more would bar it (550 5.2.25x)"),
	};

	for (enum strike kind = 0; kind < STRIKE_KINDS; kind++) {
		const int64_t wait_ns = strikes_wait_ns(&lane->throttle->strikes, now, kind);
		const struct mono until = mono_after(now, wait_ns);

		if (wait_ns == 0)
			continue;
		lane->hold.setbacks = 1;
		if (until.ns <= lane->hold.until.ns)
			continue;
		lane->hold.until = until;
		lane_say(lane, now, wall, &note);
	}
}

void lane_resume(struct lane *lane)
{
	lane->late = false;
	lane->doubted = false;
	lane->hold = (struct lane_gate){ 0 };
	lane->gated = false;
	lane->door = (struct lane_gate){ 0 };
	lane->door_faulted = false;
	lane->reauths = 0;
	lane->epoch++;
	throttle_forget(lane->throttle);
	lane->resumed = true;
	lane_stir(lane);
}

struct mono lane_hold_ends(const struct lane *lane, struct mono now)
{
	return lane_gate_is_open(&lane->hold, now) ? MONO_NEVER : lane->hold.until;
}

struct mono lane_door_opens(const struct lane *lane, struct mono now)
{
	return lane_gate_is_open(&lane->door, now) ? MONO_NEVER : lane->door.until;
}

static bool lane_gate_is_open(const struct lane_gate *gate, struct mono now)
{
	return mono_reached(now, gate->until);
}

/* Doubles first_ns per setback before, to most_ns at most, and up to a fifth more, so that lanes
 * which failed together don't come back together. Never shorter: a server may have named it. */
static int64_t lane_gate_close(struct lane_gate *gate, struct mono now, int64_t first_ns,
        int64_t most_ns, struct random *random)
{
	int64_t wait_ns = first_ns;

	check(first_ns <= most_ns);
	for (uint32_t i = 0; i < gate->setbacks && wait_ns < most_ns; i++)
		wait_ns = wait_ns > most_ns / 2 ? most_ns : wait_ns * 2;
	wait_ns += (int64_t)random_below(random, (uint64_t)wait_ns / 5 + 1);
	gate->setbacks++;
	gate->until = mono_after(now, wait_ns);
	return wait_ns;
}
