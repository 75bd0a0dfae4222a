/*
 * Bytes somebody else owns: views (read), spans (write), and text (a bounded builder).
 *
 * Thread:  any; values only. A view never owns and is not NUL-terminated.
 * Never:   allocates. A text that overflows keeps what fitted and says so.
 */
#ifndef SLUICE_BYTES_H
#define SLUICE_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
	const char *data;
	size_t bytes;
};

struct span {
	char *data;
	size_t bytes;
};

/* For printf: printf("%.*s", VIEW_ARGS(view)). */
#define VIEW_ARGS(view) (int)(view).bytes, (view).data

/* A view of a string literal, usable in static initializers as VIEW_INIT. */
#define VIEW_INIT(literal)                                                                         \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}
#define VIEW(literal) ((struct view)VIEW_INIT(literal))

/* Takes the value out of a pointer and leaves NULL: handing over, visible at the call. */
#define MOVE(pointer)                                                                              \
	__extension__({                                                                            \
		__typeof__(pointer) moved_ = (pointer);                                            \
		(pointer) = NULL;                                                                  \
		moved_;                                                                            \
	})

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline struct view view_from(const void *data, size_t bytes)
{
	return (struct view){ data, bytes };
}

/* Of a NUL-terminated string; NULL gives an empty view. */
static inline struct view view_of(const char *string)
{
	return (struct view){ string, string == NULL ? 0 : strlen(string) };
}

static inline struct view view_skip(struct view view, size_t bytes)
{
	return (struct view){ view.data + bytes, view.bytes - bytes };
}

static inline struct view view_first(struct view view, size_t bytes)
{
	return (struct view){ view.data, bytes < view.bytes ? bytes : view.bytes };
}

static inline bool byte_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline char byte_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool view_equal(struct view a, struct view b);
/* ASCII case ignored. */
bool view_equal_fold(struct view a, struct view b);
bool view_starts_fold(struct view view, struct view prefix);
bool view_ends_fold(struct view view, struct view suffix);
/* Index of the first occurrence, or view.bytes. */
size_t view_find(struct view view, char c);
size_t view_find_fold(struct view view, struct view needle);
bool view_contains_fold(struct view view, struct view needle);
/* Without spaces and tabs at both ends. */
struct view view_trim(struct view view);
/* Digits only, whole view, no overflow. */
bool view_to_u64(struct view view, uint64_t *result);

/* A bounded builder over memory that the caller owns. */
struct text {
	char *data;
	size_t size;   /* room */
	size_t bytes;  /* used; always <= size */
	bool overflow; /* something did not fit: what is here is cut */
};

#define TEXT_ON(array)                                                                             \
	{                                                                                          \
		.data = (array), .size = sizeof(array)                                             \
	}

struct text text_on(char *data, size_t size);
/* The view may lie in the text's own room. */
void text_put(struct text *text, struct view view);
void text_put_byte(struct text *text, char c);
void text_put_u64(struct text *text, uint64_t number);
/* With zeros in front where it has fewer digits. */
void text_put_padded(struct text *text, uint64_t number, unsigned digits);
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);
/* Ends with NUL (cutting the last byte where full) and gives the string; lends. */
const char *text_string(struct text *text);

static inline struct view text_view(const struct text *text)
{
	return (struct view){ text->data, text->bytes };
}

#endif
