#include "engine/ops/parcel.h"

#include "engine/ops/parcel_words.h"
#include "engine/wire/base64.h"
#include "queue/base/check.h"
#include "queue/base/date.h"
#include "queue/verdict_words.h"

#include <jansson.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DATE_ROOM 40

/* A text, or what can't be one. NULL: no memory. */
static json_t *value_of(struct view value)
{
	json_t *text = json_stringn(value.bytes == 0 ? "" : value.data, value.bytes);

	if (text != NULL || value.bytes == 0)
		return text;
	const size_t size = BASE64_ENCODED_BYTES(value.bytes);
	char *room = malloc(size);
	if (room == NULL)
		return NULL;
	struct text encoded = text_on(room, size);
	base64_encode(&encoded, value);
	text = json_pack("{s:s%}", "base64", encoded.data, encoded.bytes);
	free(room);
	return text;
}

static bool put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

/* Nothing where it is empty. */
static bool put_text(json_t *object, const char *key, struct view value)
{
	return value.bytes == 0 || put(object, key, value_of(value));
}

static bool put_number(json_t *object, const char *key, int64_t number)
{
	return number == 0 || put(object, key, json_integer(number));
}

static bool put_words(
        json_t *object, const char *key, const struct parcel_word *words, unsigned flags)
{
	if (flags == 0)
		return true;
	json_t *list = json_array();
	bool good = put(object, key, list);
	for (; words->word != NULL; words++)
		if ((flags & words->flag) != 0)
			good = good && json_array_append_new(list, json_string(words->word)) == 0;
	return good;
}

/* For people; what is read is the number beside it. */
static bool put_time(json_t *object, const char *key, const char *key_ms, struct wall when)
{
	char room[DATE_ROOM];
	struct text text = TEXT_ON(room);

	if (when.ms == 0)
		return true;
	date_put_iso(&text, when);
	return put(object, key, json_string(text_string(&text))) &&
	       put(object, key_ms, json_integer(when.ms));
}

static bool put_fields(json_t *parcel, const struct message *message)
{
	const struct message_place author = message_author(message);

	for (size_t i = 0; i < sizeof parcel_fields / sizeof parcel_fields[0]; i++)
		if (!put_text(parcel, parcel_fields[i].key,
		            message_get(message, parcel_fields[i].field)))
			return false;
	return author.bytes == 0 ||
	       put(parcel, "author",
	               json_pack("{s:I s:I}", "offset", (json_int_t)author.offset, "bytes",
	                       (json_int_t)author.bytes));
}

static bool put_recipients(json_t *parcel, const struct message *message)
{
	struct message_cursor at = message_recipients(message);
	struct message_recipient recipient;
	json_t *list = json_array();
	bool good = put(parcel, "recipients", list);

	while (good && message_next_recipient(&at, &recipient)) {
		json_t *one = json_object();
		good = json_array_append_new(list, one) == 0 &&
		       put(one, "address", value_of(recipient.address)) &&
		       put_text(one, "orcpt", recipient.orcpt) &&
		       put_words(one, "notify", parcel_notify, recipient.notify);
	}
	return good;
}

json_t *parcel_begin(const struct message *message)
{
	char id[MESSAGE_ID_TEXT];
	json_t *parcel = json_object();

	if (put(parcel, "version", json_integer(PARCEL_VERSION)) &&
	        put(parcel, "id", json_string(message_id_format(message->id, id))) &&
	        put_time(parcel, "received", "received_ms", message->received) &&
	        put(parcel, "bytes", json_integer((json_int_t)message->body_bytes)) &&
	        put_words(parcel, "flags", parcel_flags, message->flags) &&
	        put_number(parcel, "expire_s", message->expire_s) && put_fields(parcel, message) &&
	        put_recipients(parcel, message) && put(parcel, "jobs", json_array()))
		return parcel;
	json_decref(parcel);
	return NULL;
}

static bool put_reply(json_t *owed, const struct reply_note *note)
{
	json_t *reply = json_object();

	return put(owed, "reply", reply) && put_number(reply, "code", note->code) &&
	       (note->status[0] == 0 || put(reply, "status",
	                                        json_pack("[iii]", note->status[0], note->status[1],
	                                                note->status[2]))) &&
	       put(reply, "stage", json_string(stage_word((enum stage)note->stage))) &&
	       put_number(reply, "advice", note->advice) &&
	       put_text(reply, "server", note->server) && put_text(reply, "text", note->text);
}

/* Recipients that the job still owes an end; the others are gone from it. */
static bool put_owed(json_t *into, struct job *job)
{
	const struct owed *owed = job_owed(job);
	json_t *list = json_array();
	bool good = put(into, "owed", list);

	for (uint32_t i = 0; i < job->owed_count && good; i++) {
		struct reply_note note;
		json_t *one = json_object();
		good = json_array_append_new(list, one) == 0 &&
		       put(one, "recipient", json_integer(owed[i].index)) &&
		       put_words(one, "notify", parcel_notify, owed[i].notify) &&
		       put_words(one, "flags", parcel_owed, owed[i].flags) &&
		       (!job_reply(job, i, &note) || put_reply(one, &note));
	}
	return good;
}

bool parcel_add_job(json_t *parcel, struct job *job, const char *queue)
{
	json_t *one = json_object();

	return json_array_append_new(json_object_get(parcel, "jobs"), one) == 0 &&
	       put(one, "number", json_integer(job->number)) &&
	       put_text(one, "queue", view_of(queue)) &&
	       (!job->held || put(one, "held", json_true())) &&
	       (!job->rehearsed || put(one, "rehearsed", json_true())) &&
	       put_number(one, "attempts", job->attempts) &&
	       put_number(one, "restarts", job->restarts) &&
	       put_time(one, "first_attempt", "first_attempt_ms", job->first_attempt) &&
	       put_time(one, "last_attempt", "last_attempt_ms", job->last_attempt) &&
	       put_time(one, "next_attempt", "next_attempt_ms", job->next_attempt) &&
	       put_owed(one, job);
}

/* The files. */

static struct err write_all(int fd, struct view bytes)
{
	while (bytes.bytes > 0) {
		const ssize_t written = write(fd, bytes.data, bytes.bytes);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return err_make(ERR_SYSTEM, written == 0 ? EIO : errno);
		bytes = view_skip(bytes, (size_t)written);
	}
	return err_ok();
}

static struct err create(int folder_fd, const char *name, int *fd)
{
	*fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return err_ok();
	return err_make(errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM, errno);
}

/* Closes it; synced, if all went well. */
static struct err finish(int fd, struct err err)
{
	if (!failed(err) && fdatasync(fd) != 0)
		err = err_make(ERR_SYSTEM, errno);
	if (close(fd) != 0 && !failed(err))
		err = err_make(ERR_SYSTEM, errno);
	return err;
}

static struct err write_body(int folder_fd, const char *name, const struct message *message)
{
	struct rope_cursor at = rope_start(&message->body);
	struct view piece;
	int fd = -1;
	struct err err = create(folder_fd, name, &fd);

	if (failed(err))
		return err;
	while (!failed(err) && rope_next(&at, &piece))
		err = write_all(fd, piece);
	return finish(fd, err);
}

static struct err write_json(int folder_fd, const char *name, const json_t *parcel)
{
	int fd = -1;
	char *text = json_dumps(parcel, JSON_INDENT(1) | JSON_PRESERVE_ORDER);

	if (text == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	struct err err = create(folder_fd, name, &fd);
	if (!failed(err)) {
		err = write_all(fd, view_of(text));
		if (!failed(err))
			err = write_all(fd, VIEW("\n"));
		err = finish(fd, err);
	}
	free(text);
	return err;
}

struct err parcel_write(int folder_fd, const json_t *parcel, const struct message *message)
{
	char id[MESSAGE_ID_TEXT];
	char name[PARCEL_NAME_ROOM];
	char part[PARCEL_NAME_ROOM];

	message_id_format(message->id, id);
	check(snprintf(name, sizeof name, "%s.eml", id) < (int)sizeof name);
	struct err err = write_body(folder_fd, name, message);
	if (failed(err))
		return err;
	check(snprintf(part, sizeof part, "%s.part", id) < (int)sizeof part);
	check(snprintf(name, sizeof name, "%s" PARCEL_JSON_SUFFIX, id) < (int)sizeof name);
	err = write_json(folder_fd, part, parcel);
	if (!failed(err) && renameat(folder_fd, part, folder_fd, name) != 0)
		err = err_make(ERR_SYSTEM, errno);
	return err;
}
