/* One lookup from question to filled buffer: a device from the pool, the request, repeated where
 * that helps, and the layout.
 *
 * Thread-safe. A program's signal handlers and cancellation stay out of it, and its errno is as
 * before afterwards. */
#ifndef VSERVICES_GUEST_NSS_LOOKUP_H
#define VSERVICES_GUEST_NSS_LOOKUP_H

#include "dataplane/guest/nss/layout.h"
#include "dataplane/guest/nss/question.h"
#include "dataplane/guest/nss/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  VS_NSS_LOOKUP_MS = 10000, /* a whole lookup, with waiting for a device and every reconnect */
  VS_NSS_ATTEMPTS_MAX = 3   /* when the device turns out to be unusable under way */
};

struct vs_nss_verdict vs_nss_lookup(const struct vs_nss_question* question,
                                    const struct vs_nss_target* target);

#ifdef __cplusplus
}
#endif
#endif
