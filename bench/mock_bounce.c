#include "bench/mock_bounce.h"

#include "queue/base/check.h"
#include "queue/base/date.h"

#include <errno.h>
#include <stdlib.h>

#define BOUNCE_PATH_BYTES 4096

static char *bounce_copy(struct view text);
static struct view bounce_domain(struct view address);
static void bounce_write_head(const struct mock_bounce *bounce, FILE *file);
static void bounce_write_words(const struct mock_bounce *bounce, FILE *file);
static void bounce_write_status(const struct mock_bounce *bounce, FILE *file);
static struct view bounce_enhanced(struct view reply);
static bool bounce_next(struct view *recipients, struct view *recipient);

void mock_bounce_init(struct mock_bounce *bounce, struct view sender, struct view reply,
        struct view recipients, const struct mock_letter *letter)
{
	*bounce = (struct mock_bounce){
		.sender = bounce_copy(sender),
		.message_id = bounce_copy(mock_letter_field(letter, VIEW("Message-ID"))),
		.reply = bounce_copy(reply),
		.recipients = bounce_copy(recipients),
		.header = bounce_copy(mock_letter_header(letter)),
	};
}

void mock_bounce_finish(struct mock_bounce *bounce)
{
	free(bounce->sender);
	free(bounce->message_id);
	free(bounce->reply);
	free(bounce->recipients);
	free(bounce->header);
	*bounce = (struct mock_bounce){ 0 };
}

static char *bounce_copy(struct view text)
{
	char *copy = strndup(text.bytes > 0 ? text.data : "", text.bytes);

	check(copy != NULL); /* a measuring tool without memory measures nothing */
	return copy;
}

/* Takes the next line off. */
static bool bounce_next(struct view *recipients, struct view *recipient)
{
	const size_t end = view_find(*recipients, '\n');

	*recipient = view_first(*recipients, end);
	*recipients = view_skip(*recipients, end < recipients->bytes ? end + 1 : end);
	return recipient->bytes > 0;
}

static struct view bounce_domain(struct view address)
{
	const size_t at = view_find(address, '@');

	return at < address.bytes ? view_skip(address, at + 1) : VIEW("contoso.com");
}

/* "5.7.233" of "550 5.7.233 ...". */
static struct view bounce_enhanced(struct view reply)
{
	const size_t space = view_find(reply, ' ');
	const struct view rest = view_skip(reply, space < reply.bytes ? space + 1 : space);

	return view_first(rest, view_find(rest, ' '));
}

bool mock_bounce_write(const struct mock_bounce *bounce, FILE *file)
{
	bounce_write_head(bounce, file);
	bounce_write_words(bounce, file);
	bounce_write_status(bounce, file);
	fprintf(file,
	        "--_%08llX_\r\n"
	        "Content-Type: message/rfc822\r\n\r\n%s\r\n\r\n--_%08llX_--\r\n",
	        (unsigned long long)bounce->number, bounce->header,
	        (unsigned long long)bounce->number);
	return fflush(file) == 0 && ferror(file) == 0;
}

static void bounce_write_head(const struct mock_bounce *bounce, FILE *file)
{
	const struct view domain = bounce_domain(view_of(bounce->sender));
	char room[512];
	struct text text = TEXT_ON(room);

	text_put(&text, VIEW("Received: from "));
	mock_host_put(&text, &bounce->host);
	text_put(&text, VIEW(" by "));
	mock_host_put(&text, &bounce->host);
	text_put(&text, VIEW(" with Microsoft SMTP Server;\r\n "));
	date_put_mail(&text, bounce->arrived);
	text_put(&text, VIEW("\r\nDate: "));
	date_put_mail(&text, bounce->arrived);
	fprintf(file,
	        "%s\r\n"
	        "MIME-Version: 1.0\r\n"
	        "From: Microsoft Outlook\r\n"
	        " <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@%.*s>\r\n"
	        "To: <%s>\r\n"
	        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	        "\tboundary=\"_%08llX_\"\r\n"
	        "X-MS-Exchange-Message-Is-Ndr:\r\n"
	        "Content-Language: en-US\r\n",
	        text_string(&text), VIEW_ARGS(domain), bounce->sender,
	        (unsigned long long)bounce->number);
	fprintf(file, "Message-ID: <%08llx-ndr@%.*s>\r\n", (unsigned long long)bounce->number,
	        VIEW_ARGS(domain));
	if (bounce->message_id[0] != '\0')
		fprintf(file, "In-Reply-To: %s\r\nReferences: %s\r\n", bounce->message_id,
		        bounce->message_id);
	fputs("Subject: Undeliverable: your message\r\n"
	      "Auto-Submitted: auto-replied\r\n\r\n",
	        file);
}

static void bounce_write_words(const struct mock_bounce *bounce, FILE *file)
{
	struct view left = view_of(bounce->recipients);
	struct view recipient;
	char room[128];
	struct text host = TEXT_ON(room);

	mock_host_put(&host, &bounce->host);
	fprintf(file,
	        "--_%08llX_\r\n"
	        "Content-Type: multipart/alternative; differences=Content-Type;\r\n"
	        "\tboundary=\"_alternative_\"\r\n\r\n"
	        "--_alternative_\r\n"
	        "Content-Type: text/plain; charset=\"us-ascii\"\r\n\r\n"
	        "Delivery has failed to these recipients or groups:\r\n\r\n",
	        (unsigned long long)bounce->number);
	while (bounce_next(&left, &recipient))
		fprintf(file, "%.*s\r\n", VIEW_ARGS(recipient));
	fprintf(file,
	        "\r\nYour message couldn't be delivered.\r\n\r\n"
	        "Diagnostic information for administrators:\r\n\r\n"
	        "Generating server: %s\r\n\r\n",
	        text_string(&host));
	left = view_of(bounce->recipients);
	while (bounce_next(&left, &recipient))
		fprintf(file, "%.*s\r\nRemote server returned '%s'\r\n\r\n", VIEW_ARGS(recipient),
		        bounce->reply);
	fprintf(file,
	        "Original message headers:\r\n\r\n%s\r\n"
	        "--_alternative_\r\n"
	        "Content-Type: text/html; charset=\"us-ascii\"\r\n\r\n"
	        "<html><body><p>Your message couldn't be delivered.</p></body></html>\r\n\r\n"
	        "--_alternative_--\r\n\r\n",
	        bounce->header);
}

static void bounce_write_status(const struct mock_bounce *bounce, FILE *file)
{
	const struct view enhanced = bounce_enhanced(view_of(bounce->reply));
	struct view left = view_of(bounce->recipients);
	struct view recipient;
	char room[256];
	struct text text = TEXT_ON(room);

	text_put(&text, VIEW("Reporting-MTA: dns;"));
	mock_host_put(&text, &bounce->host);
	text_put(&text, VIEW("\r\nArrival-Date: "));
	date_put_mail(&text, bounce->arrived);
	fprintf(file, "--_%08llX_\r\nContent-Type: message/delivery-status\r\n\r\n%s\r\n",
	        (unsigned long long)bounce->number, text_string(&text));
	while (bounce_next(&left, &recipient))
		fprintf(file,
		        "\r\nFinal-Recipient: rfc822;%.*s\r\n"
		        "Action: failed\r\n"
		        "Status: %.*s\r\n"
		        "Diagnostic-Code: smtp;%s\r\n",
		        VIEW_ARGS(recipient), VIEW_ARGS(enhanced), bounce->reply);
	fputs("\r\n", file);
}

bool mock_bounce_save(const struct mock_bounce *bounce, const char *folder, struct text *why)
{
	char hidden_room[BOUNCE_PATH_BYTES];
	char final_room[BOUNCE_PATH_BYTES];
	struct text hidden = TEXT_ON(hidden_room);
	struct text final = TEXT_ON(final_room);

	text_format(&hidden, "%s/.%08llx.new", folder, (unsigned long long)bounce->number);
	text_format(&final, "%s/%08llx.eml", folder, (unsigned long long)bounce->number);
	if (hidden.overflow || final.overflow) {
		text_format(why, "%.64s...: too long a path", folder);
		return false;
	}
	FILE *file = fopen(text_string(&hidden), "w");
	bool saved = file != NULL && mock_bounce_write(bounce, file);
	if (file != NULL)
		saved = fclose(file) == 0 && saved;
	/* A reader of the folder never sees half a report. */
	saved = saved && rename(text_string(&hidden), text_string(&final)) == 0;
	if (!saved)
		text_format(why, "%s: %s", text_string(&final), strerror(errno));
	return saved;
}
