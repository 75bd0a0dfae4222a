#include "engine/ops/control.h"

#include "engine/io/stream.h"
#include "engine/ops/control_talk.h"
#include "engine/thread.h"
#include "queue/base/check.h"
#include "queue/base/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_BYTES       4096
#define WHY_BYTES        512
#define CONTROL_MEMORY   (32 << 20) /* address space; touched only as answers need it */
#define CONTROL_RETRY_NS (100 * NS_PER_MS)
#define ENDING           VIEW("the engine is ending")

/* name, what is true in it */
#define CLIENT_STATES(X)                                                                           \
	X(READING, "waits for a whole line")                                                       \
	X(ANSWERING, "its answer goes out")                                                        \
	X(LEAVING, "its stream is aborted and not yet gone")

enum client_state {
#define X(name, text) CLIENT_##name,
	CLIENT_STATES(X)
#undef X
};

struct client {
	struct control *control;
	struct stream stream;
	struct link link; /* in control's clients */
	enum client_state state;
	struct rope answer;
	struct chunk *unlent; /* the first chunk of the answer not yet given to the stream */
	uint64_t answer_base; /* what the stream had written when the answer's first chunk began */
};

struct control {
	struct control_settings settings;
	struct thread thread;
	struct loop loop;
	struct depot *depot;
	struct shelf shelf;
	struct io_op accept_op;
	struct timer retry_timer;
	int fd;
	int folder; /* -1: the path is short enough without it */
	bool stopping;
	bool engine_ended; /* which may still hold the request: nothing is asked any more */
	struct pool pool;  /* of clients */
	struct list clients;
	struct list news; /* streams with news */
	struct request *request;
	char path[PATH_BYTES];
};

static void control_close_folder(struct control *control);
static void control_run(struct thread *thread);
static void control_turn(struct control *control);
static void control_on_accept(struct io_op *op, const struct io_result *result);
static void control_accept_again(struct timer *timer);
static void client_enter(struct client *client, enum client_state state);
static void client_read(struct client *client);
static void client_ask(struct client *client, struct view line);
static void client_feed(struct client *client);
static void client_leave(struct client *client);
static void client_on_news(struct client *client, unsigned what);

static struct err control_listen(struct control *control, struct text *why)
{
	char buffer[CONTROL_ADDRESS_BYTES];

	snprintf(control->path, sizeof control->path, "%s/%s", control->settings.folder,
	        CONTROL_SOCKET);
	const char *address =
	        control_talk_address(control->settings.folder, &control->folder, buffer);
	struct err err = io_listen_path(control->loop.io, address, &control->fd);
	if (failed(err)) {
		const char *reason = err.detail > 0 ? strerrordesc_np(err.detail) : NULL;

		text_format(why, "cannot listen on %s: %s", control->path,
		        reason != NULL ? reason : err_text(err.code));
		control_close_folder(control);
	}
	return err;
}

struct err control_create(
        struct control **result, const struct control_settings *settings, struct text *why)
{
	struct control *control = calloc(1, sizeof *control);
	struct err err = err_make(ERR_NO_MEMORY, 0);

	if (control == NULL)
		goto no_control;
	control->settings = *settings;
	list_init(&control->clients);
	list_init(&control->news);
	err = depot_create(&control->depot, CONTROL_MEMORY);
	if (failed(err))
		goto no_depot;
	shelf_init(&control->shelf, control->depot);
	err = pool_init(&control->pool, sizeof(struct client), CONTROL_CLIENTS_MAX);
	if (failed(err))
		goto no_pool;
	err = request_create(&control->request);
	if (failed(err))
		goto no_request;
	err = loop_init(&control->loop, &settings->io, &control->shelf, why);
	if (failed(err))
		goto no_loop;
	err = control_listen(control, why);
	if (failed(err))
		goto no_socket;
	*result = control;
	return err_ok();

no_socket:
	loop_finish(&control->loop);
no_loop:
	request_destroy(control->request);
no_request:
	pool_finish(&control->pool);
no_pool:
	shelf_finish(&control->shelf);
	depot_destroy(control->depot);
no_depot:
	free(control);
no_control:
	if (why->bytes == 0)
		text_format(why, "control: %s", err_text(err.code));
	return err;
}

struct err control_start(struct control *control)
{
	struct err err = thread_start(&control->thread, "control", &control->loop, control_run);

	if (!failed(err))
		thread_await(&control->thread);
	return err;
}

void control_stop(struct control *control)
{
	thread_stop(&control->thread);
}

void control_destroy(struct control *control)
{
	if (control == NULL)
		return;
	check(list_is_empty(&control->clients));
	io_discard(control->loop.io, control->fd);
	unlink(control->path);
	control_close_folder(control);
	loop_finish(&control->loop);
	request_destroy(control->request);
	pool_finish(&control->pool);
	shelf_finish(&control->shelf);
	depot_destroy(control->depot);
	free(control);
}

static void control_close_folder(struct control *control)
{
	if (control->folder >= 0)
		close(control->folder);
}

/* The thread. */

static bool control_is_over(const struct control *control)
{
	return list_is_empty(&control->clients) && control->accept_op.kind == IO_IDLE;
}

static void control_abort(struct control *control)
{
	control->stopping = true;
	io_cancel(control->loop.io, &control->accept_op);
	loop_timer_stop(&control->loop, &control->retry_timer);
	list_each_safe(link, &control->clients) {
		struct client *client = container_of(link, struct client, link);

		if (client->state != CLIENT_LEAVING)
			client_leave(client);
	}
}

static void control_run(struct thread *thread)
{
	struct control *control = container_of(thread, struct control, thread);

	loop_start(&control->loop);
	control->accept_op.done = control_on_accept;
	control->retry_timer.expired = control_accept_again;
	io_accept(control->loop.io, &control->accept_op, control->fd);
	thread_tell_started(thread);
	while (!thread_is_stopping(thread))
		control_turn(control);
	control_abort(control);
	while (!control_is_over(control))
		control_turn(control);
}

static void control_turn(struct control *control)
{
	struct loop *loop = &control->loop;
	unsigned what;

	loop_begin(loop);
	loop_run_completions(loop, LOOP_COMPLETIONS_PER_TURN);
	loop_run_timers(loop);
	struct stream *stream = stream_next_news(&control->news, &what);
	while (stream != NULL) {
		client_on_news(container_of(stream, struct client, stream), what);
		stream = stream_next_news(&control->news, &what);
	}
	/* With nothing in flight any more, the loop would sleep for good. */
	if (!control->stopping || !control_is_over(control))
		loop_end(loop);
}

/* Accepting. */

static void control_accept_again(struct timer *timer)
{
	struct control *control = container_of(timer, struct control, retry_timer);

	io_accept(control->loop.io, &control->accept_op, control->fd);
}

static void control_open_client(struct control *control, int fd)
{
	struct client *client = pool_take(&control->pool);

	if (client == NULL) {
		io_discard(control->loop.io, fd);
		return;
	}
	client->control = control;
	client->state = CLIENT_READING;
	list_push_last(&control->clients, &client->link);
	stream_open(&client->stream, &control->loop, &control->news, fd);
}

static void control_on_accept(struct io_op *op, const struct io_result *result)
{
	struct control *control = container_of(op, struct control, accept_op);
	struct loop *loop = &control->loop;

	if (result->value >= 0 && control->stopping)
		io_discard(loop->io, result->value);
	else if (result->value >= 0)
		control_open_client(control, result->value);
	if (result->more || control->stopping)
		return;
	/* Out of descriptors or memory: soon there may be some. */
	if (result->value < 0)
		loop_timer_after(loop, &control->retry_timer, CONTROL_RETRY_NS);
	else
		io_accept(loop->io, &control->accept_op, control->fd);
}

/* A client. */

static void client_enter(struct client *client, enum client_state state)
{
	check(client->state != CLIENT_LEAVING);
	client->state = state;
	if (state == CLIENT_ANSWERING) {
		client->unlent = client->answer.first;
		client->answer_base = stream_written_total(&client->stream);
	}
}

/* A whole line that lies in one piece is a question. */
static void client_read(struct client *client)
{
	if (client->state != CLIENT_READING)
		return;
	do {
		struct view piece = stream_peek(&client->stream);
		size_t bytes = view_find(piece, '\n');

		if (bytes < piece.bytes) {
			client_ask(client, view_first(piece, bytes));
			return;
		}
		if (piece.bytes > CONTROL_QUESTION_BYTES) {
			client_leave(client);
			return;
		}
	} while (stream_gather(&client->stream));
}

/* Waits for the spooler: this thread has nothing better to do. */
static bool client_write_answer(
        struct client *client, struct control_question *question, struct view line)
{
	struct control *control = client->control;
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);

	if (control->engine_ended)
		return control_talk_refuse(&client->answer, &control->shelf, ENDING);
	if (!control_talk_read(question, line, control->request, &why))
		return control_talk_refuse(&client->answer, &control->shelf, text_view(&why));
	struct err err = control->settings.ask(control->settings.owner, control->request);
	control_talk_forget(question);
	if (failed(err)) {
		control->engine_ended = true;
		return control_talk_refuse(&client->answer, &control->shelf, ENDING);
	}
	return control_talk_answer(&client->answer, &control->shelf, control->request) ||
	       control_talk_refuse(
	               &client->answer, &control->shelf, VIEW("the answer is too long"));
}

static void client_ask(struct client *client, struct view line)
{
	struct control_question question;
	bool written = client_write_answer(client, &question, line);

	if (!written) {
		client_leave(client);
		return;
	}
	stream_consume(&client->stream, line.bytes + 1);
	client_enter(client, CLIENT_ANSWERING);
	client_feed(client);
}

/* Chunks are lent to the stream as it has room, and go back once it has written them. */
static void client_feed(struct client *client)
{
	struct stream *stream = &client->stream;
	struct rope *answer = &client->answer;

	if (client->state != CLIENT_ANSWERING)
		return;
	while (client->unlent != NULL &&
	        stream_lend(stream, view_from(client->unlent->data, client->unlent->used)))
		client->unlent = client->unlent->next;
	while (answer->first != NULL && answer->first != client->unlent &&
	        stream_written_total(stream) - client->answer_base >= answer->first->used) {
		client->answer_base += answer->first->used;
		rope_drop_first(answer, &client->control->shelf);
	}
	if (answer->first != NULL)
		return;
	client_enter(client, CLIENT_READING);
	client_read(client);
}

static void client_leave(struct client *client)
{
	client_enter(client, CLIENT_LEAVING);
	stream_abort(&client->stream);
}

static void client_on_news(struct client *client, unsigned what)
{
	struct control *control = client->control;

	if ((what & STREAM_GONE) != 0) {
		check(client->state == CLIENT_LEAVING);
		rope_free(&client->answer, &control->shelf);
		list_remove(&control->clients, &client->link);
		pool_give(&control->pool, client);
		return;
	}
	if (client->state == CLIENT_LEAVING)
		return;
	if ((what & STREAM_WRITTEN) != 0)
		client_feed(client);
	if ((what & STREAM_READABLE) != 0)
		client_read(client);
	if ((what & STREAM_ENDED) != 0 && client->state != CLIENT_LEAVING)
		client_leave(client);
}
