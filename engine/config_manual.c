#include "engine/config_manual.h"

#include "engine/config_section.h"

#define PATH_BYTES  128
#define RIGHT_BYTES 256

/* Writes one key; `path` is where it stands: routes[].tls.ca_file. */
typedef void put_key(FILE *file, const char *path, const struct config_key *key);

static const char *right_of(const struct config_key *key, char buffer[RIGHT_BYTES])
{
	struct text right = text_on(buffer, RIGHT_BYTES);

	if (config_shape_is_section(key->shape))
		return "a section";
	if (config_shape_is_list(key->shape))
		return "a list of sections";
	config_value_describe(&right, (enum config_kind)key->shape, key->least, key->most);
	return text_string(&right);
}

static void walk(FILE *file, int shape, const char *before, put_key *put)
{
	const struct config_section *section = config_section_of(shape);

	for (size_t i = 0; i < section->keys_count; i++) {
		const struct config_key *key = &section->keys[i];
		char path[PATH_BYTES];

		snprintf(path, sizeof path, "%s%s%s", before, before[0] != '\0' ? "." : "",
		        key->name);
		put(file, path, key);
		if (config_shape_is_section(key->shape)) {
			walk(file, key->shape, path, put);
		} else if (config_shape_is_list(key->shape)) {
			strncat(path, "[]", sizeof path - strlen(path) - 1);
			walk(file, config_list_of(key->shape)->item, path, put);
		}
	}
}

/* "25; 587 on submission; 587 on hve". False: there is no default to speak of. */
static bool describe_default(struct text *text, const char *path, const struct config_key *key)
{
	const bool of_route = strncmp(path, "routes[].", 9) == 0 && strchr(path + 9, '.') == NULL;

	if (key->default_text != NULL)
		text_put(text, view_of(key->default_text));
	for (int i = INTERFACE_UNSET + 1; of_route && i < INTERFACE_COUNT; i++) {
		const enum route_interface interface = (enum route_interface)i;
		const char *preset = config_section_preset(interface, key->name);

		if (preset != NULL)
			text_format(text, "%s%s on %s", text->bytes > 0 ? "; " : "", preset,
			        config_interface_word(interface));
	}
	return text->bytes > 0;
}

static void put_text(FILE *file, const char *path, const struct config_key *key)
{
	char right[RIGHT_BYTES];
	char default_bytes[RIGHT_BYTES];
	struct text by_default = TEXT_ON(default_bytes);

	fprintf(file, "%s\n    %s\n    right: %s\n", path, key->help, right_of(key, right));
	if (describe_default(&by_default, path, key))
		fprintf(file, "    default: %s\n", text_string(&by_default));
}

void config_manual_text(FILE *file)
{
	walk(file, CONFIG_KIND_TOP, "", put_text);
}

/* A line that begins with a dot or an apostrophe is a request to roff, and a hyphen is no minus. */
static void put_escaped(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", file);
		else if (*text == '-')
			fputs("\\-", file);
		else if (*text == '\'')
			fputs("\\(aq", file);
		else
			fputc(*text, file);
	}
}

static void put_roff(FILE *file, const char *path, const struct config_key *key)
{
	char right[RIGHT_BYTES];
	char default_bytes[RIGHT_BYTES];
	struct text by_default = TEXT_ON(default_bytes);

	fputs(".TP\n.B ", file);
	put_escaped(file, path);
	fputc('\n', file);
	put_escaped(file, key->help);
	fputs(".\n", file);
	if (!config_shape_is_section(key->shape) && !config_shape_is_list(key->shape)) {
		fputs("Takes ", file);
		put_escaped(file, right_of(key, right));
		fputs(".\n", file);
	}
	if (!describe_default(&by_default, path, key))
		return;
	fputs("Default: ", file);
	put_escaped(file, text_string(&by_default));
	fputs(".\n", file);
}

void config_manual_roff(FILE *file)
{
	walk(file, CONFIG_KIND_TOP, "", put_roff);
}
