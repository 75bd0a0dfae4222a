#include "engine/wire/command.h"

#include "queue/xtext.h"
#include "queue/base/check.h"
#include "queue/base/utf8.h"

#include <assert.h>

#define COMMAND_ENVID_MAX 100 /* characters as written (RFC 3461 5.4) */
#define COMMAND_ORCPT_MAX 500 /* likewise */
#define COMMAND_AUTH_MAX  500 /* likewise (RFC 4954 5) */

static_assert(COMMAND_ORCPT_MAX <= MESSAGE_ORCPT_MAX, "what we take, a message can keep");
static_assert(ADDRESS_BYTES_MAX <= MESSAGE_ADDRESS_MAX, "what we take, a message can keep");

/* The faults of one direction's address. */
struct command_path_faults {
	enum command_fault syntax, address, domain, too_long;
};

static const struct command_path_faults sender_faults = { COMMAND_FAULT_MAIL_SYNTAX,
	COMMAND_FAULT_SENDER, COMMAND_FAULT_SENDER_DOMAIN, COMMAND_FAULT_SENDER_LONG };
static const struct command_path_faults recipient_faults = { COMMAND_FAULT_RCPT_SYNTAX,
	COMMAND_FAULT_RECIPIENT, COMMAND_FAULT_RECIPIENT_DOMAIN, COMMAND_FAULT_RECIPIENT_LONG };

static const struct command_answer command_answers[] = {
#define X(name, code, enhanced, text) { code, enhanced, text },
	COMMAND_FAULTS(X)
#undef X
};

static const struct {
	const char *name;
	bool takes_arguments;
} command_verbs[] = { [COMMAND_UNKNOWN] = { "unknown", true },
#define X(name, arguments) [COMMAND_##name] = { #name, arguments },
	COMMAND_VERBS(X)
#undef X
};

const struct command_answer *command_answer(enum command_fault fault)
{
	check(fault < COMMAND_FAULT_COUNT);
	return &command_answers[fault];
}

const char *command_verb_name(enum command_verb verb)
{
	check(verb < COMMAND_VERB_COUNT);
	return command_verbs[verb].name;
}

/* Takes what stands before the first white space off the text, and the white space too. */
static struct view command_take_word(struct view *text)
{
	size_t end = 0;

	while (end < text->bytes && text->data[end] != ' ' && text->data[end] != '\t')
		end++;
	struct view word = view_first(*text, end);
	*text = view_trim(view_skip(*text, end));
	return word;
}

static bool command_has_control(struct view line)
{
	for (size_t i = 0; i < line.bytes; i++) {
		unsigned char c = (unsigned char)line.data[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static enum command_verb command_verb_of(struct view word)
{
	for (unsigned i = COMMAND_UNKNOWN + 1; i < COMMAND_VERB_COUNT; i++)
		if (view_equal_fold(word, view_of(command_verbs[i].name)))
			return (enum command_verb)i;
	return COMMAND_UNKNOWN;
}

enum command_fault command_parse(struct view line, struct command *command)
{
	struct view rest = view_trim(line);
	enum command_verb verb = command_verb_of(command_take_word(&rest));

	*command = (struct command){ .verb = verb, .arguments = rest };
	if (command_has_control(line))
		return COMMAND_FAULT_CONTROL;
	if (verb == COMMAND_UNKNOWN)
		return COMMAND_FAULT_NOT_KNOWN;
	if (rest.bytes > 0 && !command_verbs[verb].takes_arguments)
		return COMMAND_FAULT_UNWANTED;
	return COMMAND_FAULT_NONE;
}

static bool command_is_http(struct view word, struct view rest)
{
	static const char *const methods[] = { "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS",
		"PATCH", "POST", "PRI", "PUT", "TRACE" };

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (view_equal_fold(word, view_of(methods[i])))
			return true;
	/* Any other method: "PROPFIND / HTTP/1.1". */
	return rest.bytes > 8 &&
	       view_equal(view_first(view_skip(rest, rest.bytes - 9), 6), VIEW(" HTTP/"));
}

bool command_is_tls(struct view input)
{
	/* A handshake record, of any version. */
	return input.bytes >= 2 && input.data[0] == 0x16 && input.data[1] == 0x03;
}

bool command_is_foreign(struct view line)
{
	struct view rest = view_trim(line);
	const struct view word = command_take_word(&rest);

	if (command_verb_of(word) != COMMAND_UNKNOWN)
		return false;
	/* No device's mistake begins with "Host: " or "Subject: "; "MAILFROM:<a@b>" may be one. */
	if (word.bytes > 1 && word.data[word.bytes - 1] == ':')
		return true;
	return command_is_http(word, rest);
}

enum command_fault command_bdat_parse(struct view arguments, struct command_bdat *bdat)
{
	struct view rest = arguments;
	struct view size = command_take_word(&rest);
	bool last = view_equal_fold(rest, VIEW("LAST"));

	if ((rest.bytes > 0 && !last) || !view_to_u64(size, &bdat->bytes))
		return COMMAND_FAULT_BDAT_SYNTAX;
	bdat->last = last;
	return COMMAND_FAULT_NONE;
}

bool command_bdat_has_size(struct view arguments, struct command_bdat *bdat)
{
	struct view rest = arguments;

	*bdat = (struct command_bdat){ .last = false };
	return view_to_u64(command_take_word(&rest), &bdat->bytes);
}

enum command_fault command_auth_parse(struct view arguments, struct command_auth *auth)
{
	struct view rest = arguments;
	struct view name = command_take_word(&rest);
	struct view initial = command_take_word(&rest);

	if (name.bytes == 0 || rest.bytes > 0)
		return COMMAND_FAULT_AUTH_SYNTAX;
	*auth = (struct command_auth){
		.mechanism = signin_mechanism_of(name),
		.has_initial = initial.bytes > 0,
		.initial = initial,
	};
	return auth->mechanism == SIGNIN_NONE ? COMMAND_FAULT_MECHANISM : COMMAND_FAULT_NONE;
}

enum command_fault command_hello_parse(struct view arguments, struct view *name)
{
	struct view rest = arguments;
	struct view word = command_take_word(&rest);

	/* A name of several words is a device's ("HELO Office Printer"): the first one will do. */
	if (word.bytes == 0 || word.bytes > COMMAND_HELLO_MAX || command_has_control(word) ||
	        !utf8_is_valid(word))
		return COMMAND_FAULT_HELLO;
	*name = word;
	return COMMAND_FAULT_NONE;
}

/* Bytes up to `end` outside of quotes, or up to white space where `end` is a space; the whole
 * view's where it does not come. */
static size_t command_find_end(struct view text, char end)
{
	size_t at = 0;

	while (at < text.bytes && text.data[at] != end && !(end == ' ' && text.data[at] == '\t')) {
		size_t quoted = text.data[at] == '"' ? address_quoted_end(text, at) : 0;
		at = quoted > 0 ? quoted : at + 1;
	}
	return at;
}

/* "FROM:" or "TO:" and the path are taken off the arguments; the path comes without brackets. */
static bool command_take_path(struct view *arguments, struct view word, struct view *path)
{
	struct view rest = *arguments;

	if (!view_starts_fold(rest, word))
		return false;
	rest = view_trim(view_skip(rest, word.bytes));
	if (rest.bytes == 0 || rest.data[0] != ':')
		return false;
	rest = view_trim(view_skip(rest, 1));
	bool brackets = rest.bytes > 0 && rest.data[0] == '<';
	if (brackets)
		rest = view_skip(rest, 1);
	size_t end = command_find_end(rest, brackets ? '>' : ' ');
	if (brackets ? end == rest.bytes : end == 0)
		return false;
	*path = view_trim(view_first(rest, end));
	rest = view_skip(rest, end + brackets);
	if (rest.bytes > 0 && rest.data[0] != ' ' && rest.data[0] != '\t')
		return false;
	*arguments = view_trim(rest);
	return true;
}

/* "@hop,@hop:" in front of an address means nothing any more (RFC 5321 appendix C). */
static struct view command_drop_route(struct view path)
{
	bool literal = false;

	if (path.bytes == 0 || path.data[0] != '@')
		return path;
	for (size_t i = 0; i < path.bytes; i++) {
		if (path.data[i] == '[')
			literal = true;
		if (path.data[i] == ']')
			literal = false;
		if (path.data[i] == ':' && !literal)
			return view_skip(path, i + 1);
	}
	return path;
}

static enum command_fault command_read_address(struct view path, bool allow_utf8,
        const struct command_path_faults *faults, struct address *address)
{
	switch (address_parse(command_drop_route(path), allow_utf8, address)) {
	case ADDRESS_OK:
		return COMMAND_FAULT_NONE;
	case ADDRESS_NO_DOMAIN:
		return faults->domain;
	case ADDRESS_TOO_LONG:
		return faults->too_long;
	case ADDRESS_UTF8:
		return COMMAND_FAULT_UTF8;
	case ADDRESS_EMPTY:
	case ADDRESS_BAD_LOCAL:
	case ADDRESS_BAD_DOMAIN:
		break;
	}
	return faults->address;
}

/* One parameter of MAIL or RCPT. */
struct command_parameter {
	struct view keyword;
	struct view value;
	bool has_value;
};

/* Takes the next one off the arguments; it must be there. */
static bool command_take_parameter(struct view *rest, struct command_parameter *parameter)
{
	struct view word = command_take_word(rest);
	size_t equals = view_find(word, '=');

	*parameter = (struct command_parameter){
		.keyword = view_first(word, equals),
		.has_value = equals < word.bytes,
	};
	if (parameter->has_value)
		parameter->value = view_skip(word, equals + 1);
	for (size_t i = 0; i < equals; i++) {
		char c = byte_lower(word.data[i]);
		bool letter = byte_is_digit(c) || (c >= 'a' && c <= 'z');
		if (!letter && (i == 0 || c != '-'))
			return false;
	}
	return equals > 0 && (!parameter->has_value || parameter->value.bytes > 0);
}

/* False where the bit is set already: the parameter was given twice. */
static bool command_first_time(unsigned *seen, unsigned bit)
{
	bool first = (*seen & bit) == 0;

	*seen |= bit;
	return first;
}

static enum command_fault command_read_size(struct command_mail *mail, struct view value)
{
	if (value.bytes == 0 || value.bytes > 20)
		return COMMAND_FAULT_SIZE;
	for (size_t i = 0; i < value.bytes; i++)
		if (!byte_is_digit(value.data[i]))
			return COMMAND_FAULT_SIZE;
	mail->has_size = true;
	if (!view_to_u64(value, &mail->size))
		mail->size = UINT64_MAX;
	return COMMAND_FAULT_NONE;
}

static enum command_fault command_read_body(struct command_mail *mail, struct view value)
{
	if (view_equal_fold(value, VIEW("BINARYMIME")))
		return COMMAND_FAULT_BINARYMIME;
	if (view_equal_fold(value, VIEW("7BIT")))
		mail->body = COMMAND_BODY_7BIT;
	else if (view_equal_fold(value, VIEW("8BITMIME")))
		mail->body = COMMAND_BODY_8BITMIME;
	else
		return COMMAND_FAULT_BODY;
	return COMMAND_FAULT_NONE;
}

static enum command_fault command_read_ret(struct command_mail *mail, struct view value)
{
	if (view_equal_fold(value, VIEW("FULL")))
		mail->ret = MESSAGE_RET_FULL;
	else if (view_equal_fold(value, VIEW("HDRS")))
		mail->ret = MESSAGE_RET_HEADERS;
	else
		return COMMAND_FAULT_RET;
	return COMMAND_FAULT_NONE;
}

static enum command_fault command_read_mail_parameter(
        struct command_mail *mail, const struct command_parameter *parameter, unsigned *seen)
{
	struct view value = parameter->value;
	enum command_fault repeated = COMMAND_FAULT_PARAMETER_REPEATED;

	if (view_equal_fold(parameter->keyword, VIEW("SIZE")))
		return command_first_time(seen, 1) ? command_read_size(mail, value) : repeated;
	if (view_equal_fold(parameter->keyword, VIEW("BODY")))
		return command_first_time(seen, 2) ? command_read_body(mail, value) : repeated;
	if (view_equal_fold(parameter->keyword, VIEW("RET")))
		return command_first_time(seen, 4) ? command_read_ret(mail, value) : repeated;
	if (view_equal_fold(parameter->keyword, VIEW("SMTPUTF8"))) {
		mail->smtputf8 = true;
		if (!command_first_time(seen, 8))
			return repeated;
		return parameter->has_value ? COMMAND_FAULT_PARAMETER : COMMAND_FAULT_NONE;
	}
	if (view_equal_fold(parameter->keyword, VIEW("ENVID"))) {
		mail->envid = value;
		if (!command_first_time(seen, 16))
			return repeated;
		bool good = value.bytes > 0 && value.bytes <= COMMAND_ENVID_MAX;
		return good && xtext_is_valid(value) ? COMMAND_FAULT_NONE : COMMAND_FAULT_ENVID;
	}
	if (view_equal_fold(parameter->keyword, VIEW("AUTH"))) {
		mail->auth = value;
		mail->has_auth = true;
		if (!command_first_time(seen, 32))
			return repeated;
		bool good = value.bytes > 0 && value.bytes <= COMMAND_AUTH_MAX;
		return good && xtext_is_valid(value) ? COMMAND_FAULT_NONE
		                                     : COMMAND_FAULT_AUTH_PARAMETER;
	}
	return COMMAND_FAULT_PARAMETER_UNKNOWN;
}

enum command_fault command_mail_parse(struct view arguments, struct command_mail *mail)
{
	struct view rest = arguments;
	struct view path = { 0 };
	unsigned seen = 0;

	*mail = (struct command_mail){ 0 };
	if (!command_take_path(&rest, VIEW("FROM"), &path))
		return sender_faults.syntax;
	/* Parameters first: whether the address may be UTF-8 is said behind it. */
	while (rest.bytes > 0) {
		struct command_parameter parameter;
		if (!command_take_parameter(&rest, &parameter))
			return COMMAND_FAULT_PARAMETER;
		enum command_fault fault = command_read_mail_parameter(mail, &parameter, &seen);
		if (fault != COMMAND_FAULT_NONE)
			return fault;
	}
	mail->is_null = path.bytes == 0;
	if (mail->is_null)
		return COMMAND_FAULT_NONE;
	return command_read_address(path, mail->smtputf8, &sender_faults, &mail->sender);
}

static enum command_fault command_read_notify(struct command_rcpt *rcpt, struct view value)
{
	static const struct {
		struct view word;
		unsigned bit;
	} words[] = {
		{ VIEW_INIT("NEVER"), NOTIFY_NEVER },
		{ VIEW_INIT("SUCCESS"), NOTIFY_SUCCESS },
		{ VIEW_INIT("FAILURE"), NOTIFY_FAILURE },
		{ VIEW_INIT("DELAY"), NOTIFY_DELAY },
	};

	for (bool more = true; more;) {
		size_t end = view_find(value, ',');
		unsigned bit = 0;
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			if (view_equal_fold(view_first(value, end), words[i].word))
				bit = words[i].bit;
		if (bit == 0)
			return COMMAND_FAULT_NOTIFY;
		rcpt->notify |= bit;
		more = end < value.bytes;
		value = view_skip(value, more ? end + 1 : end);
	}
	bool mixed = (rcpt->notify & NOTIFY_NEVER) != 0 && rcpt->notify != NOTIFY_NEVER;
	return mixed ? COMMAND_FAULT_NOTIFY : COMMAND_FAULT_NONE;
}

static enum command_fault command_read_rcpt_parameter(struct command_rcpt *rcpt, bool smtputf8,
        const struct command_parameter *parameter, unsigned *seen)
{
	struct view value = parameter->value;

	if (view_equal_fold(parameter->keyword, VIEW("NOTIFY"))) {
		if (!command_first_time(seen, 1))
			return COMMAND_FAULT_PARAMETER_REPEATED;
		return command_read_notify(rcpt, value);
	}
	if (view_equal_fold(parameter->keyword, VIEW("ORCPT"))) {
		if (!command_first_time(seen, 2))
			return COMMAND_FAULT_PARAMETER_REPEATED;
		rcpt->orcpt = value;
		bool good = value.bytes <= COMMAND_ORCPT_MAX && xtext_is_orcpt(value, smtputf8);
		return good ? COMMAND_FAULT_NONE : COMMAND_FAULT_ORCPT;
	}
	return COMMAND_FAULT_PARAMETER_UNKNOWN;
}

enum command_fault command_rcpt_parse(
        struct view arguments, bool smtputf8, struct command_rcpt *rcpt)
{
	struct view rest = arguments;
	struct view path = { 0 };
	unsigned seen = 0;

	*rcpt = (struct command_rcpt){ 0 };
	if (!command_take_path(&rest, VIEW("TO"), &path))
		return recipient_faults.syntax;
	while (rest.bytes > 0) {
		struct command_parameter parameter;
		if (!command_take_parameter(&rest, &parameter))
			return COMMAND_FAULT_PARAMETER;
		enum command_fault fault =
		        command_read_rcpt_parameter(rcpt, smtputf8, &parameter, &seen);
		if (fault != COMMAND_FAULT_NONE)
			return fault;
	}
	if (!view_equal_fold(path, VIEW("postmaster")))
		return command_read_address(path, smtputf8, &recipient_faults, &rcpt->recipient);
	rcpt->recipient =
	        (struct address){ .whole = path, .local = path, .kind = ADDRESS_LOCAL_ONLY };
	return COMMAND_FAULT_NONE;
}
