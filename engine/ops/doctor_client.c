#include "engine/ops/doctor.h"

#define LINE_BYTES 2048

static const struct config_old_device *device_of(
        const struct config_listener *listener, const struct endpoint *client);
static void put_encryption(struct text *text, const struct config_listener *listener,
        const struct config_old_device *device);
static void put_sign_in(struct text *text, const struct config_listener *listener,
        const struct config_old_device *device);
static const char *advice_for(const struct config_listener *listener,
        const struct config_old_device *device, bool may_relay);

void doctor_see_client(const struct doctor *doctor, const struct endpoint *client)
{
	const struct config_listeners *listeners = &doctor->config->listeners;

	doctor_report_title(doctor->report, NULL, NULL);
	for (size_t i = 0; i < listeners->count; i++) {
		const struct config_listener *listener = &listeners->at[i];
		const struct config_old_device *device = device_of(listener, client);
		const bool may_relay = config_networks_contain(&listener->allow, client);
		const bool may_sign_in = listener->users_file != NULL;
		char place_memory[ENDPOINT_TEXT_BYTES];
		char memory[LINE_BYTES];
		struct text place = TEXT_ON(place_memory);
		struct text text = TEXT_ON(memory);

		endpoint_format(&place, &listener->address);
		text_put(&text, may_relay     ? VIEW("may relay without signing in; ")
		                : may_sign_in ? VIEW("may relay once signed in; ")
		                              : VIEW("may not relay; "));
		put_encryption(&text, listener, device);
		put_sign_in(&text, listener, device);
		if (device != NULL)
			text_format(&text, "; as the old device \"%s\"%s", device->name,
			        device->tolerant ? ", whose commands need not be quite SMTP" : "");
		const struct doctor_finding finding = {
			.step = DOCTOR_LISTENER,
			.result = may_relay || may_sign_in ? DOCTOR_FINE : DOCTOR_NOTE,
			.subject = text_view(&place),
			.said = text_view(&text),
			.advice = advice_for(listener, device, may_relay),
		};
		doctor_report_begin(doctor->report);
		doctor_report_add(doctor->report, &finding);
	}
}

/* The first whose networks have it, as at the door. */
static const struct config_old_device *device_of(
        const struct config_listener *listener, const struct endpoint *client)
{
	for (size_t i = 0; i < listener->old_devices.count; i++)
		if (config_networks_contain(&listener->old_devices.at[i].networks, client))
			return &listener->old_devices.at[i];
	return NULL;
}

static void put_encryption(struct text *text, const struct config_listener *listener,
        const struct config_old_device *device)
{
	static const char *const versions[] = {
		[DEVICE_TLS_UNSET] = "1.2 or later",
		[DEVICE_TLS_1_2] = "1.2 or later with old ciphers",
		[DEVICE_TLS_1_1] = "1.1 or later",
		[DEVICE_TLS_1_0] = "1.0 or later",
	};

	if (listener->tls.certificate == NULL) {
		text_put(text, VIEW("no TLS"));
		return;
	}
	text_format(text, "TLS %s, %s", versions[device != NULL ? device->tls : DEVICE_TLS_UNSET],
	        listener->tls.implicit ? "from the first byte" : "by STARTTLS");
}

static void put_sign_in(struct text *text, const struct config_listener *listener,
        const struct config_old_device *device)
{
	const bool plainly =
	        listener->allow_plaintext_auth || (device != NULL && device->auth_without_tls);

	if (listener->users_file == NULL)
		text_put(text, VIEW("; no sign-in"));
	else
		text_format(text, "; AUTH PLAIN and LOGIN%s",
		        plainly ? ", without TLS too" : " over TLS only");
}

static const char *advice_for(const struct config_listener *listener,
        const struct config_old_device *device, bool may_relay)
{
	const bool plainly =
	        listener->allow_plaintext_auth || (device != NULL && device->auth_without_tls);

	if (may_relay)
		return NULL;
	if (listener->users_file == NULL)
		return "To let it in, add its network to the listener's allow, or give the "
		       "listener a users_file.";
	if (listener->tls.certificate == NULL && !plainly)
		return "It can't sign in: that wants TLS, and the listener has no certificate. Add "
		       "one (tls), or its network to allow.";
	return NULL;
}
