#include "tests/fuzz/scene.h"

#include "engine/config_report.h"
#include "queue/row_key.h"
#include "tests/sim/clock_sim.h"
#include "tests/sim/tls_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCENE_DRAIN_NS (60 * NS_PER_S) /* the machine's own patience is shorter */
#define SCENE_HASH                                                                                 \
	"$6$relaysim$.Uzr5zs3Ni7LzsUOm8WwYH8ESugFaeVJYihiRJzFNmG"                                  \
	"YA15IqueAp1kOuIzgf.TUbspUZ3MJptNsHzl39/Ckx0"

static void scene_write_file(struct view content, char *path, size_t path_bytes);
static void scene_plant(struct checker *checker);
static bool scene_turn(struct scene *scene);
static void scene_turn_other(struct scene *scene);
static struct mono scene_wanted(const struct scene *scene);
static void scene_go_to(struct scene *scene, struct mono when);

const char *scene_file(void)
{
	static char path[64];

	if (path[0] == '\0')
		scene_write_file(VIEW("secret"), path, sizeof path);
	return path;
}

/* The hash is read, and nobody here computes one. */
const char *scene_users_file(void)
{
	static char path[64];

	if (path[0] == '\0')
		scene_write_file(VIEW(CHECKER_USER ":" SCENE_HASH "\n"), path, sizeof path);
	return path;
}

static void scene_write_file(struct view content, char *path, size_t path_bytes)
{
	const int fd = memfd_create("scene", MFD_CLOEXEC);

	check(fd >= 0);
	check(fchmod(fd, S_IRUSR | S_IWUSR) == 0);
	check(write(fd, content.data, content.bytes) == (ssize_t)content.bytes);
	snprintf(path, path_bytes, "/proc/self/fd/%d", fd);
}

struct config *scene_config(struct view yaml)
{
	struct config *config = NULL;
	struct config_report report;

	config_report_init(&report);
	const struct err err = config_load_text(&config, "scene.yaml", yaml, &report);
	if (failed(err)) {
		config_report_print(&report, CONFIG_WRONG, stderr);
		abort();
	}
	config_report_finish(&report);
	return config;
}

static void scene_plant(struct checker *checker)
{
	const char *bug = getenv("SCENE_PLANT");

	if (bug != NULL && strcmp(bug, "answer-before-commit") == 0)
		sim_disk.plant = DISK_ANSWERS_EARLY;
	else if (bug != NULL && strcmp(bug, "drop-deferred") == 0)
		sim_disk.plant = DISK_DROPS_JOBS;
	else if (bug != NULL && strcmp(bug, "any-password") == 0)
		checker->plant = true;
	else
		check(bug == NULL);
}

void scene_open(struct scene *scene, struct config *config, unsigned seed,
        void (*work)(struct scene *scene))
{
	const struct io_settings io = { .entries = 64, .buffer_count = 16, .buffer_bytes = 4096 };
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	*scene = (struct scene){ .config = config, .work = work };
	random_seed(&scene->random, seed);
	clock_sim_set((struct mono){ NS_PER_S }, (struct wall){ SCENE_BEGAN_MS });
	disk_reset(seed);
	network_reset(seed);
	sim_network.weather.torn = seed % 4 == 0 ? 0 : 0.5;
	sim_network.weather.partial = seed % 8 < 4 ? 0 : 0.2;
	sim_tls = (struct tls_sim){ 0 };
	struct err err = depot_create(&scene->depot, SCENE_MEMORY);
	check(!failed(err));
	shelf_init(&scene->shelf, scene->depot);
	err = loop_init(&scene->loop, &io, &scene->shelf, &why);
	check(!failed(err));
	loop_start(&scene->loop);
	scene->machine = machine_boot(config, getenv("SCENE_VERBOSE") != NULL, seed);
	scene_plant(&scene->machine->checker);
}

void scene_begin(struct scene *scene)
{
	io_sim_turn(scene->loop.io);
	loop_begin(&scene->loop);
}

void scene_end(struct scene *scene)
{
	loop_end(&scene->loop);
}

static void scene_turn_other(struct scene *scene)
{
	scene_begin(scene);
	loop_run_completions(&scene->loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&scene->loop);
	scene->work(scene);
	scene_end(scene);
}

/* One of those who have something to do. False: nobody has, now. */
static bool scene_turn(struct scene *scene)
{
	struct machine *machine = scene->machine;
	size_t ready[MACHINE_THREADS_MAX + 1];
	size_t count = 0;

	network_go_on();
	for (size_t i = 0; i < machine->thread_count; i++)
		if (io_sim_is_ready(machine->threads[i].loop->io))
			ready[count++] = i;
	if (io_sim_is_ready(scene->loop.io))
		ready[count++] = MACHINE_THREADS_MAX;
	if (count == 0)
		return false;
	scene->turns++;
	check(scene->turns < SCENE_TURNS_MAX);
	const size_t chosen = ready[random_below(&scene->random, count)];
	if (chosen == MACHINE_THREADS_MAX) {
		scene_turn_other(scene);
	} else {
		struct machine_thread *thread = &machine->threads[chosen];
		io_sim_turn(thread->loop->io);
		thread->turn(thread);
	}
	if (machine->logger != NULL)
		(void)logger_drain(machine->logger);
	return true;
}

void scene_settle(struct scene *scene)
{
	for (;;) {
		while (scene_turn(scene))
			;
		const struct mono next = network_wanted();
		if (next.ns == MONO_NEVER.ns)
			return;
		scene_go_to(scene, next);
	}
}

static struct mono scene_wanted(const struct scene *scene)
{
	struct mono next = mono_earlier(network_wanted(), io_sim_wanted(scene->loop.io));

	for (size_t i = 0; i < scene->machine->thread_count; i++)
		next = mono_earlier(next, io_sim_wanted(scene->machine->threads[i].loop->io));
	return next;
}

static void scene_go_to(struct scene *scene, struct mono when)
{
	const int64_t step = when.ns - clock_mono().ns;

	(void)scene;
	clock_sim_go_on(step > 0 ? step : 1);
}

void scene_pass(struct scene *scene, int64_t ns)
{
	const struct mono until = mono_after(clock_mono(), ns);

	for (;;) {
		while (scene_turn(scene))
			;
		const struct mono next = scene_wanted(scene);
		if (mono_reached(clock_mono(), until))
			return;
		scene_go_to(scene, mono_earlier(next, until));
	}
}

bool scene_next(struct view *input, unsigned seed, struct view *bytes, unsigned *act)
{
	/* Most go out as they are, and some in the smallest pieces. */
	const size_t most = seed % 4 == 3 ? 3 : SCENE_PIECE_MAX;
	size_t end = 0;

	if (input->bytes == 0)
		return false;
	while (end < input->bytes && end < most &&
	        ((unsigned char)input->data[end] < SCENE_WAIT ||
	                (unsigned char)input->data[end] > SCENE_CLOSE))
		end++;
	*bytes = view_first(*input, end);
	*act = 0;
	if (end == 0) {
		*act = (unsigned char)input->data[0];
		end = 1;
	}
	*input = view_skip(*input, end);
	return true;
}

bool scene_has_message(uint64_t id)
{
	const struct row_key key = row_key_message(id);

	return disk_find(&sim_disk.durable, TABLE_MESSAGES, row_key_view(&key)) != NULL;
}

void scene_close(struct scene *scene)
{
	const struct mono until = mono_after(clock_mono(), SCENE_DRAIN_NS);

	machine_drain(scene->machine);
	while (!machine_is_drained(scene->machine)) {
		check(!mono_reached(clock_mono(), until));
		if (!scene_turn(scene))
			scene_go_to(scene, scene_wanted(scene));
	}
	machine_abort(scene->machine);
	while (!machine_is_over(scene->machine)) {
		check(!mono_reached(clock_mono(), until));
		if (!scene_turn(scene))
			scene_go_to(scene, scene_wanted(scene));
	}
	/* Threads that are over turn no more: they would go round without a pause. */
	scene->machine->thread_count = 0;
	scene_settle(scene);
	machine_finish(MOVE(scene->machine));
	loop_finish(&scene->loop);
	shelf_finish(&scene->shelf);
	depot_destroy(MOVE(scene->depot));
}
