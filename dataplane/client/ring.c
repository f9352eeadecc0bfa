#include "dataplane/client/ring.h"

#include <errno.h>
#include <string.h>

static uint32_t load_acquire(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static uint32_t load_relaxed(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
static void store_release(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
static void store_relaxed(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }
static void full_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* The barrier keeps the compiler from reading `from` again where `to` is read later. */
static void copy_once(void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
  __asm__ volatile("" : : "r"(to), "r"(from) : "memory");
}

static uint32_t record_max(uint32_t ring_bytes) { return ring_bytes / VS_RECORD_PART_OF_RING; }

uint32_t vs_record_payload_max(uint32_t ring_bytes) { return record_max(ring_bytes) - VS_RECORD_HEADER_BYTES; }

uint32_t vs_record_rounded(uint32_t record_bytes) {
  return (record_bytes + VS_RECORD_ALIGN - 1) & ~(uint32_t)(VS_RECORD_ALIGN - 1);
}

/* ---- producer ---- */

/* How much of a batch is written before the consumer sees it: more gains nothing, and keeps it waiting. */
enum { HIDDEN_BYTES_MAX = 1024 };

static struct vs_record *producer_at(struct vs_producer *producer, uint32_t position) {
  return (struct vs_record *)(producer->data + (position & (producer->size - 1)));
}

static uint32_t bytes_to_end(uint32_t position, uint32_t size) { return size - (position & (size - 1)); }

/* The record, the header after it that is zeroed ahead of the consumer, and a pad when it does not fit before the end. */
static uint32_t bytes_wanted(const struct vs_producer *producer, uint32_t record) {
  uint32_t to_end = bytes_to_end(producer->prod, producer->size);
  return (to_end < record ? to_end : 0) + record + VS_RECORD_HEADER_BYTES;
}

static int producer_broken(struct vs_producer *producer, enum vs_broken why) {
  producer->broken = why;
  store_release(&producer->own->broken, (uint32_t)why);
  return -EPROTO;
}

static int bytes_free(struct vs_producer *producer, uint32_t *free_bytes) {
  if (producer->broken != VS_BROKEN_NOT) return producer_broken(producer, producer->broken);
  uint32_t cons = load_acquire(&producer->peer->cons);
  if (producer->prod - cons > producer->prod - producer->cons || cons % VS_RECORD_ALIGN != 0)
    return producer_broken(producer, VS_BROKEN_INDEX);
  producer->cons = cons;
  *free_bytes = producer->size - (producer->prod - cons);
  return 0;
}

void vs_producer_start(struct vs_producer *producer, unsigned char *region, const struct vs_ring_place *place) {
  *producer = (struct vs_producer){
      .own = (struct vs_prod_page *)(region + place->prod_offset),
      .peer = (const struct vs_cons_page *)(region + place->cons_offset),
      .data = region + place->data_offset,
      .size = (uint32_t)1 << place->data_bytes_log2,
  };
  store_relaxed(&producer->own->space_event, (uint32_t)0 - 1 - ((uint32_t)1 << 31)); /* never */
}

static void show(struct vs_producer *producer) {
  if (producer->hidden_commit == 0) return;
  store_release(&producer_at(producer, producer->hidden)->commit_bytes, producer->hidden_commit);
  producer->hidden_commit = 0;
}

static void commit(struct vs_producer *producer, uint16_t type, uint64_t cookie, uint32_t bytes) {
  struct vs_record *record = producer_at(producer, producer->prod);
  uint32_t next = producer->prod + vs_record_rounded(bytes);
  store_relaxed(&producer_at(producer, next)->commit_bytes, 0); /* before the consumer can get there */
  record->type = type;
  record->flags = 0;
  record->cookie = cookie;
  if (producer->batch && producer->hidden_commit == 0) {
    producer->hidden = producer->prod;
    producer->hidden_commit = bytes;
  } else {
    store_release(&record->commit_bytes, bytes); /* in a batch: behind the first, where the consumer is not yet */
  }
  producer->prod = next;
  if (next - producer->hidden >= HIDDEN_BYTES_MAX) show(producer);
}

int vs_producer_reserve(struct vs_producer *producer, size_t payload_bytes, void **where) {
  if (payload_bytes > vs_record_payload_max(producer->size)) return -EMSGSIZE;
  if (producer->broken != VS_BROKEN_NOT) return producer_broken(producer, producer->broken);
  uint32_t record = vs_record_rounded((uint32_t)(VS_RECORD_HEADER_BYTES + payload_bytes));
  uint32_t wanted = bytes_wanted(producer, record);
  uint32_t free_bytes = producer->size - (producer->prod - producer->cons);
  if (free_bytes < wanted) { /* the last look may be old: look again only when it says full */
    int status = bytes_free(producer, &free_bytes);
    if (status != 0) return status;
    if (free_bytes < wanted) return 0;
  }
  uint32_t to_end = bytes_to_end(producer->prod, producer->size);
  if (to_end < record) commit(producer, VS_RECORD_PAD, 0, to_end);
  *where = producer_at(producer, producer->prod) + 1;
  return 1;
}

void vs_producer_commit(struct vs_producer *producer, uint16_t type, uint64_t cookie, size_t payload_bytes) {
  commit(producer, type, cookie, (uint32_t)(VS_RECORD_HEADER_BYTES + payload_bytes));
}

int vs_producer_push(struct vs_producer *producer, uint16_t type, uint64_t cookie, const void *first, size_t first_bytes,
                     const void *second, size_t second_bytes) {
  void *to = NULL;
  int status = vs_producer_reserve(producer, first_bytes + second_bytes, &to);
  if (status != 1) return status;
  if (first_bytes != 0) memcpy(to, first, first_bytes);
  if (second_bytes != 0) memcpy((unsigned char *)to + first_bytes, second, second_bytes);
  vs_producer_commit(producer, type, cookie, first_bytes + second_bytes);
  return 1;
}

void vs_producer_begin_batch(struct vs_producer *producer) { producer->batch = true; }

bool vs_producer_publish(struct vs_producer *producer) {
  if (producer->prod == producer->published) return false;
  show(producer);
  producer->batch = false;
  uint32_t before = producer->published;
  producer->published = producer->prod;
  store_release(&producer->own->prod, producer->prod);
  full_fence(); /* the consumer asks, then looks; we publish, then read what it asked: one of us sees the other */
  uint32_t event = load_relaxed(&producer->peer->data_event);
  return producer->prod - event - 1 < producer->prod - before;
}

int vs_producer_ask(struct vs_producer *producer, size_t payload_bytes) {
  show(producer); /* who waits for the consumer to read hides nothing from it */
  uint32_t wanted = bytes_wanted(producer, vs_record_rounded((uint32_t)(VS_RECORD_HEADER_BYTES + payload_bytes)));
  store_relaxed(&producer->own->space_event, producer->prod + wanted - producer->size - 1);
  full_fence();
  uint32_t free_bytes = 0;
  int status = bytes_free(producer, &free_bytes);
  if (status != 0) return status;
  return free_bytes < wanted ? 1 : 0;
}

/* ---- consumer ---- */

enum { CACHE_LINE_BYTES = 64 };

static const struct vs_record *consumer_at(const struct vs_consumer *consumer) {
  return (const struct vs_record *)(consumer->data + (consumer->cons & (consumer->size - 1)));
}

void vs_consumer_start(struct vs_consumer *consumer, unsigned char *region, const struct vs_ring_place *place) {
  *consumer = (struct vs_consumer){
      .own = (struct vs_cons_page *)(region + place->cons_offset),
      .peer = (const struct vs_prod_page *)(region + place->prod_offset),
      .data = region + place->data_offset,
      .size = (uint32_t)1 << place->data_bytes_log2,
  };
}

void vs_consumer_give_up(struct vs_consumer *consumer, enum vs_broken why) {
  consumer->broken = why;
  store_release(&consumer->own->broken, (uint32_t)why);
}

static int broken(struct vs_consumer *consumer, enum vs_broken why) {
  vs_consumer_give_up(consumer, why);
  return -EPROTO;
}

int vs_consumer_peek(struct vs_consumer *consumer, const void **payload, struct vs_taken *seen) {
  if (consumer->broken != VS_BROKEN_NOT) return broken(consumer, consumer->broken);
  for (int padded = 0; padded < 2; ++padded) {
    const struct vs_record *shared = consumer_at(consumer);
    /* A short record often goes on in the next line: asked for now, it comes with this one and not after it. */
    __builtin_prefetch((const unsigned char *)shared + CACHE_LINE_BYTES);
    uint32_t bytes = load_acquire(&shared->commit_bytes); /* loaded once, judged, used */
    if (bytes == 0) return 0;
    uint32_t to_end = bytes_to_end(consumer->cons, consumer->size);
    if (bytes < VS_RECORD_HEADER_BYTES || bytes > to_end) return broken(consumer, VS_BROKEN_LENGTH);
    struct vs_record header;
    copy_once(&header, shared, sizeof header);
    if (header.flags != 0) return broken(consumer, VS_BROKEN_TYPE);
    if (header.type == VS_RECORD_PAD) {
      if (bytes != to_end || to_end == consumer->size || padded != 0) return broken(consumer, VS_BROKEN_LENGTH);
      consumer->cons += to_end;
      continue;
    }
    if (bytes > record_max(consumer->size)) return broken(consumer, VS_BROKEN_LENGTH);
    seen->type = header.type;
    seen->cookie = header.cookie;
    seen->payload_bytes = bytes - VS_RECORD_HEADER_BYTES;
    consumer->peeked = vs_record_rounded(bytes);
    *payload = shared + 1;
    return 1;
  }
  return broken(consumer, VS_BROKEN_LENGTH);
}

void vs_consumer_consume(struct vs_consumer *consumer) {
  consumer->cons += consumer->peeked;
  consumer->peeked = 0;
}

int vs_consumer_take(struct vs_consumer *consumer, void *into, struct vs_taken *taken) {
  const void *payload = NULL;
  int status = vs_consumer_peek(consumer, &payload, taken);
  if (status != 1) return status;
  copy_once(into, payload, taken->payload_bytes);
  vs_consumer_consume(consumer);
  return 1;
}

bool vs_consumer_release(struct vs_consumer *consumer) {
  if (consumer->cons == consumer->released) return false;
  uint32_t before = consumer->released;
  consumer->released = consumer->cons;
  store_release(&consumer->own->cons, consumer->cons);
  full_fence();
  uint32_t event = load_relaxed(&consumer->peer->space_event);
  return consumer->cons - event - 1 < consumer->cons - before;
}

bool vs_consumer_empty(const struct vs_consumer *consumer) {
  return load_acquire(&consumer_at(consumer)->commit_bytes) == 0;
}

bool vs_consumer_ask(struct vs_consumer *consumer) {
  store_relaxed(&consumer->own->data_event, consumer->cons);
  full_fence(); /* ask, then look: the producer publishes, then reads what we asked */
  return vs_consumer_empty(consumer);
}

bool vs_consumer_ask_after(struct vs_consumer *consumer, uint32_t bytes_ahead) {
  if (bytes_ahead == 0) return vs_consumer_ask(consumer);
  store_relaxed(&consumer->own->data_event, consumer->cons + bytes_ahead);
  full_fence();
  return load_acquire(&consumer->peer->prod) - consumer->cons <= bytes_ahead;
}

/* ---- region ---- */

struct part {
  uint64_t offset;
  uint64_t bytes;
};

static bool size_in_range(uint32_t log2) { return log2 >= VS_RING_BYTES_LOG2_MIN && log2 <= VS_RING_BYTES_LOG2_MAX; }

int vs_judge_header(const struct vs_region_header *header, size_t mapped_bytes) {
  if (header->magic != VS_REGION_MAGIC || header->major != VS_REGION_MAJOR) return -EPROTO;
  if (header->bytes > VS_REGION_BYTES_MAX || header->bytes > mapped_bytes) return -EPROTO;
  if (!size_in_range(header->request.data_bytes_log2) || !size_in_range(header->response.data_bytes_log2))
    return -EPROTO;
  const struct part parts[] = {
      {0, VS_PAGE_BYTES},
      {header->request.prod_offset, VS_PAGE_BYTES},
      {header->request.cons_offset, VS_PAGE_BYTES},
      {header->request.data_offset, (uint64_t)1 << header->request.data_bytes_log2},
      {header->response.prod_offset, VS_PAGE_BYTES},
      {header->response.cons_offset, VS_PAGE_BYTES},
      {header->response.data_offset, (uint64_t)1 << header->response.data_bytes_log2},
  };
  const size_t count = sizeof parts / sizeof parts[0];
  for (size_t i = 0; i < count; ++i) {
    if (parts[i].offset % VS_PAGE_BYTES != 0 || parts[i].offset + parts[i].bytes > header->bytes) return -EPROTO;
    for (size_t k = 0; k < i; ++k)
      if (parts[i].offset < parts[k].offset + parts[k].bytes && parts[k].offset < parts[i].offset + parts[i].bytes)
        return -EPROTO;
  }
  return 0;
}
