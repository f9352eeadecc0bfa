/* Which names may be asked for, and which names of an answer may be shown to a program.
 *
 * Sizes are bytes. Thread-safe: pure functions. */
#ifndef VSERVICES_GUEST_NSS_NAME_H
#define VSERVICES_GUEST_NSS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Length of `name` without its final dot, if it has one. */
size_t vs_nss_name_length(const char* name);

/* True when `name` could exist: not empty, at most 253 bytes, labels of 1 to 63 bytes (RFC
 * 1035 2.3.4); one final dot is allowed and not counted. */
bool vs_nss_name_askable(const char* name);

/* True when `name` looks like a host name: letters, digits, '-', '_' and '.', the first not '-'.
 * Names in answers are written by strangers, and programs hand them to shells and log files; so no
 * others are passed on (as glibc's own resolver does). */
bool vs_nss_name_presentable(const char* name);

/* True when both are the same name: ASCII case and a final dot do not matter (RFC 4343). */
bool vs_nss_name_equal(const char* one, const char* other);

#ifdef __cplusplus
}
#endif
#endif
