/* Reads a broadcast ring (abi/broadcast.h), in order, as fast as one can: the writer waits for nobody. It is not trusted: every
 * header is copied once and the copy judged, a length before anything is copied by it, and whether the copy is worth something after.
 *
 * Sizes are bytes. A reader is a value of one thread; any number of them may read the same memory.
 * Errors: -EPROTO when the header, a record or an index is nonsense that being overwritten does not explain: the reader is then
 * dead; -EAGAIN when the writer laps this reader again and again while it reads. */
#ifndef VSERVICES_CLIENT_BROADCAST_H
#define VSERVICES_CLIENT_BROADCAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/broadcast.h"

struct vs_broadcast_reader {
  const unsigned char *data;
  const struct vs_broadcast_index *index;
  uint32_t size;
  uint32_t at;      /* private truth: behind the last record read */
  uint64_t next;    /* sequence number that comes next; 0: any may */
  uint64_t lapped;  /* times the writer was faster */
  uint64_t missed;  /* records that were lost by it */
  bool broken;
};

struct vs_broadcast_record {
  uint16_t type;
  uint64_t sequence;
  uint64_t missed; /* records lost right before this one */
  size_t bytes;    /* of the payload, which is copied */
};

/* 0, or -EPROTO when `header` (a private copy) does not describe a broadcast ring inside `mapped_bytes`. */
int vs_judge_broadcast_header(const struct vs_broadcast_header *header, uint64_t mapped_bytes);

/* Memory of a broadcast ring that is mapped read-only; bytes 0: none. */
struct vs_mapped_broadcast {
  void *memory;
  size_t bytes;
};
/* Maps `memory` and judges its header. -EPROTO when it is not a memfd that can neither shrink nor grow nor be written by whoever maps it
 * anew, or holds no such ring. The descriptor is not needed any more afterwards. */
int vs_broadcast_map(struct vs_mapped_broadcast *mapped, int memory);
void vs_broadcast_unmap(struct vs_mapped_broadcast *mapped);

/* Begins behind the newest record or, `with_latest`, with it. `next` is the sequence number that comes next, as whoever gave the
 * memory away said: what is lost before the first record is read counts as missed then; 0: not known. `memory` stays mapped and
 * cannot shrink while it is read. */
int vs_broadcast_attach(struct vs_broadcast_reader *reader, const void *memory, size_t mapped_bytes, bool with_latest,
                        uint64_t next);

static inline size_t vs_broadcast_payload_max(const struct vs_broadcast_reader *reader) {
  return reader->size / VS_RECORD_PART_OF_RING - VS_RECORD_HEADER_BYTES;
}

/* Whether there is something to read. */
bool vs_broadcast_empty(const struct vs_broadcast_reader *reader);

/* Copies the next record's payload to `into`, 8-aligned and at least vs_broadcast_payload_max() rounded up to 8: 1; 0 when there
 * is none. */
int vs_broadcast_read(struct vs_broadcast_reader *reader, void *into, struct vs_broadcast_record *record);

#endif
