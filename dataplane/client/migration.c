/* How a frontend waits while its domain goes to another node (abi/ring.h, migrating): it asks for nothing more, hears what is answered
 * still, and looks for the next node when the session ends. */
#include <errno.h>

#include "dataplane/client/device.h"

enum {
  kHoldMsMax = 60 * 1000, /* whatever the backend says */
  kMovedMs = 500          /* after the end of such a session the next node is looked for without a rest */
};

bool vs_device_holds(struct vs_device *device) {
  const uint32_t within_ms = device->connected ? vs_session_migrating(&device->session) : 0;
  if (within_ms == 0) {
    device->hold_until_ms = 0;
    return false;
  }
  const int64_t now = vs_now_ms();
  if (device->hold_until_ms == 0) {
    device->stats.holds++;
    device->hold_until_ms = now + (within_ms < kHoldMsMax ? within_ms : kHoldMsMax);
  }
  return now < device->hold_until_ms; /* later it should have said something else: it is asked as ever */
}

int64_t vs_device_hold_deadline(const struct vs_device *device, int64_t deadline_ms) {
  return device->hold_until_ms != 0 && device->hold_until_ms < deadline_ms ? device->hold_until_ms : deadline_ms;
}

int vs_device_hold(struct vs_device *device, int64_t deadline_ms) {
  while (vs_device_holds(device)) {
    if (vs_now_ms() >= deadline_ms) return -ETIMEDOUT;
    device->stats.waits++;
    const int status = vs_session_sleep(&device->session, vs_device_hold_deadline(device, deadline_ms));
    if (status != 0 && status != -ETIMEDOUT) return status;
  }
  return 0;
}

void vs_device_session_ended(struct vs_device *device) {
  if (device->session.transport != NULL && vs_session_migrating(&device->session) != 0)
    device->moved_until_ms = vs_now_ms() + kMovedMs;
  device->hold_until_ms = 0;
}

bool vs_device_moves(const struct vs_device *device) { return vs_now_ms() < device->moved_until_ms; }

/* The backend takes nothing more while it says so, and has given the space of what it took back by then. */
bool vs_device_untaken(const struct vs_device *device, uint32_t before) {
  const struct vs_producer *requests = &device->session.requests;
  if (requests->prod == before) return true;
  if (vs_session_migrating(&device->session) == 0) return false;
  return (int32_t)(__atomic_load_n(&requests->peer->cons, __ATOMIC_ACQUIRE) - before) <= 0;
}
