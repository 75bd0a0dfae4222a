#include "bench/mock.h"

#include "bench/mock_session.h"
#include "bench/mock_visit.h"
#include "queue/base/check.h"

#define MOCK_ACCEPT_AGAIN (100 * NS_PER_MS) /* after descriptors ran out */

static void mock_accepted(struct io_op *op, const struct io_result *result);
static void mock_accept_again(struct timer *timer);
static void mock_tenant_due(struct timer *timer);

struct err mock_init(struct mock *mock, struct loop *loop, const struct mock_settings *settings)
{
	*mock = (struct mock){ .loop = loop, .settings = *settings, .fd = -1 };
	mock->accept_op.done = mock_accepted;
	mock->accept_timer.expired = mock_accept_again;
	mock->tenant_timer.expired = mock_tenant_due;
	if (settings->size_max == 0)
		mock->settings.size_max = mock_interface_facts(settings->interface)->size_max;
	const size_t sessions_max =
	        settings->sessions_max == 0 ? MOCK_SESSIONS_MAX : settings->sessions_max;
	random_seed(&mock->random, settings->seed);
	list_init(&mock->news);
	list_init(&mock->live);
	struct err err = mock_account_init(&mock->account);
	if (failed(err))
		return err;
	err = pool_init(&mock->sessions, sizeof(struct mock_session), sessions_max);
	if (!failed(err) && settings->tenant != NULL) {
		err = pool_init(&mock->visits, sizeof(struct mock_visit), sessions_max);
		if (failed(err))
			pool_finish(&mock->sessions);
		mock_tenant_start(settings->tenant, clock_mono());
	}
	if (failed(err))
		mock_account_finish(&mock->account);
	return err;
}

void mock_finish(struct mock *mock)
{
	check(mock_is_idle(mock));
	pool_finish(&mock->sessions);
	pool_finish(&mock->visits);
	mock_account_finish(&mock->account);
}

struct err mock_listen(struct mock *mock, struct endpoint *at, bool shared)
{
	check(mock->fd < 0);
	struct err err = io_listen(mock->loop->io, at, shared, &mock->fd);
	if (failed(err))
		return err;
	err = io_local(mock->loop->io, mock->fd, at);
	if (failed(err))
		return err;
	io_accept(mock->loop->io, &mock->accept_op, mock->fd);
	return err_ok();
}

static void mock_accepted(struct io_op *op, const struct io_result *result)
{
	struct mock *mock = container_of(op, struct mock, accept_op);

	if (result->value >= 0 && (mock->stopping || pool_left(&mock->sessions) == 0))
		io_discard(mock->loop->io, result->value);
	else if (result->value >= 0)
		mock_session_open(mock, result->value);
	if (result->more)
		return;
	if (mock->stopping) {
		io_discard(mock->loop->io, mock->fd);
		mock->fd = -1;
	} else if (result->value >= 0) {
		io_accept(mock->loop->io, &mock->accept_op, mock->fd);
	} else {
		loop_timer_after(mock->loop, &mock->accept_timer, MOCK_ACCEPT_AGAIN);
	}
}

static void mock_accept_again(struct timer *timer)
{
	struct mock *mock = container_of(timer, struct mock, accept_timer);

	io_accept(mock->loop->io, &mock->accept_op, mock->fd);
}

void mock_work(struct mock *mock)
{
	struct stream *stream;
	unsigned what;

	while ((stream = stream_next_news(&mock->news, &what)) != NULL)
		mock_session_work(container_of(stream, struct mock_session, stream), what);
	if (mock->settings.tenant == NULL || mock->stopping)
		return;
	const struct mono wanted = mock_tenant_wanted(mock->settings.tenant);
	if (wanted.ns != MONO_NEVER.ns && !timer_is_set(&mock->tenant_timer))
		loop_timer_set(mock->loop, &mock->tenant_timer, wanted);
}

static void mock_tenant_due(struct timer *timer)
{
	struct mock *mock = container_of(timer, struct mock, tenant_timer);

	mock_tenant_advance(mock->settings.tenant, loop_now(mock->loop));
}

void mock_stop(struct mock *mock)
{
	if (mock->stopping)
		return;
	mock->stopping = true;
	loop_timer_stop(mock->loop, &mock->tenant_timer);
	if (timer_is_set(&mock->accept_timer)) {
		loop_timer_stop(mock->loop, &mock->accept_timer);
		io_discard(mock->loop->io, mock->fd);
		mock->fd = -1;
	} else if (mock->fd >= 0) {
		io_cancel(mock->loop->io, &mock->accept_op);
	}
	list_each(link, &mock->live)
		stream_abort(&container_of(link, struct mock_session, link)->stream);
}

bool mock_is_idle(const struct mock *mock)
{
	return mock->fd < 0 && list_is_empty(&mock->live);
}
