/* One connection to a backend: the link to it, the two rings in the region that it shares, and the pool that the service lends
 * from, if it does. Made by vs_session_open, gone with vs_session_close.
 *
 * One thread at a time. Errors as in vservice.h. */
#ifndef VSERVICES_CLIENT_SESSION_H
#define VSERVICES_CLIENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/client/ring.h"
#include "dataplane/client/transport.h"
#include "dataplane/client/wait.h"

struct vs_session {
  const struct vs_transport *transport; /* NULL: closed */
  union vs_link link;
  struct vs_shared shared; /* whose pool who opened the session may take over, leaving memory NULL */
  struct vs_producer requests;
  struct vs_consumer answers;
  struct vs_wait wait;
  uint64_t ticket; /* by which its region can be renewed; 0: it cannot */
};

/* Connects to a device's backend and shakes hands. -ENODEV when there is no such device, -EPROTONOSUPPORT or -EOPNOTSUPP when the
 * backend does not speak our version or features. */
int vs_session_open(struct vs_session *session, const struct vs_opening *opening);
void vs_session_close(struct vs_session *session);

/* Whether the backend has another region for it (abi/region.h). */
static inline bool vs_session_renewal_due(const struct vs_session *session) {
  return session->ticket != 0 && __atomic_load_n(&session->answers.peer->renewal, __ATOMIC_RELAXED) != 0;
}
/* Within how many ms another node is to serve the guest, as the backend says (abi/ring.h); 0: none is. */
static inline uint32_t vs_session_migrating(const struct vs_session *session) {
  return __atomic_load_n(&session->answers.peer->migrating, __ATOMIC_ACQUIRE);
}
/* Opens that region, and no pool: `next` is a session of its own until vs_session_renew. The same errors. */
int vs_session_open_next(struct vs_session *session, const struct vs_opening *opening, struct vs_session *next);
/* Goes on in `next`, which takes the place of `session` once no more answers come in the old region: the record that says so has been
 * put into the old ring and published. Waits for the backend to say the same. -ECONNRESET, -EPROTO: both are as good as lost. */
int vs_session_await_next(struct vs_session *next, int64_t deadline_ms);
void vs_session_go_on_in(struct vs_session *session, struct vs_session *next);

/* True when the descriptors still are what was opened. */
bool vs_session_alive(const struct vs_session *session);

/* What to poll, for reading, to hear a doorbell or the session's end: how many. */
int vs_session_descriptors(const struct vs_session *session, int fds[VS_LINK_DESCRIPTORS_MAX]);
/* Wakes the backend. -ECONNRESET when it is gone. */
int vs_session_ring_doorbell(struct vs_session *session);
/* What the backend says that this side broke, enum vs_broken; 0: nothing. */
uint32_t vs_session_broken(const struct vs_session *session);
/* Sleeps until a doorbell, at most until the deadline, in any case hearing those that rang before: 0 woken (perhaps for nothing), -ETIMEDOUT, -ECONNRESET, -ESTALE. */
int vs_session_sleep(struct vs_session *session, int64_t deadline_ms);
/* Waits for an answer as the region says: looks, sleeps, or both. The same results; 0 also when there is one already. */
int vs_session_wait(struct vs_session *session, int64_t deadline_ms);

#endif
