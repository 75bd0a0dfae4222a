/*
 * Streams: mail of one kind, with a priority, a share, a pace and a time to live. A message is of
 * the first stream of the configuration whose conditions hold; of none, it is of stream 0, which
 * is ordinary and has the weight 1.
 *
 * Thread:  any; pure functions of the configuration.
 */
#ifndef SLUICE_STREAMS_H
#define SLUICE_STREAMS_H

#include "engine/config.h"
#include "queue/message.h"
#include "queue/retry.h"
#include "queue/schedule.h"

/* Stream 0, and the configuration's from 1 on. */
static inline uint32_t streams_count(const struct config *config)
{
	return (uint32_t)config->streams.count + 1;
}

/* NULL: stream 0. */
static inline const struct config_stream *streams_at(const struct config *config, uint32_t stream)
{
	return stream == 0 ? NULL : &config->streams.at[stream - 1];
}

/* The message's stream; its header is there. */
uint8_t streams_find(const struct config *config, const struct message *message);
/* As the schedule wants them: streams_count() of them. */
void streams_fill(const struct config *config, struct schedule_stream *into);
/* When mail of each stream is given up. */
void streams_fill_retry(const struct config *config, const struct retry_settings *base,
        struct retry_settings *into);
/* "" for stream 0. */
const char *streams_name(const struct config *config, uint32_t stream);

#endif
