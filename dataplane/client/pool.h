/* Buffers in C, the frontend's twin of dataplane/ring/{pool,borrow}: reading what the backend lends, and lending to it. The same
 * layout, order and checks (a test runs the two against each other). The backend is not trusted.
 *
 * Sizes are bytes. One thread owns a lender; a borrowed pool does not change once it is attached, so any thread may use it.
 * Errors: -EPROTO when the backend's header, descriptor or return is nonsense: give the ring up with VS_BROKEN_BUFFER;
 * -ENOMEM, or what the system said, when a pool cannot be made or mapped. */
#ifndef VSERVICES_CLIENT_POOL_H
#define VSERVICES_CLIENT_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/buffer.h"

/* 0, or -EPROTO when `header` (a private copy) does not describe a pool inside `mapped_bytes`. */
int vs_judge_pool_header(const struct vs_pool_header *header, uint64_t mapped_bytes);

/* ---- borrowing: the backend's buffers ---- */

struct vs_borrowed_pool {
  const unsigned char *memory;
  size_t mapped_bytes;          /* 0 when the memory is not ours to unmap */
  struct vs_pool_header header; /* private copy, judged */
};

/* Attaches to memory that stays mapped and cannot shrink while the pool is used. */
int vs_borrow_attach(struct vs_borrowed_pool *pool, const unsigned char *memory, size_t bytes);
/* Maps `memory` read-only and attaches. -EPROTO when it is not a memfd that can neither shrink nor grow nor be written by
 * whoever maps it anew, or is larger than `bytes_max`. The descriptor is not needed any more afterwards. */
int vs_borrow_map(struct vs_borrowed_pool *pool, int memory, uint64_t bytes_max);
void vs_borrow_unmap(struct vs_borrowed_pool *pool);

/* The descriptor at the front of a record of type VS_RECORD_BUFFER: 0, or -EPROTO when the payload is too short for one. */
int vs_read_buffer(const void *payload, size_t payload_bytes, struct vs_buffer *buffer);

/* Where the bytes of `buffer` (a private copy) lie: shared memory, that the backend may change at any moment. 0; -ESTALE when the
 * backend has taken them back, because the lease ran out; -EPROTO. The descriptor is returned once in any case but the last. */
int vs_borrow_view(const struct vs_borrowed_pool *pool, const struct vs_buffer *buffer, const void **data, size_t *bytes);
/* To be asked after the bytes were used: false when the backend took them back since, and they may have been others. */
bool vs_borrow_still_current(const struct vs_borrowed_pool *pool, const struct vs_buffer *buffer);
/* What is sent back, as a VS_RECORD_RETURN. */
struct vs_buffer_return vs_return_of(const struct vs_buffer *buffer);

/* ---- lending: our buffers, to one backend ---- */

struct vs_lent_state {
  uint32_t generation;
  bool loaned;
  bool lent;
};

struct vs_lender {
  unsigned char *memory;
  size_t mapped_bytes;
  int fd; /* to be sent to the backend, which can only read it; -1 over memory that is not ours */
  struct vs_pool_header header;
  struct vs_lent_state *buffers; /* private truth */
  uint32_t *free_buffers;        /* a stack */
  uint32_t free_count;
  uint32_t lent_count;
  uint32_t lent_max;
};

struct vs_loan {
  unsigned char *data;
  size_t bytes;
  uint32_t buffer;
};

/* The header of pool number `pool`; `buffer_bytes` is rounded up to a page. -EINVAL when it would be out of range. */
int vs_make_pool_header(uint32_t pool, uint32_t buffer_count, uint64_t buffer_bytes, struct vs_pool_header *header);

/* Lends out of `memory`, which is zero but for its header. The backend holds at most `lent_max` buffers. */
int vs_lender_start(struct vs_lender *lender, unsigned char *memory, const struct vs_pool_header *header, uint32_t lent_max);
/* Makes the memory, too: a memfd that nobody else can write or shrink. */
int vs_lender_make(struct vs_lender *lender, const struct vs_pool_header *header, uint32_t lent_max);
void vs_lender_stop(struct vs_lender *lender);

/* A buffer with room for `bytes`, to be filled at loan->data. 1; 0 when none is free; -EMSGSIZE when none ever has the room. It
 * holds what an earlier loan left there. `loan->bytes` may be lowered before it is lent. */
int vs_lender_loan(struct vs_lender *lender, size_t bytes, struct vs_loan *loan);
/* Lends what the loan holds; it is not written any more. 1; 0 when the backend has as many as it may, or has this one. */
int vs_lender_lend(struct vs_lender *lender, const struct vs_loan *loan, struct vs_buffer *buffer);
/* Gives the loan back; lent, it stays with the backend. */
void vs_lender_drop(struct vs_lender *lender, struct vs_loan *loan);

/* The return that a record of type VS_RECORD_RETURN holds: 0, or -EPROTO when it is not one. */
int vs_read_return(const void *payload, size_t payload_bytes, struct vs_buffer_return *back);
/* The backend returns a buffer. -EPROTO when it has no such buffer in that generation. */
int vs_lender_take_back(struct vs_lender *lender, const struct vs_buffer_return *back);
/* The backend is gone: all that it had is ours again. */
void vs_lender_end(struct vs_lender *lender);

#endif
