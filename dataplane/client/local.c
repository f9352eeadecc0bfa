/* The local transport: a seqpacket socket on which hands are shaken, whose end is the session's, and a doorbell each way that came
 * with the welcome (abi/local.h). Three descriptors while a session is open; the backend's doorbell needs none of its own, for our
 * epoll knows it as long as the backend has it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/abi/local.h"
#include "dataplane/abi/region.h"
#include "dataplane/client/transport.h"
#include "dataplane/client/wait.h"

/* A doorbell that got lost could not be seen; it would show as this long a wait, not as a hang. */
enum { kSleepMsMax = 1000 };

/* The descriptors of a welcome, in their order. */
enum { GIFT_REGION, GIFT_OUR_BELL, GIFT_THEIR_BELL, GIFT_POOL, GIFT_BROADCAST, GIFT_ANSWERS, GIFTS_MAX };

/* What an event says of itself. */
enum { EVENT_END, EVENT_BELL };

static int set_timeout(int socket, int option, int timeout_ms) {
  const struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
  return setsockopt(socket, SOL_SOCKET, option, &timeout, sizeof timeout) == 0 ? 0 : -errno;
}

static int milliseconds_left(int64_t deadline_ms) {
  int64_t left = deadline_ms - vs_now_ms();
  if (left <= 0) return 0;
  return left < kSleepMsMax ? (int)left : kSleepMsMax;
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
  if (welcome->status == VS_STATUS_INVALID && welcome->reason == VS_REFUSAL_VERSION) return -EPROTONOSUPPORT;
  if (welcome->status == VS_STATUS_INVALID && welcome->reason == VS_REFUSAL_FEATURES) return -EOPNOTSUPP;
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

/* Receives the welcome and the descriptors that may come with it; those of `gifts` that none came for stay as they are. */
static int receive_welcome(struct vs_local_link *link, int64_t deadline_ms, struct vs_local_welcome *welcome,
                           int gifts[GIFTS_MAX]) {
  union {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(GIFTS_MAX * sizeof(int))];
  } control;
  struct iovec part = {.iov_base = welcome, .iov_len = sizeof *welcome};
  /* Room for so many and no more: in the padding of CMSG_SPACE the kernel might put another one. */
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = CMSG_LEN(GIFTS_MAX * sizeof(int))};
  ssize_t received;
  do {
    int left = milliseconds_left(deadline_ms);
    if (left == 0) return -ETIMEDOUT;
    int status = set_timeout(link->socket, SO_RCVTIMEO, left);
    if (status != 0) return status;
    received = recvmsg(link->socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && (errno == EINTR || errno == EAGAIN));
  if (received < 0) return errno == ECONNRESET ? -ECONNREFUSED : -errno;
  const struct cmsghdr *item = CMSG_FIRSTHDR(&message);
  if (item != NULL && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS && item->cmsg_len >= CMSG_LEN(0) &&
      item->cmsg_len <= CMSG_LEN(GIFTS_MAX * sizeof(int)))
    memcpy(gifts, CMSG_DATA(item), item->cmsg_len - CMSG_LEN(0)); /* the caller's to close, whatever they came with */
  if (received == 0) return -ECONNREFUSED;
  if (received != sizeof *welcome || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || welcome->magic != VS_LOCAL_MAGIC)
    return -EPROTO;
  return errno_of_welcome(welcome);
}

/* The memory is the backend's: it must be sealed, so that it cannot shrink under us, and as large as it says. */
static int map_region(struct vs_shared *shared, int memory, uint32_t region_bytes) {
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  struct stat status;
  if (region_bytes < VS_PAGE_BYTES || region_bytes > VS_REGION_BYTES_MAX) return -EPROTO;
  int sealed = fcntl(memory, F_GET_SEALS);
  if (sealed < 0 || (sealed & seals) != seals) return -EPROTO; /* -1: a descriptor that cannot be sealed */
  if (fstat(memory, &status) != 0 || (uint64_t)status.st_size < region_bytes) return -EPROTO;
  void *mapped = mmap(NULL, region_bytes, PROT_READ, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED) return -errno;
  shared->region = mapped;
  shared->region_bytes = region_bytes;
  return 0;
}

static int local_make_writable(const struct vs_shared *shared, uint32_t offset, size_t bytes) {
  if (mprotect(shared->region + offset, bytes, PROT_READ | PROT_WRITE) == 0) return 0;
  return errno == EACCES ? -EPROTO : -errno; /* memory that only reads: that is no policy's denial */
}

static void local_unmap(struct vs_shared *shared) {
  if (shared->region != NULL) munmap(shared->region, shared->region_bytes);
  shared->region = NULL;
}

static int say_hello(struct vs_local_link *link, const struct vs_opening *opening) {
  const char *slash = strrchr(opening->path, '/');
  const char *device = slash == NULL ? opening->path : slash + 1;
  struct stat status;
  if (fstat(link->socket, &status) != 0) return -errno;
  link->socket_device = status.st_dev;
  link->socket_inode = status.st_ino;
  struct vs_local_hello hello = {.magic = VS_LOCAL_MAGIC,
                                 .major = VS_REGION_MAJOR,
                                 .minor = VS_REGION_MINOR,
                                 .generation = opening->generation,
                                 .takes = VS_LOCAL_TAKES_POOL | VS_LOCAL_TAKES_BROADCAST | VS_LOCAL_TAKES_ANSWERS | VS_LOCAL_TAKES_RENEWAL,
                                 .ticket = opening->ticket};
  if (strlen(opening->service) > sizeof hello.service || strlen(device) > sizeof hello.device) return -EINVAL;
  memcpy(hello.service, opening->service, strlen(opening->service));
  memcpy(hello.device, device, strlen(device));
  return send(link->socket, &hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello ? 0 : -ECONNREFUSED;
}

/* What an eventfd in semaphore mode does: it lives where our epoll does, which is no file of anybody's, and one can be taken out. So
 * nothing else is ever waited for or read, whatever the backend sent. */
static int judge_bell(const struct vs_local_link *link, int bell) {
  struct stat ours, theirs;
  if (bell < 0 || fstat(link->epoll, &ours) != 0 || fstat(bell, &theirs) != 0) return -EPROTO;
  if ((theirs.st_mode & S_IFMT) != (ours.st_mode & S_IFMT) || theirs.st_dev != ours.st_dev) return -EPROTO;
  uint64_t taken = 0;
  struct iovec one = {.iov_base = &taken, .iov_len = sizeof taken};
  return preadv2(bell, &one, 1, -1, RWF_NOWAIT) == sizeof taken && taken == 1 ? 0 : -EPROTO;
}

static int watch(const struct vs_local_link *link, int operation, int fd, uint32_t events, uint32_t which) {
  struct epoll_event event = {.events = events, .data.u32 = which};
  return epoll_ctl(link->epoll, operation, fd, &event) == 0 ? 0 : -errno;
}

/* Succeeds as long as `fd` is what was watched, and the epoll the one that watches it. */
static bool is_watched(const struct vs_local_link *link, int fd, uint32_t events) {
  return watch(link, EPOLL_CTL_MOD, fd, events, EVENT_END) == 0;
}
static bool socket_is_watched(const struct vs_local_link *link) { return is_watched(link, link->socket, EPOLLRDHUP); }
/* Of our own doorbell nothing is to be heard. */
static bool bell_is_watched(const struct vs_local_link *link) { return is_watched(link, link->bell, EPOLLET); }

static int listen_to(struct vs_local_link *link, const int gifts[GIFTS_MAX]) {
  int result = judge_bell(link, gifts[GIFT_OUR_BELL]);
  if (result == 0) result = judge_bell(link, gifts[GIFT_THEIR_BELL]);
  if (result == 0) result = watch(link, EPOLL_CTL_ADD, link->socket, EPOLLRDHUP, EVENT_END);
  if (result == 0) result = watch(link, EPOLL_CTL_ADD, gifts[GIFT_OUR_BELL], EPOLLET, EVENT_END);
  if (result == 0) result = watch(link, EPOLL_CTL_ADD, gifts[GIFT_THEIR_BELL], EPOLLOUT | EPOLLET, EVENT_BELL);
  struct epoll_event judged;
  if (result == 0) (void)epoll_wait(link->epoll, &judged, 1, 0); /* the one that we took out */
  return result == -ENOSPC ? -ENOMEM : result;
}

/* The last one has no place of its own: the welcome says what it is. */
static void sort_gifts(const struct vs_local_welcome *welcome, int gifts[GIFTS_MAX]) {
  if ((welcome->reason & VS_LOCAL_GIVES_ANSWERS) == 0) return;
  int last = GIFT_ANSWERS;
  while (last > GIFT_THEIR_BELL && gifts[last] < 0) --last;
  if (last == GIFT_THEIR_BELL || last == GIFT_ANSWERS) return;
  gifts[GIFT_ANSWERS] = gifts[last];
  gifts[last] = -1;
}

static int map_gifts(const int gifts[GIFTS_MAX], struct vs_shared *shared) {
  int result = gifts[GIFT_POOL] >= 0 ? vs_borrow_map(&shared->pool, gifts[GIFT_POOL], VS_POOL_BYTES_MAX) : 0;
  if (result == 0 && gifts[GIFT_BROADCAST] >= 0) result = vs_broadcast_map(&shared->broadcast, gifts[GIFT_BROADCAST]);
  if (result == 0 && gifts[GIFT_ANSWERS] >= 0) result = vs_answers_map(&shared->answers, gifts[GIFT_ANSWERS]);
  if (result != 0) {
    vs_borrow_unmap(&shared->pool);
    vs_broadcast_unmap(&shared->broadcast);
  }
  return result;
}

static int shake_hands(struct vs_local_link *link, const struct vs_opening *opening, struct vs_shared *shared) {
  int result = say_hello(link, opening);
  if (result != 0) return result;
  struct vs_local_welcome welcome;
  int gifts[GIFTS_MAX] = {-1, -1, -1, -1, -1, -1};
  result = receive_welcome(link, opening->deadline_ms, &welcome, gifts);
  if (result == 0) sort_gifts(&welcome, gifts);
  if (result == 0) result = gifts[GIFT_REGION] >= 0 ? map_region(shared, gifts[GIFT_REGION], welcome.region_bytes) : -EPROTO;
  if (result == 0) result = listen_to(link, gifts);
  if (result == 0) result = map_gifts(gifts, shared);
  for (int i = 0; i < GIFTS_MAX; ++i) {
    if (result == 0 && i == GIFT_OUR_BELL)
      link->bell = gifts[i];
    else if (gifts[i] >= 0)
      close(gifts[i]);
  }
  return result;
}

static bool socket_is_ours(const struct vs_local_link *link) {
  struct stat status;
  return fstat(link->socket, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_dev == link->socket_device &&
         status.st_ino == link->socket_inode;
}

static bool local_alive(const union vs_link *link) {
  return socket_is_ours(&link->local) && socket_is_watched(&link->local) && bell_is_watched(&link->local);
}

static void local_close(union vs_link *link) {
  struct vs_local_link *ours = &link->local;
  const bool bell = bell_is_watched(ours);
  const bool epoll = bell || socket_is_watched(ours);
  if (socket_is_ours(ours)) close(ours->socket);
  if (bell) close(ours->bell);
  if (epoll) close(ours->epoll);
}

static int local_open(union vs_link *link, const struct vs_opening *opening, struct vs_shared *shared) {
  struct vs_local_link *opened = &link->local;
  *opened = (struct vs_local_link){.socket = connect_to(opening->path, opening->deadline_ms), .epoll = -1, .bell = -1};
  if (opened->socket < 0) return opened->socket;
  opened->epoll = epoll_create1(EPOLL_CLOEXEC);
  int status = opened->epoll >= 0 ? shake_hands(opened, opening, shared) : -errno;
  if (status == 0) return 0;
  local_unmap(shared);
  if (opened->epoll >= 0) close(opened->epoll);
  close(opened->socket);
  return status;
}

static int errno_of_descriptor(int error) {
  switch (error) {
    case EBADF: case EINVAL: case ENOTSOCK: return -ESTALE; /* EINVAL: no epoll, or nothing that is read so */
    default: return -ECONNRESET;
  }
}

static int local_ring(union vs_link *link) {
  uint64_t taken;
  struct iovec one = {.iov_base = &taken, .iov_len = sizeof taken};
  if (preadv2(link->local.bell, &one, 1, -1, RWF_NOWAIT) == sizeof taken) return 0;
  return errno == EAGAIN || errno == EINTR ? 0 : errno_of_descriptor(errno); /* a doorbell that does not ring: its loss */
}

static int local_sleep(union vs_link *link, int64_t deadline_ms) {
  int left = milliseconds_left(deadline_ms);
  struct epoll_event events[2];
  int count = epoll_wait(link->local.epoll, events, 2, left);
  if (count < 0) return errno == EINTR ? 0 : errno_of_descriptor(errno);
  if (count == 0 && left == 0) return -ETIMEDOUT;
  if (count == 0 && !local_alive(link)) return -ESTALE; /* of a socket that was closed here there is no event */
  for (int i = 0; i < count; ++i)
    if (events[i].data.u32 == EVENT_END) return -ECONNRESET;
  return 0;
}

static int local_descriptors(const union vs_link *link, int fds[VS_LINK_DESCRIPTORS_MAX]) {
  fds[0] = link->local.epoll;
  return 1;
}

static int local_look(union vs_link *link) {
  struct pollfd end = {.fd = link->local.socket, .events = POLLRDHUP};
  if (poll(&end, 1, 0) <= 0) return 0;
  return (end.revents & POLLNVAL) != 0 ? -ESTALE : -ECONNRESET;
}

const struct vs_transport vs_local_transport = {
    .open = local_open,
    .make_writable = local_make_writable,
    .unmap = local_unmap,
    .close = local_close,
    .alive = local_alive,
    .ring = local_ring,
    .sleep = local_sleep,
    .descriptors = local_descriptors,
    .look = local_look,
};
