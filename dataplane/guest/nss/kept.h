/* An answer that did not fit the caller's buffer, kept for the thread's next call.
 *
 * glibc answers ERANGE by calling again with twice the buffer: 1,000 addresses are seven calls.
 * Each thread keeps the one answer that it could not hand over, so that they are one request and
 * all speak of the same answer. Only such a repetition gets it: the same question, a larger buffer,
 * and within VS_NSS_KEPT_MS. Anything else throws it away; it is no cache.
 *
 * Sizes are bytes, times milliseconds of CLOCK_MONOTONIC. Thread-safe: a thread sees its own only;
 * freed when it ends. */
#ifndef VSERVICES_GUEST_NSS_KEPT_H
#define VSERVICES_GUEST_NSS_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/client/vservice.h"
#include "dataplane/guest/nss/question.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VS_NSS_KEPT_MS = 1000 };

/* The answer kept for exactly this, now the caller's to free; NULL when there is none. */
struct vs_dns_result_set* vs_nss_kept_take(const struct vs_nss_question* question, size_t bytes,
                                           int64_t now_ms);

/* Keeps `answer`, which did not fit into `bytes`, or frees it when there is no memory for that. */
void vs_nss_kept_put(const struct vs_nss_question* question, size_t bytes, int64_t now_ms,
                     struct vs_dns_result_set* answer);

#ifdef __cplusplus
}
#endif
#endif
