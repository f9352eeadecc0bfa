#include "dataplane/client/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/abi/local.h"

/* A doorbell that got lost could not be seen; it would show as this long a wait, not as a hang. */
enum {
  kSleepMsMax = 1000,
  kDescriptorsMax = 2, /* of a welcome: the region and the pool */
  kDoorbellsPerDrainMax = 512,
  kLookNs = 1000 * 1000 /* without sleeping: then the socket is looked at, too */
};

int64_t vs_now_ms(void) {
  return vs_now_ns() / 1000000;
}

static int set_timeout(int socket, int option, int timeout_ms) {
  const struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
  return setsockopt(socket, SOL_SOCKET, option, &timeout, sizeof timeout) == 0 ? 0 : -errno;
}

static int milliseconds_left(int64_t deadline_ms) {
  int64_t left = deadline_ms - vs_now_ms();
  if (left <= 0) return 0;
  return left < kSleepMsMax ? (int)left : kSleepMsMax;
}

static int set_receive_timeout(struct vs_session *session, int timeout_ms) {
  if (session->receive_timeout_ms == timeout_ms) return 0;
  int status = set_timeout(session->socket, SO_RCVTIMEO, timeout_ms);
  if (status == 0) session->receive_timeout_ms = timeout_ms;
  return status;
}

static int connect_to(const char *path, int64_t deadline_ms) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -EINVAL;
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int left = milliseconds_left(deadline_ms);
  int status = set_timeout(fd, SO_SNDTIMEO, left > 0 ? left : 1);
  if (status == 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) status = -errno;
  if (status == 0) return fd;
  close(fd);
  switch (status) {
    case -ENOENT: case -ENOTDIR: return -ENODEV;
    case -EAGAIN: case -EINPROGRESS: return -ECONNREFUSED; /* its queue of connections is full */
    default: return status;
  }
}

static int errno_of_welcome(const struct vs_local_welcome *welcome) {
  if (welcome->status == VS_STATUS_INVALID && welcome->reason == VS_LOCAL_REASON_VERSION) return -EPROTONOSUPPORT;
  if (welcome->status == VS_STATUS_INVALID && welcome->reason == VS_LOCAL_REASON_FEATURES) return -EOPNOTSUPP;
  switch (welcome->status) {
    case VS_STATUS_OK: return 0;
    case VS_STATUS_INVALID: return -EINVAL;
    case VS_STATUS_DENIED: return -EACCES;
    case VS_STATUS_NOT_FOUND: return -ENODEV;
    case VS_STATUS_EXHAUSTED: return -ENOMEM;
    case VS_STATUS_UNAVAILABLE: return -ECONNREFUSED;
    default: return -EPROTO;
  }
}

/* Receives the welcome and the descriptors that may come with it; those of `memory` that none came for stay as they are. */
static int receive_welcome(struct vs_session *session, int64_t deadline_ms, struct vs_local_welcome *welcome,
                           int memory[kDescriptorsMax]) {
  union {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(kDescriptorsMax * sizeof(int))];
  } control;
  struct iovec part = {.iov_base = welcome, .iov_len = sizeof *welcome};
  /* Room for so many and no more: in the padding of CMSG_SPACE the kernel might put another one. */
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = CMSG_LEN(kDescriptorsMax * sizeof(int))};
  ssize_t received;
  do {
    int left = milliseconds_left(deadline_ms);
    if (left == 0) return -ETIMEDOUT;
    int status = set_receive_timeout(session, left);
    if (status != 0) return status;
    received = recvmsg(session->socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && (errno == EINTR || errno == EAGAIN));
  if (received < 0) return errno == ECONNRESET ? -ECONNREFUSED : -errno;
  const struct cmsghdr *item = CMSG_FIRSTHDR(&message);
  if (item != NULL && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS && item->cmsg_len >= CMSG_LEN(0) &&
      item->cmsg_len <= CMSG_LEN(kDescriptorsMax * sizeof(int)))
    memcpy(memory, CMSG_DATA(item), item->cmsg_len - CMSG_LEN(0)); /* the caller's to close, whatever they came with */
  if (received == 0) return -ECONNREFUSED;
  if (received != sizeof *welcome || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || welcome->magic != VS_LOCAL_MAGIC)
    return -EPROTO;
  return errno_of_welcome(welcome);
}

/* Makes one of our own parts of the region writable. */
static int make_writable(struct vs_session *session, uint32_t offset, size_t bytes) {
  if (mprotect(session->region + offset, bytes, PROT_READ | PROT_WRITE) == 0) return 0;
  return errno == EACCES ? -EPROTO : -errno; /* memory that only reads: that is no policy's denial */
}

/* The memory is the backend's: it must be sealed, so that it cannot shrink under us, and as large as it says. */
static int map_region(struct vs_session *session, int memory, uint32_t region_bytes) {
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  struct stat status;
  if (region_bytes < VS_PAGE_BYTES || region_bytes > VS_REGION_BYTES_MAX) return -EPROTO;
  int sealed = fcntl(memory, F_GET_SEALS);
  if (sealed < 0 || (sealed & seals) != seals) return -EPROTO; /* -1: a descriptor that cannot be sealed */
  if (fstat(memory, &status) != 0 || (uint64_t)status.st_size < region_bytes) return -EPROTO;
  void *mapped = mmap(NULL, region_bytes, PROT_READ, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED) return -errno;
  session->region = mapped;
  session->region_bytes = region_bytes;

  struct vs_region_header header;
  memcpy(&header, mapped, sizeof header);
  __asm__ volatile("" : : "r"(&header) : "memory"); /* the copy is judged and used; the page is not read again */
  int result = vs_judge_header(&header, region_bytes);
  if (result == 0) result = make_writable(session, header.response.cons_offset, VS_PAGE_BYTES);
  if (result == 0) result = make_writable(session, header.request.prod_offset, VS_PAGE_BYTES);
  if (result == 0)
    result = make_writable(session, header.request.data_offset, (size_t)1 << header.request.data_bytes_log2);
  if (result != 0) return result;
  vs_producer_start(&session->requests, session->region, &header.request);
  vs_consumer_start(&session->answers, session->region, &header.response);
  vs_wait_start(&session->wait, &header);
  return 0;
}

static int shake_hands(struct vs_session *session, const char *device, const char *service, uint32_t generation,
                       int64_t deadline_ms) {
  struct stat status;
  if (fstat(session->socket, &status) != 0) return -errno;
  session->socket_device = status.st_dev;
  session->socket_inode = status.st_ino;
  struct vs_local_hello hello = {
      .magic = VS_LOCAL_MAGIC, .major = VS_REGION_MAJOR, .minor = VS_REGION_MINOR, .generation = generation,
      .takes = VS_LOCAL_TAKES_POOL};
  if (strlen(service) > sizeof hello.service || strlen(device) > sizeof hello.device) return -EINVAL;
  memcpy(hello.service, service, strlen(service));
  memcpy(hello.device, device, strlen(device));
  if (send(session->socket, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello) return -ECONNREFUSED;

  struct vs_local_welcome welcome;
  int memory[kDescriptorsMax] = {-1, -1};
  int result = receive_welcome(session, deadline_ms, &welcome, memory);
  if (result == 0) result = memory[0] >= 0 ? map_region(session, memory[0], welcome.region_bytes) : -EPROTO;
  if (result == 0 && memory[1] >= 0) result = vs_borrow_map(&session->pool, memory[1], VS_POOL_BYTES_MAX);
  for (int i = 0; i < kDescriptorsMax; ++i)
    if (memory[i] >= 0) close(memory[i]);
  return result;
}

int vs_session_open(struct vs_session *session, const char *path, const char *service, uint32_t generation,
                    int64_t deadline_ms) {
  *session = (struct vs_session){.socket = connect_to(path, deadline_ms), .receive_timeout_ms = -1};
  if (session->socket < 0) return session->socket;
  const char *slash = strrchr(path, '/');
  int status = shake_hands(session, slash == NULL ? path : slash + 1, service, generation, deadline_ms);
  if (status != 0) vs_session_close(session);
  return status;
}

void vs_session_close(struct vs_session *session) {
  if (session->region != NULL) munmap(session->region, session->region_bytes);
  vs_borrow_unmap(&session->pool);
  if (session->socket >= 0 && vs_session_alive(session)) close(session->socket);
  session->region = NULL;
  session->socket = -1;
}

bool vs_session_alive(const struct vs_session *session) {
  struct stat status;
  return session->socket >= 0 && fstat(session->socket, &status) == 0 && S_ISSOCK(status.st_mode) &&
         status.st_dev == session->socket_device && status.st_ino == session->socket_inode;
}

static int errno_of_socket(int error) {
  switch (error) {
    case EBADF: case ENOTSOCK: return -ESTALE;
    default: return -ECONNRESET;
  }
}

int vs_session_ring_doorbell(struct vs_session *session) {
  if (send(session->socket, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) return 0;
  return errno == EAGAIN || errno == EINTR ? 0 : errno_of_socket(errno); /* full: it has wake-ups waiting */
}

int vs_session_sleep(struct vs_session *session, int64_t deadline_ms) {
  int left = milliseconds_left(deadline_ms);
  if (left == 0) return -ETIMEDOUT;
  int status = set_receive_timeout(session, left);
  if (status != 0) return errno_of_socket(-status);
  unsigned char doorbell[8];
  ssize_t received = recv(session->socket, doorbell, sizeof doorbell, 0);
  if (received > 0) return 0;
  if (received == 0) return -ECONNRESET;
  return errno == EAGAIN || errno == EINTR ? 0 : errno_of_socket(errno);
}

uint32_t vs_session_broken(const struct vs_session *session) {
  if (session->region == NULL) return VS_BROKEN_NOT;
  const uint32_t of_requests = __atomic_load_n(&session->requests.peer->broken, __ATOMIC_ACQUIRE);
  return of_requests != 0 ? of_requests : __atomic_load_n(&session->answers.peer->broken, __ATOMIC_ACQUIRE);
}

/* 0 while the backend is there. Doorbells stay where they are, and do not hide the end that lies behind them. */
static int look_at_socket(const struct vs_session *session) {
  struct pollfd end = {.fd = session->socket, .events = POLLRDHUP};
  if (poll(&end, 1, 0) <= 0) return 0;
  return (end.revents & POLLNVAL) != 0 ? -ESTALE : -ECONNRESET;
}

static int spin(struct vs_session *session, int64_t deadline_ms) {
  while (!vs_wait_look(&session->answers, kLookNs)) {
    if (vs_now_ms() >= deadline_ms) return -ETIMEDOUT;
    int status = look_at_socket(session);
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
  unsigned char doorbells[8];
  for (int taken = 0; taken < kDoorbellsPerDrainMax; ++taken)
    if (recv(session->socket, doorbells, sizeof doorbells, MSG_DONTWAIT) <= 0) break;
  if (!vs_consumer_empty(&session->answers)) return; /* looked after: the doorbell that is meant may be among those */
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
  int status = vs_session_sleep(session, deadline_ms);
  if (status == 0 && vs_consumer_empty(&session->answers)) rest_from_doorbells(session, deadline_ms);
  vs_wait_learn(wait, vs_now_ns() - begun);
  return status;
}
