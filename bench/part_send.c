#include "bench/part_send.h"

#include "queue/base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PART_PIECE_BYTES 32768 /* received at once */
#define PART_RECORD_MORE 512   /* than its content a record has, and some for handshakes */
#define PART_WARM        16    /* messages that are not counted: the handshake is behind them */
#define PART_ENVELOPE                                                                              \
	"MAIL FROM:<load@contoso.com> SIZE=%zu\r\nRCPT TO:<someone0@example.org>\r\nBDAT %zu "     \
	"LAST\r\n"
#define PART_REPLIES                                                                               \
	"250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n250 2.0.0 OK "                           \
	"<load.0000000000@load.example> [Hostname=SYBP282MB2635.AUSP282.PROD.OUTLOOK.COM]\r\n"

/* One end: TLS over a socket that blocks, or not. What is written waits for end_flush(). */
struct part_end {
	struct tls_wire wire;
	struct tls *tls;
	int fd;
	bool ended;
	size_t in_start;
	size_t in_end;
	char in[PART_PIECE_BYTES];
	char *out;
	size_t out_used;
	size_t out_room;
	char plain[PART_PIECE_BYTES]; /* what was read last */
};

struct part_pair {
	struct part_end ours;
	struct part_end other;
	size_t frame_bytes; /* of a message with its envelope */
};

static struct err end_open(struct part_end *end, struct tls_context *context,
        const struct tls_peer *peer, size_t frame_bytes);
static void end_close(struct part_end *end);
static size_t end_read(struct tls_wire *wire, struct span into);
static bool end_write(struct tls_wire *wire, struct view bytes);
static bool end_flush(struct part_end *end);
static bool end_shake(struct part_end *end);
static size_t end_receive(struct part_end *end);
static void *other_main(void *argument);
static bool part_write(struct part_end *end, struct view frame, uint64_t messages, int64_t *cpu_ns);
static struct part_pair *pair_make(void);
static bool pair_connect(struct part_pair *pair);
static char *frame_make(size_t bytes, size_t *frame_bytes);

bool part_send(const struct part_send_settings *settings, double *cpu_us, struct text *why)
{
	const struct tls_peer peer = { .host = view_of(settings->host) };
	struct tls_context *server = NULL;
	struct tls_context *client = NULL;
	int64_t cpu_ns = 0;
	pthread_t thread;
	bool done = false;
	struct part_pair *pair = pair_make();
	char *frame = frame_make(settings->bytes, &pair->frame_bytes);

	if (failed(tls_context_server(&server, &settings->server, why)) ||
	        failed(tls_context_client(&client, &settings->client, why)))
		goto close;
	if (!pair_connect(pair)) {
		text_format(why, "no connection over the loopback interface: %s", strerror(errno));
		goto close;
	}
	if (failed(end_open(&pair->ours, client, &peer, pair->frame_bytes)) ||
	        failed(end_open(&pair->other, server, NULL, pair->frame_bytes))) {
		text_put(why, VIEW("out of memory"));
		goto close;
	}
	check(pthread_create(&thread, NULL, other_main, pair) == 0);
	done = end_shake(&pair->ours) &&
	       part_write(&pair->ours, view_from(frame, pair->frame_bytes), settings->messages,
	               &cpu_ns);
	(void)shutdown(pair->ours.fd, SHUT_RDWR);
	check(pthread_join(thread, NULL) == 0);
	if (done)
		*cpu_us = (double)cpu_ns / (double)NS_PER_US / (double)settings->messages;
	else
		text_format(why, "TLS to ourselves failed: %s", tls_failure_text(pair->ours.tls));
close:
	end_close(&pair->ours);
	end_close(&pair->other);
	free(pair);
	tls_context_destroy(client);
	tls_context_destroy(server);
	free(frame);
	return done;
}

static struct part_pair *pair_make(void)
{
	struct part_pair *pair = calloc(1, sizeof *pair);

	check(pair != NULL); /* a measuring tool without memory measures nothing */
	pair->ours.fd = -1;
	pair->other.fd = -1;
	return pair;
}

/* Both ends of a connection over TCP, as a relay's is. */
static bool pair_connect(struct part_pair *pair)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t bytes = sizeof address;
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int one = 1;

	if (listener < 0)
		return false;
	pair->ours.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair->ours.fd >= 0 &&
	        bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
	        listen(listener, 1) == 0 &&
	        getsockname(listener, (struct sockaddr *)&address, &bytes) == 0 &&
	        connect(pair->ours.fd, (const struct sockaddr *)&address, bytes) == 0)
		pair->other.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return pair->other.fd >= 0 &&
	       setsockopt(pair->ours.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
	       setsockopt(pair->other.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
}

static char *frame_make(size_t bytes, size_t *frame_bytes)
{
	char envelope[256];
	const int envelope_bytes = snprintf(envelope, sizeof envelope, PART_ENVELOPE, bytes, bytes);

	check(envelope_bytes > 0);
	*frame_bytes = (size_t)envelope_bytes + bytes;
	char *frame = malloc(*frame_bytes);
	check(frame != NULL);
	memcpy(frame, envelope, (size_t)envelope_bytes);
	memset(frame + envelope_bytes, 'm', bytes);
	return frame;
}

static struct err end_open(struct part_end *end, struct tls_context *context,
        const struct tls_peer *peer, size_t frame_bytes)
{
	end->wire = (struct tls_wire){ .read = end_read, .write = end_write };
	end->out_room = frame_bytes + PART_PIECE_BYTES +
	                (frame_bytes / TLS_RECORD_BYTES + 1) * PART_RECORD_MORE;
	end->out = malloc(end->out_room);
	if (end->out == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	return tls_create(&end->tls, context, &end->wire, peer);
}

static void end_close(struct part_end *end)
{
	tls_destroy(MOVE(end->tls));
	free(MOVE(end->out));
	if (end->fd >= 0)
		close(end->fd);
}

/* Before it waits for what the other end says, it says what it has to. */
static size_t end_read(struct tls_wire *wire, struct span into)
{
	struct part_end *end = container_of(wire, struct part_end, wire);

	if (end->in_start == end->in_end) {
		const ssize_t got = end_flush(end) ? recv(end->fd, end->in, sizeof end->in, 0) : 0;
		end->ended = end->ended || got <= 0;
		end->in_start = 0;
		end->in_end = got > 0 ? (size_t)got : 0;
	}
	size_t taken = end->in_end - end->in_start;
	if (taken > into.bytes)
		taken = into.bytes;
	memcpy(into.data, end->in + end->in_start, taken);
	end->in_start += taken;
	return taken;
}

static bool end_write(struct tls_wire *wire, struct view bytes)
{
	struct part_end *end = container_of(wire, struct part_end, wire);

	if (bytes.bytes > end->out_room - end->out_used && !end_flush(end))
		return false;
	check(bytes.bytes <= end->out_room - end->out_used);
	memcpy(end->out + end->out_used, bytes.data, bytes.bytes);
	end->out_used += bytes.bytes;
	return true;
}

static bool end_flush(struct part_end *end)
{
	size_t done = 0;

	while (done < end->out_used) {
		const ssize_t sent =
		        send(end->fd, end->out + done, end->out_used - done, MSG_NOSIGNAL);
		if (sent <= 0) {
			end->ended = true;
			return false;
		}
		done += (size_t)sent;
	}
	end->out_used = 0;
	return true;
}

static bool end_shake(struct part_end *end)
{
	enum tls_status status = TLS_WANTS;

	while (status == TLS_WANTS && !end->ended)
		status = tls_handshake(end->tls);
	return status == TLS_DONE && end_flush(end);
}

/* 0: the connection is over. */
static size_t end_receive(struct part_end *end)
{
	enum tls_status status = TLS_WANTS;
	size_t bytes = 0;

	while (status == TLS_WANTS && !end->ended)
		status = tls_read(end->tls, (struct span){ end->plain, sizeof end->plain }, &bytes);
	return status == TLS_DONE ? bytes : 0;
}

/* The other end: each message that is whole gets its replies, when there is nothing to read. */
static void *other_main(void *argument)
{
	struct part_pair *pair = argument;
	struct part_end *end = &pair->other;
	size_t bytes = 0; /* of messages not answered */

	if (!end_shake(end))
		return NULL;
	for (;;) {
		const size_t got = end_receive(end);
		if (got == 0)
			return NULL;
		for (bytes += got; bytes >= pair->frame_bytes; bytes -= pair->frame_bytes)
			if (tls_write(end->tls, VIEW(PART_REPLIES)) != TLS_DONE)
				return NULL;
	}
}

static bool part_write(struct part_end *end, struct view frame, uint64_t messages, int64_t *cpu_ns)
{
	const size_t one = sizeof PART_REPLIES - 1;
	uint64_t answered = 0; /* bytes */
	int64_t from = 0;

	for (uint64_t sent = 0; sent < PART_WARM + messages;) {
		if (sent == PART_WARM)
			from = clock_thread_cpu_ns();
		if (tls_write(end->tls, frame) != TLS_DONE || !end_flush(end))
			return false;
		sent++;
		const uint64_t ahead =
		        sent == PART_WARM || sent == PART_WARM + messages ? 1 : PART_SEND_WINDOW;
		while (sent - answered / one >= ahead) {
			const size_t got = end_receive(end);
			if (got == 0)
				return false;
			answered += got;
		}
	}
	*cpu_ns = clock_thread_cpu_ns() - from;
	return true;
}
