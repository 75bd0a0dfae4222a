/*
 * What stream.c and stream_secure.c, the two halves of a stream, ask of each other: the second
 * holds all that is about TLS.
 *
 * Thread:  the loop's.
 */
#ifndef SLUICE_STREAM_SECURE_H
#define SLUICE_STREAM_SECURE_H

#include "engine/io/stream.h"

/* A step of the handshake: a heavy task. */
void stream_secure_run(struct loop_task *task);
/* Decrypts what has come, as far as there is room; gives whether there is more to peek. */
bool stream_secure_read(struct stream *stream);
/* Encrypts output and sends it. False: there is nothing to send, and nothing waits for memory. */
bool stream_secure_send(struct stream *stream);

/* Adds to the news. */
void stream_tell(struct stream *stream, unsigned news);
/* The first reason counts. */
void stream_end(struct stream *stream, struct err reason);
/* Keeps a receive in flight exactly while there is use for what it brings. */
void stream_receive(struct stream *stream);
/* The common end of every send: false if the stream does not go on. */
bool stream_sent(struct stream *stream, const struct io_result *result);

#endif
