#include "queue/row_key.h"
#include "queue/store.h"
#include "spool_tools.h"

#define BODY_MAX (2 * STORE_ROW_BYTES_MAX + 5)

static struct tools tools;

static int set_up(void **state)
{
	(void)state;
	tools_start(&tools);
	tools_open(&tools);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tools_stop(&tools);
	return 0;
}

/* Lays a body into rows of another size; gives how many it had. */
static int cut_rows(uint64_t id, size_t row_bytes)
{
	const struct store_settings settings = { .map_bytes = 1 << 26, .reserve_bytes = 1 << 20 };
	const struct row_key message = row_key_message(id);
	const struct view prefix = row_key_view(&message);
	char *body = calloc(1, BODY_MAX);
	struct store *store = NULL;
	struct store_row row;
	size_t bytes = 0;
	int rows = 0;

	assert_non_null(body);
	spool_close(MOVE(tools.spool));
	assert_ok(store_open(&store, tools.path, &settings));
	assert_ok(store_begin(store));
	for (struct err err = store_seek(store, TABLE_BODIES, prefix, &row);
	        !failed(err) && view_equal(view_first(row.key, prefix.bytes), prefix);
	        err = store_next(store, TABLE_BODIES, &row), rows++) {
		assert_true(bytes + row.value.bytes <= BODY_MAX);
		memcpy(body + bytes, row.value.data, row.value.bytes);
		bytes += row.value.bytes;
	}
	assert_ok(store_delete_all(store, TABLE_BODIES, prefix));
	for (uint32_t i = 0; i * row_bytes < bytes; i++) {
		const struct row_key key = row_key_body(id, i);
		const struct view rest = view_skip(view_from(body, bytes), i * row_bytes);
		assert_ok(store_put(
		        store, TABLE_BODIES, row_key_view(&key), view_first(rest, row_bytes)));
	}
	assert_ok(store_commit(store));
	store_close(store);
	free(body);
	tools_open(&tools);
	return rows;
}

/* A body is whole up to a bound, and may be read in whatever rows it lies. */
static void test_rows_of_any_size(void **state)
{
	static const struct {
		size_t bytes;
		int rows;
	} bodies[] = { { 0, 0 }, { 1, 1 }, { STORE_PAGE_BYTES + 1, 1 }, { STORE_ROW_BYTES_MAX, 1 },
		{ STORE_ROW_BYTES_MAX + 1, 2 }, { BODY_MAX, 3 } };
	static const size_t sizes[] = { STORE_PAGE_BYTES, 100000, STORE_ROW_BYTES_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		const uint64_t id = tools_ids(&tools, 1);
		tools_put(&tools, id, 1, bodies[i].bytes, 0, 1);
		int rows = bodies[i].rows;
		for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
			struct job job = { 0 };
			assert_int_equal(cut_rows(id, sizes[size]), rows);
			rows = (int)((bodies[i].bytes + sizes[size] - 1) / sizes[size]);
			tools_verify(&tools);
			assert_ok(spool_load(tools.spool, (struct spool_place){ id, 0 }, true,
			        &tools.shelf, 0, &job));
			assert_int_equal(job.message->body_bytes, bodies[i].bytes);
			tools_check_body(&tools, job.message);
			job_clear(&job, &tools.shelf);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows_of_any_size, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
