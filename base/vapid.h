/* The relay's key towards push services (VAPID, RFC 8292): P-256 by OpenSSL's libcrypto. */
#ifndef BASE_VAPID_H
#define BASE_VAPID_H

#include "secret.h"

#include <stdbool.h>
#include <stdint.h>

#define VAPID_PUBLIC_BYTES 88 /* 65 bytes in base64url, and NUL */

/* Reads the private key, 32 bytes, from the file vapid.key in `data_dir`, or makes it there (mode
 * 0600). It is kept in memory. False with one line in `error`. */
bool vapid_load(const char *data_dir, char error[static SECRET_ERROR_BYTES]);

/* The public key as browsers want it (applicationServerKey); "" while none is loaded. */
const char *vapid_public(void);

/* The value of Authorization for a push service of that origin, such as https://push.example.com:
 * good until `expires_sec`, Unix seconds; `contact` is a mailto: or https: address of whoever runs
 * the relay. False: `size` bytes hold no such value, or no key is loaded. */
bool vapid_authorization(
    const char *origin, const char *contact, int64_t expires_sec, char *out, int size);

#endif
