/* The reader's side of a table of answers (abi/answers.h): finds what the service put there for this guest, without asking it.
 *
 * Nothing in the table is believed: it is copied, and the copy is judged. Any number of threads, each with its own copy. Never waits. */
#ifndef VSERVICES_CLIENT_ANSWERS_H
#define VSERVICES_CLIENT_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/answers.h"

/* The memory, mapped read-only, and what was judged of it. `bytes` 0: there is none. */
struct vs_mapped_answers {
  const void *memory;
  size_t bytes;
  const struct vs_answer_slot *slots;
  uint32_t sets_log2;
};

/* What was found: a private copy. */
struct vs_found_answer {
  struct vs_answer_slot slot;
  const unsigned char *answer; /* in it */
  size_t answer_bytes;
  uint32_t age_s;
};

/* 0, or -EPROTO when a header cannot be that of a table in so many bytes. */
int vs_judge_answers_header(const struct vs_answers_header *header, uint64_t mapped_bytes);
/* Maps the memory behind a descriptor, which may be closed then. -EPROTO for what is not sealed as it must be, or no table. */
int vs_answers_map(struct vs_mapped_answers *mapped, int memory);
void vs_answers_unmap(struct vs_mapped_answers *mapped);

/* Attaches to memory that is mapped already, for so long as it is. -EPROTO. */
int vs_answers_attach(struct vs_mapped_answers *mapped, const void *memory, size_t bytes);

/* True when there is an answer to that key now. `now_ns` is CLOCK_BOOTTIME's. */
bool vs_answers_find(const struct vs_mapped_answers *mapped, const void *key, size_t key_bytes, uint64_t now_ns,
                     struct vs_found_answer *found);

#endif
