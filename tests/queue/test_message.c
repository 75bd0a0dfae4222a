#include "queue/message.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct depot *depot;
static struct shelf shelf;

static int set_up(void **state)
{
	(void)state;
	if (failed(depot_create(&depot, (size_t)256 * CHUNK_BYTES)))
		return -1;
	shelf_init(&shelf, depot);
	return 0;
}

/* Every chunk is back: nothing leaks, whatever failed on the way. */
static int tear_down(void **state)
{
	(void)state;
	shelf_finish(&shelf);
	assert_int_equal(depot_chunks_out(depot), 0);
	depot_destroy(depot);
	return 0;
}

static struct view address_of(uint32_t index, char room[MESSAGE_ADDRESS_MAX])
{
	const int bytes = snprintf(room, MESSAGE_ADDRESS_MAX,
	        "recipient-%u-with-a-rather-long-local-part@department-%u.example.org", index,
	        index % 7);

	return view_from(room, (size_t)bytes);
}

static struct message *make_message(uint32_t recipients)
{
	struct message *message = message_create(&shelf, 0);
	char room[MESSAGE_ADDRESS_MAX];

	assert_non_null(message);
	message_name(message, 0x123456789abcdef, (struct wall){ 1790000000123 });
	message->flags = MESSAGE_8BITMIME | MESSAGE_RET_HEADERS;
	assert_true(message_set(message, MESSAGE_SENDER, VIEW("printer@contoso.com")));
	assert_true(message_set(message, MESSAGE_ENVID, VIEW("QQ314159")));
	assert_true(message_set(message, MESSAGE_HELO, VIEW("[192.0.2.7]")));
	for (uint32_t i = 0; i < recipients; i++) {
		const struct message_recipient recipient = {
			.address = address_of(i, room),
			.orcpt = i % 3 == 0 ? VIEW("rfc822;Bob@Example.org") : view_from("", 0),
			.notify = (uint8_t)(i % 16),
		};
		assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	}
	assert_true(rope_append(&message->body, &shelf, VIEW("Subject: x\r\n\r\nhello\r\n"), 0));
	message->expire_s = recipients * 1000; /* from half an hour to 23 days: all three bytes */
	message_seal(message);
	return message;
}

static void assert_recipients(const struct message *message, uint32_t recipients)
{
	struct message_cursor at = message_recipients(message);
	struct message_recipient recipient;
	char room[MESSAGE_ADDRESS_MAX];

	for (uint32_t i = 0; i < recipients; i++) {
		assert_int_equal(at.index, i);
		assert_true(message_next_recipient(&at, &recipient));
		assert_true(view_equal(recipient.address, address_of(i, room)));
		assert_int_equal(recipient.orcpt.bytes, i % 3 == 0 ? 22 : 0);
		assert_int_equal(recipient.notify, i % 16);
	}
	assert_false(message_next_recipient(&at, &recipient));
}

/* As the spool does: part by part. */
static struct err reload(const struct message *message, struct message **result)
{
	struct rope_cursor at = message_parts(message);
	struct view part;

	assert_true(message_next_part(message, &at, &part));
	struct err err = message_load(result, &shelf, 0, message->id, part);
	while (!failed(err) && message_next_part(message, &at, &part))
		err = message_load_part(*result, &shelf, 0, part);
	if (!failed(err))
		err = message_load_end(*result);
	return err;
}

static void test_survives_the_spool(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 1, 4, 5, 300, MESSAGE_RECIPIENTS_MAX };

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct message *message = make_message(counts[i]);
		struct message *copy = NULL;
		assert_false(failed(reload(message, &copy)));
		assert_int_equal(copy->id, message->id);
		assert_int_equal(copy->received.ms, message->received.ms);
		assert_int_equal(copy->flags, message->flags);
		assert_int_equal(copy->expire_s, counts[i] * 1000);
		assert_int_equal(copy->recipient_count, counts[i]);
		assert_int_equal(copy->part_count, message->part_count);
		assert_int_equal(copy->body_bytes, message->body.bytes);
		for (int field = 0; field < MESSAGE_FIELD_COUNT; field++)
			assert_true(
			        view_equal(message_get(copy, field), message_get(message, field)));
		assert_false(message_sender_is_null(copy));
		assert_recipients(message, counts[i]);
		assert_recipients(copy, counts[i]);
		message_release(message, &shelf);
		message_release(copy, &shelf);
	}
}

static void test_seeks_forward(void **state)
{
	(void)state;
	struct message *message = make_message(1000);
	struct message_cursor at = message_recipients(message);
	struct message_recipient recipient;
	char room[MESSAGE_ADDRESS_MAX];

	for (uint32_t i = 0; i < 1000; i += 37) {
		assert_true(message_seek_recipient(&at, i, &recipient));
		assert_true(view_equal(recipient.address, address_of(i, room)));
	}
	assert_false(message_seek_recipient(&at, 1000, &recipient));
	message_release(message, &shelf);
}

static void test_bounds_fields(void **state)
{
	(void)state;
	struct message *message = message_create(&shelf, 0);
	char longest[MESSAGE_ADDRESS_MAX + 1];

	memset(longest, 'a', sizeof longest);
	assert_false(message_set(message, MESSAGE_SENDER, view_from(longest, sizeof longest)));
	assert_true(message_set(message, MESSAGE_SENDER, view_from(longest, MESSAGE_ADDRESS_MAX)));
	assert_true(message_set(message, MESSAGE_USER, view_from(longest, 255)));
	assert_true(message_set(message, MESSAGE_HELO, view_from(longest, 255)));
	assert_true(message_set(message, MESSAGE_CLIENT, view_from("", 0)));
	assert_int_equal(message_get(message, MESSAGE_SENDER).bytes, MESSAGE_ADDRESS_MAX);
	message_release(message, &shelf);
}

/* Behind recipients, and in front of other fields: nothing else changes. */
static void test_clears_a_field(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 1, 300 };

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct message *message = message_create(&shelf, 0);
		struct message *copy = NULL;
		char room[MESSAGE_ADDRESS_MAX];

		assert_non_null(message);
		message_name(message, 5, (struct wall){ 1 });
		assert_true(message_set(message, MESSAGE_HELO, VIEW("h")));
		assert_true(message_set(message, MESSAGE_SENDER, VIEW("printer@contoso.com")));
		assert_true(message_set(message, MESSAGE_USER, VIEW("")));
		assert_true(message_set(message, MESSAGE_ENVID, VIEW("QQ")));
		for (uint32_t j = 0; j < counts[i]; j++) {
			const struct message_recipient recipient = {
				.address = address_of(j, room),
				.orcpt = j % 3 == 0 ? VIEW("rfc822;Bob@Example.org") : VIEW(""),
				.notify = (uint8_t)(j % 16),
			};
			assert_true(message_add_recipient(message, &shelf, 0, &recipient));
		}
		message_clear(message, MESSAGE_SENDER);
		message_clear(message, MESSAGE_SENDER);   /* empty is fine */
		message_clear(message, MESSAGE_ORIGINAL); /* and so is what was never set */
		message_seal(message);
		assert_false(failed(reload(message, &copy)));
		assert_true(message_sender_is_null(copy));
		assert_true(view_equal(message_get(copy, MESSAGE_HELO), VIEW("h")));
		assert_true(view_equal(message_get(copy, MESSAGE_ENVID), VIEW("QQ")));
		assert_true(view_equal(message_get(message, MESSAGE_ENVID), VIEW("QQ")));
		assert_recipients(message, counts[i]);
		assert_recipients(copy, counts[i]);
		message_release(message, &shelf);
		message_release(copy, &shelf);
	}
}

static struct message *make_open(struct message_place place)
{
	struct message *message = message_create(&shelf, 0);
	const struct message_recipient recipient = { .address = VIEW("b@c.d") };

	assert_non_null(message);
	message_name(message, 5, (struct wall){ 1 });
	assert_true(message_set(message, MESSAGE_SENDER, VIEW("printer@contoso.com")));
	message_open_author(message);
	assert_true(message_set(message, MESSAGE_HELO, VIEW("h")));
	assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	assert_true(rope_append(&message->body, &shelf, VIEW("From: <a@b>\r\n\r\n"), 0));
	message_clear(message, MESSAGE_SENDER); /* what is behind it moves */
	message_place_author(message, place);
	return message;
}

/* Where it stands comes back from the spool; a place out of the body's bounds is damage. */
static void test_an_open_author(void **state)
{
	(void)state;
	static const struct message_place wrong[] = { { 0, 0 }, { 8, 9 }, { 15, 1 }, { 16, 1 },
		{ UINT32_MAX, 1 }, { 0, UINT16_MAX } };
	struct message *message = make_message(1);
	struct message *copy = NULL;
	struct view part;

	assert_false(message_author_is_open(message));
	assert_int_equal(message_author(message).bytes, 0);
	message_release(message, &shelf);
	message = make_open((struct message_place){ 7, 3 });
	message_seal(message);
	assert_false(failed(reload(message, &copy)));
	assert_true(message_author_is_open(copy));
	assert_int_equal(message_author(copy).offset, 7);
	assert_int_equal(message_author(copy).bytes, 3);
	message_release(copy, &shelf);
	struct rope_cursor at = message_parts(message);
	assert_true(message_next_part(message, &at, &part));
	char *bytes = malloc(part.bytes);
	memcpy(bytes, part.data, part.bytes);
	char *place = bytes + (message_get(message, MESSAGE_AUTHOR).data - part.data);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		for (int j = 0; j < 4; j++)
			place[j] = (char)(wrong[i].offset >> (24 - 8 * j));
		place[4] = (char)(wrong[i].bytes >> 8);
		place[5] = (char)wrong[i].bytes;
		assert_false(
		        failed(message_load(&copy, &shelf, 0, 5, view_from(bytes, part.bytes))));
		assert_int_equal(message_load_end(copy).code, ERR_FORMAT);
		message_release(copy, &shelf);
	}
	free(bytes);
	message_release(message, &shelf);
}

static void test_last_holder_frees(void **state)
{
	(void)state;
	struct message *message = make_message(3);
	struct message *held = message_hold(message);

	message_release(message, &shelf);
	assert_recipients(held, 3);
	message_release(held, &shelf);
	message_release(NULL, &shelf);
}

static void test_budget_used_up(void **state)
{
	(void)state;
	struct message *message = message_create(&shelf, 0);
	struct chunk *taken = NULL;
	char room[MESSAGE_ADDRESS_MAX];
	uint32_t added = 0;

	for (struct chunk *chunk = shelf_take(&shelf); chunk != NULL; chunk = shelf_take(&shelf)) {
		chunk->next = taken;
		taken = chunk;
	}
	assert_null(message_create(&shelf, 0));
	struct message_recipient recipient = { .orcpt = VIEW("rfc822;Bob@Example.org") };
	do {
		recipient.notify = (uint8_t)(++added % 16);
		recipient.address = address_of(added, room);
	} while (message_add_recipient(message, &shelf, 0, &recipient));
	assert_int_equal(message->recipient_count, added - 1);
	while (taken != NULL) {
		struct chunk *next = MOVE(taken->next);
		shelf_give(&shelf, taken);
		taken = next;
	}
	assert_true(message_add_recipient(message, &shelf, 0, &recipient));
	message_name(message, 1, (struct wall){ 0 });
	message_seal(message);
	assert_int_equal(message->part_count, 2);
	message_release(message, &shelf);
}

/* Part 0 cut at every length and with every single byte changed: an error or a message whose
 * every view can be read (the sanitizers look on), and no chunk lost. */
static void test_damage_is_found(void **state)
{
	(void)state;
	struct message *message = make_message(5);
	struct rope_cursor at = message_parts(message);
	struct message *copy = NULL;
	struct view part;

	assert_true(message_next_part(message, &at, &part));
	char *bytes = malloc(part.bytes);
	for (size_t cut = 0; cut < part.bytes; cut++) {
		memcpy(bytes, part.data, part.bytes);
		struct err err = message_load(&copy, &shelf, 0, 7, view_from(bytes, cut));
		if (failed(err))
			continue;
		assert_int_equal(message_load_end(copy).code, ERR_FORMAT);
		message_release(copy, &shelf);
	}
	for (size_t i = 0; i < part.bytes; i++) {
		for (int change = 1; change < 256; change += 13) {
			memcpy(bytes, part.data, part.bytes);
			bytes[i] = (char)(bytes[i] ^ change);
			if (failed(message_load(&copy, &shelf, 0, 7, view_from(bytes, part.bytes))))
				continue;
			struct message_recipient recipient;
			if (!failed(message_load_end(copy))) {
				struct message_cursor cursor = message_recipients(copy);
				while (message_next_recipient(&cursor, &recipient))
					assert_true(recipient.address.bytes > 0);
			}
			message_release(copy, &shelf);
		}
	}
	free(bytes);
	message_release(message, &shelf);
}

static void test_ids(void **state)
{
	(void)state;
	char text[MESSAGE_ID_TEXT];
	struct random random;
	uint64_t id = 0;

	random_seed(&random, 3);
	for (int i = 0; i < 10000; i++) {
		const uint64_t number = random_u64(&random) >> random_below(&random, 64);
		assert_true(message_id_parse(view_of(message_id_format(number, text)), &id));
		assert_true(id == number);
	}
	assert_string_equal(message_id_format(0, text), "0");
	assert_string_equal(message_id_format(UINT64_MAX, text), "FZZZZZZZZZZZZ");
	assert_true(message_id_parse(VIEW("fzzzzzzzzzzzz"), &id));
	assert_true(id == UINT64_MAX);
	assert_false(message_id_parse(VIEW("G000000000000"), &id)); /* 2^64 */
	assert_false(message_id_parse(VIEW("00000000000000"), &id));
	assert_false(message_id_parse(VIEW(""), &id));
	assert_false(message_id_parse(VIEW("U"), &id));
	assert_false(message_id_parse(VIEW("1 "), &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_survives_the_spool, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seeks_forward, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bounds_fields, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clears_a_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_open_author, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_last_holder_frees, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_budget_used_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_is_found, set_up, tear_down),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
