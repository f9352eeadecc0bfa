/* A region: one session's shared memory. A header page, then two rings of pages that have one writer each.
 *
 *   page 0            header, written once by the creator before it is shared, never again
 *   backend's pages   request cons page, response prod page, response data
 *   frontend's pages  response cons page, request prod page, request data
 *
 * A side maps the other's pages read-only. The header is copied at attach, the copy judged, and only the copy used.
 *
 * A region is renewed, with other rings or another way of waiting, while its session goes on:
 *   frontend                                   backend
 *                                    <--       stores 1 in `renewal` of its response prod page, rings
 *   connects as ever, with the ticket -->
 *                                    <--       a region as it shall be now, of the same generation
 *   VS_RECORD_RENEWED, its last in the old request ring -->
 *                                    <--       VS_RECORD_RENEWED, its first in the new response ring, cookie 0, no payload
 * Requests before the one record are taken from the old ring, later ones from the new; answers before the other lie in the old ring,
 * later ones in the new. What is unanswered keeps its cookie and the room it was promised. Then the old connection ends.
 *
 * When the guest goes to another node the region stays behind: see `migrating` (ring.h), and schemas/ring.md, Migration. */
#ifndef VSERVICES_ABI_REGION_H
#define VSERVICES_ABI_REGION_H

#include "dataplane/abi/ring.h"

enum {
  VS_REGION_MAGIC = 0x31525356, /* "VSR1" */
  VS_REGION_MAJOR = 1,          /* another major is refused */
  VS_REGION_MINOR = 3, /* 1 had no renewals, 2 no word that the guest moves */
  VS_REGION_BYTES_MAX = 1 << 28
};

/* What a side does when its ring is empty. */
enum vs_wait_mode {
  VS_WAIT_ADAPTIVE = 0, /* looks for a while when that pays and takes no core from anybody, then sleeps */
  VS_WAIT_SPIN = 1,     /* always looks */
  VS_WAIT_BLOCK = 2,    /* always sleeps */
  VS_WAIT_TIMER = 3     /* sleeps until batch_messages wait, or the first of them for batch_us */
};

/* Why a frontend was not given a region; tells apart what has the same status. */
enum vs_refusal {
  VS_REFUSAL_NONE = 0,
  VS_REFUSAL_PROTOCOL = 1, /* no hello, or of another length or magic */
  VS_REFUSAL_VERSION = 2,  /* another major version */
  VS_REFUSAL_FEATURES = 3, /* features this backend does not know */
  VS_REFUSAL_SERVICE = 4,  /* the device is of another service kind */
  VS_REFUSAL_DEVICE = 5,   /* the socket is that of another device */
  VS_REFUSAL_POLICY = 6,   /* not granted */
  VS_REFUSAL_SESSIONS = 7, /* too many sessions, of the domain or of the backend */
  VS_REFUSAL_MEMORY = 8,   /* the domain's memory is used up, or the node's */
  VS_REFUSAL_MIGRATING = 9 /* it is about to be served by another node: try again */
};

enum { VS_REGION_FEATURES = 0 }; /* all feature bits this version knows; others are refused */

/* Offsets count from the start of the region and are multiples of the page. */
struct vs_ring_place {
  uint32_t prod_offset;
  uint32_t cons_offset;
  uint32_t data_offset;
  uint32_t data_bytes_log2;
};
static_assert(sizeof(struct vs_ring_place) == 16, "ring place");

struct vs_region_header {
  uint32_t magic;
  uint16_t major;
  uint16_t minor;
  uint64_t features;   /* bits offered by the creator and agreed in the handshake; never cleared within a generation */
  uint32_t bytes;      /* of the whole region */
  uint32_t generation; /* +1 with each connect of the same device; the upper half of every cookie */
  struct vs_ring_place request;
  struct vs_ring_place response;
  uint32_t wait_mode;      /* enum vs_wait_mode, for both sides; the frontend takes an unknown one as VS_WAIT_BLOCK */
  uint32_t batch_messages; /* of VS_WAIT_TIMER */
  uint32_t batch_us;       /* of VS_WAIT_TIMER */
  uint32_t reserved0;
  uint64_t ticket; /* by which the frontend names this session to have its region renewed; 0: it cannot */
  uint8_t reserved[VS_PAGE_BYTES - 80];
};
static_assert(sizeof(struct vs_region_header) == VS_PAGE_BYTES, "header page");
static_assert(offsetof(struct vs_region_header, request) == 24, "as in schemas/ring.md");

#endif
