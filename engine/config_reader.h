/*
 * Reads the file's text into a configuration: YAML by libyaml's document interface, which keeps
 * each node's place, walked along the schema.
 *
 * Thread:  start-up.
 * Never:   stops at the first mistake: every unknown, double or missing key and every bad value
 *          is reported, and what was bad has its default afterwards, so that the checks which
 *          follow complain of nothing else than their own.
 */
#ifndef SLUICE_CONFIG_READER_H
#define SLUICE_CONFIG_READER_H

#include "engine/config.h"
#include "engine/config_places.h"

/* False: not YAML, or no mapping; what follows makes no sense then. */
bool config_reader_read(struct view text, struct config *config, struct config_places *places);

#endif
