/*
 * Writes JSON texts of what others said: whatever the bytes, the result is well-formed.
 *
 * Thread:  any; pure. Where JSON is built from bytes of our own, jansson serves as well; it
 *          refuses a text that is no UTF-8, which a server's reply may be.
 */
#ifndef SLUICE_JSON_WRITE_H
#define SLUICE_JSON_WRITE_H

#include "queue/base/bytes.h"

/* With its quotes; what is no UTF-8, and controls above ASCII, become U+FFFD. At most six times
 * the bytes, and two. */
void json_write_text(struct text *text, struct view value);
/* Bytes at the start of `rest` that are one character which may be shown as it is; 0: a control
 * character, or no UTF-8. Those above ASCII are well-formed, but some terminals obey C1 controls
 * and controls of direction, and some readers end a line at U+2028. */
size_t json_write_plain_bytes(struct view rest);

#endif
