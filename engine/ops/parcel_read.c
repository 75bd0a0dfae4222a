#include "engine/ops/parcel.h"

#include "engine/ops/parcel_words.h"
#include "engine/wire/base64.h"
#include "queue/address.h"
#include "queue/base/check.h"
#include "queue/verdict_words.h"
#include "queue/xtext.h"

#include <jansson.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES 4096
#define VALUE_MAX   1024 /* more than any field, address or reply has */

static struct err wrong(struct text *why, const char *what)
{
	text_put(why, view_of(what));
	return err_make(ERR_FORMAT, 0);
}

static struct err wrong_key(struct text *why, const char *key)
{
	text_format(why, "\"%s\" is missing, or not what it should be", key);
	return err_make(ERR_FORMAT, 0);
}

/* What others wrote, in words that are shown: a terminal may obey control characters. */
static void put_shown(struct text *why, const char *said)
{
	for (; *said != '\0'; said++) {
		const char c = (unsigned char)*said < ' ' || *said == 0x7f ? '?' : *said;
		text_put(why, view_from(&c, 1));
	}
}

/* Values. Each: false where it is there and wrong. */

/* Lends, of the JSON or of `room`; empty where there is none. */
static bool take_text(
        const json_t *object, const char *key, char room[VALUE_MAX], struct view *value)
{
	const json_t *found = json_object_get(object, key);
	const json_t *encoded = json_object_get(found, "base64");

	*value = view_from("", 0);
	if (found == NULL)
		return true;
	if (json_is_string(found)) {
		*value = view_from(json_string_value(found), json_string_length(found));
		return true;
	}
	if (!json_is_string(encoded))
		return false;
	struct text text = text_on(room, VALUE_MAX);
	if (!base64_decode(&text, view_of(json_string_value(encoded))))
		return false;
	*value = text_view(&text);
	return true;
}

static bool take_number(const json_t *object, const char *key, int64_t most, int64_t *number)
{
	const json_t *found = json_object_get(object, key);

	*number = json_integer_value(found);
	return found == NULL || (json_is_integer(found) && *number >= 0 && *number <= most);
}

static bool take_words(
        const json_t *object, const char *key, const struct parcel_word *words, unsigned *flags)
{
	const json_t *list = json_object_get(object, key);
	const json_t *word;
	size_t i;

	*flags = 0;
	if (list != NULL && !json_is_array(list))
		return false;
	json_array_foreach(list, i, word)
	{
		const struct parcel_word *at = words;
		if (!json_is_string(word))
			return false;
		while (at->word != NULL && strcmp(at->word, json_string_value(word)) != 0)
			at++;
		if (at->word == NULL)
			return false;
		*flags |= at->flag;
	}
	return true;
}

/* What a server or a header gets must not end a line there. */
static bool is_plain(struct view value)
{
	for (size_t i = 0; i < value.bytes; i++)
		if ((unsigned char)value.data[i] < ' ' || value.data[i] == 0x7f)
			return false;
	return true;
}

/* Lines of a reply may be several. */
static bool is_reply_text(struct view value)
{
	for (; value.bytes > 0; value = view_skip(value, 1))
		if (value.data[0] != '\n' && !is_plain(view_first(value, 1)))
			return false;
	return true;
}

/* As RCPT may name it. */
static bool is_recipient(struct view value)
{
	struct address address;

	return address_parse(value, true, &address) == ADDRESS_OK ||
	       view_equal_fold(value, VIEW("postmaster"));
}

static bool is_sender(struct view value)
{
	struct address address;

	return value.bytes == 0 || address_parse(value, true, &address) == ADDRESS_OK;
}

/* The message. */

static struct err take_fields(struct message *message, const json_t *json, struct text *why)
{
	char room[VALUE_MAX];
	struct view value;

	for (size_t i = 0; i < sizeof parcel_fields / sizeof parcel_fields[0]; i++) {
		const struct parcel_field *field = &parcel_fields[i];
		const bool address =
		        field->field == MESSAGE_SENDER || field->field == MESSAGE_ORIGINAL;
		if (!take_text(json, field->key, room, &value) || !is_plain(value) ||
		        (address && !is_sender(value)) ||
		        (field->field == MESSAGE_ENVID && !xtext_is_valid(value)))
			return wrong_key(why, field->key);
		if (value.bytes > 0 && !message_set(message, field->field, value))
			return wrong_key(why, field->key);
	}
	return err_ok();
}

/* Where it stands is checked when the body is there. */
static struct err take_author(
        struct message *message, const json_t *json, uint64_t bytes, struct text *why)
{
	const json_t *author = json_object_get(json, "author");
	int64_t offset = 0;
	int64_t length = 0;

	if (author == NULL)
		return err_ok();
	if (!take_number(author, "offset", (int64_t)bytes, &offset) ||
	        !take_number(author, "bytes", MESSAGE_ADDRESS_MAX, &length) || length == 0 ||
	        (uint64_t)(offset + length) > bytes)
		return wrong_key(why, "author");
	message_open_author(message);
	message_place_author(message, (struct message_place){ (uint32_t)offset, (uint16_t)length });
	return err_ok();
}

static struct err take_recipients(
        struct message *message, const json_t *json, struct shelf *shelf, struct text *why)
{
	const json_t *list = json_object_get(json, "recipients");
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > MESSAGE_RECIPIENTS_MAX)
		return wrong_key(why, "recipients");
	json_array_foreach(list, i, one)
	{
		char rooms[2][VALUE_MAX];
		struct message_recipient recipient;
		unsigned notify = 0;
		if (!take_text(one, "address", rooms[0], &recipient.address) ||
		        !take_text(one, "orcpt", rooms[1], &recipient.orcpt) ||
		        !take_words(one, "notify", parcel_notify, &notify) ||
		        !is_recipient(recipient.address) ||
		        recipient.orcpt.bytes > MESSAGE_ORCPT_MAX ||
		        (recipient.orcpt.bytes > 0 && !xtext_is_orcpt(recipient.orcpt, true)))
			return wrong_key(why, "recipients");
		recipient.notify = (uint8_t)notify;
		if (!message_add_recipient(message, shelf, 0, &recipient))
			return err_make(ERR_NO_MEMORY, 0);
	}
	return err_ok();
}

static struct err take_body(
        struct message *message, int fd, uint64_t bytes, struct shelf *shelf, struct text *why)
{
	char piece[PIECE_BYTES];
	ssize_t got;

	do {
		got = read(fd, piece, sizeof piece);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_make(ERR_SYSTEM, errno);
		if (message->body.bytes + (uint64_t)got > bytes)
			return wrong(why, "the message is longer than \"bytes\" says");
		if (!rope_append(&message->body, shelf, view_from(piece, (size_t)got), 0))
			return err_make(ERR_NO_MEMORY, 0);
	} while (got != 0);
	if (message->body.bytes < bytes)
		return wrong(why, "the message is shorter than \"bytes\" says");
	return err_ok();
}

static struct err take_message(
        struct parcel *parcel, uint64_t bytes, struct shelf *shelf, struct text *why)
{
	unsigned flags = 0;
	int64_t expire_s = 0;

	if (!take_words(parcel->json, "flags", parcel_flags, &flags))
		return wrong_key(why, "flags");
	if (!take_number(parcel->json, "expire_s", MESSAGE_EXPIRE_MAX, &expire_s))
		return wrong_key(why, "expire_s");
	parcel->message = message_create(shelf, 0);
	if (parcel->message == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	parcel->message->flags = (uint16_t)flags;
	parcel->message->expire_s = (uint32_t)expire_s;
	struct err err = take_fields(parcel->message, parcel->json, why);
	if (!failed(err))
		err = take_author(parcel->message, parcel->json, bytes, why);
	if (!failed(err))
		err = take_recipients(parcel->message, parcel->json, shelf, why);
	return err;
}

static struct err take_head(struct parcel *parcel, uint64_t *bytes, struct text *why)
{
	const json_t *json = parcel->json;
	const char *id = json_string_value(json_object_get(json, "id"));
	int64_t number = 0;

	if (!take_number(json, "version", INT64_MAX, &number) || number != PARCEL_VERSION)
		return wrong(why, "\"version\" is not 1: not written by this program");
	if (id == NULL || !message_id_parse(view_of(id), &parcel->id) || parcel->id == 0)
		return wrong_key(why, "id");
	if (!take_number(json, "received_ms", INT64_MAX, &parcel->received.ms))
		return wrong_key(why, "received_ms");
	if (!take_number(json, "bytes", (int64_t)MESSAGE_BODY_MAX, &number))
		return wrong_key(why, "bytes");
	*bytes = (uint64_t)number;
	if (!json_is_array(json_object_get(json, "jobs")))
		return wrong_key(why, "jobs");
	parcel->job_count = json_array_size(json_object_get(json, "jobs"));
	return parcel->job_count <= MESSAGE_RECIPIENTS_MAX ? err_ok() : wrong_key(why, "jobs");
}

static struct err read_json(
        struct parcel *parcel, int folder_fd, const char *name, struct text *why)
{
	json_error_t error;
	struct stat file;
	const int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_make(ERR_SYSTEM, errno);
	if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) ||
	        file.st_size > (off_t)PARCEL_JSON_MAX) {
		close(fd);
		return wrong(why, "no file of a parcel's size");
	}
	parcel->json = json_loadfd(fd, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	close(fd);
	if (json_is_object(parcel->json))
		return err_ok();
	text_format(why, "line %d: ", error.line);
	put_shown(why, error.text);
	return err_make(ERR_FORMAT, 0);
}

static struct err read_body(struct parcel *parcel, int folder_fd, const char *name, uint64_t bytes,
        struct shelf *shelf, struct text *why)
{
	const size_t stem = strlen(name) - strlen(PARCEL_JSON_SUFFIX);
	char body[PARCEL_NAME_ROOM + 8];

	check(strcmp(name + stem, PARCEL_JSON_SUFFIX) == 0);
	if (snprintf(body, sizeof body, "%.*s.eml", (int)stem, name) >= (int)sizeof body)
		return wrong(why, "its name is no ID");
	const int fd = openat(folder_fd, body, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		const int number = errno;
		put_shown(why, body);
		text_format(why, ": %s", strerror(number));
		return err_make(ERR_FORMAT, number);
	}
	const struct err err = take_body(parcel->message, fd, bytes, shelf, why);
	close(fd);
	return err;
}

struct err parcel_read(struct parcel *parcel, int folder_fd, const char *name, struct shelf *shelf,
        struct text *why)
{
	uint64_t bytes = 0;

	*parcel = (struct parcel){ 0 };
	struct err err = read_json(parcel, folder_fd, name, why);
	if (!failed(err))
		err = take_head(parcel, &bytes, why);
	if (!failed(err))
		err = take_message(parcel, bytes, shelf, why);
	if (!failed(err))
		err = read_body(parcel, folder_fd, name, bytes, shelf, why);
	if (failed(err))
		parcel_close(parcel, shelf);
	return err;
}

void parcel_close(struct parcel *parcel, struct shelf *shelf)
{
	json_decref(parcel->json);
	message_release(parcel->message, shelf);
	*parcel = (struct parcel){ 0 };
}

/* Jobs. */

static bool take_reply(const json_t *owed, struct reply_note *note, char rooms[2][VALUE_MAX])
{
	const json_t *reply = json_object_get(owed, "reply");
	const json_t *status = json_object_get(reply, "status");
	const char *word = json_string_value(json_object_get(reply, "stage"));
	enum stage stage = STAGE_ANY;
	int64_t code = 0;
	int64_t advice = 0;

	if (!take_number(reply, "code", 999, &code) ||
	        !take_number(reply, "advice", UINT16_MAX, &advice) ||
	        !take_text(reply, "server", rooms[0], &note->server) ||
	        !take_text(reply, "text", rooms[1], &note->text) || !is_plain(note->server) ||
	        !is_reply_text(note->text) ||
	        (word != NULL && !stage_from_word(view_of(word), &stage)))
		return false;
	note->code = (uint16_t)code;
	note->advice = (uint16_t)advice;
	note->stage = (uint8_t)stage;
	note->server = view_first(note->server, REPLY_SERVER_MAX);
	note->text = view_first(note->text, REPLY_TEXT_MAX);
	for (size_t i = 0; i < 3; i++) {
		const json_int_t number = json_integer_value(json_array_get(status, i));
		if (number < 0 || number > 999)
			return false;
		note->status[i] = (uint16_t)number;
	}
	return true;
}

/* Recipients in rising order, as the record has them. */
static bool take_owed(const json_t *json, struct job *job, struct shelf *shelf)
{
	const json_t *list = json_object_get(json, "owed");
	const json_t *one;
	int64_t before = -1;
	size_t i;

	json_array_foreach(list, i, one)
	{
		char rooms[2][VALUE_MAX];
		struct reply_note note = { 0 };
		int64_t index = 0;
		unsigned notify = 0;
		unsigned flags = 0;
		if (!json_is_integer(json_object_get(one, "recipient")) ||
		        !take_number(one, "recipient", job->message->recipient_count - 1, &index) ||
		        index <= before || !take_words(one, "notify", parcel_notify, &notify) ||
		        !take_words(one, "flags", parcel_owed, &flags))
			return false;
		before = index;
		if (!job_owe(job, shelf, 0, (uint16_t)index, (uint8_t)notify))
			return false;
		job_owed(job)[i].flags = (uint8_t)flags;
		if (json_object_get(one, "reply") == NULL)
			continue;
		if (!take_reply(one, &note, rooms))
			return false;
		job_set_outcome(job, i, OWED_PENDING, &note, shelf);
	}
	return job->owed_count > 0;
}

static bool take_times(const json_t *json, struct job *job)
{
	int64_t attempts = 0;
	int64_t restarts = 0;

	if (!take_number(json, "attempts", UINT32_MAX, &attempts) ||
	        !take_number(json, "restarts", JOB_RESTARTS_MAX, &restarts) ||
	        !take_number(json, "first_attempt_ms", INT64_MAX, &job->first_attempt.ms) ||
	        !take_number(json, "last_attempt_ms", INT64_MAX, &job->last_attempt.ms) ||
	        !take_number(json, "next_attempt_ms", INT64_MAX, &job->next_attempt.ms))
		return false;
	job->attempts = (uint32_t)attempts;
	job->restarts = (uint16_t)restarts;
	job->held = json_is_true(json_object_get(json, "held"));
	job->rehearsed = json_is_true(json_object_get(json, "rehearsed"));
	return true;
}

struct err parcel_take_job(const struct parcel *parcel, size_t index, struct shelf *shelf,
        struct job *job, const char **queue, struct text *why)
{
	const json_t *json = json_array_get(json_object_get(parcel->json, "jobs"), index);

	job_begin(job, parcel->message, (uint16_t)index, 0);
	*queue = json_string_value(json_object_get(json, "queue"));
	if ((*queue != NULL && !is_plain(view_of(*queue))) || !take_times(json, job) ||
	        !take_owed(json, job, shelf)) {
		job_clear(job, shelf);
		text_format(why, "job %zu: what it owes is not what it should be", index);
		return err_make(ERR_FORMAT, 0);
	}
	return err_ok();
}

struct err parcel_set_done(int folder_fd, const char *name)
{
	char done[PARCEL_NAME_ROOM + 8];

	if (snprintf(done, sizeof done, "%s" PARCEL_DONE_SUFFIX, name) >= (int)sizeof done)
		return err_make(ERR_SYSTEM, ENAMETOOLONG);
	return renameat(folder_fd, name, folder_fd, done) == 0 ? err_ok()
	                                                       : err_make(ERR_SYSTEM, errno);
}
