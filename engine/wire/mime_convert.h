/*
 * Turns an 8-bit message into a 7-bit one (RFC 6152 3), for servers without 8BITMIME.
 *
 * Two passes over the same body. The first looks at every part and decides; the second writes
 * the new body: each leaf with 8-bit bytes as quoted-printable (text) or base64 (all else), its
 * Content-Transfer-Encoding rewritten, everything else as it was.
 *
 *     mime_convert_init(&convert);
 *     for each piece: mime_convert_scan(&convert, piece);
 *     if (mime_convert_judge(&convert) == MIME_CAN) {
 *             for each piece: while (!mime_convert_write(&convert, &piece, &text)) drain text;
 *             drain text; mime_convert_finish(&convert, &text); drain text;
 *     }
 *
 * Thread:  the owner's; a value without memory of its own; output goes to the caller's text.
 * Never:   touches what is signed or encrypted, or a header: where 8-bit bytes stand there, the
 *          answer is MIME_CANNOT and the mail bounces, 554 5.6.3. A message within the message is
 *          turned like the message itself, which may cost a signature in there (RFC 6152 3 asks
 *          for it all the same: a message/rfc822 can't be encoded as a whole).
 */
#ifndef SLUICE_MIME_CONVERT_H
#define SLUICE_MIME_CONVERT_H

#include "engine/wire/base64.h"
#include "engine/wire/quoted.h"

#define MIME_DEPTH_MAX    8    /* multiparts within multiparts */
#define MIME_BOUNDARY_MAX 70   /* RFC 2046 5.1.1 */
#define MIME_LEAVES_MAX   512  /* parts that are no multipart */
#define MIME_VALUE_MAX    512  /* bytes of a Content-Type, unfolded */
#define MIME_SEGMENT_MAX  256  /* bytes of a line that are looked at together */
#define MIME_OUTPUT_MIN   2048 /* room a call needs to be sure of progress */

enum mime_answer {
	MIME_UNNEEDED, /* every byte is 7-bit: send it as it is */
	MIME_CAN,
	MIME_CANNOT,
};

enum mime_place {
	MIME_IN_HEADER,
	MIME_IN_LEAF,    /* the body of a part that may be encoded */
	MIME_IN_MESSAGE, /* a message/rfc822, whose own header comes next */
	MIME_IN_OPAQUE, /* signed, encrypted, another kind of message, or MIME that we can't read */
	MIME_BETWEEN,   /* a multipart's preamble or epilogue */
};

enum mime_encoder {
	MIME_AS_IS,
	MIME_QUOTED,
	MIME_BASE64,
};

struct mime_boundary {
	uint8_t bytes;
	char text[MIME_BOUNDARY_MAX];
};

struct mime_convert {
	enum mime_answer answer;
	uint64_t eight_bit[MIME_LEAVES_MAX / 64]; /* bit n: leaf n holds 8-bit bytes */

	/* Where we are; begins anew with the second pass. */
	struct mime_walk {
		bool writing;
		enum mime_place place;
		bool top;        /* in the own header of the message, or of one within it */
		bool owed_crlf;  /* the CRLF before this line was not written yet */
		bool in_line;    /* the segment goes on with a line begun before it */
		unsigned leaves; /* seen so far; the current one is leaves - 1 */
		unsigned depth;
		struct mime_boundary boundaries[MIME_DEPTH_MAX];
		size_t segment_bytes;
		char segment[MIME_SEGMENT_MAX];

		/* The header of this part. */
		unsigned field;
		bool has_version;
		bool has_type;
		bool has_encoding;
		size_t type_bytes;
		size_t encoding_bytes;
		char type[MIME_VALUE_MAX];
		char encoding[32];

		enum mime_encoder encoder;
		struct quoted quoted;
		struct base64_writer base64;
		unsigned column; /* of base64's line */
	} walk;
};

void mime_convert_init(struct mime_convert *convert);
void mime_convert_scan(struct mime_convert *convert, struct view bytes);
/* The end of the first pass; the second may begin where the answer is MIME_CAN. */
enum mime_answer mime_convert_judge(struct mime_convert *convert);
/* True: input is used up. False: output has less than MIME_OUTPUT_MIN left; drain it first. */
bool mime_convert_write(struct mime_convert *convert, struct view *input, struct text *output);
/* The message is over; output has MIME_OUTPUT_MIN of room. */
void mime_convert_finish(struct mime_convert *convert, struct text *output);

#endif
