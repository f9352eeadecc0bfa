/* One connection to a backend: the socket, the region and the two rings, and the pool that the service lends from, if it does. Made by vs_session_open, gone with vs_session_close.
 *
 * One thread at a time. Errors as in vservice.h. */
#ifndef VSERVICES_CLIENT_SESSION_H
#define VSERVICES_CLIENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "dataplane/client/pool.h"
#include "dataplane/client/ring.h"
#include "dataplane/client/wait.h"

struct vs_session {
  int socket; /* doorbells both ways; its end is the session's end */
  dev_t socket_device;
  ino_t socket_inode; /* tells our socket from whatever else got its number */
  unsigned char *region;
  size_t region_bytes;
  struct vs_producer requests;
  struct vs_consumer answers;
  struct vs_borrowed_pool pool; /* memory NULL: there is none, or who opened the session has taken it over */
  int receive_timeout_ms; /* as set on the socket */
  struct vs_wait wait;
};

/* Milliseconds of the monotonic clock; deadlines are such times. */
int64_t vs_now_ms(void);

/* Connects to the socket `path`, whose last part is the device's name, and shakes hands for the service kind `service`. -ENODEV
 * when there is no such socket, -EPROTONOSUPPORT or -EOPNOTSUPP when the backend does not speak our version or features. */
int vs_session_open(struct vs_session *session, const char *path, const char *service, uint32_t generation,
                    int64_t deadline_ms);
void vs_session_close(struct vs_session *session);

/* True when the descriptor still is our socket. */
bool vs_session_alive(const struct vs_session *session);

/* Wakes the backend. -ECONNRESET when it is gone. */
int vs_session_ring_doorbell(struct vs_session *session);
/* What the backend says that this side broke, enum vs_broken; 0: nothing. */
uint32_t vs_session_broken(const struct vs_session *session);
/* Sleeps until a doorbell, at most until the deadline: 0 woken (perhaps for nothing), -ETIMEDOUT, -ECONNRESET, -ESTALE. */
int vs_session_sleep(struct vs_session *session, int64_t deadline_ms);
/* Waits for an answer as the region says: looks, sleeps, or both. The same results; 0 also when there is one already. */
int vs_session_wait(struct vs_session *session, int64_t deadline_ms);

#endif
