#include "bench/part_receive.h"

#include "queue/base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PART_EVENTS    64
#define PART_LINES_MAX 4096 /* of commands in one piece, and of replies to them */
#define PART_END       "\r\n.\r\n"
#define PART_END_BYTES (sizeof PART_END - 1)
#define PART_BANNER    "220 part.example ESMTP\r\n"
#define PART_HELLO     "250-part.example\r\n250 PIPELINING\r\n"
#define PART_OK        "250 2.0.0 OK\r\n"
#define PART_GO_ON     "354 Start mail input; end with <CRLF>.<CRLF>\r\n"

struct part_session {
	int fd;
	bool in_data;
	size_t used;
	char *room; /* receiver->room_bytes */
};

struct part_receiver {
	int listener;
	int events; /* epoll */
	size_t room_bytes;
	struct part_session *sessions[PART_RECEIVE_SESSIONS_MAX];
	unsigned session_count;
	unsigned session_max;
	uint64_t messages; /* received */
	int64_t cpu_from;  /* at the first DATA */
	int64_t cpu_to;    /* at the last message's end */
};

static bool receiver_open(struct part_receiver *receiver, struct endpoint *at, struct text *why);
static void receiver_close(struct part_receiver *receiver);
static void *receiver_main(void *argument);
static void receiver_accept(struct part_receiver *receiver);
static bool session_receive(struct part_receiver *receiver, struct part_session *session);
static size_t session_command(struct part_receiver *receiver, struct part_session *session,
        struct view line, struct text *replies);

bool part_receive(const struct load_settings *load, const volatile sig_atomic_t *interrupted,
        double *cpu_us, struct text *why)
{
	struct part_receiver receiver = { .listener = -1,
		.events = -1,
		.session_max = load->sessions,
		.room_bytes = load->bytes + PART_LINES_MAX };
	struct load_settings settings = *load;
	struct pump pump;
	pthread_t thread;
	bool done = false;

	if (load->sessions > PART_RECEIVE_SESSIONS_MAX) {
		text_format(why, "the part of receiving takes %u sessions at most",
		        PART_RECEIVE_SESSIONS_MAX);
		return false;
	}
	settings.tls = NULL;
	settings.chunking = false;
	settings.window = 1;
	if (!receiver_open(&receiver, &settings.target, why))
		return false;
	check(pthread_create(&thread, NULL, receiver_main, &receiver) == 0);
	if (!failed(pump_open(&pump, &settings, interrupted, why))) {
		done = pump_run(&pump, why);
		pump_close(&pump);
	}
	/* No more come: accept() fails, and the thread ends with its last session. */
	(void)shutdown(receiver.listener, SHUT_RDWR);
	check(pthread_join(thread, NULL) == 0);
	if (done && receiver.messages > 0)
		*cpu_us = (double)(receiver.cpu_to - receiver.cpu_from) / (double)NS_PER_US /
		          (double)receiver.messages;
	receiver_close(&receiver);
	return done;
}

static bool receiver_open(struct part_receiver *receiver, struct endpoint *at, struct text *why)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t bytes = sizeof address;

	receiver->events = epoll_create1(EPOLL_CLOEXEC);
	receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct epoll_event event = { .events = EPOLLIN };
	if (receiver->events >= 0 && receiver->listener >= 0 &&
	        bind(receiver->listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
	        listen(receiver->listener, SOMAXCONN) == 0 &&
	        getsockname(receiver->listener, (struct sockaddr *)&address, &bytes) == 0 &&
	        epoll_ctl(receiver->events, EPOLL_CTL_ADD, receiver->listener, &event) == 0) {
		check(endpoint_parse(VIEW("127.0.0.1:1"), at));
		at->port = ntohs(address.sin_port);
		return true;
	}
	text_format(why, "no socket to receive at: %s", strerror(errno));
	receiver_close(receiver);
	return false;
}

static void receiver_close(struct part_receiver *receiver)
{
	for (unsigned i = 0; i < receiver->session_count; i++) {
		if (receiver->sessions[i]->fd >= 0)
			close(receiver->sessions[i]->fd);
		free(receiver->sessions[i]->room);
		free(MOVE(receiver->sessions[i]));
	}
	if (receiver->listener >= 0)
		close(receiver->listener);
	if (receiver->events >= 0)
		close(receiver->events);
}

static void *receiver_main(void *argument)
{
	struct part_receiver *receiver = argument;
	struct epoll_event events[PART_EVENTS];
	bool listening = true;
	unsigned open = 0;

	while (listening || open > 0) {
		const int count = epoll_wait(receiver->events, events, PART_EVENTS, -1);
		check(count >= 0 || errno == EINTR);
		for (int i = 0; i < count; i++) {
			struct part_session *session = events[i].data.ptr;
			if (session == NULL && (events[i].events & EPOLLHUP) != 0) {
				listening = false;
				(void)epoll_ctl(
				        receiver->events, EPOLL_CTL_DEL, receiver->listener, NULL);
			} else if (session == NULL) {
				const unsigned before = receiver->session_count;
				receiver_accept(receiver);
				open += receiver->session_count - before;
			} else if (!session_receive(receiver, session)) {
				close(session->fd);
				session->fd = -1;
				open--;
			}
		}
	}
	return NULL;
}

static void receiver_accept(struct part_receiver *receiver)
{
	const int fd = accept4(receiver->listener, NULL, NULL, SOCK_CLOEXEC);
	struct part_session *session = NULL;

	if (fd < 0)
		return;
	if (receiver->session_count < receiver->session_max)
		session = calloc(1, sizeof *session);
	if (session != NULL)
		session->room = malloc(receiver->room_bytes);
	if (session == NULL || session->room == NULL) {
		free(session);
		close(fd);
		return;
	}
	session->fd = fd;
	receiver->sessions[receiver->session_count++] = session;
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = session } };
	check(epoll_ctl(receiver->events, EPOLL_CTL_ADD, fd, &event) == 0);
	(void)send(fd, PART_BANNER, sizeof PART_BANNER - 1, MSG_NOSIGNAL);
}

/* False: the session is over. */
static bool session_receive(struct part_receiver *receiver, struct part_session *session)
{
	char replies_text[PART_LINES_MAX];
	struct text replies = TEXT_ON(replies_text);
	const size_t room = receiver->room_bytes - session->used;

	if (room == 0) /* more than any message has */
		return false;
	const ssize_t got = recv(session->fd, session->room + session->used, room, 0);
	if (got <= 0)
		return false;
	const size_t looked = session->used < PART_END_BYTES ? 0 : session->used - PART_END_BYTES;
	session->used += (size_t)got;
	if (session->in_data) {
		if (memmem(session->room + looked, session->used - looked, PART_END,
		            PART_END_BYTES) == NULL)
			return true;
		session->in_data = false;
		session->used = 0;
		text_put(&replies, VIEW(PART_OK));
		receiver->messages++;
		receiver->cpu_to = clock_thread_cpu_ns();
	} else {
		struct view left = view_from(session->room, session->used);
		while (left.bytes > 0) {
			const size_t used = session_command(receiver, session, left, &replies);
			if (used == 0)
				break;
			left = view_skip(left, used);
		}
		memmove(session->room, left.data, left.bytes);
		session->used = left.bytes;
	}
	const struct view said = text_view(&replies);
	return replies.overflow == 0 &&
	       send(session->fd, said.data, said.bytes, MSG_NOSIGNAL) == (ssize_t)said.bytes;
}

/* Bytes of the command; 0: it is not whole yet. */
static size_t session_command(struct part_receiver *receiver, struct part_session *session,
        struct view line, struct text *replies)
{
	const size_t end = view_find(line, '\n');

	if (end == line.bytes)
		return 0;
	if (view_starts_fold(line, VIEW("DATA"))) {
		text_put(replies, VIEW(PART_GO_ON));
		session->in_data = true;
		if (receiver->cpu_from == 0)
			receiver->cpu_from = clock_thread_cpu_ns();
	} else if (view_starts_fold(line, VIEW("EHLO"))) {
		text_put(replies, VIEW(PART_HELLO));
	} else {
		text_put(replies, VIEW(PART_OK));
	}
	return end + 1;
}
