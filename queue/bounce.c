#include "queue/bounce.h"

#include "queue/base/check.h"
#include "queue/base/utf8.h"
#include "queue/bounce_writer.h"
#include "queue/xtext.h"

#define MESSAGE_ID_BYTES_MAX 250

/* What the report needs to know of the original before its first line. */
struct original {
	uint64_t header_bytes; /* without the empty line */
	uint64_t copy_bytes;   /* how much comes back */
	bool header_8bit;
	bool copy_8bit;
	bool full;                     /* all of it comes back */
	char id[MESSAGE_ID_BYTES_MAX]; /* "<...>" */
	size_t id_bytes;
};

struct action_row {
	const char *word;
	const char *status; /* where the server gave none */
	const char *subject;
	const char *people; /* what the list of recipients is about */
};

static const struct action_row action_rows[] = {
	[BOUNCE_FAILED] = { "failed", "5.0.0", "Your message could not be delivered",
	        "could not be delivered to these recipients, and will not be tried again:" },
	[BOUNCE_DELAYED] = { "delayed", "4.0.0", "Your message is delayed",
	        "has not reached these recipients yet. You need not do anything: we go on "
	        "trying." },
	[BOUNCE_DELIVERED] = { "delivered", "2.0.0", "Your message was delivered",
	        "was delivered to these recipients:" },
	[BOUNCE_RELAYED] = { "relayed", "2.0.0", "Your message was passed on",
	        "was passed on for these recipients, to a server that will not report further:" },
};
_Static_assert(sizeof action_rows / sizeof action_rows[0] == BOUNCE_ACTION_COUNT, "one row each");

bool bounce_wanted(struct view sender, unsigned notify, enum bounce_action action)
{
	check(action < BOUNCE_ACTION_COUNT);
	if (sender.bytes == 0 || (notify & NOTIFY_NEVER) != 0)
		return false;
	switch (action) {
	case BOUNCE_FAILED:
		return notify == 0 || (notify & NOTIFY_FAILURE) != 0;
	case BOUNCE_DELAYED:
		return (notify & NOTIFY_DELAY) != 0;
	default:
		return (notify & NOTIFY_SUCCESS) != 0;
	}
}

/* Finds the end of the header, bytes above 127, and the Message-ID; one pass, byte by byte, since
 * pieces of a rope end anywhere. */
struct scan {
	uint64_t at;
	uint64_t line_start;
	size_t matched; /* of "message-id:" at the line's beginning */
	bool in_header;
	bool in_id;
};

static void scan_header_byte(struct scan *scan, struct original *original, char c)
{
	static const char name[] = "message-id:";
	uint64_t column = scan->at - scan->line_start;
	bool id_done = original->id_bytes > 0 && original->id[original->id_bytes - 1] == '>';

	original->header_8bit = original->header_8bit || (unsigned char)c >= 0x80;
	if (column == 0 && c != ' ' && c != '\t')
		scan->matched = 0; /* a new field; else the last one goes on */
	if (column == scan->matched && scan->matched < sizeof name - 1 && !id_done &&
	        byte_lower(c) == name[scan->matched])
		scan->matched++;
	if (scan->matched == sizeof name - 1 && c == '<' && original->id_bytes == 0)
		scan->in_id = true;
	if (!scan->in_id)
		return;
	if (c <= ' ' || c > '~' || original->id_bytes == sizeof original->id) {
		scan->in_id = false; /* not an id that may be repeated */
		original->id_bytes = 0;
		scan->matched = 0;
		return;
	}
	original->id[original->id_bytes++] = c;
	scan->in_id = c != '>';
}

static void scan_byte(struct scan *scan, struct original *original, char c, bool full)
{
	bool counted = full || scan->in_header;
	original->copy_8bit = original->copy_8bit || (counted && (unsigned char)c >= 0x80);
	if (scan->in_header && (c == '\n' || (c == '\r' && scan->at == scan->line_start))) {
		/* An empty line: CRLF, or LF alone. */
		bool empty = scan->at == scan->line_start;
		scan->in_header = !empty;
		if (empty)
			original->header_bytes = scan->at;
		scan->line_start = scan->at + 1;
	} else if (scan->in_header) {
		scan_header_byte(scan, original, c);
	}
	scan->at++;
}

static struct original bounce_scan(const struct bounce *bounce)
{
	struct original original = { 0 };
	struct scan scan = { .in_header = true };
	struct rope_cursor at = rope_start(bounce->original);
	struct view piece;
	while ((scan.in_header || bounce->full) && rope_next(&at, &piece)) {
		for (size_t i = 0; i < piece.bytes && (scan.in_header || bounce->full); i++)
			scan_byte(&scan, &original, piece.data[i], bounce->full);
	}
	if (scan.in_header)
		original.header_bytes = scan.at;
	original.full = bounce->full && !original.header_8bit;
	original.copy_bytes = original.full ? bounce->original->bytes : original.header_bytes;
	if (original.id_bytes == 0 || original.id[original.id_bytes - 1] != '>')
		original.id_bytes = 0;
	return original;
}

/* A header longer than we give back ends with the last line that fits. */
static uint64_t bounce_header_bytes(const struct rope *rope, uint64_t header_bytes)
{
	if (header_bytes <= BOUNCE_HEADER_BYTES_MAX)
		return header_bytes;
	struct rope_cursor at = rope_start(rope);
	struct view piece;
	uint64_t start = 0;
	uint64_t end = BOUNCE_HEADER_BYTES_MAX;
	uint64_t line_end = 0;
	while (start < end && rope_next(&at, &piece)) {
		for (size_t i = 0; i < piece.bytes && start + i < end; i++)
			if (piece.data[i] == '\n')
				line_end = start + i + 1;
		start += piece.bytes;
	}
	return line_end > 0 ? line_end : end;
}

static bool bounce_has_utf8(const struct bounce *bounce)
{
	for (size_t i = 0; i < bounce->recipient_count; i++)
		if (!utf8_is_ascii(bounce->recipients[i].address))
			return true;
	return false;
}

/* The worst that befell a recipient gives the subject. */
static enum bounce_action bounce_subject(const struct bounce *bounce)
{
	enum bounce_action worst = BOUNCE_RELAYED;
	for (size_t i = 0; i < bounce->recipient_count; i++) {
		check(bounce->recipients[i].action < BOUNCE_ACTION_COUNT);
		if (bounce->recipients[i].action < worst)
			worst = bounce->recipients[i].action;
	}
	return worst;
}

static void write_header(struct bounce_writer *writer, const struct bounce *bounce,
        const struct original *original, bool eight_bit)
{
	bounce_writer_put(writer, VIEW("From: Mail Delivery System <"));
	if (bounce->mailbox.bytes > 0) {
		bounce_writer_clean(writer, bounce->mailbox, true);
	} else {
		bounce_writer_put(writer, VIEW("MAILER-DAEMON@"));
		bounce_writer_clean(writer, bounce->reporter, false);
	}
	bounce_writer_put(writer, VIEW(">\r\nTo: <"));
	bounce_writer_clean(writer, bounce->sender, true);
	bounce_writer_format(
	        writer, ">\r\nSubject: %s\r\nDate: ", action_rows[bounce_subject(bounce)].subject);
	bounce_writer_date(writer, bounce->now);
	bounce_writer_put(writer, VIEW("\r\nMessage-ID: <"));
	bounce_writer_clean(writer, bounce->id, false);
	bounce_writer_put(writer, VIEW("@"));
	bounce_writer_clean(writer, bounce->reporter, false);
	bounce_writer_put(writer, VIEW(">\r\n"));
	if (original->id_bytes > 0) {
		struct view id = view_from(original->id, original->id_bytes);
		bounce_writer_put(writer, VIEW("In-Reply-To: "));
		bounce_writer_put(writer, id);
		bounce_writer_put(writer, VIEW("\r\nReferences: "));
		bounce_writer_put(writer, id);
		bounce_writer_put(writer, VIEW("\r\n"));
	}
	bounce_writer_put(writer, VIEW("Auto-Submitted: auto-replied\r\n"
	                               "MIME-Version: 1.0\r\n"
	                               "Content-Type: multipart/report;"
	                               " report-type=delivery-status;\r\n"
	                               "\tboundary=\"=_report_"));
	bounce_writer_clean(writer, bounce->id, false);
	bounce_writer_put(writer, VIEW("\"\r\n"));
	if (eight_bit)
		bounce_writer_put(writer, VIEW("Content-Transfer-Encoding: 8bit\r\n"));
	bounce_writer_put(
	        writer, VIEW("\r\nThis is a delivery report in MIME format (RFC 3464).\r\n"));
}

static void write_boundary(struct bounce_writer *writer, const struct bounce *bounce, bool last)
{
	bounce_writer_put(writer, VIEW("\r\n--=_report_"));
	bounce_writer_clean(writer, bounce->id, false);
	bounce_writer_put(writer, last ? VIEW("--\r\n") : VIEW("\r\n"));
}

/* `encoding` NULL: 7bit. */
static void write_part(struct bounce_writer *writer, const struct bounce *bounce, const char *type,
        const char *encoding)
{
	write_boundary(writer, bounce, false);
	bounce_writer_format(writer, "Content-Type: %s\r\n", type);
	if (encoding != NULL)
		bounce_writer_format(writer, "Content-Transfer-Encoding: %s\r\n", encoding);
	bounce_writer_put(writer, VIEW("\r\n"));
}

/* What was written besides goes into the report as quoted-printable. */
static void write_quoted(struct bounce_writer *writer, struct bounce_writer *besides)
{
	if (besides->failed && !writer->failed) {
		rope_free(&writer->rope, writer->shelf);
		writer->failed = true;
	}
	if (!besides->failed) {
		bounce_writer_quote(writer, &besides->rope);
		rope_free(&besides->rope, besides->shelf);
	}
}

static bool starts_with_code(struct view reply)
{
	return reply.bytes >= 3 && reply.data[0] >= '2' && reply.data[0] <= '5' &&
	       byte_is_digit(reply.data[1]) && byte_is_digit(reply.data[2]);
}

static void write_recipient_for_people(
        struct bounce_writer *writer, const struct bounce_recipient *recipient)
{
	static const char indent[] = "    ";
	struct view reply = view_first(recipient->reply, BOUNCE_REPLY_BYTES_MAX);

	bounce_writer_put(writer, VIEW("\r\n<"));
	bounce_writer_clean(writer, recipient->address, true);
	bounce_writer_put(writer, VIEW(">\r\n"));
	if (reply.bytes > 0 && starts_with_code(reply)) {
		bounce_writer_put(writer, VIEW("    "));
		if (recipient->remote.bytes > 0)
			bounce_writer_clean(writer, recipient->remote, false);
		else
			bounce_writer_put(writer, VIEW("The next server"));
		bounce_writer_put(writer, VIEW(" said:\r\n"));
	}
	if (reply.bytes > 0) {
		bounce_writer_put(writer, view_of(indent));
		bounce_writer_wrap(writer, reply, indent, sizeof indent - 1);
		bounce_writer_put(writer, VIEW("\r\n"));
	}
	if (recipient->advice.bytes > 0 && recipient->action <= BOUNCE_DELAYED) {
		/* What did not heal in time carries an advice that was written for the waiting. */
		bool given_up = recipient->action == BOUNCE_FAILED &&
		                (recipient->expired || (recipient->reply.bytes > 0 &&
		                                               recipient->reply.data[0] == '4'));
		struct view label = given_up ? VIEW("We gave up waiting. While we tried it meant: ")
		                             : VIEW("What it means: ");
		bounce_writer_put(writer, view_of(indent));
		bounce_writer_put(writer, label);
		bounce_writer_wrap(
		        writer, recipient->advice, indent, sizeof indent - 1 + label.bytes);
		bounce_writer_put(writer, VIEW("\r\n"));
	}
	if (recipient->action == BOUNCE_DELAYED && recipient->retry_until.ms != 0) {
		bounce_writer_put(writer, VIEW("    We try until "));
		bounce_writer_date(writer, recipient->retry_until);
		bounce_writer_put(writer, VIEW(".\r\n"));
	}
}

static void write_people(
        struct bounce_writer *writer, const struct bounce *bounce, const struct original *original);

static void write_words(
        struct bounce_writer *writer, const struct bounce *bounce, const struct original *original)
{
	const bool utf8 = bounce_has_utf8(bounce);
	struct bounce_writer besides;

	write_part(writer, bounce,
	        utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
	        utf8 ? "quoted-printable" : NULL);
	if (!utf8) {
		write_people(writer, bounce, original);
		return;
	}
	bounce_writer_init(&besides, writer->shelf, writer->reserve);
	write_people(&besides, bounce, original);
	write_quoted(writer, &besides);
}

static void write_people(
        struct bounce_writer *writer, const struct bounce *bounce, const struct original *original)
{
	bounce_writer_put(writer, VIEW("This is the mail relay at "));
	bounce_writer_clean(writer, bounce->reporter, false);
	bounce_writer_put(writer, VIEW(".\r\n"));
	for (int action = 0; action < BOUNCE_ACTION_COUNT; action++) {
		bool begun = false;
		for (size_t i = 0; i < bounce->recipient_count; i++) {
			const struct bounce_recipient *recipient = &bounce->recipients[i];
			if ((int)recipient->action != action)
				continue;
			if (!begun) {
				bounce_writer_put(writer, VIEW("\r\nYour message of "));
				bounce_writer_date(writer, bounce->arrived);
				bounce_writer_put(writer, VIEW("\r\n"));
				bounce_writer_wrap(
				        writer, view_of(action_rows[action].people), "", 0);
				bounce_writer_put(writer, VIEW("\r\n"));
				begun = true;
			}
			write_recipient_for_people(writer, recipient);
		}
	}
	bounce_writer_put(writer, VIEW("\r\nWhoever runs the relay finds your message in its log"
	                               " as\r\n"));
	bounce_writer_clean(writer, bounce->original_id, false);
	bounce_writer_format(writer,
	        ". The next part of this report says the same to programs; %s.\r\n",
	        original->full ? "then\r\ncomes your message"
	                       : "then\r\ncomes the header of your message");
}

static void write_field(
        struct bounce_writer *writer, const char *name, struct view value, bool utf8)
{
	if (value.bytes == 0)
		return;
	bounce_writer_put(writer, view_of(name));
	bounce_writer_clean(writer, value, utf8);
	bounce_writer_put(writer, VIEW("\r\n"));
}

static void write_date_field(struct bounce_writer *writer, const char *name, struct wall when)
{
	if (when.ms == 0)
		return;
	bounce_writer_put(writer, view_of(name));
	bounce_writer_date(writer, when);
	bounce_writer_put(writer, VIEW("\r\n"));
}

/* Decodes xtext where it is whole; what came otherwise is shown as it came. */
static struct view decode(struct text *text, struct view xtext)
{
	if (xtext.bytes > text->size || !xtext_is_valid(xtext))
		return xtext;
	xtext_decode(text, xtext);
	return text_view(text);
}

/* Characters beyond ASCII, and those named, as \x{HEX}. */
static void put_escaped(struct text *text, struct view words, const char *others)
{
	while (words.bytes > 0) {
		const unsigned char first = (unsigned char)words.data[0];
		const size_t bytes = utf8_sequence_bytes(words);

		if (bytes > 1 || (first < 0x80 && strchr(others, (int)first) != NULL))
			text_format(text, "\\x{%02X}",
			        (unsigned)utf8_code_point(view_first(words, bytes)));
		else
			text_put_byte(text, words.data[0]);
		words = view_skip(words, bytes > 0 ? bytes : 1);
	}
}

/* "rfc822;user+2Btag@example.org" becomes "rfc822; user+tag@example.org". The utf-8 type keeps
 * its own escapes (RFC 6533 3). */
static void write_original_recipient(struct bounce_writer *writer, struct view orcpt)
{
	char buffer[MESSAGE_ORCPT_MAX * sizeof "\\x{2B}"];
	struct text text = TEXT_ON(buffer);
	size_t semicolon = view_find(orcpt, ';');
	if (semicolon == 0 || semicolon == orcpt.bytes)
		return;
	struct view type = view_first(orcpt, semicolon);
	struct view value = view_trim(view_skip(orcpt, semicolon + 1));
	if (!view_equal_fold(type, VIEW("utf-8"))) {
		value = decode(&text, value);
	} else {
		put_escaped(&text, value, "");
		value = text_view(&text);
	}
	bounce_writer_put(writer, VIEW("Original-Recipient: "));
	bounce_writer_clean(writer, type, false);
	bounce_writer_put(writer, VIEW("; "));
	bounce_writer_clean(writer, value, false);
	bounce_writer_put(writer, VIEW("\r\n"));
}

/* An address with UTF-8 has its own type, and a form of it in ASCII (RFC 6533 3, xtext). */
static void write_final_recipient(struct bounce_writer *writer, struct view address)
{
	char buffer[MESSAGE_ADDRESS_MAX * sizeof "\\x{2B}"];
	struct text text = TEXT_ON(buffer);

	if (utf8_is_ascii(address)) {
		write_field(writer, "Final-Recipient: rfc822; ", address, false);
		return;
	}
	put_escaped(&text, address, "+=\\");
	write_field(writer, "Final-Recipient: utf-8; ", text_view(&text), false);
}

static void write_status(struct bounce_writer *writer, const struct bounce_recipient *recipient)
{
	const char *status = action_rows[recipient->action].status;
	bool refused = starts_with_code(recipient->reply) && recipient->reply.data[0] == '5';
	if (recipient->expired)
		bounce_writer_put(writer, VIEW("Status: 4.4.7\r\n"));
	else if (recipient->status.class != 0)
		bounce_writer_format(writer, "Status: %u.%u.%u\r\n", recipient->status.class,
		        recipient->status.subject, recipient->status.detail);
	else if (recipient->action == BOUNCE_FAILED && !refused)
		bounce_writer_put(writer, VIEW("Status: 5.4.7\r\n")); /* its time ran out */
	else
		bounce_writer_format(writer, "Status: %s\r\n", status);
}

/* A host that has no name is written as SMTP writes it: [192.0.2.1] (RFC 3464 2.1.2). */
static void write_remote(struct bounce_writer *writer, struct view remote)
{
	const bool v6 = view_find(remote, ':') < remote.bytes;
	bool v4 = remote.bytes > 0;

	for (size_t i = 0; i < remote.bytes; i++)
		v4 = v4 && (byte_is_digit(remote.data[i]) || remote.data[i] == '.');
	if (!v4 && !v6) {
		write_field(writer, "Remote-MTA: dns; ", remote, false);
		return;
	}
	bounce_writer_put(
	        writer, v6 ? VIEW("Remote-MTA: dns; [IPv6:") : VIEW("Remote-MTA: dns; ["));
	bounce_writer_clean(writer, remote, false);
	bounce_writer_put(writer, VIEW("]\r\n"));
}

static void write_recipient(struct bounce_writer *writer, const struct bounce_recipient *recipient)
{
	struct view reply = view_first(recipient->reply, BOUNCE_REPLY_BYTES_MAX);

	bounce_writer_put(writer, VIEW("\r\n"));
	write_original_recipient(writer, recipient->original);
	write_final_recipient(writer, recipient->address);
	bounce_writer_format(writer, "Action: %s\r\n", action_rows[recipient->action].word);
	write_status(writer, recipient);
	write_remote(writer, recipient->remote);
	if (view_trim(reply).bytes > 0) {
		struct view type = starts_with_code(reply) ? VIEW("Diagnostic-Code: smtp; ")
		                                           : VIEW("Diagnostic-Code: X-Sluice; ");
		bounce_writer_put(writer, type);
		bounce_writer_wrap(writer, reply, " ", type.bytes);
		bounce_writer_put(writer, VIEW("\r\n"));
	}
	write_date_field(writer, "Last-Attempt-Date: ", recipient->last_attempt);
	if (recipient->action == BOUNCE_DELAYED)
		write_date_field(writer, "Will-Retry-Until: ", recipient->retry_until);
}

static void write_programs_part(struct bounce_writer *writer, const struct bounce *bounce)
{
	char buffer[MESSAGE_ORCPT_MAX];
	struct text envid = TEXT_ON(buffer);

	write_part(writer, bounce, "message/delivery-status", NULL);
	write_field(writer, "Reporting-MTA: dns; ", bounce->reporter, false);
	write_field(writer, "Original-Envelope-Id: ", decode(&envid, bounce->envid), false);
	write_date_field(writer, "Arrival-Date: ", bounce->arrived);
	write_field(writer, "X-Sluice-Queue-Id: ", bounce->original_id, false);
	for (size_t i = 0; i < bounce->recipient_count; i++)
		write_recipient(writer, &bounce->recipients[i]);
}

static void write_original(
        struct bounce_writer *writer, const struct bounce *bounce, const struct original *original)
{
	struct bounce_writer besides;

	if (original->full) {
		write_part(writer, bounce, "message/rfc822", original->copy_8bit ? "8bit" : NULL);
		/* A broken line of a header goes on as folded; of a body it can't be mended. */
		bounce_writer_copy(writer, bounce->original, original->copy_bytes, "");
	} else {
		const uint64_t bytes =
		        bounce_header_bytes(bounce->original, original->header_bytes);
		const bool quoted = original->header_8bit;
		write_part(
		        writer, bounce, "text/rfc822-headers", quoted ? "quoted-printable" : NULL);
		bounce_writer_init(&besides, writer->shelf, writer->reserve);
		bounce_writer_copy(quoted ? &besides : writer, bounce->original, bytes, " ");
		write_quoted(writer, &besides);
	}
	write_boundary(writer, bounce, true);
}

bool bounce_write(const struct bounce *bounce, struct rope *into, struct shelf *shelf,
        size_t reserve, struct bounce_needs *needs)
{
	check(bounce->recipient_count > 0);
	check(bounce->sender.bytes > 0); /* never a report about a report */
	check(bounce->id.bytes > 0);

	struct original original = bounce_scan(bounce);
	const bool smtputf8 = !utf8_is_ascii(bounce->sender) || !utf8_is_ascii(bounce->mailbox);
	const bool eight_bit = original.full && original.copy_8bit;
	struct bounce_writer writer;

	bounce_writer_init(&writer, shelf, reserve);
	write_header(&writer, bounce, &original, eight_bit);
	write_words(&writer, bounce, &original);
	write_programs_part(&writer, bounce);
	write_original(&writer, bounce, &original);
	*needs = (struct bounce_needs){
		.eight_bit = eight_bit || smtputf8,
		.smtputf8 = smtputf8,
	};
	return bounce_writer_take(&writer, into);
}
