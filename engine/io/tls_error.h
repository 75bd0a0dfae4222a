/*
 * What the TLS library says went wrong, in words. Of the files that include its headers alone.
 *
 * Thread:  any: the library keeps a queue of errors for each.
 */
#ifndef SLUICE_TLS_ERROR_H
#define SLUICE_TLS_ERROR_H

#include "queue/base/bytes.h"

/* Of the calling thread's queue the first: the cause, where later ones are its consequences. */
void tls_error_put(struct text *text);

#endif
