#include "dataplane/client/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/client/channels.h"

enum {
  kConnectPauseMsMin = 1, /* between tries to connect; doubles up to the maximum */
  kConnectPauseMsMax = 50,
  kAnswerGrowsMax = 3, /* times a request is repeated because its answer grew */
  kConnectOnceMs = 1000,
  kGiveBackMs = 1000   /* how long room for a return is waited for */
};

static void pause_ms(int ms) {
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = ms * 1000000L};
  nanosleep(&pause, NULL);
}

void vs_device_disconnect(struct vs_device *device) {
  if (device->connected) {
    vs_device_session_ended(device);
    device->stats.doorbell_pauses += device->session.wait.pauses;
    vs_session_close(&device->session);
  }
  device->connected = false;
  vs_frame_pools_sweep(device, false);
}

int vs_device_make_room(struct vs_device *device, size_t bytes) {
  if (bytes <= device->answer_bytes_max) return 0;
  unsigned char *room = realloc(device->answer, bytes);
  if (room == NULL) return -ENOMEM;
  device->answer = room;
  device->answer_bytes_max = bytes;
  return 0;
}

static int connect_once(struct vs_device *device, int64_t deadline_ms) {
  const struct vs_opening opening = {.path = device->path,
                                     .service = device->service,
                                     .generation = device->generation + 1,
                                     .deadline_ms = deadline_ms};
  int status = vs_session_open(&device->session, &opening);
  if (status == 0) {
    device->connected = true;
    device->generation++;
    status = vs_frame_pools_begin(device);
    if (status == 0) status = vs_dns_table_begin(device);
    if (status == 0) status = vs_device_make_room(device, vs_record_payload_max(device->session.answers.size));
    if (status != 0) vs_device_disconnect(device);
    return status;
  }
  if (status == -EPROTO) device->disabled = true;
  return status;
}

int vs_device_connect(struct vs_device *device, int64_t deadline_ms, bool again) {
  if (!again) {
    const int status = connect_once(device, vs_now_ms() + kConnectOnceMs);
    return status == -ENODEV && vs_device_moves(device) ? -ECONNREFUSED : status;
  }
  int pause = kConnectPauseMsMin;
  for (;;) {
    int status = connect_once(device, deadline_ms);
    if (status == -ENODEV && vs_device_moves(device)) status = -ECONNREFUSED; /* it is not there yet */
    /* A device that never was there is told apart at once. */
    const bool comes_back = status == -ECONNREFUSED || (status == -ENODEV && device->generation != 0);
    if (!comes_back || vs_now_ms() + pause >= deadline_ms) return status;
    pause_ms(pause);
    if (vs_device_moves(device)) continue;
    pause = pause * 2 < kConnectPauseMsMax ? pause * 2 : kConnectPauseMsMax;
  }
}

int vs_open(const char *name, const char *service, int timeout_ms, struct vs_device **device) {
  const char *directory = secure_getenv("VSERVICE_DIRECTORY");
  if (directory == NULL || *directory == '\0') directory = VS_LOCAL_DIRECTORY;
  return vs_open_in(directory, name, service, timeout_ms, device);
}

int vs_open_in(const char *directory, const char *name, const char *service, int timeout_ms, struct vs_device **device) {
  if (directory == NULL || name == NULL || service == NULL || device == NULL || *name == '\0' || strchr(name, '/') != NULL ||
      strlen(service) > VS_LOCAL_SERVICE_BYTES)
    return -EINVAL;
  *device = NULL;
  struct vs_device *opened = calloc(1, sizeof *opened);
  if (opened == NULL) return -ENOMEM;
  size_t path_bytes = strlen(directory) + 1 + strlen(name) + 1;
  opened->path = malloc(path_bytes);
  int status = opened->path != NULL ? 0 : -ENOMEM;
  if (status == 0) {
    char *end = stpcpy(opened->path, directory);
    *end++ = '/';
    strcpy(end, name);
    strcpy(opened->service, service);
    status = vs_device_connect(opened, vs_now_ms() + timeout_ms, true);
  }
  if (status != 0) {
    vs_close(opened);
    return status;
  }
  *device = opened;
  return 0;
}

void vs_close(struct vs_device *device) {
  if (device == NULL) return;
  vs_channels_free(device);
  vs_device_disconnect(device);
  vs_frame_pools_sweep(device, true);
  vs_dns_table_drop(device->table);
  free(device->answer);
  free(device->path);
  free(device);
}

/* Nothing is ever sent on close, so a copy is closed the same way. */
void vs_forget(struct vs_device *device) { vs_close(device); }

int vs_alive(const struct vs_device *device) { return device->connected && vs_session_alive(&device->session); }

uint32_t vs_device_level(const struct vs_device *device) {
  if (!device->connected || device->disabled || device->session.transport == NULL) return 0;
  const uint32_t level = __atomic_load_n(&device->session.answers.peer->level, __ATOMIC_ACQUIRE);
  return level <= VS_LEVEL_MAX ? level : VS_LEVEL_MAX; /* the backend may write anything there */
}

int vs_level(struct vs_device *device) { return (int)(device->level_told = vs_device_level(device)); }

void vs_get_stats(const struct vs_device *device, struct vs_stats *stats) {
  *stats = device->stats;
  if (device->connected) stats->doorbell_pauses += device->session.wait.pauses;
}

int vs_device_ring_if(struct vs_device *device, bool asked) {
  if (!asked) {
    device->stats.doorbells_suppressed++;
    return 0;
  }
  device->stats.doorbells_sent++;
  return vs_session_ring_doorbell(&device->session);
}

int vs_device_publish(struct vs_device *device) { return vs_device_ring_if(device, vs_producer_publish(&device->session.requests)); }

/* The backend gives the space of a batch back when it has done with it, not before: a ring
 * that is full is waited for. */
int vs_device_put(struct vs_device *device, uint16_t type, uint64_t cookie, const void *head, size_t head_bytes, const void *body,
                  size_t body_bytes, int64_t deadline_ms) {
  struct vs_producer *requests = &device->session.requests;
  for (;;) {
    int pushed = vs_producer_push(requests, type, cookie, head, head_bytes, body, body_bytes);
    if (pushed != 0) return pushed < 0 ? pushed : 0;
    int full = vs_producer_ask(requests, head_bytes + body_bytes);
    if (full < 0) return full;
    if (full == 0) continue;
    device->stats.waits++;
    int status = vs_session_sleep(&device->session, deadline_ms);
    if (status != 0) return status;
  }
}

static int submit(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes,
                  uint32_t answer_bytes_max, int64_t deadline_ms, uint64_t *cookie) {
  int64_t left = deadline_ms - vs_now_ms();
  if (left <= 0) return -ETIMEDOUT;
  const struct vs_request header = {.answer_bytes_max = answer_bytes_max, .timeout_ms = (uint32_t)left};
  *cookie = (uint64_t)device->generation << 32 | device->requests++;
  int status = vs_device_put(device, type, *cookie, &header, sizeof header, request, request_bytes, deadline_ms);
  if (status != 0) return status;
  device->stats.requests++;
  return vs_device_publish(device);
}

int vs_device_give_back(struct vs_device *device, const struct vs_buffer *buffer, uint64_t cookie) {
  const struct vs_buffer_return back = vs_return_of(buffer);
  int status = vs_device_put(device, VS_RECORD_RETURN, cookie, &back, sizeof back, NULL, 0, vs_now_ms() + kGiveBackMs);
  if (status == 0) status = vs_device_publish(device);
  if (status == 0 || status == -ECONNRESET) return 0; /* gone: the next call finds out */
  device->disabled = status == -EPROTO;
  vs_device_disconnect(device);
  return status == -EPROTO ? status : 0;
}

/* What came for a request, in device->answer: 0, or what it breaks. */
static enum vs_broken judge_answer(struct vs_device *device, const struct vs_taken *taken, struct vs_answer *head,
                                   struct vs_reply *reply) {
  const bool lent = taken->type == VS_RECORD_BUFFER;
  if (taken->cookie != reply->cookie || (taken->type != VS_RECORD_ANSWER && !lent)) return VS_BROKEN_COOKIE;
  reply->payload_bytes = taken->payload_bytes;
  *head = (struct vs_answer){.status = VS_STATUS_OK};
  if (!lent) {
    if (taken->payload_bytes < sizeof *head) return VS_BROKEN_PAYLOAD;
    memcpy(head, device->answer, sizeof *head);
    return VS_BROKEN_NOT;
  }
  const void *data = NULL;
  size_t bytes = 0;
  reply->pool = vs_frame_pool_of(device, device->generation);
  if (reply->pool == NULL || vs_read_buffer(device->answer, taken->payload_bytes, &reply->buffer) != 0 ||
      vs_borrow_view(&reply->pool->borrowed, &reply->buffer, &data, &bytes) == -EPROTO)
    return VS_BROKEN_BUFFER;
  return VS_BROKEN_NOT;
}

/* Waits for the one answer that is due. */
static int receive(struct vs_device *device, int64_t deadline_ms, struct vs_answer *head, struct vs_reply *reply) {
  struct vs_consumer *answers = &device->session.answers;
  for (;;) {
    struct vs_taken taken;
    int took = vs_consumer_take(answers, device->answer, &taken);
    if (took < 0) return took;
    if (took == 1) {
      const enum vs_broken broken = judge_answer(device, &taken, head, reply);
      if (broken != VS_BROKEN_NOT) {
        vs_consumer_give_up(answers, broken);
        return -EPROTO;
      }
      int rung = vs_device_ring_if(device, vs_consumer_release(answers));
      if (rung != 0 && rung != -ECONNRESET) return rung; /* the answer is here: a backend gone since then is no matter */
      device->stats.answers++;
      return 0;
    }
    if (vs_now_ms() >= deadline_ms) return -ETIMEDOUT; /* there when we waited, perhaps, and not when we looked, and so on */
    device->stats.waits++;
    int status = vs_session_wait(&device->session, deadline_ms);
    if (status == -ECONNRESET && !vs_consumer_empty(answers)) continue; /* it answered, then went */
    if (status != 0) return status;
  }
}

int vs_errno_of_status(uint32_t status) {
  switch (status) {
    case VS_STATUS_OK: return 0;
    case VS_STATUS_INVALID: return -EINVAL;
    case VS_STATUS_DENIED: return -EACCES;
    case VS_STATUS_NOT_FOUND: return -ENOENT;
    case VS_STATUS_CONFLICT: return -EBUSY;
    case VS_STATUS_EXHAUSTED: case VS_STATUS_UNAVAILABLE: return -EAGAIN;
    case VS_STATUS_TOO_LARGE: return -EMSGSIZE;
    default: return -EIO;
  }
}

/* Between two requests nothing is in flight. Of a failure the connection is gone. */
static int renew(struct vs_device *device) {
  struct vs_session next;
  if (vs_device_open_next(device, &next) != 0) return 0; /* later, perhaps */
  int status = vs_device_announce_next(device, &next);
  if (status == 0) status = vs_device_go_on_in(device, &next);
  if (status != 0) vs_device_disconnect(device);
  return status;
}

/* One try over one session. */
static int call_once(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes,
                     uint32_t record_bytes, int64_t deadline_ms, struct vs_answer *head, struct vs_reply *reply) {
  *reply = (struct vs_reply){0};
  int status = submit(device, type, request, request_bytes, record_bytes, deadline_ms, &reply->cookie);
  return status == 0 ? receive(device, deadline_ms, head, reply) : status;
}

int vs_device_call(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t record_bytes,
                   int64_t deadline_ms, enum vs_repeat repeat, struct vs_reply *reply) {
  if (device->disabled) return -EPROTO;
  if (device->channels != NULL) return -EBUSY; /* answers of theirs would come between */
  uint32_t room = vs_record_rounded((uint32_t)record_bytes);
  int grown = 0;
  for (;;) {
    if (!device->connected) {
      int status = vs_device_connect(device, deadline_ms, true);
      if (status != 0) return status;
    }
    int held = vs_device_hold(device, deadline_ms);
    if (held == -ETIMEDOUT) return held; /* nothing of ours is on its way: the connection is as it was */
    if (held != 0) {
      vs_device_disconnect(device);
      if (held != -ECONNRESET) return held;
      device->stats.reconnects++;
      continue;
    }
    if (vs_device_renewal_due(device) && renew(device) != 0) {
      device->stats.reconnects++;
      continue;
    }
    const uint32_t room_max = device->session.answers.size / VS_RECORD_PART_OF_RING;
    if (room > room_max) return -EMSGSIZE;
    struct vs_answer head = {0};
    const uint32_t before = device->session.requests.prod;
    int status = call_once(device, type, request, request_bytes, room, deadline_ms, &head, reply);
    if (status != 0) device->stats.broken = vs_session_broken(&device->session);
    if (status == -ECONNRESET && device->stats.broken == VS_BROKEN_NOT) { /* not answered: it is still ours, and goes to the next backend */
      const bool again = repeat == VS_REPEAT_ALWAYS || vs_device_untaken(device, before);
      vs_device_disconnect(device);
      device->stats.reconnects++;
      if (!again) return -ECONNRESET;
      device->stats.repeats++;
      continue;
    }
    if (status != 0) { /* a late answer must not meet the next request */
      vs_device_disconnect(device);
      if (device->stats.broken != VS_BROKEN_NOT) status = -EPROTO; /* the backend does not believe us any more */
      device->disabled = status == -EPROTO;
      return status;
    }
    if (head.status == VS_STATUS_TOO_LARGE && repeat == VS_REPEAT_ALWAYS && head.bytes_needed > room && grown++ < kAnswerGrowsMax) {
      room = head.bytes_needed;
      continue;
    }
    return vs_errno_of_status(head.status);
  }
}
