#include "tests/sim/meter.h"

#include "engine/wire/base64.h"
#include "queue/base/check.h"

static void meter_sign_in(struct meter *meter, const void *session, unsigned mailbox);
static void meter_count(struct meter *meter, unsigned mailbox);

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
	for (size_t at = view_find_fold(bytes, mail); at < bytes.bytes;
	        at = view_find_fold(bytes, mail)) {
		bytes = view_skip(bytes, at + mail.bytes);
		for (size_t i = 0; i < meter->session_count; i++)
			if (meter->sessions[i] == session)
				meter_count(meter, meter->mailboxes[i]);
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
