#include "engine/inbound_trace.h"

#include "engine/inbound_content.h"
#include "engine/inbound_device.h"
#include "engine/ingest.h"

#include <assert.h>

static_assert(ENDPOINT_TEXT_BYTES <= TRACE_PROXY_MAX, "a proxy's address fits");

void inbound_trace_begin(struct inbound_trace *trace)
{
	trace->marks = 0;
	trace->message_id_bytes = 0;
}

void inbound_trace_added(struct inbound_trace *trace, struct view message_id, bool date)
{
	const struct view id = view_skip(message_id, view_find(message_id, '<'));
	const size_t end = view_find(id, '>') + 1;
	const struct view kept =
	        view_first(id, end < sizeof trace->message_id ? end : sizeof trace->message_id);

	if (date)
		trace->marks |= TRACE_MARK_DATE;
	if (kept.bytes == 0)
		return;
	memcpy(trace->message_id, kept.data, kept.bytes);
	trace->message_id_bytes = (uint16_t)kept.bytes;
	trace->marks |= TRACE_MARK_MESSAGE_ID;
}

static uint16_t trace_marks(const struct inbound *inbound)
{
	const struct inbound_content *content = inbound->content;
	unsigned marks = content->trace.marks;

	marks |= message_author_is_open(inbound->message) ? TRACE_MARK_AS_IDENTITY : 0U;
	marks |= content->header.key_count > 0 && content->claim.made ? TRACE_MARK_KEY : 0U;
	if ((inbound->device_uses & 1U << DEVICE_USE_BARE_LF) != 0)
		marks |= TRACE_MARK_BARE_LF;
	if ((inbound->device_uses & 1U << DEVICE_USE_GRAMMAR) != 0)
		marks |= TRACE_MARK_MENDED;
	return (uint16_t)marks;
}

const struct trace_origin *inbound_trace_lend(struct inbound *inbound)
{
	struct inbound_content *content = inbound->content;
	const struct header *header = &content->header;
	struct inbound_trace *trace = &content->trace;
	const struct tls *tls = inbound->secured ? stream_tls(&inbound->stream) : NULL;

	if (inbound->ingest->shard.config->trace.keep_ns == 0)
		return NULL;
	trace->origin = (struct trace_origin){
		.connection = inbound->id,
		.marks = trace_marks(inbound),
		.message_id = trace->message_id_bytes > 0
		                      ? view_from(trace->message_id, trace->message_id_bytes)
		                      : view_from(header->message_id, header->message_id_bytes),
		.tls = tls == NULL ? NULL : tls_version(tls),
		.cipher = tls == NULL ? NULL : tls_cipher(tls),
		.device = inbound->device == NULL ? NULL : inbound->device->config->name,
	};
	if (!endpoint_equal(&inbound->client, &inbound->stream.peer)) {
		struct text proxy = TEXT_ON(trace->origin.proxy);
		endpoint_format(&proxy, &inbound->stream.peer);
		(void)text_string(&proxy);
	}
	return &trace->origin;
}
