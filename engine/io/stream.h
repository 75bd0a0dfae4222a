/*
 * A stream is one connection: bytes both ways, with TLS once asked for, on a loop.
 *
 * News goes up without upward calls: a stream that has something to say puts itself on the list
 * its owner gave, and the owner reads that list in the same turn with stream_next_news().
 *
 * Reading: stream_peek() lends the first unread piece, stream_consume() lets go of it. Plain
 * bytes are lent from the kernel's receive buffers, decrypted ones from a chunk; an idle stream
 * holds neither. A stream that is not consumed stops reading by itself.
 * Writing: stream_put() copies, stream_lend() refers to memory that the owner keeps unchanged
 * until stream_written_total() has passed it. What one turn wrote goes out in one send.
 * Closing: stream_close() or stream_abort() in any state; then STREAM_GONE, once, when nothing is
 * in flight any more (I5); then the memory is the owner's again.
 *
 * Thread:  the loop's.
 * Owns:    its socket, buffers and struct tls; not the context, nor what was lent to it.
 * Never:   allocates but chunks of the thread's shelf; sends plaintext after a
 *          stream_secure_*(), or anything to a server whose policy is unmet (I8).
 * Fails:   by STREAM_ENDED; stream_failure() says why. No memory: reading waits, put and lend
 *          give false.
 */
#ifndef SLUICE_STREAM_H
#define SLUICE_STREAM_H

#include "engine/io/inbox.h"
#include "engine/io/loop.h"
#include "engine/io/outbox.h"
#include "engine/io/tls.h"
#include "queue/base/rope.h"

#define STREAM_PIECES_MAX     OUTBOX_PIECES_MAX /* output queued: lent pieces, copied runs */
#define STREAM_COPIED_MAX     OUTBOX_COPIED_MAX /* bytes of output queued by stream_put() */
#define STREAM_RECEIVED_MAX   8                 /* receive buffers held before reading stops */
#define STREAM_ENCRYPT_MAX    (64 * 1024)       /* plaintext encrypted for one send */
#define STREAM_CIPHER_LEFT    4096              /* more goes out by itself: what a handshake left */
#define STREAM_CLOSE_WITHIN_S 10 /* from stream_close() to the socket's end at most */

/* News; several at once are or-ed. */
enum stream_news {
	STREAM_CONNECTED = 1, /* stream_connect() succeeded */
	STREAM_SECURED = 2,   /* TLS is up and its policy met */
	STREAM_READABLE = 4,  /* more can be peeked than when the owner last looked */
	STREAM_WRITTEN = 8,   /* stream_written_total() grew: there is room, lent memory is free */
	STREAM_ENDED = 16,    /* no more will come in; unless ERR_CLOSED nothing goes out either */
	STREAM_GONE = 32,     /* after stream_close() or stream_abort(): the memory may be reused */
};

enum stream_state {
	STREAM_UNUSED,
	STREAM_CONNECTING,
	STREAM_PLAIN,       /* bytes pass as they are */
	STREAM_HANDSHAKING, /* input goes to TLS; output waits until it is secured */
	STREAM_SECURE,
	STREAM_CLOSING, /* output goes out, then shutdown; input is thrown away */
	STREAM_DYING,   /* everything is cancelled; waits for ops_in_flight == 0 */
};

struct stream {
	struct loop *loop;
	struct list *news;
	struct link news_link;
	void *owner; /* for the owner alone, who may use container_of() instead */
	struct tls *tls;
	struct tls_wire wire;
	struct timer close_timer;
	struct io_op recv_op;
	struct io_op send_op; /* connect, send, shutdown: one at a time */
	struct io_op close_op;
	struct loop_task flush_task;
	struct loop_task heavy_task;
	struct loop_task starved_task;
	struct inbox inbox;
	struct outbox outbox;
	struct rope cipher;     /* encrypted output */
	uint32_t cipher_offset; /* sent of its first chunk */
	uint64_t queued_total;
	uint64_t begun_total;
	uint64_t written_total;
	uint64_t plain_until; /* output before this was put before TLS and goes out plain */
	struct endpoint peer;
	struct err failure;
	int fd; /* -1: none */
	uint8_t ops_in_flight;
	uint8_t pending; /* news not yet read: enum stream_news */
	uint8_t state;   /* enum stream_state */
	bool paused;
	bool input_ended;   /* the peer sends no more */
	bool output_ended;  /* nothing of the outbox goes out any more */
	bool socket_broken; /* nor anything else */
	bool decrypt_more;  /* stopped for want of room: more plaintext may be there */
	bool secured;
	bool closed_inside; /* TLS was told that we send no more */
	bool shut_down;     /* so was TCP */
};
_Static_assert(sizeof(struct stream) <= 448, "an idle connection is to stay below 4 KiB");

/* For an accepted fd; the peer's endpoint is asked for here. Takes fd. */
void stream_open(struct stream *stream, struct loop *loop, struct list *news, int fd);
/* Connects; STREAM_CONNECTED or STREAM_ENDED follows, also when no socket could be made. `from`:
 * the address to come from, or NULL. Deadlines are the owner's: stream_abort(). */
void stream_connect(struct stream *stream, struct loop *loop, struct list *news,
        const struct endpoint *to, const struct endpoint *from);
/* The next stream with news and what it is; NULL: none. */
struct stream *stream_next_news(struct list *news, unsigned *what);

/* The first unread piece, empty when there is none; valid until the next call for this stream. */
struct view stream_peek(struct stream *stream);
void stream_consume(struct stream *stream, size_t bytes);
/* For a reader that can do nothing with the first piece (half a line): joins what follows to it,
 * up to CHUNK_DATA_BYTES in one piece. True: it grew, peek again. False: wait for
 * STREAM_READABLE; the bytes hold no receive buffer meanwhile. */
bool stream_gather(struct stream *stream);
/* Stops reading; what has come stays. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Copies the bytes to the output. All or nothing; false: no room now, wait for STREAM_WRITTEN
 * (or for memory, if nothing is queued). */
MUST_CHECK bool stream_put(struct stream *stream, struct view bytes);
/* Lends the bytes to the output. False as above. */
MUST_CHECK bool stream_lend(struct stream *stream, struct view bytes);
/* Room for stream_put() and for further pieces, memory permitting. */
size_t stream_room_bytes(const struct stream *stream);
size_t stream_room_pieces(const struct stream *stream);

/* Bytes of output, as the owner counts them (before encryption): ever queued; whose sending has
 * begun, so that the peer may have them; handed to the kernel. */
static inline uint64_t stream_queued_total(const struct stream *stream)
{
	return stream->queued_total;
}

static inline uint64_t stream_begun_total(const struct stream *stream)
{
	return stream->begun_total;
}

static inline uint64_t stream_written_total(const struct stream *stream)
{
	return stream->written_total;
}

/* TLS from here on: output queued so far still goes out plain, what is put from now on waits for
 * the handshake. Input that came before is thrown away, and its size given: a peer that sent
 * ahead of the switch tries to inject (CVE-2011-0411). STREAM_SECURED or STREAM_ENDED follows. */
size_t stream_secure_server(struct stream *stream, struct tls_context *context);
/* For TLS from the first byte on: what has come already is the handshake's beginning. Nothing was
 * gathered (stream_gather()). */
void stream_secure_server_first(struct stream *stream, struct tls_context *context);
size_t stream_secure_client(
        struct stream *stream, struct tls_context *context, const struct tls_peer *peer);

/* Sends what is queued, then ends the connection; aborts after STREAM_CLOSE_WITHIN_S. Unread
 * input is dropped. Only STREAM_GONE follows. */
void stream_close(struct stream *stream);
/* Ends the connection now, by a reset; queued output is dropped. Only STREAM_GONE follows. */
void stream_abort(struct stream *stream);

/* Why STREAM_ENDED: ERR_CLOSED (the peer ended it), ERR_SYSTEM with errno, or ERR_TLS. */
struct err stream_failure(const struct stream *stream);
/* The same in words. */
void stream_failure_text(const struct stream *stream, struct text *text);
/* NULL before stream_secure_*(). Lends. */
const struct tls *stream_tls(const struct stream *stream);

#endif
