#include "dataplane/client/channels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
  kLookAgainMs = 20, /* for a backend, where a descriptor is listened to */
  kLookForNextMs = 2 /* the same, for one that is about to be there */
};

void vs_channels_keep_words(char why[256], const unsigned char *text, size_t bytes) {
  const size_t kept = bytes < 255 ? bytes : 255;
  if (kept != 0) memcpy(why, text, kept);
  why[kept] = '\0';
  for (size_t i = 0; i < kept; ++i) /* it may be shown on a terminal */
    if ((unsigned char)why[i] < ' ' || why[i] == 0x7f) why[i] = '?';
}

int vs_channels_of(struct vs_device *device, struct vs_channels **channels) {
  if (device->channels == NULL) {
    device->channels = calloc(1, sizeof *device->channels);
    if (device->channels == NULL) return -ENOMEM;
    device->channels->descriptor = device->channels->alarm = -1;
  }
  *channels = device->channels;
  return 0;
}

void vs_channels_free(struct vs_device *device) {
  struct vs_channels *channels = device->channels;
  if (channels == NULL) return;
  vs_subscriptions_free(channels);
  for (size_t i = 0; i < VS_PUBLISHES_MAX; ++i) free(channels->publishes[i].events);
  if (channels->descriptor >= 0) close(channels->descriptor);
  if (channels->alarm >= 0) close(channels->alarm);
  free(channels->declared);
  free(channels);
  device->channels = NULL;
}

/* ---- sending ---- */

int vs_channels_send(struct vs_device *device, const struct vs_flight *flight, uint16_t type, uint32_t timeout_ms, const void *head,
                     size_t head_bytes, const void *body, size_t body_bytes) {
  struct vs_channels *channels = device->channels;
  const enum vs_flight_kind kind = flight->kind;
  if (!vs_channels_may_promise(device, kind, flight->room)) return 0;
  size_t slot = 0;
  while (channels->flights[slot].kind != VS_FLIGHT_NONE) ++slot; /* one is free: the kinds together have no more */
  const struct vs_request request = {.answer_bytes_max = flight->room, .timeout_ms = timeout_ms};
  const size_t bytes = sizeof request + head_bytes + body_bytes;
  void *to = NULL;
  const int reserved = vs_producer_reserve(&device->session.requests, bytes, &to);
  if (reserved == 0) channels->ring_full_for = bytes;
  if (reserved != 1) return reserved;
  memcpy(to, &request, sizeof request);
  if (head_bytes != 0) memcpy((unsigned char *)to + sizeof request, head, head_bytes);
  if (body_bytes != 0) memcpy((unsigned char *)to + sizeof request + head_bytes, body, body_bytes);
  struct vs_flight *sent = &channels->flights[slot];
  *sent = *flight;
  sent->cookie = (uint64_t)device->generation << 32 | (uint32_t)(channels->cookies++ * VS_FLIGHTS_MAX + slot);
  vs_producer_commit(&device->session.requests, type, sent->cookie, bytes);
  channels->count[kind]++;
  channels->promised[kind] += sent->room;
  device->stats.requests++;
  return 1;
}

static int send_all(struct vs_device *device) {
  device->channels->ring_full_for = 0;
  const int returned = vs_returns_send(device); /* first: others may wait for them */
  int status = returned < 0 ? returned : vs_publishes_send(device);
  if (status == 0 && returned == 1) status = vs_subscriptions_send(device);
  if (status != 0) return status;
  return vs_device_publish(device);
}

/* Until the domain is where it goes, or stays. */
static int send_nothing(struct vs_device *device) {
  device->channels->ring_full_for = 0;
  const int64_t left = device->hold_until_ms - vs_now_ms();
  vs_channels_set_alarm(device->channels, (long)(left > 0 ? left : 0) + 1);
  return 0;
}

/* ---- answers ---- */

static void land(struct vs_channels *channels, struct vs_flight *flight) {
  channels->count[flight->kind]--;
  channels->promised[flight->kind] -= flight->room;
  flight->kind = VS_FLIGHT_NONE;
}

static void answer_asked(struct vs_device *device, struct vs_asked *asked, const struct vs_pubsub_outcome *outcome,
                         const unsigned char *text, size_t rest_bytes) {
  asked->status = 0;
  asked->outcome = *outcome;
  asked->body_bytes = rest_bytes < asked->body_max ? rest_bytes : asked->body_max;
  if (asked->body_bytes != 0) memcpy(asked->body, text + outcome->text_bytes, asked->body_bytes);
  vs_channels_keep_words(device->why, text, outcome->text_bytes);
}

/* A subscription nobody has any more, because it was waited for no longer. */
static void give_up_subscription(struct vs_device *device, uint64_t id) {
  const struct vs_pubsub_subscription named = {id};
  const struct vs_flight flight = {.kind = VS_FLIGHT_ASK, .room = vs_channels_ask_room(device, 0)};
  (void)vs_channels_send(device, &flight, VS_PUBSUB_UNSUBSCRIBE, 0, &named, sizeof named, NULL, 0);
}

/* Hands an answer to whom it is for; `record` is its payload, a private copy. */
static enum vs_broken hand_out(struct vs_device *device, struct vs_flight flight, const unsigned char *record, size_t bytes) {
  struct vs_answer head;
  struct vs_pubsub_outcome outcome = {0};
  if (bytes < sizeof head) return VS_BROKEN_PAYLOAD;
  memcpy(&head, record, sizeof head);
  const unsigned char *text = record + sizeof head + sizeof outcome;
  if (head.status != VS_STATUS_OK) {
    outcome.result = head.status; /* the service never saw it, or had no room to say more */
    bytes = sizeof head + sizeof outcome;
  } else {
    if (bytes < sizeof head + sizeof outcome) return VS_BROKEN_PAYLOAD;
    memcpy(&outcome, record + sizeof head, sizeof outcome);
  }
  const size_t rest = bytes - sizeof head - sizeof outcome;
  if (outcome.text_bytes > rest) return VS_BROKEN_PAYLOAD;
  if (flight.publish != NULL) {
    if (outcome.value > flight.publish->count) return VS_BROKEN_PAYLOAD;
    vs_publish_answered(device, flight.publish, &outcome, text);
  }
  if (flight.asked != NULL) answer_asked(device, flight.asked, &outcome, text, rest - outcome.text_bytes);
  if (flight.subscribes && flight.subscription != NULL) {
    vs_channels_keep_words(device->why, text, outcome.text_bytes);
    vs_subscription_made(flight.subscription, &outcome, text + outcome.text_bytes, rest - outcome.text_bytes);
  } else if (flight.subscribes && outcome.result == VS_STATUS_OK) {
    give_up_subscription(device, outcome.value);
  } else if (flight.subscription != NULL) {
    vs_subscription_received(flight.subscription, &flight, &outcome, sizeof head + sizeof outcome + outcome.text_bytes, bytes);
  }
  return VS_BROKEN_NOT;
}

static int broken(struct vs_device *device, enum vs_broken why) {
  vs_consumer_give_up(&device->session.answers, why);
  return -EPROTO;
}

/* The oldest answer, if there is one: 1. */
static int take_answer(struct vs_device *device) {
  struct vs_channels *channels = device->channels;
  struct vs_consumer *answers = &device->session.answers;
  const void *shared = NULL;
  struct vs_taken seen, taken;
  const int peeked = vs_consumer_peek(answers, &shared, &seen);
  if (peeked != 1) return peeked;
  struct vs_flight *flight = &channels->flights[seen.cookie % VS_FLIGHTS_MAX];
  const bool lent = seen.type == VS_RECORD_BUFFER && (flight->kind == VS_FLIGHT_RECEIVE || flight->kind == VS_FLIGHT_FETCH);
  if (flight->kind == VS_FLIGHT_NONE || flight->cookie != seen.cookie || (seen.type != VS_RECORD_ANSWER && !lent))
    return broken(device, VS_BROKEN_COOKIE);
  unsigned char *room = device->answer;
  if (flight->subscription != NULL && !flight->subscribes) {
    const int status = vs_subscription_room(flight->subscription, &room);
    if (status != 0) return status;
  }
  const int took = vs_consumer_take(answers, room, &taken); /* judged once more: it may have changed */
  if (took != 1) return took < 0 ? took : broken(device, VS_BROKEN_COOKIE);
  if (taken.cookie != seen.cookie || taken.type != seen.type) return broken(device, VS_BROKEN_COOKIE);
  const struct vs_flight landed = *flight;
  land(channels, flight);
  const enum vs_broken wrong = lent ? vs_channel_frame_came(device, landed, room, taken.payload_bytes)
                                    : hand_out(device, landed, room, taken.payload_bytes);
  if (wrong != VS_BROKEN_NOT) return broken(device, wrong);
  device->stats.answers++;
  return 1;
}

int vs_channels_take_answers(struct vs_device *device) {
  int count = 0;
  while (count < VS_FLIGHTS_MAX) {
    const int took = take_answer(device);
    if (took < 0) return took;
    if (took == 0) break;
    ++count;
  }
  if (count == 0) return 0;
  const int rung = vs_device_ring_if(device, vs_consumer_release(&device->session.answers));
  return rung != 0 && rung != -ECONNRESET ? rung : count; /* one gone since then shows by itself */
}

/* ---- the connection ---- */

void vs_channels_unwatch(struct vs_device *device) {
  struct vs_channels *channels = device->channels;
  if (channels->descriptor < 0 || !device->connected) return;
  int fds[VS_LINK_DESCRIPTORS_MAX];
  const int count = vs_session_descriptors(&device->session, fds);
  for (int i = 0; i < count; ++i) (void)epoll_ctl(channels->descriptor, EPOLL_CTL_DEL, fds[i], NULL);
}

static int watch_one(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -ENOMEM;
}

int vs_channels_watch(struct vs_device *device) {
  int fds[VS_LINK_DESCRIPTORS_MAX];
  if (device->channels->descriptor < 0) return 0;
  const int count = vs_session_descriptors(&device->session, fds);
  int status = 0;
  for (int i = 0; status == 0 && i < count; ++i) status = watch_one(device->channels->descriptor, fds[i]);
  return status;
}

void vs_channels_set_alarm(const struct vs_channels *channels, long ms) {
  const struct itimerspec once = {.it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
  if (channels->alarm >= 0) (void)timerfd_settime(channels->alarm, 0, &once, NULL);
}

/* The backend is gone: what was in flight is not answered any more, and begins anew with the next. */
static void lose(struct vs_device *device) {
  struct vs_channels *channels = device->channels;
  vs_channels_unwatch(device);
  vs_device_disconnect(device);
  for (size_t i = 0; i < VS_FLIGHTS_MAX; ++i) {
    struct vs_flight *flight = &channels->flights[i];
    if (flight->kind == VS_FLIGHT_NONE) continue;
    if (flight->asked != NULL) flight->asked->status = -ECONNRESET;
    land(channels, flight);
  }
  channels->returns_count = 0;
  vs_publishes_lost(channels);
  vs_subscriptions_lost(channels);
  vs_channels_set_alarm(channels, 1);
}

static int failed(struct vs_device *device, int status) {
  if (status == -ETIMEDOUT || status == -ENOMEM) return status;
  device->stats.broken = vs_session_broken(&device->session);
  if (device->stats.broken != VS_BROKEN_NOT) status = -EPROTO; /* the backend does not believe us any more */
  lose(device);
  device->disabled = status == -EPROTO;
  if (status != -ECONNRESET) return status;
  device->stats.reconnects++;
  return 0; /* the next look finds another one, or none */
}

static int connect_again(struct vs_device *device, int64_t deadline_ms, enum vs_pump how) {
  int status = vs_device_connect(device, deadline_ms, how == VS_PUMP_WAIT);
  if (status == 0) status = vs_channels_watch(device);
  if (status != 0 && device->connected) vs_device_disconnect(device);
  if (status != 0 && !device->disabled) vs_channels_set_alarm(device->channels, vs_device_moves(device) ? kLookForNextMs : kLookAgainMs);
  return status;
}

/* The request ring is full, or only answers are waited for. */
static int wait_for_more(struct vs_device *device, int64_t deadline_ms) {
  struct vs_session *session = &device->session;
  int status;
  device->stats.waits++;
  if (device->channels->ring_full_for != 0) {
    const int full = vs_producer_ask(&session->requests, device->channels->ring_full_for);
    if (full <= 0) return full;
    if (!vs_consumer_ask(&session->answers)) return 0;
    status = vs_session_sleep(session, deadline_ms);
  } else {
    status = vs_session_wait(session, deadline_ms);
  }
  return status == -ECONNRESET && !vs_consumer_empty(&session->answers) ? 0 : status; /* it answered, then went */
}

/* From here on the descriptor rings: what rang before is heard. 1 when something came meanwhile. */
static int arm(struct vs_device *device) {
  int status = vs_session_sleep(&device->session, 0);
  if (status == -ETIMEDOUT) status = 0;
  if (status == -ECONNRESET && !vs_consumer_empty(&device->session.answers)) status = 0;
  if (status == 0 && device->channels->ring_full_for != 0) {
    const int full = vs_producer_ask(&device->session.requests, device->channels->ring_full_for);
    if (full <= 0) return full == 0 ? 1 : full;
  }
  if (status != 0) return status;
  return !vs_consumer_ask(&device->session.answers) || vs_device_renewal_due(device);
}

int vs_channels_pump(struct vs_device *device, int64_t deadline_ms, enum vs_pump how) {
  if (device->disabled) return -EPROTO;
  if (!device->connected) {
    const int status = connect_again(device, deadline_ms, how);
    if (status != 0) return status;
  }
  for (int again = 1, rounds = 0; again == 1 && rounds < VS_FLIGHTS_MAX; ++rounds) {
    const bool holds = vs_device_holds(device); /* it moves: only answers are of interest */
    int status = !holds && vs_device_renewal_due(device) ? vs_channels_renew(device) : 0;
    if (status == 0) status = vs_channels_take_answers(device);
    const bool came = status > 0;
    if (status >= 0) status = holds ? send_nothing(device) : send_all(device);
    again = 0;
    if (status == 0 && how == VS_PUMP_ARM) status = again = arm(device);
    if (status == 0 && how == VS_PUMP_WAIT && !came) {
      status = wait_for_more(device, holds ? vs_device_hold_deadline(device, deadline_ms) : deadline_ms);
      if (holds && status == -ETIMEDOUT && vs_now_ms() < deadline_ms) status = 0;
    }
    if (status < 0) return failed(device, status);
  }
  return 0;
}

int vs_channels_ask(struct vs_device *device, uint16_t type, const void *head, size_t head_bytes, const void *body,
                    size_t body_bytes, int64_t deadline_ms, struct vs_asked *asked) {
  struct vs_channels *channels = device->channels;
  asked->status = 1;
  device->why[0] = '\0';
  bool sent = false;
  int status = 0;
  while (status == 0 && asked->status == 1) {
    if (!sent && device->connected && !vs_device_holds(device)) {
      const struct vs_flight flight = {.kind = VS_FLIGHT_ASK, .room = vs_channels_ask_room(device, asked->body_max), .asked = asked};
      const int now = vs_channels_send(device, &flight, type, 0, head, head_bytes, body, body_bytes);
      if (now < 0 && now != -EMSGSIZE) status = failed(device, now);
      if (now < 0 && status == 0) status = now;
      sent = now == 1;
      if (status != 0) break;
    }
    status = vs_channels_pump(device, deadline_ms, VS_PUMP_WAIT);
  }
  for (size_t i = 0; i < VS_FLIGHTS_MAX; ++i) /* what comes later is for nobody */
    if (channels->flights[i].asked == asked) channels->flights[i].asked = NULL;
  if (asked->status != 1) status = asked->status;
  return status != 0 ? status : vs_errno_of_status(asked->outcome.result);
}

/* ---- waiting elsewhere ---- */

int vs_channel_descriptor(struct vs_device *device) {
  struct vs_channels *channels = NULL;
  int status = vs_channels_of(device, &channels);
  if (status != 0 || channels->descriptor >= 0) return status != 0 ? status : channels->descriptor;
  channels->descriptor = epoll_create1(EPOLL_CLOEXEC);
  channels->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  status = channels->descriptor >= 0 && channels->alarm >= 0 ? watch_one(channels->descriptor, channels->alarm) : -ENOMEM;
  if (status == 0 && device->connected) status = vs_channels_watch(device);
  if (status == 0) return channels->descriptor;
  if (channels->descriptor >= 0) close(channels->descriptor);
  if (channels->alarm >= 0) close(channels->alarm);
  channels->descriptor = channels->alarm = -1;
  return status;
}

static int ready_now(const struct vs_device *device) {
  const struct vs_channels *channels = device->channels;
  int ready = device->connected ? 0 : VS_CHANNEL_GONE;
  if (channels->error != 0) ready |= VS_CHANNEL_ERROR;
  if (vs_device_level(device) != device->level_told) ready |= VS_CHANNEL_LEVEL;
  if (device->connected && channels->publishes_count < VS_PUBLISHES_MAX && channels->ring_full_for == 0) ready |= VS_CHANNEL_OUT;
  for (struct vs_channel_subscription *one = channels->subscriptions; one != NULL; one = one->next) {
    if (vs_subscription_ready(one)) ready |= VS_CHANNEL_IN;
    ready |= (one->missed != 0 || one->missed_then != 0 ? VS_CHANNEL_GAP : 0) | (one->away ? VS_CHANNEL_AWAY : 0);
  }
  return ready;
}

int vs_channel_poll(struct vs_device *device, int wanted, int timeout_ms) {
  struct vs_channels *channels = NULL;
  int status = vs_channels_of(device, &channels);
  if (status != 0) return status;
  const int64_t deadline_ms = vs_now_ms() + timeout_ms;
  uint64_t alarms;
  if (channels->alarm >= 0) (void)!read(channels->alarm, &alarms, sizeof alarms);
  for (;;) {
    status = vs_channels_pump(device, deadline_ms, timeout_ms <= 0 ? VS_PUMP_ARM : VS_PUMP_LOOK);
    const bool gone = status == -ECONNREFUSED || status == -ENODEV || status == -ETIMEDOUT;
    if (status != 0 && !gone) return status;
    const int ready = ready_now(device);
    if ((ready & (wanted | VS_CHANNEL_ERROR)) != 0 || vs_now_ms() >= deadline_ms) return ready;
    status = vs_channels_pump(device, deadline_ms, VS_PUMP_WAIT);
    if (status == -ETIMEDOUT || status == -ECONNREFUSED || status == -ENODEV) return ready_now(device);
    if (status != 0) return status;
  }
}
