/* The handshake of the local transport, over the domain's AF_UNIX SOCK_SEQPACKET socket for the device.
 *
 *   frontend                                   backend
 *   connect, vs_local_hello          -->
 *                                    <--       vs_local_welcome, and with VS_STATUS_OK one fd: the region's memfd;
 *                                              perhaps a second one: the memfd of the pool that the service lends from
 *   one byte of any value            <->       doorbell, either way, from then on
 *   end of file                                the session is over
 *
 * Who the frontend is, is known from the socket it connected to; nothing in the hello says so. */
#ifndef VSERVICES_ABI_LOCAL_H
#define VSERVICES_ABI_LOCAL_H

#include <assert.h>
#include <stdint.h>

enum {
  VS_LOCAL_MAGIC = 0x314c5356, /* "VSL1" */
  VS_LOCAL_SERVICE_BYTES = 16, /* service kind, padded with zeros */
  VS_LOCAL_DEVICE_BYTES = 64   /* device name, padded with zeros */
};

#define VS_LOCAL_DIRECTORY "/run/vservice" /* where a guest finds its devices, one socket each */

/* What a frontend takes beyond a region. Bits that a backend does not know change nothing. */
enum vs_local_takes {
  VS_LOCAL_TAKES_POOL = 1 << 0 /* the second descriptor; a frontend without it gets no answer by a buffer */
};

struct vs_local_hello {
  uint32_t magic;
  uint16_t major; /* VS_REGION_MAJOR */
  uint16_t minor;
  uint64_t features;                     /* what the frontend can do; the region's header says what was agreed */
  uint32_t generation;                   /* how often this device was connected before */
  uint8_t service[VS_LOCAL_SERVICE_BYTES]; /* the kind the frontend wants to talk to: "dns" */
  uint8_t device[VS_LOCAL_DEVICE_BYTES];   /* the device it means to open: refused when the socket is another's */
  uint32_t takes; /* enum vs_local_takes */
};
static_assert(sizeof(struct vs_local_hello) == 104, "hello");

/* Why a hello was not welcome; tells apart what has the same status. */
enum vs_local_reason {
  VS_LOCAL_REASON_NONE = 0,
  VS_LOCAL_REASON_PROTOCOL = 1, /* no hello, or of another length or magic */
  VS_LOCAL_REASON_VERSION = 2,  /* another major version */
  VS_LOCAL_REASON_FEATURES = 3, /* features this backend does not know */
  VS_LOCAL_REASON_SERVICE = 4,  /* the device is of another service kind */
  VS_LOCAL_REASON_DEVICE = 5,   /* the socket is that of another device */
  VS_LOCAL_REASON_POLICY = 6,   /* not granted */
  VS_LOCAL_REASON_SESSIONS = 7, /* too many sessions, of the domain or of the backend */
  VS_LOCAL_REASON_MEMORY = 8    /* the domain's memory is used up, or the node's */
};

struct vs_local_welcome {
  uint32_t magic;
  uint32_t status; /* enum vs_status */
  uint32_t region_bytes;
  uint32_t reason; /* enum vs_local_reason */
};
static_assert(sizeof(struct vs_local_welcome) == 16, "welcome");

#endif
