/*
 * A message on its way into the mock: DATA or BDAT, what its end leads to, and the account's entry.
 *
 * Thread:  the mock's loop's.
 * Never:   keeps the content: it is looked at while it passes.
 */
#ifndef SLUICE_MOCK_MESSAGE_H
#define SLUICE_MOCK_MESSAGE_H

#include "bench/mock_session.h"

void mock_message_begin(struct mock_session *session);
/* Takes what has come; false: nothing has. */
bool mock_message_read_data(struct mock_session *session);
bool mock_message_read_chunk(struct mock_session *session);
/* All bytes of the BDAT are there. */
void mock_message_end_chunk(struct mock_session *session);

#endif
