/*
 * What sendmail(8) is given on its standard input, made a message: its recipients taken from the
 * header where that is asked for, Bcc taken out, a From put in where there is none.
 *
 * What else a message lacks (Message-ID, Date) the relay adds.
 *
 * Thread:  a command's main one.
 * Owns:    its memory, until letter_close(). Lends views into it.
 * Fails:   letter_read() with errno; ERR_LIMIT beyond LETTER_BYTES_MAX.
 */
#ifndef SLUICE_SENDMAIL_LETTER_H
#define SLUICE_SENDMAIL_LETTER_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

/* Exchange Online takes no larger message by any interface. */
#define LETTER_BYTES_MAX ((size_t)150 << 20)

struct letter_words {
	const char **at; /* addresses */
	size_t count;
	size_t room;
};

struct letter {
	char *bytes; /* as it came */
	size_t count;
	char *content; /* as it goes, lines by LF or CRLF as they came */
	size_t content_bytes;
	struct letter_words recipients; /* of the header */
	bool has_from;
	bool is_8bit;
};

/* From a descriptor, to its end, or to a line with a dot alone where that ends it. */
MUST_CHECK struct err letter_open(struct letter *letter, int fd, bool dot_ends);
/* Looks at the header; `from`: what goes into From where there is none, name and address. False:
 * no memory. */
MUST_CHECK bool letter_finish(struct letter *letter, bool takes_recipients, const char *from);
void letter_close(struct letter *letter);
/* One more. False: no memory. */
MUST_CHECK bool letter_words_add(struct letter_words *words, struct view word);
void letter_words_close(struct letter_words *words);

#endif
