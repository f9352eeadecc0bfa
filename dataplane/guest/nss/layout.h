/* Turns an answer into the structures that glibc's callers read, inside the caller's buffer and
 * nowhere else.
 *
 * Sizes are bytes. Thread-safe: pure functions of their arguments. Everything in the buffer is
 * aligned for its type wherever the buffer starts; nothing before it or past its end is touched.
 * The target's pointers are written only when all of it fits. */
#ifndef VSERVICES_GUEST_NSS_LAYOUT_H
#define VSERVICES_GUEST_NSS_LAYOUT_H

#include <netdb.h>
#include <nss.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/client/vservice.h"
#include "dataplane/guest/nss/question.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vs_nss_laid {
  VS_NSS_LAID,
  VS_NSS_NO_ROOM, /* the buffer is too small: the same call with a larger one may do */
  VS_NSS_NOTHING  /* no address of the wanted family in it, or no name that may be shown */
};

/* Where an answer goes: `tuples` for both families at once, else `host`. When `tuples` points to a
 * tuple already, that one becomes the first of the list. `ttl_s` and `canonical` may be NULL; the
 * TTL is the smallest of all, and left as it is for the names of an address, which carry none. */
struct vs_nss_target {
  char* buffer;
  size_t bytes;
  struct gaih_addrtuple** tuples;
  struct hostent* host;
  int32_t* ttl_s;
  char** canonical;
};

enum vs_nss_laid vs_nss_lay(const struct vs_nss_question* question,
                            const struct vs_dns_result_set* answer,
                            const struct vs_nss_target* target);

#ifdef __cplusplus
}
#endif
#endif
