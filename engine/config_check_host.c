#include "engine/config_check_host.h"

#include "engine/config_idn.h"
#include "queue/base/utf8.h"

#include <unistd.h>

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)
#define remark(places, section, field, ...)                                                        \
	config_places_complain((places), CONFIG_NOTE, (section), (field), __VA_ARGS__)

static bool leads_to_mx(const struct config_route *route);
static void default_domain(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places);

void config_check_dns(struct config *config)
{
	if (config->dns.trust_anchor == NULL && access(CONFIG_PACKAGED_ANCHOR, R_OK) == 0)
		config->dns.trust_anchor = CONFIG_PACKAGED_ANCHOR;
}

void config_check_host(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places)
{
	const bool wrote_host = config_places_wrote(places, &route->host);
	const bool wrote_domain = config_places_wrote(places, &route->domain);

	if (wrote_host && wrote_domain)
		complain(places, route, &route->domain,
		        "routes[%zu].domain: there is a host too; right is one of them: host for a "
		        "server's name, domain for one whose MX hosts are looked up",
		        index);
	else if (wrote_domain)
		route->host = NULL; /* the interface's */
	else if (route->host == NULL && !wrote_host)
		default_domain(config, route, index, places);
}

static void default_domain(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places)
{
	const struct config_words *accepted = &config->accepted_domains;

	if (!leads_to_mx(route))
		complain(places, route, &route->host,
		        "routes[%zu]: host is missing; right is the server's name or address",
		        index);
	else if (accepted->count == 0)
		complain(places, route, &route->host,
		        "routes[%zu]: host and domain are missing, and there are no "
		        "accepted_domains; right is domain, such as contoso.com, whose MX hosts "
		        "are looked up, or host",
		        index);
	else if (utf8_is_ascii(view_of(accepted->at[0])))
		route->domain = accepted->at[0];
	else
		route->domain = config_idn_in_dns(config->arena, view_of(accepted->at[0]));
}

/* The tenant's MX is where direct send goes, and relay through a connector too. */
static bool leads_to_mx(const struct config_route *route)
{
	return route->interface == INTERFACE_DIRECT || route->interface == INTERFACE_CONNECTOR;
}

void config_check_dane(const struct config *config, struct config_route *route, size_t index,
        struct config_places *places)
{
	struct config_route_tls *tls = &route->tls;
	const bool wrote = config_places_wrote(places, &tls->dane);
	struct endpoint address;

	if (tls->dane == ROUTE_DANE_UNSET)
		tls->dane = leads_to_mx(route) ? ROUTE_DANE_AUTO : ROUTE_DANE_OFF;
	if (tls->dane == ROUTE_DANE_REQUIRED && tls->mode == ROUTE_TLS_NONE)
		complain(places, tls, &tls->dane,
		        "routes[%zu].tls.dane: required, but mode is none; right is another mode, "
		        "or off",
		        index);
	else if (tls->dane == ROUTE_DANE_REQUIRED && route->host != NULL &&
	         endpoint_parse_address(view_of(route->host), &address))
		complain(places, tls, &tls->dane,
		        "routes[%zu].tls.dane: required, but an address has no TLSA records; right "
		        "is a host's name, a domain, or off",
		        index);
	else if (tls->dane == ROUTE_DANE_REQUIRED && config->dns.trust_anchor == NULL)
		complain(places, tls, &tls->dane,
		        "routes[%zu].tls.dane: required, but there is no DNSSEC trust anchor; "
		        "right is dns.trust_anchor, or the package dns-root-data",
		        index);
	else if (wrote && tls->dane == ROUTE_DANE_AUTO && config->dns.trust_anchor == NULL)
		remark(places, tls, &tls->dane,
		        "routes[%zu].tls.dane: without a DNSSEC trust anchor no TLSA record "
		        "counts: "
		        "set dns.trust_anchor, or install dns-root-data",
		        index);
	if (tls->mode == ROUTE_TLS_NONE)
		tls->dane = ROUTE_DANE_OFF;
}
