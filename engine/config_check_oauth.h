/*
 * Tenants and how tokens are got: what routes have from their tenant's cloud, what identities
 * inherit, and whether it is enough for the flow.
 *
 * Thread:  start-up, once everything is read. Part of config_check.
 * Never:   asks a token endpoint, or keeps a secret that it looked at.
 */
#ifndef SLUICE_CONFIG_CHECK_OAUTH_H
#define SLUICE_CONFIG_CHECK_OAUTH_H

#include "engine/config.h"
#include "engine/config_places.h"

/* Their names, and all certificates and commands that tokens are got with. */
void config_check_tenants(struct config *config, struct config_places *places);
/* Gives a route its tenancy, and its host where the file does not. */
void config_check_tenancy(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places);
/* Gives an identity of the route its `auth`, and with xoauth2 all of its `oauth`. */
void config_check_sign_in(struct config *config, struct config_route *route, size_t index,
        size_t at, struct config_places *places);
/* Tells of keys of tokens that TLS has too: once everything is read. */
void config_check_key_uses(const struct config *config, struct config_places *places);
/* Numbers the tokens: identities that differ in nothing which makes a token share one. */
void config_number_tokens(struct config *config);

#endif
