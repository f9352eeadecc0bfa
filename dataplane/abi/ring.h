/* The ring as both sides see it: index pages and framed records. schemas/ring.md is the contract with a worked example.
 *
 * Little-endian, fixed width, no pointers. Sizes are bytes. Positions are free-running byte counts, masked by the ring's
 * size. Shared words are touched only atomically: __atomic_* in C, std::atomic_ref in C++. */
#ifndef VSERVICES_ABI_RING_H
#define VSERVICES_ABI_RING_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
  VS_PAGE_BYTES = 4096,
  VS_RECORD_ALIGN = 16,        /* records start and end on multiples of it */
  VS_RECORD_HEADER_BYTES = 16,
  VS_RING_BYTES_LOG2_MIN = 12, /* 4 KiB .. 1 GiB */
  VS_RING_BYTES_LOG2_MAX = 30,
  VS_RECORD_PART_OF_RING = 8,  /* a record is at most an eighth of its ring */
  VS_LEVEL_MAX = 3,
  VS_LINE_BYTES = 128          /* words of different writers or purposes lie this far apart */
};

/* The first 16 bytes of a record. The producer stores commit_bytes last, with release; until then it is 0. The consumer
 * polls this word and no other. commit_bytes counts header and payload, not the padding up to the next multiple of 16. */
struct vs_record {
  uint32_t commit_bytes;
  uint16_t type;
  uint16_t flags;  /* 0; others are refused */
  uint64_t cookie; /* index and generation; chosen by the frontend, returned by the backend; never a pointer */
};
static_assert(sizeof(struct vs_record) == VS_RECORD_HEADER_BYTES, "payload starts 16-aligned");

enum vs_record_type {
  VS_RECORD_PAD = 1,      /* fills the ring up to its end; no payload of its own */
  VS_RECORD_ANSWER = 2,   /* backend to frontend: struct vs_answer, then the service's answer */
  VS_RECORD_BUFFER = 3,   /* lender to borrower: struct vs_buffer (abi/buffer.h), then what the service says about it */
  VS_RECORD_RETURN = 4,   /* borrower to lender: struct vs_buffer_return */
  VS_RECORD_RENEWED = 5,  /* either way, once: the session goes on in its renewed region (abi/region.h); no payload */
  VS_RECORD_SERVICE = 256 /* from here on: the operations of the session's service */
};

/* Written by the producer only; read by the consumer. */
struct vs_prod_page {
  uint32_t prod; /* end of what is committed; stored once a batch: for space, wake-up and recovery */
  uint8_t pad0[VS_LINE_BYTES - 4];
  uint32_t space_event; /* wake me when cons passes this */
  uint8_t pad1[VS_LINE_BYTES - 4];
  uint32_t broken; /* enum vs_broken: why this side gave the ring up; 0 while it works */
  uint8_t pad2[VS_LINE_BYTES - 4];
  uint32_t level; /* of the response ring: how well the guest is served: 0 as promised, to VS_LEVEL_MAX, the more the worse */
  uint8_t pad3[VS_LINE_BYTES - 4];
  uint32_t renewal; /* of the response ring: 1, the region is to be renewed; 0 again, no longer */
  uint8_t pad4[VS_LINE_BYTES - 4];
  /* Of the response ring: not 0, the guest is about to be served by another node, within so many milliseconds: nothing more is taken
   * from the request ring, what was taken may still be answered, then the session ends, and the frontend connects again. 0 again: it is
   * served on as before. */
  uint32_t migrating;
  uint8_t pad5[VS_PAGE_BYTES - 5 * VS_LINE_BYTES - 4];
};
static_assert(sizeof(struct vs_prod_page) == VS_PAGE_BYTES, "one writer a page");

/* Written by the consumer only; read by the producer. */
struct vs_cons_page {
  uint32_t cons; /* everything before it may be overwritten */
  uint8_t pad0[VS_LINE_BYTES - 4];
  uint32_t data_event; /* wake me when prod passes this */
  uint8_t pad1[VS_LINE_BYTES - 4];
  uint32_t broken; /* as above */
  uint8_t pad2[VS_PAGE_BYTES - 2 * VS_LINE_BYTES - 4];
};
static_assert(sizeof(struct vs_cons_page) == VS_PAGE_BYTES, "one writer a page");

/* What a side found wrong with its peer. Seen by both: in `broken`, in the log and in the metrics. */
enum vs_broken {
  VS_BROKEN_NOT = 0,
  VS_BROKEN_LENGTH = 1,  /* a record shorter than its header, longer than allowed, or past the end of the ring */
  VS_BROKEN_TYPE = 2,    /* a type or flag that this side does not know */
  VS_BROKEN_INDEX = 3,   /* cons or prod further away than the ring is long */
  VS_BROKEN_COOKIE = 4,  /* an answer to what was not asked, or was answered already */
  VS_BROKEN_CREDIT = 5,  /* no room for an answer whose room was promised */
  VS_BROKEN_PAYLOAD = 6, /* a request too short for its own header */
  VS_BROKEN_BUFFER = 7,  /* a descriptor out of bounds, or the return of a buffer that was not lent or not in that generation */
  VS_BROKEN_LAST = VS_BROKEN_BUFFER
};

/* First in the payload of every request. The frontend has room for `answer_bytes_max` (record header and padding included)
 * in the response ring, over and above what it promised to its other unanswered requests. */
struct vs_request {
  uint32_t answer_bytes_max;
  uint32_t timeout_ms; /* after this the frontend no longer waits; 0: the service's own limit */
};
static_assert(sizeof(struct vs_request) == 8, "request header");

/* First in the payload of every answer. */
struct vs_answer {
  uint32_t status;       /* enum vs_status */
  uint32_t bytes_needed; /* with VS_STATUS_TOO_LARGE: the answer_bytes_max that would do; else 0 */
};
static_assert(sizeof(struct vs_answer) == 8, "answer header");

/* The seven error kinds of the project on the ring, and one of the ring's own. */
enum vs_status {
  VS_STATUS_OK = 0,
  VS_STATUS_INVALID = 1,
  VS_STATUS_DENIED = 2,
  VS_STATUS_NOT_FOUND = 3,
  VS_STATUS_CONFLICT = 4,
  VS_STATUS_EXHAUSTED = 5,
  VS_STATUS_UNAVAILABLE = 6,
  VS_STATUS_INTERNAL = 7,
  VS_STATUS_TOO_LARGE = 8 /* the answer did not fit answer_bytes_max: ask again with more */
};

#endif
