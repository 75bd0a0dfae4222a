#include "queue/base/glob.h"

/* What a star took too little of is tried again with one byte more: only the last star counts, for
 * what stood before it has found its first place, and no later one does better. */
bool glob_matches(struct view pattern, struct view text)
{
	size_t at = 0;
	size_t to = 0;
	size_t star = pattern.bytes; /* none yet */
	size_t star_at = 0;

	while (at < text.bytes) {
		const bool more = to < pattern.bytes;

		if (more && pattern.data[to] == '*') {
			star = to++;
			star_at = at;
		} else if (more && (pattern.data[to] == '?' || byte_lower(pattern.data[to]) ==
		                                                       byte_lower(text.data[at]))) {
			to++;
			at++;
		} else if (star < pattern.bytes) {
			to = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (to < pattern.bytes && pattern.data[to] == '*')
		to++;
	return to == pattern.bytes;
}
