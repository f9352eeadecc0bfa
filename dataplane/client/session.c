#include "dataplane/client/session.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { kLookNs = 1000 * 1000 }; /* without sleeping: then it is seen whether the backend is there, too */

static int attach(struct vs_session *session) {
  const struct vs_shared *shared = &session->shared;
  struct vs_region_header header;
  memcpy(&header, shared->region, sizeof header);
  __asm__ volatile("" : : "r"(&header) : "memory"); /* the copy is judged and used; the page is not read again */
  int result = vs_judge_header(&header, shared->region_bytes);
  const struct part {
    uint32_t offset;
    size_t bytes;
  } own[] = {{header.response.cons_offset, VS_PAGE_BYTES},
             {header.request.prod_offset, VS_PAGE_BYTES},
             {header.request.data_offset, (size_t)1 << (header.request.data_bytes_log2 & 31)}};
  for (size_t i = 0; result == 0 && i < sizeof own / sizeof own[0]; ++i)
    result = session->transport->make_writable(shared, own[i].offset, own[i].bytes);
  if (result != 0) return result;
  vs_producer_start(&session->requests, shared->region, &header.request);
  vs_consumer_start(&session->answers, shared->region, &header.response);
  vs_wait_start(&session->wait, &header);
  session->ticket = header.minor >= 2 ? header.ticket : 0;
  return 0;
}

int vs_session_open(struct vs_session *session, const struct vs_opening *opening) {
  /* A device that the hypervisor announces is not looked for anywhere else. */
  static const struct vs_transport *const kTransports[] = {&vs_xen_transport, &vs_local_transport};
  int status = -ENODEV;
  for (size_t i = 0; status == -ENODEV && i < sizeof kTransports / sizeof kTransports[0]; ++i) {
    *session = (struct vs_session){.transport = kTransports[i]};
    status = session->transport->open(&session->link, opening, &session->shared);
  }
  if (status != 0) {
    session->transport = NULL;
    return status;
  }
  status = attach(session);
  if (status != 0) vs_session_close(session);
  return status;
}

int vs_session_open_next(struct vs_session *session, const struct vs_opening *opening, struct vs_session *next) {
  *next = (struct vs_session){.transport = session->transport};
  int status = next->transport->open(&next->link, opening, &next->shared);
  if (status != 0) {
    next->transport = NULL;
    return status;
  }
  status = attach(next);
  if (status == 0 && (next->shared.pool.memory != NULL || next->shared.broadcast.bytes != 0 || next->shared.answers.bytes != 0 || next->ticket != session->ticket))
    status = -EPROTO;
  if (status != 0) vs_session_close(next);
  return status;
}

int vs_session_await_next(struct vs_session *next, int64_t deadline_ms) {
  const void *payload = NULL;
  struct vs_taken seen;
  for (;;) {
    const int peeked = vs_consumer_peek(&next->answers, &payload, &seen);
    if (peeked < 0) return peeked;
    if (peeked == 1) break;
    const int status = vs_now_ms() < deadline_ms ? vs_session_wait(next, deadline_ms) : -ETIMEDOUT;
    if (status != 0 && vs_consumer_empty(&next->answers)) return status;
  }
  if (seen.type != VS_RECORD_RENEWED || seen.payload_bytes != 0 || seen.cookie != 0) return -EPROTO;
  vs_consumer_consume(&next->answers);
  (void)vs_consumer_release(&next->answers);
  return 0;
}

void vs_session_go_on_in(struct vs_session *session, struct vs_session *next) {
  next->shared.pool = session->shared.pool;
  next->shared.broadcast = session->shared.broadcast;
  next->shared.answers = session->shared.answers;
  next->wait.pauses += session->wait.pauses;
  session->shared.pool = (struct vs_borrowed_pool){0};
  session->shared.broadcast = (struct vs_mapped_broadcast){0};
  session->shared.answers = (struct vs_mapped_answers){0};
  vs_session_close(session);
  *session = *next;
}

void vs_session_close(struct vs_session *session) {
  if (session->transport == NULL) return;
  session->transport->unmap(&session->shared);
  vs_borrow_unmap(&session->shared.pool);
  vs_broadcast_unmap(&session->shared.broadcast);
  vs_answers_unmap(&session->shared.answers);
  session->transport->close(&session->link);
  session->transport = NULL;
}

bool vs_session_alive(const struct vs_session *session) {
  return session->transport != NULL && session->transport->alive(&session->link);
}

int vs_session_descriptors(const struct vs_session *session, int fds[VS_LINK_DESCRIPTORS_MAX]) {
  return session->transport->descriptors(&session->link, fds);
}

int vs_session_ring_doorbell(struct vs_session *session) { return session->transport->ring(&session->link); }

int vs_session_sleep(struct vs_session *session, int64_t deadline_ms) {
  return session->transport->sleep(&session->link, deadline_ms);
}

uint32_t vs_session_broken(const struct vs_session *session) {
  if (session->transport == NULL) return VS_BROKEN_NOT;
  const uint32_t of_requests = __atomic_load_n(&session->requests.peer->broken, __ATOMIC_ACQUIRE);
  return of_requests != 0 ? of_requests : __atomic_load_n(&session->answers.peer->broken, __ATOMIC_ACQUIRE);
}

static int spin(struct vs_session *session, int64_t deadline_ms) {
  while (!vs_wait_look(&session->answers, kLookNs)) {
    if (vs_session_renewal_due(session)) return 0;
    if (vs_now_ms() >= deadline_ms) return -ETIMEDOUT;
    int status = session->transport->look(&session->link);
    if (status != 0) return status;
  }
  return 0;
}

static void nap(int64_t ns) {
  const struct timespec length = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  nanosleep(&length, NULL);
}

/* A backend that rings for nothing, again and again, is listened to less and less. */
static void rest_from_doorbells(struct vs_session *session, int64_t deadline_ms) {
  int deaf_ms = vs_wait_in_vain_ms(&session->wait, &session->answers);
  int64_t left = deadline_ms - vs_now_ms();
  if (deaf_ms == 0 || left <= 0) return;
  session->wait.pauses++;
  nap((deaf_ms < left ? deaf_ms : left) * 1000000);
}

int vs_session_wait(struct vs_session *session, int64_t deadline_ms) {
  struct vs_wait *wait = &session->wait;
  if (wait->mode == VS_WAIT_SPIN) return spin(session, deadline_ms);
  const int64_t begun = vs_now_ns();
  /* Nobody was asked to ring: what comes meanwhile costs the backend no doorbell. */
  if (wait->mode == VS_WAIT_TIMER) nap((int64_t)wait->batch_us * 1000);
  const int64_t window = vs_wait_window(wait);
  if (window != 0 && vs_wait_look(&session->answers, window)) return 0;
  if (!vs_consumer_ask(&session->answers)) return 0;
  int status = session->transport->sleep(&session->link, deadline_ms);
  if (status == 0 && vs_consumer_empty(&session->answers)) rest_from_doorbells(session, deadline_ms);
  vs_wait_learn(wait, vs_now_ns() - begun);
  return status;
}
