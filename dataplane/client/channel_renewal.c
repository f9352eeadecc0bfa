/* How channels go on in another region: everything in flight stays so, and is answered there. */
#include <errno.h>

#include "dataplane/client/channels.h"

enum {
  kFitMs = 100, /* for what is in flight to come down to what the next rings have room for; nothing is asked for meanwhile */
  kFitAgainMs = 1000
};

/* As if the answers came there already. */
static bool promises_fit(struct vs_device *device, const struct vs_session *next) {
  const struct vs_channels *channels = device->channels;
  const uint32_t record = next->answers.size / VS_RECORD_PART_OF_RING;
  for (size_t i = 0; i < VS_FLIGHTS_MAX; ++i)
    if (channels->flights[i].kind != VS_FLIGHT_NONE && channels->flights[i].room > record) return false;
  for (int kind = VS_FLIGHT_PUBLISH; kind < VS_FLIGHT_KINDS; ++kind)
    if (channels->promised[kind] > vs_channels_promises_max(next->answers.size, (enum vs_flight_kind)kind)) return false;
  return true;
}

/* What was put together for the old ring, and would not go through the next. */
static bool publishes_fit(const struct vs_channels *channels, const struct vs_session *next) {
  const size_t most = vs_record_payload_max(next->requests.size) - sizeof(struct vs_request);
  for (unsigned i = 0; i < channels->publishes_count; ++i) {
    const struct vs_publish *one = &channels->publishes[(channels->publishes_first + i) % VS_PUBLISHES_MAX];
    if (!one->sent && !one->done && one->bytes > most) return false;
  }
  return true;
}

/* Waits until all fits, asking for nothing more. -EAGAIN: it does not. */
static int fit(struct vs_device *device, const struct vs_session *next) {
  const int64_t deadline_ms = vs_now_ms() + kFitMs;
  struct vs_session *session = &device->session;
  for (;;) {
    const int took = vs_channels_take_answers(device);
    if (took < 0) return took;
    if (!publishes_fit(device->channels, next)) {
      int status = vs_publishes_send(device);
      if (status >= 0) status = vs_device_publish(device);
      if (status < 0) return status;
    }
    if (promises_fit(device, next) && publishes_fit(device->channels, next)) return 0;
    if (vs_now_ms() >= deadline_ms) return -EAGAIN;
    if (took != 0 || !vs_consumer_ask(&session->answers)) continue;
    const int status = vs_session_sleep(session, deadline_ms);
    if (status != 0 && status != -ETIMEDOUT) return status;
  }
}

/* Answers that were given before the backend went on. */
static int take_all(struct vs_device *device) {
  int took;
  do took = vs_channels_take_answers(device);
  while (took > 0);
  return took;
}

static int later(struct vs_device *device) {
  vs_channels_set_alarm(device->channels, (long)(device->renew_at_ms - vs_now_ms()) + 1);
  return 0;
}

int vs_channels_renew(struct vs_device *device) {
  struct vs_session next;
  if (vs_device_open_next(device, &next) != 0) return later(device);
  int status = fit(device, &next);
  if (status == -EAGAIN) {
    vs_session_close(&next);
    device->renew_at_ms = vs_now_ms() + kFitAgainMs;
    return later(device);
  }
  if (status != 0) {
    vs_session_close(&next);
    return status;
  }
  status = vs_device_announce_next(device, &next);
  if (status != 0) return status == -ETIMEDOUT ? -ECONNRESET : status;
  status = take_all(device);
  if (status != 0) {
    vs_session_close(&next);
    return status;
  }
  vs_channels_unwatch(device);
  status = vs_device_go_on_in(device, &next);
  if (status == 0) status = vs_channels_watch(device);
  if (status != 0) return -ECONNRESET;
  device->channels->ring_full_for = 0;
  vs_subscriptions_share_anew(device);
  return 0;
}
