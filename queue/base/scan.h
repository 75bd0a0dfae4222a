/*
 * Looks at 64 bytes at once: a bit for each byte that is what is asked for, the first byte's the
 * lowest. Every body passes through here several times.
 *
 * Thread:  any; pure.
 */
#ifndef SLUICE_SCAN_H
#define SLUICE_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SCAN_BYTES 64

struct scan {
#ifdef __SSE2__
	__m128i parts[4];
#else
	uint64_t parts[8]; /* the first byte lowest */
#endif
};

#ifdef __SSE2__

/* Written out: the compiler leaves loops of four as they are. */

static inline __m128i scan_part(const char *bytes)
{
	return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

static inline struct scan scan_load(const char *bytes)
{
	return (struct scan){ { scan_part(bytes), scan_part(bytes + 16), scan_part(bytes + 32),
		scan_part(bytes + 48) } };
}

/* The highest bit of each byte. */
static inline uint64_t scan_join(__m128i a, __m128i b, __m128i c, __m128i d)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(a) |
	       (uint64_t)(uint32_t)_mm_movemask_epi8(b) << 16 |
	       (uint64_t)(uint32_t)_mm_movemask_epi8(c) << 32 |
	       (uint64_t)(uint32_t)_mm_movemask_epi8(d) << 48;
}

static inline uint64_t scan_equal(const struct scan *scan, char c)
{
	const __m128i wanted = _mm_set1_epi8(c);

	return scan_join(_mm_cmpeq_epi8(scan->parts[0], wanted),
	        _mm_cmpeq_epi8(scan->parts[1], wanted), _mm_cmpeq_epi8(scan->parts[2], wanted),
	        _mm_cmpeq_epi8(scan->parts[3], wanted));
}

/* 0x80 and above. */
static inline uint64_t scan_high(const struct scan *scan)
{
	return scan_join(scan->parts[0], scan->parts[1], scan->parts[2], scan->parts[3]);
}

#else

static inline struct scan scan_load(const char *bytes)
{
	struct scan scan;

	for (int i = 0; i < 8; i++) {
		scan.parts[i] = 0;
		for (int j = 0; j < 8; j++)
			scan.parts[i] |= (uint64_t)(unsigned char)bytes[8 * i + j] << 8 * j;
	}
	return scan;
}

/* The highest bit of each byte, gathered. */
static inline uint64_t scan_gather(uint64_t highest)
{
	return (highest & 0x8080808080808080u) * 0x0002040810204081u >> 56;
}

static inline uint64_t scan_equal(const struct scan *scan, char c)
{
	const uint64_t every_byte = 0x0101010101010101u;
	const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
	uint64_t found = 0;

	for (int i = 0; i < 8; i++) {
		const uint64_t x = scan->parts[i] ^ (every_byte * (unsigned char)c);
		found |= scan_gather(~(((x & low) + low) | x)) << 8 * i;
	}
	return found;
}

static inline uint64_t scan_high(const struct scan *scan)
{
	uint64_t found = 0;

	for (int i = 0; i < 8; i++)
		found |= scan_gather(scan->parts[i]) << 8 * i;
	return found;
}

#endif

/* The last bytes of something, fewer than SCAN_BYTES: zeros stand behind them. */
static inline struct scan scan_load_rest(const char *bytes, size_t count)
{
	char room[SCAN_BYTES] = { 0 };

	memcpy(room, bytes, count);
	return scan_load(room);
}

#endif
