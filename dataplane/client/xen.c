/* The Xen transport: pages that we grant and an event channel, announced in xenstore (abi/xen.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <xen/xen.h>  /* before the next, which needs domid_t */

#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#include "dataplane/abi/keeper.h"
#include "dataplane/client/transport.h"
#include "dataplane/client/wait.h"

enum {
  kDomidMax = 0x7fef,     /* DOMID_FIRST_RESERVED - 1 */
  kSleepMsMax = 1000,     /* a doorbell that got lost shows as this long a wait, not as a hang */
  kGoodbyeMs = 500,       /* for the store, when a session is closed */
  kPathRoom = 64          /* for what follows the path of a node */
};

/* Grants `count` zeroed pages to `domid` and maps them. */
static int grant_pages(struct vs_xen_link *xen, uint32_t domid, uint32_t count, uint32_t *refs, uint64_t *index, void **mapped) {
  struct ioctl_gntalloc_alloc_gref *request = calloc(1, sizeof *request + count * sizeof(uint32_t));
  if (request == NULL) return -ENOMEM;
  request->domid = (uint16_t)domid;
  request->flags = GNTALLOC_FLAG_WRITABLE;
  request->count = count;
  int status = ioctl(xen->memory, IOCTL_GNTALLOC_ALLOC_GREF, request) == 0 ? 0 : -ENOMEM; /* or over the kernel's limit */
  if (status == 0) {
    memcpy(refs, request->gref_ids, count * sizeof(uint32_t));
    *index = request->index;
    *mapped = mmap(NULL, (size_t)count * VS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, xen->memory, (off_t)request->index);
    if (*mapped == MAP_FAILED) status = -ENOMEM;
  }
  free(request);
  return status;
}

static int open_node(const char *path, int *fd) {
  *fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (*fd >= 0) return 0;
  return errno == EACCES || errno == EPERM ? -EACCES : -ENODEV;
}

/* Without a keeper, a domain that moves leaves us with a descriptor that must never be closed. */
static void have_it_kept(struct vs_xen_link *xen) {
  const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = VS_KEEPER_SOCKET};
  const int keeper = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  union {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.bytes = {0}};
  struct iovec part = {.iov_base = "", .iov_len = 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *item = CMSG_FIRSTHDR(&message);
  *item = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(item), &xen->bells, sizeof(int));
  if (keeper >= 0 && connect(keeper, (const struct sockaddr *)&address, sizeof address) == 0 &&
      sendmsg(keeper, &message, MSG_NOSIGNAL) == 1) {
    xen->keeper = keeper;
    return;
  }
  if (keeper >= 0) close(keeper);
}

static int make_bell(struct vs_xen_link *xen, uint32_t domid) {
  int status = open_node("/dev/xen/evtchn", &xen->bells);
  if (status != 0) return status;
  struct stat node;
  if (fstat(xen->bells, &node) != 0) return -errno;
  xen->bells_inode = node.st_ino;
  xen->bells_device = node.st_rdev;
  struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = domid};
  const int port = ioctl(xen->bells, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
  if (port < 0) return -ENOMEM;
  xen->port = (uint32_t)port;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  xen->nonce = (uint32_t)now.tv_nsec ^ ((uint32_t)now.tv_sec << 20) ^ ((uint32_t)getpid() << 8);
  have_it_kept(xen);
  return 0;
}

/* The memory, with the directory filled in. */
static int make_memory(struct vs_xen_link *xen, uint32_t domid, const char *device, const struct vs_opening *opening,
                       struct vs_shared *shared, uint32_t *directory_ref) {
  int status = open_node("/dev/xen/gntalloc", &xen->memory);
  if (status != 0) return status;
  uint64_t index = 0;
  void *mapped = NULL;
  status = grant_pages(xen, domid, 1, directory_ref, &index, &mapped);
  if (status != 0) return status;
  xen->directory = mapped;
  struct vs_xen_directory *directory = xen->directory;
  /* When the last of us is gone, the kernel clears the byte and rings. */
  struct ioctl_gntalloc_unmap_notify notify = {.index = index + offsetof(struct vs_xen_directory, frontend_alive),
                                               .action = UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT,
                                               .event_channel_port = xen->port};
  if (ioctl(xen->memory, IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, &notify) != 0) return -errno;
  const uint32_t pages = (uint32_t)(shared->region_bytes / VS_PAGE_BYTES);
  status = grant_pages(xen, domid, pages, directory->refs, &index, &mapped);
  if (status != 0) return status;
  shared->region = mapped;
  /* A child of a fork has none of it: what it does cannot be taken for ours. */
  madvise(shared->region, shared->region_bytes, MADV_DONTFORK);
  madvise(xen->directory, VS_PAGE_BYTES, MADV_DONTFORK);
  directory->magic = VS_XEN_MAGIC;
  directory->major = VS_REGION_MAJOR;
  directory->minor = VS_REGION_MINOR;
  directory->generation = opening->generation;
  directory->page_count = pages;
  memcpy(directory->service, opening->service, strlen(opening->service));
  memcpy(directory->device, device, strlen(device));
  directory->frontend_alive = 1;
  return 0;
}

static int write_node(struct vs_xen_link *xen, const char *key, const char *text, uint32_t number, int64_t deadline_ms) {
  char path[VS_XENBUS_TEXT_MAX];
  if (snprintf(path, sizeof path, "%s/%s", xen->frontend, key) >= (int)sizeof path) return -EINVAL;
  return text != NULL ? vs_xenbus_write(&xen->bus, path, text, deadline_ms)
                      : vs_xenbus_write_number(&xen->bus, path, number, deadline_ms);
}

static int announce(struct vs_xen_link *xen, const char *device, uint32_t directory_ref, int64_t deadline_ms) {
  snprintf(xen->frontend, sizeof xen->frontend, "device/vservice/%u", xen->port);
  /* What a process before us left there; then what tells our open from its. */
  int status = vs_xenbus_remove(&xen->bus, xen->frontend, deadline_ms);
  if (status == -ENOENT) status = 0;
  if (status == 0) status = write_node(xen, "nonce", NULL, xen->nonce, deadline_ms);
  if (status == 0) status = write_node(xen, "device", device, 0, deadline_ms);
  if (status == 0) status = write_node(xen, "directory-ref", NULL, directory_ref, deadline_ms);
  if (status == 0) status = write_node(xen, "event-channel", NULL, xen->port, deadline_ms);
  if (status == 0) status = write_node(xen, "state", NULL, VS_XEN_INITIALISED, deadline_ms);
  return status == -ENOSPC || status == -EPERM ? -ENOMEM : status; /* over the store's quota */
}

static int read_below(struct vs_xen_link *xen, const char *node, const char *key, uint32_t max, uint32_t *number,
                      int64_t deadline_ms) {
  char path[VS_XENBUS_TEXT_MAX];
  if (snprintf(path, sizeof path, "%s/%s", node, key) >= (int)sizeof path) return -EPROTO;
  return vs_xenbus_read_number(&xen->bus, path, max, number, deadline_ms);
}

static int errno_of_refusal(uint32_t status, uint32_t reason) {
  if (status == VS_STATUS_INVALID && reason == VS_REFUSAL_VERSION) return -EPROTONOSUPPORT;
  if (status == VS_STATUS_INVALID && reason == VS_REFUSAL_FEATURES) return -EOPNOTSUPP;
  switch (status) {
    case VS_STATUS_INVALID: return -EINVAL;
    case VS_STATUS_DENIED: return -EACCES;
    case VS_STATUS_NOT_FOUND: return -ENODEV;
    case VS_STATUS_EXHAUSTED: return -ENOMEM;
    default: return -ECONNREFUSED;
  }
}

/* What the backend says: 1 connected, 0 nothing yet, or why not. */
static int backend_verdict(struct vs_xen_link *xen, int64_t deadline_ms) {
  uint32_t nonce = 0, state = 0, status = VS_STATUS_UNAVAILABLE, reason = 0;
  int read = read_below(xen, xen->backend, "nonce", UINT32_MAX, &nonce, deadline_ms);
  if (read == 0 && nonce != xen->nonce) return 0; /* said to an open before us */
  if (read == 0) read = read_below(xen, xen->backend, "state", UINT32_MAX, &state, deadline_ms);
  if (read == -ENOENT || read == -ENODATA) return 0;
  if (read != 0) return read == -EACCES ? -ECONNRESET : read; /* we are another domain by now */
  /* A backend that died left its words behind, perhaps for another channel of the same number: a living one says so in the page. */
  if (state == VS_XEN_CONNECTED) return __atomic_load_n(&xen->directory->backend_alive, __ATOMIC_ACQUIRE) != 0 ? 1 : 0;
  if (state != VS_XEN_CLOSED) return 0;
  (void)read_below(xen, xen->backend, "status", UINT32_MAX, &status, deadline_ms);
  (void)read_below(xen, xen->backend, "reason", UINT32_MAX, &reason, deadline_ms);
  return errno_of_refusal(status, reason);
}

/* True when this domain still is the one that made the grants. */
static bool same_domain(struct vs_xen_link *xen, int64_t deadline_ms) {
  uint32_t domid;
  const int status = vs_xenbus_read_number(&xen->bus, "domid", kDomidMax, &domid, deadline_ms);
  return status == -ETIMEDOUT || (status == 0 && domid == xen->domid);
}

static int wait_for_backend(struct vs_xen_link *xen, int64_t deadline_ms) {
  for (;;) {
    xen->bus.fired = false;
    const int verdict = backend_verdict(xen, deadline_ms);
    if (verdict != 0) return verdict > 0 ? 0 : verdict;
    if (!same_domain(xen, deadline_ms)) return -ECONNRESET;
    while (!xen->bus.fired) {
      const int64_t left = deadline_ms - vs_now_ms();
      if (left <= 0) return -ECONNREFUSED;
      struct pollfd change = {.fd = xen->bus.fd, .events = POLLIN};
      poll(&change, 1, left < 1000 ? (int)left : 1000);
      const int status = vs_xenbus_take_events(&xen->bus);
      if (status != 0) return status;
    }
  }
}

static int connect_backend(struct vs_xen_link *xen, const char *device, const struct vs_opening *opening,
                           struct vs_shared *shared) {
  const int64_t deadline_ms = opening->deadline_ms;
  char announced[VS_XENBUS_TEXT_MAX], home[VS_XENBUS_TEXT_MAX], value[VS_XENBUS_TEXT_MAX];
  uint32_t backend_domid = 0, region_bytes = 0, directory_ref = 0;
  if (strlen(device) > VS_LOCAL_DEVICE_BYTES || strlen(opening->service) > VS_LOCAL_SERVICE_BYTES) return -EINVAL;
  snprintf(announced, sizeof announced, "vservice/%s/backend", device);
  int status = vs_xenbus_read(&xen->bus, announced, home, deadline_ms); /* the last that is announced */
  if (status != 0) return status == -EACCES || status == -EINVAL || status == -ENOENT ? -ENODEV : status;
  snprintf(announced, sizeof announced, "vservice/%s", device);
  status = read_below(xen, announced, "backend-id", kDomidMax, &backend_domid, deadline_ms);
  if (status == 0) status = read_below(xen, announced, "region-bytes", VS_XEN_PAGES_MAX * VS_PAGE_BYTES, &region_bytes, deadline_ms);
  if (status != 0) return status;
  if (region_bytes < VS_PAGE_BYTES || region_bytes % VS_PAGE_BYTES != 0) return -EPROTO;
  snprintf(announced, sizeof announced, "vservice/%s/service", device);
  status = vs_xenbus_read(&xen->bus, announced, value, deadline_ms);
  if (status != 0) return status;
  if (strcmp(value, opening->service) != 0) return -EINVAL;
  status = vs_xenbus_read_number(&xen->bus, "domid", kDomidMax, &xen->domid, deadline_ms);
  if (status != 0) return status;
  shared->region_bytes = region_bytes;
  status = make_bell(xen, backend_domid);
  if (status == 0) status = make_memory(xen, backend_domid, device, opening, shared, &directory_ref);
  if (status != 0) return status;
  if (snprintf(xen->backend, sizeof xen->backend, "%s/%u", home, xen->port) > VS_XENBUS_TEXT_MAX - kPathRoom) return -EPROTO;
  status = announce(xen, device, directory_ref, deadline_ms);
  /* The first tells when the backend answers or leaves; the second fires, too, when the domain is resumed somewhere else. */
  if (status == 0) status = vs_xenbus_watch(&xen->bus, xen->backend, deadline_ms);
  if (status == 0) status = vs_xenbus_watch(&xen->bus, "domid", deadline_ms);
  if (status == 0) status = wait_for_backend(xen, deadline_ms);
  if (status == 0) status = write_node(xen, "state", NULL, VS_XEN_CONNECTED, deadline_ms);
  return status;
}

static void unmap(struct vs_shared *shared) {
  if (shared->region != NULL) munmap(shared->region, shared->region_bytes);
  shared->region = NULL;
}

static bool alive(const union vs_link *link) {
  const struct vs_xen_link *xen = &link->xen;
  struct stat node;
  return xen->bells >= 0 && fstat(xen->bells, &node) == 0 && S_ISCHR(node.st_mode) && node.st_rdev == xen->bells_device &&
         node.st_ino == xen->bells_inode;
}

static void close_link(union vs_link *link) {
  struct vs_xen_link *xen = &link->xen;
  const bool ours = alive(link);
  const bool here = same_domain(xen, vs_now_ms() + kGoodbyeMs);
  if (ours && here && xen->frontend[0] != '\0') (void)vs_xenbus_remove(&xen->bus, xen->frontend, vs_now_ms() + kGoodbyeMs);
  if (xen->directory != NULL) munmap(xen->directory, VS_PAGE_BYTES);
  if (ours || xen->bells < 0) {
    if (xen->memory >= 0) close(xen->memory); /* before the bell, which it rings */
    if (xen->bells >= 0 && (xen->keeper >= 0 || here)) close(xen->bells); /* else it stays open: see abi/keeper.h */
    if (xen->keeper >= 0) close(xen->keeper);
    vs_xenbus_close(&xen->bus);
  }
  *xen = (struct vs_xen_link){.bus = {.fd = -1}, .memory = -1, .bells = -1, .keeper = -1};
}

/* Devices that the hypervisor announces are those of the guest, not those of a directory that somebody named. */
static int open_link(union vs_link *link, const struct vs_opening *opening, struct vs_shared *shared) {
  const size_t home_bytes = strlen(VS_LOCAL_DIRECTORY);
  if (strncmp(opening->path, VS_LOCAL_DIRECTORY, home_bytes) != 0 || opening->path[home_bytes] != '/') return -ENODEV;
  link->xen = (struct vs_xen_link){.memory = -1, .bells = -1, .keeper = -1};
  int status = vs_xenbus_open(&link->xen.bus);
  if (status != 0) return status;
  status = connect_backend(&link->xen, opening->path + home_bytes + 1, opening, shared);
  if (status == 0) return 0;
  unmap(shared);
  close_link(link);
  return status;
}

static int ring(union vs_link *link) {
  struct ioctl_evtchn_notify notify = {.port = link->xen.port};
  if (ioctl(link->xen.bells, IOCTL_EVTCHN_NOTIFY, &notify) == 0) return 0;
  return errno == EBADF || errno == ENOTTY ? -ESTALE : -ECONNRESET;
}

static bool backend_alive(const struct vs_xen_link *xen) {
  return __atomic_load_n(&xen->directory->backend_alive, __ATOMIC_ACQUIRE) != 0;
}

/* The store has news: whether they are about us. */
static int look_at_store(struct vs_xen_link *xen) {
  int status = vs_xenbus_take_events(&xen->bus);
  if (status != 0) return status == -EBADF ? -ESTALE : -ECONNRESET;
  if (!xen->bus.fired) return 0;
  xen->bus.fired = false;
  const int64_t deadline_ms = vs_now_ms() + kGoodbyeMs;
  if (!same_domain(xen, deadline_ms)) return -ECONNRESET;
  const int verdict = backend_verdict(xen, deadline_ms);
  return verdict == 1 || verdict == -ETIMEDOUT ? 0 : -ECONNRESET;
}

static int look(union vs_link *link) {
  struct vs_xen_link *xen = &link->xen;
  if (!backend_alive(xen)) return -ECONNRESET;
  struct pollfd news = {.fd = xen->bus.fd, .events = POLLIN};
  if (poll(&news, 1, 0) <= 0) return 0;
  return (news.revents & POLLNVAL) != 0 ? -ESTALE : look_at_store(xen);
}

/* A channel that has rung rings again only when it is told to. */
static int take_bell(struct vs_xen_link *xen) {
  uint32_t port;
  if (read(xen->bells, &port, sizeof port) != sizeof port) return 0;
  return write(xen->bells, &port, sizeof port) == sizeof port ? 0 : -ECONNRESET;
}

static int sleep_on(union vs_link *link, int64_t deadline_ms) {
  struct vs_xen_link *xen = &link->xen;
  const int64_t until = deadline_ms - vs_now_ms();
  const int64_t left = until > 0 ? until : 0;
  struct pollfd news[2] = {{.fd = xen->bells, .events = POLLIN}, {.fd = xen->bus.fd, .events = POLLIN}};
  const int ready = poll(news, 2, left < kSleepMsMax ? (int)left : kSleepMsMax);
  if (ready < 0 && errno != EINTR) return -ECONNRESET;
  if (ready == 0 && left == 0) return -ETIMEDOUT;
  if (ready > 0 && ((news[0].revents | news[1].revents) & POLLNVAL) != 0) return -ESTALE;
  if (ready > 0 && news[0].revents != 0 && take_bell(xen) != 0) return -ECONNRESET;
  if (!backend_alive(xen)) return -ECONNRESET;
  return ready > 0 && news[1].revents != 0 ? look_at_store(xen) : 0;
}

static int descriptors(const union vs_link *link, int fds[VS_LINK_DESCRIPTORS_MAX]) {
  fds[0] = link->xen.bells;
  fds[1] = link->xen.bus.fd;
  return 2;
}

/* Ours from the start: there is nothing that could not be written. */
static int make_writable(const struct vs_shared *shared, uint32_t offset, size_t bytes) {
  (void)shared, (void)offset, (void)bytes;
  return 0;
}

const struct vs_transport vs_xen_transport = {.open = open_link,
                                              .make_writable = make_writable,
                                              .unmap = unmap,
                                              .close = close_link,
                                              .alive = alive,
                                              .ring = ring,
                                              .sleep = sleep_on,
                                              .descriptors = descriptors,
                                              .look = look};
