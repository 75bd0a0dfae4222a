/*
 * Memory for secrets: pages of their own, left out of core dumps and kept from the swap as far as
 * the limit on locked memory allows.
 *
 * Thread:  start-up and its undoing; what lies in it is its owner's.
 * Fails:   out of memory. That it can't be locked is no failure.
 */
#ifndef SLUICE_VAULT_H
#define SLUICE_VAULT_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

/* Zeroed; pages are taken when they are first touched. */
MUST_CHECK struct err vault_create(struct span *result, size_t bytes);
/* Back to the kernel, which gives no page to anybody unwiped. Of no bytes: nothing happens. */
void vault_destroy(struct span vault);

#endif
