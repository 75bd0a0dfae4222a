#include "engine/ops/control_talk.h"

#include "engine/json_write.h"
#include "queue/base/check.h"
#include "queue/base/date.h"
#include "queue/incident.h"
#include "queue/message.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/un.h>

/* The longest text of a row (a reply) with each byte as \u00HH; an address is far shorter. */
#define PART_BYTES 16384

#define CONTROL_WHY_BYTES 1024 /* of a refusal in words */

#define PATH_BYTES_MAX (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

const char *control_talk_address(const char *folder, int *fd, char buffer[CONTROL_ADDRESS_BYTES])
{
	int bytes = snprintf(buffer, CONTROL_ADDRESS_BYTES, "%s/%s", folder, CONTROL_SOCKET);

	*fd = -1;
	if ((size_t)bytes <= PATH_BYTES_MAX)
		return buffer;
	*fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*fd >= 0)
		snprintf(buffer, CONTROL_ADDRESS_BYTES, "/proc/self/fd/%d/%s", *fd, CONTROL_SOCKET);
	return buffer;
}

static struct view text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value)
	               ? view_from(json_string_value(value), json_string_length(value))
	               : VIEW("");
}

static bool read_id(const json_t *value, uint64_t *id, struct text *why)
{
	const char *word = json_string_value(value);

	if (word != NULL && message_id_parse(view_of(word), id))
		return true;
	text_format(why, "\"%.40s\" is no queue id", word != NULL ? word : "");
	return false;
}

static bool read_ids(struct control_question *question, struct request *request, struct text *why)
{
	const json_t *ids = json_object_get(question->json, "ids");

	if (json_array_size(ids) > CONTROL_IDS_MAX) {
		text_format(why, "more than %d ids at once", CONTROL_IDS_MAX);
		return false;
	}
	for (size_t i = 0; i < json_array_size(ids); i++)
		if (!read_id(json_array_get(ids, i), &question->ids[i], why))
			return false;
	request->ids = question->ids;
	request->ids_count = json_array_size(ids);
	return true;
}

/* Where the page begins: behind a job of an id, or behind all of them. */
static bool read_after(struct control_question *question, struct request *request, struct text *why)
{
	const json_t *after = json_object_get(question->json, "after");
	const json_t *job = json_object_get(question->json, "after_job");

	if (after == NULL)
		return true;
	if (json_is_integer(job) && json_integer_value(job) >= 0 &&
	        json_integer_value(job) <= UINT16_MAX)
		request->after_number = (uint16_t)json_integer_value(job);
	return read_id(after, &request->after, why);
}

/* One that is there but says nothing is refused: taken for "any" it would widen what an act does.
 * `may_be_empty`: the null sender is one. */
static bool read_pattern(const json_t *json, const char *key, bool may_be_empty, bool *given,
        struct view *pattern, struct text *why)
{
	const json_t *value = json_object_get(json, key);

	*given = value != NULL;
	*pattern = text_of(json, key);
	if (!*given || (json_is_string(value) && (may_be_empty || pattern->bytes > 0)))
		return true;
	text_format(why, "the filter \"%s\" says nothing", key);
	return false;
}

static bool read_filter(const json_t *json, struct request_filter *filter, struct text *why)
{
	return read_pattern(json, "route", false, &filter->by_route, &filter->route, why) &&
	       read_pattern(json, "from", true, &filter->by_from, &filter->from, why) &&
	       read_pattern(json, "to", false, &filter->by_to, &filter->to, why);
}

static void read_text(const json_t *json, const char *key, char *into, size_t size)
{
	ndr_set(into, size, text_of(json, key));
}

/* One recipient; without an address and an action it is a report of none. */
static void read_report(struct control_question *question, struct request *request)
{
	const json_t *json = question->json;
	const json_t *ids = json_object_get(json, "message_ids");
	struct ndr *ndr = &question->report;

	memset(ndr, 0, sizeof *ndr);
	request->report = ndr;
	ndr->report = json_is_true(json_object_get(json, "is_report"));
	for (size_t i = 0; i < json_array_size(ids); i++)
		ndr_add_id(ndr, view_of(json_string_value(json_array_get(ids, i))), false);
	read_text(json, "reporter", ndr->reporter, sizeof ndr->reporter);
	if (json_object_get(json, "action") == NULL)
		return;
	struct ndr_recipient *recipient = ndr_add_recipient(ndr);
	recipient->action = ndr_action_of(text_of(json, "action"));
	read_text(json, "address", recipient->address, sizeof recipient->address);
	read_text(json, "original", recipient->original, sizeof recipient->original);
	read_text(json, "remote", recipient->remote, sizeof recipient->remote);
	read_text(json, "status", recipient->status, sizeof recipient->status);
	read_text(json, "reply", recipient->reply, sizeof recipient->reply);
}

/* Whether the verb has what it acts on. */
static bool read_target(
        struct control_question *question, struct request *request, struct text *why)
{
	if (request->verb == REQUEST_LIST)
		return read_after(question, request, why);
	if (request->verb == REQUEST_COUNT || request->verb == REQUEST_TIDY)
		return true;
	if (request->verb == REQUEST_REPORT) {
		read_report(question, request);
		return true;
	}
	request->all = json_is_true(json_object_get(question->json, "all"));
	if (request->verb == REQUEST_INCIDENTS)
		return true;
	if (!read_ids(question, request, why))
		return false;
	if (request->verb == REQUEST_SHOW ? request->ids_count == 1
	                                  : request->all != (request->ids_count > 0))
		return true;
	text_format(why, "%s: which messages?", request_verb_word(request->verb));
	return false;
}

bool control_talk_read(struct control_question *question, struct view line, struct request *request,
        struct text *why)
{
	json_error_t error;
	enum request_verb verb;

	question->json = json_loadb(line.data, line.bytes, JSON_REJECT_DUPLICATES, &error);
	if (question->json == NULL) {
		text_format(why, "the question is no JSON: %s", error.text);
		return false;
	}
	if (!request_verb_parse(text_of(question->json, "verb"), &verb)) {
		text_format(why, "the question has no verb that is known here");
		control_talk_forget(question);
		return false;
	}
	request_reset(request, verb);
	request->filter.in_doubt = json_is_true(json_object_get(question->json, "in_doubt"));
	if (read_filter(question->json, &request->filter, why) &&
	        read_target(question, request, why))
		return true;
	control_talk_forget(question);
	return false;
}

void control_talk_forget(struct control_question *question)
{
	json_decref(question->json);
	question->json = NULL;
}

/* What an answer is built with: a part at a time goes into the rope. */
struct writer {
	struct rope *rope;
	struct shelf *shelf;
	struct text part;
	bool short_of_memory;
	char bytes[PART_BYTES];
};

static void flush(struct writer *writer)
{
	check(!writer->part.overflow);
	if (!rope_append(writer->rope, writer->shelf, text_view(&writer->part), 0))
		writer->short_of_memory = true;
	writer->part.bytes = 0;
}

static void put_key(struct writer *writer, const char *key)
{
	text_format(&writer->part, ",\"%s\":", key);
}

static void put_text(struct writer *writer, const char *key, struct view value)
{
	put_key(writer, key);
	/* What a server said may be long; its start tells. */
	json_write_text(&writer->part, view_first(value, PART_BYTES / 8));
	flush(writer);
}

static void put_text_or_null(struct writer *writer, const char *key, struct view value)
{
	if (value.bytes > 0) {
		put_text(writer, key, value);
		return;
	}
	put_key(writer, key);
	text_put(&writer->part, VIEW("null"));
}

static void put_number(struct writer *writer, const char *key, uint64_t value)
{
	put_key(writer, key);
	text_put_u64(&writer->part, value);
}

static void put_time(struct writer *writer, const char *key, struct wall when)
{
	put_key(writer, key);
	if (when.ms == 0) {
		text_put(&writer->part, VIEW("null"));
		return;
	}
	text_put_byte(&writer->part, '"');
	date_put_iso(&writer->part, when);
	text_put_byte(&writer->part, '"');
}

static void put_recipients(struct writer *writer, const struct request_row *row)
{
	put_key(writer, "recipients");
	text_put_byte(&writer->part, '[');
	for (size_t i = 0; i < row->recipients_count; i++) {
		if (i > 0)
			text_put_byte(&writer->part, ',');
		json_write_text(&writer->part, row->recipients[i].address);
		flush(writer);
	}
	text_put_byte(&writer->part, ']');
}

static void put_owed(struct writer *writer, const struct request_row *row)
{
	put_key(writer, "owed");
	text_put_byte(&writer->part, '[');
	for (size_t i = 0; i < row->recipients_count; i++) {
		const struct request_recipient *recipient = &row->recipients[i];

		text_format(&writer->part, "%s{\"address\":", i > 0 ? "," : "");
		json_write_text(&writer->part, recipient->address);
		put_text(writer, "state", recipient->state);
		put_text_or_null(writer, "reply", recipient->reply);
		text_put_byte(&writer->part, '}');
		flush(writer);
	}
	text_put_byte(&writer->part, ']');
}

static void put_row(struct writer *writer, const struct request_row *row, bool shown)
{
	char id[MESSAGE_ID_TEXT];

	text_format(&writer->part, "{\"id\":\"%s\"", message_id_format(row->id, id));
	put_number(writer, "job", row->number);
	put_text(writer, "route", row->route);
	put_text(writer, "from", row->from);
	put_recipients(writer, row);
	put_number(writer, "bytes", row->bytes);
	put_time(writer, "received", row->received);
	put_text(writer, "state", row->state);
	put_number(writer, "attempts", row->attempts);
	put_time(writer, "next_attempt", row->next_attempt);
	put_text_or_null(writer, "reply", row->reply);
	put_key(writer, "in_doubt");
	text_put(&writer->part, row->in_doubt ? VIEW("true") : VIEW("false"));
	if (shown)
		put_owed(writer, row);
	text_put(&writer->part, VIEW("}\n"));
	flush(writer);
}

static void put_word_or_null(struct writer *writer, const char *key, const char *word)
{
	put_text_or_null(writer, key, view_of(word));
}

static void put_incident(struct writer *writer, const struct incident *incident)
{
	char bytes[INCIDENT_COMMAND_MAX];
	struct text command = TEXT_ON(bytes);

	(void)incident_put_command(incident, &command);
	text_format(
	        &writer->part, "{\"state\":\"%s\"", incident_is_open(incident) ? "open" : "closed");
	put_text(writer, "cause", view_of(cause_word(incident->cause)));
	put_text(writer, "scope", view_of(scope_word(incident->scope)));
	put_text(writer, "route", view_of(incident->route));
	put_word_or_null(writer, "identity", incident->identity);
	put_word_or_null(writer, "sender", incident->sender);
	put_number(writer, "count", incident->count);
	put_time(writer, "first", incident->first);
	put_time(writer, "last", incident->last);
	put_time(writer, "closed", incident->closed);
	put_time(writer, "next_try",
	        incident_is_open(incident) ? incident->until : (struct wall){ 0 });
	put_text(writer, "reply", view_of(incident->reply));
	put_text(writer, "advice", view_of(incident->advice));
	put_text_or_null(writer, "command", text_view(&command));
	text_put(&writer->part, VIEW("}\n"));
	flush(writer);
}

static void put_late(struct writer *writer, const struct request *request)
{
	const struct late *late = &request->late;
	const struct ndr *ndr = request->report;
	const struct ndr_recipient *recipient =
	        ndr->recipient_count > 0 ? &ndr->recipients[0] : NULL;
	const bool matched = late->fate > LATE_UNKNOWN;
	char id[MESSAGE_ID_TEXT];

	check(!matched || recipient != NULL);
	const bool judged = matched && recipient->reply[0] != '\0';
	text_format(&writer->part, "{\"result\":\"%s\"", late_word(late->fate));
	put_text(writer, "meaning", view_of(late_text(late->fate)));
	put_word_or_null(writer, "id", matched ? message_id_format(late->sent.id, id) : "");
	put_word_or_null(writer, "to", recipient != NULL ? recipient->address : "");
	put_word_or_null(
	        writer, "action", recipient != NULL ? ndr_action_word(recipient->action) : "");
	put_word_or_null(writer, "status", recipient != NULL ? recipient->status : "");
	put_word_or_null(writer, "reply", recipient != NULL ? recipient->reply : "");
	put_word_or_null(writer, "route", late->sent.route);
	put_word_or_null(writer, "identity", late->sent.identity);
	put_time(writer, "sent", late->sent.when);
	put_word_or_null(writer, "cause", judged ? cause_word(late->verdict.cause) : "");
	put_word_or_null(writer, "scope", judged ? scope_word(late->verdict.scope) : "");
	put_word_or_null(writer, "outcome", judged ? outcome_word(late->verdict.outcome) : "");
	put_word_or_null(writer, "advice", judged ? late->verdict.advice : "");
	text_put(&writer->part, VIEW("}\n"));
	flush(writer);
}

bool control_talk_answer(struct rope *rope, struct shelf *shelf, const struct request *request)
{
	struct writer writer = { .rope = rope, .shelf = shelf };

	if (failed(request->result))
		return control_talk_refuse(rope, shelf,
		        request->complaint.bytes > 0 ? request->complaint
		                                     : view_of(err_text(request->result.code)));
	writer.part = text_on(writer.bytes, sizeof writer.bytes);
	text_format(&writer.part,
	        "{\"ok\":true,\"count\":%llu,\"under_way\":%llu,\"rows\":%zu,\"more\":%s}\n",
	        (unsigned long long)request->count, (unsigned long long)request->under_way,
	        request->rows_count + request->incidents_count +
	                (request->verb == REQUEST_REPORT ? 1 : 0),
	        request->more ? "true" : "false");
	for (size_t i = 0; i < request->rows_count; i++)
		put_row(&writer, &request->rows[i], request->verb == REQUEST_SHOW);
	for (size_t i = 0; i < request->incidents_count; i++)
		put_incident(&writer, &request->incidents[i]);
	if (request->verb == REQUEST_REPORT)
		put_late(&writer, request);
	flush(&writer);
	if (writer.short_of_memory)
		rope_free(rope, shelf);
	return !writer.short_of_memory;
}

bool control_talk_refuse(struct rope *rope, struct shelf *shelf, struct view why)
{
	char buffer[8 * CONTROL_WHY_BYTES];
	struct text text = TEXT_ON(buffer);

	text_put(&text, VIEW("{\"ok\":false,\"error\":"));
	json_write_text(&text, view_first(why, CONTROL_WHY_BYTES));
	text_put(&text, VIEW("}\n"));
	return rope_append(rope, shelf, text_view(&text), 0);
}
