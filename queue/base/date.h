/*
 * Dates as text, always in UTC: as mail writes them (RFC 5322) and as logs do (ISO 8601).
 *
 * Thread:  any; pure: it is told the time and reads no clock, no locale and no zone file.
 */
#ifndef SLUICE_DATE_H
#define SLUICE_DATE_H

#include "queue/base/bytes.h"
#include "queue/base/clock.h"

/* "Tue, 24 Nov 2026 03:15:03 +0000" */
void date_put_mail(struct text *text, struct wall when);
/* "2026-11-24T03:15:03.123Z" */
void date_put_iso(struct text *text, struct wall when);
/* The same, as RFC 3339 has it: with or without a fraction, Z or an offset such as +02:00; or the
 * day alone, from its start in UTC. False: it is no such time. */
bool date_read_iso(struct view text, struct wall *when);

#endif
