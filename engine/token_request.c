#include "engine/token_request.h"

#include "engine/io/crypto.h"
#include "engine/json_write.h"
#include "engine/wire/base64.h"
#include "queue/base/check.h"

#define ASSERTION_BYTES 6144 /* with a signature of CRYPTO_SIGNATURE_BYTES */
#define PART_BYTES      2048
#define ID_BYTES        16 /* of random: no two assertions are the same */
#define ASSERTION_TYPE  "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static void put_field(struct text *form, const char *name, struct view value);
static bool put_credential(struct text *form, const struct config_oauth *oauth,
        const struct token_secrets *secrets, int64_t now_s);
static bool put_header(struct text *assertion, struct view certificate);
static void put_payload(
        struct text *assertion, const char *client_id, const char *audience, int64_t now_s);

bool token_request_write(struct text *form, const struct config_oauth *oauth,
        const struct token_secrets *secrets, int64_t now_s)
{
	check(oauth->flow == FLOW_CLIENT_CREDENTIALS || oauth->flow == FLOW_REFRESH_TOKEN);
	const bool of_app = oauth->flow == FLOW_CLIENT_CREDENTIALS;

	put_field(form, "grant_type", of_app ? VIEW("client_credentials") : VIEW("refresh_token"));
	put_field(form, "client_id", view_of(oauth->client_id));
	put_field(form, "scope", view_of(oauth->scope));
	if (!of_app)
		put_field(form, "refresh_token", secrets->refresh_token);
	return put_credential(form, oauth, secrets, now_s) && !form->overflow;
}

/* Of a public app, which people consent to, there is none. */
static bool put_credential(struct text *form, const struct config_oauth *oauth,
        const struct token_secrets *secrets, int64_t now_s)
{
	char memory[ASSERTION_BYTES];
	struct text assertion = TEXT_ON(memory);

	if (secrets->client_secret.bytes > 0)
		put_field(form, "client_secret", secrets->client_secret);
	if (secrets->key.bytes == 0)
		return true;
	const bool signed_well = token_assertion_write(&assertion, oauth->client_id,
	        oauth->token_url, secrets->certificate, secrets->key, now_s);
	if (signed_well) {
		put_field(form, "client_assertion_type", VIEW(ASSERTION_TYPE));
		put_field(form, "client_assertion", text_view(&assertion));
	}
	crypto_wipe(memory, sizeof memory);
	return signed_well;
}

/* As application/x-www-form-urlencoded has it: all but what is never special goes by its code. */
static void put_field(struct text *form, const char *name, struct view value)
{
	if (form->bytes > 0)
		text_put_byte(form, '&');
	text_put(form, view_of(name));
	text_put_byte(form, '=');
	for (size_t i = 0; i < value.bytes; i++) {
		const char c = value.data[i];
		const char low = byte_lower(c);

		if (byte_is_digit(c) || (low >= 'a' && low <= 'z') || c == '-' || c == '.' ||
		        c == '_' || c == '~')
			text_put_byte(form, c);
		else
			text_format(form, "%%%02X", (unsigned char)c);
	}
}

bool token_assertion_write(struct text *assertion, const char *client_id, const char *audience,
        struct view certificate, struct view key, int64_t now_s)
{
	char memory[CRYPTO_SIGNATURE_BYTES];
	struct text signature = TEXT_ON(memory);
	const size_t from = assertion->bytes;

	if (!put_header(assertion, certificate))
		return false;
	text_put_byte(assertion, '.');
	put_payload(assertion, client_id, audience, now_s);
	const struct view message = view_from(assertion->data + from, assertion->bytes - from);
	if (assertion->overflow || !crypto_sign(key, message, &signature))
		return false;
	text_put_byte(assertion, '.');
	base64_url_encode(assertion, text_view(&signature));
	return !assertion->overflow;
}

/* Microsoft finds the certificate by either thumbprint; older endpoints know SHA-1 alone. */
static bool put_header(struct text *assertion, struct view certificate)
{
	uint8_t sha1[CRYPTO_SHA1_BYTES];
	uint8_t sha256[CRYPTO_SHA256_BYTES];
	char memory[PART_BYTES];
	struct text header = TEXT_ON(memory);

	if (!crypto_certificate_prints(certificate, sha1, sha256))
		return false;
	text_put(&header, VIEW("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\""));
	base64_url_encode(&header, view_from(sha1, sizeof sha1));
	text_put(&header, VIEW("\",\"x5t#S256\":\""));
	base64_url_encode(&header, view_from(sha256, sizeof sha256));
	text_put(&header, VIEW("\"}"));
	check(!header.overflow);
	base64_url_encode(assertion, text_view(&header));
	return true;
}

static void put_payload(
        struct text *assertion, const char *client_id, const char *audience, int64_t now_s)
{
	char memory[PART_BYTES];
	struct text payload = TEXT_ON(memory);
	uint8_t id[ID_BYTES];

	crypto_random((struct span){ (char *)id, sizeof id });
	text_put(&payload, VIEW("{\"aud\":"));
	json_write_text(&payload, view_of(audience));
	text_put(&payload, VIEW(",\"iss\":"));
	json_write_text(&payload, view_of(client_id));
	text_put(&payload, VIEW(",\"sub\":"));
	json_write_text(&payload, view_of(client_id));
	text_format(&payload, ",\"nbf\":%lld,\"iat\":%lld,\"exp\":%lld,\"jti\":\"",
	        (long long)now_s, (long long)now_s, (long long)(now_s + TOKEN_ASSERTION_S));
	base64_url_encode(&payload, view_from(id, sizeof id));
	text_put(&payload, VIEW("\"}"));
	/* Cut, it would be refused: better not sent. */
	if (payload.overflow)
		assertion->overflow = true;
	base64_url_encode(assertion, text_view(&payload));
}
