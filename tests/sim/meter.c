#include "tests/sim/meter.h"

#include "engine/wire/base64.h"
#include "queue/base/check.h"

#include <stdio.h>

static void meter_sign_in(struct meter *meter, const void *session, unsigned mailbox);
static void meter_count(struct meter *meter, unsigned mailbox);
static void meter_count_all(struct meter *meter);
static void meter_see_recipients(struct meter *meter, struct view bytes);
static void meter_confirm(struct meter *meter, const struct meter_recipient *recipient);

static const char *const names[METER_MAILBOXES] = {
	"relay0@sim.test",
	"relay1@sim.test",
	"relay2@sim.test",
};

void meter_init(struct meter *meter, struct oracle *oracle, uint64_t limit, int64_t period_ns)
{
	memset(meter, 0, sizeof *meter);
	meter->oracle = oracle;
	meter->limit = limit;
	meter->period_ns = period_ns;
}

void meter_put_quota(struct meter *meter, struct text *text, uint64_t seed, bool more)
{
	struct random random; /* of its own: the dice of the world fall as they did without it */

	random_seed(&random, seed ^ UINT64_C(0x90074));
	if (random_below(&random, 2) == 0)
		return;
	const unsigned quota = 4 + (unsigned)random_below(&random, 16);
	meter->part_internal = random_below(&random, 2) == 0;
	meter->quota = more ? quota / 2 : quota;
	meter->quota_period_ns = 600 * NS_PER_S;
	text_format(text, "tenants: [{name: sim, external_recipients_per_day: %u/10m", quota);
	if (random_below(&random, 2) == 0) {
		const unsigned total = 4 + (unsigned)random_below(&random, 12);
		const unsigned cap = 1 + (unsigned)random_below(&random, 5);

		text_format(text, ", total: {messages_per_minute: %u/10m, connections: %u}", total,
		        cap);
		meter->total = more ? total / 2 : total;
		meter->cap = cap;
	}
	text_format(text, "}]\naccepted_domains: [sim.test%s]\n",
	        meter->part_internal ? ", x.far.test" : "");
}

const char *meter_mailbox(unsigned mailbox)
{
	check(mailbox < METER_MAILBOXES);
	return names[mailbox];
}

void meter_see(struct meter *meter, const void *session, struct view bytes)
{
	static const struct view mail = VIEW_INIT("MAIL FROM:<");

	for (unsigned i = 0; i < METER_MAILBOXES; i++) {
		char memory[64];
		struct text coded = TEXT_ON(memory);
		base64_encode(&coded, view_of(names[i]));
		if (view_contains_fold(bytes, text_view(&coded)))
			meter_sign_in(meter, session, i);
	}
	if (meter->quota > 0)
		meter_see_recipients(meter, bytes);
	for (size_t at = view_find_fold(bytes, mail); at < bytes.bytes;
	        at = view_find_fold(bytes, mail)) {
		bytes = view_skip(bytes, at + mail.bytes);
		meter_count_all(meter);
		for (size_t i = 0; i < meter->session_count; i++)
			if (meter->sessions[i] == session)
				meter_count(meter, meter->mailboxes[i]);
	}
}

static void meter_count_all(struct meter *meter)
{
	const struct mono now = clock_mono();
	const size_t count = meter->all_count;

	if (meter->total == 0)
		return;
	check(count < METER_ALL_MAX);
	meter->all_mails[meter->all_count++] = now;
	if (count < meter->total)
		return;
	const int64_t within_ns = now.ns - meter->all_mails[count - meter->total].ns;
	if (within_ns < meter->quota_period_ns)
		oracle_fail(meter->oracle,
		        "I4: %llu messages within %.3f s, and the tenant may have %llu",
		        (unsigned long long)meter->total + 1, (double)within_ns / (double)NS_PER_S,
		        (unsigned long long)meter->total);
}

void meter_see_in_flight(struct meter *meter, uint64_t in_flight)
{
	if (meter->cap > 0 && in_flight > meter->cap)
		oracle_fail(meter->oracle,
		        "I4: %llu messages are in flight, and the tenant may have %llu",
		        (unsigned long long)in_flight, (unsigned long long)meter->cap);
}

/* "RCPT TO:<ok.N.K@far.test>", see the oracle. */
static void meter_see_recipients(struct meter *meter, struct view bytes)
{
	static const struct view rcpt = VIEW_INIT("RCPT TO:<ok.");

	for (size_t at = view_find_fold(bytes, rcpt); at < bytes.bytes;
	        at = view_find_fold(bytes, rcpt)) {
		char memory[64];
		struct text text = TEXT_ON(memory);
		int number = -1;
		int index = -1;
		int end = 0;

		bytes = view_skip(bytes, at + rcpt.bytes);
		text_put(&text, view_first(bytes, view_find(bytes, '>')));
		if (sscanf(text_string(&text), "%d.%d@%n", &number, &index, &end) != 2 ||
		        end == 0 || number < 0 || number >= ORACLE_MESSAGES || index < 0 ||
		        index >= ORACLE_RECIPIENTS)
			continue;
		if (meter->part_internal && text_string(&text)[end] == 'x')
			continue;
		struct meter_recipient *recipient = &meter->recipients[number][index];
		recipient->written = clock_mono();
		recipient->unanswered++;
	}
}

void meter_look(struct meter *meter)
{
	for (size_t i = 0; meter->quota > 0 && i < meter->oracle->count; i++)
		for (size_t j = 0; j < ORACLE_RECIPIENTS; j++) {
			struct meter_recipient *recipient = &meter->recipients[i][j];
			const uint32_t delivered = meter->oracle->messages[i].delivered[j];

			if (delivered == recipient->delivered)
				continue;
			/* Which of several it took isn't known. */
			if (recipient->unanswered == 1)
				meter_confirm(meter, recipient);
			recipient->delivered = delivered;
			recipient->unanswered = 0;
		}
}

static void meter_confirm(struct meter *meter, const struct meter_recipient *recipient)
{
	const int64_t at_ns = recipient->written.ns;
	int64_t *external = meter->external;
	size_t place = meter->external_count++;

	check(place < METER_EXTERNAL_MAX);
	for (; place > 0 && external[place - 1] > at_ns; place--)
		external[place] = external[place - 1];
	external[place] = at_ns;
	for (; place < meter->external_count; place++) {
		if (place < meter->quota ||
		        external[place] - external[place - meter->quota] >= meter->quota_period_ns)
			continue;
		oracle_fail(meter->oracle,
		        "I4: %llu external recipients within %.3f s, and the tenant may have %llu",
		        (unsigned long long)meter->quota + 1,
		        (double)(external[place] - external[place - meter->quota]) /
		                (double)NS_PER_S,
		        (unsigned long long)meter->quota);
		return;
	}
}

static void meter_sign_in(struct meter *meter, const void *session, unsigned mailbox)
{
	size_t at = 0;

	while (at < meter->session_count && meter->sessions[at] != session)
		at++;
	if (at == meter->session_count) {
		check(meter->session_count < METER_SESSIONS_MAX);
		meter->sessions[meter->session_count++] = session;
	}
	meter->mailboxes[at] = (uint8_t)mailbox;
}

static void meter_count(struct meter *meter, unsigned mailbox)
{
	struct mono *mails = meter->mails[mailbox];
	const size_t count = meter->counts[mailbox]++;
	const struct mono now = clock_mono();

	check(count < METER_MAILS_MAX);
	mails[count] = now;
	if (meter->limit == 0 || count < meter->limit)
		return;
	const struct mono before = mails[count - meter->limit];
	if (now.ns - before.ns < meter->period_ns)
		oracle_fail(meter->oracle,
		        "I4: %s has %llu messages within %.3f s, and may have %llu", names[mailbox],
		        (unsigned long long)meter->limit + 1,
		        (double)(now.ns - before.ns) / (double)NS_PER_S,
		        (unsigned long long)meter->limit);
}
