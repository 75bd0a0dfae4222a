#include "engine/watch.h"

#include "queue/base/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <stdlib.h>
#include <unistd.h>

static int watch_timeout_ms(struct mono until);
static sigset_t watch_ends(void);
static void watch_end(int signal);

struct err watch_open(struct watch *watch)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	check(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
	*watch = (struct watch){
		.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK),
		.events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.keeper = -1,
		.released = false,
	};
	if (watch->signals >= 0 && watch->events >= 0)
		return err_ok();
	const int why = errno;
	watch_close(watch);
	return err_make(ERR_SYSTEM, why);
}

void watch_close(struct watch *watch)
{
	const sigset_t ends = watch_ends();

	if (watch->released)
		check(sigprocmask(SIG_BLOCK, &ends, NULL) == 0);
	if (watch->signals >= 0)
		close(watch->signals);
	if (watch->events >= 0)
		close(watch->events);
	*watch = (struct watch){ .signals = -1, .events = -1, .keeper = -1 };
}

enum watch_news watch_wait(struct watch *watch, struct mono until)
{
	struct pollfd files[] = {
		{ .fd = watch->signals, .events = POLLIN },
		{ .fd = watch->events, .events = POLLIN },
		{ .fd = watch->keeper, .events = POLLIN }, /* poll(2) passes over -1 */
	};
	struct signalfd_siginfo signal;
	uint64_t count;

	for (;;) {
		const int timeout_ms = watch_timeout_ms(until);
		const int ready = poll(files, sizeof files / sizeof files[0], timeout_ms);
		if (ready < 0 && errno == EINTR)
			continue;
		check(ready >= 0);
		if (read(watch->signals, &signal, sizeof signal) == sizeof signal)
			return signal.ssi_signo == SIGHUP ? WATCH_HANGUP : WATCH_END;
		if (read(watch->events, &count, sizeof count) == sizeof count)
			return WATCH_EVENT;
		if (ready > 0 && files[2].revents != 0) {
			watch->keeper = files[2].fd = -1;
			return WATCH_LOST;
		}
		if (mono_reached(clock_mono(), until))
			return WATCH_TIMEOUT;
	}
}

static int watch_timeout_ms(struct mono until)
{
	const int64_t left_ns = until.ns - clock_mono().ns;

	if (until.ns == MONO_NEVER.ns)
		return -1;
	if (left_ns <= 0)
		return 0;
	const int64_t left_ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;
	return left_ms > 60000 ? 60000 : (int)left_ms; /* then look again */
}

static sigset_t watch_ends(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	return signals;
}

void watch_let_go(struct watch *watch)
{
	const struct sigaction action = { .sa_handler = watch_end };
	const sigset_t ends = watch_ends();

	watch->released = true;
	check(sigaction(SIGTERM, &action, NULL) == 0);
	check(sigaction(SIGINT, &action, NULL) == 0);
	check(sigprocmask(SIG_UNBLOCK, &ends, NULL) == 0);
}

static void watch_end(int signal)
{
	(void)signal;
	_exit(EXIT_SUCCESS);
}
