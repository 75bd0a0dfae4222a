/*
 * A tenant's account as JSON: what was tried and what was taken, by mailbox and in all, refusals
 * by reason, and for each limit the largest count that any window of its length ever held.
 *
 * Thread:  the tenant's.
 */
#ifndef SLUICE_MOCK_TENANT_ACCOUNT_H
#define SLUICE_MOCK_TENANT_ACCOUNT_H

#include "bench/mock_tenant.h"

struct json_t; /* jansson's */

/* Gives the object; NULL: no memory. */
struct json_t *mock_tenant_account(const struct mock_tenant *tenant);

#endif
