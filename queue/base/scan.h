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

static inline struct scan scan_load(const char *bytes)
{
	struct scan scan;

	for (int i = 0; i < 4; i++)
		scan.parts[i] = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
	return scan;
}

static inline uint64_t scan_equal(const struct scan *scan, char c)
{
	const __m128i wanted = _mm_set1_epi8(c);
	uint64_t found = 0;

	for (int i = 0; i < 4; i++)
		found |= (uint64_t)(uint32_t)_mm_movemask_epi8(
		                 _mm_cmpeq_epi8(scan->parts[i], wanted))
		         << 16 * i;
	return found;
}

/* 0x80 and above. */
static inline uint64_t scan_high(const struct scan *scan)
{
	uint64_t found = 0;

	for (int i = 0; i < 4; i++)
		found |= (uint64_t)(uint32_t)_mm_movemask_epi8(scan->parts[i]) << 16 * i;
	return found;
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
