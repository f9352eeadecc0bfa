/* How much room of the response ring each kind of request may promise: see channels.h. */
#include "dataplane/client/channels.h"

enum { kAskRoom = 576 /* for an outcome with its words */ };

static uint32_t ring_bytes(const struct vs_device *device) { return device->session.answers.size; }

uint32_t vs_channels_promises_max(uint32_t ring_bytes, enum vs_flight_kind kind) {
  switch (kind) {
    case VS_FLIGHT_RECEIVE: return ring_bytes / 2;
    case VS_FLIGHT_PUBLISH: return ring_bytes / 16;
    default: return ring_bytes / 8;
  }
}

static uint32_t promises_max(const struct vs_device *device, enum vs_flight_kind kind) {
  return vs_channels_promises_max(ring_bytes(device), kind);
}

static unsigned flights_max(enum vs_flight_kind kind) {
  switch (kind) {
    case VS_FLIGHT_RECEIVE: return VS_SUBSCRIPTIONS_MAX;
    case VS_FLIGHT_PUBLISH: return VS_PUBLISHES_MAX;
    case VS_FLIGHT_FETCH: return VS_FETCHES_MAX;
    default: return VS_ASKS_MAX;
  }
}

uint32_t vs_channels_room_max(const struct vs_device *device, enum vs_flight_kind kind) {
  const uint32_t record = ring_bytes(device) / VS_RECORD_PART_OF_RING;
  return promises_max(device, kind) < record ? promises_max(device, kind) : record;
}

uint32_t vs_channels_ask_room(const struct vs_device *device, size_t more) {
  const uint32_t most = vs_channels_room_max(device, VS_FLIGHT_ASK);
  const uint32_t wanted = vs_record_rounded(kAskRoom + (uint32_t)more);
  return most < wanted ? most : wanted;
}

bool vs_channels_may_promise(const struct vs_device *device, enum vs_flight_kind kind, uint32_t room) {
  const struct vs_channels *channels = device->channels;
  return channels->count[kind] < flights_max(kind) && channels->promised[kind] + room <= promises_max(device, kind);
}
