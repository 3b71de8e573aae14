#ifndef HOMEOSTAT_COPENSSL_SHIM_H
#define HOMEOSTAT_COPENSSL_SHIM_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// A new key on the curve P-256, or NULL; EVP_EC_gen is a macro over a variadic function.
static inline EVP_PKEY *homeostat_generate_p256_key(void) { return EVP_EC_gen("P-256"); }

#endif
