#include "bench/run.h"

#include <sys/resource.h>

#define IDLE_FILES_MORE 200 /* descriptors, than connections: Sluice's spool, log, threads, ... */
#define IDLE_PORTS_FILE "/proc/sys/net/ipv4/ip_local_port_range"
#define IDLE_SETTLE_NS  (500 * NS_PER_MS) /* for buffers to go back */

static bool idle_is_permitted(unsigned connections, struct text *why);
static bool idle_usage(const struct stand *stand, struct child_usage *usage, struct text *why);
static bool idle_measure(const struct run_settings *settings, const struct stand *stand,
        struct child_usage *after, struct text *why);

bool run_idle(const struct run_settings *settings, struct figures *figures, struct text *why)
{
	struct stand stand;
	struct child_usage before;
	struct child_usage after;
	struct usage usage;

	if (!idle_is_permitted(settings->load.sessions, why) || !run_open(&stand, settings, why))
		return false;
	bool done =
	        idle_usage(&stand, &before, why) && usage_start(&usage, &stand.sluice, true, why);
	if (done) {
		done = idle_measure(settings, &stand, &after, why);
		if (!done)
			usage_drop(&usage);
	}
	if (done) {
		const struct usage_sum sum = usage_end(&usage, NULL, 1, 0);
		const double connections = (double)settings->load.sessions;
		figures_add(figures, "idle_connections", connections, "connections");
		figures_add(
		        figures, "memory_before", (double)before.memory_bytes / (1 << 20), "MiB");
		figures_add(figures, "memory_with", (double)after.memory_bytes / (1 << 20), "MiB");
		figures_add(figures, "memory_peak", (double)sum.own_most_bytes / (1 << 20), "MiB");
		figures_add(figures, "memory_per_connection",
		        ((double)after.memory_bytes - (double)before.memory_bytes) / connections,
		        "bytes");
	}
	stand_close(&stand);
	return done;
}

/* Else the run would end in a refusal that says less. */
static bool idle_is_permitted(unsigned connections, struct text *why)
{
	const unsigned files = connections + IDLE_FILES_MORE;
	unsigned first;
	unsigned last;
	struct rlimit limit;
	FILE *file = fopen(IDLE_PORTS_FILE, "re");
	const bool known = file != NULL && fscanf(file, "%u %u", &first, &last) == 2;

	if (file != NULL)
		fclose(file);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < files) {
		text_format(why,
		        "%u connections need %u file descriptors in each of two processes, and "
		        "%llu "
		        "are permitted: raise the hard limit (ulimit -n, LimitNOFILE=)",
		        connections, files, (unsigned long long)limit.rlim_cur);
		return false;
	}
	if (!known || last - first + 1 >= connections)
		return true;
	text_format(why,
	        "%u connections to one port need as many local ports, and there are %u: sysctl "
	        "net.ipv4.ip_local_port_range=\"1024 65535\"",
	        connections, last - first + 1);
	return false;
}

static bool idle_usage(const struct stand *stand, struct child_usage *usage, struct text *why)
{
	child_pause(IDLE_SETTLE_NS);
	if (child_usage(&stand->sluice, usage))
		return true;
	text_put(why, VIEW("sluice serve ended by itself"));
	return false;
}

static bool idle_measure(const struct run_settings *settings, const struct stand *stand,
        struct child_usage *after, struct text *why)
{
	struct load_settings load = settings->load;
	struct pump pump;

	load.target = stand_sluice(stand);
	load.messages = 0;
	if (failed(pump_open(&pump, &load, settings->interrupted, why)))
		return false;
	const bool done = pump_run(&pump, why) && idle_usage(stand, after, why);
	pump_close(&pump);
	return done;
}
