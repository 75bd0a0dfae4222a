#include "engine/io/mailbox.h"

#include "queue/base/check.h"

#include <stdlib.h>

static char *mailbox_letter(const struct mailbox *mailbox, uint32_t number);

struct err mailbox_init(
        struct mailbox *mailbox, size_t letter_bytes, uint32_t capacity, struct doorbell *reader)
{
	check(letter_bytes > 0);
	check(capacity > 0);
	check((capacity & (capacity - 1)) == 0);
	check(capacity <= UINT32_MAX / 2); /* so that the counters' difference is plain */
	*mailbox = (struct mailbox){
		.letter_bytes = letter_bytes, .mask = capacity - 1, .reader = reader
	};
	mailbox->letters = calloc(capacity, letter_bytes);
	return mailbox->letters == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
}

void mailbox_finish(struct mailbox *mailbox)
{
	check(!link_is_linked(&mailbox->reader_link));
	check(!link_is_linked(&mailbox->writer_link));
	free(MOVE(mailbox->letters));
}

static char *mailbox_letter(const struct mailbox *mailbox, uint32_t number)
{
	return mailbox->letters + (number & mailbox->mask) * mailbox->letter_bytes;
}

uint32_t mailbox_room(struct mailbox *mailbox)
{
	uint32_t tail = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);

	mailbox->head_seen = atomic_load_explicit(&mailbox->head, memory_order_acquire);
	check(tail - mailbox->head_seen <= mailbox->mask + 1);
	return mailbox->mask + 1 - (tail - mailbox->head_seen);
}

bool mailbox_put(struct mailbox *mailbox, const void *letter)
{
	uint32_t tail = atomic_load_explicit(&mailbox->tail, memory_order_relaxed);

	if (tail - mailbox->head_seen > mailbox->mask && mailbox_room(mailbox) == 0)
		return false;
	memcpy(mailbox_letter(mailbox, tail), letter, mailbox->letter_bytes);
	atomic_store_explicit(&mailbox->tail, tail + 1, memory_order_release);
	mailbox->unrung = true;
	return true;
}

void mailbox_ring(struct mailbox *mailbox, struct io *from)
{
	if (!mailbox->unrung)
		return;
	mailbox->unrung = false;
	doorbell_ring(mailbox->reader, from);
}

bool mailbox_is_empty(struct mailbox *mailbox)
{
	uint32_t head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);

	if (head == mailbox->tail_seen)
		mailbox->tail_seen = atomic_load_explicit(&mailbox->tail, memory_order_acquire);
	return head == mailbox->tail_seen;
}

uint32_t mailbox_count(struct mailbox *mailbox)
{
	mailbox->tail_seen = atomic_load_explicit(&mailbox->tail, memory_order_acquire);
	return mailbox->tail_seen - atomic_load_explicit(&mailbox->head, memory_order_relaxed);
}

bool mailbox_take(struct mailbox *mailbox, void *letter)
{
	if (mailbox_is_empty(mailbox))
		return false;
	uint32_t head = atomic_load_explicit(&mailbox->head, memory_order_relaxed);
	memcpy(letter, mailbox_letter(mailbox, head), mailbox->letter_bytes);
	atomic_store_explicit(&mailbox->head, head + 1, memory_order_release);
	return true;
}
