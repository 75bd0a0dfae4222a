#include "engine/wire/signin.h"

#include "queue/base/check.h"
#include "queue/base/utf8.h"
#include "engine/wire/base64.h"

static const char *const signin_names[] = { [SIGNIN_NONE] = "none",
#define X(name, text) [SIGNIN_##name] = text,
	SIGNIN_MECHANISMS(X)
#undef X
};

const char *signin_mechanism_name(enum signin_mechanism mechanism)
{
	check(mechanism < SIGNIN_MECHANISM_COUNT);
	return signin_names[mechanism];
}

enum signin_mechanism signin_mechanism_of(struct view name)
{
	for (unsigned i = SIGNIN_NONE + 1; i < SIGNIN_MECHANISM_COUNT; i++)
		if (view_equal_fold(name, view_of(signin_names[i])))
			return (enum signin_mechanism)i;
	return SIGNIN_NONE;
}

/* A user or password may be any text, but no control character: a user goes into logs, and a
 * NUL within a password would cut it for crypt(3). */
static bool signin_is_text(struct view view)
{
	for (size_t i = 0; i < view.bytes; i++)
		if ((unsigned char)view.data[i] < ' ' || view.data[i] == 0x7f)
			return false;
	return utf8_is_valid(view);
}

/* Decodes behind what is in memory already, and gives the place. */
static bool signin_decode(struct signin_server *server, struct view encoded, struct view *plain)
{
	size_t start = server->memory.bytes;

	if (!base64_decode(&server->memory, encoded))
		return false;
	*plain = view_skip(text_view(&server->memory), start);
	return true;
}

/* authzid NUL user NUL password */
static enum signin_news signin_read_plain(struct signin_server *server, struct view message)
{
	size_t first = view_find(message, '\0');

	if (first == message.bytes)
		return SIGNIN_BAD;
	struct view rest = view_skip(message, first + 1);
	size_t second = view_find(rest, '\0');
	if (second == rest.bytes)
		return SIGNIN_BAD;
	server->authzid = view_first(message, first);
	server->user = view_first(rest, second);
	server->password = view_skip(rest, second + 1);
	return SIGNIN_DONE;
}

static enum signin_news signin_read_login(struct signin_server *server, struct view answer)
{
	if (server->step == 0) {
		server->step = 1;
		server->user = answer;
		server->challenge = VIEW("UGFzc3dvcmQ6"); /* "Password:" */
		return signin_is_text(answer) ? SIGNIN_CHALLENGE : SIGNIN_BAD;
	}
	server->password = answer;
	return SIGNIN_DONE;
}

/* user=USER ^A auth=Bearer TOKEN ^A ^A */
static enum signin_news signin_read_xoauth2(struct signin_server *server, struct view message)
{
	const struct view user = VIEW_INIT("user=");
	const struct view bearer = VIEW_INIT("auth=Bearer ");
	size_t end = view_find(message, '\1');

	if (end == message.bytes || !view_starts_fold(message, user))
		return SIGNIN_BAD;
	server->user = view_skip(view_first(message, end), user.bytes);
	struct view rest = view_skip(message, end + 1);
	end = view_find(rest, '\1');
	if (!view_starts_fold(rest, bearer) || !view_equal(view_skip(rest, end), VIEW("\1\1")))
		return SIGNIN_BAD;
	server->password = view_skip(view_first(rest, end), bearer.bytes);
	return SIGNIN_DONE;
}

static enum signin_news signin_read(struct signin_server *server, struct view encoded)
{
	struct view plain = { 0 };
	enum signin_news news = SIGNIN_BAD;

	if (!signin_decode(server, encoded, &plain))
		return SIGNIN_BAD;
	if (server->mechanism == SIGNIN_PLAIN)
		news = signin_read_plain(server, plain);
	if (server->mechanism == SIGNIN_LOGIN)
		news = signin_read_login(server, plain);
	if (server->mechanism == SIGNIN_XOAUTH2)
		news = signin_read_xoauth2(server, plain);
	if (news != SIGNIN_DONE)
		return news;
	bool good = server->user.bytes > 0 && signin_is_text(server->authzid) &&
	            signin_is_text(server->user) && signin_is_text(server->password);
	return good ? SIGNIN_DONE : SIGNIN_BAD;
}

enum signin_news signin_server_start(struct signin_server *server, enum signin_mechanism mechanism,
        struct span memory, bool has_initial, struct view initial)
{
	check(mechanism != SIGNIN_NONE);
	check(mechanism < SIGNIN_MECHANISM_COUNT);
	*server = (struct signin_server){
		.mechanism = mechanism,
		.memory = text_on(memory.data, memory.bytes),
	};
	if (has_initial)
		return signin_read(server, view_equal(initial, VIEW("=")) ? view_of("") : initial);
	if (mechanism == SIGNIN_LOGIN)
		server->challenge = VIEW("VXNlcm5hbWU6"); /* "Username:" */
	return SIGNIN_CHALLENGE;
}

enum signin_news signin_server_feed(struct signin_server *server, struct view line)
{
	check(server->mechanism != SIGNIN_NONE);
	if (view_equal(line, VIEW("*")))
		return SIGNIN_CANCELLED;
	return signin_read(server, line);
}

void signin_put_argument(struct text *argument, enum signin_mechanism mechanism, struct view user,
        struct view secret)
{
	const bool plain = mechanism == SIGNIN_PLAIN;
	struct base64_writer writer = { 0 };

	check(mechanism != SIGNIN_NONE);
	if (mechanism == SIGNIN_LOGIN) {
		base64_encode(argument, secret);
		return;
	}
	base64_write(&writer, argument, plain ? view_from("", 1) : VIEW("user="));
	base64_write(&writer, argument, user);
	base64_write(&writer, argument, plain ? view_from("", 1) : VIEW("\1auth=Bearer "));
	base64_write(&writer, argument, secret);
	base64_write(&writer, argument, plain ? VIEW("") : VIEW("\1\1"));
	base64_finish(&writer, argument);
}

/* The response that answers the server's `step`-th challenge. */
static void signin_put_response(const struct signin_client *client, struct text *line)
{
	if (client->mechanism == SIGNIN_LOGIN && client->step == 0)
		base64_encode(line, client->user);
	else
		text_put(line, client->argument);
}

/* How many challenges the client answers with credentials. */
static unsigned signin_responses(const struct signin_client *client)
{
	return client->mechanism == SIGNIN_LOGIN ? 2 : 1;
}

bool signin_client_start(struct signin_client *client, enum signin_mechanism mechanism,
        struct view user, struct view argument, bool initial, struct text *line)
{
	check(mechanism != SIGNIN_NONE);
	*client = (struct signin_client){
		.mechanism = mechanism,
		.initial = initial,
		.user = user,
		.argument = argument,
	};
	text_put(line, VIEW("AUTH "));
	text_put(line, view_of(signin_mechanism_name(mechanism)));
	if (initial) {
		text_put(line, VIEW(" "));
		signin_put_response(client, line);
		client->step++;
	}
	text_put(line, VIEW("\r\n"));
	return !line->overflow;
}

enum signin_client_news signin_client_feed(
        struct signin_client *client, int code, struct text *line)
{
	check(client->mechanism != SIGNIN_NONE);
	if (code == 235)
		return SIGNIN_PASSED;
	if (code >= 400)
		return SIGNIN_REFUSED;
	if (code != 334)
		return SIGNIN_BROKEN;
	bool complaint = client->mechanism == SIGNIN_XOAUTH2 && client->step == 1;
	if (client->step >= signin_responses(client) && !complaint)
		return SIGNIN_BROKEN;
	if (!complaint)
		signin_put_response(client, line);
	client->step++;
	text_put(line, VIEW("\r\n"));
	return line->overflow ? SIGNIN_BROKEN : SIGNIN_SEND;
}
