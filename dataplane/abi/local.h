/* The handshake of the local transport, over the domain's AF_UNIX SOCK_SEQPACKET socket for the device.
 *
 *   frontend                                   backend
 *   connect, vs_local_hello          -->
 *                                    <--       vs_local_welcome, and with VS_STATUS_OK these descriptors, in this order:
 *                                                the region's memfd
 *                                                the doorbell that the frontend rings
 *                                                the doorbell that the backend rings
 *                                                perhaps the memfd of the pool that the service lends from
 *                                                and perhaps, behind that, the memfd of its broadcast ring
 *                                                last, if `gives` says so, the memfd of the guest's answers (abi/answers.h)
 *   end of file                                the session is over
 *
 * Nothing else goes over the socket. Who the frontend is, is known from the socket it connected to; nothing in the hello says so.
 *
 * A doorbell is an eventfd in semaphore mode (EFD_SEMAPHORE) into which the backend has written VS_LOCAL_BELL_FULL, once. To ring
 * it is to read it: 8 bytes, which take one out. To listen is to have epoll wait for edges (EPOLLET) of EPOLLOUT, of which each
 * ring makes one, and to neither read nor write. So nobody has to empty anything, no ring finds the doorbell full, and neither
 * side can make the other wait: to empty it takes 2^64 reads. Who fills it again makes his own rings unheard.
 * It needs Linux 5.8, where a read of an eventfd can be told not to wait (RWF_NOWAIT), for a frontend does not know who made it. */
#ifndef VSERVICES_ABI_LOCAL_H
#define VSERVICES_ABI_LOCAL_H

#include <assert.h>
#include <stdint.h>

enum {
  VS_LOCAL_MAGIC = 0x324c5356, /* "VSL2" */
  VS_LOCAL_SERVICE_BYTES = 16, /* service kind, padded with zeros */
  VS_LOCAL_DEVICE_BYTES = 64   /* device name, padded with zeros */
};

#define VS_LOCAL_BELL_FULL UINT64_C(0xfffffffffffffffe) /* the most that can be written into an eventfd */

#define VS_LOCAL_DIRECTORY "/run/vservice" /* where a guest finds its devices, one socket each */

/* What a frontend takes beyond a region. Bits that a backend does not know change nothing. */
enum vs_local_takes {
  VS_LOCAL_TAKES_POOL = 1 << 0,     /* the fourth descriptor; a frontend without it gets no answer by a buffer */
  VS_LOCAL_TAKES_BROADCAST = 1 << 1, /* the fifth */
  VS_LOCAL_TAKES_ANSWERS = 1 << 2,   /* the last one, when VS_LOCAL_GIVES_ANSWERS is said of it */
  VS_LOCAL_TAKES_RENEWAL = 1 << 3    /* another region while the session goes on (abi/region.h) */
};

/* What a welcome brings that its descriptors' places do not tell. */
enum vs_local_gives { VS_LOCAL_GIVES_ANSWERS = 1 << 0 };

struct vs_local_hello {
  uint32_t magic;
  uint16_t major; /* VS_REGION_MAJOR */
  uint16_t minor;
  uint64_t features;                     /* what the frontend can do; the region's header says what was agreed */
  uint32_t generation;                   /* how often this device was connected before */
  uint8_t service[VS_LOCAL_SERVICE_BYTES]; /* the kind the frontend wants to talk to: "dns" */
  uint8_t device[VS_LOCAL_DEVICE_BYTES];   /* the device it means to open: refused when the socket is another's */
  uint32_t takes; /* enum vs_local_takes */
  uint64_t ticket; /* of the session whose region is to be renewed; 0: a session begins. Up to minor version 1 the hello ended before it */
};
static_assert(sizeof(struct vs_local_hello) == 112, "hello");
enum { VS_LOCAL_HELLO_BYTES_MIN = 104 };

struct vs_local_welcome {
  uint32_t magic;
  uint32_t status; /* enum vs_status */
  uint32_t region_bytes;
  uint32_t reason; /* enum vs_refusal; with VS_STATUS_OK what it gives, enum vs_local_gives */
};
static_assert(sizeof(struct vs_local_welcome) == 16, "welcome");

#endif
