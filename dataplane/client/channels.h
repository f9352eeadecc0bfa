/* The channels of one device: the requests in flight, what was published and is not accepted yet, and the subscriptions. The backend
 * answers in any order; each answer finds its request by its cookie.
 *
 * Every request promises room for its answer. Four kinds of requests have each a part of the response ring to promise, so none of them
 * can keep another from being sent: PUBLISH, ASK, RECEIVE (waits on the node for an event, one a subscription) and FETCH (large, for
 * events that are known to wait, so it is answered at once). What is left is for the pad at the ring's end.
 *
 * One thread at a time. Errors as in vservice.h. */
#ifndef VSERVICES_CLIENT_CHANNELS_H
#define VSERVICES_CLIENT_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/pubsub.h"
#include "dataplane/client/channel_event.h"
#include "dataplane/client/device.h"

enum {
  VS_FLIGHTS_MAX = 64, /* of one session: more the backend would not take before it has answered some; a power of two */
  VS_PUBLISHES_MAX = 18,
  VS_ASKS_MAX = 4,
  VS_FETCHES_MAX = 2,
  VS_SUBSCRIPTIONS_MAX = VS_PUBSUB_SUBSCRIPTIONS_MAX,
  VS_BATCHES_MAX = 2, /* of one subscription: received and not read yet, or on the way */
  VS_RETURNS_MAX = VS_SUBSCRIPTIONS_MAX * VS_BATCHES_MAX + VS_FLIGHTS_MAX /* frames to be given back: no more can have come */
};
static_assert(VS_PUBLISHES_MAX + VS_ASKS_MAX + VS_FETCHES_MAX + VS_SUBSCRIPTIONS_MAX <= VS_FLIGHTS_MAX, "flights");

enum vs_flight_kind { VS_FLIGHT_NONE, VS_FLIGHT_PUBLISH, VS_FLIGHT_ASK, VS_FLIGHT_RECEIVE, VS_FLIGHT_FETCH, VS_FLIGHT_KINDS };

/* Somebody waits for the answer of a request. */
struct vs_asked {
  int status; /* 1: not answered yet; -ECONNRESET: never will be; 0: answered */
  struct vs_pubsub_outcome outcome;
  unsigned char *body; /* room for what follows the words: `body_max` bytes; more are not kept */
  size_t body_max, body_bytes;
};

struct vs_flight {
  enum vs_flight_kind kind;
  uint64_t cookie;
  uint32_t room;       /* promised */
  bool subscribes;     /* an ASK that makes a subscription */
  uint64_t returned;   /* frames given back before */
  struct vs_channel_subscription *subscription; /* NULL: its owner has gone */
  struct vs_asked *asked;                       /* the same */
  struct vs_publish *publish;
};

/* Events that go in one record, kept until they are accepted. */
struct vs_publish {
  unsigned char *events;
  size_t bytes, bytes_max;
  uint32_t count;
  uint32_t timeout_ms;
  bool sent, done;
};

/* A frame that one event is read in. */
struct vs_lent_event {
  struct vs_frame_pool *pool; /* NULL: none. Stays mapped until the frame is given back */
  struct vs_buffer buffer;
  uint64_t cookie;
  const unsigned char *data;
  size_t bytes;
  struct vs_pubsub_frame words;
};

struct vs_batch {
  struct vs_lent_event lent; /* if there is one, it is the only event, read when `at` is 1 */
  unsigned char *record; /* private copy of an answer's payload */
  size_t record_max;
  size_t at, end;
  uint64_t missed; /* before its first event */
};

/* What a subscription reads of the session's broadcast ring. */
struct vs_ring_view {
  bool begun;     /* the reader is one of this session's ring */
  bool on;        /* and the node sends nothing of what stands there */
  struct vs_broadcast_reader reader;
  uint64_t next;  /* sequence number of the ring that comes next for it */
  uint64_t until; /* not 0: from there on all is sent again; what stands before comes first */
  unsigned char *record; /* private copy of a record's payload; stays when the ring goes */
  size_t record_max;
  size_t bytes;   /* of the event in it that is to be read; 0: none */
};

/* Everything it takes to subscribe again elsewhere, and what was received. */
struct vs_channel_subscription {
  struct vs_channel_subscription *next;
  struct vs_device *device;
  char *pattern;
  char *filter;
  struct vs_channel_options options;
  enum { VS_SUBSCRIPTION_NEW, VS_SUBSCRIPTION_ASKED, VS_SUBSCRIPTION_LIVE, VS_SUBSCRIPTION_ENDED } state;
  int status; /* of one that ended: why */
  uint64_t id;
  bool resumes;         /* of at-least-once channels it has had all up to `position` */
  uint64_t position;
  bool others;          /* it has had events of other channels */
  bool away;            /* other nodes are out of reach */
  uint64_t missed;      /* before the next event */
  uint64_t missed_then; /* before the next batch */
  uint32_t share;       /* of the ring, to promise while it waits */
  uint32_t needed;      /* for the next event; 0: not known */
  bool backlog;         /* more waited when the last batch was made */
  bool skip;            /* the next one is larger than the ring lets through */
  bool refused;         /* the node lends no more before a frame is given back */
  uint64_t refused_at;  /* how many were given back then */
  unsigned receives;    /* in flight */
  bool waits;           /* one of them waits on the node */
  unsigned first, filled; /* of batches */
  struct vs_batch batches[VS_BATCHES_MAX];
  struct vs_ring_view ring;
  struct vs_event_room event;
};

struct vs_channels {
  struct vs_flight flights[VS_FLIGHTS_MAX];
  unsigned count[VS_FLIGHT_KINDS];
  uint32_t promised[VS_FLIGHT_KINDS];
  uint32_t cookies;
  size_t ring_full_for;  /* the payload that did not fit the request ring; 0: all did */
  struct vs_publish publishes[VS_PUBLISHES_MAX]; /* in order, from the first on */
  unsigned publishes_first, publishes_count;
  int error; /* of what was published: the first since it was told last */
  char error_why[256];
  char *declared; /* what the last vs_channel_get told of: texts */
  struct vs_channel_subscription *subscriptions;
  struct vs_returned { struct vs_buffer_return words; uint64_t cookie; } returns[VS_RETURNS_MAX]; /* not sent yet */
  unsigned returns_count;
  uint64_t returned; /* all over this connection */
  int descriptor; /* an epoll of what there is to hear; -1: nobody asked for it */
  int alarm;      /* in it: when to look for a backend again */
};

/* Hands out what was answered, up to a limit: how many. */
int vs_channels_take_answers(struct vs_device *device);
/* Whether what the descriptor listens to is this connection. */
int vs_channels_watch(struct vs_device *device);
void vs_channels_unwatch(struct vs_device *device);
/* Has the descriptor ring in so many ms, for a look at what rings by itself no more. */
void vs_channels_set_alarm(const struct vs_channels *channels, long ms);
/* Goes on in the region that the backend has for it: 0, also when that has to wait. Of a failure the connection is as good as lost. */
int vs_channels_renew(struct vs_device *device);

enum vs_pump { VS_PUMP_LOOK, VS_PUMP_ARM, VS_PUMP_WAIT };

/* The device's channels, made at the first call. -ENOMEM. */
int vs_channels_of(struct vs_device *device, struct vs_channels **channels);
void vs_channels_free(struct vs_device *device);

/* Takes what came, sends what can be sent. With WAIT it waits, if nothing came, until something may have; with ARM the descriptor rings
 * for what comes from now on. 0; -ETIMEDOUT; -ECONNREFUSED while there is no backend; others. */
int vs_channels_pump(struct vs_device *device, int64_t deadline_ms, enum vs_pump how);
/* Sends a request and waits for its answer: `asked` is zero but for its room. -ECONNRESET when the backend went meanwhile: then nothing is
 * known. */
int vs_channels_ask(struct vs_device *device, uint16_t type, const void *head, size_t head_bytes, const void *body,
                    size_t body_bytes, int64_t deadline_ms, struct vs_asked *asked);

/* One request now: 1 sent, 0 not yet, or an error. */
int vs_channels_send(struct vs_device *device, const struct vs_flight *flight, uint16_t type, uint32_t timeout_ms, const void *head,
                     size_t head_bytes, const void *body, size_t body_bytes);
/* ---- promises (channel_promises.c) ---- */
/* What the flights of a kind may promise together, of a response ring of so many bytes: 13 parts of 16; one record of two more may be
 * lost to the pad, and another is for the backend's word that a region is renewed. */
uint32_t vs_channels_promises_max(uint32_t ring_bytes, enum vs_flight_kind kind);
/* The most that an answer of a kind may have, and what it can hold of the service's own. */
uint32_t vs_channels_room_max(const struct vs_device *device, enum vs_flight_kind kind);
/* For the answer of an ASK: an outcome with its words, and so many bytes more. */
uint32_t vs_channels_ask_room(const struct vs_device *device, size_t more);
/* Whether an answer with so much room may be promised now. */
bool vs_channels_may_promise(const struct vs_device *device, enum vs_flight_kind kind, uint32_t room);
void vs_channels_keep_words(char why[256], const unsigned char *text, size_t bytes);

/* ---- publishing (channel.c) ---- */
int vs_publishes_send(struct vs_device *device);
void vs_publishes_lost(struct vs_channels *channels);
void vs_publish_answered(struct vs_device *device, struct vs_publish *publish, const struct vs_pubsub_outcome *outcome,
                         const unsigned char *text);

/* ---- subscriptions (channel_subscription.c) ---- */
int vs_subscriptions_send(struct vs_device *device);
void vs_subscriptions_lost(struct vs_channels *channels);
/* The response ring is another one: so are their shares of it. Those for which there is none end. */
void vs_subscriptions_share_anew(struct vs_device *device);
/* There is something to receive, or to be told: it ended. */
bool vs_subscription_ready(struct vs_channel_subscription *subscription);
/* Where the next batch goes: room for a whole record. -ENOMEM. */
int vs_subscription_room(struct vs_channel_subscription *subscription, unsigned char **room);
/* `body`: what follows the outcome, if anything: a position, or what there is to read of the broadcast ring. */
void vs_subscription_made(struct vs_channel_subscription *subscription, const struct vs_pubsub_outcome *outcome,
                          const unsigned char *body, size_t body_bytes);
/* The record in the room holds an answer, whose events are those from `at` to `end`. */
void vs_subscription_received(struct vs_channel_subscription *subscription, const struct vs_flight *flight,
                              const struct vs_pubsub_outcome *outcome, size_t at, size_t end);
/* The same with an event that was lent. */
void vs_subscription_lent(struct vs_channel_subscription *subscription, const struct vs_flight *flight,
                          const struct vs_pubsub_outcome *outcome, const struct vs_lent_event *lent);

/* ---- their beginning and end (channel_subscribe.c) ---- */
void vs_subscriptions_free(struct vs_channels *channels);

/* ---- events in the broadcast ring (channel_broadcast.c) ---- */
/* Begins to read the session's ring, before the node is asked: 1; 0 when it has none, or the subscription is none for it. */
int vs_ring_view_begin(struct vs_channel_subscription *subscription);
/* From there on the node sends nothing of it; 0: it sends all. */
void vs_ring_view_made(struct vs_channel_subscription *subscription, uint64_t next);
/* The session has ended: the ring goes with it, an event that was copied stays. */
void vs_ring_view_end(struct vs_ring_view *view);
void vs_ring_view_free(struct vs_ring_view *view);
/* Finds the next event of the subscription's pattern, if there is none yet: 1; 0 none now; -EPROTO, -ENOMEM. */
int vs_ring_view_find(struct vs_channel_subscription *subscription);
/* Reads what was found. -EPROTO. */
int vs_ring_view_read(struct vs_channel_subscription *subscription);
/* Whether nothing is left to be looked at. */
bool vs_ring_view_seen(const struct vs_channel_subscription *subscription);

/* ---- events in frames (channel_frame.c) ---- */
/* The record, a private copy, lends an event to a subscription, or to none: NULL. What it breaks, if it does. */
enum vs_broken vs_channel_frame_came(struct vs_device *device, struct vs_flight flight, const unsigned char *record, size_t bytes);
/* Reads it: 1; 0 when the node took it back before it was; -EPROTO, -ENOMEM. The batch's record is used for the head. */
int vs_lent_event_read(struct vs_batch *batch, struct vs_event_room *room);
/* Copies what was lent and not read yet, and gives the frames back: the node would lend no more. Events for which there is no memory
 * stay where they are. */
void vs_lent_events_copy(struct vs_device *device);
/* Gives it back, if it is one. */
void vs_lent_event_return(struct vs_device *device, struct vs_lent_event *lent);
/* Sends what was given back: 1; 0 when the ring is full. */
int vs_returns_send(struct vs_device *device);

#endif
