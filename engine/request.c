#include "engine/request.h"

#include "queue/base/check.h"
#include "queue/incident_book.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

static const char *const verb_words[REQUEST_VERB_COUNT] = {
#define X(name, word, ...) word,
	REQUEST_VERBS(X)
#undef X
};

struct err request_create(struct request **result)
{
	struct request *request = calloc(1, sizeof *request);
	char *text = aligned_alloc(_Alignof(max_align_t), REQUEST_TEXT_BYTES);

	if (request == NULL || text == NULL) {
		free(request);
		free(text);
		return err_make(ERR_NO_MEMORY, 0);
	}
	request->text = text;
	check(sem_init(&request->answered, 0, 0) == 0);
	*result = request;
	return err_ok();
}

void request_destroy(struct request *request)
{
	if (request == NULL)
		return;
	check(sem_destroy(&request->answered) == 0);
	free(request->text);
	free(request);
}

void request_reset(struct request *request, enum request_verb verb)
{
	char *text = request->text;

	check(verb < REQUEST_VERB_COUNT);
	check(sem_destroy(&request->answered) == 0);
	*request = (struct request){ .verb = verb, .text = text, .after_number = UINT16_MAX };
	check(sem_init(&request->answered, 0, 0) == 0);
}

void request_answer(struct request *request)
{
	atomic_store_explicit(&request->whole, true, memory_order_release);
	check(sem_post(&request->answered) == 0);
}

bool request_wait(struct request *request, int64_t ms)
{
	const struct mono until = mono_after(clock_mono(), ms * NS_PER_MS);
	const struct timespec deadline = {
		.tv_sec = until.ns / NS_PER_S,
		.tv_nsec = until.ns % NS_PER_S,
	};

	/* Who only looks, in the simulator, has a clock that the kernel's knows nothing of. */
	if (ms == 0 ? sem_trywait(&request->answered) != 0
	            : sem_clockwait(&request->answered, CLOCK_MONOTONIC, &deadline) != 0)
		return false;
	check(atomic_load_explicit(&request->whole, memory_order_acquire));
	return true;
}

/* Copies into the page; an empty view stays one where there is no room. */
static bool copy(struct request *request, struct view *view)
{
	if (view->bytes > REQUEST_TEXT_BYTES - request->text_bytes)
		return false;
	char *place = request->text + request->text_bytes;
	if (view->bytes > 0)
		memcpy(place, view->data, view->bytes);
	request->text_bytes += view->bytes;
	view->data = place;
	return true;
}

/* As many of the row's recipients as fit. Their array comes first, so that it is aligned, and
 * must leave room for the texts: the shortest recipient's is counted with it. */
static bool copy_recipients(struct request *request, struct request_row *row)
{
	const struct request_recipient *from = row->recipients;
	size_t align = _Alignof(struct request_recipient);
	size_t start = (request->text_bytes + align - 1) / align * align;
	size_t count = 0;
	size_t texts = 0;

	for (; count < row->recipients_count; count++) {
		size_t more = from[count].address.bytes + from[count].state.bytes +
		              from[count].reply.bytes;

		if (start + (count + 1) * sizeof *from + texts + more > REQUEST_TEXT_BYTES)
			break;
		texts += more;
	}
	bool all = count == row->recipients_count;
	void *place = request->text + start;
	struct request_recipient *into = place;
	request->text_bytes = start + count * sizeof *into;
	for (size_t i = 0; i < count; i++) {
		into[i] = from[i];
		check(copy(request, &into[i].address));
		check(copy(request, &into[i].state));
		check(copy(request, &into[i].reply));
	}
	row->recipients = into;
	row->recipients_count = count;
	return all;
}

bool request_put_row(struct request *request, const struct request_row *row)
{
	struct request_row copied = *row;
	size_t before = request->text_bytes;

	if (request->rows_count < REQUEST_ROWS_MAX) {
		bool texts = copy(request, &copied.route) && copy(request, &copied.from) &&
		             copy(request, &copied.state) && copy(request, &copied.reply);

		/* Names, an address and a reply never fill an empty page. */
		check(texts || request->rows_count > 0);
		bool fits = texts && copy_recipients(request, &copied);
		if (fits || request->rows_count == 0) {
			request->rows[request->rows_count++] = copied;
			return true;
		}
	}
	request->text_bytes = before;
	request->more = true;
	return false;
}

void request_refuse(struct request *request, struct err err, struct view why)
{
	check(failed(err));
	check(request->rows_count == 0);
	request->result = err;
	request->complaint = why;
	check(copy(request, &request->complaint));
}

bool request_filter_is_any(const struct request_filter *filter)
{
	return !filter->by_route && !filter->by_from && !filter->by_to && !filter->in_doubt;
}

static bool address_passes(struct view filter, struct view address)
{
	if (filter.bytes > 0 && filter.data[0] == '@')
		return view_ends_fold(address, filter);
	return view_equal_fold(filter, address);
}

static_assert(INCIDENTS_MAX * sizeof(struct incident) <= REQUEST_TEXT_BYTES, "one page");

/* By the time of their beginning, the last first. */
static int compare_incidents(const void *left, const void *right)
{
	const struct incident *a = left;
	const struct incident *b = right;

	return a->first.ms == b->first.ms ? 0 : a->first.ms > b->first.ms ? -1 : 1;
}

void request_put_incidents(struct request *request, const struct incident_book *book, bool closed)
{
	void *page = request->text;
	struct incident *into = page;

	check(request->text_bytes == 0);
	for (size_t i = 0; i < INCIDENTS_MAX; i++)
		if (book->used[i] && (closed || incident_is_open(&book->at[i])))
			into[request->incidents_count++] = book->at[i];
	qsort(into, request->incidents_count, sizeof *into, compare_incidents);
	request->incidents = into;
	request->text_bytes = request->incidents_count * sizeof *into;
}

bool request_filter_takes(const struct request_filter *filter, struct view route, struct view from)
{
	if (filter->by_route && !view_equal(filter->route, route))
		return false;
	return !filter->by_from || address_passes(filter->from, from);
}

bool request_filter_takes_recipient(const struct request_filter *filter, struct view to)
{
	return !filter->by_to || address_passes(filter->to, to);
}

const char *request_verb_word(enum request_verb verb)
{
	check(verb < REQUEST_VERB_COUNT);
	return verb_words[verb];
}

bool request_verb_parse(struct view word, enum request_verb *verb)
{
	for (size_t i = 0; i < REQUEST_VERB_COUNT; i++) {
		if (!view_equal(word, view_of(verb_words[i])))
			continue;
		*verb = (enum request_verb)i;
		return true;
	}
	return false;
}
