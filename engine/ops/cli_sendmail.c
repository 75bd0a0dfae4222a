#include "engine/ops/cli.h"

#include "engine/ops/sendmail_letter.h"
#include "engine/ops/submit.h"
#include "queue/address.h"

#include <pwd.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define SUBMIT_FILE    "/etc/sluice/submit"
#define SUBMIT_DEFAULT "127.0.0.1:25"
#define NAME_BYTES     256
#define FROM_BYTES     512 /* a name in quotes, and an address */

static const char usage[] =
        "usage: sluice sendmail [OPTION...] [RECIPIENT...] <MESSAGE\n"
        "       sluice sendmail -bp\n"
        "\n"
        "Takes a message from standard input and hands it to the relay, as sendmail(8) does for\n"
        "cron, PHP and mail(1); also when it is called sendmail. As mailq, or with -bp, it shows\n"
        "the queue.\n"
        "\n"
        "  -t           recipients are those of To, Cc and Bcc, and those given\n"
        "  -i, -oi      a line with a dot alone is no end\n"
        "  -f ADDRESS   the sender; -r is the same; <> is the null sender\n"
        "  -F NAME      the sender's full name, for a From where there is none\n"
        "  -C FILE      the configuration: where its first listener is\n"
        "  --help       this text\n"
        "\n"
        "Other options of Postfix's and Sendmail's are taken and mean nothing here. The relay is\n"
        "looked for at $SLUICE_SUBMIT (ADDRESS:PORT), at what " SUBMIT_FILE " says,\n"
        "at the first listener of the configuration where that can be read, or at " SUBMIT_DEFAULT
        ".\n"
        "\n"
        "Exit status, of sysexits.h: 0 the relay has it on disk, 64 wrong usage, 65 there is no\n"
        "message or no recipient, 67 a recipient is refused, 69 the message is, 75 try again\n"
        "later: the relay can't be reached, or says so.\n";

/* As Postfix's sendmail(1) has them; those behind the first line mean nothing here. */
#define SHORT_OPTIONS                                                                              \
	"+b:C:f:F:io:r:t"                                                                          \
	"A:B:h:IL:mN:nO:p:q::R:sTUV:vX:x"

struct wish {
	struct letter_words recipients;
	const char *sender; /* NULL: the user's own */
	const char *full_name;
	const char *config;
	bool takes_recipients;
	bool dot_ends;
	bool shows_queue;
	bool does_nothing; /* -bi: there are no aliases to be made */
	bool help;
};

static int complain(int status, const char *what, const char *word)
{
	fprintf(stderr, "sendmail: %s%s\n", what, word);
	return status;
}

/* -b and its mode. */
static int read_mode(const char *mode, struct wish *wish)
{
	if (strcmp(mode, "p") == 0)
		wish->shows_queue = true;
	else if (strcmp(mode, "i") == 0)
		wish->does_nothing = true;
	else if (strcmp(mode, "m") != 0)
		return complain(EX_USAGE, "no such mode here: -b", mode);
	return EX_OK;
}

static int read_options(int argc, char **argv, struct wish *wish)
{
	static const struct option none[] = { { "help", no_argument, NULL, 'H' }, { 0 } };
	int status = EX_OK;
	int option;

	/* With a number, Sendmail's count of hops; alone, what it is of every command of ours. */
	if (argc == 2 && strcmp(argv[1], "-h") == 0) {
		wish->help = true;
		return EX_OK;
	}
	optind = 0; /* starts anew */
	opterr = 0;
	while ((option = getopt_long(argc, argv, SHORT_OPTIONS, none, NULL)) != -1 &&
	        status == EX_OK) {
		if (option == '?')
			return complain(EX_USAGE,
			        "unknown option, or one without its value: ", argv[optind - 1]);
		if (option == 'b')
			status = read_mode(optarg, wish);
		else if (option == 'C')
			wish->config = optarg;
		else if (option == 'f' || option == 'r')
			wish->sender = optarg;
		else if (option == 'F')
			wish->full_name = optarg;
		else if (option == 'i' || (option == 'o' && strcmp(optarg, "i") == 0))
			wish->dot_ends = false;
		else if (option == 't')
			wish->takes_recipients = true;
		else if (option == 'H')
			wish->help = true;
	}
	return status;
}

/* What a person writes as an address: whole, with <>, or a name of this host. */
static bool complete(const char *word, const char *host, struct text *address)
{
	struct view view = view_of(word);
	struct address parsed;

	if (view.bytes >= 2 && view.data[0] == '<' && view.data[view.bytes - 1] == '>')
		view = view_first(view_skip(view, 1), view.bytes - 2);
	text_put(address, view);
	if (view.bytes > 0 && view_find(view, '@') == view.bytes)
		text_format(address, "@%s", host);
	return view.bytes > 0 && !address->overflow &&
	       address_parse(text_view(address), true, &parsed) == ADDRESS_OK;
}

static int add_recipients(char **words, const char *host, struct wish *wish)
{
	for (; *words != NULL; words++) {
		char memory[ADDRESS_BYTES_MAX + 1];
		struct text address = TEXT_ON(memory);

		if (!complete(*words, host, &address))
			return complain(EX_DATAERR, "no mail address: ", *words);
		if (!letter_words_add(&wish->recipients, text_view(&address)))
			return complain(EX_TEMPFAIL, "out of memory", "");
	}
	return EX_OK;
}

/* Where the relay is. */

static bool read_place(const char *text, struct endpoint *place)
{
	return text != NULL && endpoint_parse(view_trim(view_of(text)), place);
}

static bool read_place_file(struct endpoint *place)
{
	char line[ENDPOINT_TEXT_BYTES + 2];
	FILE *file = fopen(SUBMIT_FILE, "re");

	if (file == NULL)
		return false;
	const bool found = fgets(line, sizeof line, file) != NULL && read_place(line, place);
	fclose(file);
	return found;
}

/* Of a configuration that we can read; any address of ours is loopback's too. */
static bool read_place_config(const char *path, struct endpoint *place)
{
	static const uint8_t any6[16];
	struct config *config;

	if (access(path, R_OK) != 0 || (config = cli_load_keyless(path)) == NULL)
		return false;
	*place = config->listeners.at[0].address;
	const bool any4 = endpoint_is_ipv4(place) && memcmp(place->address + 12, any6, 4) == 0;
	if (any4)
		memcpy(place->address + 12, "\x7f\0\0\1", 4);
	else if (memcmp(place->address, any6, sizeof any6) == 0)
		place->address[15] = 1;
	config_destroy(config);
	return true;
}

static int find_place(const struct wish *wish, struct endpoint *place)
{
	const char *chosen = getenv("SLUICE_SUBMIT");

	if (chosen != NULL)
		return read_place(chosen, place)
		               ? EX_OK
		               : complain(EX_USAGE, "SLUICE_SUBMIT is not ADDRESS:PORT: ", chosen);
	if (wish->config != NULL)
		return read_place_config(wish->config, place)
		               ? EX_OK
		               : complain(EX_TEMPFAIL, "can't read the configuration ",
		                         wish->config);
	if (!read_place_file(place) && !read_place_config(CLI_CONFIG_DEFAULT, place))
		(void)read_place(SUBMIT_DEFAULT, place);
	return EX_OK;
}

/* The message. */

/* "Full Name" <address>; of a name, what can stand in quotes. */
static void put_from(struct text *from, const char *name, const char *address)
{
	if (name != NULL && name[0] != '\0') {
		text_put_byte(from, '"');
		for (; *name != '\0'; name++)
			if (*name >= ' ' && *name != '"' && *name != '\\' && *name != 0x7f)
				text_put_byte(from, *name);
		text_put(from, VIEW("\" "));
	}
	text_format(from, "<%s>", address);
}

static int put_sender(const struct wish *wish, const char *host, struct text *sender)
{
	const struct passwd *user = getpwuid(getuid());
	const char *name = user != NULL ? user->pw_name : "nobody";

	if (wish->sender != NULL && (wish->sender[0] == '\0' || strcmp(wish->sender, "<>") == 0))
		return EX_OK;
	if (!complete(wish->sender != NULL ? wish->sender : name, host, sender))
		return complain(EX_DATAERR,
		        "no mail address: ", wish->sender != NULL ? wish->sender : name);
	return EX_OK;
}

static int hand_in(
        const struct wish *wish, const struct letter *letter, const char *host, const char *sender)
{
	char memory[SUBMIT_WHY_BYTES];
	struct text why = TEXT_ON(memory);
	struct submit_mail mail = {
		.name = host,
		.sender = sender,
		.recipients = wish->recipients.at,
		.recipient_count = wish->recipients.count,
		.content = view_from(letter->content, letter->content_bytes),
		.is_8bit = letter->is_8bit,
	};
	static const int statuses[] = {
		[SUBMIT_TAKEN] = EX_OK,
		[SUBMIT_LATER] = EX_TEMPFAIL,
		[SUBMIT_NOBODY] = EX_NOUSER,
		[SUBMIT_REFUSED] = EX_UNAVAILABLE,
	};

	int status = find_place(wish, &mail.to);
	if (status != EX_OK)
		return status;
	status = statuses[submit(&mail, &why)];
	if (status == EX_OK)
		return status;
	fputs("sendmail: nothing was sent: ", stderr);
	fprintf(stderr, "%s\n", text_string(&why));
	return status;
}

static int send_letter(struct wish *wish, struct letter *letter, const char *host)
{
	char sender_memory[ADDRESS_BYTES_MAX + 1];
	char from_memory[FROM_BYTES];
	struct text sender = TEXT_ON(sender_memory);
	struct text from = TEXT_ON(from_memory);

	int status = put_sender(wish, host, &sender);
	if (status != EX_OK)
		return status;
	const struct err err = letter_open(letter, STDIN_FILENO, wish->dot_ends);
	if (failed(err))
		return complain(err.code == ERR_LIMIT ? EX_DATAERR : EX_TEMPFAIL,
		        "can't read the message: ", err_text(err.code));
	if (letter->count == 0)
		return complain(EX_DATAERR, "there is no message", "");
	put_from(&from, wish->full_name, sender.bytes > 0 ? text_string(&sender) : "MAILER-DAEMON");
	if (!letter_finish(letter, wish->takes_recipients, text_string(&from)))
		return complain(EX_TEMPFAIL, "out of memory", "");
	for (size_t i = 0; i < letter->recipients.count; i++)
		if (!letter_words_add(&wish->recipients, view_of(letter->recipients.at[i])))
			return complain(EX_TEMPFAIL, "out of memory", "");
	if (wish->recipients.count == 0)
		return complain(EX_DATAERR, "there is no recipient", "");
	return hand_in(wish, letter, host, text_string(&sender));
}

int cli_sendmail(int argc, char **argv)
{
	struct wish wish = { .dot_ends = true };
	char list[] = "list";
	char queue[] = "queue";
	char *words[] = { queue, list, NULL };
	char host[NAME_BYTES] = "localhost";
	struct letter letter = { .bytes = NULL };

	int status = read_options(argc, argv, &wish);
	if (status != EX_OK)
		return status;
	if (wish.help) {
		fputs(usage, stdout);
		return EX_OK;
	}
	if (wish.does_nothing)
		return EX_OK;
	if (wish.shows_queue || strcmp(argv[0], "mailq") == 0)
		return cli_queue(2, words);
	(void)gethostname(host, sizeof host - 1);
	status = add_recipients(argv + optind, host, &wish);
	if (status == EX_OK)
		status = send_letter(&wish, &letter, host);
	letter_close(&letter);
	letter_words_close(&wish.recipients);
	return status;
}
