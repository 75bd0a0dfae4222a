/* simulate: worlds by their seeds, each in a process of its own. See --help. */

#include "queue/base/check.h"
#include "tests/sim/days.h"
#include "tests/sim/lanes.h"
#include "tests/sim/world.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SLUICE_COMMIT
#define SLUICE_COMMIT "unknown"
#endif

#define FAILURES_MOST 20 /* of --fail-io, until it gives up */

static const char usage[] =
        "Usage: simulate [--seed N [--verbose]] [--from N] [--count N] [--plant BUG]\n"
        "       simulate --day NAME [--seed N] [--verbose]\n"
        "       simulate --fail-io [--seed N] [--from N] [--count N]\n"
        "       simulate --lanes [--least N] [--most N] [--seed N]\n"
        "Runs the relay's real shards, spooler and protocol code in one thread, with clock,\n"
        "network, disk and Exchange Online simulated, in an order drawn from a seed; an oracle\n"
        "checks the invariants of the design.\n"
        "\n"
        "  --seed N     one seed: replays it exactly\n"
        "  --verbose    with --seed: the relay's log, as it went\n"
        "  --from N     first of many seeds (1)\n"
        "  --count N    how many (1000)\n"
        "  --day NAME   a long, calm day of throttled sending, and what it must come to;\n"
        "               below\n"
        "  --fail-io    small, calm worlds, in each of which one operation of the relay's on a\n"
        "               socket fails: of each seed each of those there are, in turn\n"
        "  --lanes      what a message costs a delivery shard of 1, 10, ... 10,000 lanes, in\n"
        "               real CPU time: compare on a quiet machine\n"
        "  --least N    the fewest lanes of --lanes (1)\n"
        "  --most N     the most (10000); they share as many sessions\n"
        "  --plant BUG  plants a bug, which must be found in one of the seeds; below\n";

struct options {
	uint64_t from;
	uint64_t count;
	enum world_plant plant;
	const char *day; /* NULL: worlds */
	bool fails_io;
	enum io_kind kind; /* with fails_io: which, */
	uint64_t nth;      /* and the how manieth */
	bool lanes;
	uint64_t least; /* of lanes */
	uint64_t most;
	bool verbose;
	char secret[64]; /* a file: what the relay signs in with */
};

static const struct {
	const char *word;
	const char *invariant;
	const char *text;
} plants[] = {
#define X(name, word, invariant, text) { word, invariant, text },
	WORLD_PLANTS(X)
#undef X
};

static void options_read(struct options *options, int argc, char **argv);
static void usage_print(FILE *file);
static bool number_read(const char *text, uint64_t *number);
static bool plant_read(const char *word, enum world_plant *plant);
static void secret_write(struct options *options);
static void seed_run(uint64_t seed, const struct options *options, struct world_result *result);
static bool fail_io_run(struct options *options);

int main(int argc, char **argv)
{
	struct options options = { .from = 1, .count = 1000, .least = 1, .most = LANES_MOST };
	struct world_result sum = { 0 };
	uint64_t failures = 0;
	bool found = false;

	options_read(&options, argc, argv);
	secret_write(&options);
	if (options.lanes) {
		lanes_run(options.least, options.most, options.from, options.secret, stdout);
		unlink(options.secret);
		return 0;
	}
	if (options.fails_io) {
		const bool good = fail_io_run(&options);
		unlink(options.secret);
		return good ? 0 : 1;
	}
	if (options.day != NULL) {
		const bool good = days_run(
		        options.day, options.from, options.secret, options.verbose, stdout);
		unlink(options.secret);
		return good ? 0 : 1;
	}
	for (uint64_t seed = options.from; seed < options.from + options.count && !found; seed++) {
		struct world_result result;

		seed_run(seed, &options, &result);
		sum.turns += result.turns;
		sum.simulated_ms += result.simulated_ms;
		sum.messages += result.messages;
		sum.accepted += result.accepted;
		sum.crashes += result.crashes;
		sum.copies += result.copies;
		if (!result.failed)
			continue;
		failures++;
		printf("seed %llu commit " SLUICE_COMMIT ": %s\n", (unsigned long long)seed,
		        result.failure);
		const struct view wanted = view_of(plants[options.plant].invariant);
		found = wanted.bytes > 0 && view_starts_fold(view_of(result.failure), wanted);
	}
	unlink(options.secret);
	printf("%llu seeds, %llu failed; %u messages, %u accepted, %u crashes, %u copies in doubt, "
	       "%llu turns, %.1f simulated hours\n",
	        (unsigned long long)options.count, (unsigned long long)failures, sum.messages,
	        sum.accepted, sum.crashes, sum.copies, (unsigned long long)sum.turns,
	        (double)sum.simulated_ms / 3600e3);
	if (options.plant == WORLD_NONE)
		return failures == 0 ? 0 : 1;
	printf("planted: %s; %s\n", plants[options.plant].text, found ? "found" : "NOT found");
	return found ? 0 : 1;
}

/* In a process of its own: a crashed machine is left as it lies, and a failed check() ends no
 * other seed. */
static void seed_run(uint64_t seed, const struct options *options, struct world_result *result)
{
	int pipe_fds[2];
	int status;

	fflush(NULL);
	check(pipe(pipe_fds) == 0);
	const pid_t child = fork();
	check(child >= 0);
	if (child == 0) {
		close(pipe_fds[0]);
		if (options->fails_io)
			world_fail_io(options->kind, options->nth);
		world_run(seed, options->plant, options->secret, options->verbose, result);
		fflush(NULL);
		_exit(write(pipe_fds[1], result, sizeof *result) == sizeof *result ? 0 : 1);
	}
	close(pipe_fds[1]);
	if (read(pipe_fds[0], result, sizeof *result) != sizeof *result)
		*result = (struct world_result){ .failed = true };
	close(pipe_fds[0]);
	check(waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0)
		*result = (struct world_result){
			.failed = true,
			.failure = "check: the relay found itself wrong, and ended",
		};
}

/* The first operation of the kind, the second, and so on, until the seed's world has no more. */
static uint64_t fail_io_of(
        uint64_t seed, struct options *options, const char *name, unsigned *failures)
{
	struct world_result result = { .io_failed = true };

	for (options->nth = 1; *failures < FAILURES_MOST; options->nth++) {
		seed_run(seed, options, &result);
		if (result.failed) {
			printf("seed %llu, %s %llu fails: %s\n", (unsigned long long)seed, name,
			        (unsigned long long)options->nth, result.failure);
			++*failures;
		} else if (!result.io_failed) {
			break;
		}
	}
	return options->nth - 1;
}

static bool fail_io_run(struct options *options)
{
	static const char *const names[] = {
		[IO_IDLE] = "socket",
		[IO_ACCEPT] = "accept",
		[IO_CONNECT] = "connect",
		[IO_RECV] = "recv",
		[IO_SEND] = "send",
		/* No calm world makes the relay say goodbye first: no shutdown. */
		[IO_CLOSE] = "close",
	};
	unsigned failures = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		uint64_t operations = 0;

		if (names[i] == NULL)
			continue;
		options->kind = (enum io_kind)i;
		for (uint64_t seed = options->from; seed < options->from + options->count; seed++)
			operations += fail_io_of(seed, options, names[i], &failures);
		printf("%s: %llu operations failed, each in a world of its own\n", names[i],
		        (unsigned long long)operations);
		failures += operations == 0; /* a kind that no world has is no test */
	}
	return failures == 0;
}

static void options_read(struct options *options, int argc, char **argv)
{
	static const struct option table[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'c' },
		{ "plant", required_argument, NULL, 'p' },
		{ "day", required_argument, NULL, 'd' },
		{ "fail-io", no_argument, NULL, 'i' },
		{ "lanes", no_argument, NULL, 'l' },
		{ "least", required_argument, NULL, 'L' },
		{ "most", required_argument, NULL, 'm' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		bool good = true;

		if (option == 'h') {
			usage_print(stdout);
			exit(0);
		}
		if (option == 's') {
			good = number_read(optarg, &options->from);
			options->count = 1;
		} else if (option == 'f') {
			good = number_read(optarg, &options->from);
		} else if (option == 'c') {
			good = number_read(optarg, &options->count);
		} else if (option == 'p') {
			good = plant_read(optarg, &options->plant);
		} else if (option == 'd') {
			options->day = optarg;
			good = days_have(optarg);
		} else if (option == 'i') {
			options->fails_io = true;
		} else if (option == 'l') {
			options->lanes = true;
		} else if (option == 'L') {
			good = number_read(optarg, &options->least);
		} else if (option == 'm') {
			good = number_read(optarg, &options->most) && options->most > 0 &&
			       options->most <= LANES_MOST;
		} else if (option == 'v') {
			options->verbose = true;
		} else {
			good = false;
		}
		if (!good) {
			usage_print(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		usage_print(stderr);
		exit(2);
	}
}

static void usage_print(FILE *file)
{
	fputs(usage, file);
	fputs("\nDays:\n", file);
	days_list(file);
	fputs("\nBugs:\n", file);
	for (size_t i = 1; i < sizeof plants / sizeof plants[0]; i++)
		fprintf(file, "                 %-22s %s (%s)\n", plants[i].word, plants[i].text,
		        plants[i].invariant);
}

static bool number_read(const char *text, uint64_t *number)
{
	return view_to_u64(view_of(text), number);
}

static bool plant_read(const char *word, enum world_plant *plant)
{
	for (int i = 0; i < WORLD_PLANT_COUNT; i++) {
		if (!view_equal(view_of(plants[i].word), view_of(word)))
			continue;
		*plant = (enum world_plant)i;
		return true;
	}
	return false;
}

static void secret_write(struct options *options)
{
	const char *folder = getenv("TMPDIR");

	snprintf(options->secret, sizeof options->secret, "%s/simulate-XXXXXX",
	        folder == NULL || strlen(folder) > 40 ? "/tmp" : folder);
	const int fd = mkstemp(options->secret);
	check(fd >= 0);
	check(write(fd, "secret\n", 7) == 7);
	close(fd);
}
