#include "tests/sim/feeder.h"

#include "queue/base/check.h"

#include <stdio.h>

static void feeder_expired(struct timer *timer);
static void feeder_hear(struct feeder_connection *connection, const struct reply *reply);
static void feeder_send(struct feeder_connection *connection);

void feeder_init(struct feeder *feeder, struct loop *loop, const struct endpoint *to,
        struct feeder_mail *mails, size_t count)
{
	*feeder = (struct feeder){
		.loop = loop,
		.timer.expired = feeder_expired,
		.to = *to,
		.mails = mails,
		.count = count,
	};
	list_init(&feeder->news);
}

void feeder_start(struct feeder *feeder)
{
	for (size_t i = 0; i < FEEDER_CONNECTIONS; i++) {
		struct feeder_connection *connection = &feeder->connections[i];
		connection->feeder = feeder;
		connection->number = -1;
		connection->replies_due = 1; /* the greeting */
		reply_init(&connection->reader,
		        (struct span){ connection->reply, sizeof connection->reply });
		stream_connect(&connection->stream, feeder->loop, &feeder->news, &feeder->to, NULL);
	}
}

/* The turn that comes with it sends what is due. */
static void feeder_expired(struct timer *timer)
{
	(void)timer;
}

void feeder_work(struct feeder *feeder)
{
	const struct mono now = loop_now(feeder->loop);
	struct stream *stream;
	unsigned what;

	while ((stream = stream_next_news(&feeder->news, &what)) != NULL) {
		struct feeder_connection *connection =
		        container_of(stream, struct feeder_connection, stream);
		struct reply reply;

		feeder->failed |= (what & (STREAM_ENDED | STREAM_GONE)) != 0;
		for (;;) {
			const struct view piece = stream_peek(&connection->stream);
			struct view input = piece;
			if (piece.bytes == 0 || feeder->failed)
				break;
			const enum reply_news news =
			        reply_read(&connection->reader, &input, &reply);
			stream_consume(&connection->stream, piece.bytes - input.bytes);
			if (news == REPLY_READY)
				feeder_hear(connection, &reply);
		}
	}
	for (size_t i = 0; i < FEEDER_CONNECTIONS; i++)
		if (feeder->next < feeder->count && feeder->connections[i].ready &&
		        feeder->mails[feeder->next].due_ns <= now.ns)
			feeder_send(&feeder->connections[i]);
	if (feeder->next < feeder->count && feeder->mails[feeder->next].due_ns > now.ns)
		loop_timer_set(feeder->loop, &feeder->timer,
		        (struct mono){ feeder->mails[feeder->next].due_ns });
}

static void feeder_hear(struct feeder_connection *connection, const struct reply *reply)
{
	struct feeder *feeder = connection->feeder;

	if (reply->code >= 400) {
		fprintf(stderr, "feeder: %.*s\n", VIEW_ARGS(reply->whole));
		feeder->failed = true;
		return;
	}
	check(connection->replies_due > 0);
	if (--connection->replies_due > 0)
		return;
	if (connection->number >= 0) {
		feeder->mails[connection->number].accepted_ns = loop_now(feeder->loop).ns;
		feeder->accepted++;
		connection->number = -1;
		connection->ready = true;
	} else if (!connection->ready && reply->code == 220) {
		connection->replies_due = 1;
		feeder->failed |=
		        !stream_put(&connection->stream, VIEW("EHLO feeder.day.test\r\n"));
	} else {
		connection->ready = true;
	}
}

static void feeder_send(struct feeder_connection *connection)
{
	struct feeder *feeder = connection->feeder;
	const size_t number = feeder->next++;
	char memory[512];
	char body_memory[128];
	struct text text = TEXT_ON(memory);
	struct text body = TEXT_ON(body_memory);

	text_format(&body, "Message-ID: <%zu@day>\r\nSubject: %zu\r\n\r\nbody\r\n", number, number);
	text_format(&text,
	        "MAIL FROM:<%s@day.test>\r\nRCPT TO:<r%zu@out.test>\r\nBDAT %zu LAST\r\n%.*s",
	        feeder->mails[number].urgent ? "urgent" : "news", number % 1000, body.bytes,
	        VIEW_ARGS(text_view(&body)));
	check(!text.overflow);
	connection->number = (int64_t)number;
	connection->ready = false;
	connection->replies_due = 3;
	feeder->failed |= !stream_put(&connection->stream, text_view(&text));
}
