#include "tests/fuzz/guest.h"

#define GUEST_TLS_FIRST 0xf1 /* of what a record of the simulator's TLS begins with */

static bool guest_is_alert(const struct guest *guest, struct view bytes);
static void guest_hear(struct guest *guest, const struct reply *reply);
static void guest_start_tls(struct guest *guest);

void guest_open(struct guest *guest, struct scene *scene, struct view to, struct view from)
{
	const struct tls_client_settings tls = { 0 };
	char sentence[256];
	struct text why = TEXT_ON(sentence);
	struct endpoint server;
	struct endpoint client;

	memset(guest, 0, sizeof *guest);
	list_init(&guest->news);
	check(endpoint_parse(to, &server));
	check(endpoint_parse(from, &client));
	const struct err err = tls_context_client(&guest->tls, &tls, &why);
	check(!failed(err));
	reply_init(&guest->reader, (struct span){ guest->reply, sizeof guest->reply });
	scene_begin(scene);
	guest->open = true;
	stream_connect(&guest->stream, &scene->loop, &guest->news, &server, &client);
	scene_end(scene);
	scene_settle(scene);
}

void guest_work(struct guest *guest)
{
	unsigned what;

	while (stream_next_news(&guest->news, &what) != NULL) {
		guest->connected |= (what & STREAM_CONNECTED) != 0;
		if ((what & STREAM_GONE) != 0) {
			guest->open = false;
			return;
		}
		while (!guest->over) {
			const struct view piece = stream_peek(&guest->stream);
			struct view input = piece;
			struct reply reply;
			if (piece.bytes == 0)
				break;
			if (guest_is_alert(guest, piece)) {
				guest->deaf = true;
				guest->over = true;
				break;
			}
			const enum reply_news news = reply_read(&guest->reader, &input, &reply);
			check(news != REPLY_BAD);
			stream_consume(&guest->stream, piece.bytes - input.bytes);
			if (news == REPLY_READY)
				guest_hear(guest, &reply);
		}
		if ((what & STREAM_ENDED) == 0)
			continue;
		guest->deaf |= stream_failure(&guest->stream).code != ERR_CLOSED;
		guest->over = true;
	}
}

/* The server began with TLS, and the guest did not: no reply has such a byte. */
static bool guest_is_alert(const struct guest *guest, struct view bytes)
{
	return stream_tls(&guest->stream) == NULL && reply_is_idle(&guest->reader) &&
	       (unsigned char)bytes.data[0] >= GUEST_TLS_FIRST;
}

static void guest_hear(struct guest *guest, const struct reply *reply)
{
	const struct view queued = VIEW("250 2.0.0 queued as ");
	uint64_t id = 0;

	check(reply->dropped_bytes == 0);
	guest->replies++;
	guest->code = reply->code;
	guest->signed_in += reply->code == 235;
	if (!view_starts_fold(reply->whole, queued))
		return;
	check(message_id_parse(view_skip(reply->whole, queued.bytes), &id));
	check(scene_has_message(id));
	check(guest->queued_count < GUEST_QUEUED_MAX);
	guest->queued[guest->queued_count++] = id;
}

bool guest_was_told(const struct guest *guest, uint64_t id)
{
	for (size_t i = 0; i < guest->queued_count; i++)
		if (guest->queued[i] == id)
			return true;
	return false;
}

void guest_send(struct guest *guest, struct scene *scene, struct view bytes)
{
	if (!guest->open || guest->over)
		return;
	scene_begin(scene);
	bool put = stream_put(&guest->stream, bytes);
	scene_end(scene);
	if (put)
		return;
	scene_settle(scene); /* there is no room: some goes out */
	if (!guest->open || guest->over)
		return;
	scene_begin(scene);
	put = stream_put(&guest->stream, bytes);
	scene_end(scene);
	if (!put)
		guest_act(guest, scene, SCENE_ABORT); /* nobody reads */
}

void guest_act(struct guest *guest, struct scene *scene, enum scene_act act)
{
	switch (act) {
	case SCENE_WAIT:
		scene_settle(scene);
		break;
	case SCENE_PASS:
		if (scene->passes++ < SCENE_PASSES_MAX)
			scene_pass(scene, SCENE_PASS_NS);
		break;
	case SCENE_TLS:
		scene_begin(scene);
		guest_start_tls(guest);
		scene_end(scene);
		break;
	case SCENE_ABORT:
	case SCENE_CLOSE:
		guest->deaf = true;
		guest->over = true;
		scene_begin(scene);
		if (guest->open && act == SCENE_ABORT)
			stream_abort(&guest->stream);
		else if (guest->open)
			stream_close(&guest->stream);
		scene_end(scene);
		break;
	}
}

/* What the server said in plain text before is heard; what it says later can't be, unless it
 * begins with TLS, too. */
static void guest_start_tls(struct guest *guest)
{
	const struct tls_peer peer = { 0 };

	if (!guest->open || guest->over || !guest->connected || stream_tls(&guest->stream) != NULL)
		return;
	if (stream_secure_client(&guest->stream, guest->tls, &peer) > 0)
		guest->deaf = true;
	if (!reply_is_idle(&guest->reader))
		guest->deaf = true;
	reply_init(&guest->reader, (struct span){ guest->reply, sizeof guest->reply });
}

void guest_close(struct guest *guest, struct scene *scene)
{
	scene_settle(scene);
	scene_begin(scene);
	if (guest->open && stream_tls(&guest->stream) != NULL && !guest->stream.secured)
		guest->deaf = true;
	if (guest->open)
		stream_abort(&guest->stream);
	guest->over = true;
	scene_end(scene);
	scene_settle(scene);
	check(!guest->open);
	tls_context_destroy(MOVE(guest->tls));
}
