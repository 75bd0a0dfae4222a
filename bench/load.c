#include "bench/load.h"

#include "bench/load_session.h"
#include "queue/base/check.h"
#include "queue/base/random.h"

#include <stdlib.h>

#define LINE_LETTERS 76
#define NUMBER_LIMIT 10000000000u /* as many digits as LOAD_ID_FORMAT has */

static struct err load_make(struct load *load);
static struct err load_make_body(struct load *load, size_t bytes);
static void load_open_more(struct load *load);
static void load_feed(struct load *load);
static bool load_has_work(const struct load *load);
static struct mono load_due(const struct load *load);
static void load_on_time(struct timer *timer);
static void load_again(struct load *load, uint64_t number);
static void load_enter_ledger(struct load *load, uint64_t number, struct view reply);

struct err load_init(struct load *load, struct loop *loop, const struct load_settings *settings)
{
	check(settings->sessions >= 1);
	check(settings->sessions <= LOAD_SESSIONS_MAX);
	check(settings->window >= 1);
	check(settings->window <= LOAD_WINDOW_MAX);
	check(settings->recipients >= 1);
	check(settings->recipients <= LOAD_RECIPIENTS_MAX);
	check(settings->bytes >= LOAD_BYTES_MIN);
	check(settings->messages < NUMBER_LIMIT);
	check(strlen(settings->run) <= LOAD_RUN_MAX);
	*load = (struct load){ .loop = loop, .settings = *settings };
	load->timer.expired = load_on_time;
	list_init(&load->news);
	list_init(&load->closed);
	list_init(&load->hungry);
	load->sessions = calloc(settings->sessions, sizeof *load->sessions);
	load->fates = calloc(settings->messages + 1, 1);
	load->stamps = calloc(settings->messages + 1, sizeof *load->stamps);
	load->again = calloc((size_t)settings->sessions * settings->window, sizeof *load->again);
	struct err err = err_make(ERR_NO_MEMORY, 0);
	if (load->sessions != NULL && load->fates != NULL && load->stamps != NULL &&
	        load->again != NULL)
		err = load_make(load);
	if (failed(err)) {
		load_finish(load);
		return err;
	}
	for (unsigned i = 0; i < settings->sessions; i++)
		load_session_init(&load->sessions[i], load);
	return err_ok();
}

void load_finish(struct load *load)
{
	check(load->live == 0);
	loop_timer_stop(load->loop, &load->timer);
	free(MOVE(load->sessions));
	free(MOVE(load->fates));
	free(MOVE(load->stamps));
	free(MOVE(load->again));
	free(MOVE(load->body));
}

/* What every message has in common. */
static struct err load_make(struct load *load)
{
	const struct load_settings *settings = &load->settings;
	struct text envelope = TEXT_ON(load->envelope);
	struct text header = TEXT_ON(load->header);
	struct text *head = settings->chunking ? &envelope : &header;

	text_put(&envelope, VIEW("MAIL FROM:<load@contoso.com>\r\n"));
	for (unsigned i = 0; i < settings->recipients; i++)
		text_format(&envelope, "RCPT TO:<someone%u@example.org>\r\n", i);
	if (settings->chunking)
		text_format(&envelope, "BDAT %zu LAST\r\n", settings->bytes);
	else
		text_put(&envelope, VIEW("DATA\r\n"));
	const size_t begin = head->bytes;
	text_format(head, "Message-ID: <%s.", settings->run);
	load->number_at = head->bytes;
	text_put(head, VIEW("0000000000." STAMP_ZERO STAMP_END "\r\n"));
	check(!envelope.overflow);
	check(!header.overflow);
	load->envelope_bytes = envelope.bytes;
	load->header_bytes = header.bytes;
	return load_make_body(load, settings->bytes - (head->bytes - begin));
}

static struct err load_make_body(struct load *load, size_t bytes)
{
	static const char alphabet[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const struct view start = VIEW_INIT("Date: Tue, 24 Nov 2026 03:14:15 +0000\r\n"
	                                           "From: Load <load@contoso.com>\r\n"
	                                           "To: Someone <someone@example.org>\r\n"
	                                           "Subject: a message of the load\r\n"
	                                           "MIME-Version: 1.0\r\n"
	                                           "Content-Type: text/plain; charset=us-ascii\r\n"
	                                           "\r\n");
	static const struct view end = VIEW_INIT(".\r\n");
	struct random random;

	check(bytes > start.bytes);
	load->body = malloc(bytes + end.bytes);
	if (load->body == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	random_seed(&random, 1);
	memcpy(load->body, start.data, start.bytes);
	for (size_t i = start.bytes; i < bytes; i++)
		load->body[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
	/* Lines are laid from the end, so that the last one is whole. */
	for (size_t at = bytes; at >= start.bytes + 2; at -= LINE_LETTERS + 2) {
		memcpy(load->body + at - 2, "\r\n", 2);
		if (at < start.bytes + LINE_LETTERS + 2)
			break;
	}
	memcpy(load->body + bytes, end.data, end.bytes);
	load->body_bytes = bytes + (load->settings.chunking ? 0 : end.bytes);
	return err_ok();
}

void load_work(struct load *load)
{
	struct stream *stream;
	unsigned what;

	while ((stream = stream_next_news(&load->news, &what)) != NULL)
		load_session_work(container_of(stream, struct load_session, stream), what);
	load_open_more(load);
	load_feed(load);
}

static void load_open_more(struct load *load)
{
	while (!load->stopping && load->opening < LOAD_OPENING_MAX &&
	        !list_is_empty(&load->closed)) {
		struct link *link = list_pop_first(&load->closed);
		load_session_open(container_of(link, struct load_session, link));
	}
}

/* Each hungry session is asked once: it comes back when there is not enough. */
static void load_feed(struct load *load)
{
	for (size_t left = load->hungry.count; left > 0 && load_has_work(load); left--) {
		struct link *link = list_pop_first(&load->hungry);
		load_session_fill(container_of(link, struct load_session, link));
	}
}

static bool load_has_work(const struct load *load)
{
	return load->again_count > 0 || (load->next < load->settings.messages &&
	                                        mono_reached(loop_now(load->loop), load_due(load)));
}

/* When the next message is to be sent. */
static struct mono load_due(const struct load *load)
{
	const double period_ns =
	        load->settings.rate_per_s > 0 ? (double)NS_PER_S / load->settings.rate_per_s : 0;

	return mono_after(load->account.first, (int64_t)((double)load->next * period_ns));
}

bool load_take(struct load *load, uint64_t *number, struct mono *since)
{
	if (load->stopping || load->failure[0] != '\0')
		return false;
	*since = clock_mono();
	if (load->account.first.ns == 0)
		load->account.first = *since;
	if (load->again_count > 0) {
		*number = load->again[--load->again_count];
		return true;
	}
	if (load->next == load->settings.messages)
		return false;
	if (load->settings.rate_per_s > 0) {
		const struct mono due = load_due(load);
		if (!mono_reached(*since, due)) {
			loop_timer_set(load->loop, &load->timer, due);
			return false;
		}
		*since = due;
	}
	load->stamps[load->next] = *since;
	*number = load->next++;
	return true;
}

static void load_on_time(struct timer *timer)
{
	load_feed(container_of(timer, struct load, timer));
}

void load_answered(struct load *load, const struct load_flight *flight, int code, struct view reply)
{
	struct load_account *account = &load->account;

	if (code >= 400 && code < 500) {
		account->deferred++;
		load_again(load, flight->number);
		return;
	}
	if (code >= 500) {
		account->refused++;
		load->fates[flight->number] |= LOAD_REFUSED;
		return;
	}
	account->taken++;
	account->last = clock_mono();
	histogram_add(&account->latency, account->last.ns - flight->since.ns);
	load->fates[flight->number] |= LOAD_TAKEN;
	load_enter_ledger(load, flight->number, reply);
}

void load_lost(struct load *load, const struct load_flight *flight, bool doubted)
{
	unsigned char *fate = &load->fates[flight->number];

	if (doubted && (*fate & LOAD_DOUBTED) == 0) {
		*fate |= LOAD_DOUBTED;
		load->account.doubted++;
	}
	load_again(load, flight->number);
}

/* As many as may be in flight fit. */
static void load_again(struct load *load, uint64_t number)
{
	check(load->again_count < (size_t)load->settings.sessions * load->settings.window);
	load->again[load->again_count++] = number;
}

static void load_enter_ledger(struct load *load, uint64_t number, struct view reply)
{
	if (load->settings.ledger == NULL)
		return;
	fprintf(load->settings.ledger, LOAD_ID_FORMAT " %.*s\n", load->settings.run,
	        (unsigned long long)number, (long long)load->stamps[number].ns, VIEW_ARGS(reply));
}

void load_fail(struct load *load, const char *format, ...)
{
	if (load->failure[0] != '\0')
		return;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(load->failure, sizeof load->failure, format, args);
	va_end(args);
}

bool load_is_done(const struct load *load)
{
	if (load->failure[0] != '\0')
		return true;
	if (load->settings.messages == 0)
		return load->ready == load->settings.sessions;
	return load->account.taken + load->account.refused == load->settings.messages;
}

void load_stop(struct load *load)
{
	load->stopping = true;
	loop_timer_stop(load->loop, &load->timer);
	for (unsigned i = 0; i < load->settings.sessions; i++)
		load_session_end(&load->sessions[i]);
}

bool load_is_idle(const struct load *load)
{
	return load->live == 0;
}

const char *load_failure(const struct load *load)
{
	return load->failure[0] == '\0' ? NULL : load->failure;
}

bool load_number_of(const struct load *load, struct view message_id, uint64_t *number)
{
	const struct view run = view_of(load->settings.run);
	const size_t dot = view_find(message_id, '.');

	if (message_id.bytes < run.bytes + 2 || dot != run.bytes + 1 ||
	        !view_equal(view_first(view_skip(message_id, 1), run.bytes), run))
		return false;
	const struct view rest = view_skip(message_id, dot + 1);
	return view_to_u64(view_first(rest, view_find(rest, '.')), number) &&
	       *number < load->settings.messages;
}

unsigned load_fate(const struct load *load, uint64_t number)
{
	check(number < load->settings.messages);
	return load->fates[number];
}
