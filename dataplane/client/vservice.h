/* libvservice: the frontend. A device is opened, asked and closed like a file; underneath are a region of shared memory, two
 * rings and a doorbell, and behind them a backend on the node.
 *
 * The frontend keeps the session's state: when the backend goes away, waiting calls connect again and repeat what was not
 * answered, so that a restart or a migration of the backend is not seen by the caller.
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
  uint32_t broken;     /* enum vs_broken of abi/ring.h: what the backend says that this side broke; 0: nothing */
};

/* Opens device `name` of the service kind `service` ("dns") and waits at most `timeout_ms` for the backend.
 * Devices are sockets in /run/vservice, or in the directory that VSERVICE_DIRECTORY names (ignored in set-uid programs). */
VS_EXPORT int vs_open(const char *name, const char *service, int timeout_ms, struct vs_device **device);
VS_EXPORT void vs_close(struct vs_device *device);
/* Closes a device that a fork copied, without telling the backend anything. */
VS_EXPORT void vs_forget(struct vs_device *device);

/* Sends one request of `type` (VS_RECORD_SERVICE and up) and waits at most `timeout_ms` for its answer. `answer_max` is the room
 * that is reserved for the answer in the ring; when it proves too small, the request is repeated with what is needed. An answer that
 * does not pass through the ring (see vs_call_frame) is copied, too; repeated, when the backend took it back before it was.
 * On success `*answer` (valid until the next call on the device) and `*answer_bytes` are the service's answer, a private copy. */
VS_EXPORT int vs_call(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes,
                      size_t answer_max, int timeout_ms, const void **answer, size_t *answer_bytes);

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
/* The names of `address` (4 or 16 bytes by `family`, network order). */
VS_EXPORT int vs_dns_resolve_address(struct vs_device *device, const void *address, int family, int timeout_ms,
                                     struct vs_dns_result_set **answer);
VS_EXPORT void vs_dns_free(struct vs_dns_result_set *answer);

#ifdef __cplusplus
}
#endif
#endif
