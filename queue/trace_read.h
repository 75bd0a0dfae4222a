/*
 * Reading the rows of the message trace, as queue/trace_write.h writes them.
 *
 * A row is looked through as a whole before anything of it is given, so that the walks over its
 * ways, recipients and groups just end.
 *
 * Thread:  any; values only.
 * Lends:   views into the block that is read.
 * Never:   allocates, or reads beyond a row that is damaged: it is told from a whole one.
 */
#ifndef SLUICE_TRACE_READ_H
#define SLUICE_TRACE_READ_H

#include "queue/record.h"
#include "queue/trace_write.h"
#include "queue/verdict_words.h"

struct trace_block {
	struct view bytes;
	struct view rows; /* of them, those that are not read yet */
	struct wall from; /* the first row; clocks are set, so it is about that */
	struct wall to;   /* the last */
};

struct trace_row {
	enum trace_kind kind;
	uint64_t id; /* of the message */
	struct wall when;
	struct view body;
	struct view block; /* all of it: words may stand there */
};

/* False: it is none. */
bool trace_read_block(struct view bytes, struct trace_block *block);
/* Takes the next row from the front. False: the end, or (rows not empty) it is damaged. */
bool trace_read_row(struct trace_block *block, struct trace_row *row);

struct trace_way {
	uint16_t number; /* of the job */
	enum trace_way_state state;
	uint16_t rule; /* that decided; TRACE_NO_RULE: none did */
	struct view route;
};

struct trace_recipient {
	uint16_t index;
	uint16_t number; /* of the job that it went to */
	struct view address;
};

/* Of TRACE_RECIPIENTS too, where recipients alone are set. */
struct trace_accept {
	struct wall received;
	uint64_t connection;
	uint16_t marks; /* enum trace_mark */
	uint64_t bytes;
	uint64_t about;                          /* of a report: whose; else 0 */
	uint16_t recipient_count;                /* of the message */
	struct view fields[MESSAGE_FIELD_COUNT]; /* those that are kept */
	struct view message_id;
	struct view tls;
	struct view cipher;
	struct view device;
	struct view proxy;
	struct view stream;
	uint16_t way_count;
	uint16_t first; /* of the recipients that the row has */
	uint16_t count;

	/* Private. */
	struct view block;
	struct record_reader ways;
	struct record_reader recipients;
	uint16_t ways_read;
	uint16_t recipients_read;
	bool parted;
	uint16_t only; /* the job's number, where they did not part */
};

/* False: it is damaged. */
bool trace_read_accept(const struct trace_row *row, struct trace_accept *accept);
bool trace_read_way(struct trace_accept *accept, struct trace_way *way);
bool trace_read_recipient(struct trace_accept *accept, struct trace_recipient *recipient);

/* Recipients with the same outcome, of whom the same was said. */
struct trace_group {
	enum owed_outcome outcome;
	uint8_t flags;          /* enum owed_flag */
	bool said;              /* there is a note: */
	struct reply_note note; /* code 0: our own words */
	uint16_t count;

	/* Private. */
	struct record_reader indices;
};

struct trace_settle {
	uint16_t number; /* of the job */
	enum trace_act act;
	bool held;
	uint32_t attempts;
	struct wall next_attempt; /* where some are still owed and it is not held */
	uint64_t connection;      /* 0: none */
	uint64_t report;          /* 0: none was owed */
	struct view route;
	struct view identity;
	bool branched; /* recipients went over to another job: */
	uint16_t branch_number;
	struct view branch;
	uint16_t group_count;

	/* Private. */
	struct view block;
	struct record_reader groups;
	uint16_t groups_read;
};

bool trace_read_settle(const struct trace_row *row, struct trace_settle *settle);
bool trace_read_group(struct trace_settle *settle, struct trace_group *group);
/* The next recipient's index in its message. */
bool trace_read_index(struct trace_group *group, uint16_t *index);
/* Whatever kind it is. */
bool trace_read_is_whole(const struct trace_row *row);

#endif
