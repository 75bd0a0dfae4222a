/*
 * Milestones on a message's way, for tests that end the process at the how-manieth passing of one:
 * between any two of them a crash may come. In Sluice itself to reach one does nothing; a program
 * of the tests brings another body, which the linker finds first (tests/crash/milestone_kill.c).
 *
 * Thread:  any.
 */
#ifndef SLUICE_MILESTONE_H
#define SLUICE_MILESTONE_H

/* name, word, what is so then */
#define MILESTONES(X)                                                                              \
	X(PUT_SENT, "put_sent", "a message is on its way to the spooler")                          \
	X(PUT_WRITTEN, "put_written", "it is in the batch, which is not committed")                \
	X(SETTLE_WRITTEN, "settle_written", "so is an end, and the report that it owes")           \
	X(JOURNAL_WRITING, "journal_writing", "the batch is about to be written")                  \
	X(JOURNAL_WRITTEN, "journal_written", "it is on the disk, and nobody knows")               \
	X(COMMITTED, "committed", "the spooler knows; nobody was told")                            \
	X(PUT_DONE, "put_done", "the session knows; its 250 is not written")                       \
	X(CHECKPOINT, "checkpoint", "tables are about to be committed")                            \
	X(CHECKPOINTED, "checkpointed", "they are; the journal has not begun anew")                \
	X(LENT, "lent", "a job is on its way to a shard")                                          \
	X(MAIL_WRITTEN, "mail_written", "MAIL is on its way to the server")                        \
	X(END_WRITTEN, "end_written", "so is the last byte of the message")                        \
	X(TAKEN, "taken", "the server has said 250, and it was heard")                             \
	X(SETTLE_SENT, "settle_sent", "the outcome is on its way to the spooler")                  \
	X(RECOVERED, "recovered", "a start has read the journal; nothing is written yet")

enum milestone {
#define X(name, word, text) MILESTONE_##name,
	MILESTONES(X)
#undef X
	        MILESTONE_COUNT
};

void milestone_reached(enum milestone milestone);

#endif
