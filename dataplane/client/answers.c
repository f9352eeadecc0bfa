#include "dataplane/client/answers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The machine's own word, so that a 32-bit guest needs no wide access to memory it may only read. */
typedef uintptr_t word;

static size_t rounded(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

/* By relaxed words, rounded up: the writer may be at it. */
static void copy_words(void *to, const void *from, size_t bytes) {
  word *out = to;
  const word *in = from;
  for (size_t left = (bytes + sizeof(word) - 1) / sizeof(word); left > 0; --left)
    *out++ = __atomic_load_n(in++, __ATOMIC_RELAXED);
}

int vs_judge_answers_header(const struct vs_answers_header *header, uint64_t mapped_bytes) {
  if (header->magic != VS_ANSWERS_MAGIC || header->major != VS_ANSWERS_MAJOR || header->reserved != 0) return -EPROTO;
  if (header->sets_log2 > VS_ANSWERS_SETS_LOG2_MAX || header->bytes > mapped_bytes) return -EPROTO;
  if (header->slots_offset < VS_PAGE_BYTES || header->slots_offset % VS_PAGE_BYTES != 0) return -EPROTO;
  const uint64_t slots = (uint64_t)VS_ANSWERS_WAYS << header->sets_log2;
  return header->slots_offset + slots * VS_ANSWER_SLOT_BYTES > header->bytes ? -EPROTO : 0;
}

int vs_answers_attach(struct vs_mapped_answers *mapped, const void *memory, size_t bytes) {
  struct vs_answers_header header;
  *mapped = (struct vs_mapped_answers){0};
  if (bytes < VS_PAGE_BYTES) return -EPROTO;
  memcpy(&header, memory, sizeof header);
  __asm__ volatile("" : : "r"(&header) : "memory"); /* the copy is judged and used; the page is not read again */
  if (vs_judge_answers_header(&header, bytes) != 0) return -EPROTO;
  *mapped = (struct vs_mapped_answers){.memory = memory,
                                       .bytes = bytes,
                                       .slots = (const void *)((const unsigned char *)memory + header.slots_offset),
                                       .sets_log2 = header.sets_log2};
  return 0;
}

int vs_answers_map(struct vs_mapped_answers *mapped, int memory) {
  const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  const off_t most = VS_PAGE_BYTES + (off_t)VS_ANSWER_SLOT_BYTES * VS_ANSWERS_WAYS * (1 << VS_ANSWERS_SETS_LOG2_MAX);
  struct stat status;
  *mapped = (struct vs_mapped_answers){0};
  const int seals = fcntl(memory, F_GET_SEALS);
  if (seals < 0 || (seals & wanted) != wanted) return -EPROTO;
  if (fstat(memory, &status) != 0) return -errno;
  if (status.st_size < VS_PAGE_BYTES || status.st_size > most) return -EPROTO;
  void *at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, memory, 0);
  if (at == MAP_FAILED) return -errno;
  const int judged = vs_answers_attach(mapped, at, (size_t)status.st_size);
  if (judged != 0) munmap(at, (size_t)status.st_size);
  return judged;
}

void vs_answers_unmap(struct vs_mapped_answers *mapped) {
  if (mapped->bytes != 0) munmap((void *)mapped->memory, mapped->bytes);
  *mapped = (struct vs_mapped_answers){0};
}

static uint64_t hash_of(const unsigned char *key, size_t bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < bytes; ++i) hash = (hash ^ key[i]) * 0x100000001b3;
  return hash;
}

/* Copies a slot that may be being written. False when it was, or is not of that length of key. */
static bool copy_slot(struct vs_answer_slot *to, const struct vs_answer_slot *from, size_t key_bytes) {
  const size_t head_bytes = offsetof(struct vs_answer_slot, data);
  const uint32_t sequence = __atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE);
  if (sequence % 2 != 0) return false;
  copy_words(to, from, head_bytes);
  if (to->key_bytes != key_bytes || rounded(key_bytes) + to->answer_bytes > VS_ANSWER_DATA_BYTES) return false;
  copy_words(to->data, from->data, rounded(key_bytes) + to->answer_bytes); /* of lengths that were judged */
  __atomic_thread_fence(__ATOMIC_ACQUIRE); /* what was copied was read before the sequence is, again */
  return __atomic_load_n(&from->sequence, __ATOMIC_RELAXED) == sequence;
}

bool vs_answers_find(const struct vs_mapped_answers *mapped, const void *key, size_t key_bytes, uint64_t now_ns,
                     struct vs_found_answer *found) {
  if (mapped->bytes == 0 || key_bytes == 0 || key_bytes > VS_ANSWER_DATA_BYTES) return false;
  const uint64_t hash = hash_of(key, key_bytes);
  const struct vs_answer_slot *set = mapped->slots + (hash & (((uint64_t)1 << mapped->sets_log2) - 1)) * VS_ANSWERS_WAYS;
  for (int way = 0; way < VS_ANSWERS_WAYS; ++way) {
    struct vs_answer_slot *slot = &found->slot;
    if (!copy_slot(slot, &set[way], key_bytes)) continue;
    if (slot->hash != hash || memcmp(slot->data, key, key_bytes) != 0) continue;
    if (slot->stored_ns > now_ns || slot->expires_ns <= now_ns) return false;
    const uint64_t age_s = (now_ns - slot->stored_ns) / 1000000000;
    found->answer = slot->data + rounded(key_bytes);
    found->answer_bytes = slot->answer_bytes;
    found->age_s = age_s > UINT32_MAX ? UINT32_MAX : (uint32_t)age_s;
    return true;
  }
  return false;
}
