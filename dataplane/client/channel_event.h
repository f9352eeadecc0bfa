/* Events as bytes (abi/pubsub.h), in and out. The backend is not trusted: what it sends is judged, in a private copy.
 *
 * Pure. Sizes are bytes. Errors: -EINVAL, an event that cannot be published; -EPROTO, bytes that are none. */
#ifndef VSERVICES_CLIENT_CHANNEL_EVENT_H
#define VSERVICES_CLIENT_CHANNEL_EVENT_H

#include <stddef.h>

#include "dataplane/abi/pubsub.h"
#include "dataplane/client/vservice.h"

/* How large it is, or -EINVAL. */
long vs_event_size(const struct vs_channel_event *event);
/* Writes it to `into`, `bytes` large: what vs_event_size() said. */
void vs_event_write(const struct vs_channel_event *event, size_t bytes, unsigned char *into);

/* A received event with room for what it points to; text becomes C strings. */
struct vs_event_room {
  struct vs_channel_event event;
  uint16_t flags; /* enum vs_event_flags */
  struct vs_channel_attribute attributes[VS_EVENT_ATTRIBUTES_MAX];
  char text[VS_CHANNEL_BYTES_MAX + VS_EVENT_KEY_BYTES_MAX + VS_EVENT_CONTENT_TYPE_BYTES_MAX + 3];
  char names[VS_EVENT_ATTRIBUTES_MAX][VS_EVENT_ATTRIBUTE_NAME_BYTES_MAX + 1];
};
/* Reads the event at the front of `bytes`, which stay where they are as long as it is used: its length; a gap is one with a NULL channel
 * and `missed`. -EPROTO. */
long vs_event_read(const unsigned char *bytes, size_t count, struct vs_event_room *room);
/* Reads an event whose payload is elsewhere: `head` is a private copy of all before it, and of what is at `rest`, payload and padding,
 * nothing is read. No gap. 0 or -EPROTO. */
int vs_event_read_head(const unsigned char *head, size_t head_bytes, const unsigned char *rest, size_t rest_bytes,
                       struct vs_event_room *room);

#endif
