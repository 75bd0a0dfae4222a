/* Whole conversations of the relay with a server that may say anything: no recipient is done with
 * whose mail the server did not take and about whom no report was made; where TLS is required
 * there is no sign-in and no mail without it; and all is given back. */
#include "queue/job.h"
#include "queue/row_key.h"
#include "tests/fuzz/guest.h"
#include "tests/sim/tls_sim.h"

#include <stdlib.h>

#define MESSAGES    3
#define RECIPIENTS  6 /* of all of them */
#define VISITS_MAX  16
#define HEARD_MAX   131072
#define SAID_MAX    (2 * SCENE_INPUT_MAX)
#define REPLIES_MAX (SAID_MAX / 4) /* "250\n" is the shortest */
#define IDS_MAX     128
#define LOST        (-1) /* no reply came */

/* A session of the relay, and what passed on it, before TLS and within. */
struct visit {
	struct stream stream;
	bool open;
	bool over; /* nothing is said any more */
	bool odd;  /* what was said before TLS may have been thrown away */
	char heard[HEARD_MAX];
	struct text heard_text;
	char said[SAID_MAX];
	struct text said_text;
	int replies[REPLIES_MAX]; /* codes, as the relay reads them */
	size_t reply_count;
};

static struct guest guest;
static struct visit visits[VISITS_MAX];
static size_t visit_count;
static struct list visit_news;
static struct io_op accept_op;
static bool accepting;
static int listener;
static struct tls_context *tls_context;
static struct scene *on_scene;
static uint64_t ids[IDS_MAX]; /* of messages that ever were on the disk */
static size_t id_count;
static bool required;          /* TLS is */
static bool taken[RECIPIENTS]; /* the server took mail for them */

static const uint8_t first_of[MESSAGES + 1] = { 0, 2, 3, RECIPIENTS };

static struct config *outbound_config(void)
{
	static struct config *config;
	char yaml[4096];
	struct text text = TEXT_ON(yaml);

	if (config != NULL)
		return config;
	text_format(&text,
	        "name: relay.sim.test\n"
	        "spool: {path: sim}\n"
	        "limits: {memory: 8MiB, message: 64KiB, recipients: 5, connections: 4}\n"
	        "drain: 1s\n"
	        "listeners: [{address: \"127.0.0.1:2525\"}]\n"
	        "routes:\n"
	        "  - {name: open, interface: connector, host: 127.0.0.1, port: 2526, sessions: 2,\n"
	        "     pipeline: 4, tls: {verify: true, mode: optional}}\n"
	        "  - name: shut\n"
	        "    interface: submission\n"
	        "    host: 127.0.0.1\n"
	        "    port: 2526\n"
	        "    tls: {verify: true, mode: required}\n"
	        "    sessions: 2\n"
	        "    pipeline: 4\n"
	        "    connections: none\n"
	        "    messages_per_minute: none\n"
	        "    recipients_per_day: none\n"
	        "    notices_from: notices@sim.test\n"
	        "    identities: [{user: notices@sim.test, auth: login, secret_file: %s}]\n"
	        "rules: [{recipient_domain: shut.test, route: shut}]\n"
	        "retry: {first: 10s, most: 1m, give_up_after: 30d}\n"
	        "threads: {ingest: 1, delivery: 1}\n",
	        scene_file());
	check(!text.overflow);
	config = scene_config(text_view(&text));
	return config;
}

/* The server */

static void server_accepted(struct io_op *op, const struct io_result *result)
{
	(void)op;
	accepting = result->more;
	if (result->value >= 0 && visit_count < VISITS_MAX) {
		struct visit *visit = &visits[visit_count++];
		visit->open = true;
		visit->over = false;
		visit->odd = false;
		visit->heard_text = text_on(visit->heard, sizeof visit->heard);
		visit->said_text = text_on(visit->said, sizeof visit->said);
		stream_open(&visit->stream, &on_scene->loop, &visit_news, result->value);
	} else if (result->value >= 0) {
		io_discard(on_scene->loop.io, result->value);
	}
	if (!accepting && listener >= 0 && result->value >= 0) {
		io_accept(on_scene->loop.io, &accept_op, listener);
		accepting = true;
	}
}

static void server_open(struct scene *scene)
{
	const struct tls_server_settings settings = { "", "" };
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct endpoint at;

	on_scene = scene;
	visit_count = 0;
	list_init(&visit_news);
	struct err err = tls_context_server(&tls_context, &settings, &why);
	check(!failed(err));
	check(endpoint_parse(VIEW("127.0.0.1:2526"), &at));
	scene_begin(scene);
	err = io_listen(scene->loop.io, &at, false, &listener);
	check(!failed(err));
	accept_op = (struct io_op){ .done = server_accepted };
	io_accept(scene->loop.io, &accept_op, listener);
	accepting = true;
	scene_end(scene);
}

static void server_close(struct scene *scene)
{
	const int fd = listener;

	scene_begin(scene);
	listener = -1;
	if (accepting)
		io_cancel(scene->loop.io, &accept_op);
	for (size_t i = 0; i < visit_count; i++)
		if (visits[i].open)
			stream_abort(&visits[i].stream);
	scene_end(scene);
	scene_settle(scene);
	check(!accepting);
	for (size_t i = 0; i < visit_count; i++)
		check(!visits[i].open);
	scene_begin(scene);
	io_discard(scene->loop.io, fd);
	scene_end(scene);
	tls_context_destroy(MOVE(tls_context));
}

static void visit_work(struct visit *visit, unsigned what)
{
	if ((what & STREAM_GONE) != 0) {
		visit->open = false;
		return;
	}
	for (;;) {
		const struct view piece = stream_peek(&visit->stream);
		if (piece.bytes == 0)
			break;
		text_put(&visit->heard_text, piece);
		stream_consume(&visit->stream, piece.bytes);
	}
	if ((what & STREAM_ENDED) == 0 || visit->over)
		return;
	visit->over = true;
	stream_abort(&visit->stream);
}

static void outbound_work(struct scene *scene)
{
	struct stream *stream;
	unsigned what;

	(void)scene;
	guest_work(&guest);
	while ((stream = stream_next_news(&visit_news, &what)) != NULL)
		visit_work(container_of(stream, struct visit, stream), what);
}

/* The oldest that still goes on. */
static struct visit *current_visit(void)
{
	for (size_t i = 0; i < visit_count; i++)
		if (visits[i].open && !visits[i].over)
			return &visits[i];
	return NULL;
}

static void server_say(struct visit *visit, struct scene *scene, struct view bytes)
{
	scene_begin(scene);
	if (stream_put(&visit->stream, bytes)) {
		text_put(&visit->said_text, bytes);
	} else {
		visit->over = true;
		stream_abort(&visit->stream);
	}
	scene_end(scene);
}

static void server_act(struct visit *visit, struct scene *scene, enum scene_act act)
{
	scene_begin(scene);
	switch (act) {
	case SCENE_TLS:
		if (stream_tls(&visit->stream) == NULL)
			visit->odd |= stream_secure_server(&visit->stream, tls_context) > 0;
		break;
	case SCENE_ABORT:
		visit->over = true;
		stream_abort(&visit->stream);
		break;
	case SCENE_CLOSE:
		visit->over = true;
		stream_close(&visit->stream);
		break;
	default:
		break;
	}
	scene_end(scene);
}

/* The relay's first TLS record may follow the reply at once: it is not to find plain text. */
static bool is_tls_next(struct view input)
{
	return input.bytes > 0 && input.data[0] == SCENE_TLS;
}

/* All of the input is said, to one session after the other as they come. */
static void server_converse(struct scene *scene, struct view input, unsigned seed)
{
	struct view piece;
	unsigned act;

	for (;;) {
		struct visit *visit = current_visit();
		if (visit == NULL) {
			scene_settle(scene);
			visit = current_visit();
		}
		if (visit == NULL && scene->passes++ < SCENE_PASSES_MAX) {
			scene_pass(scene, SCENE_PASS_NS);
			continue;
		}
		if (visit == NULL || !scene_next(&input, seed, &piece, &act))
			return;
		if (act == 0)
			server_say(visit, scene, piece);
		else
			server_act(visit, scene, (enum scene_act)act);
		if (act == SCENE_PASS && scene->passes++ < SCENE_PASSES_MAX)
			scene_pass(scene, SCENE_PASS_NS);
		else if (act == SCENE_WAIT ||
		         (!is_tls_next(input) && random_below(&scene->random, 2) == 0))
			scene_settle(scene);
	}
}

/* What it all meant */

static void see_disk(void *owner, const struct disk_state *state)
{
	const struct disk_table *rows = &state->tables[TABLE_MESSAGES];

	(void)owner;
	for (size_t i = 0; i < rows->count; i++) {
		uint64_t id = 0;
		bool known = false;
		check(row_key_parse_message(rows->rows[i]->key, &id));
		for (size_t at = 0; at < id_count && !known; at++)
			known = ids[at] == id;
		if (known)
			continue;
		check(id_count < IDS_MAX);
		ids[id_count++] = id;
	}
}

static void see_sent(void *owner, const struct socket *socket, struct view bytes)
{
	(void)owner;
	if (!required || !machine_owns(on_scene->machine, socket_owner(socket), false))
		return;
	check(!view_starts_fold(bytes, VIEW("AUTH")));
	check(!view_starts_fold(bytes, VIEW("MAIL")));
	check(!view_contains_fold(bytes, VIEW("Message-ID:")));
}

static void read_replies(struct visit *visit)
{
	char buffer[256];
	struct reply_reader reader;
	struct view input = text_view(&visit->said_text);
	struct reply reply;

	visit->reply_count = 0;
	reply_init(&reader, (struct span){ buffer, sizeof buffer });
	while (reply_read(&reader, &input, &reply) == REPLY_READY) {
		check(visit->reply_count < REPLIES_MAX);
		visit->replies[visit->reply_count++] = reply.code;
	}
}

/* The answer to what was said as number `index`; the greeting is number 0. */
static int answer(const struct visit *visit, size_t index)
{
	return index < visit->reply_count ? visit->replies[index] : LOST;
}

static bool is_good(int code)
{
	return code >= 200 && code < 300;
}

static struct view next_line(struct view *input)
{
	const size_t end = view_find(*input, '\n');
	const struct view line = view_first(*input, end);

	*input = view_skip(*input, end < input->bytes ? end + 1 : end);
	return line;
}

static void skip_data(struct view *input)
{
	while (input->bytes > 0)
		if (view_equal(next_line(input), VIEW(".\r")))
			return;
}

/* "RCPT TO:<r3@..." */
static int recipient_of(struct view line)
{
	const struct view name = view_skip(line, view_find_fold(line, VIEW("<r")));

	if (name.bytes < 3 || name.data[2] < '0' || name.data[2] >= '0' + RECIPIENTS)
		return -1;
	return name.data[2] - '0';
}

static void take_message(bool mail, const bool *asked)
{
	for (int i = 0; i < RECIPIENTS; i++)
		taken[i] |= mail && asked[i];
}

/* Commands and replies in their order: a mail was taken if its MAIL, the RCPT and its end were
 * answered so. */
static void judge_visit(struct visit *visit)
{
	struct view input = text_view(&visit->heard_text);
	bool asked[RECIPIENTS] = { false };
	bool mail = false;
	size_t index = 0;

	check(!visit->heard_text.overflow);
	read_replies(visit);
	while (input.bytes > 0) {
		const struct view line = next_line(&input);
		const int code = answer(visit, ++index);
		if (view_starts_fold(line, VIEW("MAIL FROM:"))) {
			memset(asked, 0, sizeof asked);
			mail = is_good(code);
		} else if (view_starts_fold(line, VIEW("RCPT TO:"))) {
			const int recipient = recipient_of(line);
			if (recipient >= 0)
				asked[recipient] |= is_good(code);
		} else if (view_starts_fold(line, VIEW("BDAT "))) {
			input = view_skip(input, (size_t)strtoull(line.data + 5, NULL, 10));
			if (view_contains_fold(line, VIEW("LAST")) && is_good(code))
				take_message(mail, asked);
		} else if (view_starts_fold(line, VIEW("DATA")) && code >= 300 && code < 400) {
			skip_data(&input);
			if (is_good(answer(visit, ++index)))
				take_message(mail, asked);
		}
	}
}

static void read_owed(uint64_t id, bool *owed)
{
	const struct row_key key = row_key_message(id);
	const struct disk_table *table = &sim_disk.durable.tables[TABLE_JOBS];

	for (size_t i = disk_seek(table, row_key_view(&key)); i < table->count; i++) {
		const struct disk_row *row = table->rows[i];
		struct job job = { 0 };
		uint16_t route;
		if (!view_equal(view_first(row->key, key.bytes), row_key_view(&key)))
			return;
		check(!failed(job_decode(&job, &on_scene->shelf, 0,
		        view_from(row->value.data, row->value.bytes), &route)));
		for (size_t at = 0; at < job.owed_count; at++)
			owed[job_owed(&job)[at].index] = true;
		job_clear(&job, &on_scene->shelf);
	}
}

static void judge(void)
{
	const size_t reports = id_count - guest.queued_count;
	size_t gone =
	        0; /* messages with a recipient who has an end, and whose mail was not taken */
	bool odd = false;

	memset(taken, 0, sizeof taken);
	for (size_t i = 0; i < visit_count; i++) {
		judge_visit(&visits[i]);
		odd |= visits[i].odd;
	}
	check(guest.queued_count == MESSAGES);
	for (size_t i = 0; i < MESSAGES; i++) {
		bool owed[MESSAGE_RECIPIENTS_MAX] = { false };
		bool ended = false;
		read_owed(guest.queued[i], owed);
		for (size_t at = first_of[i]; at < first_of[i + 1]; at++)
			ended |= !owed[at - first_of[i]] && !taken[at];
		gone += ended;
	}
	check(odd || gone <= reports);
}

/* The guest's mail: what the relay then has to deliver. */
static void queue_mail(struct scene *scene, struct view domain)
{
	char memory[2048];
	struct text text = TEXT_ON(memory);
	const int bytes = (int)domain.bytes;
	const char *at = domain.data;

	text_format(&text,
	        "EHLO guest.test\r\n"
	        "MAIL FROM:<s@sim.test>\r\n"
	        "RCPT TO:<r0@%.*s>\r\nRCPT TO:<r1@%.*s>\r\n"
	        "BDAT 42 LAST\r\nMessage-ID: <0@sim>\r\nSubject: x\r\n\r\n..two\r\n"
	        "MAIL FROM:<s@sim.test> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e\r\n"
	        "RCPT TO:<r2@%.*s> NOTIFY=FAILURE,DELAY ORCPT=rfc822;o@sim.test\r\n"
	        "BDAT 38 LAST\r\nMessage-ID: <1@sim>\r\nSubject: \xc3\xa4\r\n\r\n\xc3\xa4"
	        "MAIL FROM:<s@sim.test> SIZE=100\r\n"
	        "RCPT TO:<r3@%.*s>\r\nRCPT TO:<r4@%.*s>\r\nRCPT TO:<r5@%.*s>\r\n"
	        "BDAT 23 LAST\r\nMessage-ID: <2@sim>\r\n\r\n",
	        bytes, at, bytes, at, bytes, at, bytes, at, bytes, at, bytes, at);
	check(!text.overflow);
	guest_open(&guest, scene, VIEW("127.0.0.1:2525"), VIEW("127.0.0.1:0"));
	guest_send(&guest, scene, text_view(&text));
	guest_close(&guest, scene);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes < SCENE_INPUT_MAX ? bytes : SCENE_INPUT_MAX);
	struct scene scene;
	const unsigned kind = fuzz_choice(&input);
	const unsigned seed = fuzz_choice(&input);

	id_count = 0;
	scene_open(&scene, outbound_config(), seed, outbound_work);
	required = kind % 2 == 1;
	sim_disk.committed = see_disk;
	sim_network.sends = see_sent;
	sim_tls.forged = kind / 2 % 4 == 3;
	server_open(&scene);
	queue_mail(&scene, required ? VIEW("shut.test") : VIEW("open.test"));
	server_converse(&scene, input, seed);
	scene_settle(&scene);
	judge();
	check(!required || !sim_tls.forged || id_count == MESSAGES);
	server_close(&scene);
	scene_close(&scene);
	return 0;
}
