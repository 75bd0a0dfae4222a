/*
 * Checks what tenants, routes and our address may send in all, derives a tenant's from its
 * licences, and makes config->quotas of it.
 *
 * Thread:  start-up.
 */
#ifndef SLUICE_CONFIG_CHECK_QUOTA_H
#define SLUICE_CONFIG_CHECK_QUOTA_H

#include "engine/config.h"
#include "engine/config_places.h"

/* 500 x licences^0.7 + 9,500, rounded: the tenant external recipient rate limit (TERRL). */
uint64_t config_check_quota_of(uint32_t licences);
void config_check_quota(struct config *config, struct config_places *places);

#endif
