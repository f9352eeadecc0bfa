/* The devices of this process: a lookup takes one, has it for itself, and gives it back.
 *
 * Times are milliseconds of CLOCK_MONOTONIC (vs_nss_now_ms). Thread-safe, and without a lock that a
 * fork could copy while it is held: places are claimed by compare-and-swap, waiting is on a
 * semaphore, and a child starts with both made new. Errors: the negative errno of vs_open (its
 * -ETIMEDOUT as -ECONNREFUSED: nobody was there), or -EAGAIN when every device stayed in use until
 * the deadline. */
#ifndef VSERVICES_GUEST_NSS_POOL_H
#define VSERVICES_GUEST_NSS_POOL_H

#include <stdint.h>

#include "dataplane/client/vservice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  VS_NSS_DEVICES_MAX = 8,        /* each is a session at the backend and a region of its memory */
  VS_NSS_DEVICE_IDLE_MS = 30000, /* an idle device beyond the first is closed after this */
};

struct vs_nss_lease {
  struct vs_device* device;
  unsigned slot;
};

int64_t vs_nss_now_ms(void);
/* What is left until `deadline_ms`, for functions that take a timeout; never negative. */
int vs_nss_remaining_ms(int64_t deadline_ms);

/* Waits for a free place until `deadline_ms` and opens the device there unless one is idle and
 * still ours. */
int vs_nss_pool_take(int64_t deadline_ms, struct vs_nss_lease* lease);
/* Ends the lease. `error` is what the last call on the device returned: it decides whether the
 * device is kept. */
void vs_nss_pool_give(const struct vs_nss_lease* lease, int error);
/* Closes devices beyond the first that have been idle since before `now_ms` -
 * VS_NSS_DEVICE_IDLE_MS. Giving does it too. */
void vs_nss_pool_trim(int64_t now_ms);

#ifdef __cplusplus
}
#endif
#endif
