#include "engine/config_reader.h"

#include "engine/config_arena.h"
#include "engine/config_file.h"
#include "engine/config_idn.h"
#include "engine/config_section.h"
#include "queue/base/check.h"
#include "queue/base/utf8.h"

#include <yaml.h>

#define WHERE_BYTES 256 /* "routes[1023].identities[9999].recipients_per_message" fits */
#define SHOWN_BYTES 60  /* of a bad value */
#define WHY_BYTES   1024

struct reader {
	yaml_document_t document;
	struct config_arena *arena;
	struct config_places *places;
	char where_bytes[WHERE_BYTES];
	struct text where; /* the key being read: routes[0].tls.ca_file */
};

static void read_section(struct reader *reader, const yaml_node_t *node, int shape, char *section);

static unsigned line_of(const yaml_node_t *node)
{
	check(node != NULL);
	return (unsigned)node->start_mark.line + 1;
}

#define complain(reader, line, ...)                                                                \
	config_report_add((reader)->places->report, CONFIG_WRONG, (reader)->places->path, (line),  \
	        __VA_ARGS__)

/* Goes down to a key; gives where to come back to. */
static size_t enter(struct reader *reader, const char *name)
{
	size_t before = reader->where.bytes;

	text_format(&reader->where, "%s%s", before > 0 ? "." : "", name);
	return before;
}

static void leave(struct reader *reader, size_t before)
{
	reader->where.bytes = before;
}

static struct view scalar(const yaml_node_t *node)
{
	check(node->type == YAML_SCALAR_NODE);
	return view_from(node->data.scalar.value, node->data.scalar.length);
}

static bool is_null(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	struct view text = scalar(node);
	return text.bytes == 0 || view_equal(text, VIEW("~")) || view_equal(text, VIEW("null"));
}

/* What the file has there, short and harmless to a terminal. */
static const char *shown(const yaml_node_t *node, char buffer[SHOWN_BYTES + 8])
{
	struct text text = text_on(buffer, SHOWN_BYTES + 8);

	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	if (node->type == YAML_MAPPING_NODE)
		return "a section";
	if (is_null(node))
		return "nothing";
	struct view value = scalar(node);
	text_put_byte(&text, '"');
	for (size_t i = 0; i < value.bytes && i < SHOWN_BYTES; i++) {
		unsigned char c = (unsigned char)value.data[i];

		text_put_byte(&text, c < ' ' || c == 127 ? '?' : (char)c);
	}
	text_put(&text, value.bytes > SHOWN_BYTES ? VIEW("...\"") : VIEW("\""));
	return text_string(&text);
}

static const char *where(struct reader *reader)
{
	return reader->where.bytes == 0 ? "the file" : text_string(&reader->where);
}

static const char *here(
        struct reader *reader, const struct config_key *key, const yaml_node_t *node);

static void complain_of_value(
        struct reader *reader, const struct config_key *key, const yaml_node_t *node)
{
	char buffer[SHOWN_BYTES + 8];
	char right_bytes[WHY_BYTES];
	struct text right = TEXT_ON(right_bytes);

	config_value_describe(&right, (enum config_kind)key->shape, key->least, key->most);
	complain(reader, line_of(node), "%s: %s is wrong; right is %s%s", where(reader),
	        shown(node, buffer), text_string(&right), here(reader, key, node));
}

/* What DNS is asked for is ASCII: the name that was meant. */
static const char *here(
        struct reader *reader, const struct config_key *key, const yaml_node_t *node)
{
	const bool name = key->shape == CONFIG_KIND_DOMAIN || key->shape == CONFIG_KIND_HOST ||
	                  key->shape == CONFIG_KIND_TENANT_ID;
	char room[WHY_BYTES];
	struct text text = TEXT_ON(room);

	if (!name || node->type != YAML_SCALAR_NODE || utf8_is_ascii(scalar(node)))
		return "";
	const char *in_dns = config_idn_in_dns(reader->arena, scalar(node));
	if (in_dns == NULL)
		return "";
	text_format(&text, ", here %s", in_dns);
	return config_arena_copy(reader->arena, text_view(&text));
}

/* The node of a key, or NULL; the first where there are two. */
static const yaml_node_t *value_of(
        struct reader *reader, const yaml_node_t *mapping, const char *name)
{
	if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	for (; pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&reader->document, pair->key);

		if (key->type == YAML_SCALAR_NODE && view_equal(scalar(key), view_of(name)))
			return yaml_document_get_node(&reader->document, pair->value);
	}
	return NULL;
}

/* By interface where it is a route's; as the schema says else. */
static const char *default_of(struct reader *reader, const yaml_node_t *node, int shape,
        const char *section, const struct config_key *key)
{
	if (shape != CONFIG_KIND_ROUTE)
		return key->default_text;
	const struct config_route *route = (const struct config_route *)section;
	/* The first key of the table: the others' defaults hang on it. */
	if (key->offset == offsetof(struct config_route, interface))
		return value_of(reader, node, "identities") != NULL ? "submission" : "connector";
	const char *preset = config_section_preset(route->interface, key->name);
	return preset != NULL ? preset : key->default_text;
}

/* A path is kept as it is seen from the file's folder, and must lead somewhere. */
static void finish_path(struct reader *reader, const struct config_key *key,
        const yaml_node_t *node, const char **field)
{
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);
	bool fine = true;

	if (key->shape != CONFIG_KIND_FILE && key->shape != CONFIG_KIND_SECRET &&
	        key->shape != CONFIG_KIND_DIRECTORY)
		return;
	*field = config_file_join(reader->arena, reader->places->path, view_of(*field));
	if (key->shape == CONFIG_KIND_FILE)
		fine = config_file_is_readable(*field, &why);
	else if (key->shape == CONFIG_KIND_SECRET)
		fine = config_file_is_secret(*field, &why);
	else
		fine = config_file_may_be_folder(*field, &why);
	if (!fine)
		complain(reader, line_of(node), "%s: %s", where(reader), text_string(&why));
}

static bool read_list_of_one(
        struct reader *reader, const struct config_key *key, const yaml_node_t *node, void *field)
{
	const struct view item = scalar(node);
	size_t wrong;

	if (config_value_read_list(
	            (enum config_kind)key->shape, &item, 1, reader->arena, field, &wrong))
		return true;
	complain_of_value(reader, key, node);
	return false;
}

static bool read_list_of_texts(
        struct reader *reader, const struct config_key *key, const yaml_node_t *node, void *field)
{
	if (node->type == YAML_SCALAR_NODE && !is_null(node) &&
	        config_value_is_list_or_one((enum config_kind)key->shape))
		return read_list_of_one(reader, key, node, field);
	if (node->type != YAML_SEQUENCE_NODE) {
		complain_of_value(reader, key, node);
		return false;
	}
	size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	struct view *items = config_arena_take(reader->arena, count * sizeof *items);
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *item = yaml_document_get_node(
		        &reader->document, node->data.sequence.items.start[i]);

		if (item->type != YAML_SCALAR_NODE) {
			complain_of_value(reader, key, item);
			return false;
		}
		items[i] = scalar(item);
	}
	size_t wrong;
	if (config_value_read_list(
	            (enum config_kind)key->shape, items, count, reader->arena, field, &wrong))
		return true;
	complain_of_value(reader, key,
	        yaml_document_get_node(&reader->document, node->data.sequence.items.start[wrong]));
	return false;
}

static bool read_text(
        struct reader *reader, const struct config_key *key, const yaml_node_t *node, void *field)
{
	enum config_kind kind = (enum config_kind)key->shape;

	if (node->type != YAML_SCALAR_NODE || is_null(node) ||
	        !config_value_read(kind, scalar(node), reader->arena, field) ||
	        !config_value_is_within(kind, field, key->least, key->most)) {
		complain_of_value(reader, key, node);
		return false;
	}
	finish_path(reader, key, node, field);
	return true;
}

static void read_value(struct reader *reader, const struct config_key *key, const yaml_node_t *node,
        const char *by_default, char *field)
{
	enum config_kind kind = (enum config_kind)key->shape;

	if (node != NULL) {
		config_places_add_field(reader->places, field, line_of(node));
		if (config_value_is_list(kind) ? read_list_of_texts(reader, key, node, field)
		                               : read_text(reader, key, node, field))
			return;
	}
	if (by_default != NULL)
		config_value_read_default(kind, by_default, reader->arena, field);
}

/* A list of sections, each read in place. */
static void read_items(
        struct reader *reader, const struct config_key *key, const yaml_node_t *node, char *field)
{
	const struct config_list *list = config_list_of(key->shape);
	size_t bytes = config_section_of(list->item)->bytes;
	size_t count = 0;

	if (node != NULL) {
		config_places_add_field(reader->places, field, line_of(node));
		if (node->type != YAML_SEQUENCE_NODE) {
			complain(reader, line_of(node),
			        "%s: right is a list, each item with \"- \"", where(reader));
			return;
		}
		count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	} else if (key->shape == CONFIG_KIND_LISTENERS) {
		count = 1; /* all of it by default */
	}
	if (count > list->count_most) {
		complain(reader, line_of(node), "%s: %zu items; right are %zu at most",
		        where(reader), count, list->count_most);
		return;
	}
	char *items = config_arena_take(reader->arena, count * bytes);
	for (size_t i = 0; i < count; i++) {
		size_t before = reader->where.bytes;

		text_format(&reader->where, "[%zu]", i);
		read_section(reader,
		        node == NULL ? NULL
		                     : yaml_document_get_node(&reader->document,
		                               node->data.sequence.items.start[i]),
		        list->item, items + i * bytes);
		leave(reader, before);
	}
	*(struct config_items *)(void *)field = (struct config_items){ items, count };
}

static void read_key(struct reader *reader, const struct config_key *key, const yaml_node_t *node,
        const char *by_default, char *field)
{
	size_t before = enter(reader, key->name);

	if (config_shape_is_list(key->shape))
		read_items(reader, key, node, field);
	else if (config_shape_is_section(key->shape))
		read_section(reader, node, key->shape, field);
	else
		read_value(reader, key, node, by_default, field);
	leave(reader, before);
}

static void complain_of_unknown(
        struct reader *reader, const struct config_section *section, const yaml_node_t *key)
{
	char buffer[SHOWN_BYTES + 8];
	char keys_bytes[WHY_BYTES];
	struct text keys = TEXT_ON(keys_bytes);
	const char *nearest =
	        key->type == YAML_SCALAR_NODE ? config_section_nearest(section, scalar(key)) : NULL;

	if (nearest != NULL) {
		complain(reader, line_of(key), "%s: unknown key %s; did you mean \"%s\"?",
		        where(reader), shown(key, buffer), nearest);
		return;
	}
	for (size_t i = 0; i < section->keys_count; i++)
		text_format(&keys, "%s%s", i > 0 ? ", " : "", section->keys[i].name);
	complain(reader, line_of(key), "%s: unknown key %s; right is one of %s", where(reader),
	        shown(key, buffer), text_string(&keys));
}

/* Every key that stands there is known and stands there once. */
static void look_at_keys(
        struct reader *reader, const struct config_section *section, const yaml_node_t *node)
{
	const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
	size_t count = (size_t)(node->data.mapping.pairs.top - pairs);
	unsigned *lines = config_arena_take(reader->arena, section->keys_count * sizeof *lines);

	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *name = yaml_document_get_node(&reader->document, pairs[i].key);
		const struct config_key *key = name->type == YAML_SCALAR_NODE
		                                       ? config_section_key(section, scalar(name))
		                                       : NULL;

		if (key == NULL) {
			complain_of_unknown(reader, section, name);
			continue;
		}
		unsigned *line = &lines[key - section->keys];
		if (*line != 0)
			complain(reader, line_of(name),
			        "%s: \"%s\" stands here twice, first in "
			        "line %u; right is once",
			        where(reader), key->name, *line);
		else
			*line = line_of(name);
	}
}

static void read_section(struct reader *reader, const yaml_node_t *node, int shape, char *into)
{
	const struct config_section *section = config_section_of(shape);

	if (node != NULL) {
		config_places_add_section(reader->places, into, line_of(node));
		/* A section whose keys are all commented out is an empty one. */
		if (node->type == YAML_MAPPING_NODE)
			look_at_keys(reader, section, node);
		else if (!is_null(node))
			complain(reader, line_of(node), "%s: right is a section of KEY: VALUE",
			        where(reader));
	}
	for (size_t i = 0; i < section->keys_count; i++) {
		const struct config_key *key = &section->keys[i];

		read_key(reader, key, value_of(reader, node, key->name),
		        default_of(reader, node, shape, into, key), into + key->offset);
	}
}

static bool complain_of_yaml(struct reader *reader, const yaml_parser_t *parser)
{
	const char *problem = parser->problem != NULL ? parser->problem : "out of memory";
	/* A reader's error (bad UTF-8) has no mark of its own. */
	unsigned line = (unsigned)parser->problem_mark.line + 1;

	complain(reader, line, "not YAML: %s%s%s; look at brackets, quotes and indentation",
	        parser->context != NULL ? parser->context : "", parser->context != NULL ? ", " : "",
	        problem);
	return false;
}

/* A second document in the file would be passed over in silence. */
static bool look_behind(struct reader *reader, yaml_parser_t *parser)
{
	yaml_document_t second;

	if (yaml_parser_load(parser, &second) == 0)
		return complain_of_yaml(reader, parser);
	const yaml_node_t *root = yaml_document_get_root_node(&second);
	if (root != NULL)
		complain(reader, line_of(root), "a second document; right is one, without ---");
	yaml_document_delete(&second);
	return true;
}

static bool read_document(struct reader *reader, yaml_parser_t *parser, struct config *config)
{
	const yaml_node_t *root = yaml_document_get_root_node(&reader->document);

	if (root == NULL) {
		complain(reader, 1, "the file is empty; right is at least a route with a host");
		return false;
	}
	if (root->type != YAML_MAPPING_NODE) {
		complain(reader, line_of(root), "the file: right is a section of KEY: VALUE");
		return false;
	}
	read_section(reader, root, CONFIG_KIND_TOP, (char *)config);
	return look_behind(reader, parser);
}

bool config_reader_read(struct view text, struct config *config, struct config_places *places)
{
	struct reader reader = { .arena = config->arena, .places = places };
	yaml_parser_t parser;

	reader.where = text_on(reader.where_bytes, sizeof reader.where_bytes);
	check(yaml_parser_initialize(&parser) != 0);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.bytes);
	bool fine = yaml_parser_load(&parser, &reader.document) != 0;
	if (fine) {
		fine = read_document(&reader, &parser, config);
		yaml_document_delete(&reader.document);
	} else {
		complain_of_yaml(&reader, &parser);
	}
	yaml_parser_delete(&parser);
	return fine;
}
