#include "dataplane/client/channel_event.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { kFlags = VS_EVENT_GAP | VS_EVENT_RETAINED | VS_EVENT_AGAIN | VS_EVENT_AWAY | VS_EVENT_BACK | VS_EVENT_STORED };

static size_t length(const char *text) { return text == NULL ? 0 : strlen(text); }

static bool value_fits(const struct vs_channel_value *value) {
  switch (value->type) {
    case VS_EVENT_BOOL: case VS_EVENT_INT: case VS_EVENT_DOUBLE: return true;
    case VS_EVENT_STRING: case VS_EVENT_BYTES:
      return value->text_bytes <= VS_EVENT_ATTRIBUTE_BYTES_MAX && (value->text != NULL || value->text_bytes == 0);
    default: return false;
  }
}

static size_t value_bytes(const struct vs_channel_value *value) {
  switch (value->type) {
    case VS_EVENT_BOOL: return 1;
    case VS_EVENT_INT: case VS_EVENT_DOUBLE: return 8;
    default: return value->text_bytes;
  }
}

long vs_event_size(const struct vs_channel_event *event) {
  const size_t channel = length(event->channel);
  if (event->priority < 0 || event->priority >= VS_EVENT_PRIORITIES) return -EINVAL;
  if (channel == 0 || channel > VS_CHANNEL_BYTES_MAX || length(event->key) > VS_EVENT_KEY_BYTES_MAX ||
      length(event->content_type) > VS_EVENT_CONTENT_TYPE_BYTES_MAX || event->attribute_count > VS_EVENT_ATTRIBUTES_MAX ||
      event->payload_bytes > UINT32_MAX / 2 || (event->payload == NULL && event->payload_bytes != 0))
    return -EINVAL;
  size_t bytes = sizeof(struct vs_event) + channel + length(event->key) + length(event->content_type) + event->payload_bytes;
  for (size_t i = 0; i < event->attribute_count; ++i) {
    const struct vs_channel_attribute *one = &event->attributes[i];
    const size_t name = length(one->name);
    if (name == 0 || name > VS_EVENT_ATTRIBUTE_NAME_BYTES_MAX || !value_fits(&one->value)) return -EINVAL;
    bytes += sizeof(struct vs_event_attribute) + name + value_bytes(&one->value);
  }
  return (long)((bytes + VS_EVENT_ALIGN - 1) / VS_EVENT_ALIGN * VS_EVENT_ALIGN);
}

static unsigned char *append(unsigned char *to, const void *from, size_t bytes) {
  if (bytes != 0) memcpy(to, from, bytes);
  return to + bytes;
}

static unsigned char *append_value(unsigned char *to, const struct vs_channel_value *value) {
  const unsigned char truth = value->integer != 0;
  switch (value->type) {
    case VS_EVENT_BOOL: return append(to, &truth, 1);
    case VS_EVENT_INT: return append(to, &value->integer, 8);
    case VS_EVENT_DOUBLE: return append(to, &value->real, 8);
    default: return append(to, value->text, value->text_bytes);
  }
}

void vs_event_write(const struct vs_channel_event *event, size_t bytes, unsigned char *into) {
  const struct vs_event header = {.bytes = (uint32_t)bytes,
                                  .attribute_count = (uint16_t)event->attribute_count,
                                  .expires_ms = event->expires_ms,
                                  .payload_bytes = (uint32_t)event->payload_bytes,
                                  .channel_bytes = (uint16_t)length(event->channel),
                                  .key_bytes = (uint16_t)length(event->key),
                                  .content_type_bytes = (uint16_t)length(event->content_type),
                                  .priority = (uint8_t)event->priority};
  memset(into + bytes - VS_EVENT_ALIGN, 0, VS_EVENT_ALIGN); /* the padding */
  unsigned char *to = append(into, &header, sizeof header);
  to = append(to, event->channel, header.channel_bytes);
  to = append(to, event->key, header.key_bytes);
  to = append(to, event->content_type, header.content_type_bytes);
  for (size_t i = 0; i < event->attribute_count; ++i) {
    const struct vs_channel_attribute *one = &event->attributes[i];
    const struct vs_event_attribute head = {.type = (uint8_t)one->value.type,
                                            .name_bytes = (uint8_t)length(one->name),
                                            .value_bytes = (uint16_t)value_bytes(&one->value)};
    to = append(to, &head, sizeof head);
    to = append(to, one->name, head.name_bytes);
    to = append_value(to, &one->value);
  }
  append(to, event->payload, event->payload_bytes);
}

/* What is left of an event's bytes. */
struct rest {
  const unsigned char *at;
  size_t bytes;
};

static const unsigned char *take(struct rest *rest, size_t bytes) {
  if (bytes > rest->bytes) return NULL;
  const unsigned char *taken = rest->at;
  rest->at += bytes;
  rest->bytes -= bytes;
  return taken;
}

/* As a C string behind what is there already; NULL when it is none. */
static const char *take_text(struct rest *rest, size_t bytes, char **room) {
  const unsigned char *taken = take(rest, bytes);
  if (taken == NULL || memchr(taken, 0, bytes) != NULL) return NULL;
  char *text = *room;
  memcpy(text, taken, bytes);
  text[bytes] = '\0';
  *room += bytes + 1;
  return text;
}

static bool read_value(struct rest *rest, int type, size_t bytes, struct vs_channel_value *value) {
  const unsigned char *taken = take(rest, bytes);
  *value = (struct vs_channel_value){.type = type};
  if (taken == NULL || bytes > VS_EVENT_ATTRIBUTE_BYTES_MAX) return false;
  switch (type) {
    case VS_EVENT_BOOL:
      if (bytes != 1 || taken[0] > 1) return false;
      value->integer = taken[0];
      return true;
    case VS_EVENT_INT:
      if (bytes != 8) return false;
      memcpy(&value->integer, taken, 8);
      return true;
    case VS_EVENT_DOUBLE:
      if (bytes != 8) return false;
      memcpy(&value->real, taken, 8);
      return true;
    case VS_EVENT_STRING: case VS_EVENT_BYTES:
      value->text = (const char *)taken;
      value->text_bytes = bytes;
      return true;
    default: return false;
  }
}

static bool read_attributes(struct rest *rest, size_t count, struct vs_event_room *room) {
  for (size_t i = 0; i < count; ++i) {
    struct vs_event_attribute head;
    const unsigned char *raw = take(rest, sizeof head);
    if (raw == NULL) return false;
    memcpy(&head, raw, sizeof head);
    char *name = room->names[i];
    if (head.name_bytes == 0 || head.name_bytes > VS_EVENT_ATTRIBUTE_NAME_BYTES_MAX) return false;
    room->attributes[i].name = take_text(rest, head.name_bytes, &name);
    if (room->attributes[i].name == NULL) return false;
    if (!read_value(rest, head.type, head.value_bytes, &room->attributes[i].value)) return false;
  }
  return true;
}

static bool header_fits(const struct vs_event *header, size_t count) {
  return header->bytes >= sizeof *header && header->bytes <= count && header->bytes % VS_EVENT_ALIGN == 0 && header->reserved == 0 &&
         header->priority < VS_EVENT_PRIORITIES &&
         (header->flags & ~kFlags) == 0;
}

/* All but the payload; `rest` then begins behind it. */
static bool read_names(const struct vs_event *header, struct rest *rest, struct vs_event_room *room) {
  struct vs_channel_event *event = &room->event;
  char *text = room->text;
  if (header->channel_bytes == 0 || header->channel_bytes > VS_CHANNEL_BYTES_MAX || header->key_bytes > VS_EVENT_KEY_BYTES_MAX ||
      header->content_type_bytes > VS_EVENT_CONTENT_TYPE_BYTES_MAX || header->attribute_count > VS_EVENT_ATTRIBUTES_MAX)
    return false;
  event->channel = take_text(rest, header->channel_bytes, &text);
  event->key = take_text(rest, header->key_bytes, &text);
  event->content_type = take_text(rest, header->content_type_bytes, &text);
  if (event->channel == NULL || event->key == NULL || event->content_type == NULL) return false;
  if (!read_attributes(rest, header->attribute_count, room)) return false;
  event->attributes = room->attributes;
  event->attribute_count = header->attribute_count;
  event->payload_bytes = header->payload_bytes;
  event->expires_ms = header->expires_ms;
  event->priority = header->priority;
  event->sequence = header->sequence;
  event->published_ns = header->published_ns;
  event->retained = (header->flags & VS_EVENT_RETAINED) != 0;
  event->again = (header->flags & VS_EVENT_AGAIN) != 0;
  room->flags = header->flags;
  return true;
}

long vs_event_read(const unsigned char *bytes, size_t count, struct vs_event_room *room) {
  struct vs_event header;
  struct vs_channel_event *event = &room->event;
  *event = (struct vs_channel_event){0};
  if (count < sizeof header) return -EPROTO;
  memcpy(&header, bytes, sizeof header);
  if (!header_fits(&header, count)) return -EPROTO;
  room->flags = header.flags;
  if ((header.flags & VS_EVENT_GAP) != 0) {
    event->missed = header.sequence;
    return header.bytes == sizeof header ? (long)header.bytes : -EPROTO;
  }
  struct rest rest = {bytes + sizeof header, header.bytes - sizeof header};
  if (!read_names(&header, &rest, room)) return -EPROTO;
  event->payload = take(&rest, header.payload_bytes);
  return event->payload != NULL && rest.bytes < VS_EVENT_ALIGN ? (long)header.bytes : -EPROTO;
}

int vs_event_read_head(const unsigned char *head, size_t head_bytes, const unsigned char *rest, size_t rest_bytes,
                       struct vs_event_room *room) {
  struct vs_event header;
  room->event = (struct vs_channel_event){0};
  if (head_bytes < sizeof header) return -EPROTO;
  memcpy(&header, head, sizeof header);
  if (!header_fits(&header, head_bytes + rest_bytes) || header.bytes != head_bytes + rest_bytes ||
      (header.flags & VS_EVENT_GAP) != 0)
    return -EPROTO;
  struct rest names = {head + sizeof header, head_bytes - sizeof header};
  if (!read_names(&header, &names, room) || names.bytes != 0) return -EPROTO;
  if (header.payload_bytes > rest_bytes || rest_bytes - header.payload_bytes >= VS_EVENT_ALIGN) return -EPROTO;
  room->event.payload = rest;
  return 0;
}
