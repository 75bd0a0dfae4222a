/*
 * The mechanism by which we sign in: what the identity's `auth` allows, of what a server offers.
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_MECHANISM_H
#define SLUICE_MECHANISM_H

#include "engine/config.h"
#include "engine/wire/signin.h"

/* What to do where there is none. */
#define MECHANISM_ADVICE                                                                           \
	"Set the identity's `auth` to one that is offered, or compare the host with the "          \
	"interface: another one may be meant."

/* `offered`: SIGNIN_BIT()s. SIGNIN_NONE: there is none. PLAIN saves a round trip. */
enum signin_mechanism mechanism_choose(enum identity_auth auth, unsigned offered);
/* Says what is offered, so that nobody has to look by hand. */
void mechanism_put_lack(struct text *text, enum identity_auth auth, unsigned offered);

#endif
