/*
 * The users of a listener: names and crypt(3) hashes of its users_file.
 *
 * The file has a line `NAME:HASH` a user; empty lines and lines that start with # say nothing.
 * Hashes are those of mkpasswd(1): yescrypt, bcrypt, SHA-512, ...; a note is added for those that
 * crypt(3) calls legacy or too cheap.
 *
 * Thread:  loaded at start, constant afterwards. users_verify() costs up to a second by intent:
 *          it belongs on a helper thread, never in a turn.
 * Owns:    its text, until users_destroy().
 * Never:   keeps a password, or tells by its time whether a name exists: an unknown one is
 *          checked against the hash of some user, always the same for one name, so that its time
 *          is one that users have.
 */
#ifndef SLUICE_USERS_H
#define SLUICE_USERS_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

struct config_report;
struct users;

/* Complaints, as file:line, go to the report. */
MUST_CHECK struct err users_load(
        struct users **result, const char *path, struct config_report *report);
/* NULL is fine. */
void users_destroy(struct users *users);
size_t users_count(const struct users *users);
/* Names are compared with ASCII case ignored. */
bool users_verify(const struct users *users, struct view name, struct view password);

#endif
