#include "engine/streams.h"

#include "engine/rulebook.h"
#include "queue/base/check.h"

_Static_assert(CONFIG_STREAMS_MAX < SCHEDULE_STREAMS_MAX, "and stream 0");

uint8_t streams_find(const struct config *config, const struct message *message)
{
	const struct rulebook *book = config->streambook;
	struct rulebook_seen seen;

	if (book == NULL)
		return 0;
	struct rulebook_mail mail = rulebook_mail_of(message);
	mail.seen = &seen;
	if (book->header_count > 0)
		rulebook_see(book, &message->body, &seen);
	else
		rulebook_see_none(&seen);
	for (uint16_t i = 0; i < config->streams.count; i++)
		if (rulebook_judge(book, i, &mail, VIEW("")) == RULEBOOK_MATCHES)
			return (uint8_t)(i + 1);
	return 0;
}

void streams_fill(const struct config *config, struct schedule_stream *into)
{
	into[0] = (struct schedule_stream){ .weight = 1 };
	for (size_t i = 0; i < config->streams.count; i++)
		into[i + 1] = (struct schedule_stream){
			.urgent = config->streams.at[i].urgent,
			.weight = config->streams.at[i].weight,
		};
}

void streams_fill_retry(
        const struct config *config, const struct retry_settings *base, struct retry_settings *into)
{
	for (uint32_t i = 0; i < streams_count(config); i++) {
		const struct config_stream *stream = streams_at(config, i);
		into[i] = *base;
		if (stream != NULL && stream->expire_ns > 0)
			into[i].give_up_after_ms = stream->expire_ns / NS_PER_MS;
	}
}

const char *streams_name(const struct config *config, uint32_t stream)
{
	check(stream < streams_count(config));
	return stream == 0 ? "" : config->streams.at[stream - 1].name;
}
