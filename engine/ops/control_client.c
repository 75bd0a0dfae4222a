#include "engine/ops/control_client.h"

#include "engine/config.h"
#include "engine/config_report.h"
#include "engine/ops/control_talk.h"
#include "queue/base/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_FIRST_BYTES 65536
#define PATH_BYTES       4096

struct control_client {
	const char *command; /* whose complaints those are */
	int fd;
	size_t rows_left;
	char *data; /* what has come and was not yet lent or is lent now */
	size_t size;
	size_t start; /* of what was not yet lent */
	size_t bytes;
};

/* -1: it can't be reached; `command`: who complains of that, or NULL. */
static int dial(const char *command, const char *folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[CONTROL_ADDRESS_BYTES];
	int folder_fd;

	snprintf(address.sun_path, sizeof address.sun_path, "%s",
	        control_talk_address(folder, &folder_fd, path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool reached =
	        fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
	if (!reached && command != NULL)
		fprintf(stderr, "sluice %s: can't reach the engine at %s/%s: %s%s\n", command,
		        folder, CONTROL_SOCKET, strerrordesc_np(errno),
		        errno == EACCES ? "; run this as the engine's user or as root"
		                        : "; is sluice serve running with this configuration?");
	if (folder_fd >= 0)
		close(folder_fd);
	if (reached)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int dial_by_config(const char *command, const char *config)
{
	char folder_bytes[PATH_BYTES];
	struct text folder = TEXT_ON(folder_bytes);
	struct config_report report;
	int fd = -1;

	config_report_init(&report);
	if (config_find_spool(config, &folder, &report))
		fd = dial(command, text_string(&folder));
	else
		config_report_print(&report, CONFIG_WRONG, stderr);
	config_report_finish(&report);
	return fd;
}

static struct control_client *client_on(const char *command, int fd)
{
	if (fd < 0)
		return NULL;
	struct control_client *client = calloc(1, sizeof *client);
	check(client != NULL);
	client->command = command;
	client->fd = fd;
	client->size = LINE_FIRST_BYTES;
	client->data = malloc(client->size);
	check(client->data != NULL);
	return client;
}

struct control_client *control_client_open(const char *command, const char *config)
{
	return client_on(command, dial_by_config(command, config));
}

struct control_client *control_client_reach(const char *command, const char *folder)
{
	return client_on(command, dial(NULL, folder));
}

void control_client_close(struct control_client *client)
{
	if (client == NULL)
		return;
	close(client->fd);
	free(client->data);
	free(client);
}

static bool lose(const struct control_client *client)
{
	fprintf(stderr, "sluice %s: the engine ended the connection; is it still running?\n",
	        client->command);
	return false;
}

static bool send_line(struct control_client *client, const char *text)
{
	struct view rest = view_of(text);

	while (rest.bytes > 0) {
		ssize_t sent = send(client->fd, rest.data, rest.bytes, MSG_NOSIGNAL);

		if (sent < 0)
			return lose(client);
		rest = view_skip(rest, (size_t)sent);
	}
	return true;
}

/* Makes room behind what is there: by moving it to the front, or by doubling. */
static void make_room(struct control_client *client)
{
	memmove(client->data, client->data + client->start, client->bytes - client->start);
	client->bytes -= client->start;
	client->start = 0;
	if (client->bytes < client->size)
		return;
	char *data = realloc(client->data, client->size * 2);
	check(data != NULL);
	client->data = data;
	client->size *= 2;
}

static bool next_line(struct control_client *client, struct view *line)
{
	size_t looked = 0;

	for (;;) {
		struct view unread =
		        view_from(client->data + client->start, client->bytes - client->start);
		size_t end = looked + view_find(view_skip(unread, looked), '\n');

		if (end < unread.bytes) {
			*line = view_first(unread, end);
			client->start += end + 1;
			return true;
		}
		looked = unread.bytes;
		if (client->bytes == client->size)
			make_room(client);
		ssize_t got = recv(
		        client->fd, client->data + client->bytes, client->size - client->bytes, 0);
		if (got <= 0)
			return lose(client);
		client->bytes += (size_t)got;
	}
}

json_t *control_client_ask(struct control_client *client, json_t *question)
{
	char *text = json_dumps(question, JSON_COMPACT);
	struct view line;

	check(client->rows_left == 0);
	json_decref(question);
	check(text != NULL);
	bool sent = send_line(client, text) && send_line(client, "\n");
	free(text);
	if (!sent || !next_line(client, &line))
		return NULL;
	json_t *answer = json_loadb(line.data, line.bytes, 0, NULL);
	if (answer == NULL) {
		fprintf(stderr,
		        "sluice %s: the engine's answer makes no sense; is it of another "
		        "version?\n",
		        client->command);
		return NULL;
	}
	if (!json_is_true(json_object_get(answer, "ok"))) {
		const char *error = json_string_value(json_object_get(answer, "error"));

		fprintf(stderr, "sluice %s: %s\n", client->command,
		        error != NULL ? error : "refused");
		json_decref(answer);
		return NULL;
	}
	client->rows_left = (size_t)json_integer_value(json_object_get(answer, "rows"));
	return answer;
}

bool control_client_row(struct control_client *client, struct view *line)
{
	if (client->rows_left == 0 || !next_line(client, line))
		return false;
	client->rows_left--;
	return true;
}
