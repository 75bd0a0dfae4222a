#include "queue/replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct depot *depot;
static struct shelf shelf;
static struct replies replies;

static int set_up(void **state)
{
	(void)state;
	if (failed(depot_create(&depot, (size_t)64 * CHUNK_BYTES)))
		return -1;
	shelf_init(&shelf, depot);
	replies = (struct replies){ 0 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	replies_free(&replies, &shelf);
	shelf_finish(&shelf);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
	return 0;
}

static struct reply_note note_with(struct view text)
{
	return (struct reply_note){
		.code = 550,
		.status = { 5, 7, 708 },
		.advice = 12,
		.stage = 3,
		.server = VIEW("mx.example.org"),
		.text = text,
	};
}

static void test_keeps_each_once(void **state)
{
	(void)state;
	const struct reply_note refused = note_with(VIEW("Service unavailable"));
	struct reply_note other = note_with(VIEW("Service unavailable"));

	other.status[2] = 750;
	const uint16_t ref = replies_note(&replies, &shelf, &refused);
	assert_int_not_equal(ref, 0);
	assert_int_equal(replies_note(&replies, &shelf, &refused), ref);
	const uint16_t other_ref = replies_note(&replies, &shelf, &other);
	assert_int_not_equal(other_ref, ref);

	const struct reply_note found = replies_get(&replies, other_ref);
	assert_int_equal(found.code, 550);
	assert_int_equal(found.status[2], 750);
	assert_int_equal(found.advice, 12);
	assert_int_equal(found.stage, 3);
	assert_true(view_equal(found.server, other.server));
	assert_true(view_equal(found.text, other.text));
	assert_int_equal(replies.chunk_count, 0); /* two replies need no chunk */
}

/* Two thousand different long ones: all keep their code, the first ones their text, within the
 * bound; and each ref finds its own. */
static void test_thousands_fit(void **state)
{
	(void)state;
	static uint16_t refs[2000];
	char text[REPLY_TEXT_MAX + 100];

	for (int i = 0; i < 2000; i++) {
		memset(text, 'x', sizeof text);
		const int bytes = snprintf(text, sizeof text, "%d is unknown", i);
		text[bytes] = ' ';
		const struct reply_note note = note_with(view_from(text, sizeof text));
		refs[i] = replies_note(&replies, &shelf, &note);
		assert_int_not_equal(refs[i], 0);
	}
	assert_true(replies.chunk_count <= REPLIES_CHUNKS_MAX);
	for (int i = 0; i < 2000; i++) {
		const struct reply_note note = replies_get(&replies, refs[i]);
		char start[32];
		const int bytes = snprintf(start, sizeof start, "%d is unknown ", i);
		assert_int_equal(note.code, 550);
		assert_memory_equal(note.text.data, start, (size_t)bytes);
		if (i < 90)
			assert_int_equal(note.text.bytes, REPLY_TEXT_MAX);
	}
}

static void test_marks(void **state)
{
	(void)state;
	uint16_t refs[100];
	char text[200];

	for (int i = 0; i < 100; i++) {
		memset(text, '0' + i % 50, sizeof text);
		const struct reply_note note = note_with(view_from(text, sizeof text));
		refs[i] = replies_note(&replies, &shelf, &note);
		*replies_mark(&replies, refs[i]) = (uint16_t)(i + 1);
	}
	replies_unmark(&replies);
	for (int i = 0; i < 100; i++)
		assert_int_equal(*replies_mark(&replies, refs[i]), 0);
}

/* No chunk to be had: what fits inline stays, then texts go, then notes. */
static void test_memory_is_short(void **state)
{
	(void)state;
	struct chunk *taken = NULL;
	char text[150];

	for (struct chunk *chunk = shelf_take(&shelf); chunk != NULL; chunk = shelf_take(&shelf)) {
		chunk->next = taken;
		taken = chunk;
	}
	memset(text, 'a', sizeof text);
	struct reply_note note = note_with(view_from(text, sizeof text));
	const uint16_t whole = replies_note(&replies, &shelf, &note);
	assert_int_equal(replies_get(&replies, whole).text.bytes, sizeof text);
	text[0] = 'b';
	const uint16_t cut = replies_note(&replies, &shelf, &note);
	assert_int_equal(replies_get(&replies, cut).code, 550);
	assert_int_equal(replies_get(&replies, cut).text.bytes, 0);
	for (note.code = 400; replies_note(&replies, &shelf, &note) != 0; note.code++)
		;
	assert_true(note.code < 400 + REPLIES_INLINE / 16);
	assert_int_equal(replies.chunk_count, 0);
	while (taken != NULL) {
		struct chunk *next = MOVE(taken->next);
		shelf_give(&shelf, taken);
		taken = next;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keeps_each_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_thousands_fit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_marks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_is_short, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
