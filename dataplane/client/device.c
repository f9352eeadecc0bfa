#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/abi/local.h"
#include "dataplane/client/session.h"
#include "dataplane/client/vservice.h"

enum {
  kConnectPauseMsMin = 1, /* between tries to connect; doubles up to the maximum */
  kConnectPauseMsMax = 50,
  kAnswerGrowsMax = 3 /* times a request is repeated because its answer grew */
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
  unsigned char *answer;
  size_t answer_bytes_max;
  struct vs_stats stats;
};

static void pause_ms(int ms) {
  const struct timespec pause = {.tv_sec = 0, .tv_nsec = ms * 1000000L};
  nanosleep(&pause, NULL);
}

static void disconnect(struct vs_device *device) {
  if (device->connected) {
    device->stats.doorbell_pauses += device->session.wait.pauses;
    vs_session_close(&device->session);
  }
  device->connected = false;
}

static int make_answer_room(struct vs_device *device) {
  size_t bytes = vs_record_payload_max(device->session.answers.size);
  if (bytes <= device->answer_bytes_max) return 0;
  unsigned char *room = realloc(device->answer, bytes);
  if (room == NULL) return -ENOMEM;
  device->answer = room;
  device->answer_bytes_max = bytes;
  return 0;
}

/* Connects, again and again until the deadline: a backend that restarts is back within milliseconds. A device that never was
 * there is told apart at once. */
static int connect_device(struct vs_device *device, int64_t deadline_ms) {
  int pause = kConnectPauseMsMin;
  for (;;) {
    int status = vs_session_open(&device->session, device->path, device->service, device->generation + 1, deadline_ms);
    if (status == 0) {
      device->connected = true;
      device->generation++;
      status = make_answer_room(device);
      if (status != 0) disconnect(device);
      return status;
    }
    if (status == -EPROTO) device->disabled = true;
    bool comes_back = status == -ECONNREFUSED || (status == -ENODEV && device->generation != 0);
    if (!comes_back) return status;
    if (vs_now_ms() + pause >= deadline_ms) return status;
    pause_ms(pause);
    pause = pause * 2 < kConnectPauseMsMax ? pause * 2 : kConnectPauseMsMax;
  }
}

int vs_open(const char *name, const char *service, int timeout_ms, struct vs_device **device) {
  if (name == NULL || service == NULL || device == NULL || *name == '\0' || strchr(name, '/') != NULL ||
      strlen(service) > VS_LOCAL_SERVICE_BYTES)
    return -EINVAL;
  *device = NULL;
  const char *directory = secure_getenv("VSERVICE_DIRECTORY");
  if (directory == NULL || *directory == '\0') directory = VS_LOCAL_DIRECTORY;

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
    status = connect_device(opened, vs_now_ms() + timeout_ms);
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
  disconnect(device);
  free(device->answer);
  free(device->path);
  free(device);
}

/* Nothing is ever sent on close, so a copy is closed the same way. */
void vs_forget(struct vs_device *device) { vs_close(device); }

int vs_alive(const struct vs_device *device) { return device->connected && vs_session_alive(&device->session); }

void vs_get_stats(const struct vs_device *device, struct vs_stats *stats) {
  *stats = device->stats;
  if (device->connected) stats->doorbell_pauses += device->session.wait.pauses;
}

static int ring_doorbell_if(struct vs_device *device, bool asked) {
  if (!asked) {
    device->stats.doorbells_suppressed++;
    return 0;
  }
  device->stats.doorbells_sent++;
  return vs_session_ring_doorbell(&device->session);
}

/* Puts one request into the ring. The backend gives the space of a batch back when it has done with it, not before: a ring
 * that is full is waited for. */
static int put_request(struct vs_device *device, uint16_t type, uint64_t cookie, const struct vs_request *header,
                       const void *request, size_t request_bytes, int64_t deadline_ms) {
  struct vs_producer *requests = &device->session.requests;
  for (;;) {
    int put = vs_producer_push(requests, type, cookie, header, sizeof *header, request, request_bytes);
    if (put != 0) return put < 0 ? put : 0;
    int full = vs_producer_ask(requests, sizeof *header + request_bytes);
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
  int status = put_request(device, type, *cookie, &header, request, request_bytes, deadline_ms);
  if (status != 0) return status;
  device->stats.requests++;
  return ring_doorbell_if(device, vs_producer_publish(&device->session.requests));
}

/* Waits for the one answer that is due. */
static int receive(struct vs_device *device, uint64_t cookie, int64_t deadline_ms, struct vs_answer *head,
                   size_t *bytes) {
  struct vs_consumer *answers = &device->session.answers;
  for (;;) {
    struct vs_taken taken;
    int took = vs_consumer_take(answers, device->answer, &taken);
    if (took < 0) return took;
    if (took == 1) {
      if (taken.cookie != cookie || taken.type != VS_RECORD_ANSWER) {
        vs_consumer_give_up(answers, VS_BROKEN_COOKIE);
        return -EPROTO;
      }
      if (taken.payload_bytes < sizeof *head) {
        vs_consumer_give_up(answers, VS_BROKEN_PAYLOAD);
        return -EPROTO;
      }
      int rung = ring_doorbell_if(device, vs_consumer_release(answers));
      if (rung != 0 && rung != -ECONNRESET) return rung; /* the answer is here: a backend gone since then is no matter */
      memcpy(head, device->answer, sizeof *head);
      *bytes = taken.payload_bytes - sizeof *head;
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

static int errno_of_answer(uint32_t status) {
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

/* One try over one session. */
static int call_once(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes,
                     uint32_t answer_bytes_max, int64_t deadline_ms, struct vs_answer *head, size_t *bytes) {
  uint64_t cookie = 0;
  int status = submit(device, type, request, request_bytes, answer_bytes_max, deadline_ms, &cookie);
  return status == 0 ? receive(device, cookie, deadline_ms, head, bytes) : status;
}

int vs_call(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t answer_max,
            int timeout_ms, const void **answer, size_t *answer_bytes) {
  if (type < VS_RECORD_SERVICE || answer == NULL || answer_bytes == NULL) return -EINVAL;
  if (device->disabled) return -EPROTO;
  const int64_t deadline_ms = vs_now_ms() + timeout_ms;
  if (answer_max > VS_REGION_BYTES_MAX) return -EMSGSIZE;
  uint32_t room = vs_record_rounded((uint32_t)(sizeof(struct vs_record) + sizeof(struct vs_answer) + answer_max));
  int grown = 0;
  for (;;) {
    if (!device->connected) {
      int status = connect_device(device, deadline_ms);
      if (status != 0) return status;
    }
    const uint32_t room_max = device->session.answers.size / VS_RECORD_PART_OF_RING;
    if (room > room_max) return -EMSGSIZE;
    struct vs_answer head = {0};
    size_t bytes = 0;
    int status = call_once(device, type, request, request_bytes, room, deadline_ms, &head, &bytes);
    if (status != 0) device->stats.broken = vs_session_broken(&device->session);
    if (status == -ECONNRESET && device->stats.broken == VS_BROKEN_NOT) { /* not answered: it is still ours, and goes to the next backend */
      disconnect(device);
      device->stats.reconnects++;
      device->stats.repeats++;
      continue;
    }
    if (status != 0) { /* a late answer must not meet the next request */
      disconnect(device);
      if (device->stats.broken != VS_BROKEN_NOT) status = -EPROTO; /* the backend does not believe us any more */
      device->disabled = status == -EPROTO;
      return status;
    }
    if (head.status == VS_STATUS_TOO_LARGE && head.bytes_needed > room && grown++ < kAnswerGrowsMax) {
      room = head.bytes_needed;
      continue;
    }
    *answer = device->answer + sizeof head;
    *answer_bytes = bytes;
    return errno_of_answer(head.status);
  }
}
