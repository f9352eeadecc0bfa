/* Buffers: how payloads too large for a record change hands without being copied. schemas/ring.md is the contract.
 *
 * A pool is memory of its own: a header page, a generation word for each buffer, and buffers of one size. Its lender alone
 * writes it; its borrowers map it read-only. The lender fills a buffer (a loan) and lends it: a record with a vs_buffer goes
 * into the borrower's ring. The borrower returns it: a record with a vs_buffer_return goes into the other ring, one for each
 * descriptor, also when the buffer was gone by then.
 *
 * Who has what, and for how long, is known in the lender's private memory alone; what stands in the pool are hints. Whoever
 * maps a pool can read all of it at any time: one pool, one audience.
 *
 * Little-endian, fixed width, no pointers. Sizes and offsets are bytes, and 64 bits wide. */
#ifndef VSERVICES_ABI_BUFFER_H
#define VSERVICES_ABI_BUFFER_H

#include "dataplane/abi/ring.h"

enum {
  VS_POOL_MAGIC = 0x31505356, /* "VSP1" */
  VS_POOL_MAJOR = 1,          /* another major is refused */
  VS_POOL_MINOR = 0,
  VS_POOL_BUFFERS_MAX = 1024
};
#define VS_POOL_BYTES_MAX ((uint64_t)1 << 32) /* of a whole pool */

/* First in the pool's header page, whose rest is zero. Written once by the lender before the pool is shared, never again.
 * The borrower copies it, judges the copy and uses only the copy. Offsets count from the start of the pool and are multiples of
 * the page, and so is buffer_bytes; the three parts (header page, generations, buffers) lie apart. */
struct vs_pool_header {
  uint32_t magic;
  uint16_t major;
  uint16_t minor;
  uint64_t bytes;              /* of the whole pool */
  uint32_t pool;               /* its number: among the pools of a session */
  uint32_t buffer_count;       /* 1 .. VS_POOL_BUFFERS_MAX */
  uint64_t buffer_bytes;       /* buffer i lies at buffers_offset + i * buffer_bytes */
  uint64_t generations_offset; /* the word of buffer i lies at generations_offset + i * VS_LINE_BYTES */
  uint64_t buffers_offset;
};
static_assert(sizeof(struct vs_pool_header) == 48, "pool header");
static_assert(offsetof(struct vs_pool_header, buffer_bytes) == 24, "as in schemas/ring.md");

/* On a line of its own for each buffer. The lender stores the next number when a buffer's loan is over, before it writes the
 * buffer again. A borrower that finds the descriptor's number here before and after it reads has read the loan's bytes; with
 * another number the lender took the buffer back. (A view held while its buffer is lent 2^32 times would not notice.) */
struct vs_buffer_generation {
  uint32_t generation;
  uint8_t pad[VS_LINE_BYTES - 4];
};
static_assert(sizeof(struct vs_buffer_generation) == VS_LINE_BYTES, "a line each");

/* First in the payload of a VS_RECORD_BUFFER, lender to borrower; what the service says about the buffer may follow it. */
struct vs_buffer {
  uint32_t pool;
  uint32_t buffer;     /* below buffer_count */
  uint32_t generation;
  uint32_t flags;      /* 0; others are refused */
  uint64_t offset;     /* in the buffer: offset <= buffer_bytes and bytes <= buffer_bytes - offset */
  uint64_t bytes;
};
static_assert(sizeof(struct vs_buffer) == 32, "descriptor");
static_assert(offsetof(struct vs_buffer, offset) == 16, "descriptor");

/* The payload of a VS_RECORD_RETURN, borrower to lender: exactly once for each descriptor. */
struct vs_buffer_return {
  uint32_t pool;
  uint32_t buffer;
  uint32_t generation;
  uint32_t flags; /* 0; others are refused */
};
static_assert(sizeof(struct vs_buffer_return) == 16, "return");

#endif
