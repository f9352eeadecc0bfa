/* What the frontend needs of a transport: a region that both sides share, and a doorbell each way. One file for each transport;
 * session.c knows no other difference between them.
 *
 * Nothing here may last longer than its deadline, whatever the backend does to what it shares with us. One thread at a time.
 * Errors as in vservice.h. */
#ifndef VSERVICES_CLIENT_TRANSPORT_H
#define VSERVICES_CLIENT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/client/answers.h"
#include "dataplane/client/broadcast.h"
#include "dataplane/client/pool.h"
#include "dataplane/client/xen.h"

enum { VS_LINK_DESCRIPTORS_MAX = 2 };

/* What is opened. */
struct vs_opening {
  const char *path;    /* where the device is found: its last part is the device's name */
  const char *service; /* the kind */
  uint32_t generation;
  int64_t deadline_ms;
  uint64_t ticket; /* of the session whose region is to be renewed, without any pool; 0: one begins */
};

/* What an open device has: the region, mapped read-only, with nothing in it believed yet; and the pool that the service lends from,
 * judged: memory NULL when there is none. */
struct vs_shared {
  unsigned char *region;
  size_t region_bytes;
  struct vs_borrowed_pool pool;
  struct vs_mapped_broadcast broadcast; /* the same: bytes 0 when there is none */
  struct vs_mapped_answers answers;     /* the same */
};

struct vs_local_link {
  int socket; /* its end is the session's end */
  uint64_t socket_device, socket_inode; /* tell our socket from whatever else got its number */
  int epoll; /* watches the socket's end and the backend's doorbell */
  int bell;  /* ours */
};

/* One connection, by whichever transport. */
union vs_link {
  struct vs_local_link local;
  struct vs_xen_link xen;
};

struct vs_transport {
  /* Connects and shakes hands. Of a failure nothing is left. -ENODEV when there is no such device, -EPROTONOSUPPORT or -EOPNOTSUPP
   * when the backend does not speak our version or features. */
  int (*open)(union vs_link *link, const struct vs_opening *opening, struct vs_shared *shared);
  /* Makes one of our own parts of the region writable. */
  int (*make_writable)(const struct vs_shared *shared, uint32_t offset, size_t bytes);
  void (*unmap)(struct vs_shared *shared); /* the region, not the pool */
  /* Closes what is ours, and nothing that the program has put in its place. */
  void (*close)(union vs_link *link);
  /* True when the link's descriptors still are what was opened. */
  bool (*alive)(const union vs_link *link);
  /* Wakes the backend. -ECONNRESET when it is gone. */
  int (*ring)(union vs_link *link);
  /* Sleeps until a doorbell, at most until the deadline (one in the past: hears what rang): 0 woken (perhaps for nothing), -ETIMEDOUT, -ECONNRESET, -ESTALE. */
  int (*sleep)(union vs_link *link, int64_t deadline_ms);
  /* What becomes readable when there is something that `sleep` would wake for. */
  int (*descriptors)(const union vs_link *link, int fds[VS_LINK_DESCRIPTORS_MAX]);
  /* 0 while the backend is there; else -ECONNRESET or -ESTALE. */
  int (*look)(union vs_link *link);
};

extern const struct vs_transport vs_local_transport;
extern const struct vs_transport vs_xen_transport;

#endif
