/*
 * A tenant's file: JSON that says what a mock's tenant is like (bench/README.md lists the keys).
 *
 * Strict: an unknown key, a key given twice or a value out of its bounds is refused, and the
 * complaint names the place and what would be right.
 *
 * Thread:  the program's, at start; nothing here is called in a turn.
 */
#ifndef SLUICE_MOCK_TENANT_FILE_H
#define SLUICE_MOCK_TENANT_FILE_H

#include "bench/mock_tenant.h"

#define MOCK_TENANT_FILE_BYTES_MAX (16 << 20) /* more than 100,000 mailboxes need */
#define MOCK_MAILBOXES_MAX         100000

/* Paths in the text start at `folder`. False: `why` says what is wrong. */
MUST_CHECK bool mock_tenant_file_read(
        struct mock_tenant **result, struct view text, const char *folder, struct text *why);
/* `why` begins with the path. */
MUST_CHECK bool mock_tenant_file_load(
        struct mock_tenant **result, const char *path, struct text *why);

#endif
