#include "engine/io/tls_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

void tls_error_put(struct text *text)
{
	unsigned long error = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
	                                             : ERR_reason_error_string(error);

	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	        ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
		text_put(text, VIEW("what the peer sends is not TLS"));
	else
		text_put(text, reason != NULL ? view_of(reason) : VIEW("the TLS library gave up"));
}
