#include "engine/pair.h"

#include "queue/base/check.h"

struct err pair_init(struct pair *pair, struct loop *spooler, struct loop *shard, uint32_t letters)
{
	uint32_t capacity = 1;

	check(letters > 0);
	check(letters <= UINT32_MAX / 2);
	while (capacity < letters)
		capacity *= 2;
	struct err err = mailbox_init(
	        &pair->to_spooler, sizeof(struct letter), capacity, &spooler->doorbell);
	if (failed(err))
		return err;
	err = mailbox_init(&pair->to_shard, sizeof(struct letter), capacity, &shard->doorbell);
	if (failed(err))
		mailbox_finish(&pair->to_spooler);
	return err;
}

void pair_finish(struct pair *pair)
{
	mailbox_finish(&pair->to_spooler);
	mailbox_finish(&pair->to_shard);
}
