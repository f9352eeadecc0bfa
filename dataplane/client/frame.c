#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/client/device.h"

enum { kStaleTriesMax = 3 }; /* times a request is repeated because its answer was taken back before it was copied */

/* ---- the pools of a device ---- */

int vs_frame_pools_begin(struct vs_device *device) {
  if (device->session.shared.pool.memory == NULL) return 0;
  struct vs_frame_pool *pool = malloc(sizeof *pool);
  if (pool == NULL) return -ENOMEM;
  *pool = (struct vs_frame_pool){
      .next = device->pools, .borrowed = device->session.shared.pool, .connection = device->generation};
  device->session.shared.pool = (struct vs_borrowed_pool){0};
  device->pools = pool;
  return 0;
}

static bool in_use(const struct vs_device *device, const struct vs_frame_pool *pool) {
  return pool->frames != 0 || (device->connected && pool->connection == device->generation);
}

void vs_frame_pools_sweep(struct vs_device *device, bool all) {
  struct vs_frame_pool **link = &device->pools;
  while (*link != NULL) {
    struct vs_frame_pool *pool = *link;
    if (!all && in_use(device, pool)) {
      link = &pool->next;
      continue;
    }
    *link = pool->next;
    vs_borrow_unmap(&pool->borrowed);
    free(pool);
  }
}

struct vs_frame_pool *vs_frame_pool_of(const struct vs_device *device, uint32_t connection) {
  struct vs_frame_pool *pool = device->pools;
  while (pool != NULL && pool->connection != connection) pool = pool->next;
  return pool;
}

/* ---- answers that are copied ---- */

/* Appends the buffer's bytes to the words behind its descriptor. 1 when the backend took them back meanwhile. */
static int append_frame(struct vs_device *device, struct vs_reply *reply) {
  const void *data = NULL;
  size_t bytes = 0;
  int status = vs_borrow_view(&reply->pool->borrowed, &reply->buffer, &data, &bytes);
  if (status == -ESTALE) return 1;
  if (status != 0) return status;
  if (bytes > VS_REGION_BYTES_MAX) return -EMSGSIZE;
  status = vs_device_make_room(device, reply->payload_bytes + bytes);
  if (status != 0) return status;
  memcpy(device->answer + reply->payload_bytes, data, bytes);
  reply->payload_bytes += bytes;
  return vs_borrow_still_current(&reply->pool->borrowed, &reply->buffer) ? 0 : 1;
}

static int call(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t answer_max, int timeout_ms,
                enum vs_repeat repeat, const void **answer, size_t *answer_bytes) {
  if (type < VS_RECORD_SERVICE || answer == NULL || answer_bytes == NULL) return -EINVAL;
  if (answer_max > VS_REGION_BYTES_MAX) return -EMSGSIZE;
  const int64_t deadline_ms = vs_now_ms() + timeout_ms;
  const size_t record_bytes = sizeof(struct vs_record) + sizeof(struct vs_answer) + answer_max;
  for (int tries = 0; tries < kStaleTriesMax; ++tries) {
    struct vs_reply reply;
    int status = vs_device_call(device, type, request, request_bytes, record_bytes, deadline_ms, repeat, &reply);
    size_t head_bytes = sizeof(struct vs_answer);
    if (status == 0 && reply.pool != NULL) {
      head_bytes = sizeof(struct vs_buffer);
      status = append_frame(device, &reply);
      int given = vs_device_give_back(device, &reply.buffer, reply.cookie);
      if (status == 1 && given == 0 && repeat == VS_REPEAT_ALWAYS) continue;
      if (status == 1 && given == 0) return -EAGAIN;
      if (status == 1) status = given;
    }
    if (status != 0) return status;
    *answer = device->answer + head_bytes;
    *answer_bytes = reply.payload_bytes - head_bytes;
    return 0;
  }
  return -EAGAIN;
}

int vs_call(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t answer_max, int timeout_ms,
            const void **answer, size_t *answer_bytes) {
  return call(device, type, request, request_bytes, answer_max, timeout_ms, VS_REPEAT_ALWAYS, answer, answer_bytes);
}

int vs_call_once(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t answer_max,
                 int timeout_ms, const void **answer, size_t *answer_bytes) {
  return call(device, type, request, request_bytes, answer_max, timeout_ms, VS_REPEAT_UNTAKEN, answer, answer_bytes);
}

/* ---- answers that are read in place ---- */

int vs_call_frame(struct vs_device *device, uint16_t type, const void *request, size_t request_bytes, size_t answer_max,
                  int timeout_ms, struct vs_frame *frame) {
  if (type < VS_RECORD_SERVICE || frame == NULL) return -EINVAL;
  *frame = (struct vs_frame){0};
  if (answer_max > VS_REGION_BYTES_MAX) return -EMSGSIZE;
  const size_t record_bytes = sizeof(struct vs_record) + sizeof(struct vs_buffer) + answer_max;
  struct vs_reply reply;
  int status = vs_device_call(device, type, request, request_bytes, record_bytes, vs_now_ms() + timeout_ms, VS_REPEAT_ALWAYS, &reply);
  if (status != 0) return status;
  if (reply.pool == NULL) {
    frame->data = device->answer + sizeof(struct vs_answer);
    frame->bytes = reply.payload_bytes - sizeof(struct vs_answer);
    return 0;
  }
  status = vs_borrow_view(&reply.pool->borrowed, &reply.buffer, &frame->data, &frame->bytes);
  if (status != 0) {
    int given = vs_device_give_back(device, &reply.buffer, reply.cookie);
    return given != 0 ? given : -EAGAIN;
  }
  frame->words = device->answer + sizeof(struct vs_buffer);
  frame->words_bytes = reply.payload_bytes - sizeof(struct vs_buffer);
  frame->connection = device->generation;
  frame->pool = reply.buffer.pool;
  frame->buffer = reply.buffer.buffer;
  frame->generation = reply.buffer.generation;
  frame->cookie = reply.cookie;
  reply.pool->frames++;
  return 0;
}

static struct vs_buffer buffer_of(const struct vs_frame *frame) {
  return (struct vs_buffer){.pool = frame->pool, .buffer = frame->buffer, .generation = frame->generation};
}

static bool of_this_connection(const struct vs_device *device, const struct vs_frame *frame) {
  return device->connected && frame->connection == device->generation;
}

int vs_frame_current(const struct vs_device *device, const struct vs_frame *frame) {
  if (frame->connection == 0) return frame->data != NULL;
  const struct vs_frame_pool *pool = vs_frame_pool_of(device, frame->connection);
  if (pool == NULL || !of_this_connection(device, frame)) return 0;
  const struct vs_buffer buffer = buffer_of(frame);
  return vs_borrow_still_current(&pool->borrowed, &buffer);
}

int vs_frame_return(struct vs_device *device, struct vs_frame *frame) {
  if (frame == NULL) return -EINVAL;
  const struct vs_frame returned = *frame;
  *frame = (struct vs_frame){0};
  if (returned.connection == 0) return 0;
  struct vs_frame_pool *pool = vs_frame_pool_of(device, returned.connection);
  if (pool == NULL || pool->frames == 0) return -EINVAL;
  pool->frames--;
  if (!of_this_connection(device, &returned)) { /* whoever lent it has taken it back when the connection ended */
    vs_frame_pools_sweep(device, false);
    return 0;
  }
  const struct vs_buffer buffer = buffer_of(&returned);
  return vs_device_give_back(device, &buffer, returned.cookie);
}
