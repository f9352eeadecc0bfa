/* The Xen transport: how a frontend in a domU and a backend in another domain come to share a region.
 *
 * The frontend brings the memory: it grants one page, the directory, which says what it wants and lists the grant references of
 * the region's pages, and allocates an event channel, the doorbell both ways. All else goes through xenstore (paths are those of
 * the guest, D its domid, N the number of its event channel):
 *
 *   vservice/DEVICE/              the backend's, made when DEVICE is bound: owner, service, backend (a path), backend-id, region-bytes
 *   device/vservice/N/            the frontend's, one for each open: nonce, device, directory-ref, event-channel, state
 *   backend/vservice/D/N/         below the backend's home: frontend, nonce, state; with a refusal status, reason, error (in words)
 *
 *   frontend                                   backend
 *   all keys of N, then state 3      -->
 *                                    <--       the region's header in its first page, then state 4
 *   state 4; the doorbell            <->       the doorbell
 *   state 6, or N removed            <->       state 6
 *
 * The owner is a backend's word for itself: it takes away only what still carries it, for another may have announced the device since.
 * Written without transactions, the nonce first, the state last. The nonce tells opens apart that have the same N one after the
 * other: what the backend says is about the open whose nonce it repeats, and it removes the node of no other. A side that dies clears its `alive` byte and rings: the kernels do that when the
 * pages are unmapped. Grants and event channels end with the domain; after a restore or a migration, the frontend opens anew. */
#ifndef VSERVICES_ABI_XEN_H
#define VSERVICES_ABI_XEN_H

#include "dataplane/abi/local.h"
#include "dataplane/abi/region.h"

enum {
  VS_XEN_MAGIC = 0x31585356,  /* "VSX1" */
  VS_XEN_NONCE_BYTES_MAX = 16, /* of text; another one for each open of a number */
  VS_XEN_PAGES_MAX = 768      /* of a region: a kernel grants 1024 for all of its processes unless told otherwise */
};

/* xenbus' states (xen/io/xenbus.h), as far as they are used; any other step is refused. */
enum vs_xen_state {
  VS_XEN_INITIALISED = 3,
  VS_XEN_CONNECTED = 4,
  VS_XEN_CLOSING = 5,
  VS_XEN_CLOSED = 6
};

/* The first page that a frontend grants, written before its state is 3; the backend copies it once and judges the copy. */
struct vs_xen_directory {
  uint32_t magic;
  uint16_t major; /* VS_REGION_MAJOR */
  uint16_t minor;
  uint64_t features;   /* as in vs_local_hello, as are the next three */
  uint32_t generation;
  uint32_t page_count; /* of the region */
  uint8_t service[VS_LOCAL_SERVICE_BYTES];
  uint8_t device[VS_LOCAL_DEVICE_BYTES];
  uint8_t pad0[VS_LINE_BYTES - 104];
  uint8_t frontend_alive; /* 1; cleared by the frontend's kernel */
  uint8_t pad1[VS_LINE_BYTES - 1];
  uint8_t backend_alive; /* 1 once connected; cleared by the backend's kernel */
  uint8_t pad2[VS_LINE_BYTES - 1];
  uint32_t refs[VS_XEN_PAGES_MAX]; /* of the region's pages, in order */
  uint8_t pad3[VS_PAGE_BYTES - 3 * VS_LINE_BYTES - 4 * VS_XEN_PAGES_MAX];
};
static_assert(sizeof(struct vs_xen_directory) == VS_PAGE_BYTES, "one page");
static_assert(offsetof(struct vs_xen_directory, frontend_alive) == VS_LINE_BYTES, "as in schemas/ring.md");
static_assert(offsetof(struct vs_xen_directory, refs) == 3 * VS_LINE_BYTES, "as in schemas/ring.md");

#endif
