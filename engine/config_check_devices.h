/*
 * Looks through a listener's old_devices: part of config_check.h.
 *
 * Thread:  start-up.
 */
#ifndef SLUICE_CONFIG_CHECK_DEVICES_H
#define SLUICE_CONFIG_CHECK_DEVICES_H

#include "engine/config.h"
#include "engine/config_places.h"
#include "engine/config_report.h"

void config_check_devices(
        const struct config_listener *listener, size_t index, struct config_places *places);
/* Whether any of them may sign in without TLS. */
bool config_check_devices_sign_in(const struct config_listener *listener);

#endif
