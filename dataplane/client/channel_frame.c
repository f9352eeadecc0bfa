/* Large events: the node lends a frame with the event in it, which is read in place and given back when the program is through. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/client/channels.h"

void vs_lent_event_return(struct vs_device *device, struct vs_lent_event *lent) {
  struct vs_frame_pool *pool = lent->pool;
  struct vs_channels *channels = device->channels;
  if (pool == NULL) return;
  lent->pool = NULL;
  pool->frames--;
  if (!device->connected || pool->connection != device->generation) { /* whoever lent it took it back when the connection ended */
    vs_frame_pools_sweep(device, false);
    return;
  }
  channels->returned++;
  channels->returns[channels->returns_count++] = (struct vs_returned){vs_return_of(&lent->buffer), lent->cookie};
}

int vs_returns_send(struct vs_device *device) {
  struct vs_channels *channels = device->channels;
  unsigned sent = 0;
  int status = 1;
  for (; sent < channels->returns_count; ++sent) {
    const struct vs_returned *one = &channels->returns[sent];
    status = vs_producer_push(&device->session.requests, VS_RECORD_RETURN, one->cookie, &one->words, sizeof one->words, NULL, 0);
    if (status != 1) break;
  }
  if (status == 0) channels->ring_full_for = sizeof channels->returns[0].words;
  channels->returns_count -= sent;
  memmove(channels->returns, channels->returns + sent, channels->returns_count * sizeof channels->returns[0]);
  return status;
}

enum vs_broken vs_channel_frame_came(struct vs_device *device, struct vs_flight flight, const unsigned char *record, size_t bytes) {
  struct vs_channels *channels = device->channels;
  struct vs_channel_subscription *subscription = flight.subscription;
  struct vs_pubsub_outcome outcome;
  struct vs_lent_event lent = {.pool = vs_frame_pool_of(device, device->generation), .cookie = flight.cookie};
  const void *data = NULL;
  if (lent.pool == NULL || bytes != sizeof lent.buffer + sizeof outcome + sizeof lent.words ||
      vs_read_buffer(record, bytes, &lent.buffer) != 0)
    return VS_BROKEN_BUFFER;
  memcpy(&outcome, record + sizeof lent.buffer, sizeof outcome);
  memcpy(&lent.words, record + sizeof lent.buffer + sizeof outcome, sizeof lent.words);
  const int viewed = vs_borrow_view(&lent.pool->borrowed, &lent.buffer, &data, &lent.bytes);
  if (viewed == -EPROTO || lent.pool->frames + channels->returns_count >= VS_RETURNS_MAX) return VS_BROKEN_BUFFER;
  if (outcome.result != VS_STATUS_OK || outcome.text_bytes != 0 || lent.words.reserved != 0 ||
      (lent.words.flags & ~VS_EVENT_RETAINED) != 0 || lent.words.head_bytes > VS_EVENT_HEAD_BYTES_MAX ||
      (viewed == 0 && lent.words.head_bytes > lent.bytes))
    return VS_BROKEN_PAYLOAD;
  lent.data = data;
  lent.pool->frames++;
  if (subscription != NULL && viewed == 0) {
    vs_subscription_lent(subscription, &flight, &outcome, &lent);
    return VS_BROKEN_NOT;
  }
  if (subscription != NULL) {
    vs_subscription_received(subscription, &flight, &outcome, 0, 0);
    subscription->missed_then += lent.words.missed + 1; /* its lease is over already */
  }
  vs_lent_event_return(device, &lent);
  return VS_BROKEN_NOT;
}

int vs_lent_event_read(struct vs_batch *batch, struct vs_event_room *room) {
  const struct vs_lent_event *lent = &batch->lent;
  const size_t head = lent->words.head_bytes;
  if (batch->record_max < head) {
    unsigned char *record = realloc(batch->record, head);
    if (record == NULL) return -ENOMEM;
    batch->record = record;
    batch->record_max = head;
  }
  memcpy(batch->record, lent->data, head);
  __asm__ volatile("" : : "r"(batch->record) : "memory"); /* the copy is judged and used; the frame's head is not read again */
  if (!vs_borrow_still_current(&lent->pool->borrowed, &lent->buffer)) return 0;
  const int status = vs_event_read_head(batch->record, head, lent->data + head, lent->bytes - head, room);
  if (status != 0) return status;
  room->event.retained = (lent->words.flags & VS_EVENT_RETAINED) != 0;
  return 1;
}

static void copy_event(struct vs_device *device, struct vs_batch *batch) {
  struct vs_lent_event *lent = &batch->lent;
  struct vs_event header;
  unsigned char *record = realloc(batch->record, lent->bytes + sizeof header); /* a gap stands before it */
  if (record == NULL) return;
  batch->record = record;
  batch->record_max = lent->bytes + sizeof header;
  const struct vs_event gap = {.bytes = sizeof gap, .flags = VS_EVENT_GAP, .sequence = lent->words.missed};
  memcpy(record, &gap, sizeof gap);
  memcpy(record + sizeof gap, lent->data, lent->bytes);
  if (lent->bytes >= sizeof header) {
    memcpy(&header, record + sizeof gap, sizeof header);
    header.flags = lent->words.flags;
    memcpy(record + sizeof gap, &header, sizeof header);
  }
  if (!vs_borrow_still_current(&lent->pool->borrowed, &lent->buffer)) return; /* who reads it will see that */
  batch->at = lent->words.missed != 0 ? 0 : sizeof gap;
  batch->end = sizeof gap + lent->bytes;
  vs_lent_event_return(device, lent);
}

void vs_lent_events_copy(struct vs_device *device) {
  for (struct vs_channel_subscription *one = device->channels->subscriptions; one != NULL; one = one->next)
    for (unsigned place = 0; place < one->filled; ++place) {
      struct vs_batch *batch = &one->batches[(one->first + place) % VS_BATCHES_MAX];
      if (batch->lent.pool != NULL && batch->at == 0) copy_event(device, batch);
    }
}

/* The frame of the event that was received last; NULL when it is none, or was given back. */
static struct vs_lent_event *lent_last(struct vs_channel_subscription *subscription) {
  struct vs_batch *batch = &subscription->batches[subscription->first];
  return subscription->filled != 0 && batch->lent.pool != NULL && batch->at != 0 ? &batch->lent : NULL;
}

int vs_channel_current(struct vs_channel_subscription *subscription) {
  const struct vs_lent_event *lent = lent_last(subscription);
  return lent == NULL || vs_borrow_still_current(&lent->pool->borrowed, &lent->buffer);
}

int vs_channel_release(struct vs_channel_subscription *subscription) {
  struct vs_lent_event *lent = lent_last(subscription);
  if (lent == NULL) return 0;
  vs_lent_event_return(subscription->device, lent);
  const int status = vs_channels_pump(subscription->device, 0, VS_PUMP_LOOK);
  return status == -EPROTO || status == -ESTALE ? status : 0; /* where there is no backend, it has its frames back */
}
