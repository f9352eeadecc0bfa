/* What a vs_device is made of, for the files of this library. vservice.h says what it does.
 *
 * One thread at a time. Errors as in vservice.h. */
#ifndef VSERVICES_CLIENT_DEVICE_H
#define VSERVICES_CLIENT_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/local.h"
#include "dataplane/client/session.h"
#include "dataplane/client/vservice.h"

/* The pool of one connection. Stays mapped as long as the connection, or a frame out of it: the program may be reading it. */
struct vs_frame_pool {
  struct vs_frame_pool *next;
  struct vs_borrowed_pool borrowed;
  uint32_t connection; /* the device's generation at that time */
  uint32_t frames;     /* that the program has not returned */
};

/* Everything the session needs to begin anew elsewhere: the backend can be forgotten at any time. */
struct vs_device {
  char *path;
  char service[VS_LOCAL_SERVICE_BYTES + 1];
  struct vs_session session;
  bool connected;
  bool disabled;       /* the backend broke the ring: nothing is believed any more */
  uint32_t generation; /* connects so far; upper half of the cookies */
  uint32_t requests;   /* lower half */
  int64_t renew_at_ms; /* not before then is its region renewed, after it could not be */
  unsigned char *answer;
  size_t answer_bytes_max;
  struct vs_frame_pool *pools;
  struct vs_dns_table *table; /* of the latest connection that had one; NULL: none */
  struct vs_channels *channels; /* NULL until one is used; from then on requests go through them alone */
  char why[256]; /* the service's last word about a channel */
  uint32_t level_told; /* by vs_level, last */
  int64_t hold_until_ms;  /* as long as the backend says that the domain moves: nothing is asked for before; 0: it does not */
  int64_t moved_until_ms; /* a session ended so: until then the next backend is about to be there */
  struct vs_stats stats;
};

/* How one request was answered. */
struct vs_reply {
  uint64_t cookie;
  size_t payload_bytes;       /* of the record, whose private copy is at device->answer, until the next request */
  struct vs_frame_pool *pool; /* the answer is `buffer` in it, to be given back once; NULL: it is the payload alone */
  struct vs_buffer buffer;
};

/* What a caller is told of enum vs_status: 0 or a negative errno. */
int vs_errno_of_status(uint32_t status);
/* Has device->answer hold at least so many bytes; what is in it stays. -ENOMEM. */
int vs_device_make_room(struct vs_device *device, size_t bytes);
/* Connects; with `again`, as often as it takes until the deadline, for a backend that restarts is back within milliseconds. Without, once,
 * for at most a second. -ENODEV at once of a device that never was there. */
int vs_device_connect(struct vs_device *device, int64_t deadline_ms, bool again);
void vs_device_disconnect(struct vs_device *device);
/* Whether the device is to go on in another region (abi/region.h), and it is time to try. */
bool vs_device_renewal_due(const struct vs_device *device);
/* Opens that region. Of a failure nothing is left but that it is not tried again for a while. */
int vs_device_open_next(struct vs_device *device, struct vs_session *next);
/* Says in the old ring that requests come in the next one from now on, and waits until the backend says the same of its answers. Of a
 * failure `next` is closed, and the connection as good as lost. What was answered before is to be taken then, before it is followed. */
int vs_device_announce_next(struct vs_device *device, struct vs_session *next);
/* Follows. -ENOMEM: the same as a failure above. */
int vs_device_go_on_in(struct vs_device *device, struct vs_session *next);
/* Shows the backend what was put into the request ring, and wakes it if it asked for that. */
int vs_device_publish(struct vs_device *device);
/* The level at which the backend says that it serves, at most VS_LEVEL_MAX; 0 without one. */
uint32_t vs_device_level(const struct vs_device *device);
int vs_device_ring_if(struct vs_device *device, bool asked);
/* Puts one record into the request ring, of two parts; waits while the ring is full. */
int vs_device_put(struct vs_device *device, uint16_t type, uint64_t cookie, const void *head, size_t head_bytes, const void *body,
                  size_t body_bytes, int64_t deadline_ms);
/* A request that is not answered because its backend went: asked again, or only when it was not taken (else -ECONNRESET). */
enum vs_repeat { VS_REPEAT_ALWAYS, VS_REPEAT_UNTAKEN };
/* Asks and waits for the answer, with room for a record of `record_bytes`; connects and repeats where that is needed. */
int vs_device_call(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t record_bytes,
                   int64_t deadline_ms, enum vs_repeat repeat, struct vs_reply *reply);
/* ---- while the domain goes to another node (migration.c) ---- */
/* Whether nothing is to be asked for now. */
bool vs_device_holds(struct vs_device *device);
/* Waits until that is over: 0; -ETIMEDOUT; -ECONNRESET when the session has ended, and others. */
int vs_device_hold(struct vs_device *device, int64_t deadline_ms);
/* Until when to wait for an answer at most, before it is seen whether it is over. */
int64_t vs_device_hold_deadline(const struct vs_device *device, int64_t deadline_ms);
/* The session is about to be closed. */
void vs_device_session_ended(struct vs_device *device);
/* Whether the next backend is about to be there. */
bool vs_device_moves(const struct vs_device *device);
/* Of a session that has ended: whether the backend never took what was put into the request ring from that position on. */
bool vs_device_untaken(const struct vs_device *device, uint32_t before);

/* Gives a buffer of this connection back. When that cannot be done the connection ends, and all is given back with it. -EPROTO. */
int vs_device_give_back(struct vs_device *device, const struct vs_buffer *buffer, uint64_t cookie);

/* Takes the session's table of answers over, in place of the one before. -ENOMEM. */
int vs_dns_table_begin(struct vs_device *device);
/* What an answer over the ring, or in a table for `age_s`, says. -EPROTO, -ENOMEM. */
int vs_dns_decode_addresses(const unsigned char *answer, size_t bytes, uint32_t age_s, struct vs_dns_result_set **decoded);

/* Takes the session's pool over, for the connection that begins. -ENOMEM. */
int vs_frame_pools_begin(struct vs_device *device);
/* Unmaps the pools of earlier connections out of which no frame is left. With `all`, every one. */
void vs_frame_pools_sweep(struct vs_device *device, bool all);
/* The pool of a connection; NULL when it had none. */
struct vs_frame_pool *vs_frame_pool_of(const struct vs_device *device, uint32_t connection);

#endif
