#include "queue/late_record.h"

#include "queue/record.h"
#include "queue/spool_sent.h"

#include <string.h>

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

static void put_text(struct record_writer *writer, const char *text)
{
	const struct view view = view_of(text);

	record_put_u16(writer, (uint16_t)view.bytes);
	record_put(writer, view);
}

/* False: it does not fit, or has a NUL. */
static bool get_text(struct record_reader *reader, char *into, size_t size)
{
	const struct view view = record_get(reader, record_get_u16(reader));

	if (view.bytes >= size || view_find(view, '\0') < view.bytes)
		return false;
	if (view.bytes > 0)
		memcpy(into, view.data, view.bytes);
	into[view.bytes] = '\0';
	return true;
}

size_t late_record_encode(const struct late_record *late, struct span into)
{
	struct record_writer writer = record_write(into);

	record_put_u8(&writer, RECORD_VERSION);
	record_put_u64(&writer, (uint64_t)late->sent.ms);
	record_put_u64(&writer, (uint64_t)late->heard.ms);
	record_put_u32(&writer, late->times);
	put_text(&writer, late->route);
	put_text(&writer, late->sender);
	put_text(&writer, late->recipient);
	put_text(&writer, late->reply);
	return writer.bytes;
}

struct err late_record_decode(struct late_record *late, struct view record)
{
	struct record_reader reader = record_read(record);
	const uint8_t version = record_get_u8(&reader);

	late->sent.ms = (int64_t)record_get_u64(&reader);
	late->heard.ms = (int64_t)record_get_u64(&reader);
	late->times = record_get_u32(&reader);
	const bool fits = get_text(&reader, late->route, sizeof late->route) &&
	                  get_text(&reader, late->sender, sizeof late->sender) &&
	                  get_text(&reader, late->recipient, sizeof late->recipient) &&
	                  get_text(&reader, late->reply, sizeof late->reply);

	return fits && record_is_read(&reader) && version == RECORD_VERSION
	               ? err_ok()
	               : err_make(ERR_FORMAT, 0);
}
