#include "dataplane/client/broadcast.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { kLapsPerReadMax = 8 };

/* The machine's own word, so that a 32-bit guest needs no wide access to memory it may only read. */
typedef uintptr_t word;

static uint32_t rounded(uint32_t bytes) { return (bytes + VS_RECORD_ALIGN - 1) & ~(uint32_t)(VS_RECORD_ALIGN - 1); }

/* By relaxed words, rounded up: the writer may be at it. Both are aligned, and records end on multiples of 16. */
static void copy_words(void *to, const void *from, size_t bytes) {
  word *out = to;
  const word *in = from;
  for (size_t left = (bytes + sizeof(word) - 1) / sizeof(word); left > 0; --left)
    *out++ = __atomic_load_n(in++, __ATOMIC_RELAXED);
}

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes) {
  return a < b + b_bytes && b < a + a_bytes;
}

int vs_judge_broadcast_header(const struct vs_broadcast_header *header, uint64_t mapped_bytes) {
  if (header->magic != VS_BROADCAST_MAGIC || header->major != VS_BROADCAST_MAJOR || header->reserved != 0) return -EPROTO;
  if (header->bytes > VS_BROADCAST_BYTES_MAX || header->bytes > mapped_bytes) return -EPROTO;
  if (header->data_bytes_log2 < VS_RING_BYTES_LOG2_MIN || header->data_bytes_log2 > VS_RING_BYTES_LOG2_MAX) return -EPROTO;
  const uint64_t index = header->index_offset, data = header->data_offset, bytes = header->bytes; /* 64 bits: sums fit */
  const uint64_t data_bytes = (uint64_t)1 << header->data_bytes_log2;
  if (index % VS_PAGE_BYTES != 0 || data % VS_PAGE_BYTES != 0) return -EPROTO;
  if (index < VS_PAGE_BYTES || data < VS_PAGE_BYTES) return -EPROTO;
  if (index + VS_PAGE_BYTES > bytes || data + data_bytes > bytes) return -EPROTO;
  return overlap(index, VS_PAGE_BYTES, data, data_bytes) ? -EPROTO : 0;
}

static int judge_mapped(const void *memory, size_t bytes) {
  struct vs_broadcast_header header;
  memcpy(&header, memory, sizeof header);
  __asm__ volatile("" : : "r"(&header) : "memory");
  return vs_judge_broadcast_header(&header, bytes);
}

int vs_broadcast_map(struct vs_mapped_broadcast *mapped, int memory) {
  const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  struct stat status;
  *mapped = (struct vs_mapped_broadcast){0};
  const int seals = fcntl(memory, F_GET_SEALS);
  if (seals < 0 || (seals & wanted) != wanted) return -EPROTO;
  if (fstat(memory, &status) != 0) return -errno;
  if (status.st_size < VS_PAGE_BYTES || (uint64_t)status.st_size > VS_BROADCAST_BYTES_MAX) return -EPROTO;
  void *at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, memory, 0);
  if (at == MAP_FAILED) return -errno;
  *mapped = (struct vs_mapped_broadcast){at, (size_t)status.st_size};
  const int judged = judge_mapped(at, mapped->bytes);
  if (judged != 0) vs_broadcast_unmap(mapped);
  return judged;
}

void vs_broadcast_unmap(struct vs_mapped_broadcast *mapped) {
  if (mapped->bytes != 0) munmap(mapped->memory, mapped->bytes);
  *mapped = (struct vs_mapped_broadcast){0};
}

int vs_broadcast_attach(struct vs_broadcast_reader *reader, const void *memory, size_t mapped_bytes, bool with_latest,
                        uint64_t next) {
  struct vs_broadcast_header header;
  if (mapped_bytes < VS_PAGE_BYTES) return -EPROTO;
  memcpy(&header, memory, sizeof header);
  __asm__ volatile("" : : "r"(&header) : "memory"); /* the copy is judged and used; the page is not read again */
  int status = vs_judge_broadcast_header(&header, mapped_bytes);
  if (status != 0) return status;
  const unsigned char *base = memory;
  *reader = (struct vs_broadcast_reader){.data = base + header.data_offset,
                                         .index = (const struct vs_broadcast_index *)(base + header.index_offset),
                                         .size = (uint32_t)1 << header.data_bytes_log2,
                                         .next = next};
  reader->at = __atomic_load_n(with_latest ? &reader->index->latest : &reader->index->tail, __ATOMIC_ACQUIRE);
  return reader->at % VS_RECORD_ALIGN == 0 ? 0 : -EPROTO;
}

bool vs_broadcast_empty(const struct vs_broadcast_reader *reader) {
  return __atomic_load_n(&reader->index->tail, __ATOMIC_ACQUIRE) == reader->at;
}

static int give_up(struct vs_broadcast_reader *reader) {
  reader->broken = true;
  return -EPROTO;
}

/* Asked after something was read at `reader->at`: whether the writer may have been there meanwhile. */
static bool overtaken(const struct vs_broadcast_reader *reader) {
  __atomic_thread_fence(__ATOMIC_ACQUIRE); /* what was read was read before the intent is */
  return __atomic_load_n(&reader->index->tail_intent, __ATOMIC_RELAXED) - reader->at > reader->size;
}

/* 1: a record was copied; 0: there is none; 2: a pad was stepped over; -1: what was read cannot be, unless it was overwritten. */
static int read_one(struct vs_broadcast_reader *reader, void *into, struct vs_broadcast_record *record, uint32_t *bytes) {
  const uint32_t tail = __atomic_load_n(&reader->index->tail, __ATOMIC_ACQUIRE);
  if (tail == reader->at) return 0;
  const unsigned char *shared = reader->data + (reader->at & (reader->size - 1));
  struct vs_record header;
  copy_words(&header, shared, sizeof header);
  const uint32_t to_end = reader->size - (reader->at & (reader->size - 1));
  if (header.commit_bytes < VS_RECORD_HEADER_BYTES || header.commit_bytes > to_end || header.flags != 0) return -1;
  *bytes = rounded(header.commit_bytes);
  if (*bytes > tail - reader->at) return -1;
  if (header.type == VS_RECORD_PAD) return *bytes == to_end && to_end != reader->size ? 2 : -1;
  if (header.type < VS_RECORD_SERVICE || header.commit_bytes > reader->size / VS_RECORD_PART_OF_RING) return -1;
  if (header.cookie == 0 || header.cookie == UINT64_MAX || header.cookie < reader->next) return -1; /* after the last is none */
  record->type = header.type;
  record->sequence = header.cookie;
  record->bytes = header.commit_bytes - VS_RECORD_HEADER_BYTES;
  copy_words(into, shared + VS_RECORD_HEADER_BYTES, record->bytes); /* of a length that was judged */
  return 1;
}

/* The oldest records are gone; the newest is surely there, or was a moment ago. */
static int go_to_latest(struct vs_broadcast_reader *reader) {
  const uint32_t latest = __atomic_load_n(&reader->index->latest, __ATOMIC_ACQUIRE);
  if (latest % VS_RECORD_ALIGN != 0) return give_up(reader);
  reader->at = latest;
  reader->lapped++;
  return 0;
}

int vs_broadcast_read(struct vs_broadcast_reader *reader, void *into, struct vs_broadcast_record *record) {
  if (reader->broken) return -EPROTO;
  for (int tries = 0, pads = 0; tries < kLapsPerReadMax;) {
    uint32_t bytes = 0;
    const int seen = read_one(reader, into, record, &bytes);
    if (seen == 0) return 0;
    if (overtaken(reader)) {
      ++tries;
      if (go_to_latest(reader) != 0) return -EPROTO;
      continue;
    }
    if (seen < 0 || (seen == 2 && ++pads > kLapsPerReadMax)) return give_up(reader);
    reader->at += bytes;
    if (seen == 2) continue;
    record->missed = reader->next == 0 ? 0 : record->sequence - reader->next;
    reader->missed += record->missed;
    reader->next = record->sequence + 1;
    return 1;
  }
  return -EAGAIN;
}
