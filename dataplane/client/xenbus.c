#include "dataplane/client/xenbus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "dataplane/client/wait.h"

static const char kDevice[] = "/dev/xen/xenbus";

enum { kEventsPerTakeMax = 64 };

int vs_xenbus_open(struct vs_xenbus *bus) {
  *bus = (struct vs_xenbus){.fd = open(kDevice, O_RDWR | O_CLOEXEC | O_NONBLOCK)};
  return bus->fd >= 0 ? 0 : -ENODEV;
}

void vs_xenbus_close(struct vs_xenbus *bus) {
  if (bus->fd >= 0) close(bus->fd);
  bus->fd = -1;
}

static int wait_readable(int fd, int64_t deadline_ms) {
  for (;;) {
    const int64_t left = deadline_ms - vs_now_ms();
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    const int ready = poll(&readable, 1, left > 0 ? (int)(left < 1000 ? left : 1000) : 0);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return -errno;
    if (left <= 0) return -ETIMEDOUT;
  }
}

/* Reads `bytes` bytes; what is `into` NULL is thrown away. A message that has begun comes whole. */
static int read_all(int fd, void *into, size_t bytes, int64_t deadline_ms) {
  char waste[64];
  for (size_t have = 0; have < bytes;) {
    const size_t rest = bytes - have;
    void *to = into != NULL ? (char *)into + have : waste;
    const ssize_t got = read(fd, to, into != NULL || rest < sizeof waste ? rest : sizeof waste);
    if (got > 0) {
      have += (size_t)got;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || errno != EAGAIN) return got == 0 ? -EPROTO : -errno;
    const int status = wait_readable(fd, deadline_ms);
    if (status != 0) return status;
  }
  return 0;
}

static int write_all(int fd, const void *from, size_t bytes) {
  for (size_t done = 0; done < bytes;) {
    const ssize_t put = write(fd, (const char *)from + done, bytes - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return put == 0 ? -EPROTO : -errno;
    done += (size_t)put;
  }
  return 0;
}

/* Takes one message. An event: 1. An answer: 0, with its head, and its body in `body` as far as that has room; the rest of it is
 * thrown away. */
static int take_message(struct vs_xenbus *bus, struct xsd_sockmsg *head, char *body, size_t room, int64_t deadline_ms) {
  int status = read_all(bus->fd, head, sizeof *head, deadline_ms);
  if (status != 0) return status;
  if (head->len > XENSTORE_PAYLOAD_MAX) return -EPROTO;
  const bool event = head->type == XS_WATCH_EVENT;
  const size_t kept = event ? 0 : head->len < room ? head->len : room;
  if (kept > 0) status = read_all(bus->fd, body, kept, deadline_ms);
  if (status == 0) status = read_all(bus->fd, NULL, head->len - kept, deadline_ms);
  if (status != 0) return status;
  if (event) bus->fired = true;
  return event ? 1 : 0;
}

static int errno_of_word(const char *word) {
  for (size_t i = 0; i < sizeof xsd_errors / sizeof *xsd_errors; ++i)
    if (strcmp(xsd_errors[i].errstring, word) == 0) return -xsd_errors[i].errnum;
  return -EIO;
}

/* Asks, with up to two parts, and waits for the answer, whose bytes (zero-terminated) go into `answer`. */
static int ask(struct vs_xenbus *bus, uint32_t type, const char *first, size_t first_bytes, const char *second,
               size_t second_bytes, char answer[VS_XENBUS_TEXT_MAX], size_t *answer_bytes, int64_t deadline_ms) {
  char message[sizeof(struct xsd_sockmsg) + 2 * VS_XENBUS_TEXT_MAX];
  struct xsd_sockmsg head = {
      .type = type, .req_id = ++bus->last_request, .len = (uint32_t)(first_bytes + second_bytes)};
  if (head.len > sizeof message - sizeof head) return -EMSGSIZE;
  memcpy(message, &head, sizeof head);
  memcpy(message + sizeof head, first, first_bytes);
  if (second_bytes > 0) memcpy(message + sizeof head + first_bytes, second, second_bytes);
  int status = write_all(bus->fd, message, sizeof head + head.len);
  if (status != 0) return status;
  do { /* an answer that we gave up on may still be ahead of ours */
    status = take_message(bus, &head, answer, VS_XENBUS_TEXT_MAX - 1, deadline_ms);
    if (status < 0) return status;
  } while (status == 1 || head.req_id != bus->last_request);
  if (head.len >= VS_XENBUS_TEXT_MAX) return -EMSGSIZE;
  answer[head.len] = '\0';
  if (answer_bytes != NULL) *answer_bytes = head.len;
  if (head.type == XS_ERROR) return errno_of_word(answer);
  return head.type == type ? 0 : -EPROTO;
}

int vs_xenbus_read(struct vs_xenbus *bus, const char *path, char value[VS_XENBUS_TEXT_MAX], int64_t deadline_ms) {
  return ask(bus, XS_READ, path, strlen(path) + 1, NULL, 0, value, NULL, deadline_ms);
}

int vs_xenbus_read_number(struct vs_xenbus *bus, const char *path, uint32_t max, uint32_t *number, int64_t deadline_ms) {
  char value[VS_XENBUS_TEXT_MAX];
  const int status = vs_xenbus_read(bus, path, value, deadline_ms);
  if (status != 0) return status;
  if (value[0] == '\0') return -ENODATA;
  if (value[0] < '0' || value[0] > '9') return -EPROTO;
  char *end;
  errno = 0;
  const unsigned long read = strtoul(value, &end, 10);
  if (errno != 0 || *end != '\0' || read > max) return -EPROTO;
  *number = (uint32_t)read;
  return 0;
}

int vs_xenbus_write(struct vs_xenbus *bus, const char *path, const char *value, int64_t deadline_ms) {
  char answer[VS_XENBUS_TEXT_MAX];
  return ask(bus, XS_WRITE, path, strlen(path) + 1, value, strlen(value), answer, NULL, deadline_ms);
}

int vs_xenbus_write_number(struct vs_xenbus *bus, const char *path, uint32_t number, int64_t deadline_ms) {
  char text[16];
  snprintf(text, sizeof text, "%u", number);
  return vs_xenbus_write(bus, path, text, deadline_ms);
}

int vs_xenbus_remove(struct vs_xenbus *bus, const char *path, int64_t deadline_ms) {
  char answer[VS_XENBUS_TEXT_MAX];
  return ask(bus, XS_RM, path, strlen(path) + 1, NULL, 0, answer, NULL, deadline_ms);
}

int vs_xenbus_watch(struct vs_xenbus *bus, const char *path, int64_t deadline_ms) {
  char answer[VS_XENBUS_TEXT_MAX];
  return ask(bus, XS_WATCH, path, strlen(path) + 1, "vs", 3, answer, NULL, deadline_ms);
}

int vs_xenbus_take_events(struct vs_xenbus *bus) {
  for (int taken = 0; taken < kEventsPerTakeMax; ++taken) {
    struct pollfd readable = {.fd = bus->fd, .events = POLLIN};
    if (poll(&readable, 1, 0) <= 0) return 0;
    struct xsd_sockmsg head;
    const int status = take_message(bus, &head, NULL, 0, vs_now_ms() + 1000);
    if (status < 0) return status;
  }
  return 0;
}
