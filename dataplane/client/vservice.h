/* libvservice: the frontend. A device is opened, asked and closed like a file; underneath are a region of shared memory, two
 * rings and a doorbell, and behind them a backend on the node.
 *
 * The frontend keeps the session's state: when the backend goes away, waiting calls connect again and repeat what was not
 * answered, so that a restart or a migration of the backend is not seen by the caller. While its domain goes to another node, calls wait
 * within their time: what was not asked before is asked there.
 *
 * Threads: a vs_device is used by one thread at a time; different devices are independent. No globals, no signal handlers,
 * no threads of its own. Fork: the child must not use the parent's device; vs_forget closes the child's copy.
 * Errors: functions return 0 or a negative errno:
 *   -EINVAL        a bad argument                          -ENODEV       the guest has no such device
 *   -EACCES        policy denies this device               -ETIMEDOUT    not within the time given
 *   -ECONNREFUSED  the backend is not there                -EPROTO       the backend broke the ring: the device is disabled
 *   -EMSGSIZE      request or answer too large             -ENOMEM       out of memory, or the backend is out of sessions
 *   -EPROTONOSUPPORT  the backend is of another version     -EOPNOTSUPP   the backend lacks a feature that we need
 *   -EAGAIN        the service cannot answer now           -ESTALE       a file descriptor of the device was closed under us
 *   -ECONNRESET    the backend went before it answered: what was asked may be done or not, nobody knows (of what may not be repeated)
 */
#ifndef VSERVICES_CLIENT_VSERVICE_H
#define VSERVICES_CLIENT_VSERVICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VS_EXPORT __attribute__((visibility("default")))

struct vs_device;

struct vs_stats {
  uint64_t requests;
  uint64_t answers;
  uint64_t doorbells_sent;
  uint64_t doorbells_suppressed;
  uint64_t waits;      /* times the caller waited */
  uint64_t doorbell_pauses; /* times the doorbell was not listened to for a while because it rang in vain */
  uint64_t reconnects;
  uint64_t repeats;    /* requests sent again after a reconnect */
  uint64_t renewals;   /* times the rings were replaced by others while the connection went on */
  uint32_t broken;     /* enum vs_broken of abi/ring.h: what the backend says that this side broke; 0: nothing */
  uint64_t holds;      /* times nothing was asked for because the domain was going to another node */
};

/* Opens device `name` of the service kind `service` ("dns") and waits at most `timeout_ms` for the backend.
 * Devices are sockets in /run/vservice, or in the directory that VSERVICE_DIRECTORY names (ignored in set-uid programs). */
VS_EXPORT int vs_open(const char *name, const char *service, int timeout_ms, struct vs_device **device);
/* The same in the directory named, for programs on the node that stand in for several domains. */
VS_EXPORT int vs_open_in(const char *directory, const char *name, const char *service, int timeout_ms, struct vs_device **device);
VS_EXPORT void vs_close(struct vs_device *device);
/* Closes a device that a fork copied, without telling the backend anything. */
VS_EXPORT void vs_forget(struct vs_device *device);

/* Sends one request of `type` (VS_RECORD_SERVICE and up) and waits at most `timeout_ms` for its answer. `answer_max` is the room
 * that is reserved for the answer in the ring; when it proves too small, the request is repeated with what is needed. An answer that
 * does not pass through the ring (see vs_call_frame) is copied, too; repeated, when the backend took it back before it was.
 * On success `*answer` (valid until the next call on the device) and `*answer_bytes` are the service's answer, a private copy. */
VS_EXPORT int vs_call(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes,
                      size_t answer_max, int timeout_ms, const void **answer, size_t *answer_bytes);

/* The same of a request that must not be done twice: -ECONNRESET when the backend went before it answered, unless it is known not to have
 * taken it; -EMSGSIZE when the answer does not fit `answer_max`, -EAGAIN when it was gone before it was copied: it was done in both cases. */
VS_EXPORT int vs_call_once(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t answer_max,
                           int timeout_ms, const void **answer, size_t *answer_bytes);

/* ---- answers too large to copy ---- */

/* An answer that is read where the backend wrote it. What is at `data` is shared memory: it cannot be written here, and the backend
 * may change it at any moment, so what is parsed is copied first. A frame is lent for a time (a second, mostly) and must be
 * returned. Of an answer that the service copied into the ring, `data` is a private copy and there are no words. */
struct vs_frame {
  const void *data;  /* readable until the frame is returned, or the device closed */
  size_t bytes;
  const void *words; /* what the service says about the data: a private copy, valid until the next call on the device */
  size_t words_bytes;
  uint32_t connection, pool, buffer, generation; /* the library's own, as is the next */
  uint64_t cookie;
};

/* Like vs_call, but an answer too large for the ring is not copied. `answer_max` is the room for the words alone.
 * -EAGAIN, too, when this guest holds as many frames as it may. vs_call gives the words and the data, both copied, in one piece. */
VS_EXPORT int vs_call_frame(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes,
                            size_t answer_max, int timeout_ms, struct vs_frame *frame);
/* To be asked after the data were used: 1 when they were the answer all the time; 0 when the backend took them back meanwhile, or
 * the device has connected again since: what was made of them is to be thrown away. The frame is returned all the same. */
VS_EXPORT int vs_frame_current(const struct vs_device *device, const struct vs_frame *frame);
/* Gives the frame back: once, whatever became of it. Zeroes it; one of zeros may be returned for nothing. 0; -EINVAL when it is not
 * one of this device's; -EPROTO. */
VS_EXPORT int vs_frame_return(struct vs_device *device, struct vs_frame *frame);

/* 1 when the device still is what was opened: its descriptor was not closed, or closed and used again, by the program. */
VS_EXPORT int vs_alive(const struct vs_device *device);

/* At which level the node serves this device: 0 as promised, up to VS_LEVEL_MAX (abi/ring.h), the more the worse: its objectives are missed,
 * or requests of it are answered -EAGAIN because there is too much to do. To be asked now and then, or after a -EAGAIN: what to do without
 * then the program knows best. It goes down by itself when that helped. 0 also while there is no backend. See docs/sla.md. */
VS_EXPORT int vs_level(struct vs_device *device);

VS_EXPORT void vs_get_stats(const struct vs_device *device, struct vs_stats *stats);

/* ---- dns devices (service "dns") ---- */

struct vs_dns_result_address {
  int family; /* AF_INET or AF_INET6 */
  uint32_t ttl_s;
  uint8_t bytes[16]; /* network order; AF_INET: the first 4 */
};

struct vs_dns_result_set {
  int result;                 /* enum vs_dns_result of abi/dns.h */
  const char *canonical_name; /* after CNAMEs, no final dot; NULL when nothing was found */
  size_t address_count;
  const struct vs_dns_result_address *addresses;
  size_t name_count; /* reverse lookups */
  const char *const *names;
};

/* Looks `name` up (text, zero-terminated); `family` is AF_UNSPEC (A and AAAA in one request), AF_INET or AF_INET6.
 * A name that cannot exist (empty, a label over 63 bytes, over 253 in all) answers VS_DNS_NO_NAME without asking.
 * On success `*answer` is to be freed with vs_dns_free. */
VS_EXPORT int vs_dns_resolve(struct vs_device *device, const char *name, int family, int timeout_ms,
                             struct vs_dns_result_set **answer);
/* What the service keeps ready for this guest, in memory that it may read: an answer that is there is found without asking, and without any
 * system call. vs_dns_resolve looks here first; programs need not. Thread-safe, and stays good after the device is closed. */
struct vs_dns_table;
/* The table of a device; NULL when it has none (a domU has none). To be dropped once; NULL may be, too. */
VS_EXPORT struct vs_dns_table *vs_dns_table_hold(const struct vs_device *device);
VS_EXPORT void vs_dns_table_drop(struct vs_dns_table *table);
/* As vs_dns_resolve. 1 when the answer was there, 0 when it has to be asked for. */
VS_EXPORT int vs_dns_table_find(struct vs_dns_table *table, const char *name, int family, struct vs_dns_result_set **answer);

/* The names of `address` (4 or 16 bytes by `family`, network order). */
VS_EXPORT int vs_dns_resolve_address(struct vs_device *device, const void *address, int family, int timeout_ms,
                                     struct vs_dns_result_set **answer);
VS_EXPORT void vs_dns_free(struct vs_dns_result_set *answer);

/* ---- group communication: devices of kind "pubsub" ---- */

/* What an attribute holds; the others are 0. Text need not end with a zero. */
struct vs_channel_value {
  int type; /* enum vs_event_type of abi/pubsub.h */
  int64_t integer; /* of int and bool */
  double real;
  const char *text; /* of string and bytes */
  size_t text_bytes;
};
struct vs_channel_attribute {
  const char *name;
  struct vs_channel_value value;
};

/* An event, to be published or as it was received. */
struct vs_channel_event {
  const char *channel;      /* "market.stocks.IBM" */
  const char *key;          /* what it is the newest value of; NULL or "": nothing */
  const char *content_type; /* NULL or "": not said */
  const void *payload;
  size_t payload_bytes;
  const struct vs_channel_attribute *attributes;
  size_t attribute_count;
  uint32_t expires_ms; /* after its publishing it is not delivered any more; 0: never */
  int priority;        /* 0: the usual, to 3: where several wait on the node for a reader, those of a higher one are handed out first */
  /* Of a received one only: */
  uint64_t sequence;     /* of its channel, from 1; of an at-least-once channel: of all of these, growing */
  uint64_t published_ns; /* since 1970, UTC, by the node's clock */
  uint64_t missed;       /* events of this subscription that were lost right before it */
  int retained;          /* it was published before this subscription began */
  int again;             /* it was or may have been published before: its publisher did not hear that it was accepted */
};

struct vs_channel_options {
  const char *pattern;  /* a channel's name, "*" for any one part, ">" at the end for all the rest */
  const char *filter;   /* NULL or "": everything; else an expression: "attributes.price > 100 && channel.endsWith('.IBM')" */
  uint32_t events_max;  /* that wait on the node; 0: 1024 */
  uint32_t bytes_max;   /* 0: 1 MiB */
  int overflow;         /* enum vs_pubsub_overflow of abi/pubsub.h */
  int retained;         /* begin with the newest event of each channel */
  int adapt;            /* enum vs_channel_adapt: what to do without while vs_level() is above 0; 0: nothing */
};

/* What the node does for a subscription while its device is served at a level above 0. */
enum vs_channel_adapt {
  VS_CHANNEL_ADAPT_LATEST = 1 << 0, /* of events with the same channel and key only the newest waits */
  VS_CHANNEL_ADAPT_FEWER = 1 << 1   /* at level n no events of a priority below n; they count as missed */
};

/* Of a channel: all 0 but `retained` is what a channel has that nobody said anything about. */
struct vs_channel_parameters {
  uint32_t event_bytes_max; /* a larger event is refused with -EMSGSIZE; 0: the service's own limit */
  uint32_t expires_ms;      /* of events that do not say it themselves; 0: never */
  int retained;             /* the newest event is kept for those who subscribe later */
  uint32_t subscribers;     /* these two are told only */
  uint64_t sequence;        /* of the newest event; 0: there was none */
  const char *content_type; /* that events must have; NULL or "": any */
  const char *schema;       /* which attributes they have: "price double required, symbol string"; behind ", ..." others, too; NULL or "":
                               any. An event that breaks it is refused with -EINVAL, a filter that does not fit it, too. */
  /* A derived channel has a source; the node makes its events of those of its source, and nobody publishes to it (-EACCES). Needs the
   * rights to subscribe to the source and to publish to the channel. */
  const char *source;    /* a channel's name, or a pattern; NULL or "": it is not derived, and the next two are so, too */
  const char *filter;    /* of which of their events; as of a subscription */
  const char *operators; /* what is made of them: "onchange attributes.price | throttle 10"; docs/channels.md has the language */
};

struct vs_channel_subscription;

/* What can be done without waiting, and what is to be told. */
enum vs_channel_ready {
  VS_CHANNEL_IN = 1 << 0,    /* a subscription has an event, or has ended */
  VS_CHANNEL_OUT = 1 << 1,   /* there is room to publish */
  VS_CHANNEL_GAP = 1 << 2,   /* a subscription has lost events */
  VS_CHANNEL_ERROR = 1 << 3, /* a queued event was refused: vs_channel_fsync tells why */
  VS_CHANNEL_GONE = 1 << 4,  /* there is no backend now */
  VS_CHANNEL_LEVEL = 1 << 6, /* vs_level() is another one than when it was asked last */
  VS_CHANNEL_AWAY = 1 << 5   /* other nodes are out of reach of a subscription to channels that are shared with them */
};

/* Events of one device are pipelined: several requests are on their way at once, each with as many events as fit. Once a device is used for
 * channels vs_call on it is -EBUSY. */

/* Queues `count` events, in order: how many, or what is wrong with the first (-EINVAL; -EMSGSIZE: larger than an eighth of the request
 * ring). Waits only for room. The node judges them later: the first that it refuses is told, once, by the next of these calls, which then
 * queues nothing, or by vs_channel_fsync (-EACCES: no right to the channel; -EAGAIN: over the rate; -EMSGSIZE: over the channel's
 * limit); vs_channel_why has the words. What was queued right before the program ends or closes the device may be lost: vs_channel_fsync
 * first. When the backend restarts meanwhile, an event may be published twice. */
VS_EXPORT int vs_channel_publish(struct vs_device *device, const struct vs_channel_event *events, size_t count, int timeout_ms);
/* Waits until all that was queued before is accepted by the node, or refused: 0, or the first refusal since the last one told.
 * -ETIMEDOUT: they are still on their way. */
VS_EXPORT int vs_channel_fsync(struct vs_device *device, int timeout_ms);
/* Creates a channel with parameters (NULL: the usual ones). -EBUSY: there is one, or it would be derived from itself. Publishing to one that is not there creates it, too. */
VS_EXPORT int vs_channel_create(struct vs_device *device, const char *channel, const struct vs_channel_parameters *parameters,
                                int timeout_ms);
/* -ENOENT: nobody published to it or created it. The texts are valid until the next vs_channel_get on the device, and never NULL. */
VS_EXPORT int vs_channel_get(struct vs_device *device, const char *channel, struct vs_channel_parameters *parameters,
                             int timeout_ms);
/* All of them, in the place of those it has. -EBUSY: the schema does not fit the filter of a subscription to this channel. */
VS_EXPORT int vs_channel_set(struct vs_device *device, const char *channel, const struct vs_channel_parameters *parameters,
                             int timeout_ms);
/* Waits until one of `wanted` (enum vs_channel_ready) or VS_CHANNEL_ERROR holds: all that hold, 0 when none came to in time. */
VS_EXPORT int vs_channel_poll(struct vs_device *device, int wanted, int timeout_ms);
/* A descriptor for loops of the program's own (poll, epoll: readable), the same as long as the device is open; not to be read or closed.
 * When it is readable, and once before: vs_channel_poll with a timeout of 0, which has it ring for what comes from then on; then each
 * subscription is to be received from, with a timeout of 0, until there is nothing. Or -ENOMEM. */
VS_EXPORT int vs_channel_descriptor(struct vs_device *device);
/* At most 40 of one device, and as many as its response ring has room for: -ENOMEM. */
VS_EXPORT int vs_channel_subscribe(struct vs_device *device, const struct vs_channel_options *options, int timeout_ms,
                                   struct vs_channel_subscription **subscription);
/* The next event: 1, and it is at `*event` until the next call; 0: none came in time. After a restart of the backend the subscription
 * begins anew by itself, and the next event has `missed` of at least 1: how many were lost then nobody knows.
 * -EPIPE: it was too slow, and has ended. */
VS_EXPORT int vs_channel_receive(struct vs_channel_subscription *subscription, int timeout_ms, const struct vs_channel_event **event);
/* A payload over 64 KiB may be read where the node wrote it, with nobody's copy: it is shared memory, valid until the next call, but after
 * a second the node may take it back. To be asked after the payload of the last event was used: 1 when it was the event's all the time, 0
 * when what was made of it is to be thrown away. Of a smaller one, always 1. */
VS_EXPORT int vs_channel_current(struct vs_channel_subscription *subscription);
/* Is through with the last event, before the next is received: it is not used any more. Who waits long between events and keeps the
 * memory of large ones meanwhile may lose others. 0, -EPROTO, -ESTALE. */
VS_EXPORT int vs_channel_release(struct vs_channel_subscription *subscription);
/* -EINVAL: it is none, and the old one stays. */
VS_EXPORT int vs_channel_filter(struct vs_channel_subscription *subscription, const char *filter, int timeout_ms);
VS_EXPORT int vs_channel_unsubscribe(struct vs_channel_subscription *subscription, int timeout_ms); /* frees it in any case */
/* Why the last call of these on the device failed, in words; "" when the service did not say. Valid until the next call. */
VS_EXPORT const char *vs_channel_why(const struct vs_device *device);

#ifdef __cplusplus
}
#endif
#endif
