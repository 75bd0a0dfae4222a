/*
 * A rig whose server has a certificate that an authority of our own signed, and a keeper with a
 * secret to sign in with: "s3cret".
 *
 * Thread:  the test's. The keeper has its own once the test calls helper_start().
 */
#ifndef SLUICE_TESTS_OFFICE_H
#define SLUICE_TESTS_OFFICE_H

#include "tests/engine/io/certificates.h"
#include "tests/engine/rig.h"

struct office {
	struct certificates certificates;
	char leaf[CERTIFICATES_PATH_BYTES];
	char secret[CERTIFICATES_PATH_BYTES + 16];
	struct depot *depot;
	struct config none; /* no tokens */
	struct keeper keeper;
	struct rig *rig;
};

/* As setup and teardown of cmocka: *state is the office. */
int office_open(void **state);
int office_close(void **state);

#endif
