#include "queue/base/siphash.h"

#define WORD_BYTES 8

static uint64_t rotate(uint64_t number, int bits)
{
	return number << bits | number >> (64 - bits);
}

static void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void siphash_take(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	siphash_round(v);
	siphash_round(v);
	v[0] ^= word;
}

void siphash_init(struct siphash *hash, uint64_t key_low, uint64_t key_high)
{
	*hash = (struct siphash){ .v = {
		                          key_low ^ UINT64_C(0x736f6d6570736575),
		                          key_high ^ UINT64_C(0x646f72616e646f6d),
		                          key_low ^ UINT64_C(0x6c7967656e657261),
		                          key_high ^ UINT64_C(0x7465646279746573),
		                  } };
}

static void siphash_feed_byte(struct siphash *hash, char byte)
{
	hash->word |= (uint64_t)(unsigned char)byte << 8 * (hash->bytes % WORD_BYTES);
	if (++hash->bytes % WORD_BYTES == 0) {
		siphash_take(hash->v, hash->word);
		hash->word = 0;
	}
}

static uint64_t word_at(const char *data)
{
	uint64_t word = 0;

	for (int i = 0; i < WORD_BYTES; i++)
		word |= (uint64_t)(unsigned char)data[i] << 8 * i;
	return word;
}

void siphash_feed(struct siphash *hash, struct view bytes)
{
	for (; bytes.bytes > 0 && hash->bytes % WORD_BYTES != 0; bytes = view_skip(bytes, 1))
		siphash_feed_byte(hash, bytes.data[0]);
	for (; bytes.bytes >= WORD_BYTES; bytes = view_skip(bytes, WORD_BYTES)) {
		siphash_take(hash->v, word_at(bytes.data));
		hash->bytes += WORD_BYTES;
	}
	for (; bytes.bytes > 0; bytes = view_skip(bytes, 1))
		siphash_feed_byte(hash, bytes.data[0]);
}

uint64_t siphash_end(const struct siphash *hash)
{
	uint64_t v[4] = { hash->v[0], hash->v[1], hash->v[2], hash->v[3] };

	siphash_take(v, hash->word | hash->bytes << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
