#include "queue/late_record.h"

#include "queue/record.h"
#include "queue/spool_sent.h"

#define RECORD_VERSION 1

void late_record_prefix(struct text *name)
{
	text_put(name, VIEW("late/"));
}

/* Ids rise, so numbers of one width sort as messages came. */
void late_record_name_message(struct text *name, uint64_t id)
{
	late_record_prefix(name);
	text_format(name, "%016llx/", (unsigned long long)id);
}

void late_record_name(struct text *name, uint64_t id, struct view recipient)
{
	late_record_name_message(name, id);
	text_format(name, "%08x", spool_sent_print(recipient));
}

size_t late_record_encode(const struct late_record *late, struct span into)
{
	struct record_writer writer = record_write(into);

	record_put_u8(&writer, RECORD_VERSION);
	record_put_u64(&writer, (uint64_t)late->sent.ms);
	record_put_u64(&writer, (uint64_t)late->heard.ms);
	record_put_u32(&writer, late->times);
	record_put_string(&writer, late->route);
	record_put_string(&writer, late->sender);
	record_put_string(&writer, late->recipient);
	record_put_string(&writer, late->reply);
	return writer.bytes;
}

struct err late_record_decode(struct late_record *late, struct view record)
{
	struct record_reader reader = record_read(record);
	const uint8_t version = record_get_u8(&reader);

	late->sent.ms = (int64_t)record_get_u64(&reader);
	late->heard.ms = (int64_t)record_get_u64(&reader);
	late->times = record_get_u32(&reader);
	const bool fits = record_get_string(&reader, late->route, sizeof late->route) &&
	                  record_get_string(&reader, late->sender, sizeof late->sender) &&
	                  record_get_string(&reader, late->recipient, sizeof late->recipient) &&
	                  record_get_string(&reader, late->reply, sizeof late->reply);

	return fits && record_is_read(&reader) && version == RECORD_VERSION
	               ? err_ok()
	               : err_make(ERR_FORMAT, 0);
}
