#include "engine/inbound_claim.h"

#include "engine/inbound_content.h"
#include "engine/ingest.h"
#include "engine/io/crypto.h"
#include "queue/base/check.h"

/* Who and what, with their lengths. */
#define KEY_TEXT_MAX (INBOUND_NAME_MAX + HEADER_MESSAGE_ID_MAX + 64)
static_assert(HEADER_KEY_MAX <= HEADER_MESSAGE_ID_MAX, "the larger of the two fits");
static_assert(SPOOL_CLAIM_BYTES <= CRYPTO_SHA256_BYTES, "the first bytes of a hash");

static enum claim_by claim_by(const struct inbound *inbound)
{
	return inbound->ingest->shard.config->idempotency.by;
}

/* Whether it goes by the field. */
static bool claim_has_key(const struct inbound *inbound)
{
	const enum claim_by by = claim_by(inbound);

	return (by == CLAIM_BY_KEY || by == CLAIM_BY_MESSAGE_ID) &&
	       inbound->content->header.key_count > 0;
}

static bool claim_is_wanted(const struct inbound *inbound)
{
	return claim_has_key(inbound) || (claim_by(inbound) == CLAIM_BY_MESSAGE_ID &&
	                                         inbound->content->header.message_id_bytes > 0);
}

void inbound_claim_begin(struct inbound_claim *claim)
{
	*claim = (struct inbound_claim){ .made = false };
	siphash_init(&claim->body, 0, 0);
}

void inbound_claim_feed(struct inbound *inbound, struct view bytes)
{
	struct inbound_content *content = inbound->content;
	const struct header *header = &content->header;
	const uint64_t before = inbound->message->body.bytes - content->stamp_bytes;

	if (!header->ended || !claim_is_wanted(inbound))
		return;
	check(header->body_at <= before + bytes.bytes);
	const uint64_t skip = header->body_at > before ? header->body_at - before : 0;
	siphash_feed(&content->claim.body, view_skip(bytes, (size_t)skip));
}

bool inbound_claim_is_good(const struct inbound *inbound)
{
	const struct header *header = &inbound->content->header;

	return !claim_has_key(inbound) || (header->key_count == 1 && header->key_bytes > 0);
}

static void hash_number(struct siphash *hash, uint64_t number)
{
	char bytes[sizeof number];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(number >> 8 * i);
	siphash_feed(hash, view_from(bytes, sizeof bytes));
}

static uint64_t claim_envelope(const struct message *message)
{
	struct message_cursor cursor = message_recipients(message);
	struct message_recipient recipient;
	struct siphash hash;

	siphash_init(&hash, 0, 0);
	siphash_feed(&hash, message_get(message, MESSAGE_SENDER));
	while (message_next_recipient(&cursor, &recipient)) {
		hash_number(&hash, recipient.address.bytes);
		siphash_feed(&hash, recipient.address);
	}
	return siphash_end(&hash);
}

static void put_sized(struct text *text, struct view bytes)
{
	text_put_u64(text, bytes.bytes);
	text_put_byte(text, ':');
	text_put(text, bytes);
}

void inbound_claim_make(struct inbound *inbound)
{
	struct inbound_claim *own = &inbound->content->claim;
	const struct header *header = &inbound->content->header;
	struct message *message = inbound->message;
	const bool keyed = claim_has_key(inbound);
	const struct view user = message_get(message, MESSAGE_USER);
	uint8_t hash[CRYPTO_SHA256_BYTES];
	char room[KEY_TEXT_MAX];
	struct text text = TEXT_ON(room);
	struct siphash print = own->body;

	if (!claim_is_wanted(inbound))
		return;
	const uint64_t envelope = claim_envelope(message);
	text_put(&text, user.bytes > 0 ? VIEW("user ") : VIEW("client "));
	put_sized(&text, user.bytes > 0 ? user : message_get(message, MESSAGE_CLIENT));
	if (keyed) {
		text_put(&text, VIEW(" key "));
		put_sized(&text, view_from(header->key, header->key_bytes));
	} else {
		text_put(&text, VIEW(" id "));
		put_sized(&text, view_from(header->message_id, header->message_id_bytes));
		text_put_byte(&text, ' ');
		text_put_u64(&text, envelope);
	}
	check(!text.overflow);
	crypto_sha256(text_view(&text), hash);
	memcpy(own->claim.key, hash, sizeof own->claim.key);
	hash_number(&print, envelope);
	own->claim.print = siphash_end(&print);
	own->claim.id = message->id;
	own->made = true;
	if (keyed)
		rope_cut(&message->body, &inbound->ingest->shard.shelf,
		        inbound->content->stamp_bytes + header->key_from,
		        header->key_to - header->key_from);
}

uint64_t inbound_claim_place(const struct inbound *inbound, uint64_t at)
{
	const struct header *header = &inbound->content->header;

	if (!claim_has_key(inbound) || at < header->key_to)
		return at;
	return at - (header->key_to - header->key_from);
}

struct spool_claim *inbound_claim_lend(struct inbound *inbound)
{
	return inbound->content->claim.made ? &inbound->content->claim.claim : NULL;
}
