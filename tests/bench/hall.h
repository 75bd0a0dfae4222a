/*
 * A hall is where a mock stands on a loop of its own test, for those who talk to it: a client
 * that says lines and hears replies, or a load.
 *
 * Thread:  the test's.
 */
#ifndef SLUICE_TESTS_BENCH_HALL_H
#define SLUICE_TESTS_BENCH_HALL_H

#include "bench/mock.h"
#include "engine/io/tls.h"
#include "tests/engine/io/certificates.h"
#include "tests/engine/io/fixture.h"

#define HALL_BUFFERS 64
#define HALL_CHUNKS  4096

struct hall {
	struct fixture fixture;
	struct mock mock;
	struct endpoint at;
	struct certificates certificates;
	struct tls_context *server_tls;
	struct tls_context *client_tls;
	/* the client */
	struct stream stream;
	struct list news;
	unsigned heard;      /* news, all there ever was */
	char replies[65536]; /* what it was told since it last asked */
	size_t replies_bytes;
};

static inline void hall_hear(struct hall *hall)
{
	unsigned what;

	while (stream_next_news(&hall->news, &what) != NULL) {
		hall->heard |= what;
		if ((what & STREAM_GONE) != 0)
			continue;
		for (struct view piece = stream_peek(&hall->stream); piece.bytes > 0;
		        piece = stream_peek(&hall->stream)) {
			assert_true(hall->replies_bytes + piece.bytes < sizeof hall->replies);
			memcpy(hall->replies + hall->replies_bytes, piece.data, piece.bytes);
			hall->replies_bytes += piece.bytes;
			stream_consume(&hall->stream, piece.bytes);
		}
	}
	hall->replies[hall->replies_bytes] = '\0';
}

static inline void hall_turn(struct hall *hall)
{
	loop_begin(&hall->fixture.loop);
	loop_run_completions(&hall->fixture.loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(&hall->fixture.loop);
	mock_work(&hall->mock);
	hall_hear(hall);
	loop_end(&hall->fixture.loop);
}

#define hall_turn_until(hall, condition)                                                           \
	do {                                                                                       \
		struct mono begun_ = clock_mono();                                                 \
		while (!(condition)) {                                                             \
			hall_turn(hall);                                                           \
			if (clock_mono().ns - begun_.ns > FIXTURE_PATIENCE_NS)                     \
				fail_msg("waited in vain for: %s; heard %s", #condition,           \
				        (hall)->replies);                                          \
		}                                                                                  \
	} while (0)

/* `settings.tls` is set here where `secure`. */
static inline void hall_open(struct hall *hall, struct mock_settings settings, bool secure)
{
	const struct io_settings io = { 256, HALL_BUFFERS, 16384 };
	char path[CERTIFICATES_PATH_BYTES];
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	*hall = (struct hall){ 0 };
	list_init(&hall->news);
	fixture_open(&hall->fixture, &io, HALL_CHUNKS);
	if (secure) {
		certificates_init(&hall->certificates);
		certificates_make(&hall->certificates,
		        &(struct certificate_wish){
		                .file = "mock.pem", .name = "localhost", .valid_until_days = 2 },
		        path);
		const struct tls_server_settings server = { path, hall->certificates.key };
		const struct tls_client_settings client = { .verify = true,
			.ca_file = hall->certificates.authority };
		assert_false(failed(tls_context_server(&hall->server_tls, &server, &why)));
		assert_false(failed(tls_context_client(&hall->client_tls, &client, &why)));
		settings.tls = hall->server_tls;
	}
	if (settings.size_max == 0)
		settings.size_max = MOCK_SIZE_DEFAULT;
	assert_false(failed(mock_init(&hall->mock, &hall->fixture.loop, &settings)));
	assert_true(endpoint_parse(VIEW("127.0.0.1:0"), &hall->at));
	assert_false(failed(mock_listen(&hall->mock, &hall->at, false)));
}

static inline void hall_close(struct hall *hall)
{
	mock_stop(&hall->mock);
	if (hall->stream.state != STREAM_UNUSED && (hall->heard & STREAM_GONE) == 0)
		stream_abort(&hall->stream);
	hall_turn_until(hall, mock_is_idle(&hall->mock) && hall->stream.state == STREAM_UNUSED);
	mock_finish(&hall->mock);
	if (hall->server_tls != NULL)
		certificates_finish(&hall->certificates);
	tls_context_destroy(hall->server_tls);
	tls_context_destroy(hall->client_tls);
	fixture_finish(&hall->fixture, HALL_BUFFERS);
}

static inline void hall_rule(struct hall *hall, const char *rule)
{
	char sentence[512];
	struct text why = TEXT_ON(sentence);

	if (!mock_script_add(&hall->mock.script, view_of(rule), &why))
		fail_msg("%s", text_string(&why));
}

/* The last line of a reply is there. */
static inline bool hall_is_answered(const struct hall *hall, unsigned replies)
{
	unsigned count = 0;
	const char *line = hall->replies;

	for (const char *end = strstr(line, "\r\n"); end != NULL; end = strstr(line, "\r\n")) {
		count += end - line >= 4 && line[3] == ' ';
		line = end + 2;
	}
	return count >= replies;
}

/* Waits for so many replies; the text of all lies in hall->replies. */
static inline const char *hall_await(struct hall *hall, unsigned replies)
{
	hall_turn_until(hall, hall_is_answered(hall, replies));
	return hall->replies;
}

static inline const char *hall_say_all(struct hall *hall, const char *lines, unsigned replies)
{
	hall->replies_bytes = 0;
	hall->replies[0] = '\0';
	assert_true(stream_put(&hall->stream, view_of(lines)));
	return hall_await(hall, replies);
}

/* Says it, and gives the reply. */
static inline const char *hall_say(struct hall *hall, const char *line)
{
	return hall_say_all(hall, line, 1);
}

/* Connects, and gives the banner. */
static inline const char *hall_enter(struct hall *hall)
{
	hall->heard = 0;
	hall->replies_bytes = 0;
	hall->replies[0] = '\0';
	stream_connect(&hall->stream, &hall->fixture.loop, &hall->news, &hall->at, NULL);
	return hall_await(hall, 1);
}

static inline void hall_secure(struct hall *hall)
{
	(void)stream_secure_client(
	        &hall->stream, hall->client_tls, &(struct tls_peer){ .host = VIEW("localhost") });
	hall_turn_until(hall, (hall->heard & (STREAM_SECURED | STREAM_ENDED)) != 0);
	assert_true((hall->heard & STREAM_SECURED) != 0);
}

/* The mock ended the connection; the next can be made. */
static inline void hall_left(struct hall *hall)
{
	hall_turn_until(hall, (hall->heard & STREAM_ENDED) != 0);
	stream_close(&hall->stream);
	hall_turn_until(hall, (hall->heard & STREAM_GONE) != 0);
}

#define assert_starts(text, start)                                                                 \
	do {                                                                                       \
		const char *text_ = (text);                                                        \
		if (strncmp(text_, start, strlen(start)) != 0)                                     \
			fail_msg("\"%s\" is wanted, not \"%s\"", start, text_);                    \
	} while (0)
#define assert_holds(text, part)                                                                   \
	do {                                                                                       \
		const char *text_ = (text);                                                        \
		if (strstr(text_, part) == NULL)                                                   \
			fail_msg("\"%s\" is wanted in \"%s\"", part, text_);                       \
	} while (0)

#endif
