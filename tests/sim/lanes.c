#include "tests/sim/lanes.h"

#include "queue/base/check.h"
#include "queue/base/clock.h"
#include "tests/sim/day.h"

#include <sys/wait.h>
#include <unistd.h>

#define LANES_MESSAGES 80000 /* that count; or what a lane may send in ten hours: */
#define LANES_OF_ONE   (10 * 60 * 30)
/* And before them, of each lane: more than it may send in a minute, so that its session is up, and
 * its windows are full and forget. */
#define LANES_EACH    32
#define LANES_LATENCY (50 * NS_PER_US)

static void lanes_measure(unsigned lanes, uint64_t seed, const char *secret, FILE *out);

void lanes_run(uint64_t least, uint64_t most, uint64_t seed, const char *secret, FILE *out)
{
	check(most <= LANES_MOST);
	for (unsigned lanes = 1; lanes <= most; lanes *= 10) {
		int status;

		if (lanes < least)
			continue;
		fflush(NULL);
		const pid_t child = fork();
		check(child >= 0);
		if (child == 0) {
			lanes_measure(lanes, seed, secret, out);
			fflush(NULL);
			_exit(0);
		}
		check(waitpid(child, &status, 0) == child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fprintf(out, "FAILED: %u lanes: the relay ended\n", lanes);
	}
}

/* Each lane may send 30 messages a minute and has more than enough to send, so all of them are
 * looked at again and again. */
static void lanes_measure(unsigned lanes, uint64_t seed, const char *secret, FILE *out)
{
	const unsigned messages =
	        lanes * LANES_OF_ONE < LANES_MESSAGES ? lanes * LANES_OF_ONE : LANES_MESSAGES;
	const struct day_settings settings = {
		.seed = seed,
		.mailboxes = lanes,
		.messages = lanes * LANES_EACH + messages,
		.bursts = 1,
		.hours = 1,
		.work_s = 0.001,
		.latency_ns = LANES_LATENCY,
		.connections = 1,
		.cost_from = lanes * LANES_EACH,
		.oracle_turns = 1000000,
		.secret = secret,
	};
	struct day_result result;

	day_run(&settings, &result);
	if (result.failed)
		fprintf(out, "FAILED: %u lanes: %s\n", lanes, result.failure);
	else
		fprintf(out, "cost_of_%u_lanes %.2f us/message (%.1f turns, %.0f simulated s)\n",
		        lanes, result.cost_us, result.cost_turns, result.simulated_s);
}
