#include "engine/io/tls_roots.h"

#include "queue/base/check.h"

#include <openssl/x509v3.h>
#include <string.h>

struct tls_roots_file {
	struct tls_roots_file *next;
	char *name; /* NULL: the system's */
	X509_STORE *store;
};

/* A list: there are as many as the configuration names, and they are looked for at start only. */
struct tls_roots {
	struct tls_roots_file *first;
	size_t count;
};

static struct tls_roots_file *tls_roots_find(const struct tls_roots *roots, const char *ca_file);
static struct tls_roots_file *tls_roots_make(struct tls_roots *roots, const char *ca_file);
static X509_STORE *tls_roots_parse(const char *ca_file);
static void tls_roots_decode(X509_STORE *store);
static void tls_roots_file_destroy(struct tls_roots_file *file);

struct err tls_roots_create(struct tls_roots **result)
{
	*result = OPENSSL_zalloc(sizeof **result);
	return *result == NULL ? err_make(ERR_NO_MEMORY, 0) : err_ok();
}

void tls_roots_destroy(struct tls_roots *roots)
{
	if (roots == NULL)
		return;
	while (roots->first != NULL) {
		struct tls_roots_file *file = roots->first;
		roots->first = file->next;
		tls_roots_file_destroy(file);
	}
	OPENSSL_free(roots);
}

X509_STORE *tls_roots_store(struct tls_roots *roots, const char *ca_file)
{
	if (roots == NULL)
		return tls_roots_parse(ca_file);
	struct tls_roots_file *file = tls_roots_find(roots, ca_file);
	if (file == NULL)
		file = tls_roots_make(roots, ca_file);
	if (file == NULL)
		return NULL;
	check(X509_STORE_up_ref(file->store) == 1);
	return file->store;
}

size_t tls_roots_count(const struct tls_roots *roots)
{
	return roots->count;
}

static struct tls_roots_file *tls_roots_find(const struct tls_roots *roots, const char *ca_file)
{
	struct tls_roots_file *file = roots->first;

	while (file != NULL &&
	        (ca_file == NULL ? file->name != NULL
	                         : file->name == NULL || strcmp(file->name, ca_file) != 0))
		file = file->next;
	return file;
}

static struct tls_roots_file *tls_roots_make(struct tls_roots *roots, const char *ca_file)
{
	struct tls_roots_file *file = OPENSSL_zalloc(sizeof *file);

	if (file == NULL)
		return NULL;
	file->store = tls_roots_parse(ca_file);
	file->name = ca_file == NULL ? NULL : OPENSSL_strdup(ca_file);
	if (file->store == NULL || (ca_file != NULL && file->name == NULL)) {
		tls_roots_file_destroy(file);
		return NULL;
	}
	file->next = roots->first;
	roots->first = file;
	roots->count++;
	return file;
}

static X509_STORE *tls_roots_parse(const char *ca_file)
{
	X509_STORE *store = X509_STORE_new();

	if (store != NULL && (ca_file == NULL ? X509_STORE_set_default_paths(store)
	                                      : X509_STORE_load_file(store, ca_file)) == 1) {
		tls_roots_decode(store);
		return store;
	}
	X509_STORE_free(store);
	return NULL;
}

/* OpenSSL decodes a certificate's extensions when it first looks at them. Here no other thread is
 * near: in a handshake two threads may want the same root's at once. */
static void tls_roots_decode(X509_STORE *store)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		if (certificate != NULL)
			(void)X509_get_extension_flags(certificate);
	}
}

static void tls_roots_file_destroy(struct tls_roots_file *file)
{
	X509_STORE_free(file->store);
	OPENSSL_free(file->name);
	OPENSSL_free(file);
}
