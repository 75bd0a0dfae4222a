/*
 * Mends commands of devices that don't know SMTP's grammar, where an operator has said that those
 * are to be heard: a MAIL or RCPT that can't be read becomes one that can, if an address is in it,
 * and a hello without a name gets one.
 *
 * What devices say: "MAIL FROM <a@b>", "MAILFROM:<a@b>", "RCPT a@b", "MAIL FROM:Scanner <a@b>",
 * "RCPT TO:<a@b", "MAIL FROM:<a@b> from the scanner", "MAIL FROM:", "HELO".
 *
 * Thread:  any; pure.
 * Never:   changes a line that the parser takes as it is, or one with control characters; gives
 *          one that the parser doesn't take.
 */
#ifndef SLUICE_MEND_H
#define SLUICE_MEND_H

#include "engine/wire/command.h"

/* A line, and what mending adds: "MAIL FROM:<" and ">" in front of the longest. */
#define MEND_LINE_BYTES (COMMAND_LINE_MAX + 16)

/* `line` without its end; `name`: what a client without one is called; `mended` of
 * MEND_LINE_BYTES. False: nothing to mend, or no way to. */
bool mend_line(struct view line, struct view name, struct text *mended);

#endif
