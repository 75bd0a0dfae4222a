#include "engine/token_reply.h"

#include "engine/json_read.h"

static void read_member(
        struct token_reply *reply, struct view key, struct view value, struct text *memory);
static struct view read_token(struct view value, struct text *memory);
static bool is_token(struct view text);
static void read_short(struct view value, char *into, size_t bytes);
static void read_description(struct token_reply *reply, struct view value);
static uint32_t find_code(struct view text);

bool token_reply_parse(struct token_reply *reply, struct view body, struct span memory)
{
	struct json_reader reader = json_read_object(body);
	struct text text = text_on(memory.data, memory.bytes);
	struct view key;
	struct view value;

	*reply = (struct token_reply){ 0 };
	while (json_read_next(&reader, &key, &value))
		read_member(reply, key, value, &text);
	if (reader.bad)
		return false;
	reply->granted = reply->access_token.bytes > 0 && reply->error[0] == '\0';
	return reply->granted || reply->error[0] != '\0';
}

bool token_reply_parse_output(struct token_reply *reply, struct view output, struct span memory)
{
	struct view token = output;

	while (token.bytes > 0 &&
	        (token.data[token.bytes - 1] == '\n' || token.data[token.bytes - 1] == '\r'))
		token.bytes--;
	if (token.bytes > 0 && token.data[0] == '{')
		return token_reply_parse(reply, token, memory);
	*reply = (struct token_reply){ 0 };
	if (!is_token(token) || token.bytes > memory.bytes)
		return false;
	memcpy(memory.data, token.data, token.bytes);
	reply->access_token = view_from(memory.data, token.bytes);
	reply->granted = true;
	return true;
}

static void read_member(
        struct token_reply *reply, struct view key, struct view value, struct text *memory)
{
	uint64_t number;

	if (view_equal(key, VIEW("access_token")))
		reply->access_token = read_token(value, memory);
	else if (view_equal(key, VIEW("refresh_token")))
		reply->refresh_token = read_token(value, memory);
	else if (view_equal(key, VIEW("expires_in")) && json_read_u64(value, &number))
		reply->expires_in_s =
		        number > TOKEN_LIFETIME_MOST_S ? TOKEN_LIFETIME_MOST_S : (int64_t)number;
	else if (view_equal(key, VIEW("error")))
		read_short(value, reply->error, sizeof reply->error);
	else if (view_equal(key, VIEW("trace_id")))
		read_short(value, reply->trace_id, sizeof reply->trace_id);
	else if (view_equal(key, VIEW("error_description")))
		read_description(reply, value);
}

static struct view read_token(struct view value, struct text *memory)
{
	const size_t from = memory->bytes;

	if (!json_read_text(value, memory))
		return VIEW("");
	const struct view token = view_from(memory->data + from, memory->bytes - from);
	return is_token(token) ? token : VIEW("");
}

static bool is_token(struct view text)
{
	for (size_t i = 0; i < text.bytes; i++)
		if (text.data[i] <= ' ' || text.data[i] >= 127)
			return false;
	return text.bytes > 0;
}

/* What does not fit, and what is no text, is left out. */
static void read_short(struct view value, char *into, size_t bytes)
{
	struct text text = text_on(into, bytes - 1);

	if (into[0] != '\0')
		return;
	if (!json_read_text(value, &text))
		text.bytes = 0;
	into[text.bytes] = '\0';
}

/* "AADSTS7000215: Invalid client secret provided. ... Trace ID: ... Timestamp: ...": ids and time
 * are said elsewhere, and the code is a number of its own. */
static void read_description(struct token_reply *reply, struct view value)
{
	char memory[4 * TOKEN_REPLY_TEXT_BYTES];
	struct text text = TEXT_ON(memory);

	if (reply->description[0] != '\0')
		return;
	/* Longer than any that is known: its beginning says what it is about. */
	if (!json_read_text(value, &text))
		text_put(&text, view_first(value.bytes > 0 ? view_skip(value, 1) : value,
		                        TOKEN_REPLY_TEXT_BYTES));
	struct view line = text_view(&text);
	line = view_first(line, view_find(line, '\n'));
	line = view_first(line, view_find(line, '\r'));
	line = view_trim(view_first(line, view_find_fold(line, VIEW("Trace ID:"))));
	reply->code = find_code(line);
	line = view_first(line, sizeof reply->description - 1);
	memcpy(reply->description, line.data, line.bytes);
	reply->description[line.bytes] = '\0';
}

static uint32_t find_code(struct view text)
{
	static const struct view prefix = VIEW_INIT("AADSTS");
	const size_t at = view_find_fold(text, prefix);
	uint64_t code = 0;
	size_t digits = 0;

	if (at + prefix.bytes >= text.bytes)
		return 0;
	const struct view rest = view_skip(text, at + prefix.bytes);
	while (digits < rest.bytes && byte_is_digit(rest.data[digits]))
		digits++;
	if (!view_to_u64(view_first(rest, digits), &code) || code > UINT32_MAX)
		return 0;
	return (uint32_t)code;
}
