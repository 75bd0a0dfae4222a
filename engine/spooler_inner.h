/*
 * What the spooler's files share: puts (spooler_put.c), their claims (spooler_claims.c), settles
 * and reports (spooler_settle.c), jobs that change their route (spooler_move.c), operators'
 * requests (spooler_request.c), tenants' limits (spooler_quotas.c), what closes for several lanes
 * (spooler_gates.c), and the turn that calls them (spooler.c).
 *
 * Thread:  the spooler's.
 */
#ifndef SLUICE_SPOOLER_INNER_H
#define SLUICE_SPOOLER_INNER_H

#include "engine/portion_sheet.h"
#include "engine/routing.h"
#include "engine/spooler.h"

#define SPOOLER_SHORT_RETRY (10 * NS_PER_MS) /* whether the memory budget has room again */

/* The memory budget is short: what takes much of it waits. */
static inline bool spooler_is_short(const struct spooler *spooler)
{
	return !mono_reached(loop_now(&spooler->shard.loop), spooler->short_until);
}

/* It was found so in this turn. */
void spooler_fall_short(struct spooler *spooler);
void spooler_log_damaged(struct spooler *spooler, struct spool_place place);
/* New mail is refused, or taken again. */
void spooler_tell_full(struct spooler *spooler, bool full);

void spooler_take_puts(struct spooler *spooler);
/* True: the claim of the letter's put is known, and is answered, now or with the batch. */
MUST_CHECK bool spooler_take_claim(
        struct spooler *spooler, const struct letter *letter, size_t shard);
static inline bool spooler_echoes_full(const struct spooler *spooler)
{
	return spooler->echo_count == BATCH_PUTS_MAX;
}
/* Before the puts that they wait for are answered: then those claims are lent no more. */
void spooler_answer_echoes(struct spooler *spooler);
/* Claims that are due to be forgotten, into the batch. */
void spooler_forget_claims(struct spooler *spooler);
void spooler_answer_puts(struct spooler *spooler);

/* What is known of mail that was sent (spooler_sent.c). */

/* A row for the settle added last, where a server took mail and that is to be kept. */
void spooler_keep_sent(struct spooler *spooler, const struct job *job);
/* Rows that are due to be forgotten, into the batch. */
void spooler_forget_sent(struct spooler *spooler);
/* The hash of a Message-ID, with its <>. */
void spooler_sent_key(struct view message_id, char key[SPOOL_SENT_KEY_BYTES]);

/* The message trace (spooler_trace.c). */

/* What leads to a settle; before the job changes its route for it. */
void spooler_trace_act(struct job *job, enum trace_act act);
enum trace_act spooler_trace_verb(enum request_verb verb);
/* Of the put added last. */
void spooler_trace_put(struct spooler *spooler, const struct letter *letter);
/* Of the settle added last. */
void spooler_trace_settle(struct spooler *spooler, const struct job *job);
/* Blocks that are due to be forgotten, into the batch; and what was lost is told. */
void spooler_forget_trace(struct spooler *spooler);

/* Settles that waited for memory or ids for their report, once more. */
void spooler_settle_waiting(struct spooler *spooler);
void spooler_take_settles(struct spooler *spooler);
/* Notes, as many as the batch holds. */
void spooler_add_notes(struct spooler *spooler);
/* Those that are on stable storage; `broken`: all, for nothing will be any more. */
void spooler_answer_notes(struct spooler *spooler, bool broken);
/* Into the batch, with the report it owes and what is branched off; or to wait for memory or ids
 * to write that. */
void spooler_settle(struct spooler *spooler, struct job *job);
void spooler_answer_settles(struct spooler *spooler);

/* What the shard asked for: the job goes on by another route, all or in part. Gives in *branch a
 * job of what parts with it, or NULL. False: no memory, nothing changed. */
MUST_CHECK bool spooler_move(struct spooler *spooler, struct job *job, struct job **branch);
/* The job goes to the route that it takes as things are configured today; held if there is none.
 * No shard has it. Gives and fails as spooler_move(). */
MUST_CHECK bool spooler_reroute(struct spooler *spooler, struct job *job, struct job **branch);
/* It is on disk. Takes branch. */
void spooler_send_branch(struct spooler *spooler, struct job *branch);
void spooler_log_kept(struct spooler *spooler, const struct job *job);
/* Why mail is held that nobody held. */
const char *spooler_kept_reason(const struct job *job);
/* Jobs that their route can't send any more. */
void spooler_settle_strays(struct spooler *spooler);
/* Jobs of routes that the configuration no longer has. */
void spooler_adopt(struct spooler *spooler);
/* Whether the spooler has the job to settle it, and no shard. */
bool spooler_holds(const struct spooler *spooler, struct spool_place place);

/* What the spool has of incidents; at the start. */
void spooler_read_incidents(struct spooler *spooler);
/* What a shard has to say about one; the sheet goes back. */
void spooler_hear_incident(struct spooler *spooler, struct incident_sheet *sheet, size_t shard);
/* The next page of the book goes into the batch. */
void spooler_keep_incidents(struct spooler *spooler);
/* It is on disk; or not, and never will be. */
void spooler_kept_incident(struct spooler *spooler, bool kept);
/* Into the request's page: those that are open, or all. */
void spooler_list_incidents(struct spooler *spooler, struct request *request);

/* What the spool has of tenants' limits; at the start. */
MUST_CHECK struct err spooler_quotas_open(struct spooler *spooler);
/* A shard tells of its portion, and may want more of it; the sheet goes back with that. */
void spooler_hear_portion(struct spooler *spooler, struct portion_sheet *sheet, size_t shard);
/* Records that are wanted go into the batch. */
void spooler_keep_quotas(struct spooler *spooler);
/* One is on disk; or not, and never will be. */
void spooler_kept_quota(struct spooler *spooler, struct note *note, bool kept);
/* A record is wanted now. */
bool spooler_quotas_want(struct spooler *spooler);
/* What is on disk allows nothing: a clean stop. */
bool spooler_quotas_are_closed(const struct spooler *spooler);
/* A message was delivered on the route. */
void spooler_count_sent(struct spooler *spooler, uint16_t route);
/* The gate has closed: what was sent in the last minute was too much. */
void spooler_cut_rate(struct spooler *spooler, uint32_t gate);
/* An operator said retry. */
void spooler_resume_quotas(struct spooler *spooler);

/* What the spool has of gates; at the start. */
MUST_CHECK struct err spooler_gates_open(struct spooler *spooler);
/* What a shard has to say of one; the sheet goes back. */
void spooler_hear_gate(struct spooler *spooler, struct gate_sheet *sheet, size_t shard);
/* To all shards that don't know. */
void spooler_tell_gates(struct spooler *spooler);
void spooler_told_gate(struct spooler *spooler, const struct gate_news *news, size_t shard);
/* Those in doubt, whose time is up, open. Gives when the next one does. */
struct mono spooler_pass_gates(struct spooler *spooler);
/* An operator said retry: all are open. */
void spooler_resume_gates(struct spooler *spooler);
/* Records of those that changed go into the batch. */
void spooler_keep_gates(struct spooler *spooler);
bool spooler_owns_gate_note(const struct spooler *spooler, const struct note *note);
void spooler_kept_gate(struct note *note, bool kept);
bool spooler_gates_are_kept(const struct spooler *spooler);

/* Late refusals (spooler_late.c). */

/* A letter to a shard beyond those that credit counts. False: it has no room for that now. */
bool spooler_tell(struct spooler *spooler, size_t shard, const struct letter *letter);
/* What a report says of a recipient (NULL: of none) is matched, logged, and told to the shards
 * that it is about. `source`: for the log. */
void spooler_hear_late(struct spooler *spooler, const struct ndr *ndr,
        const struct ndr_recipient *recipient, const char *source, struct late *late);
/* Sheets that wait, to the shards that are to hear them next. */
void spooler_send_lates(struct spooler *spooler);
/* A shard has heard it. */
void spooler_late_heard(struct spooler *spooler, struct late_sheet *sheet);
/* What is kept, for whoever asks about the message (spooler_late_notes.c). */
enum late_kept {
	LATE_KEPT_AGAIN, /* it is, of this run; by a note that is under way: late->notes */
	LATE_KEPT_FULL,  /* enough is, of this message */
	LATE_KEPT_BUSY,  /* too many notes are under way */
	LATE_KEPT_ROOM,  /* it can be */
};
enum late_kept spooler_look_late(
        struct spooler *spooler, struct late *late, const struct ndr_recipient *recipient);
/* Where there is room. */
void spooler_keep_late(
        struct spooler *spooler, struct late *late, const struct ndr_recipient *recipient);
/* Reports that came by mail, once what is kept of them is on disk. */
void spooler_answer_heard(struct spooler *spooler, bool broken);
uint64_t spooler_lates_under_way(const struct spooler *spooler);
/* Those that were heard before `since` and stand first. */
void spooler_forget_lates(struct spooler *spooler, struct wall since);
bool spooler_owns_late_note(const struct spooler *spooler, const struct note *note);
void spooler_kept_late(struct note *note);
bool spooler_lates_are_kept(const struct spooler *spooler);
/* Rows of the message that the request names. */
void spooler_put_lates(struct spooler *spooler, struct request *request);
/* The request's report. */
void spooler_answer_late(struct spooler *spooler, struct request *request);

/* Some steps of the operator's request that is being run, or of the next. */
void spooler_run_request(struct spooler *spooler);
/* An operator hears of a change once it is durable. */
void spooler_answer_request(struct spooler *spooler);
/* The spool is broken: an operator who waits hears that. */
void spooler_refuse_request(struct spooler *spooler);

#endif
