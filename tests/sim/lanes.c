#include "tests/sim/lanes.h"

#include "queue/base/check.h"
#include "queue/base/clock.h"
#include "tests/sim/day.h"

#include <sys/wait.h>
#include <unistd.h>

#define LANES_MESSAGES 80000 /* that count; or what a session may send in ten hours: */
#define LANES_OF_ONE   (10 * 60 * 30)
/* And before them, of each session: more than may go out in a minute, so that it is up, and all
 * windows are full and forget. */
#define LANES_EACH    32
#define LANES_LATENCY (50 * NS_PER_US)
#define LANES_WORK_S  1.8 /* of the two seconds that a session has for a message: all are wanted */

static void lanes_measure(
        unsigned lanes, unsigned sessions, uint64_t seed, const char *secret, FILE *out);

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
			lanes_measure(lanes, (unsigned)most, seed, secret, out);
			fflush(NULL);
			_exit(0);
		}
		check(waitpid(child, &status, 0) == child);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fprintf(out, "FAILED: %u lanes: the relay ended\n", lanes);
	}
}

/* As many sessions whatever the lanes, who share them and may send 30 messages a minute for each.
 * So nothing varies but the lanes: not what goes on at once, nor how much memory it takes. There
 * is always more than enough to send, so all are looked at again and again. */
static void lanes_measure(
        unsigned lanes, unsigned sessions, uint64_t seed, const char *secret, FILE *out)
{
	const unsigned messages =
	        sessions * LANES_OF_ONE < LANES_MESSAGES ? sessions * LANES_OF_ONE : LANES_MESSAGES;
	const struct day_settings settings = {
		.seed = seed,
		.mailboxes = lanes,
		.messages = sessions * LANES_EACH + messages,
		.bursts = 1,
		.hours = 1,
		.work_s = LANES_WORK_S,
		.latency_ns = LANES_LATENCY,
		.connections = sessions / lanes,
		.cost_from = sessions * LANES_EACH,
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
