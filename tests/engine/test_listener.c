#include "tests/engine/ingest_client.h"

#include <poll.h>
#include <pthread.h>

static struct house house;

static void accepts_and_stops(void **state)
{
	(void)state;
	house_prepare(&house);
	house.config.listeners.count = 2;
	house_open(&house);
	struct listener *listener = &house.ingest.listeners[0];
	const struct endpoint first = listener_endpoint(listener);
	const struct endpoint second = listener_endpoint(&house.ingest.listeners[1]);
	assert_int_not_equal(first.port, 0);
	assert_int_not_equal(first.port, second.port);
	int fds[10];
	for (int i = 0; i < 10; i++)
		fds[i] = house_dial(&house, 0);
	house_turn_until(&house, house.ingest.sessions.count == 10);
	assert_int_equal(listener->state, LISTENER_ACCEPTING);
	listener_stop(listener);
	assert_false(listener_is_closed(listener));
	house_turn_until(&house, listener_is_closed(listener));
	/* The other goes on, and those inside stay. */
	close(house_dial(&house, 1));
	house_turn_until(&house, house.counters.connections_opened == 11);
	assert_int_equal(house.ingest.sessions.count >= 10, 1);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	house_close(&house);
}

/* The process is out of descriptors: it tries again until there are some. */
static void outlives_a_shortage(void **state)
{
	(void)state;
	static int hoard[4096];
	size_t count = 0;

	house_prepare(&house);
	house_open(&house);
	house_turn_some(&house);
	int client = house_dial(&house, 0);
	for (; count < 4096; count++) {
		hoard[count] = dup(client);
		if (hoard[count] < 0)
			break;
	}
	const bool short_of = count < 4096;
	if (short_of)
		house_turn_until(&house, house.ingest.listeners[0].state == LISTENER_RESTING);
	while (count > 0)
		close(hoard[--count]);
	house_turn_until(&house, house.ingest.sessions.count == 1);
	assert_int_equal(house.ingest.listeners[0].state, LISTENER_ACCEPTING);
	close(client);
	house_close(&house);
}

static void busy_address_is_named(void **state)
{
	(void)state;
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct listener listener;

	house_prepare(&house);
	house_open(&house);
	house.listeners[0].address = listener_endpoint(&house.ingest.listeners[0]);
	struct door door = house.doors->at[0];
	snprintf(
	        door.address, sizeof door.address, "127.0.0.1:%u", house.listeners[0].address.port);
	assert_true(failed(listener_open(&listener, &house.ingest, &door, false, &why)));
	assert_non_null(strstr(text_string(&why), "cannot listen on 127.0.0.1:"));
	assert_non_null(strstr(sentence, "in use"));
	house_close(&house);
}

static void *close_soon(void *fd)
{
	(void)poll(NULL, 0, 4 * LISTENER_IN_USE_PAUSE_MS);
	close(*(int *)fd);
	return NULL;
}

/* As after kill -9 and a restart at once: the kernel holds the old socket a little longer. */
static void waits_for_an_old_socket(void **state)
{
	(void)state;
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct listener listener;
	struct endpoint at;
	pthread_t thread;
	int old;

	house_prepare(&house);
	house_open(&house);
	struct io *io = house.ingest.shard.loop.io;
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &at));
	assert_false(failed(io_listen(io, &at, false, &old)));
	assert_false(failed(io_local(io, old, &house.listeners[0].address)));
	assert_int_equal(pthread_create(&thread, NULL, close_soon, &old), 0);
	const struct door *door = &house.doors->at[0];
	assert_false(failed(listener_open(&listener, &house.ingest, door, false, &why)));
	assert_int_equal(pthread_join(thread, NULL), 0);
	listener_stop(&listener);
	house_close(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_and_stops),
		cmocka_unit_test(outlives_a_shortage),
		cmocka_unit_test(busy_address_is_named),
		cmocka_unit_test(waits_for_an_old_socket),
	};

	return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
