/* How a device goes on in another region when the backend has one for it (abi/region.h). */
#include <errno.h>

#include "dataplane/client/device.h"

enum {
  kRenewalMs = 1000, /* for the backend to give a region, which it does at once */
  kFollowMs = 3000,  /* for it to go on there: a domain that changes its loop meanwhile takes up to a second for that */
  kRenewAgainMs = 1000
};

bool vs_device_renewal_due(const struct vs_device *device) {
  return vs_session_renewal_due(&device->session) && vs_now_ms() >= device->renew_at_ms;
}

int vs_device_open_next(struct vs_device *device, struct vs_session *next) {
  const int64_t now = vs_now_ms();
  const struct vs_opening opening = {.path = device->path,
                                     .service = device->service,
                                     .generation = device->generation,
                                     .deadline_ms = now + kRenewalMs,
                                     .ticket = device->session.ticket};
  const int status = vs_session_open_next(&device->session, &opening, next);
  if (status != 0) device->renew_at_ms = now + kRenewAgainMs;
  return status;
}

static int failed(struct vs_device *device, struct vs_session *next, int status) {
  vs_session_close(next);
  device->renew_at_ms = vs_now_ms() + kRenewAgainMs;
  return status;
}

int vs_device_announce_next(struct vs_device *device, struct vs_session *next) {
  const int64_t deadline_ms = vs_now_ms() + kFollowMs;
  int status = vs_device_put(device, VS_RECORD_RENEWED, 0, NULL, 0, NULL, 0, deadline_ms);
  if (status == 0) status = vs_device_publish(device);
  if (status == 0) status = vs_session_await_next(next, deadline_ms);
  return status == 0 ? 0 : failed(device, next, status);
}

int vs_device_go_on_in(struct vs_device *device, struct vs_session *next) {
  const int status = vs_device_make_room(device, vs_record_payload_max(next->answers.size));
  if (status != 0) return failed(device, next, status);
  vs_session_go_on_in(&device->session, next);
  device->stats.renewals++;
  return 0;
}
