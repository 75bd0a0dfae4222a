/*
 * The files in a stand's folder: certificates, secret, Sluice's configuration, the mock's
 * account.
 *
 * Thread:  the run's. Owns nothing.
 * Fails:   with errno; ERR_NOT_FOUND: openssl is not there or failed.
 */
#ifndef SLUICE_STAND_FILES_H
#define SLUICE_STAND_FILES_H

#include "bench/stand.h"

#define STAND_SECRET "a secret of the bench"

/* Two ports on which nobody listens, below those that the kernel gives to clients. */
MUST_CHECK struct err stand_files_ports(struct stand *stand);
/* sluice.yaml and the secret. */
MUST_CHECK struct err stand_files_write(const struct stand *stand);
/* An authority (ca.pem) and what it signed for the mock (mock.pem, mock.key). */
MUST_CHECK struct err stand_files_certificates(const struct stand *stand);
/* Reads what `sluice-mock --account` wrote. False: it is not all there. */
MUST_CHECK bool stand_files_account(const char *path, struct stand_account *account);

#endif
