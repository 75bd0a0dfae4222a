#include "queue/base/errors.h"

#include "queue/base/check.h"

const char *err_text(enum err_code code)
{
	static const char *const texts[ERR_COUNT] = {
#define X(name, text) [ERR_##name] = text,
		ERRORS(X)
#undef X
	};

	check(code >= 0 && code < ERR_COUNT);
	return texts[code];
}
