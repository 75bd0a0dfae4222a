/*
 * A lane: an identity on a route, or a slice of a route without sign-in. It says whether a
 * message may start on it now, and whether a session may be opened for it.
 *
 * It has two gates. What servers say about messages and identities holds the lane: nothing starts
 * until the time is up, then one message at a time until one succeeds. What goes wrong before a
 * session is ready shuts its door: no session is opened until the time is up; sessions that stand
 * go on. So does a fault of one front end, which blames nobody: then success on another session
 * opens the door at once.
 * While no sign-in has succeeded since start or since one was refused, one session is opened at a
 * time: a wrong password is tried once, not by all sessions at once.
 * Where a report by mail held it, a message that succeeds leaves it in doubt, until that one's own
 * report has had time to come; no other starts before.
 * Each gate's wait doubles with every setback in a row, and ends its growth with success.
 * A gate is closed once an epoch: what began before it was closed last says nothing more.
 *
 * The limits of its mailbox are its throttle's (queue/throttle.h), which the lanes of one account
 * share.
 *
 * Thread:  its shard's own.
 * Owns:    nothing.
 * Never:   reads a clock.
 */
#ifndef SLUICE_LANE_H
#define SLUICE_LANE_H

#include "queue/base/clock.h"
#include "queue/base/list.h"
#include "queue/base/random.h"
#include "queue/quota.h"
#include "queue/schedule.h"
#include "queue/replies.h"
#include "queue/throttle.h"

#define LANE_HOLD_MOST_NS    (3600 * NS_PER_S) /* a growing hold; a verdict may ask for more */
#define LANE_BUSY_NS         (5 * NS_PER_S)    /* a hold at first, for a busy store */
#define LANE_LEARNED_NS      (2 * NS_PER_S)    /* a hold where a limit was learned besides */
#define LANE_LEARNED_MOST_NS (60 * NS_PER_S)
#define LANE_REPORT_NS       QUOTA_REPORT_NS /* a report comes within that, mostly */
#define LANE_WORD_BYTES      200             /* kept of why it is held */
#define LANE_SERVER_BYTES    80
#define LANE_APART_MS        100 /* the two clocks drift; if they part by more one was set */
#define LANE_DOOR_FIRST_NS   (1 * NS_PER_S)
#define LANE_DOOR_MOST_NS    (60 * NS_PER_S)
/* Another front end, soon: operators wait 5 to 30 s (reference.md, 6.3). */
#define LANE_FAULT_FIRST_NS (5 * NS_PER_S)
#define LANE_FAULT_MOST_NS  (30 * NS_PER_S)

/* A wait that grows. Reached and setbacks > 0: trying, carefully. */
struct lane_gate {
	struct mono until;
	uint32_t setbacks; /* in a row */
};

/* How long a hold is at first, and at most where it grows. */
struct lane_wait {
	int64_t first_ns;
	int64_t most_ns; /* first_ns where that is more */
	bool late;       /* a report says so, long after the message was taken */
};

/* Why it is held, for mail that has to wait behind that. */
struct lane_word {
	struct mono hold;  /* the end that `until` is for */
	struct wall until; /* the same, for what goes to disk: one time for all that wait */
	struct reply_note note;
	char text[LANE_WORD_BYTES];
	char server[LANE_SERVER_BYTES];
};

struct lane {
	uint16_t route;
	uint16_t identity; /* of the route; meaningless where the route has none */
	struct schedule_reach reach;
	uint32_t standing;  /* sessions that are ready */
	struct list idle;   /* of them, those without a message, the longest first */
	uint32_t in_flight; /* messages of its sessions' trains */
	uint32_t reauths;   /* sign-ins tried once more since the last success */
	uint32_t refusals;  /* sign-ins refused, ever */
	bool unproven;      /* it signs in, and has not since start or the last refusal */
	uint32_t epoch;     /* holds so far */
	struct mono held;   /* when the last of them began */
	bool refused;       /* the last sign-in was: the next one wants a fresh token */
	bool resumed;       /* an operator said retry: what failed may be asked for anew */
	struct lane_gate hold;
	struct lane_gate door;
	bool late;         /* held last by a report */
	bool doubted;      /* a message has succeeded since; a report may come, while it is held */
	bool gated;        /* the hold is a gate's (queue/gate.h), and ends with that */
	bool door_faulted; /* it was shut for a front end's fault, and for nothing else */
	struct throttle *throttle;
	struct lane *peers; /* all lanes of the route in this shard, one after the other */
	uint32_t peer_count;
	struct list *stirred; /* where it says that something has changed; NULL: nobody reads it */
	struct link stir_link;
	struct lane_word word;
};

void lane_init(struct lane *lane, uint16_t route, uint16_t identity, struct throttle *throttle);

/* Something has changed that a message may have waited for: whoever reads the list looks again. */
void lane_stir(struct lane *lane);
/* Whether its gates let a message start now; limits are the throttle's to say. */
bool lane_is_open(const struct lane *lane, struct mono now);
/* A message starts; it is over. */
void lane_begin(struct lane *lane);
void lane_end(struct lane *lane);
/* A session is ready; it is not any more. */
void lane_stand(struct lane *lane);
void lane_unstand(struct lane *lane);
/* A sign-in succeeded; one was refused. */
void lane_prove(struct lane *lane);
void lane_disprove(struct lane *lane);
/* Whether another session may be opened now; `opening` are on their way. */
bool lane_door_open(const struct lane *lane, struct mono now, uint32_t opening);
/* Nothing starts for a while, on the word of what began in `epoch`. True: the hold began or grew,
 * and is worth a line in the log. */
bool lane_hold(struct lane *lane, struct mono now, uint32_t epoch, const struct lane_wait *wait,
        struct random *random);
/* Nothing starts until then at least, for what concerns other lanes too. */
void lane_close(struct lane *lane, struct mono now, struct mono until);
/* The gate it is closed for stays so until then. */
void lane_await(struct lane *lane, struct mono until);
/* The gate is open: so is the lane, unless it is held for a reason of its own. */
void lane_reopen(struct lane *lane);
/* What the hold is for, copied and cut; `wall` is `now` by the other clock. */
void lane_say(struct lane *lane, struct mono now, struct wall wall, const struct reply_note *note);
/* Until when mail waits on disk for the hold that is in force, whoever changed it last. */
struct wall lane_held_until(struct lane *lane, struct mono now, struct wall wall);
/* No session is opened for a second at first, most_ns at most; gives how long. */
int64_t lane_shut(struct lane *lane, struct mono now, int64_t most_ns, struct random *random);
/* The same for a front end's fault: first_ns at first, LANE_FAULT_MOST_NS at most. */
int64_t lane_fault(struct lane *lane, struct mono now, int64_t first_ns, struct random *random);
/* A message that began in `epoch` was taken: both gates forget their setbacks. True: the hold does
 * not, for it is in doubt. */
bool lane_succeed(struct lane *lane, struct mono now, uint32_t epoch);
/* After a restart: where its mailbox had as many refusals as it may have, it is held until there is
 * budget again. */
void lane_restrain(struct lane *lane, struct mono now, struct wall wall);
/* An operator said retry: both gates open, and what was learned is forgotten. */
void lane_resume(struct lane *lane);
/* When the hold ends that is on now, and the door opens; MONO_NEVER: it is open. */
struct mono lane_hold_ends(const struct lane *lane, struct mono now);
struct mono lane_door_opens(const struct lane *lane, struct mono now);

#endif
