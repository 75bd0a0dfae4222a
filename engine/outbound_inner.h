/*
 * What the files of an outbound session share: outbound.c (its life), outbound_hello.c
 * (from the connection to being ready), outbound_train.c (the messages on it).
 *
 * Thread:  the delivery shard's. For these files alone.
 */
#ifndef SLUICE_OUTBOUND_INNER_H
#define SLUICE_OUTBOUND_INNER_H

#include "engine/outbound.h"

/* Goes to the step, and gives the server as long as its row says. */
void outbound_enter(struct outbound *outbound, enum outbound_step step);
/* The session can't be made, or is of no use: tells the judge and ends it. */
void outbound_fail(struct outbound *outbound, struct judge_case *it);
/* The same for the network's faults, in our words: "STEP HOST: why". */
void outbound_fail_with(struct outbound *outbound, struct view why);
/* Copies a line to the stream. */
void outbound_send(struct outbound *outbound, const struct text *line);
struct log_line outbound_log(
        const struct outbound *outbound, enum log_level level, const char *event);
/* Into its lane's list of sessions that have nothing to do, or out of it, as it is now. */
void outbound_list_idle(struct outbound *outbound);
/* It takes messages from now on. */
void outbound_become_ready(struct outbound *outbound);

/* Takes the connection down. What becomes of its train is seen to when the stream is gone: until
 * then the kernel may still read the messages. */
void outbound_lose(struct outbound *outbound, struct view why);
/* Says QUIT. */
void outbound_quit(struct outbound *outbound);

/* outbound_train.c */
void outbound_hear_train(struct outbound *outbound, const struct reply *reply);
/* After replies were heard or bytes written. */
void outbound_progress(struct outbound *outbound);
/* Sets the deadline of what is waited for now. */
void outbound_arm(struct outbound *outbound);
/* The oldest row that is not answered. BODY: its data is on the way still, or nothing else is. */
enum outbound_step outbound_train_step(struct outbound *outbound);
/* The stream is gone: judges what is left. */
void outbound_lose_train(struct outbound *outbound);

/* outbound_hello.c */
void outbound_hello_connected(struct outbound *outbound);
void outbound_hello_secured(struct outbound *outbound);
void outbound_hello_reply(struct outbound *outbound, const struct reply *reply);
/* Wipes and gives back what the sign-in held. */
void outbound_hello_forget(struct outbound *outbound);
/* The stream is gone, and reads nothing any more. */
void outbound_hello_end(struct outbound *outbound);

#endif
