/* One transaction, and every way in which a server can answer it. */
#include "tests/engine/rig.h"

#include <sys/socket.h>

struct bench {
	struct rig *rig;
	struct stream near;
	struct list news;
	struct carrier carrier;
	struct lane lane;
	struct throttle throttle;
	int far; /* the other end; nobody reads it */
};

static void bench_open(struct bench *bench)
{
	int fds[2];

	*bench = (struct bench){ .rig = rig_create() };
	rig_init_with(bench->rig, "", "tls: {mode: none}", NULL, NULL);
	struct loop *loop = &bench->rig->delivery.shard.loop;
	list_init(&bench->news);
	assert_false(failed(io_pair(loop->io, fds)));
	bench->far = fds[1];
	stream_open(&bench->near, loop, &bench->news, fds[0]);
	rig_no_limits(&bench->throttle);
	lane_init(&bench->lane, 0, 0, &bench->throttle);
	bench->lane.reach = rig_reach;
	bench->carrier = (struct carrier){
		.stream = &bench->near,
		.judge = &bench->rig->delivery.judge,
		.lane = &bench->lane,
		.server = VIEW("mail.example"),
		.rcpt_max = 100,
		.offers = { .pipelining = true, .chunking = true, .dsn = true },
	};
}

static void bench_turn(struct bench *bench)
{
	unsigned what;

	rig_turn(bench->rig);
	while (stream_next_news(&bench->news, &what) != NULL)
		continue;
}

static void bench_close(struct bench *bench)
{
	stream_abort(&bench->near);
	while (bench->near.state != STREAM_UNUSED)
		bench_turn(bench);
	io_discard(bench->rig->delivery.shard.loop.io, bench->far);
	rig_destroy(bench->rig);
}

static struct job *bench_job(struct bench *bench, const char *to)
{
	const struct rig_mail mail = { .from = "a@c.d", .to = to, .body = "S: x\r\n\r\nbody\r\n" };
	struct schedule *schedule = &bench->rig->delivery.schedule;

	/* Each answer is judged afresh. */
	lane_resume(&bench->lane);
	schedule_add(schedule, 0, rig_job(bench->rig, &mail));
	return schedule_take(schedule, schedule_first(schedule, rig_reach, false));
}

static bool begin(struct bench *bench, struct transaction *transaction, struct job *job)
{
	const struct portions_shares none = { 0 };
	struct admission admission = { .shares = &none };
	const enum throttle_reason reason =
	        throttle_admit(&bench->throttle, loop_now(&bench->rig->delivery.shard.loop), true,
	                job->owed_count, &admission.throttle);

	assert_int_equal(reason, THROTTLE_FREE);
	return transaction_begin(transaction, &bench->carrier, job, &admission);
}

/* class 2, 3, 4, 5 */
static enum transaction_heard hear(
        struct bench *bench, struct transaction *transaction, unsigned class)
{
	static const char *const texts[] = { "250 2.0.0 ok", "354 go", "450 4.2.1 later",
		"550 5.1.1 who?" };
	char memory[256];
	struct reply reply;
	const bool parsed = reply_parse(
	        view_of(texts[class - 2]), (struct span){ memory, sizeof memory }, &reply);

	assert_true(parsed);
	return transaction_hear(transaction, &bench->carrier, &reply);
}

static void write_all(struct bench *bench, struct transaction *transaction)
{
	while (transaction_write(transaction, &bench->carrier, &bench->rig->delivery.shard.shelf) ==
	        TRANSACTION_FULL)
		bench_turn(bench);
}

static void end(struct bench *bench, struct transaction *transaction)
{
	struct shelf *shelf = &bench->rig->delivery.shard.shelf;
	struct job *job;

	assert_true(transaction_is_answered(transaction));
	while (!transaction_is_over(transaction, &bench->near))
		bench_turn(bench);
	transaction_end(transaction, &bench->carrier, shelf);
	assert_int_equal(bench->lane.in_flight, 0);
	assert_int_equal(bench->throttle.in_flight, 0);
	assert_int_equal(bench->carrier.replies_due, 0);
	while ((job = schedule_any(&bench->rig->delivery.schedule)) != NULL)
		judge_return(bench->carrier.judge, job);
	bench_turn(bench);
}

/* Two recipients, every class of reply to every row. A recipient is delivered if and only if the
 * sender, it, and the end were accepted. */
static void every_answer(bool chunking)
{
	static const unsigned classes[] = { 2, 4, 5 };
	struct bench bench;
	unsigned rows = chunking ? 4 : 5;
	unsigned ways = 1;

	bench_open(&bench);
	bench.carrier.offers.chunking = chunking;
	for (unsigned i = 0; i < rows; i++)
		ways *= 3;
	for (unsigned way = 0; way < ways; way++) {
		struct transaction transaction;
		unsigned class[5];
		unsigned left = way;

		for (unsigned i = 0; i < 5; i++, left /= 3)
			class[i] = classes[left % 3];
		struct job *job = bench_job(&bench, "b@c.d e@c.d");
		const bool begun = begin(&bench, &transaction, job);
		assert_true(begun);
		transaction.reset = bench.carrier.dirty;
		write_all(&bench, &transaction);
		if (transaction.reset)
			assert_int_equal(hear(&bench, &transaction, 2), TRANSACTION_STAY);
		for (unsigned i = 0; i < 3; i++)
			assert_int_not_equal(
			        hear(&bench, &transaction, class[i]), TRANSACTION_BROKEN);
		bool allowed = true;
		if (!chunking) {
			allowed = class[3] == 2;
			assert_int_not_equal(hear(&bench, &transaction, allowed ? 3 : class[3]),
			        TRANSACTION_BROKEN);
			write_all(&bench, &transaction);
		}
		if (allowed)
			assert_int_not_equal(
			        hear(&bench, &transaction, class[rows - 1]), TRANSACTION_BROKEN);
		const bool taken = class[0] == 2 && allowed && class[rows - 1] == 2;
		bool delivered[2];
		for (unsigned i = 0; i < 2; i++)
			delivered[i] = job_owed(job)[i].outcome == OWED_DELIVERED;
		assert_int_equal(delivered[0], taken && class[1] == 2);
		assert_int_equal(delivered[1], taken && class[2] == 2);
		if (class[0] == 2 && class[1] == 5)
			assert_int_equal(job_owed(job)[0].outcome, OWED_BOUNCED);
		/* One reply more is out of step. */
		assert_int_equal(hear(&bench, &transaction, 2), TRANSACTION_BROKEN);
		end(&bench, &transaction);
		assert_int_equal(job->state, JOB_SETTLING);
		bench.rig->settled_count--;
		assert_ptr_equal(bench.rig->settled[bench.rig->settled_count], job);
		job_clear(job, &bench.rig->shelf);
		free(job);
	}
	bench_close(&bench);
}

static void test_every_answer_to_chunks(void **state)
{
	(void)state;
	every_answer(true);
}

static void test_every_answer_to_data(void **state)
{
	(void)state;
	every_answer(false);
}

/* Replies that have no place where they come. */
static void test_out_of_step(void **state)
{
	struct bench bench;
	struct transaction transaction;

	(void)state;
	bench_open(&bench);
	const bool begun = begin(&bench, &transaction, bench_job(&bench, "b@c.d"));
	assert_true(begun);
	/* Before anything was written. */
	assert_int_equal(hear(&bench, &transaction, 2), TRANSACTION_BROKEN);
	write_all(&bench, &transaction);
	/* 354 to MAIL, and to BDAT. */
	assert_int_equal(hear(&bench, &transaction, 3), TRANSACTION_BROKEN);
	assert_int_equal(hear(&bench, &transaction, 2), TRANSACTION_STAY);
	assert_int_equal(hear(&bench, &transaction, 2), TRANSACTION_STAY);
	assert_int_equal(hear(&bench, &transaction, 3), TRANSACTION_BROKEN);
	assert_int_equal(hear(&bench, &transaction, 2), TRANSACTION_STAY);
	end(&bench, &transaction);
	rig_assert_outcomes(bench.rig, 0, "D");
	bench_close(&bench);
}

/* What is in doubt when a session is lost: only what was sent to its last byte, and may have been
 * accepted. */
static void test_doubt(void **state)
{
	static const struct {
		unsigned heard; /* replies, all 2 but the last */
		unsigned last;
		bool begun; /* the kernel had all of it */
		bool doubt;
	} cases[] = {
		{ 0, 2, true, true }, { 1, 2, true, true }, { 2, 2, true, true },
		{ 0, 2, false, false }, /* some of it never left */
		{ 1, 5, true, false },  /* MAIL was refused */
		{ 2, 5, true, false },  /* the only recipient was */
	};
	struct bench bench;

	(void)state;
	bench_open(&bench);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct transaction transaction;
		struct job *job = bench_job(&bench, "b@c.d");
		const uint64_t before = bench.rig->counters.messages_in_doubt;
		const bool begun = begin(&bench, &transaction, job);

		assert_true(begun);
		bench.carrier.dirty = false;
		bench.carrier.replies_due = 0;
		write_all(&bench, &transaction);
		for (unsigned reply = 1; reply <= cases[i].heard; reply++)
			(void)hear(
			        &bench, &transaction, reply == cases[i].heard ? cases[i].last : 2);
		const struct transaction_loss loss = {
			.begun = cases[i].begun ? transaction.end_at : transaction.end_at - 1,
			.text = VIEW("lost"),
		};
		while (stream_written_total(&bench.near) < transaction.end_at)
			bench_turn(&bench);
		transaction_lose(
		        &transaction, &bench.carrier, &bench.rig->delivery.shard.shelf, &loss);
		assert_int_equal(bench.rig->counters.messages_in_doubt - before, cases[i].doubt);
		assert_int_equal(job_tally(job).in_doubt, cases[i].doubt);
		while ((job = schedule_any(&bench.rig->delivery.schedule)) != NULL)
			judge_return(bench.carrier.judge, job);
	}
	bench_turn(&bench);
	bench_close(&bench);
}

/* A transaction has one domain's recipients; the others have theirs after it. */
static void test_by_domain(void **state)
{
	struct bench bench;
	struct transaction transaction;

	(void)state;
	bench_open(&bench);
	bench.carrier.by_domain = true;
	struct job *job = bench_job(&bench, "a@x.y b@c.d e@X.y f@c.d");
	bool begun = begin(&bench, &transaction, job);
	assert_true(begun);
	write_all(&bench, &transaction);
	assert_int_equal(transaction.asked, 2);
	assert_int_equal(job_owed(job)[0].mark, OWED_ASKED);
	assert_int_equal(job_owed(job)[1].mark, OWED_UNASKED);
	assert_int_equal(job_owed(job)[2].mark, OWED_ASKED);
	for (unsigned i = 0; i < 4; i++) /* MAIL, two RCPT, the end */
		assert_int_equal(hear(&bench, &transaction, 2), TRANSACTION_STAY);
	end(&bench, &transaction);
	/* Those that were not asked are due at once, and are the next transaction's. */
	assert_int_equal(bench.rig->settled_count, 1);
	rig_assert_outcomes(bench.rig, 0, "DFDF");
	assert_true(job->next_attempt.ms <= clock_wall().ms);
	assert_int_equal(job->attempts, 0);

	/* What is one domain's goes at once, and so does one recipient. */
	job = bench_job(&bench, "b@c.d f@C.D");
	begun = begin(&bench, &transaction, job);
	assert_true(begun);
	write_all(&bench, &transaction);
	assert_int_equal(transaction.asked, 2);
	for (unsigned i = 0; i < 4; i++)
		(void)hear(&bench, &transaction, 2);
	end(&bench, &transaction);
	rig_assert_outcomes(bench.rig, 1, "DD");
	bench_close(&bench);
}

/* What the other end has got since the last time. */
static const char *bench_got(struct bench *bench)
{
	static char got[4096];
	size_t bytes = 0;

	while (stream_written_total(&bench->near) < stream_queued_total(&bench->near))
		bench_turn(bench);
	for (ssize_t came = 1; came > 0; bytes += came > 0 ? (size_t)came : 0)
		came = recv(bench->far, got + bytes, sizeof got - 1 - bytes, MSG_DONTWAIT);
	got[bytes] = '\0';
	return got;
}

/* The author whom a message leaves open is who sends it: in MAIL, in From, in every size. */
static void test_an_open_author(void **state)
{
	static const struct {
		const char *from;
		const char *author; /* the carrier's */
		const char *notices;
		bool chunking;
		const char *mail;
		const char *body; /* with the command before it */
	} cases[] = {
		{ "a@c.d", "mailbox@contoso.com", "", true,
		        "MAIL FROM:<mailbox@contoso.com> SIZE=43\r\n",
		        "BDAT 43 LAST\r\nFrom: A <mailbox@contoso.com>\r\nS: x\r\n\r\n.x\r\n" },
		{ "a@c.d", "m@c", "", true, "MAIL FROM:<m@c> SIZE=27\r\n",
		        "BDAT 27 LAST\r\nFrom: A <m@c>\r\nS: x\r\n\r\n.x\r\n" },
		{ "a@c.d", "mailbox@contoso.com", "", false,
		        "MAIL FROM:<mailbox@contoso.com> SIZE=43\r\n",
		        "From: A <mailbox@contoso.com>\r\nS: x\r\n\r\n..x\r\n.\r\n" },
		/* nobody stands for it */
		{ "a@c.d", "", "", true, "MAIL FROM:<a@c.d> SIZE=29\r\n",
		        "BDAT 29 LAST\r\nFrom: A <x@c.d>\r\nS: x\r\n\r\n.x\r\n" },
		/* a report: from the mailbox that stands in for the null sender, and says so */
		{ "", "m@c", "notice@c.d", true, "MAIL FROM:<notice@c.d> SIZE=64\r\n",
		        "BDAT 64 LAST\r\nAuto-Submitted: auto-replied\r\n"
		        "From: A <notice@c.d>\r\nS: x\r\n\r\n.x\r\n" },
		{ "", "m@c", "", true, "MAIL FROM:<> SIZE=27\r\n",
		        "BDAT 27 LAST\r\nFrom: A <m@c>\r\nS: x\r\n\r\n.x\r\n" },
	};
	struct bench bench;

	(void)state;
	bench_open(&bench);
	bench.carrier.offers.size = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct rig_mail mail = { .from = cases[i].from,
			.to = "b@c.d",
			.body = "From: A <x@c.d>\r\nS: x\r\n\r\n.x\r\n",
			.author = "x@c.d" };
		struct schedule *schedule = &bench.rig->delivery.schedule;
		struct transaction transaction;

		bench.carrier.author = view_of(cases[i].author);
		bench.carrier.notices = view_of(cases[i].notices);
		bench.carrier.offers.chunking = cases[i].chunking;
		bench.carrier.dirty = false;
		schedule_add(schedule, 0, rig_job(bench.rig, &mail));
		struct job *job =
		        schedule_take(schedule, schedule_first(schedule, rig_reach, false));
		(void)bench_got(&bench);
		const bool begun = begin(&bench, &transaction, job);
		assert_true(begun);
		write_all(&bench, &transaction);
		const char *got = bench_got(&bench);
		assert_memory_equal(got, cases[i].mail, strlen(cases[i].mail));
		(void)hear(&bench, &transaction, 2);
		(void)hear(&bench, &transaction, 2);
		if (!cases[i].chunking) {
			(void)hear(&bench, &transaction, 3);
			write_all(&bench, &transaction);
			got = bench_got(&bench);
		}
		const size_t bytes = strlen(cases[i].body);
		assert_true(strlen(got) >= bytes);
		assert_string_equal(got + strlen(got) - bytes, cases[i].body);
		(void)hear(&bench, &transaction, 2);
		end(&bench, &transaction);
	}
	/* What is too large is too large as it would be sent. */
	bench.carrier.author = VIEW("mailbox@contoso.com");
	bench.carrier.notices = VIEW("");
	bench.carrier.size_max = 42;
	const struct rig_mail mail = { .from = "a@c.d",
		.to = "b@c.d",
		.body = "From: A <x@c.d>\r\nS: x\r\n\r\n.x\r\n",
		.author = "x@c.d" };
	struct schedule *schedule = &bench.rig->delivery.schedule;
	struct transaction transaction;
	schedule_add(schedule, 0, rig_job(bench.rig, &mail));
	const bool begun = begin(&bench, &transaction,
	        schedule_take(schedule, schedule_first(schedule, rig_reach, false)));
	assert_false(begun);
	end(&bench, &transaction);
	bench_close(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_answer_to_chunks),
		cmocka_unit_test(test_every_answer_to_data),
		cmocka_unit_test(test_out_of_step),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_by_domain),
		cmocka_unit_test(test_an_open_author),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
