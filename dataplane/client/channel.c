#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/client/channels.h"

enum { kPublishRoom = 192 /* for an outcome, and words that say why not */ };

static uint32_t left_of(int64_t deadline_ms) {
  const int64_t left = deadline_ms - vs_now_ms();
  return left > 0 ? (uint32_t)left : 1; /* 0 would be the service's own limit */
}

/* ---- what is published ---- */

static struct vs_publish *publish_at(struct vs_channels *channels, unsigned place) {
  return &channels->publishes[(channels->publishes_first + place) % VS_PUBLISHES_MAX];
}

static void forget_accepted(struct vs_channels *channels) {
  while (channels->publishes_count != 0 && publish_at(channels, 0)->done) {
    channels->publishes_first = (channels->publishes_first + 1) % VS_PUBLISHES_MAX;
    channels->publishes_count--;
  }
}

static void refused(struct vs_channels *channels, struct vs_publish *publish, int error, const unsigned char *text, size_t bytes) {
  publish->done = true;
  if (channels->error != 0) return;
  channels->error = error;
  vs_channels_keep_words(channels->error_why, text, bytes);
}

void vs_publish_answered(struct vs_device *device, struct vs_publish *publish, const struct vs_pubsub_outcome *outcome,
                         const unsigned char *text) {
  struct vs_channels *channels = device->channels;
  int error = vs_errno_of_status(outcome->result);
  if (error == 0 && outcome->value < publish->count) error = -EIO;
  if (error != 0) refused(channels, publish, error, text, outcome->text_bytes);
  publish->done = true;
  forget_accepted(channels);
}

int vs_publishes_send(struct vs_device *device) {
  struct vs_channels *channels = device->channels;
  const uint32_t most = vs_channels_room_max(device, VS_FLIGHT_PUBLISH);
  for (unsigned place = 0; place < channels->publishes_count; ++place) {
    struct vs_publish *one = publish_at(channels, place);
    if (one->sent || one->done) continue;
    const struct vs_flight flight = {
        .kind = VS_FLIGHT_PUBLISH, .room = most < kPublishRoom ? most : kPublishRoom, .publish = one};
    const int sent =
        vs_channels_send(device, &flight, VS_PUBSUB_PUBLISH, one->timeout_ms, one->events, one->bytes, NULL, 0);
    if (sent == -EMSGSIZE) { /* the next backend's ring is smaller */
      refused(channels, one, sent, NULL, 0);
      continue;
    }
    if (sent != 1) return sent;
    one->sent = true;
  }
  forget_accepted(channels);
  return 0;
}

/* Nobody said whether it was accepted. */
static void mark_again(struct vs_publish *publish) {
  struct vs_event header;
  for (size_t at = 0; at < publish->bytes; at += header.bytes) {
    memcpy(&header, publish->events + at, sizeof header);
    header.flags |= VS_EVENT_AGAIN;
    memcpy(publish->events + at, &header, sizeof header);
  }
}

void vs_publishes_lost(struct vs_channels *channels) {
  for (unsigned place = 0; place < channels->publishes_count; ++place) {
    struct vs_publish *one = publish_at(channels, place);
    if (one->sent && !one->done) mark_again(one);
    one->sent = false;
  }
}

static bool all_sent(struct vs_channels *channels) {
  for (unsigned place = 0; place < channels->publishes_count; ++place)
    if (!publish_at(channels, place)->sent && !publish_at(channels, place)->done) return false;
  return true;
}

/* A place behind the others, for an event of `bytes` and those that still fit its record. Waits for one. */
static int begin_publish(struct vs_device *device, size_t bytes, int64_t deadline_ms, struct vs_publish **begun) {
  struct vs_channels *channels = device->channels;
  while (!device->connected || channels->publishes_count == VS_PUBLISHES_MAX) {
    const int status = vs_channels_pump(device, deadline_ms, VS_PUMP_WAIT);
    if (status != 0) return status;
  }
  const size_t bytes_max = vs_record_payload_max(device->session.requests.size) - sizeof(struct vs_request);
  if (bytes > bytes_max) return -EMSGSIZE;
  struct vs_publish *publish = publish_at(channels, channels->publishes_count);
  if (publish->bytes_max < bytes_max) {
    unsigned char *room = realloc(publish->events, bytes_max);
    if (room == NULL) return -ENOMEM;
    publish->events = room;
    publish->bytes_max = bytes_max;
  }
  *publish = (struct vs_publish){
      .events = publish->events, .bytes_max = publish->bytes_max, .timeout_ms = left_of(deadline_ms)};
  channels->publishes_count++;
  *begun = publish;
  return 0;
}

static int tell_error(struct vs_device *device) {
  struct vs_channels *channels = device->channels;
  const int error = channels->error;
  channels->error = 0;
  memcpy(device->why, channels->error_why, sizeof device->why);
  return error;
}

int vs_channel_publish(struct vs_device *device, const struct vs_channel_event *events, size_t count, int timeout_ms) {
  const int64_t deadline_ms = vs_now_ms() + timeout_ms;
  struct vs_channels *channels = NULL;
  int status = vs_channels_of(device, &channels);
  if (status != 0) return status;
  if (channels->error != 0) return tell_error(device);
  device->why[0] = '\0';
  size_t queued = 0, record_max = 0;
  struct vs_publish *publish = NULL;
  for (; queued < count && queued < INT32_MAX; ++queued) {
    const long bytes = vs_event_size(&events[queued]);
    if (bytes < 0) status = (int)bytes;
    if (status == 0 && (publish == NULL || publish->bytes + (size_t)bytes > record_max)) {
      status = begin_publish(device, (size_t)bytes, deadline_ms, &publish);
      record_max = vs_record_payload_max(device->session.requests.size) - sizeof(struct vs_request);
    }
    if (status != 0) break;
    vs_event_write(&events[queued], (size_t)bytes, publish->events + publish->bytes);
    publish->bytes += (size_t)bytes;
    publish->count++;
  }
  if (queued == 0) return status;
  status = vs_channels_pump(device, deadline_ms, VS_PUMP_LOOK);
  while (status == 0 && !all_sent(channels)) status = vs_channels_pump(device, deadline_ms, VS_PUMP_WAIT);
  return status == -EPROTO || status == -ESTALE ? status : (int)queued; /* what is not sent goes with the next call */
}

int vs_channel_fsync(struct vs_device *device, int timeout_ms) {
  const int64_t deadline_ms = vs_now_ms() + timeout_ms;
  struct vs_channels *channels = NULL;
  int status = vs_channels_of(device, &channels);
  device->why[0] = '\0';
  while (status == 0 && channels->publishes_count != 0) status = vs_channels_pump(device, deadline_ms, VS_PUMP_WAIT);
  if (status != 0) return status;
  return channels->error != 0 ? tell_error(device) : 0;
}
