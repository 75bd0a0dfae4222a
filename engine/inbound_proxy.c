#include "engine/inbound_proxy.h"

#include "engine/inbound_log.h"
#include "engine/ingest.h"

bool inbound_proxy_is_due(const struct inbound *inbound)
{
	return config_networks_contain(&inbound->door->config->proxy, &inbound->stream.peer);
}

void inbound_proxy_begin(struct inbound *inbound)
{
	proxy_init(&inbound->proxy);
	inbound_enter(inbound, INBOUND_PROXY);
}

static void proxy_refuse(struct inbound *inbound, const char *reason)
{
	counters_add(inbound->ingest->shard.counters, connections_refused, 1);
	inbound_log_proxy_refused(inbound, reason);
	inbound_lose(inbound, reason);
}

void inbound_proxy_expire(struct inbound *inbound)
{
	proxy_refuse(inbound, "its PROXY header did not come in time");
}

enum inbound_progress inbound_proxy_step(struct inbound *inbound)
{
	struct proxy *proxy = &inbound->proxy;
	const struct view input = stream_peek(&inbound->stream);
	struct view rest = input;

	if (input.bytes == 0 && inbound->input_ended) {
		proxy_refuse(inbound, "it left without a whole PROXY header");
		return INBOUND_ON;
	}
	const enum proxy_news news = proxy_read(proxy, &rest);
	stream_consume(&inbound->stream, input.bytes - rest.bytes);
	switch (news) {
	case PROXY_MORE:
		return input.bytes > 0 ? INBOUND_ON : INBOUND_WAITS;
	case PROXY_BAD:
		proxy_refuse(inbound, proxy_fault_text(proxy->fault));
		return INBOUND_ON;
	case PROXY_DONE:
		break;
	}
	if (proxy->has_source) {
		inbound->client = (struct endpoint){ .port = proxy->port };
		memcpy(inbound->client.address, proxy->source, sizeof proxy->source);
	}
	inbound_welcome(inbound);
	return INBOUND_ON;
}
