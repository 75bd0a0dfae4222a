#include "tests/sim/days.h"

#include "tests/sim/day.h"

#include <string.h>

struct day_plan {
	const char *name;
	const char *text;
	struct day_settings settings;
	/* What it must come to; 0: no matter. */
	double used_least;
	double waiting_least_s;
	double throttled_most;
	double urgent_p99_most_s;
	double halved_throttled_most;
	double halved_used_least;
	double lifted_used_least;
	double source_used_least;
	uint64_t delivered_least;
};

static const struct day_plan plans[] = {
	{
	        .name = "busy",
	        .text = "20 mailboxes, 100,000 messages in bursts, a slow service with busy spells",
	        .settings = { .mailboxes = 20,
	                .messages = 100000,
	                .bursts = 3,
	                .hours = 24,
	                .urgent = 0.02,
	                .work_s = 15,
	                .spells = true },
	        .used_least = 0.97,
	        .waiting_least_s = 6 * 3600,
	        .throttled_most = 0.005,
	        .urgent_p99_most_s = 10,
	        .delivered_least = 100000,
	},
	{
	        .name = "minute",
	        .text = "the same with a fast service, so that messages a minute bind",
	        .settings = { .mailboxes = 20,
	                .messages = 100000,
	                .bursts = 3,
	                .hours = 24,
	                .urgent = 0.02,
	                .work_s = 1,
	                .spells = true },
	        .used_least = 0.97,
	        .throttled_most = 0.005,
	        .urgent_p99_most_s = 10,
	        .delivered_least = 100000,
	},
	{
	        .name = "quota",
	        .text = "300,000 messages, so that recipients a day bind",
	        .settings = { .mailboxes = 20,
	                .messages = 300000,
	                .bursts = 3,
	                .hours = 24,
	                .stop_hours = 24,
	                .work_s = 1,
	                .spells = true },
	        .used_least = 0.97,
	        .waiting_least_s = 6 * 3600,
	        .throttled_most = 0.005,
	        .delivered_least = 20 * 9800 * 97 / 100,
	},
	{
	        .name = "many",
	        .text = "2,000 mailboxes, 200,000 messages in an hour",
	        .settings = { .mailboxes = 2000,
	                .messages = 200000,
	                .bursts = 3,
	                .hours = 1,
	                .work_s = 1 },
	        .throttled_most = 0.005,
	        .delivered_least = 200000,
	},
	{
	        .name = "hour",
	        .text = "an hour at the limit: what `sluice-bench hour` does live, 60 times as "
	                "fast",
	        .settings = { .mailboxes = 20,
	                .messages = 45000,
	                .bursts = 1,
	                .hours = 1,
	                .stop_hours = 1,
	                .work_s = 1 },
	        .used_least = 0.97,
	        .throttled_most = 0.005,
	},
	{
	        .name = "halved",
	        .text = "the service halves messages a minute after half an hour, and lifts that "
	                "an hour and a half later",
	        .settings = { .mailboxes = 20,
	                .messages = 150000,
	                .bursts = 3,
	                .hours = 1,
	                .stop_hours = 5,
	                .work_s = 1,
	                .halve_at_s = 1800,
	                .lift_at_s = 7200 },
	        .halved_throttled_most = 0.02,
	        .halved_used_least = 0.9,
	        .lifted_used_least = 0.97,
	},
	{
	        .name = "source",
	        .text = "Direct Send, and the service takes 60 messages a minute from our address: "
	                "nobody knows that",
	        .settings = { .messages = 120000,
	                .bursts = 1,
	                .hours = 1,
	                .stop_hours = 24,
	                .work_s = 1,
	                .source_minute = 60 },
	        .source_used_least = 0.85,
	},
};

static const struct day_plan *find(const char *name)
{
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
		if (strcmp(plans[i].name, name) == 0)
			return &plans[i];
	return NULL;
}

bool days_have(const char *name)
{
	return find(name) != NULL;
}

void days_list(FILE *out)
{
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
		fprintf(out, "                 %-22s %s\n", plans[i].name, plans[i].text);
}

static void print(const struct day_result *result, FILE *out)
{
	fprintf(out, "simulated %.1f s\n", result->simulated_s);
	fprintf(out, "accepted %llu messages\n", (unsigned long long)result->accepted);
	fprintf(out, "delivered %llu messages\n", (unsigned long long)result->delivered);
	fprintf(out, "waiting %.1f s\n", result->waiting_s);
	fprintf(out, "used_least %.4f of_the_limits\n", result->used_least);
	fprintf(out, "used_mean %.4f of_the_limits\n", result->used_mean);
	fprintf(out, "throttled %.5f of_attempts\n", result->throttled);
	fprintf(out, "refused %.5f of_attempts\n", result->refused);
	fprintf(out, "urgent_p99 %.2f s\n", result->urgent_p99_s);
	fprintf(out, "urgent_most %.2f s\n", result->urgent_most_s);
	fprintf(out, "halved_throttled %.4f of_attempts\n", result->halved_throttled);
	fprintf(out, "halved_used %.4f of_the_limit\n", result->halved_used);
	fprintf(out, "lifted_used %.4f of_the_limit\n", result->lifted_used);
	fprintf(out, "source_used %.4f of_the_limit\n", result->source_used);
	fprintf(out, "turns %llu turns\n", (unsigned long long)result->turns);
}

static bool least(double value, double wanted, const char *name, FILE *out)
{
	if (wanted <= 0 || value >= wanted)
		return true;
	fprintf(out, "FAILED: %s is %.4f, of at least %.4f\n", name, value, wanted);
	return false;
}

static bool most(double value, double wanted, const char *name, FILE *out)
{
	if (wanted <= 0 || value <= wanted)
		return true;
	fprintf(out, "FAILED: %s is %.4f, of at most %.4f\n", name, value, wanted);
	return false;
}

bool days_run(const char *name, uint64_t seed, const char *secret, bool verbose, FILE *out)
{
	const struct day_plan *plan = find(name);
	struct day_settings settings = plan->settings;
	struct day_result result;

	settings.seed = seed;
	settings.secret = secret;
	settings.verbose = verbose;
	settings.oracle_turns = 1000;
	day_run(&settings, &result);
	print(&result, out);
	bool good = !result.failed;
	if (result.failed)
		fprintf(out, "FAILED: %s\n", result.failure);
	good &= least(result.used_least, plan->used_least, "used_least", out);
	good &= least(result.waiting_s, plan->waiting_least_s, "waiting", out);
	good &= most(result.throttled, plan->throttled_most, "throttled", out);
	good &= most(result.urgent_p99_s, plan->urgent_p99_most_s, "urgent_p99", out);
	good &= most(result.halved_throttled, plan->halved_throttled_most, "halved_throttled", out);
	good &= least(result.halved_used, plan->halved_used_least, "halved_used", out);
	good &= least(result.lifted_used, plan->lifted_used_least, "lifted_used", out);
	good &= least(result.source_used, plan->source_used_least, "source_used", out);
	good &= least((double)result.delivered, (double)plan->delivered_least, "delivered", out);
	return good;
}
