/* A table of answers that a service keeps for one guest, who maps it read-only and looks here before it asks. schemas/ring.md is the
 * contract.
 *
 * One writer; any number of readers, which never hold it up. What is not here, or is being written, is asked for over the ring: so
 * nothing here has to be complete. Keys and answers are the service's: of dns, a family (enum vs_dns_family, one byte), then the
 * name in lower case; and the answer as it would come over the ring (struct vs_dns_addresses and what follows it).
 *
 * Little-endian, fixed width, no pointers. Sizes are bytes, times nanoseconds of CLOCK_BOOTTIME. */
#ifndef VSERVICES_ABI_ANSWERS_H
#define VSERVICES_ABI_ANSWERS_H

#include "dataplane/abi/ring.h"

enum {
  VS_ANSWERS_MAGIC = 0x31415356, /* "VSA1" */
  VS_ANSWERS_MAJOR = 1,          /* another major is refused */
  VS_ANSWERS_MINOR = 0,
  VS_ANSWERS_WAYS = 4,           /* slots that an answer may be in */
  VS_ANSWERS_SETS_LOG2_MAX = 16,
  VS_ANSWER_SLOT_BYTES = 512,
  VS_ANSWER_DATA_BYTES = 480     /* key, rounded up to 8, and answer */
};

/* First in the header page, whose rest is zero. Written once before the memory is shared, never again. The reader copies it, judges
 * the copy and uses only the copy. */
struct vs_answers_header {
  uint32_t magic;
  uint16_t major;
  uint16_t minor;
  uint32_t bytes;        /* of the whole */
  uint32_t slots_offset; /* a multiple of the page */
  uint32_t sets_log2;    /* sets of VS_ANSWERS_WAYS slots; an answer's is its hash's lowest bits */
  uint32_t reserved;     /* 0 */
};
static_assert(sizeof(struct vs_answers_header) == 24, "answers header");

/* Stored by the writer alone, by words:
 *
 *   write   sequence odd; release fence; the rest; sequence even and two further, with release
 *   read    sequence, with acquire: odd is no answer; copy; acquire fence; sequence again: another one, and the copy is worth nothing;
 *           then judge the copy: lengths, key, times */
struct vs_answer_slot {
  uint32_t sequence;
  uint16_t key_bytes;    /* 0: empty */
  uint16_t answer_bytes;
  uint64_t hash;         /* FNV-1a, 64 bits, of the key */
  uint64_t stored_ns;
  uint64_t expires_ns;   /* then it is asked for again */
  uint8_t data[VS_ANSWER_DATA_BYTES];
};
static_assert(sizeof(struct vs_answer_slot) == VS_ANSWER_SLOT_BYTES, "answer slot");
static_assert(offsetof(struct vs_answer_slot, data) == 32, "data of whole words");

#endif
