/*
 * A tube is one end of a pair of packets (packets.h) on a loop: packets of secrets, between the
 * engine and its keeper.
 *
 *	tube_init()    says who hears; tube_start() listens, in the loop's thread
 *	tube_room()    where the next packet is written, while tube_is_vacant(); tube_send() it
 *	tube_close()   ends it; turn on until tube_is_gone()
 *
 * Thread:  init: start-up; the rest: the loop's.
 * Owns:    its end from tube_init() on, and one packet that goes out.
 * Never:   keeps a packet's bytes: they are wiped once they were heard or sent.
 * Fails:   by `ended`, once: the other end is gone, or can't be understood.
 */
#ifndef SLUICE_TUBE_H
#define SLUICE_TUBE_H

#include "engine/io/loop.h"

/* The longest carries a token in an AUTH argument (base64: 4/3 of 8 KiB and a user) and words. */
#define TUBE_PACKET_MAX 13312
/* Of a loop with tubes: each packet has to fit into one buffer. */
#define TUBE_IO                                                                                    \
	{                                                                                          \
		.entries = 64, .buffer_count = 8, .buffer_bytes = 16384                            \
	}

struct tube {
	struct loop *loop;
	void (*heard)(struct tube *tube, struct view packet);
	void (*vacant)(struct tube *tube); /* a packet went out */
	void (*ended)(struct tube *tube);
	struct io_op recv_op;
	struct io_op send_op;
	struct io_op close_op;
	int end; /* -1: closed */
	bool over;
	bool closing;
	size_t sending; /* bytes; 0: vacant */
	char out[TUBE_PACKET_MAX];
};

/* The callbacks are set; takes `end`. */
void tube_init(struct tube *tube, struct loop *loop, int end);
void tube_start(struct tube *tube);
bool tube_is_vacant(const struct tube *tube);
/* TUBE_PACKET_MAX bytes. It is vacant. */
struct span tube_room(struct tube *tube);
void tube_send(struct tube *tube, size_t bytes);
/* Nothing is heard any more. Already closed: nothing happens. */
void tube_close(struct tube *tube);
bool tube_is_gone(const struct tube *tube);
/* Never started: gives up its end. */
void tube_discard(struct tube *tube);

#endif
