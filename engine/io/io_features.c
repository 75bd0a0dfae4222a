#include "engine/io/io_features.h"

static const struct {
	const char *name;
	const char *version;
} io_features[] = {
#define X(name, version) { #name, version },
	IO_FEATURES(X)
#undef X
};

void io_features_describe(const struct io_features *features, struct text *text)
{
	for (size_t i = 0; i < IO_FEATURE_COUNT; i++) {
		if (i > 0)
			text_put_byte(text, ' ');
		if (features->has[i])
			text_format(text, "%s=yes", io_features[i].name);
		else
			text_format(text, "%s=no(%s)", io_features[i].name, io_features[i].version);
	}
}
