#include "engine/ops/metrics.h"

#include "queue/base/clock.h"

#include <inttypes.h>
#include <string.h>

#define BYTES_PREFIX "bytes_"

static void put_head(FILE *file, const char *name, const char *type, const char *text);
static void put_gauge(FILE *file, const char *name, const char *text, double value);
static void put_counters(FILE *file, const struct counters_sum *sum);
static void put_latencies(FILE *file, const struct counters_sum *sum);
static void put_latency(FILE *file, const struct latency_row *row);
static void put_routes(FILE *file, const struct survey *survey);
static void put_label(FILE *file, const char *value);
static void put_process(FILE *file, const struct metrics_process *process);

void metrics_print(FILE *file, const struct survey *survey, const struct metrics_process *process)
{
	put_head(file, "sluice_build_info", "gauge", "1, with the version as a label");
	fprintf(file, "sluice_build_info{version=\"%s\"} 1\n", SLUICE_VERSION);
	put_gauge(file, "sluice_queue_messages", "messages in the spool, not settled",
	        (double)survey->messages);
	put_gauge(file, "sluice_incidents_open", "what stops mail now: sluice incidents",
	        (double)survey->incidents_open);
	put_gauge(file, "sluice_memory_used_bytes",
	        "of limits.memory, what mail and connections use", (double)survey->memory_bytes);
	put_gauge(file, "sluice_memory_limit_bytes", "limits.memory", (double)survey->memory_most);
	put_gauge(file, "sluice_ready",
	        "1 while mail is taken and delivered; 0 while the relay ends, or its disk failed",
	        survey->running ? 1 : 0);
	put_routes(file, survey);
	put_counters(file, &survey->counters);
	put_latencies(file, &survey->counters);
	put_process(file, process);
}

static void put_head(FILE *file, const char *name, const char *type, const char *text)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

static void put_gauge(FILE *file, const char *name, const char *text, double value)
{
	put_head(file, name, "gauge", text);
	fprintf(file, "%s %.17g\n", name, value);
}

void metrics_counter_name(const char *counter, char name[METRICS_NAME_BYTES])
{
	const size_t skip = strlen(BYTES_PREFIX);

	if (strncmp(counter, BYTES_PREFIX, skip) == 0)
		snprintf(name, METRICS_NAME_BYTES, "sluice_%s_bytes_total", counter + skip);
	else
		snprintf(name, METRICS_NAME_BYTES, "sluice_%s_total", counter);
}

static void put_counters(FILE *file, const struct counters_sum *sum)
{
	struct counters_row row;
	char name[METRICS_NAME_BYTES];

	for (size_t i = 0; counters_sum_row(sum, i, &row); i++) {
		metrics_counter_name(row.name, name);
		put_head(file, name, "counter", row.text);
		fprintf(file, "%s %" PRIu64 "\n", name, row.value);
	}
}

static void put_latencies(FILE *file, const struct counters_sum *sum)
{
	struct latency_row row;

	for (size_t i = 0; counters_sum_latency(sum, i, &row); i++)
		put_latency(file, &row);
}

static void put_latency(FILE *file, const struct latency_row *row)
{
	char name[METRICS_NAME_BYTES];
	uint64_t count = 0;

	snprintf(name, sizeof name, "sluice_%s_duration_seconds", row->name);
	put_head(file, name, "histogram", row->text);
	for (size_t i = 0; i < LATENCY_BUCKET_COUNT; i++) {
		count += row->sum->buckets[i];
		fprintf(file, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, latency_label(i), count);
	}
	count += row->sum->longer;
	fprintf(file, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
	fprintf(file, "%s_sum %.9f\n", name, (double)row->sum->sum_ns / NS_PER_S);
	fprintf(file, "%s_count %" PRIu64 "\n", name, count);
}

static void put_routes(FILE *file, const struct survey *survey)
{
	static const char name[] = "sluice_route_sessions";

	put_head(file, name, "gauge", "connections to a route's servers, in any step");
	for (size_t i = 0; i < survey->route_count; i++) {
		fprintf(file, "%s{route=", name);
		put_label(file, survey->routes[i].name);
		fprintf(file, "} %" PRIu64 "\n", survey->routes[i].sessions);
	}
}

static void put_label(FILE *file, const char *value)
{
	fputc('"', file);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', file);
		fputc(*value, file);
	}
	fputc('"', file);
}

static void put_process(FILE *file, const struct metrics_process *process)
{
	put_gauge(file, "sluice_spool_file_bytes", "of the spool's files, what lies on the disk",
	        (double)process->spool_bytes);
	put_gauge(file, "sluice_spool_disk_free_bytes", "free for us on the spool's disk",
	        (double)process->disk_bytes);
	put_gauge(file, "process_start_time_seconds", "when the relay started, in Unix time",
	        (double)process->started_ms / 1000);
	put_gauge(file, "process_resident_memory_bytes", "of the engine, without its keeper",
	        (double)process->resident_bytes);
	put_head(file, "process_cpu_seconds_total", "counter",
	        "user and system time of the engine, without its keeper");
	fprintf(file, "process_cpu_seconds_total %.6f\n", (double)process->cpu_ns / NS_PER_S);
}
