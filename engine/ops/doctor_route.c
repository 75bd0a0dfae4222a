#include "engine/ops/doctor.h"
#include "engine/ops/doctor_visit.h"

#include "engine/target.h"
#include "queue/base/check.h"

#include <stdlib.h>

#define SMTP_PORT 25

static bool find_hosts(
        const struct doctor *doctor, const struct config_route *route, struct resolver_ask *ask);
static const char *dns_advice(const struct lookup *lookup);
static const char *connect_advice(const struct config_route *route, const char *why);
static struct tls_context *make_context(
        const struct doctor *doctor, const struct config_route *route);
static void see_identities(struct doctor_visit *visit);

void doctor_see_route(const struct doctor *doctor, const struct config_route *route)
{
	struct resolver_ask *ask = calloc(1, sizeof *ask);
	struct doctor_visit *visit = calloc(1, sizeof *visit);

	check(ask != NULL);
	check(visit != NULL);
	doctor_report_title(doctor->report, route->name, NULL);
	*visit = (struct doctor_visit){ .doctor = doctor, .route = route };
	if (find_hosts(doctor, route, ask)) {
		visit->hosts = &ask->lookup.hosts;
		if (route->tls.mode != ROUTE_TLS_NONE)
			visit->context = make_context(doctor, route);
		if (route->tls.mode == ROUTE_TLS_NONE || visit->context != NULL)
			see_identities(visit);
		tls_context_destroy(visit->context);
	}
	free(visit);
	free(ask);
}

static bool find_hosts(
        const struct doctor *doctor, const struct config_route *route, struct resolver_ask *ask)
{
	struct lookup *lookup = &ask->lookup;
	char memory[256];
	struct text found = TEXT_ON(memory);

	lookup_ask_for(lookup, route);
	doctor_report_begin(doctor->report);
	if (!resolver_literal(lookup))
		desk_ask_resolver(doctor->desk, ask);
	const bool fine = lookup->hosts.address_count > 0;
	if (fine)
		text_format(&found, "%u addresses of %u hosts%s", lookup->hosts.address_count,
		        lookup->hosts.count, lookup->secure ? ", signed" : "");
	const struct doctor_finding finding = {
		.step = DOCTOR_DNS,
		.result = fine ? DOCTOR_FINE : DOCTOR_WRONG,
		.subject = view_of(lookup->name),
		.said = fine ? text_view(&found) : view_of(lookup->why),
		.advice = fine ? NULL : dns_advice(lookup),
	};
	doctor_report_add(doctor->report, &finding);
	return fine;
}

static const char *dns_advice(const struct lookup *lookup)
{
	if (lookup->distrusted)
		return "DNSSEC does not hold there, or the name servers of dns.servers cut it off: "
		       "set them to others, or the route's tls.dane to off.";
	return lookup->mx
	               ? "Compare the route's domain with the tenant's accepted domains, and ask "
	                 "the name servers of dns.servers for its MX by hand."
	               : "Compare the route's host with Microsoft's name for it, and see whether "
	                 "dns.servers answer from here.";
}

static struct tls_context *make_context(
        const struct doctor *doctor, const struct config_route *route)
{
	const struct tls_client_settings settings = {
		.verify = route->tls.verify,
		.ca_file = route->tls.ca_file,
		.certificate_file = route->tls.certificate,
		.key_file = route->tls.key,
	};
	char memory[512];
	struct text why = TEXT_ON(memory);
	struct tls_context *context = NULL;

	if (!failed(tls_context_client(&context, &settings, &why)))
		return context;
	const struct doctor_finding finding = {
		.step = DOCTOR_TLS,
		.result = DOCTOR_WRONG,
		.said = text_view(&why),
		.advice = "Mend the file that it names.",
	};
	doctor_report_add(doctor->report, &finding);
	return NULL;
}

/* The first address that answers; those before it are told of. */
bool doctor_visit_connect(struct doctor_visit *visit)
{
	const struct hosts *hosts = visit->hosts;
	struct doctor_report *report = visit->doctor->report;
	const uint32_t count =
	        hosts->address_count < DOCTOR_TRIES_MAX ? hosts->address_count : DOCTOR_TRIES_MAX;

	for (uint32_t i = visit->address; i < count; i++) {
		const struct host_address *address = &hosts->addresses[i];
		char memory[ENDPOINT_TEXT_BYTES];
		struct text place = TEXT_ON(memory);

		visit->host = &hosts->list[address->host];
		visit->address = i;
		endpoint_format(&place, &address->endpoint);
		doctor_report_begin(report);
		const bool fine =
		        talk_connect(&visit->talk, visit->doctor->desk, &address->endpoint, NULL);
		const struct doctor_finding finding = {
			.step = DOCTOR_CONNECT,
			.result = fine            ? DOCTOR_FINE
			          : i + 1 < count ? DOCTOR_NOTE /* the next may do */
			                          : DOCTOR_WRONG,
			.subject = text_view(&place),
			.said = fine ? view_of(visit->host->name) : text_view(&visit->talk.why),
			.advice =
			        fine ? NULL
			             : connect_advice(visit->route, text_string(&visit->talk.why)),
		};
		doctor_report_add(report, &finding);
		if (fine)
			return true;
		talk_end(&visit->talk);
	}
	return false;
}

static const char *connect_advice(const struct config_route *route, const char *why)
{
	const bool refused = strstr(why, "refused") != NULL;

	if (refused)
		return "Nobody listens there: compare host and port with the interface's (587 for "
		       "submission, 25 for direct and connector), and see what a firewall rejects.";
	if (route->port == SMTP_PORT)
		return "Something drops port 25: many providers and clouds block it outwards until "
		       "asked, and firewalls do. Ask them for TCP 25 from here, or use a "
		       "submission route (port 587).";
	return "Something on the way drops it, or there is no route: allow TCP to this port in "
	       "the firewall.";
}

static void see_identities(struct doctor_visit *visit)
{
	const struct config_identities *identities = &visit->route->identities;
	const struct doctor *doctor = visit->doctor;

	if (identities->count == 0) {
		doctor_visit_run(visit);
		return;
	}
	for (size_t i = 0; i < identities->count; i++) {
		visit->identity = &identities->at[i];
		if (doctor->identity != NULL &&
		        !view_equal_fold(view_of(doctor->identity), view_of(visit->identity->user)))
			continue;
		doctor_report_title(doctor->report, visit->route->name, visit->identity->user);
		doctor_visit_run(visit);
	}
}
