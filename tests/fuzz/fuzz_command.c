/* Commands: lines read whole and split are the same; what parses is safe in a log and a command,
 * and an envelope that was written from it parses to the same. */
#include "engine/wire/command.h"
#include "engine/wire/line.h"
#include "engine/wire/mend.h"
#include "engine/wire/write.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX 4096

static void check_mail(struct view arguments)
{
	struct command_mail mail;
	struct command_mail again;
	struct command command;
	char memory[2 * FUZZ_MAX];
	struct text line = TEXT_ON(memory);

	if (command_mail_parse(arguments, &mail) != COMMAND_FAULT_NONE)
		return;
	fuzz_check_safe(mail.sender.whole);
	fuzz_check_safe(mail.envid);
	fuzz_check_safe(mail.auth);
	check(mail.is_null == (mail.sender.whole.bytes == 0));
	check(!mail.sender.utf8 || mail.smtputf8);
	check(write_mail(&line, &(struct write_mail){
	                                .sender = mail.sender.whole,
	                                .with_size = mail.has_size,
	                                .size = mail.size,
	                                .smtputf8 = mail.smtputf8,
	                                .ret = mail.ret,
	                                .envid = mail.envid,
	                        }));
	check(command_parse(view_first(text_view(&line), line.bytes - 2), &command) ==
	        COMMAND_FAULT_NONE);
	check(command_mail_parse(command.arguments, &again) == COMMAND_FAULT_NONE);
	check(view_equal(again.sender.whole, mail.sender.whole));
	check(view_equal(again.envid, mail.envid));
	check(again.size == mail.size && again.ret == mail.ret);
}

static void check_rcpt(struct view arguments)
{
	struct command_rcpt rcpt;
	struct command_rcpt again;
	struct command command;
	char memory[2 * FUZZ_MAX];
	struct text line = TEXT_ON(memory);

	if (command_rcpt_parse(arguments, true, &rcpt) != COMMAND_FAULT_NONE)
		return;
	fuzz_check_safe(rcpt.recipient.whole);
	fuzz_check_safe(rcpt.orcpt);
	check(write_rcpt(&line, &(struct write_rcpt){
	                                .recipient = rcpt.recipient.whole,
	                                .notify = rcpt.notify,
	                                .orcpt = rcpt.orcpt,
	                        }));
	check(command_parse(view_first(text_view(&line), line.bytes - 2), &command) ==
	        COMMAND_FAULT_NONE);
	check(command_rcpt_parse(command.arguments, true, &again) == COMMAND_FAULT_NONE);
	check(view_equal(again.recipient.whole, rcpt.recipient.whole));
	check(view_equal(again.orcpt, rcpt.orcpt));
	check(again.notify == rcpt.notify);
}

/* What is mended, the parser takes, and it is mended no further. */
static void check_mended(struct view line)
{
	char memory[MEND_LINE_BYTES];
	char more[MEND_LINE_BYTES];
	struct text mended = TEXT_ON(memory);
	struct text again = TEXT_ON(more);
	struct command command;

	if (!mend_line(line, VIEW("[192.0.2.1]"), &mended))
		return;
	check(command_parse(text_view(&mended), &command) == COMMAND_FAULT_NONE);
	check_mail(command.arguments);
	check_rcpt(command.arguments);
	check(!mend_line(text_view(&mended), VIEW("[192.0.2.1]"), &again));
}

static void check_line(struct view line)
{
	struct command command;
	struct command_bdat bdat;
	struct command_auth auth;
	struct view name;

	if (command_is_foreign(line))
		check(command_parse(line, &command) != COMMAND_FAULT_NONE);
	if (command_parse(line, &command) == COMMAND_FAULT_CONTROL)
		return;
	(void)command_bdat_parse(command.arguments, &bdat);
	(void)command_auth_parse(command.arguments, &auth);
	if (command_hello_parse(command.arguments, &name) == COMMAND_FAULT_NONE)
		fuzz_check_safe(name);
	check_mail(command.arguments);
	check_rcpt(command.arguments);
	check_mended(line);
}

/* A sum over the lines and what is said of them. */
static uint64_t read_lines(struct view input, size_t room, unsigned seed)
{
	static char buffer[FUZZ_MAX];
	struct line_reader reader;
	struct line line;
	uint64_t sum = 1;

	line_init(&reader, (struct span){ buffer, room });
	while (input.bytes > 0) {
		struct view part =
		        view_first(input, seed == 0 ? input.bytes : fuzz_step(input, seed));
		input = view_skip(input, part.bytes);
		while (line_read(&reader, &part, &line) == LINE_READY) {
			for (size_t i = 0; i < line.text.bytes; i++)
				sum = sum * 31 + (unsigned char)line.text.data[i];
			sum = sum * 31 + line.crlf + 2u * line.bare_cr + 4u * line.too_long + 256;
			if (seed == 0)
				check_line(line.text);
		}
		check(part.bytes == 0);
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	unsigned seed = fuzz_choice(&input) + 1;
	size_t room = 8 + fuzz_choice(&input) * 8;

	check(read_lines(input, room, 0) == read_lines(input, room, seed));
	check_line(input);
	return 0;
}
