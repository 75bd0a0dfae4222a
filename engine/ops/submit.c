#include "engine/ops/submit.h"

#include "engine/wire/reply.h"
#include "engine/wire/stuff.h"
#include "engine/wire/write.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define LINE_BYTES  1024
#define REPLY_BYTES 4096
#define OUT_BYTES   65536

struct session {
	int fd;
	struct text *why;
	struct reply_reader reader;
	struct reply reply;
	struct capabilities offers;
	struct view unread;
	char memory[REPLY_BYTES];
	char in[REPLY_BYTES];
	char out[OUT_BYTES];
	size_t out_bytes;
};

static bool dial(struct session *session, const struct endpoint *to);
static bool hear(struct session *session);
static bool say(struct session *session, struct view line);
static bool say_all(struct session *session, struct view bytes);
static bool flush(struct session *session);
static bool fail(struct session *session, const char *what);
static enum submit_result converse(struct session *session, const struct submit_mail *mail);
static enum submit_result refused(struct session *session, enum submit_result by);
static bool send_content(struct session *session, struct view content);

enum submit_result submit(const struct submit_mail *mail, struct text *why)
{
	static struct session session;

	session = (struct session){ .fd = -1, .why = why };
	reply_init(&session.reader, (struct span){ session.memory, sizeof session.memory });
	const enum submit_result result =
	        dial(&session, &mail->to) ? converse(&session, mail) : SUBMIT_LATER;
	if (session.fd >= 0)
		close(session.fd);
	return result;
}

static bool dial(struct session *session, const struct endpoint *to)
{
	const struct timeval patience = { .tv_sec = SUBMIT_PATIENCE_S };
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(to->port) };
	struct sockaddr_in address4 = { .sin_family = AF_INET, .sin_port = address.sin6_port };
	const bool ipv4 = endpoint_is_ipv4(to);

	memcpy(&address.sin6_addr, to->address, sizeof address.sin6_addr);
	memcpy(&address4.sin_addr, to->address + 12, sizeof address4.sin_addr);
	const struct sockaddr *where =
	        ipv4 ? (const struct sockaddr *)&address4 : (const struct sockaddr *)&address;
	session->fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (session->fd < 0 ||
	        setsockopt(session->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
	        setsockopt(session->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
	        connect(session->fd, where, ipv4 ? sizeof address4 : sizeof address) != 0)
		return fail(session, "can't reach the relay");
	return true;
}

static enum submit_result converse(struct session *session, const struct submit_mail *mail)
{
	struct write_mail words = { .sender = view_of(mail->sender) };
	char memory[LINE_BYTES];
	struct text line = TEXT_ON(memory);

	if (!hear(session) || session->reply.code != 220)
		return refused(session, SUBMIT_REFUSED);
	reply_want_offers(&session->reader, &session->offers);
	if (!write_ehlo(&line, view_of(mail->name)) || !say(session, text_view(&line)))
		return refused(session, SUBMIT_REFUSED);
	if (mail->is_8bit && session->offers.eightbitmime)
		words.body = WRITE_BODY_8BITMIME;
	line = (struct text)TEXT_ON(memory);
	if (!write_mail(&line, &words) || !say(session, text_view(&line)))
		return refused(session, SUBMIT_REFUSED);
	for (size_t i = 0; i < mail->recipient_count; i++) {
		const struct write_rcpt rcpt = { .recipient = view_of(mail->recipients[i]) };

		line = (struct text)TEXT_ON(memory);
		if (!write_rcpt(&line, &rcpt) || !say(session, text_view(&line))) {
			const enum submit_result result = refused(session, SUBMIT_NOBODY);
			text_format(session->why, " (%s)", mail->recipients[i]);
			return result;
		}
	}
	if (!say(session, VIEW("DATA\r\n")) && session->reply.code != 354)
		return refused(session, SUBMIT_REFUSED);
	if (!send_content(session, mail->content))
		return refused(session, SUBMIT_REFUSED);
	reply_put_text(session->why, &session->reply);
	(void)say_all(session, VIEW("QUIT\r\n"));
	(void)flush(session);
	return SUBMIT_TAKEN;
}

/* What comes of a reply that is none of the good ones; without one, another time may do. */
static enum submit_result refused(struct session *session, enum submit_result by)
{
	if (session->why->bytes > 0)
		return SUBMIT_LATER; /* the connection failed */
	text_put(session->why, session->reply.whole);
	return session->reply.code / 100 == 5 ? by : SUBMIT_LATER;
}

static bool send_content(struct session *session, struct view content)
{
	struct stuff stuff;
	struct view piece;
	bool more;

	stuff_init(&stuff);
	while (stuff_read(&stuff, &content, &piece))
		if (!say_all(session, piece))
			return false;
	do {
		more = stuff_finish(&stuff, &piece);
		if (!say_all(session, piece))
			return false;
	} while (more);
	return flush(session) && hear(session) && session->reply.code / 100 == 2;
}

/* A line and its reply. False: that is not of the kind that goes on. */
static bool say(struct session *session, struct view line)
{
	return say_all(session, line) && flush(session) && hear(session) &&
	       session->reply.code / 100 == 2;
}

static bool say_all(struct session *session, struct view bytes)
{
	while (bytes.bytes > 0) {
		const size_t room = sizeof session->out - session->out_bytes;
		const struct view part = view_first(bytes, room < bytes.bytes ? room : bytes.bytes);

		memcpy(session->out + session->out_bytes, part.data, part.bytes);
		session->out_bytes += part.bytes;
		bytes = view_skip(bytes, part.bytes);
		if (session->out_bytes == sizeof session->out && !flush(session))
			return false;
	}
	return true;
}

static bool flush(struct session *session)
{
	size_t sent = 0;

	while (sent < session->out_bytes) {
		const ssize_t now = send(
		        session->fd, session->out + sent, session->out_bytes - sent, MSG_NOSIGNAL);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return fail(session, "the relay does not take it");
		sent += (size_t)now;
	}
	session->out_bytes = 0;
	return true;
}

static bool hear(struct session *session)
{
	for (;;) {
		const enum reply_news news =
		        reply_read(&session->reader, &session->unread, &session->reply);

		if (news == REPLY_READY)
			return true;
		errno = EPROTO;
		if (news == REPLY_BAD)
			return fail(session, "the relay's answer is no SMTP");
		const ssize_t got = recv(session->fd, session->in, sizeof session->in, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = ECONNRESET;
		if (got <= 0)
			return fail(session, "the relay does not answer");
		session->unread = view_from(session->in, (size_t)got);
	}
}

static bool fail(struct session *session, const char *what)
{
	const int error = errno == EAGAIN ? ETIMEDOUT : errno;

	session->why->bytes = 0;
	text_format(session->why, "%s: %s", what, strerrordesc_np(error));
	return false;
}
