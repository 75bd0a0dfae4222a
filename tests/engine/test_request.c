#include "engine/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct request *create(enum request_verb verb)
{
	struct request *request;

	assert_false(failed(request_create(&request)));
	request_reset(request, verb);
	return request;
}

static struct request_row row_of(
        uint64_t id, const struct request_recipient *recipients, size_t recipients_count)
{
	return (struct request_row){
		.id = id,
		.route = VIEW("far"),
		.from = VIEW("a@b.test"),
		.recipients = recipients,
		.recipients_count = recipients_count,
		.state = VIEW("deferred"),
		.reply = VIEW("451 4.7.1 later"),
	};
}

static void a_row_is_copied(void **state)
{
	(void)state;
	struct request *request = create(REQUEST_LIST);
	char address[] = "x@y.test";
	struct request_recipient recipients[] = {
		{ view_of(address), VIEW("waiting"), VIEW("") },
		{ VIEW("z@y.test"), VIEW("waiting"), VIEW("450 4.2.1 busy") },
	};
	struct request_row row = row_of(7, recipients, 2);

	assert_true(request_put_row(request, &row));
	address[0] = '!';
	recipients[1].address = VIEW("");
	assert_int_equal(request->rows_count, 1);
	const struct request_row *copy = &request->rows[0];
	assert_int_equal(copy->id, 7);
	assert_true(view_equal(copy->route, VIEW("far")));
	assert_true(view_equal(copy->reply, VIEW("451 4.7.1 later")));
	assert_int_equal(copy->recipients_count, 2);
	assert_true(view_equal(copy->recipients[0].address, VIEW("x@y.test")));
	assert_int_equal(copy->recipients[0].reply.bytes, 0);
	assert_true(view_equal(copy->recipients[1].address, VIEW("z@y.test")));
	assert_true(view_equal(copy->recipients[1].reply, VIEW("450 4.2.1 busy")));
	request_destroy(request);
}

static void a_page_ends_with_its_rows(void **state)
{
	(void)state;
	struct request *request = create(REQUEST_LIST);
	struct request_row row = row_of(1, NULL, 0);

	for (size_t i = 0; i < REQUEST_ROWS_MAX; i++)
		assert_true(request_put_row(request, &row));
	assert_false(request->more);
	assert_false(request_put_row(request, &row));
	assert_true(request->more);
	assert_int_equal(request->rows_count, REQUEST_ROWS_MAX);
	request_reset(request, REQUEST_LIST);
	assert_int_equal(request->rows_count, 0);
	assert_false(request->more);
	assert_true(request_put_row(request, &row));
	request_destroy(request);
}

static void a_page_ends_with_its_text(void **state)
{
	(void)state;
	struct request *request = create(REQUEST_LIST);
	static struct request_recipient recipients[2000];
	static char reply[300];
	size_t rows = 0;

	memset(reply, 'r', sizeof reply);
	for (size_t i = 0; i < 2000; i++)
		recipients[i] = (struct request_recipient){ VIEW("x@y.test"), VIEW("waiting"),
			view_from(reply, i % 2 == 0 ? sizeof reply : 299) };
	struct request_row row = row_of(1, recipients, 1000);
	while (request_put_row(request, &row)) {
		rows++;
		assert_true(request->text_bytes <= REQUEST_TEXT_BYTES);
	}
	assert_true(rows > 1);
	assert_true(request->more);
	/* What was there is whole. */
	for (size_t i = 0; i < rows; i++) {
		assert_int_equal(request->rows[i].recipients_count, 1000);
		assert_int_equal(request->rows[i].recipients[999].reply.bytes, 299);
	}
	/* Another row, a smaller one, may still find room. */
	row = row_of(2, recipients, 1);
	assert_true(request_put_row(request, &row));
	request_destroy(request);
}

static void a_row_too_long_is_taken_in_part(void **state)
{
	(void)state;
	struct request *request = create(REQUEST_SHOW);
	static struct request_recipient recipients[30000];

	for (size_t i = 0; i < 30000; i++)
		recipients[i] = (struct request_recipient){ VIEW("x@y.test"), VIEW("waiting"),
			VIEW("450") };
	struct request_row row = row_of(1, recipients, 30000);
	assert_true(request_put_row(request, &row));
	assert_true(request->rows[0].recipients_count > 1000);
	assert_true(request->rows[0].recipients_count < 30000);
	assert_true(request->text_bytes <= REQUEST_TEXT_BYTES);
	request_destroy(request);
}

static void filters_take(void **state)
{
	(void)state;
	const struct request_filter any = { .route = VIEW("") };
	const struct request_filter null_sender = { .by_from = true };
	const struct request_filter some = {
		.by_route = true,
		.by_from = true,
		.by_to = true,
		.route = VIEW("far"),
		.from = VIEW("A@b.test"),
		.to = VIEW("@y.test"),
	};

	assert_true(request_filter_is_any(&any));
	assert_false(request_filter_is_any(&null_sender));
	assert_false(request_filter_is_any(&some));
	assert_true(request_filter_takes(&null_sender, VIEW("far"), VIEW("")));
	assert_false(request_filter_takes(&null_sender, VIEW("far"), VIEW("a@b.test")));
	assert_true(request_filter_takes(&any, VIEW("far"), VIEW("")));
	assert_true(request_filter_takes_recipient(&any, VIEW("x@y.test")));
	assert_true(request_filter_takes(&some, VIEW("far"), VIEW("a@B.test")));
	assert_false(request_filter_takes(&some, VIEW("Far"), VIEW("a@b.test")));
	assert_false(request_filter_takes(&some, VIEW("far"), VIEW("aa@b.test")));
	assert_false(request_filter_takes(&some, VIEW("far"), VIEW("")));
	assert_true(request_filter_takes_recipient(&some, VIEW("x@Y.TEST")));
	assert_false(request_filter_takes_recipient(&some, VIEW("x@a.y.test")));
	assert_false(request_filter_takes_recipient(&some, VIEW("x@yy.test")));
}

static void verbs_have_words(void **state)
{
	(void)state;
	enum request_verb verb;

	for (int i = 0; i < REQUEST_VERB_COUNT; i++) {
		const char *word = request_verb_word((enum request_verb)i);

		assert_true(request_verb_parse(view_of(word), &verb));
		assert_int_equal(verb, i);
	}
	assert_false(request_verb_parse(VIEW("nonsense"), &verb));
	assert_false(request_verb_parse(VIEW(""), &verb));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_copied),
		cmocka_unit_test(a_page_ends_with_its_rows),
		cmocka_unit_test(a_page_ends_with_its_text),
		cmocka_unit_test(a_row_too_long_is_taken_in_part),
		cmocka_unit_test(filters_take),
		cmocka_unit_test(verbs_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
