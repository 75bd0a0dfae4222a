/* Records of the spool, of any bytes: each is whole or damaged, and what is whole stays the same
 * when it is written again. */
#include "queue/gate.h"
#include "queue/incident.h"
#include "queue/job.h"
#include "queue/late_record.h"
#include "queue/message.h"
#include "queue/quota.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX    4096
#define FUZZ_MEMORY (4 << 20)
#define FUZZ_ID     7

static struct depot *depot;
static struct shelf shelf;

static void read_message(struct view input)
{
	struct message *message = NULL;
	struct message_cursor at;
	struct message_recipient recipient;
	size_t first = input.bytes;
	uint32_t seen = 0;

	/* Its parts: the length of the first is the fuzzer's choice. */
	if (fuzz_choice(&input) % 4 == 0)
		first = fuzz_choice(&input) * 8;
	struct err err = message_load(&message, &shelf, 0, FUZZ_ID, view_first(input, first));
	if (failed(err))
		return;
	if (first < input.bytes)
		err = message_load_part(message, &shelf, 0, view_skip(input, first));
	if (!failed(err))
		err = message_load_end(message);
	if (!failed(err)) {
		at = message_recipients(message);
		while (message_next_recipient(&at, &recipient))
			seen++;
		check(seen == message->recipient_count);
		const struct message_place author = message_author(message);
		check(author.offset + (uint64_t)author.bytes <= message->body_bytes);
		for (int i = 0; i < MESSAGE_FIELD_COUNT; i++)
			check(message_get(message, (enum message_field)i).bytes <=
			        CHUNK_DATA_BYTES);
	}
	message_release(message, &shelf);
}

static void read_job(struct view input)
{
	static char again[JOB_RECORD_MAX];
	struct job_facts facts;
	struct job job = { 0 };
	struct job copy = { 0 };
	uint16_t route;
	uint16_t route_again;

	const struct err err = job_decode(&job, &shelf, 0, input, &route);
	if (failed(err))
		return;
	check(!failed(job_decode_facts(input, &facts)));
	check(facts.next_attempt.ms == job.next_attempt.ms);
	check(facts.route_id == route && facts.held == job.held);
	const size_t bytes = job_encode(&job, route, (struct span){ again, sizeof again });
	check(!failed(job_decode(&copy, &shelf, 0, view_from(again, bytes), &route_again)));
	check(route_again == route && copy.owed_count == job.owed_count);
	check(copy.attempts == job.attempts && copy.next_attempt.ms == job.next_attempt.ms);
	job_clear(&copy, &shelf);
	job_clear(&job, &shelf);
}

static void read_incident(struct view input)
{
	static char again[INCIDENT_RECORD_MAX];
	struct incident incident;
	struct incident copy;

	if (failed(incident_decode(&incident, input)))
		return;
	const size_t bytes = incident_encode(&incident, (struct span){ again, sizeof again });
	check(!failed(incident_decode(&copy, view_from(again, bytes))));
	check(incident_is_same(&incident, &copy));
}

static void read_quota(struct view input)
{
	static char again[QUOTA_RECORD_MAX];
	const struct quota_settings settings = { 1000, 60 * NS_PER_S, 0.01, 0.98 };
	const struct mono now = { 1000 * NS_PER_S };
	const struct wall wall = { INT64_C(1790000000000) };
	struct quota quota;

	quota_init(&quota, &settings);
	const struct err err = quota_decode(&quota, now, wall, input);
	/* Damaged: the whole limit counts. */
	check(!failed(err) || quota_used(&quota, now) >= settings.count);
	const uint64_t used = quota_used(&quota, now);
	const size_t bytes =
	        quota_encode(&quota, now, wall, true, (struct span){ again, sizeof again });
	quota_init(&quota, &settings);
	check(!failed(quota_decode(&quota, now, wall, view_from(again, bytes))));
	check(quota_used(&quota, now) >= used); /* forgotten late, never early */
}

static void read_gate(struct view input)
{
	static char again[GATE_RECORD_MAX];
	const struct mono now = { 1000 * NS_PER_S };
	const struct wall wall = { INT64_C(1790000000000) };
	struct gate gate;
	struct gate copy;

	if (failed(gate_decode(&gate, now, wall, input))) {
		check(!gate.closed);
		return;
	}
	check(gate.until.ns <= now.ns + 2 * GATE_MOST_NS);
	const size_t bytes = gate_encode(&gate, now, wall, (struct span){ again, sizeof again });
	check(!failed(gate_decode(&copy, now, wall, view_from(again, bytes))));
	check(copy.closed == gate.closed && copy.epoch == gate.epoch);
	check(strcmp(copy.text, gate.text) == 0);
}

static void read_late(struct view input)
{
	static char again[LATE_RECORD_MAX];
	static struct late_record late;

	if (failed(late_record_decode(&late, input)))
		return;
	const size_t bytes = late_record_encode(&late, (struct span){ again, sizeof again });
	check(view_equal(view_from(again, bytes), input));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const readers[])(struct view input) = {
		read_message,
		read_job,
		read_incident,
		read_quota,
		read_gate,
		read_late,
	};
	struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);

	if (depot == NULL) {
		check(!failed(depot_create(&depot, FUZZ_MEMORY)));
		shelf_init(&shelf, depot);
	}
	readers[fuzz_choice(&input) % (sizeof readers / sizeof readers[0])](input);
	return 0;
}
