#include "tests/sim/client.h"

#include "queue/base/check.h"

#include <stdio.h>

#define CLIENT_PATIENCE (7 * 60 * NS_PER_S) /* then it hangs up */
#define CLIENT_PAUSE_MS 20000               /* at most, between two connections */

static void client_expired(struct timer *timer);
static void client_connect(struct client *client);
static void client_hear(struct client *client, const struct reply *reply);
static void client_next_message(struct client *client);
static bool client_next_again(struct client *client);
static void client_say_mail(struct client *client);
static void client_next_rcpt(struct client *client);
static void client_send_body(struct client *client);
static void client_send_train(struct client *client);
static bool client_hear_train(struct client *client);
static void client_tell(struct client *client, enum oracle_told told);
static void client_try_again(struct client *client);
static void client_say(struct client *client, const char *line);
static void client_leave(struct client *client);
static void client_gone(struct client *client);
static bool client_draws(struct client *client, unsigned percent);

void client_init(struct client *client, struct loop *loop, struct list *news, struct oracle *oracle,
        const struct endpoint *to, uint64_t seed)
{
	*client = (struct client){
		.loop = loop,
		.news = news,
		.timer.expired = client_expired,
		.oracle = oracle,
		.to = *to,
		.number = -1,
		.train = -1,
		.again = -1,
	};
	random_seed(&client->random, seed);
	random_seed(&client->keys, ~seed); /* of its own: the other dice fall as without it */
	random_seed(&client->trains, ~seed + 1);
	client->stranger = client_draws(client, 10);
	client->left = 1 + (unsigned)random_below(&client->random, 6);
	const bool parsed = endpoint_parse(
	        client->stranger ? VIEW("10.9.9.9:0") : VIEW("127.0.0.1:0"), &client->from);
	check(parsed);
	loop_timer_after(loop, &client->timer,
	        (int64_t)random_below(&client->random, CLIENT_PAUSE_MS) * NS_PER_MS);
}

static bool client_draws(struct client *client, unsigned percent)
{
	return random_below(&client->random, 100) < percent;
}

static void client_expired(struct timer *timer)
{
	struct client *client = container_of(timer, struct client, timer);

	if (client->step == CLIENT_AWAY)
		client_connect(client);
	else
		stream_abort(&client->stream);
}

static void client_connect(struct client *client)
{
	reply_init(&client->reader, (struct span){ client->reply, sizeof client->reply });
	client->step = CLIENT_GREETING;
	client->chunking = client_draws(client, 50);
	stream_connect(&client->stream, client->loop, client->news, &client->to, &client->from);
	loop_timer_after(client->loop, &client->timer, CLIENT_PATIENCE);
}

void client_work(struct client *client, unsigned what)
{
	if ((what & STREAM_GONE) != 0) {
		client_gone(client);
		return;
	}
	while (client->step < CLIENT_LEAVING) {
		const struct view piece = stream_peek(&client->stream);
		struct view input = piece;
		struct reply reply;

		if (piece.bytes == 0)
			break;
		const enum reply_news news = reply_read(&client->reader, &input, &reply);
		stream_consume(&client->stream, piece.bytes - input.bytes);
		if (news == REPLY_READY)
			client_hear(client, &reply);
		else if (news == REPLY_BAD)
			oracle_fail(client->oracle, "I1: a client was answered what is no reply");
	}
	if ((what & STREAM_ENDED) != 0)
		stream_abort(&client->stream);
}

static void client_hear(struct client *client, const struct reply *reply)
{
	const bool good = reply->code < 400;

	loop_timer_after(client->loop, &client->timer, CLIENT_PATIENCE);
	if (reply->code == 421) {
		client_leave(client); /* what became of a message that was whole is not known */
		return;
	}
	switch (client->step) {
	case CLIENT_GREETING:
		client->step = CLIENT_HELLO;
		client_say(client, "EHLO client.sim");
		break;
	case CLIENT_HELLO:
	case CLIENT_RESET:
		client_next_message(client);
		break;
	case CLIENT_MAIL:
	case CLIENT_RCPT:
		if (client->step == CLIENT_RCPT && good) {
			if (client->stranger)
				oracle_fail(client->oracle, "I9: a stranger may relay");
			client->oracle->messages[client->number].recipients++;
		}
		if (!good) {
			client_tell(client, ORACLE_REFUSED);
			client->step = CLIENT_RESET;
			client_say(client, "RSET");
		} else if (client->asked < client->wanted) {
			client_next_rcpt(client);
		} else if (client->chunking) {
			client_send_body(client);
		} else {
			client->step = CLIENT_DATA;
			client_say(client, "DATA");
		}
		break;
	case CLIENT_DATA:
		if (good) {
			client_send_body(client);
			break;
		}
		client_tell(client, ORACLE_REFUSED);
		client_next_message(client);
		break;
	case CLIENT_END:
		if (good)
			oracle_see_queued(client->oracle, client->number, reply->whole);
		else if (reply->code >= 500 && !client->derailed)
			oracle_fail(client->oracle, "I9: %d is refused: %.*s", client->number,
			        VIEW_ARGS(reply->whole));
		client_tell(client, good ? ORACLE_ACCEPTED : ORACLE_REFUSED);
		client->derailed = false;
		if (!client_hear_train(client))
			client_next_message(client);
		break;
	case CLIENT_TRAIN_MAIL:
		client->derailed = !good;
		client->step = CLIENT_TRAIN_RCPT;
		break;
	case CLIENT_TRAIN_RCPT:
		client->derailed |= !good;
		client->step = CLIENT_END;
		break;
	default:
		break;
	}
}

static void client_next_message(struct client *client)
{
	struct oracle_message *message;

	if (client_next_again(client))
		return;
	if (client->left == 0 || client_draws(client, 15)) {
		client_leave(client);
		return;
	}
	client->number = oracle_begin(client->oracle);
	if (client->number < 0) {
		client->left = 0;
		client_leave(client);
		return;
	}
	client->left--;
	message = &client->oracle->messages[client->number];
	client->asked = 0;
	client->wanted = (uint8_t)(1 + random_below(&client->random, ORACLE_RECIPIENTS));
	message->quiet = client_draws(client, 10);
	message->poison = client_draws(client, 10);
	message->stranger = client->stranger;
	client->keyed = random_below(&client->keys, 2) == 0;
	message->claimed = client->keyed || client->by_id;
	client->tries = 1;
	client->chunked = client->chunking;
	client_say_mail(client);
}

/* A message of which no answer came goes out once more, as it was. False: there is none. */
static bool client_next_again(struct client *client)
{
	if (client->again < 0)
		return false;
	client->number = client->again;
	client->chunking = client->chunked;
	client->again = -1;
	client->tries++;
	client->asked = 0;
	client->oracle->messages[client->number].recipients = 0;
	client_say_mail(client);
	return true;
}

static void client_say_mail(struct client *client)
{
	const struct oracle_message *message = &client->oracle->messages[client->number];
	char line[128];

	if (message->quiet)
		snprintf(line, sizeof line, "MAIL FROM:<>");
	else
		snprintf(line, sizeof line, "MAIL FROM:<s.%d@sim.test>%s", client->number,
		        client_draws(client, 30) ? " RET=FULL ENVID=sim" : "");
	client->step = CLIENT_MAIL;
	client_say(client, line);
}

static void client_next_rcpt(struct client *client)
{
	struct oracle_message *message = &client->oracle->messages[client->number];
	char line[128];

	if (client->tries == 1)
		message->bad[client->asked] = client_draws(client, 15);
	snprintf(line, sizeof line, "RCPT TO:<%s.%d.%d@%sfar.test>%s",
	        message->bad[client->asked] ? "bad" : "ok", client->number, client->asked,
	        client->parted && client->asked % 2 == 1 ? "x." : "",
	        client_draws(client, 10) ? " NOTIFY=FAILURE,DELAY" : "");
	client->asked++;
	client->step = CLIENT_RCPT;
	client_say(client, line);
}

static void client_send_body(struct client *client)
{
	struct text body = text_on(client->body, sizeof client->body);
	char line[64];

	if (client->tries == 1)
		client->filler =
		        random_below(&client->random, client_draws(client, 10) ? 30000 : 2000);
	const bool gives_up = client_draws(client, 5);

	if (client->keyed)
		text_format(&body, "X-Sluice-Key: %d\r\n", client->number);
	text_format(&body, "Message-ID: <%s%d@sim>\r\nSubject: number\r\n\r\n",
	        client->oracle->messages[client->number].poison ? "poison" : "", client->number);
	for (size_t i = 0; i < client->filler; i += 20)
		text_put(&body, VIEW("..a line of the body\r\n"));
	if (gives_up)
		body.bytes /= 2; /* it leaves in the middle of the data */
	const size_t promised = gives_up ? body.bytes + 1 : body.bytes;
	client->body_bytes = body.bytes;
	if (client->chunking) {
		snprintf(line, sizeof line, "BDAT %zu LAST", promised);
		client_say(client, line);
	}
	if (!stream_lend(&client->stream, text_view(&body)))
		stream_abort(&client->stream);
	if (gives_up) {
		client_leave(client);
		return;
	}
	/* From here on the server may have it all. */
	client->oracle->messages[client->number].told = ORACLE_UNKNOWN;
	client->step = CLIENT_END;
	if (!client->chunking)
		client_say(client, ".");
	else if (client->hasty && !client->stranger && random_below(&client->trains, 3) > 0)
		client_send_train(client);
}

/* One more message, whole, before anything is heard of the last one. */
static void client_send_train(struct client *client)
{
	struct text text = text_on(client->train_body, sizeof client->train_body);
	char body[64];

	client->train = client->left > 0 ? oracle_begin(client->oracle) : -1;
	if (client->train < 0)
		return;
	client->left--;
	struct oracle_message *message = &client->oracle->messages[client->train];
	message->recipients = 1;
	message->told = ORACLE_UNKNOWN;
	snprintf(body, sizeof body, "Message-ID: <%d@sim>\r\n\r\n", client->train);
	text_format(&text,
	        "MAIL FROM:<s.%d@sim.test>\r\nRCPT TO:<ok.%d.0@far.test>\r\nBDAT %zu LAST\r\n%s",
	        client->train, client->train, strlen(body), body);
	check(!text.overflow);
	if (!stream_lend(&client->stream, text_view(&text)))
		stream_abort(&client->stream);
}

/* The last one is answered: from here on it is about that one. False: there is none. */
static bool client_hear_train(struct client *client)
{
	if (client->train < 0)
		return false;
	client->number = client->train;
	client->train = -1;
	client->tries = 1;
	client->step = CLIENT_TRAIN_MAIL;
	return true;
}

static void client_tell(struct client *client, enum oracle_told told)
{
	check(client->number >= 0);
	/* A second try that is refused says nothing of the first. */
	if (client->tries > 1 && told == ORACLE_REFUSED)
		client_try_again(client);
	else
		client->oracle->messages[client->number].told = told;
	client->number = -1;
}

/* What became of it is not known: under its key it may be sent again. */
static void client_try_again(struct client *client)
{
	if (client->oracle->messages[client->number].claimed && client->tries < CLIENT_TRIES_MAX)
		client->again = client->number;
}

static void client_say(struct client *client, const char *line)
{
	char text[160];

	snprintf(text, sizeof text, "%s\r\n", line);
	if (!stream_put(&client->stream, view_of(text)))
		stream_abort(&client->stream);
}

static void client_leave(struct client *client)
{
	client->step = CLIENT_LEAVING;
	stream_close(&client->stream);
}

static void client_gone(struct client *client)
{
	if (client->number >= 0 && client->oracle->messages[client->number].told == ORACLE_UNKNOWN)
		client_try_again(client);
	client->number = -1; /* what it was told of the message stands */
	client->train = -1;
	client->derailed = false;
	client->step = client->left > 0 || client->again >= 0 ? CLIENT_AWAY : CLIENT_DONE;
	loop_timer_stop(client->loop, &client->timer);
	if (client->step == CLIENT_AWAY)
		loop_timer_after(client->loop, &client->timer,
		        (int64_t)random_below(&client->random, CLIENT_PAUSE_MS) * NS_PER_MS);
}
