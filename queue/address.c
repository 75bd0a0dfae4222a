#include "queue/address.h"

#include "queue/base/check.h"
#include "queue/base/utf8.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static bool byte_is_alnum(char c)
{
	return byte_is_digit(c) || (byte_lower(c) >= 'a' && byte_lower(c) <= 'z');
}

static bool byte_is_high(char c)
{
	return (unsigned char)c >= 0x80;
}

/* RFC 5322's atext, and what RFC 6531 adds; whether it is good UTF-8 is looked at elsewhere. */
static bool byte_is_atext(char c)
{
	return byte_is_alnum(c) || byte_is_high(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool byte_is_printable(char c)
{
	return c >= ' ' && c != 0x7f;
}

/* From one code point to another. */
struct address_range {
	uint32_t first, last;
};

/* Anywhere: controls of C1 and of direction, blanks, separators of lines, what can't be seen, and
 * the two other forms of the @ (Unicode 15, NFKC). */
static const struct address_range address_unfit[] = {
	{ 0x80, 0xa0 },
	{ 0xad, 0xad },
	{ 0x61c, 0x61c },
	{ 0x1680, 0x1680 },
	{ 0x180e, 0x180e },
	{ 0x2000, 0x200b },
	{ 0x200e, 0x200f },
	{ 0x2028, 0x202f },
	{ 0x205f, 0x206f },
	{ 0x3000, 0x3000 },
	{ 0xfe6b, 0xfe6b },
	{ 0xfeff, 0xfeff },
	{ 0xff20, 0xff20 },
	{ 0xfff9, 0xffff },
	{ 0xe0000, 0xe0fff },
};

/* In a domain besides: blocks in which marks of ASCII, the dot first of all, have other forms. No
 * U-label holds any of it (RFC 5892 2.2 and 2.8; RFC 6531 3.3 asks for U-labels). */
static const struct address_range address_unfit_in_domain[] = {
	{ 0x37e, 0x37e },     /* Greek question mark */
	{ 0x2010, 0x218f },   /* punctuation, superscripts, letter-like symbols, number forms */
	{ 0x2460, 0x24ff },   /* enclosed letters and digits, also with a dot */
	{ 0x2a74, 0x2a76 },   /* colons and equals signs */
	{ 0x3001, 0x3002 },   /* ideographic comma and full stop */
	{ 0x3200, 0x33ff },   /* enclosed and squared words */
	{ 0xfe10, 0xfe1f },   /* vertical forms */
	{ 0xfe30, 0xfe6f },   /* compatibility and small forms */
	{ 0xff00, 0xffef },   /* halfwidth and fullwidth forms */
	{ 0x1d400, 0x1d7ff }, /* mathematical letters and digits */
	{ 0x1f100, 0x1f1ff }, /* enclosed letters and digits, also with a dot */
};

static bool address_is_in(uint32_t point, const struct address_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

/* Well-formed UTF-8, and none of what is unfit. */
static bool address_is_fit(struct view text, bool in_domain)
{
	while (text.bytes > 0) {
		const size_t bytes = utf8_sequence_bytes(text);
		if (bytes == 0)
			return false;
		const uint32_t point = utf8_code_point(view_first(text, bytes));
		if (address_is_in(point, address_unfit, COUNT_OF(address_unfit)) ||
		        (in_domain && address_is_in(point, address_unfit_in_domain,
		                              COUNT_OF(address_unfit_in_domain))))
			return false;
		text = view_skip(text, bytes);
	}
	return true;
}

size_t address_quoted_end(struct view text, size_t at)
{
	check(at < text.bytes);
	check(text.data[at] == '"');
	for (size_t i = at + 1; i < text.bytes; i++) {
		if (text.data[i] == '"')
			return i + 1;
		if (text.data[i] == '\\')
			i++;
	}
	return 0;
}

/* Bytes of the dot-string at the start of text; 0 where there is none. */
static size_t address_dot_string_bytes(struct view text)
{
	size_t at = 0;

	for (;;) {
		size_t start = at;
		while (at < text.bytes && byte_is_atext(text.data[at]))
			at++;
		if (at == start)
			return 0;
		if (at == text.bytes || text.data[at] != '.')
			return at;
		at++;
	}
}

/* Bytes of the quoted string at the start of text; 0 where it is malformed. */
static size_t address_quoted_bytes(struct view text)
{
	size_t end = address_quoted_end(text, 0);

	for (size_t i = 1; i < end; i++)
		if (!byte_is_printable(text.data[i]) && !byte_is_high(text.data[i]))
			return 0;
	/* RFC 5321 lets a backslash stand before printable ASCII only. */
	for (size_t i = 1; i + 1 < end; i++)
		if (text.data[i] == '\\' && byte_is_high(text.data[++i]))
			return 0;
	return end;
}

static bool address_is_label(struct view label)
{
	if (label.bytes == 0 || label.bytes > ADDRESS_LABEL_MAX)
		return false;
	if (label.data[0] == '-' || label.data[label.bytes - 1] == '-')
		return false;
	for (size_t i = 0; i < label.bytes; i++) {
		char c = label.data[i];
		if (!byte_is_alnum(c) && !byte_is_high(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool address_is_name(struct view domain)
{
	for (;;) {
		size_t dot = view_find(domain, '.');
		if (!address_is_label(view_first(domain, dot)))
			return false;
		if (dot == domain.bytes)
			return true;
		domain = view_skip(domain, dot + 1);
	}
}

bool address_is_domain(struct view domain, bool allow_utf8)
{
	if (domain.bytes > ADDRESS_DOMAIN_MAX)
		return false;
	if (!utf8_is_ascii(domain) && (!allow_utf8 || !address_is_fit(domain, true)))
		return false;
	return address_is_name(domain);
}

static bool address_is_ip(int family, struct view text)
{
	char string[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];

	if (text.bytes >= sizeof string || view_find(text, '\0') < text.bytes)
		return false;
	memcpy(string, text.data, text.bytes);
	string[text.bytes] = '\0';
	return inet_pton(family, string, bytes) == 1;
}

/* Standardized-tag ":" 1*dcontent, without what would end a path, begin a quoted string
 * or be taken for the @ before the domain. */
static bool address_is_general(struct view text)
{
	size_t colon = view_find(text, ':');

	if (colon == 0 || colon + 1 >= text.bytes || text.data[colon - 1] == '-')
		return false;
	for (size_t i = 0; i < colon; i++)
		if (!byte_is_alnum(text.data[i]) && text.data[i] != '-')
			return false;
	for (size_t i = colon + 1; i < text.bytes; i++) {
		char c = text.data[i];
		if (c <= ' ' || c > '~' || strchr("[]\\<>\"@", c) != NULL)
			return false;
	}
	return true;
}

/* `domain` with its opening bracket. */
static bool address_literal_kind(struct view domain, enum address_kind *kind)
{
	const struct view ipv6 = VIEW_INIT("IPv6:");

	check(domain.data[0] == '[');
	if (domain.bytes < 2 || domain.data[domain.bytes - 1] != ']')
		return false;
	struct view inside = view_from(domain.data + 1, domain.bytes - 2);
	if (view_starts_fold(inside, ipv6)) {
		*kind = ADDRESS_IPV6;
		return address_is_ip(AF_INET6, view_skip(inside, ipv6.bytes));
	}
	if (view_find(inside, ':') < inside.bytes) {
		*kind = ADDRESS_GENERAL;
		return address_is_general(inside);
	}
	*kind = ADDRESS_IPV4;
	return address_is_ip(AF_INET, inside);
}

static enum address_fault address_parse_domain(struct address *address)
{
	struct view domain = address->domain;

	if (domain.bytes == 0)
		return ADDRESS_NO_DOMAIN;
	if (domain.bytes > ADDRESS_DOMAIN_MAX)
		return ADDRESS_TOO_LONG;
	address->kind = ADDRESS_DOMAIN;
	bool good = domain.data[0] == '[' ? address_literal_kind(domain, &address->kind)
	                                  : address_is_name(domain) && address_is_fit(domain, true);
	return good ? ADDRESS_OK : ADDRESS_BAD_DOMAIN;
}

enum address_fault address_parse(struct view text, bool allow_utf8, struct address *result)
{
	struct address address = { .whole = text };

	if (text.bytes == 0)
		return ADDRESS_EMPTY;
	if (text.bytes > ADDRESS_LOCAL_MAX + 1 + ADDRESS_DOMAIN_MAX)
		return ADDRESS_TOO_LONG;
	address.utf8 = !utf8_is_ascii(text);
	address.quoted = text.data[0] == '"';
	size_t local = address.quoted ? address_quoted_bytes(text) : address_dot_string_bytes(text);
	if (local == 0 || (local < text.bytes && text.data[local] != '@'))
		return ADDRESS_BAD_LOCAL;
	if (address.utf8 && !address_is_fit(text, false))
		return ADDRESS_BAD_LOCAL;
	if (address.utf8 && !allow_utf8)
		return ADDRESS_UTF8;
	if (local > ADDRESS_LOCAL_MAX)
		return ADDRESS_TOO_LONG;
	if (local == text.bytes)
		return ADDRESS_NO_DOMAIN;
	address.local = view_first(text, local);
	address.domain = view_skip(text, local + 1);
	enum address_fault fault = address_parse_domain(&address);
	if (fault != ADDRESS_OK)
		return fault;
	if (text.bytes > ADDRESS_BYTES_MAX)
		return ADDRESS_TOO_LONG;
	*result = address;
	return ADDRESS_OK;
}

/* The local part's content byte by byte, without quotes and backslashes; false at its end. */
static bool address_next_byte(const struct address *address, size_t *at, char *byte)
{
	struct view local = address->local;

	if (address->quoted) {
		if (*at == 0)
			*at = 1;
		if (local.data[*at] == '"')
			return false;
		if (local.data[*at] == '\\')
			(*at)++;
	} else if (*at == local.bytes) {
		return false;
	}
	*byte = local.data[(*at)++];
	return true;
}

bool address_equal(const struct address *a, const struct address *b)
{
	size_t at_a = 0;
	size_t at_b = 0;
	char byte_a = 0;
	char byte_b = 0;
	bool more_a;
	bool more_b;

	do {
		more_a = address_next_byte(a, &at_a, &byte_a);
		more_b = address_next_byte(b, &at_b, &byte_b);
		if (more_a != more_b || (more_a && byte_a != byte_b))
			return false;
	} while (more_a);
	return view_equal_fold(a->domain, b->domain);
}
