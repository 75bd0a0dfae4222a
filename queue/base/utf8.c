#include "queue/base/utf8.h"

#include "queue/base/check.h"

/* What may follow a lead byte: how many bytes, and the bounds of the first of them, which shut
 * out overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4). */
struct utf8_lead {
	unsigned char first, last; /* lead bytes of this row */
	unsigned char bytes;
	unsigned char second_min, second_max;
};

static const struct utf8_lead utf8_leads[] = {
	{ 0x00, 0x7f, 1, 0x00, 0x00 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static bool utf8_fits(const struct utf8_lead *lead, struct view view)
{
	if (view.bytes < lead->bytes)
		return false;
	for (size_t i = 1; i < lead->bytes; i++) {
		unsigned char c = (unsigned char)view.data[i];
		unsigned char min = i == 1 ? lead->second_min : 0x80;
		unsigned char max = i == 1 ? lead->second_max : 0xbf;
		if (c < min || c > max)
			return false;
	}
	return true;
}

size_t utf8_sequence_bytes(struct view view)
{
	if (view.bytes == 0)
		return 0;
	unsigned char c = (unsigned char)view.data[0];
	for (size_t i = 0; i < sizeof utf8_leads / sizeof utf8_leads[0]; i++) {
		const struct utf8_lead *lead = &utf8_leads[i];
		if (c >= lead->first && c <= lead->last)
			return utf8_fits(lead, view) ? lead->bytes : 0;
	}
	return 0;
}

uint32_t utf8_code_point(struct view sequence)
{
	check(sequence.bytes >= 1);
	check(sequence.bytes <= 4);
	const unsigned char first = (unsigned char)sequence.data[0];
	/* What leads a sequence holds its upper bits. */
	uint32_t point = first & (sequence.bytes < 2 ? 0x7f : 0x7f >> sequence.bytes);

	for (size_t i = 1; i < sequence.bytes; i++)
		point = point << 6 | ((unsigned char)sequence.data[i] & 0x3f);
	return point;
}

bool utf8_is_valid(struct view view)
{
	while (view.bytes > 0) {
		size_t bytes = utf8_sequence_bytes(view);
		if (bytes == 0)
			return false;
		view = view_skip(view, bytes);
	}
	return true;
}

bool utf8_is_ascii(struct view view)
{
	/* Eight at a time: bodies of megabytes pass through here. */
	while (view.bytes >= sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, view.data, sizeof word);
		if ((word & 0x8080808080808080u) != 0)
			return false;
		view = view_skip(view, sizeof word);
	}
	for (size_t i = 0; i < view.bytes; i++)
		if ((unsigned char)view.data[i] >= 0x80)
			return false;
	return true;
}
