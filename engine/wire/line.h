/*
 * Takes lines out of a stream of bytes that comes in pieces of any size.
 *
 * A line ends with LF; the line says whether CR stood before it, and whether a CR stood
 * anywhere else, and the caller decides what that means to it. A line that lies whole in the
 * input is lent from there; only one that is split is gathered in the caller's buffer.
 *
 * Thread:  the owner's. Owns nothing: the buffer is the caller's and is in use only while
 *          line_is_idle() is false.
 * Never:   keeps more than the buffer holds: the rest of a longer line is swallowed up to its
 *          end, and the line is given, cut, with too_long set.
 */
#ifndef SLUICE_LINE_H
#define SLUICE_LINE_H

#include "queue/base/bytes.h"

struct line {
	struct view text; /* without its end; lent until the next call or until input is reused */
	bool crlf;        /* ended with CRLF; else with a bare LF */
	bool bare_cr;     /* holds a CR that no LF follows */
	bool too_long;    /* longer than the buffer: text is only its beginning */
};

struct line_reader {
	struct span buffer;
	size_t bytes;  /* of an unfinished line, in buffer */
	bool too_long; /* the unfinished line has outgrown the buffer */
	bool bare_cr;  /* seen where it can't be in `text` any more (too long) */
	bool last_cr;  /* the last byte of the unfinished line was CR */
};

enum line_news {
	LINE_MORE,  /* all input was used; no line ends in it */
	LINE_READY, /* *line is one; input starts behind it */
};

/* A buffer of N bytes takes lines of N bytes, their end not counted. */
void line_init(struct line_reader *reader, struct span buffer);
/* Nothing is kept in the buffer: it may be taken away, and line_init() called anew. */
bool line_is_idle(const struct line_reader *reader);
enum line_news line_read(struct line_reader *reader, struct view *input, struct line *line);

#endif
