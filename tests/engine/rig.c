#include "tests/engine/rig.h"

#include "engine/io/tls_roots.h"

static const uint32_t the_line[] = { 0 };
const struct schedule_reach rig_reach = { the_line, 1 };

static void rig_on_tick(struct timer *timer)
{
	struct rig *rig = container_of(timer, struct rig, tick);

	loop_timer_after(&rig->delivery.shard.loop, timer, 2 * NS_PER_MS);
}

struct config *rig_config(const char *text)
{
	struct config_report report;
	struct config *config = NULL;

	config_report_init(&report);
	if (failed(config_load_text(&config, "rig.yaml", view_of(text), &report)))
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	assert_non_null(config);
	return config;
}

void rig_init_with(struct rig *rig, const char *top, const char *route, struct resolver *resolver,
        struct keeper *keeper)
{
	char text[4096];
	char sentence[512];
	struct text why = TEXT_ON(sentence);
	struct tls_roots *roots;

	if (snprintf(text, sizeof text,
	            "name: relay.example\n"
	            "spool: {path: .}\n"
	            "%s\n"
	            "routes:\n"
	            "  - {interface: connector, host: 127.0.0.1, port: %u, %s}\n",
	            top, rig->server.port, route) >= (int)sizeof text)
		abort();
	rig->config = rig_config(text);
	assert_false(failed(depot_create(&rig->depot, 64 << 20)));
	shelf_init(&rig->shelf, rig->depot);
	doorbell_init(&rig->doorbell, NULL);
	assert_false(failed(mailbox_init(
	        &rig->letters, sizeof(struct letter), 256, &rig->delivery.shard.loop.doorbell)));
	assert_false(
	        failed(mailbox_init(&rig->settles, sizeof(struct letter), 256, &rig->doorbell)));
	assert_false(failed(tls_roots_create(&roots)));
	const struct delivery_settings settings = {
		.config = rig->config,
		.depot = rig->depot,
		.counters = &rig->counters,
		.spooler = { .out = &rig->settles, .in = &rig->letters },
		.io = { 64, 32, 4096 },
		.helpers = { .resolver = resolver,
		        .keeper = keeper == NULL ? NULL : &keeper->helper,
		        .tls_roots = roots },
		.shard_count = 1,
		.seed = 1,
	};
	if (failed(delivery_init(&rig->delivery, &settings, &why)))
		fail_msg("%s", text_string(&why));
	rig->roots_parsed = tls_roots_count(roots);
	tls_roots_destroy(roots);
	delivery_start(&rig->delivery);
	rig->tick.expired = rig_on_tick;
	loop_timer_after(&rig->delivery.shard.loop, &rig->tick, 0);
}

struct rig *rig_create(void)
{
	struct rig *rig = calloc(1, sizeof *rig);

	assert_non_null(rig);
	server_listen(&rig->server);
	return rig;
}

struct rig *rig_begin(const char *top, const char *route, const char *const *scripts)
{
	struct rig *rig = rig_create();

	server_start(&rig->server, scripts);
	rig_init_with(rig, top, route, NULL, NULL);
	return rig;
}

void rig_send(struct rig *rig, enum letter_kind kind, struct job *job)
{
	const struct letter letter = { .kind = kind, .job = job };
	const bool put = mailbox_put(&rig->letters, &letter);

	assert_true(put);
}

struct job *rig_job(struct rig *rig, const struct rig_mail *mail)
{
	struct message *message = message_create(&rig->shelf, 0);
	struct job *job = calloc(1, sizeof *job);
	const char *to = mail->to;
	bool done;

	assert_non_null(message);
	assert_non_null(job);
	message_name(message, ++rig->ids, (struct wall){ clock_wall().ms - mail->age_ms });
	message->flags = (uint16_t)mail->flags;
	done = message_set(message, MESSAGE_SENDER, view_of(mail->from));
	assert_true(done);
	done = message_set(message, MESSAGE_ENVID, view_of(mail->envid));
	assert_true(done);
	if (mail->author != NULL)
		message_open_author(message);
	while (*to != '\0') {
		const size_t bytes = strcspn(to, " ");
		const struct message_recipient recipient = {
			.address = view_from(to, bytes),
			.orcpt = view_of(mail->orcpt),
			.notify = (uint8_t)mail->notify,
		};
		done = message_add_recipient(message, &rig->shelf, 0, &recipient);
		assert_true(done);
		to += bytes + (to[bytes] == ' ');
	}
	done = rope_append(&message->body, &rig->shelf, view_of(mail->body), 0);
	assert_true(done);
	if (mail->author != NULL)
		message_place_author(
		        message, (struct message_place){
		                         .offset = (uint32_t)view_find_fold(
		                                 view_of(mail->body), view_of(mail->author)),
		                         .bytes = (uint16_t)strlen(mail->author),
		                 });
	message_seal(message);
	job_begin(job, message, 0, 0);
	job->stream = mail->stream;
	done = job_owe_all(job, &rig->shelf, 0);
	assert_true(done);
	message_release(message, &rig->shelf);
	job_enter(job, JOB_READY);
	return job;
}

void rig_mail(struct rig *rig, const struct rig_mail *mail)
{
	rig_send(rig, LETTER_JOB, rig_job(rig, mail));
}

void rig_post(struct rig *rig, const char *body)
{
	const struct rig_mail mail = {
		.from = "a@contoso.com",
		.to = "b@contoso.com",
		.body = body,
	};

	rig_mail(rig, &mail);
}

void rig_no_limits(struct throttle *throttle)
{
	const struct throttle_settings settings = {
		.in_flight = THROTTLE_NONE,
		.messages = { THROTTLE_NONE, 0 },
		.recipients = { THROTTLE_NONE, 0 },
		.stop = 1,
	};

	throttle_init(throttle, &settings);
}

void rig_tell_gate(struct rig *rig, uint32_t index, bool yours)
{
	struct gate_news *news = &rig->news[rig->news_count++ % RIG_NEWS_MAX];
	const struct letter letter = { .kind = LETTER_GATE_NEWS, .news = news };

	*news = (struct gate_news){ .index = index, .gate = rig->gates[index], .yours = yours };
	memcpy(news->recipient, rig->recipients[index], sizeof news->recipient);
	const bool put = mailbox_put(&rig->letters, &letter);
	assert_true(put);
}

/* As the spooler does, for one shard. */
static void rig_hear_gate(struct rig *rig, struct gate_sheet *sheet)
{
	const struct letter letter = { .kind = LETTER_GATE, .gate = sheet };
	const struct reply_note note = gate_note(&sheet->said);
	struct gate *gate = &rig->gates[sheet->gate];
	bool changed = false;

	assert_true(sheet->gate < RIG_GATES_MAX);
	if (sheet->refused)
		memcpy(rig->recipients[sheet->gate], sheet->recipient, sizeof sheet->recipient);
	if (sheet->refused && sheet->late)
		changed |= gate_refuse_late(gate, clock_mono(), sheet->began, sheet->wait_ns, &note,
		        &rig->delivery.shard.random);
	else if (sheet->refused)
		changed |= gate_refuse(gate, clock_mono(), sheet->epoch, sheet->wait_ns, &note,
		        &rig->delivery.shard.random);
	if (sheet->taken)
		changed |= gate_take(gate, clock_mono(), sheet->epoch) != GATE_SAME;
	if (sheet->gave_up)
		(void)gate_give_up(gate, sheet->epoch, 0);
	const bool yours = sheet->asks && gate_ask(gate, clock_mono(), 0);
	if (changed || yours)
		rig_tell_gate(rig, sheet->gate, yours);
	const bool put = mailbox_put(&rig->letters, &letter);
	assert_true(put);
}

/* As the spooler lends them; what is short is so for an hour. */
static void rig_lend(struct rig *rig, struct portion_sheet *sheet)
{
	const struct letter letter = { .kind = LETTER_PORTION, .portion = sheet };

	rig->exhausted += sheet->exhausted;
	rig->portions_spent += sheet->spent;
	rig->portions_back += sheet->back;
	const bool external = rig->config->quotas->rows[sheet->quota].unit == QUOTA_EXTERNAL;
	uint64_t *left = external ? &rig->quota : &rig->totals[sheet->quota];
	rig->portions_asked += external && sheet->needed > 0;
	sheet->free = rig->config->quotas->rows[sheet->quota].unit == QUOTA_RATE;
	*left += sheet->back;
	sheet->granted = sheet->most < *left ? sheet->most : *left;
	*left -= sheet->granted;
	sheet->until = mono_after(clock_mono(), 3600 * NS_PER_S);
	const bool put = mailbox_put(&rig->letters, &letter);
	assert_true(put);
}

void rig_turn(struct rig *rig)
{
	struct letter letter;

	delivery_turn(&rig->delivery);
	while (mailbox_take(&rig->settles, &letter)) {
		if (letter.kind == LETTER_DRAINED) {
			rig->drained = true;
			continue;
		}
		if (letter.kind == LETTER_NOTE) {
			rig->notes++;
			letter.note->kept = true;
			letter.kind = LETTER_NOTED;
			const bool put = mailbox_put(&rig->letters, &letter);
			assert_true(put);
			continue;
		}
		if (letter.kind == LETTER_INCIDENT) {
			rig->incident = letter.sheet->incident;
			rig->incidents_told++;
			rig->incidents_over += letter.sheet->over;
			const bool put = mailbox_put(&rig->letters, &letter);
			assert_true(put);
			continue;
		}
		if (letter.kind == LETTER_GATE) {
			rig_hear_gate(rig, letter.gate);
			continue;
		}
		if (letter.kind == LETTER_GATE_NEWS)
			continue;
		if (letter.kind == LETTER_PORTION) {
			rig_lend(rig, letter.portion);
			continue;
		}
		assert_int_equal(letter.kind, LETTER_SETTLE);
		assert_int_equal(letter.job->state, JOB_SETTLING);
		assert_true(rig->settled_count < RIG_JOBS_MAX);
		rig->settled[rig->settled_count++] = letter.job;
	}
}

void rig_wait(struct rig *rig, size_t settled)
{
	const struct mono until = mono_after(clock_mono(), RIG_PATIENCE_NS);

	while (rig->settled_count < settled && !mono_reached(clock_mono(), until))
		rig_turn(rig);
	if (rig->settled_count < settled) {
		server_stop(&rig->server);
		fail_msg("%zu of %zu settled; server: %s; it heard: %s", rig->settled_count,
		        settled, rig->server.complaint, rig->server.heard);
	}
}

void rig_again(struct rig *rig, size_t settled)
{
	struct job *job = rig->settled[settled];

	assert_true(settled < rig->settled_count);
	for (size_t i = 0; i < job->owed_count; i++) {
		assert_int_equal(job_owed(job)[i].outcome, OWED_DEFERRED);
		job_set_outcome(job, i, OWED_PENDING, NULL, &rig->shelf);
	}
	for (size_t i = settled + 1; i < rig->settled_count; i++)
		rig->settled[i - 1] = rig->settled[i];
	rig->settled_count--;
	job->at_once = 0;
	job->wait_s = 0;
	job->blamed = false;
	job_enter(job, JOB_FREE);
	job_enter(job, JOB_READY);
	rig_send(rig, LETTER_JOB, job);
}

void rig_turn_for(struct rig *rig, int64_t ns)
{
	const struct mono until = mono_after(clock_mono(), ns);

	while (!mono_reached(clock_mono(), until))
		rig_turn(rig);
}

/* One letter a recipient: Delivered, Bounced, deFerred, Pending. */
static void rig_outcomes(const struct job *job, char outcomes[32])
{
	for (size_t i = 0; i < job->owed_count; i++)
		outcomes[i] = "PFDBR"[job_owed_const(job)[i].outcome];
	outcomes[job->owed_count] = '\0';
}

void rig_assert_outcomes(struct rig *rig, size_t settled, const char *wanted)
{
	char outcomes[32];

	assert_true(settled < rig->settled_count);
	rig_outcomes(rig->settled[settled], outcomes);
	assert_string_equal(outcomes, wanted);
}

const char *rig_reply(struct rig *rig, size_t settled, size_t recipient)
{
	static char memory[1024];
	struct reply_note note;

	memory[0] = '\0';
	if (job_reply(rig->settled[settled], recipient, &note))
		(void)snprintf(memory, sizeof memory, "%u %u.%u.%u %.*s", note.code, note.status[0],
		        note.status[1], note.status[2], VIEW_ARGS(note.text));
	return memory;
}

void rig_stop(struct rig *rig)
{
	const struct mono until = mono_after(clock_mono(), RIG_PATIENCE_NS);

	if (!rig->delivery.shard.draining)
		rig_send(rig, LETTER_DRAIN, NULL);
	while (!rig->drained && !mono_reached(clock_mono(), until))
		rig_turn(rig);
	server_stop(&rig->server);
	assert_string_equal(rig->server.complaint, "");
	assert_true(rig->drained);
}

void rig_destroy(struct rig *rig)
{
	rig_stop(rig);
	assert_true(delivery_is_over(&rig->delivery));
	loop_timer_stop(&rig->delivery.shard.loop, &rig->tick);
	delivery_finish(&rig->delivery);
	mailbox_finish(&rig->letters);
	mailbox_finish(&rig->settles);
	for (size_t i = 0; i < rig->settled_count; i++) {
		job_clear(rig->settled[i], &rig->shelf);
		free(rig->settled[i]);
	}
	shelf_finish(&rig->shelf);
	depot_destroy(rig->depot); /* every chunk is back */
	config_destroy(rig->config);
	server_finish(&rig->server);
	free(rig);
}
