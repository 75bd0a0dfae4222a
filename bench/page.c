#include "bench/page.h"

#include "bench/result_json.h"
#include "queue/base/check.h"

#include <jansson.h>

/* page.html as it is, in the program. */
__asm__(".section .rodata\n"
        "page_text:\n"
        ".incbin \"" PAGE_FILE "\"\n"
        "page_text_end:\n"
        ".byte 0\n"
        ".previous\n");
extern const char page_text[] __attribute__((visibility("hidden")));
extern const char page_text_end[] __attribute__((visibility("hidden")));

#define MARK "@DATA@" /* where the data goes */

bool page_write(const struct result *result, FILE *file)
{
	const struct view page = view_from(page_text, (size_t)(page_text_end - page_text));
	const size_t at = view_find_fold(page, VIEW(MARK));
	json_t *root = result_json(result);

	check(at < page.bytes);
	fwrite(page.data, 1, at, file);
	/* No "</script>" can stand in it: each slash has a backslash before it. */
	const bool written = json_dumpf(root, file, JSON_COMPACT | JSON_ESCAPE_SLASH) == 0;
	const struct view rest = view_skip(page, at + sizeof MARK - 1);
	fwrite(rest.data, 1, rest.bytes, file);
	json_decref(root);
	return written && ferror(file) == 0;
}
