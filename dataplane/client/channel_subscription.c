#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/client/channels.h"

enum {
  kShareMin = 512,           /* of the response ring, for a receive that waits */
  kShareOf = 8,              /* each subscription takes that part of what is left */
  kFetchRoom = 16 * 1024,    /* for events that are there already, unless the next one needs more */
  kReceiveWaitMs = 50 * 1000,
  kReceiveTimeoutMs = 60 * 1000
};

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* The first subscriptions of a device get larger shares than the later ones; all of them together fit. */
static bool take_share(struct vs_device *device, struct vs_channel_subscription *subscription) {
  uint32_t left = device->session.answers.size / 2;
  for (const struct vs_channel_subscription *one = device->channels->subscriptions; one != NULL; one = one->next)
    left = one->share < left ? left - one->share : 0;
  const uint32_t record_max = device->session.answers.size / VS_RECORD_PART_OF_RING;
  uint32_t share = left / kShareOf > kShareMin ? left / kShareOf : kShareMin;
  share = smaller(share, record_max) / VS_RECORD_ALIGN * VS_RECORD_ALIGN;
  subscription->share = share <= left ? share : 0;
  return subscription->share != 0;
}

static void end(struct vs_channel_subscription *subscription, int status) {
  subscription->state = VS_SUBSCRIPTION_ENDED;
  subscription->status = status;
}

void vs_subscriptions_share_anew(struct vs_device *device) {
  for (struct vs_channel_subscription *one = device->channels->subscriptions; one != NULL; one = one->next) one->share = 0;
  for (struct vs_channel_subscription *one = device->channels->subscriptions; one != NULL; one = one->next)
    if (one->state == VS_SUBSCRIPTION_LIVE && !take_share(device, one)) end(one, -ENOMEM);
}

/* That it has read, and that wait to be read. */
static uint64_t last_position(const struct vs_channel_subscription *subscription) {
  uint64_t last = subscription->position;
  for (unsigned i = 0; i < subscription->filled; ++i) {
    const struct vs_batch *batch = &subscription->batches[(subscription->first + i) % VS_BATCHES_MAX];
    struct vs_event header;
    for (size_t at = batch->at; batch->end - at >= sizeof header; at += header.bytes) {
      memcpy(&header, batch->record + at, sizeof header);
      if (header.bytes < sizeof header || header.bytes > batch->end - at) break;
      if ((header.flags & VS_EVENT_STORED) != 0 && header.sequence > last) last = header.sequence;
    }
  }
  return last;
}

static int ask_for(struct vs_device *device, struct vs_channel_subscription *subscription) {
  if (subscription->share == 0 && !take_share(device, subscription)) {
    end(subscription, -ENOMEM);
    return 0;
  }
  const uint32_t room = vs_channels_ask_room(device, 0);
  if (!vs_channels_may_promise(device, VS_FLIGHT_ASK, room)) return 0;
  const size_t pattern = strlen(subscription->pattern), filter = strlen(subscription->filter);
  const uint64_t after = last_position(subscription);
  const size_t resume = subscription->resumes || after != 0 ? sizeof after : 0;
  const bool listens = resume == 0 && vs_ring_view_begin(subscription);
  const struct vs_pubsub_subscribe head = {.events_max = subscription->options.events_max,
                                           .bytes_max = subscription->options.bytes_max,
                                           .overflow = (uint8_t)subscription->options.overflow,
                                           .flags = (uint8_t)((subscription->options.retained ? VS_PUBSUB_RETAINED : 0) |
                                                              (resume != 0 ? VS_PUBSUB_RESUME : 0) |
                                                              (listens ? VS_PUBSUB_BROADCAST : 0) |
                                                              (subscription->options.adapt & VS_CHANNEL_ADAPT_LATEST ? VS_PUBSUB_ADAPT_LATEST : 0) |
                                                              (subscription->options.adapt & VS_CHANNEL_ADAPT_FEWER ? VS_PUBSUB_ADAPT_FEWER : 0)),
                                           .pattern_bytes = (uint16_t)pattern,
                                           .filter_bytes = (uint32_t)filter};
  char *texts = malloc(resume + pattern + filter + 1);
  if (texts == NULL) return -ENOMEM;
  memcpy(texts, &after, resume);
  memcpy(stpcpy(texts + resume, subscription->pattern), subscription->filter, filter);
  const struct vs_flight flight = {
      .kind = VS_FLIGHT_ASK, .room = room, .subscribes = true, .subscription = subscription};
  const int sent =
      vs_channels_send(device, &flight, VS_PUBSUB_SUBSCRIBE, 0, &head, sizeof head, texts, resume + pattern + filter);
  free(texts);
  if (sent == 1) subscription->state = VS_SUBSCRIPTION_ASKED;
  if (sent == -EMSGSIZE) end(subscription, sent);
  return sent < 0 && sent != -EMSGSIZE ? sent : 0;
}

/* With what has been seen of the ring: an answer comes when there is more. */
static int send_receive(struct vs_device *device, const struct vs_flight *flight, struct vs_pubsub_receive *request, bool looks) {
  const uint64_t next = flight->subscription->ring.next;
  if (looks) request->flags |= VS_PUBSUB_LOOKS;
  return vs_channels_send(device, flight, VS_PUBSUB_RECEIVE, kReceiveTimeoutMs, request, sizeof *request, &next, looks ? sizeof next : 0);
}

/* As much as it has room for is asked for before it is read. */
static int ask_for_events(struct vs_device *device, struct vs_channel_subscription *subscription) {
  const uint32_t fetch_max = vs_channels_room_max(device, VS_FLIGHT_FETCH);
  if (subscription->refused && subscription->refused_at == device->channels->returned) return 0;
  subscription->refused = false;
  while (subscription->receives + subscription->filled < VS_BATCHES_MAX && !subscription->waits) {
    const uint32_t wanted = subscription->needed > kFetchRoom ? subscription->needed : kFetchRoom;
    const uint32_t room = smaller(wanted, fetch_max);
    const bool fetch = subscription->backlog && vs_channels_may_promise(device, VS_FLIGHT_FETCH, room);
    if (!fetch && (subscription->receives != 0 || subscription->needed > subscription->share)) return 0;
    const struct vs_flight flight = {.kind = fetch ? VS_FLIGHT_FETCH : VS_FLIGHT_RECEIVE,
                                     .room = fetch ? room : subscription->share,
                                     .returned = device->channels->returned,
                                     .subscription = subscription};
    if (!fetch && !vs_ring_view_seen(subscription)) return 0; /* there is something to do before */
    struct vs_pubsub_receive request = {.subscription = subscription->id,
                                        .wait_ms = fetch ? 0 : kReceiveWaitMs,
                                        .flags = subscription->skip ? VS_PUBSUB_SKIP : 0};
    const int sent = send_receive(device, &flight, &request, !fetch && subscription->ring.on);
    if (sent != 1) return sent;
    subscription->receives++;
    subscription->waits = !fetch;
    subscription->skip = false;
  }
  return 0;
}

int vs_subscriptions_send(struct vs_device *device) {
  int status = 0;
  for (struct vs_channel_subscription *one = device->channels->subscriptions; status == 0 && one != NULL; one = one->next) {
    if (one->state == VS_SUBSCRIPTION_NEW) status = ask_for(device, one);
    else if (one->state == VS_SUBSCRIPTION_LIVE) status = ask_for_events(device, one);
  }
  return status;
}

void vs_subscriptions_lost(struct vs_channels *channels) {
  for (struct vs_channel_subscription *one = channels->subscriptions; one != NULL; one = one->next) {
    /* At least: how many, nobody knows. Of at-least-once channels it goes on where it was. */
    if (one->state == VS_SUBSCRIPTION_LIVE && (!one->resumes || one->others)) one->missed_then++;
    if (one->state != VS_SUBSCRIPTION_ENDED) one->state = VS_SUBSCRIPTION_NEW;
    one->share = one->needed = one->receives = 0;
    one->waits = one->backlog = one->skip = one->refused = false;
    vs_ring_view_end(&one->ring);
  }
}

/* ---- what comes ---- */

void vs_subscription_made(struct vs_channel_subscription *subscription, const struct vs_pubsub_outcome *outcome,
                          const unsigned char *body, size_t body_bytes) {
  if (outcome->result != VS_STATUS_OK) {
    end(subscription, vs_errno_of_status(outcome->result));
    return;
  }
  subscription->state = VS_SUBSCRIPTION_LIVE;
  subscription->id = outcome->value;
  subscription->away = false;
  struct vs_pubsub_broadcast broadcast = {0};
  if (body_bytes == sizeof broadcast) memcpy(&broadcast, body, sizeof broadcast);
  vs_ring_view_made(subscription, broadcast.next);
  uint64_t position;
  if (body_bytes != sizeof position) return;
  memcpy(&position, body, sizeof position);
  subscription->resumes = true;
  if (position > subscription->position) subscription->position = position;
}

int vs_subscription_room(struct vs_channel_subscription *subscription, unsigned char **room) {
  struct vs_batch *batch = &subscription->batches[(subscription->first + subscription->filled) % VS_BATCHES_MAX];
  const size_t bytes = vs_record_payload_max(subscription->device->session.answers.size);
  if (batch->record_max < bytes) {
    unsigned char *record = realloc(batch->record, bytes);
    if (record == NULL) return -ENOMEM;
    batch->record = record;
    batch->record_max = bytes;
  }
  *room = batch->record;
  return 0;
}

static void landed(struct vs_channel_subscription *subscription, const struct vs_flight *flight) {
  subscription->receives--;
  if (flight->kind == VS_FLIGHT_RECEIVE) subscription->waits = false;
}

/* For what is in it. */
static struct vs_batch *begin_batch(struct vs_channel_subscription *subscription, size_t at, size_t end_at) {
  struct vs_batch *batch = &subscription->batches[(subscription->first + subscription->filled++) % VS_BATCHES_MAX];
  batch->at = at;
  batch->end = end_at;
  batch->missed = subscription->missed_then;
  subscription->missed_then = 0;
  return batch;
}

void vs_subscription_lent(struct vs_channel_subscription *subscription, const struct vs_flight *flight,
                          const struct vs_pubsub_outcome *outcome, const struct vs_lent_event *lent) {
  landed(subscription, flight);
  subscription->needed = 0;
  subscription->backlog = outcome->value != 0;
  begin_batch(subscription, 0, 1)->lent = *lent;
}

void vs_subscription_received(struct vs_channel_subscription *subscription, const struct vs_flight *flight,
                              const struct vs_pubsub_outcome *outcome, size_t at, size_t end_at) {
  landed(subscription, flight);
  if (outcome->result == VS_STATUS_TOO_LARGE) {
    const uint32_t head = VS_RECORD_HEADER_BYTES + sizeof(struct vs_answer);
    const uint32_t most = vs_channels_room_max(subscription->device, VS_FLIGHT_FETCH);
    subscription->skip = outcome->value > most - head;
    subscription->needed = subscription->skip ? 0 : vs_record_rounded(head + (uint32_t)outcome->value);
    subscription->backlog = true;
    return;
  }
  if (outcome->result == VS_STATUS_EXHAUSTED) { /* unless one was given back meanwhile, which may not have been seen */
    subscription->refused = true;
    subscription->refused_at = flight->returned;
    if (subscription->device->channels->returned == flight->returned) vs_lent_events_copy(subscription->device);
    subscription->backlog = true;
    return;
  }
  if (outcome->result != VS_STATUS_OK) {
    end(subscription, outcome->result == VS_STATUS_NOT_FOUND ? -EPIPE : vs_errno_of_status(outcome->result));
    return;
  }
  subscription->needed = 0;
  subscription->backlog = outcome->value != 0;
  if (at != end_at) (void)begin_batch(subscription, at, end_at);
}

/* What the ring holds, when no batch is left: 1, or 0. */
static int next_broadcast(struct vs_channel_subscription *subscription, const struct vs_channel_event **event) {
  const int found = vs_ring_view_find(subscription);
  if (found == 0) return 0;
  const int status = found == 1 ? vs_ring_view_read(subscription) : found;
  if (status != 0) {
    if (status != -ENOMEM) end(subscription, status);
    return status;
  }
  subscription->others = true;
  subscription->event.event.missed = subscription->missed + subscription->missed_then;
  subscription->missed = subscription->missed_then = 0;
  *event = &subscription->event.event;
  return 1;
}

/* 1 and the next event, 0 when there is none. `*emptied`: there is room to ask for more. */
static int next_event(struct vs_channel_subscription *subscription, const struct vs_channel_event **event, bool *emptied) {
  if (subscription->ring.until != 0) { /* it reads no more of it soon */
    const int status = next_broadcast(subscription, event);
    if (status != 0) return status;
  }
  while (subscription->filled != 0) {
    struct vs_batch *batch = &subscription->batches[subscription->first];
    subscription->missed += batch->missed;
    batch->missed = 0;
    if (batch->at == batch->end) {
      vs_lent_event_return(subscription->device, &batch->lent);
      subscription->first = (subscription->first + 1) % VS_BATCHES_MAX;
      subscription->filled--;
      *emptied = true;
      return 0;
    }
    const bool lent = batch->lent.pool != NULL;
    const long bytes = lent ? vs_lent_event_read(batch, &subscription->event)
                            : vs_event_read(batch->record + batch->at, batch->end - batch->at, &subscription->event);
    if (bytes == -ENOMEM) return -ENOMEM;
    if (bytes < 0) {
      batch->at = batch->end;
      end(subscription, (int)bytes);
      return (int)bytes;
    }
    if (lent) subscription->missed += batch->lent.words.missed;
    if (bytes == 0) { /* the node took it back before it was read */
      subscription->missed++;
      batch->at = batch->end;
      continue;
    }
    batch->at += (size_t)bytes;
    struct vs_channel_event *read = &subscription->event.event;
    const uint16_t flags = subscription->event.flags;
    if (read->channel == NULL) {
      if ((flags & (VS_EVENT_AWAY | VS_EVENT_BACK)) != 0) subscription->away = (flags & VS_EVENT_AWAY) != 0;
      subscription->missed += read->missed;
      continue;
    }
    if ((flags & VS_EVENT_STORED) == 0) subscription->others = true;
    else subscription->resumes = true;
    if ((flags & VS_EVENT_STORED) != 0 && read->sequence > subscription->position) subscription->position = read->sequence;
    read->missed = subscription->missed;
    subscription->missed = 0;
    *event = read;
    return 1;
  }
  return next_broadcast(subscription, event);
}

bool vs_subscription_ready(struct vs_channel_subscription *subscription) {
  if (subscription->state == VS_SUBSCRIPTION_ENDED || subscription->filled > 1) return true;
  if (subscription->ring.bytes != 0 || vs_ring_view_find(subscription) != 0) return true;
  return subscription->filled == 1 && subscription->batches[subscription->first].at != subscription->batches[subscription->first].end;
}

int vs_channel_receive(struct vs_channel_subscription *subscription, int timeout_ms, const struct vs_channel_event **event) {
  struct vs_device *device = subscription->device;
  int64_t deadline_ms = -1;
  *event = NULL;
  for (int looked = 0;; looked = 1) {
    bool emptied = false;
    int status = next_event(subscription, event, &emptied);
    if (status != 0) return status;
    if (emptied) {
      status = vs_channels_pump(device, 0, VS_PUMP_LOOK);
      if (status == -EPROTO || status == -ESTALE) return status;
      continue;
    }
    if (subscription->state == VS_SUBSCRIPTION_ENDED) return subscription->status;
    if (deadline_ms < 0) deadline_ms = vs_now_ms() + timeout_ms;
    if (looked && vs_now_ms() >= deadline_ms) return 0;
    const bool listened_to = device->channels->descriptor >= 0;
    status = vs_channels_pump(device, deadline_ms, timeout_ms > 0 ? VS_PUMP_WAIT : listened_to ? VS_PUMP_ARM : VS_PUMP_LOOK);
    if (status != 0 && status != -ETIMEDOUT) return status;
  }
}
