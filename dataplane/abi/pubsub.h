/* The operations of a pubsub device, and events as they stand in its requests and answers. Requests follow struct vs_request, answers
 * follow struct vs_answer. All numbers little-endian; sizes are bytes.
 *
 *   event      = vs_event channel key content_type *attribute payload padding   ; in this order, without separators
 *   attribute  = vs_event_attribute name value
 *
 * An event begins on a multiple of 8 and is padded with zeros up to the next; several stand one behind the other. A publisher leaves
 * sequence and published_ns 0. Where events were lost a reader finds a gap: a vs_event alone, with VS_EVENT_GAP, whose sequence is how
 * many were lost there, which may be 0 if it says something else, too. */
#ifndef VSERVICES_ABI_PUBSUB_H
#define VSERVICES_ABI_PUBSUB_H

#include <assert.h>
#include <stdint.h>

enum vs_pubsub_operation {
  VS_PUBSUB_PUBLISH = 256,     /* events -> outcome, value: how many were taken; the others were refused, the first of them as it says.
                                  What is no event ends the request there. A session's events are taken in their order. */
  VS_PUBSUB_SUBSCRIBE = 257,   /* vs_pubsub_subscribe, pattern, filter -> outcome, value: the subscription; then, if the pattern meets
                                  channels that are at least once and it is known, a uint64_t: their sequence that it begins after */
  VS_PUBSUB_UNSUBSCRIBE = 258, /* vs_pubsub_subscription -> outcome */
  VS_PUBSUB_FILTER = 259,      /* vs_pubsub_subscription, filter -> outcome; the old filter stays when this one is none. Of a subscription
                                  that reads broadcasts: outcome, vs_pubsub_broadcast; from there on all is sent again */
  VS_PUBSUB_RECEIVE = 260,     /* vs_pubsub_receive -> outcome and events, as many as the answer has room for; none when nothing came
                                  in its time; value: how many wait behind them */
  /* A definition is vs_pubsub_parameters and the channel's name; with VS_PUBSUB_DECLARED vs_pubsub_parameters, vs_pubsub_declaration,
   * and the texts that it has the lengths of, in its order. */
  VS_PUBSUB_CREATE = 261,      /* definition -> outcome; conflict when there is one, or it would be derived from itself */
  VS_PUBSUB_GET = 262,         /* channel -> outcome, vs_pubsub_parameters, and, when something is declared, vs_pubsub_declaration and its
                                  texts, without the channel; too large: `value` says how much room it needs */
  VS_PUBSUB_SET = 263          /* definition -> outcome; conflict when its schema does not fit an installed filter */
};

/* First in every answer: what came of it. Subscriptions are their session's, and end with it. */
struct vs_pubsub_outcome {
  uint32_t result;     /* enum vs_status; too large: `value` says how much room a receive needs for the next event */
  uint32_t text_bytes; /* of why not, in words, which follow; 0 with VS_STATUS_OK */
  uint64_t value;
};
static_assert(sizeof(struct vs_pubsub_outcome) == 16, "outcome");

/* What gives way when a subscriber's queue is full. */
enum vs_pubsub_overflow {
  VS_PUBSUB_DROP_OLDEST = 0,    /* of the lowest priority */
  VS_PUBSUB_DROP_NEWEST = 1,
  VS_PUBSUB_LATEST = 2,         /* a newer event takes the place of one with the same channel, key and priority; else as drop oldest */
  VS_PUBSUB_BLOCK = 3,          /* the publisher waits, for at most its request's time; then as drop newest */
  VS_PUBSUB_DISCONNECT_SLOW = 4 /* the subscription ends */
};

enum vs_pubsub_subscribe_flags {
  VS_PUBSUB_RETAINED = 1 << 0, /* begin with the newest event of each channel that was published before */
  VS_PUBSUB_RESUME = 1 << 1,   /* of channels that are at least once: begin after the event of that sequence, a uint64_t that stands
                                  before the pattern; all such channels of a service share one sequence */
  /* While the session is served at a level above 0 (abi/ring.h, level): */
  VS_PUBSUB_ADAPT_LATEST = 1 << 3, /* as VS_PUBSUB_LATEST */
  VS_PUBSUB_ADAPT_FEWER = 1 << 4,  /* at level n no events of a priority below n; a gap tells of them */
  VS_PUBSUB_BROADCAST = 1 << 2 /* the session's broadcast ring is read: events that stand there need not be sent. It then is answered with
                                  vs_pubsub_broadcast behind the outcome, unless a sequence stands there: such a subscription is sent all */
};

/* What a subscription has to look for in the broadcast ring (abi/broadcast.h), whose records each are an event of any channel. Those of its
 * pattern from `next` on are for it, and are not sent; all others are. It is told from a sequence by its size. */
struct vs_pubsub_broadcast {
  uint64_t next;     /* sequence number of the ring; 0: all are sent */
  uint64_t reserved; /* 0 */
};
static_assert(sizeof(struct vs_pubsub_broadcast) == 16, "broadcast");

struct vs_pubsub_subscribe {
  uint32_t events_max; /* of the queue; 0: the service's default */
  uint32_t bytes_max;  /* the same */
  uint8_t overflow;    /* enum vs_pubsub_overflow */
  uint8_t flags;       /* enum vs_pubsub_subscribe_flags */
  uint16_t pattern_bytes;
  uint32_t filter_bytes; /* 0: everything */
};
static_assert(sizeof(struct vs_pubsub_subscribe) == 16, "subscribe");

struct vs_pubsub_subscription {
  uint64_t subscription;
};
static_assert(sizeof(struct vs_pubsub_subscription) == 8, "subscription");

enum vs_pubsub_receive_flags {
  VS_PUBSUB_SKIP = 1 << 0, /* lose the next event first: it is larger than this guest can ever take */
  VS_PUBSUB_LOOKS = 1 << 1 /* behind the words stands the sequence number that comes next in the broadcast ring for this guest: it is
                              answered, too, when that is there */
};

struct vs_pubsub_receive {
  uint64_t subscription;
  uint32_t wait_ms; /* shorter than the request's own time, so that the answer comes within it */
  uint32_t flags; /* enum vs_pubsub_receive_flags */
};
static_assert(sizeof(struct vs_pubsub_receive) == 16, "receive");

/* Of a large event a receive is answered by a buffer (abi/buffer.h) that holds all its bytes, and it alone. Behind the descriptor stand
 * an outcome and these words. An outcome that says exhausted: the guest holds as many buffers as it may; the event waits. */
struct vs_pubsub_frame {
  uint64_t missed;     /* events lost right before it */
  uint32_t head_bytes; /* what stands before its payload */
  uint16_t flags;      /* enum vs_event_flags, instead of those in the buffer: retained, or none */
  uint16_t reserved;   /* 0 */
};
static_assert(sizeof(struct vs_pubsub_frame) == 16, "frame");

enum vs_pubsub_parameter_flags {
  VS_PUBSUB_NOT_RETAINED = 1 << 0, /* the newest event is not kept for those who subscribe later */
  VS_PUBSUB_DECLARED = 1 << 8      /* a declaration follows */
};

/* Of a channel. */
struct vs_pubsub_parameters {
  uint32_t event_bytes_max; /* a larger event is refused as too large; 0: the service's own limit */
  uint32_t expires_ms;      /* of events that do not say it themselves; 0: never */
  uint32_t flags;           /* enum vs_pubsub_parameter_flags */
  uint32_t subscribers;     /* these two are told only, and 0 in a request */
  uint64_t sequence;        /* of the newest event; 0: there was none */
};
static_assert(sizeof(struct vs_pubsub_parameters) == 24, "parameters");

/* What a channel says of its events, and how it comes by them. An empty text says nothing; see docs/channels.md for their languages. */
struct vs_pubsub_declaration {
  uint16_t channel_bytes;
  uint16_t content_type_bytes; /* that events must have */
  uint16_t schema_bytes;       /* "price double required, symbol string, ..." */
  uint16_t source_bytes;       /* a channel's name, or a pattern: it is derived from those, and nobody publishes to it */
  uint16_t filter_bytes;       /* with a source only: of which of their events; as of a subscription */
  uint16_t operators_bytes;    /* the same: what is made of them: "onchange attributes.price | throttle 10" */
  uint16_t reserved[2];        /* 0 */
};
static_assert(sizeof(struct vs_pubsub_declaration) == 16, "declaration");

enum {
  VS_PUBSUB_SUBSCRIPTIONS_MAX = 40, /* of one session */
  VS_DECLARATION_BYTES_MAX = 16384, /* of a declaration's texts */
  VS_CHANNEL_BYTES_MAX = 255,
  VS_EVENT_KEY_BYTES_MAX = 255,
  VS_EVENT_CONTENT_TYPE_BYTES_MAX = 127,
  VS_EVENT_ATTRIBUTES_MAX = 64,
  VS_EVENT_ATTRIBUTE_NAME_BYTES_MAX = 64,
  VS_EVENT_ATTRIBUTE_BYTES_MAX = 4096, /* of a value */
  VS_EVENT_PRIORITIES = 4,
  VS_EVENT_ALIGN = 8,
  /* All before the payload: 40, the three names, and the attributes. */
  VS_EVENT_HEAD_BYTES_MAX = 40 + VS_CHANNEL_BYTES_MAX + VS_EVENT_KEY_BYTES_MAX + VS_EVENT_CONTENT_TYPE_BYTES_MAX +
                            VS_EVENT_ATTRIBUTES_MAX * (4 + VS_EVENT_ATTRIBUTE_NAME_BYTES_MAX + VS_EVENT_ATTRIBUTE_BYTES_MAX)
};

enum vs_event_flags {
  VS_EVENT_GAP = 1 << 0,      /* no event: so many were lost here */
  VS_EVENT_RETAINED = 1 << 1, /* was published before this reader subscribed */
  VS_EVENT_AGAIN = 1 << 2,    /* was or may have been published before; a publisher sets it when it does not know */
  VS_EVENT_AWAY = 1 << 3,     /* with GAP: from here on other nodes are out of reach; may be told more than once */
  VS_EVENT_BACK = 1 << 4,     /* with GAP: they are in reach again */
  VS_EVENT_STORED = 1 << 5    /* of a channel that is at least once: its sequence is that of all such channels of the service */
};

struct vs_event {
  uint32_t bytes; /* of the whole event, padding included */
  uint16_t flags; /* enum vs_event_flags; of a publisher's 0 or AGAIN */
  uint16_t attribute_count;
  uint64_t sequence;     /* of the channel, from 1; of a gap: how many were lost */
  uint64_t published_ns; /* since 1970, UTC, by the node's clock */
  uint32_t expires_ms;   /* after its publishing it is not delivered any more; 0: never */
  uint32_t payload_bytes;
  uint16_t channel_bytes;
  uint16_t key_bytes; /* what the newest value is of, for those who want the latest only; may be empty */
  uint16_t content_type_bytes;
  uint8_t priority; /* 0: the usual; less than VS_EVENT_PRIORITIES: handed out before those of a lower one that wait */
  uint8_t reserved; /* 0 */
};
static_assert(sizeof(struct vs_event) == 40, "event");

enum vs_event_type { VS_EVENT_BOOL = 1, VS_EVENT_INT = 2, VS_EVENT_DOUBLE = 3, VS_EVENT_STRING = 4, VS_EVENT_BYTES = 5 };

struct vs_event_attribute {
  uint8_t type; /* enum vs_event_type; bool is one byte 0 or 1, int and double are eight */
  uint8_t name_bytes;
  uint16_t value_bytes;
};
static_assert(sizeof(struct vs_event_attribute) == 4, "attribute");

#endif
