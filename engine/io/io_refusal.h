/*
 * Why the system refuses io_uring, in words: which setting forbids it, and what allows it.
 *
 * Thread:  any; reads /proc once. Only for starting up.
 */
#ifndef SLUICE_IO_REFUSAL_H
#define SLUICE_IO_REFUSAL_H

#include "queue/base/bytes.h"

/* `error`: the errno of io_uring_setup(). */
void io_refusal_explain(int error, struct text *why);

#endif
