#include "queue/incident_book.h"

#include "queue/base/check.h"

static size_t incident_book_find(const struct incident_book *book, const struct incident *news);
static size_t incident_book_room(const struct incident_book *book);

size_t incident_book_raise(struct incident_book *book, const struct incident *news, bool *opened)
{
	size_t place = incident_book_find(book, news);

	*opened = false;
	if (place < INCIDENTS_MAX && incident_is_open(&book->at[place])) {
		incident_add(&book->at[place], news);
		incident_book_soil(book, place);
		return place;
	}
	if (place == INCIDENTS_MAX)
		place = incident_book_room(book);
	if (place == INCIDENTS_MAX) {
		book->missed++;
		return place;
	}
	*opened = true;
	book->at[place] = *news;
	book->at[place].closed = (struct wall){ 0 };
	book->used[place] = true;
	incident_book_soil(book, place);
	return place;
}

size_t incident_book_close(
        struct incident_book *book, const struct incident *news, struct wall when)
{
	const size_t place = incident_book_find(book, news);

	if (place == INCIDENTS_MAX || !incident_is_open(&book->at[place]))
		return INCIDENTS_MAX;
	/* A clock at zero would leave it open. */
	book->at[place].closed = (struct wall){ when.ms == 0 ? 1 : when.ms };
	incident_book_soil(book, place);
	return place;
}

static size_t incident_book_find(const struct incident_book *book, const struct incident *news)
{
	for (size_t i = 0; i < INCIDENTS_MAX; i++)
		if (book->used[i] && incident_is_same(&book->at[i], news))
			return i;
	return INCIDENTS_MAX;
}

/* A free one, or that of who was closed longest ago. */
static size_t incident_book_room(const struct incident_book *book)
{
	size_t oldest = INCIDENTS_MAX;

	for (size_t i = 0; i < INCIDENTS_MAX; i++) {
		if (!book->used[i])
			return i;
		if (incident_is_open(&book->at[i]))
			continue;
		if (oldest == INCIDENTS_MAX || book->at[i].closed.ms < book->at[oldest].closed.ms)
			oldest = i;
	}
	return oldest;
}

struct view incident_book_name(size_t place, char into[INCIDENT_BOOK_NAME_BYTES])
{
	struct text text = text_on(into, INCIDENT_BOOK_NAME_BYTES);

	check(place < INCIDENTS_MAX);
	text_format(&text, "incidents/%zu", place);
	check(!text.overflow);
	return text_view(&text);
}

void incident_book_restore(
        struct incident_book *book, size_t place, const struct incident *incident)
{
	check(place < INCIDENTS_MAX);
	check(!book->dirty[place]);
	book->at[place] = *incident;
	book->used[place] = true;
}

bool incident_book_next_dirty(struct incident_book *book, size_t *place)
{
	for (size_t i = 0; i < INCIDENTS_MAX && book->dirty_count > 0; i++) {
		if (!book->dirty[i])
			continue;
		book->dirty[i] = false;
		book->dirty_count--;
		*place = i;
		return true;
	}
	return false;
}

void incident_book_soil(struct incident_book *book, size_t place)
{
	check(place < INCIDENTS_MAX);
	check(book->used[place]);
	book->dirty_count += !book->dirty[place];
	book->dirty[place] = true;
}
