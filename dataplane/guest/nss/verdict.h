/* What glibc is told: a status, which nsswitch.conf decides by, and the two error numbers.
 *
 * The rule: UNAVAIL says that this service cannot be asked, so that the next source may be;
 * everything else is its answer. Thread-safe: pure functions. */
#ifndef VSERVICES_GUEST_NSS_VERDICT_H
#define VSERVICES_GUEST_NSS_VERDICT_H

#include <nss.h>

#include "dataplane/guest/nss/layout.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vs_nss_verdict {
  enum nss_status status;
  int error;      /* for errno; 0: leave it as it is */
  int host_error; /* for h_errno */
};

/* No device could be had: `error` is a negative errno of vs_open, or -EAGAIN when all devices
 * stayed in use. */
struct vs_nss_verdict vs_nss_verdict_of_open(int error);
/* The device could not answer: `error` is a negative errno of vs_dns_resolve. */
struct vs_nss_verdict vs_nss_verdict_of_call(int error);
/* The service answered: `result` is an enum vs_dns_result. */
struct vs_nss_verdict vs_nss_verdict_of_result(int result);
/* The answer was laid out, or not. */
struct vs_nss_verdict vs_nss_verdict_of_layout(enum vs_nss_laid laid);

#ifdef __cplusplus
}
#endif
#endif
