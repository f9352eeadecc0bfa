/* vservice-keeper: holds event channels of a domU's processes, so that it can be saved and migrated (abi/keeper.h says why).
 *
 * One thread, no memory but a table. What it is sent is kept or closed, never read. Runs until the domain ends: ended earlier with
 * channels of a domain that has moved, it meets the same BUG(). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/abi/keeper.h"
#include "dataplane/client/wait.h"
#include "dataplane/client/xenbus.h"

enum {
  kKeptMax = 4096,      /* connections; who comes then is sent away, and goes without */
  kStoreMs = 5000,
  kDomidMax = 0x7fef
};

struct kept {
  int channel; /* -1: none was sent yet */
  uint32_t domid;
};

static struct pollfd sockets[kKeptMax + 1]; /* the first: where they connect */
static struct kept kept[kKeptMax + 1];
static nfds_t count = 1;

/* Which domain we are now; 0 when that cannot be told. */
static uint32_t domid_now(void) {
  struct vs_xenbus bus;
  uint32_t domid = 0;
  if (vs_xenbus_open(&bus) != 0) return 0;
  if (vs_xenbus_read_number(&bus, "domid", kDomidMax, &domid, vs_now_ms() + kStoreMs) != 0) domid = 0;
  vs_xenbus_close(&bus);
  return domid;
}

static void take_in(void) {
  const int socket = accept4(sockets[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) return;
  if (count > kKeptMax) {
    close(socket);
    return;
  }
  sockets[count] = (struct pollfd){.fd = socket, .events = POLLIN};
  kept[count++] = (struct kept){.channel = -1};
}

/* One descriptor of a connection is kept; it may not send another. True when the connection is over. */
static bool take_channel(nfds_t i) {
  union {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  char byte;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
  const ssize_t received = recvmsg(sockets[i].fd, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return errno != EAGAIN && errno != EINTR;
  const struct cmsghdr *item = CMSG_FIRSTHDR(&message);
  int sent = -1;
  if (item != NULL && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS && item->cmsg_len == CMSG_LEN(sizeof(int)))
    memcpy(&sent, CMSG_DATA(item), sizeof sent);
  if (received == 0 || sent < 0 || kept[i].channel >= 0) {
    if (sent >= 0) close(sent);
    return true;
  }
  kept[i] = (struct kept){.channel = sent, .domid = domid_now()};
  return false;
}

static void let_go(nfds_t i) {
  close(sockets[i].fd);
  const bool here = kept[i].channel >= 0 && kept[i].domid != 0 && domid_now() == kept[i].domid;
  if (here) close(kept[i].channel); /* else it stays, for good */
  sockets[i] = sockets[--count];
  kept[i] = kept[count];
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  memcpy(address.sun_path, path, strlen(path) + 1);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  unlink(path);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0666) != 0 || listen(fd, 64) != 0)
    return -1;
  return fd;
}

int main(int argument_count, char **arguments) {
  const char *path = argument_count == 2 ? arguments[1] : VS_KEEPER_SOCKET;
  if (argument_count > 2 || strcmp(path, "--help") == 0) {
    printf("usage: vservice-keeper [SOCKET]\n\nKeeps event channels for the processes of a Xen guest, so that it can be saved and "
           "migrated.\nSOCKET: default " VS_KEEPER_SOCKET "\n");
    return argument_count > 2 ? 2 : 0;
  }
  signal(SIGPIPE, SIG_IGN);
  sockets[0] = (struct pollfd){.fd = listen_at(path), .events = POLLIN};
  if (sockets[0].fd < 0) {
    fprintf(stderr, "vservice-keeper: %s: %s\n", path, strerror(errno));
    return 1;
  }
  for (;;) {
    if (poll(sockets, count, -1) < 0) continue;
    for (nfds_t i = count - 1; i > 0; --i) /* downwards: the last takes the place of one that goes */
      if (sockets[i].revents != 0 && take_channel(i)) let_go(i);
    if (sockets[0].revents != 0) take_in();
  }
}
