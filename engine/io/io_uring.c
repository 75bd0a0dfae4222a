#include "engine/io/io.h"

#include "engine/io/io_features.h"
#include "engine/io/io_refusal.h"
#include "engine/io/io_socket.h"
#include "queue/base/check.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The completion ring is this much larger: multishot operations complete many times. What does
 * not fit all the same is kept by the kernel (IORING_FEAT_NODROP). */
#define IO_COMPLETIONS_PER_ENTRY 4
#define IO_PIECES_PER_ENTRY      4 /* on average; with more, a turn submits in two steps */
#define IO_BUFFER_GROUP          0
#define IO_SUBMIT_TRIES          1000

/* Of registering, what a ring that runs takes: this thread's short cut to it, and its end. */
static const uint8_t io_registrations[] = { IORING_REGISTER_RING_FDS, IORING_UNREGISTER_RING_FDS };

/* What we ask a ring for, in all. */
static const uint8_t io_operations[] = {
	IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_RECV, IORING_OP_SEND, IORING_OP_SENDMSG,
	IORING_OP_SHUTDOWN, IORING_OP_CLOSE, IORING_OP_ASYNC_CANCEL, IORING_OP_READ,
	IORING_OP_MSG_RING, /* the last, as the youngest: a kernel may not have it */
};

#define IO_OPERATIONS    (sizeof io_operations / sizeof io_operations[0])
#define IO_REGISTRATIONS (sizeof io_registrations / sizeof io_registrations[0])
#define IO_RESTRICTIONS  (IO_REGISTRATIONS + IO_OPERATIONS + 1)

/* What a completion is about: the low bits of its user_data. */
enum io_tag {
	IO_TAG_OP,     /* the rest is its address */
	IO_TAG_CANCEL, /* a cancellation itself: no news */
	IO_TAG_RANG,   /* waking another ring failed; the rest is the address of its io */
	IO_TAG_WOKEN,  /* another ring woke us */
	IO_TAG_EVENT,  /* the event fd was read */
	IO_TAG_MASK = 7
};

/* What the kernel reads when an operation is submitted, and not after that
 * (IORING_FEAT_SUBMIT_STABLE). One for each slot of the submission ring. */
union io_argument {
	struct msghdr message;
	struct sockaddr_in6 address;
};

struct io {
	struct io_uring ring;
	struct io_features features;
	int event_fd;
	uint64_t event_value;
	size_t in_flight;
	/* receive buffers */
	struct io_uring_buf_ring *buffer_ring;
	struct io_buffer *buffers;
	char *buffer_memory;
	unsigned buffer_count;
	unsigned buffer_bytes;
	unsigned buffers_free;
	/* arguments of what is asked for and not yet submitted */
	union io_argument *arguments;
	struct iovec *pieces;
	unsigned entries;
	unsigned pieces_used;
};

_Static_assert(sizeof(struct view) == sizeof(struct iovec), "a view is copied as an iovec");
_Static_assert(offsetof(struct view, bytes) == offsetof(struct iovec, iov_len), "likewise");
_Static_assert(_Alignof(struct io_op) > IO_TAG_MASK, "the low bits of its address are free");

static struct err io_open_ring(struct io *io, struct text *why);
static void io_probe(struct io *io);
static struct err io_open_buffers(struct io *io, struct text *why);
static void io_restrict(struct io *io);
static void *io_map(size_t bytes);
static struct io_uring_sqe *io_sqe(struct io *io);
static struct io_uring_sqe *io_begin(struct io *io, struct io_op *op, enum io_kind kind, int fd);
static void io_submit(struct io *io);
static void io_submitted(struct io *io, int result);
static void io_read_event(struct io *io);
static void io_ring_event(struct io *target);
static void io_buffer_return(struct io *io, struct io_buffer *buffer);
static bool io_complete(struct io *io, const struct io_uring_cqe *cqe, struct io_result *result);

/* Opening and closing */

struct err io_create(struct io **result, const struct io_settings *settings, struct text *why)
{
	struct err err = err_make(ERR_NO_MEMORY, ENOMEM);
	struct io *io = calloc(1, sizeof *io);

	if (io == NULL)
		return err;
	io->event_fd = -1;
	io->ring.ring_fd = -1;
	io->entries = settings->entries;
	io->buffer_count = settings->buffer_count;
	io->buffer_bytes = settings->buffer_bytes;
	io->arguments = calloc(io->entries, sizeof *io->arguments);
	io->pieces = calloc((size_t)io->entries * IO_PIECES_PER_ENTRY, sizeof *io->pieces);
	io->buffers = calloc(io->buffer_count, sizeof *io->buffers);
	if (io->arguments == NULL || io->pieces == NULL || io->buffers == NULL)
		goto fail;
	err = io_open_ring(io, why);
	if (failed(err))
		goto fail;
	err = io_open_buffers(io, why);
	if (failed(err))
		goto fail;
	io_restrict(io);
	io->event_fd = eventfd(0, EFD_CLOEXEC);
	if (io->event_fd < 0) {
		err = err_make(ERR_SYSTEM, errno);
		text_format(why, "no event descriptor: %s", strerror(errno));
		goto fail;
	}
	*result = io;
	return err_ok();
fail:
	io_destroy(io);
	return err;
}

/* The ring starts disabled: its one submitter is whoever calls io_start(). */
static struct err io_open_ring(struct io *io, struct text *why)
{
	const unsigned common = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED |
	                        IORING_SETUP_SUBMIT_ALL;
	const unsigned single = IORING_SETUP_SINGLE_ISSUER;
	const unsigned tries[] = { single | IORING_SETUP_DEFER_TASKRUN,
		single | IORING_SETUP_COOP_TASKRUN, IORING_SETUP_COOP_TASKRUN };
	struct io_uring_params params;
	int code = -EINVAL;

	for (size_t i = 0; i < sizeof tries / sizeof tries[0] && code == -EINVAL; i++) {
		params = (struct io_uring_params){ .flags = common | tries[i],
			.cq_entries = io->entries * IO_COMPLETIONS_PER_ENTRY };
		code = io_uring_queue_init_params(io->entries, &io->ring, &params);
	}
	if (code < 0) {
		io->ring.ring_fd = -1;
		io_refusal_explain(-code, why);
		return err_make(ERR_UNSUPPORTED, -code);
	}
	io->entries = params.sq_entries < io->entries ? params.sq_entries : io->entries;
	io->features.has[IO_HAS_single_issuer] = (params.flags & IORING_SETUP_SINGLE_ISSUER) != 0;
	io->features.has[IO_HAS_defer_taskrun] = (params.flags & IORING_SETUP_DEFER_TASKRUN) != 0;
	io->features.has[IO_HAS_timed_wait] = (params.features & IORING_FEAT_EXT_ARG) != 0;
	io_probe(io);
	if (!io->features.has[IO_HAS_timed_wait]) {
		io_refusal_explain(EINVAL, why);
		return err_make(ERR_UNSUPPORTED, EINVAL);
	}
	return err_ok();
}

/* Multishot forms have no probe of their own: an operation that came with the same kernel
 * stands for them. */
static void io_probe(struct io *io)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(&io->ring);

	if (probe == NULL)
		return;
	io->features.has[IO_HAS_msg_ring] = io_uring_opcode_supported(probe, IORING_OP_MSG_RING);
	io->features.has[IO_HAS_multishot_accept] =
	        io_uring_opcode_supported(probe, IORING_OP_SOCKET);
	io->features.has[IO_HAS_multishot_recv] =
	        io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
	io_uring_free_probe(probe);
}

static struct err io_open_buffers(struct io *io, struct text *why)
{
	unsigned count = io->buffer_count;

	check(count > 0);
	check((count & (count - 1)) == 0);
	check(count <= 32768);
	io->buffer_ring = io_map(count * sizeof(struct io_uring_buf));
	io->buffer_memory = io_map((size_t)count * io->buffer_bytes);
	if (io->buffer_ring == NULL || io->buffer_memory == NULL)
		return err_make(ERR_NO_MEMORY, ENOMEM);
	struct io_uring_buf_reg registration = { .ring_addr = (uintptr_t)io->buffer_ring,
		.ring_entries = count,
		.bgid = IO_BUFFER_GROUP };
	int code = io_uring_register_buf_ring(&io->ring, &registration, 0);
	if (code < 0) {
		io_refusal_explain(-code, why);
		return err_make(ERR_UNSUPPORTED, -code);
	}
	io->features.has[IO_HAS_buffer_rings] = true;
	io_uring_buf_ring_init(io->buffer_ring);
	for (unsigned i = 0; i < count; i++) {
		io->buffers[i].data = io->buffer_memory + (size_t)i * io->buffer_bytes;
		io->buffers[i].index = i;
		io_buffer_return(io, &io->buffers[i]);
	}
	return err_ok();
}

/* No filter of system calls sees what goes through a ring: the ring itself must refuse the rest,
 * such as opening files. It takes this while it is disabled, and keeps to it once it is enabled.
 * The library declares a function for this too, and Debian 12's does not export it. */
static void io_restrict(struct io *io)
{
	const unsigned operations = IO_OPERATIONS - !io->features.has[IO_HAS_msg_ring];
	struct io_uring_restriction list[IO_RESTRICTIONS] = { 0 };
	unsigned count = 0;

	for (size_t i = 0; i < IO_REGISTRATIONS; i++)
		list[count++] = (struct io_uring_restriction){
			.opcode = IORING_RESTRICTION_REGISTER_OP,
			.register_op = io_registrations[i],
		};
	for (size_t i = 0; i < operations; i++)
		list[count++] = (struct io_uring_restriction){
			.opcode = IORING_RESTRICTION_SQE_OP,
			.sqe_op = io_operations[i],
		};
	list[count++] = (struct io_uring_restriction){
		.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
		.sqe_flags = IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS,
	};
	io->features.has[IO_HAS_restrictions] =
	        syscall(__NR_io_uring_register, io->ring.ring_fd, IORING_REGISTER_RESTRICTIONS,
	                list, count) == 0;
}

static void *io_map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* Clients' mail comes in here, and their passwords: nothing for a core dump. */
	check(madvise(memory, bytes, MADV_DONTDUMP) == 0);
	return memory;
}

void io_destroy(struct io *io)
{
	if (io == NULL)
		return;
	check(io->in_flight == 0);
	if (io->ring.ring_fd >= 0)
		io_uring_queue_exit(&io->ring);
	if (io->event_fd >= 0)
		close(io->event_fd);
	if (io->buffer_ring != NULL)
		munmap(io->buffer_ring, io->buffer_count * sizeof(struct io_uring_buf));
	if (io->buffer_memory != NULL)
		munmap(io->buffer_memory, (size_t)io->buffer_count * io->buffer_bytes);
	free(io->buffers);
	free(io->pieces);
	free(io->arguments);
	free(io);
}

void io_start(struct io *io)
{
	/* The library declares a function for this, but Debian 12's (2.3) does not export it. */
	check(syscall(__NR_io_uring_register, io->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL,
	              0) == 0);
	/* This thread's calls need not look the descriptor up. Where that can't be had they do. */
	(void)io_uring_register_ring_fd(&io->ring);
	io_read_event(io);
}

void io_describe(const struct io *io, struct text *text)
{
	io_features_describe(&io->features, text);
}

bool io_is_restricted(const struct io *io)
{
	return io->features.has[IO_HAS_restrictions];
}

/* Operations */

static struct io_uring_sqe *io_sqe(struct io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	for (unsigned i = 0; sqe == NULL && i < IO_SUBMIT_TRIES; i++) {
		io_submit(io);
		sqe = io_uring_get_sqe(&io->ring);
	}
	check(sqe != NULL);
	return sqe;
}

static struct io_uring_sqe *io_begin(struct io *io, struct io_op *op, enum io_kind kind, int fd)
{
	check(op->kind == IO_IDLE);
	check(op->done != NULL);
	check(fd >= 0);
	op->kind = (uint8_t)kind;
	op->fd = fd;
	op->cancelled = false;
	io->in_flight++;
	return io_sqe(io);
}

/* The slot is free again exactly when its argument is. */
static union io_argument *io_argument(struct io *io, const struct io_uring_sqe *sqe)
{
	return &io->arguments[sqe - io->ring.sq.sqes];
}

void io_accept(struct io *io, struct io_op *op, int fd)
{
	struct io_uring_sqe *sqe = io_begin(io, op, IO_ACCEPT, fd);

	if (io->features.has[IO_HAS_multishot_accept])
		io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	else
		io_uring_prep_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data(sqe, op);
}

void io_connect(struct io *io, struct io_op *op, int fd, const struct endpoint *to)
{
	struct io_uring_sqe *sqe = io_begin(io, op, IO_CONNECT, fd);
	union io_argument *argument = io_argument(io, sqe);
	socklen_t bytes = io_socket_address(to, &argument->address);

	io_uring_prep_connect(sqe, fd, (struct sockaddr *)&argument->address, bytes);
	io_uring_sqe_set_data(sqe, op);
}

void io_recv(struct io *io, struct io_op *op, int fd)
{
	struct io_uring_sqe *sqe = io_begin(io, op, IO_RECV, fd);

	if (io->features.has[IO_HAS_multishot_recv])
		io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	else
		io_uring_prep_recv(sqe, fd, NULL, io->buffer_bytes, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = IO_BUFFER_GROUP;
	io_uring_sqe_set_data(sqe, op);
}

void io_send(struct io *io, struct io_op *op, int fd, struct view bytes)
{
	struct io_uring_sqe *sqe = io_begin(io, op, IO_SEND, fd);

	io_uring_prep_send(sqe, fd, bytes.data, bytes.bytes, MSG_NOSIGNAL);
	io_uring_sqe_set_data(sqe, op);
}

void io_send_pieces(
        struct io *io, struct io_op *op, int fd, const struct view *pieces, size_t count)
{
	check(count > 0);
	check(count <= IO_PIECES_MAX);
	for (unsigned i = 0; io->pieces_used + count > io->entries * IO_PIECES_PER_ENTRY; i++) {
		check(i < IO_SUBMIT_TRIES);
		io_submit(io);
	}
	struct io_uring_sqe *sqe = io_begin(io, op, IO_SEND, fd);
	struct iovec *copies = &io->pieces[io->pieces_used];
	union io_argument *argument = io_argument(io, sqe);
	memcpy(copies, pieces, count * sizeof *copies);
	io->pieces_used += (unsigned)count;
	argument->message = (struct msghdr){ .msg_iov = copies, .msg_iovlen = count };
	io_uring_prep_sendmsg(sqe, fd, &argument->message, MSG_NOSIGNAL);
	io_uring_sqe_set_data(sqe, op);
}

void io_shutdown(struct io *io, struct io_op *op, int fd)
{
	struct io_uring_sqe *sqe = io_begin(io, op, IO_SHUTDOWN, fd);

	io_uring_prep_shutdown(sqe, fd, SHUT_WR);
	io_uring_sqe_set_data(sqe, op);
}

void io_close(struct io *io, struct io_op *op, int fd)
{
	struct io_uring_sqe *sqe = io_begin(io, op, IO_CLOSE, fd);

	io_uring_prep_close(sqe, fd);
	io_uring_sqe_set_data(sqe, op);
}

void io_cancel(struct io *io, struct io_op *op)
{
	if (op->kind == IO_IDLE || op->cancelled)
		return;
	op->cancelled = true;
	struct io_uring_sqe *sqe = io_sqe(io);
	io_uring_prep_cancel(sqe, op, 0);
	io_uring_sqe_set_data64(sqe, IO_TAG_CANCEL);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

/* Submitting, waiting, waking */

/* In mid-turn, when the ring or the pieces are full; and where there is nothing to wait for. */
static void io_submit(struct io *io)
{
	io_submitted(io, io_uring_submit_and_get_events(&io->ring));
}

/* Pieces are free again once the kernel has read them all. Errors that pass leave the rest for
 * the next call; others mean that we misuse the ring. */
static void io_submitted(struct io *io, int result)
{
	check(result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
	        result == -EBUSY || result == -ENOMEM);
	if (io_uring_sq_ready(&io->ring) == 0)
		io->pieces_used = 0;
}

void io_wait(struct io *io, struct mono until)
{
	struct __kernel_timespec timeout;
	struct __kernel_timespec *limit = NULL;
	struct io_uring_cqe *cqe;
	int64_t left_ns = 0;

	if (io_uring_cq_ready(&io->ring) == 0)
		left_ns = until.ns == MONO_NEVER.ns ? INT64_MAX : until.ns - clock_mono().ns;
	if (left_ns <= 0) {
		io_submit(io);
		return;
	}
	if (left_ns != INT64_MAX) {
		timeout.tv_sec = left_ns / NS_PER_S;
		timeout.tv_nsec = left_ns % NS_PER_S;
		limit = &timeout;
	}
	io_submitted(io, io_uring_submit_and_wait_timeout(&io->ring, &cqe, 1, limit, NULL));
}

void io_wake(struct io *from, struct io *target)
{
	if (from == target)
		return;
	if (from == NULL || !from->features.has[IO_HAS_msg_ring]) {
		io_ring_event(target);
		return;
	}
	struct io_uring_sqe *sqe = io_sqe(from);
	io_uring_prep_msg_ring(sqe, target->ring.ring_fd, 0, IO_TAG_WOKEN, 0);
	io_uring_sqe_set_data64(sqe, (uintptr_t)target | IO_TAG_RANG);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

static void io_ring_event(struct io *target)
{
	const uint64_t one = 1;
	const int saved = errno; /* we may be in a signal handler */

	/* It fails only when the count is full, and then the target is being woken. */
	ssize_t written = write(target->event_fd, &one, sizeof one);
	(void)written;
	errno = saved;
}

static void io_read_event(struct io *io)
{
	struct io_uring_sqe *sqe = io_sqe(io);

	io_uring_prep_read(sqe, io->event_fd, &io->event_value, sizeof io->event_value, 0);
	io_uring_sqe_set_data64(sqe, IO_TAG_EVENT);
}

/* Completions */

bool io_reap(struct io *io, struct io_result *result)
{
	struct io_uring_cqe *cqe;
	bool found = false;

	while (!found && io_uring_peek_cqe(&io->ring, &cqe) == 0) {
		switch (cqe->user_data & IO_TAG_MASK) {
		case IO_TAG_OP:
			found = io_complete(io, cqe, result);
			break;
		case IO_TAG_EVENT:
			io_read_event(io);
			break;
		case IO_TAG_RANG: /* its ring could not take the message */
			if (cqe->res < 0)
				io_ring_event((struct io *)(uintptr_t)(cqe->user_data &
				                                       ~(uint64_t)IO_TAG_MASK));
			break;
		default:
			break;
		}
		io_uring_cqe_seen(&io->ring, cqe);
	}
	return found;
}

static bool io_complete(struct io *io, const struct io_uring_cqe *cqe, struct io_result *result)
{
	struct io_op *op = (struct io_op *)(uintptr_t)cqe->user_data;

	check(op->kind != IO_IDLE);
	*result = (struct io_result){
		.op = op, .value = cqe->res, .more = (cqe->flags & IORING_CQE_F_MORE) != 0
	};
	if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
		struct io_buffer *buffer = &io->buffers[cqe->flags >> IORING_CQE_BUFFER_SHIFT];
		check(io->buffers_free > 0);
		io->buffers_free--;
		if (cqe->res > 0) {
			buffer->bytes = (uint32_t)cqe->res;
			buffer->next = NULL;
			result->buffer = buffer;
		} else {
			io_buffer_return(io, buffer);
		}
	}
	if (!result->more) {
		check(io->in_flight > 0);
		io->in_flight--;
		op->kind = IO_IDLE;
	}
	return true;
}

static void io_buffer_return(struct io *io, struct io_buffer *buffer)
{
	io_uring_buf_ring_add(io->buffer_ring, buffer->data, io->buffer_bytes,
	        (unsigned short)buffer->index, io_uring_buf_ring_mask(io->buffer_count), 0);
	io_uring_buf_ring_advance(io->buffer_ring, 1);
	io->buffers_free++;
}

void io_buffer_give(struct io *io, struct io_buffer *buffer)
{
	check(buffer == &io->buffers[buffer->index]);
	check(buffer->bytes > 0); /* lent */
	buffer->bytes = 0;
	io_buffer_return(io, buffer);
}

size_t io_buffers_free(const struct io *io)
{
	return io->buffers_free;
}

size_t io_in_flight(const struct io *io)
{
	return io->in_flight;
}
