/* Events that stand once for all in the session's broadcast ring: each subscription reads it for itself, copies a record, judges the copy,
 * and takes what its pattern matches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/client/channels.h"

enum { kRecordsPerLookMax = 1024 /* that are not for us */ };

static size_t token(const char *text) { return strcspn(text, "."); }

/* Both were judged by the node, or by vs_event_read: no pattern can be built that this takes long for. */
static bool matches(const char *pattern, const char *name) {
  for (;;) {
    const size_t wanted = token(pattern), got = token(name);
    if (wanted == 1 && *pattern == '>') return got != 0;
    const bool any = wanted == 1 && *pattern == '*';
    if (!any && (wanted != got || memcmp(pattern, name, got) != 0)) return false;
    if (pattern[wanted] == '\0' || name[got] == '\0') return pattern[wanted] == name[got];
    pattern += wanted + 1;
    name += got + 1;
  }
}

int vs_ring_view_begin(struct vs_channel_subscription *subscription) {
  const struct vs_mapped_broadcast *mapped = &subscription->device->session.shared.broadcast;
  struct vs_ring_view *view = &subscription->ring;
  vs_ring_view_end(view);
  if (mapped->bytes == 0 || *subscription->filter != '\0' || subscription->options.adapt != 0 || subscription->options.overflow != VS_PUBSUB_DROP_OLDEST ||
      subscription->options.retained)
    return 0;
  if (vs_broadcast_attach(&view->reader, mapped->memory, mapped->bytes, false, 0) != 0) return 0;
  const size_t room = (vs_broadcast_payload_max(&view->reader) + 7) / 8 * 8;
  if (view->record_max < room) {
    unsigned char *record = realloc(view->record, room);
    if (record == NULL) return 0;
    view->record = record;
    view->record_max = room;
  }
  view->begun = true;
  return 1;
}

void vs_ring_view_made(struct vs_channel_subscription *subscription, uint64_t next) {
  subscription->ring.on = subscription->ring.begun && next != 0;
  subscription->ring.next = next;
  subscription->ring.until = 0;
}

void vs_ring_view_end(struct vs_ring_view *view) { view->begun = view->on = false; }

void vs_ring_view_free(struct vs_ring_view *view) { free(view->record); }

bool vs_ring_view_seen(const struct vs_channel_subscription *subscription) {
  const struct vs_ring_view *view = &subscription->ring;
  return view->bytes == 0 && (!view->on || vs_broadcast_empty(&view->reader));
}

static bool expired(const struct vs_channel_event *event) {
  struct timespec now;
  if (event->expires_ms == 0) return false;
  clock_gettime(CLOCK_REALTIME, &now); /* the node's, too: a ring reaches no other machine */
  const uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  return event->published_ns / 1000000 + event->expires_ms <= now_ms;
}

int vs_ring_view_read(struct vs_channel_subscription *subscription) {
  struct vs_ring_view *view = &subscription->ring;
  const long bytes = vs_event_read(view->record, view->bytes, &subscription->event);
  view->bytes = 0;
  return bytes > 0 && subscription->event.event.channel != NULL ? 0 : -EPROTO;
}

int vs_ring_view_find(struct vs_channel_subscription *subscription) {
  struct vs_ring_view *view = &subscription->ring;
  if (view->bytes != 0) return 1;
  for (int looked = 0; view->on && looked < kRecordsPerLookMax; ++looked) {
    struct vs_broadcast_record record;
    const int read = vs_broadcast_read(&view->reader, view->record, &record);
    if (read == 0 && view->until != 0) view->on = false;
    if (read == -EAGAIN) return 0; /* lapped again and again: the next look */
    if (read != 1) return read;
    if (record.sequence < view->next) continue; /* from before the subscription */
    if (view->until != 0 && record.sequence >= view->until) {
      subscription->missed += view->until - view->next;
      view->on = false;
      return 0;
    }
    subscription->missed += record.sequence - view->next;
    view->next = record.sequence + 1;
    const long bytes = vs_event_read(view->record, record.bytes, &subscription->event);
    if (bytes < 0 || subscription->event.event.channel == NULL) return -EPROTO;
    if (!matches(subscription->pattern, subscription->event.event.channel)) continue;
    if (expired(&subscription->event.event)) {
      subscription->missed++;
      continue;
    }
    view->bytes = (size_t)bytes;
    return 1;
  }
  return 0;
}
