/*
 * The guest is a client of the scene's machine. It hears every reply: each must be one, and an id
 * that it says is queued must be on the disk by then (I1).
 *
 * Thread:  the fuzzer's.
 * Owns:    its connection, on the scene's loop.
 */
#ifndef SLUICE_TESTS_FUZZ_GUEST_H
#define SLUICE_TESTS_FUZZ_GUEST_H

#include "engine/io/stream.h"
#include "engine/wire/reply.h"
#include "tests/fuzz/scene.h"

#define GUEST_QUEUED_MAX 512 /* messages: more than an input can hold */

struct guest {
	struct stream stream;
	struct list news;
	struct reply_reader reader;
	char reply[16384];
	uint64_t queued[GUEST_QUEUED_MAX];
	size_t queued_count;
	unsigned replies;
	unsigned signed_in; /* replies that say so */
	int code;           /* of the last one */
	bool open;
	bool connected;
	bool over; /* nothing comes any more */
	bool deaf; /* what was said at the end may not have been heard */
	struct tls_context *tls;
};

void guest_open(struct guest *guest, struct scene *scene, struct view to, struct view from);
/* Reads its news; in the scene's work. */
void guest_work(struct guest *guest);
void guest_send(struct guest *guest, struct scene *scene, struct view bytes);
void guest_act(struct guest *guest, struct scene *scene, enum scene_act act);
/* Leaves, if it has not; then it is gone. */
void guest_close(struct guest *guest, struct scene *scene);
bool guest_was_told(const struct guest *guest, uint64_t id);

#endif
