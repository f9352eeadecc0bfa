/* A broadcast ring: one writer, any number of readers that map it read-only and never hold it up. schemas/ring.md is the contract.
 *
 * For channels whose readers all have equal rights, since whoever maps it sees everything in it. A reader that is too slow is
 * lapped: it notices by `tail_intent`, loses records and knows how many. Records are those of abi/ring.h; their cookie is the
 * sequence number, and their commit_bytes is not polled (`tail` is).
 *
 * Little-endian, fixed width, no pointers. Sizes are bytes. Positions are free-running byte counts, masked by the ring's size. */
#ifndef VSERVICES_ABI_BROADCAST_H
#define VSERVICES_ABI_BROADCAST_H

#include "dataplane/abi/ring.h"

enum {
  VS_BROADCAST_MAGIC = 0x31425356, /* "VSB1" */
  VS_BROADCAST_MAJOR = 1,          /* another major is refused */
  VS_BROADCAST_MINOR = 0
};
#define VS_BROADCAST_BYTES_MAX ((uint64_t)1 << 31) /* of the whole: header, index page and ring */

/* First in the header page, whose rest is zero. Written once before the memory is shared, never again. The reader copies it,
 * judges the copy and uses only the copy. Offsets are multiples of the page; the three parts lie apart. */
struct vs_broadcast_header {
  uint32_t magic;
  uint16_t major;
  uint16_t minor;
  uint32_t bytes; /* of the whole */
  uint32_t channel; /* its number: among the channels of a session */
  uint32_t index_offset;
  uint32_t data_offset;
  uint32_t data_bytes_log2; /* VS_RING_BYTES_LOG2_MIN .. VS_RING_BYTES_LOG2_MAX */
  uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct vs_broadcast_header) == 32, "broadcast header");

/* On one line, for a reader looks at all of it. Shared words, stored by the writer alone:
 *
 *   write   tail_intent = behind the new record; release fence; pad and record; latest, then tail = behind it, with release
 *   read    tail; copy the header; judge the copy's length; copy the payload; acquire fence; tail_intent again:
 *           further than the ring's size from the record's position: it was overwritten meanwhile, and the copy is worth nothing */
struct vs_broadcast_index {
  uint32_t tail_intent; /* what lies further than the ring's size before it may be being overwritten */
  uint32_t tail;        /* behind the newest record */
  uint32_t latest;      /* where the newest record begins; tail before there is one */
  uint8_t pad[VS_PAGE_BYTES - 12];
};
static_assert(sizeof(struct vs_broadcast_index) == VS_PAGE_BYTES, "one writer a page");

#endif
