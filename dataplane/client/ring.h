/* The ring in C, the frontend's twin of dataplane/ring: the same layout, order and checks (a test runs the two against each
 * other). The backend is not trusted: its index is checked, its records are copied once and the copy is judged.
 *
 * Sizes are bytes, positions free-running byte counts. One thread owns a producer or a consumer.
 * Errors: -EPROTO when the peer broke the layout; the ring is then dead. */
#ifndef VSERVICES_CLIENT_RING_H
#define VSERVICES_CLIENT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/region.h"

struct vs_producer {
  struct vs_prod_page *own;
  const struct vs_cons_page *peer;
  unsigned char *data;
  uint32_t size;
  uint32_t prod;      /* private truth */
  uint32_t published; /* as of the last publish */
  uint32_t cons;      /* last seen of the peer, checked */
  enum vs_broken broken; /* once it is, it stays */
  bool batch;
  uint32_t hidden;        /* where the first record of a batch lies whose commit word is not stored yet */
  uint32_t hidden_commit; /* that word; 0: there is none */
};

struct vs_consumer {
  struct vs_cons_page *own;
  const struct vs_prod_page *peer;
  const unsigned char *data;
  uint32_t size;
  uint32_t cons; /* private truth */
  uint32_t released;
  uint32_t peeked; /* bytes of the record that peek showed */
  enum vs_broken broken; /* once it is, it stays */
};

struct vs_taken {
  uint16_t type;
  uint64_t cookie;
  uint32_t payload_bytes;
};

uint32_t vs_record_payload_max(uint32_t ring_bytes);
uint32_t vs_record_rounded(uint32_t record_bytes);

void vs_producer_start(struct vs_producer *producer, unsigned char *region, const struct vs_ring_place *place);
void vs_consumer_start(struct vs_consumer *consumer, unsigned char *region, const struct vs_ring_place *place);

/* Reserves room for a payload of `payload_bytes`, to be filled at `*where`. 1 when there is, 0 when the ring is full, -EMSGSIZE
 * when it never will be, or -EPROTO. A second reserve without commit takes the first one's place. */
int vs_producer_reserve(struct vs_producer *producer, size_t payload_bytes, void **where);
/* Commits what was reserved, at most as much. The consumer may see it at once. */
void vs_producer_commit(struct vs_producer *producer, uint16_t type, uint64_t cookie, size_t payload_bytes);
/* Puts one record whose payload is two parts (either may be empty). 1 when put, 0 when the ring is full, or -EPROTO. */
int vs_producer_push(struct vs_producer *producer, uint16_t type, uint64_t cookie, const void *first, size_t first_bytes,
                     const void *second, size_t second_bytes);
/* From here to publish the consumer sees records several at a time, not each when it is put: the commit word of the first comes
 * last. Until then it looks at that one word, and takes no lines away that are being written. For many small records. */
void vs_producer_begin_batch(struct vs_producer *producer);
/* Publishes what was put since the last call. True when the consumer asked to be woken. */
bool vs_producer_publish(struct vs_producer *producer);
/* Asks to be woken when `payload_bytes` fit, and looks again: 1 when it must wait, 0 when there is room, or -EPROTO. */
int vs_producer_ask(struct vs_producer *producer, size_t payload_bytes);

/* Shows the oldest record where it lies: the header is copied and judged, the payload at `*payload` is shared memory that the
 * backend may change at any moment. 1 when there is one, 0 when empty, or -EPROTO. */
int vs_consumer_peek(struct vs_consumer *consumer, const void **payload, struct vs_taken *seen);
/* Steps over the record that peek showed. */
void vs_consumer_consume(struct vs_consumer *consumer);
/* Copies the oldest record's payload into `into` (vs_record_payload_max bytes). 1 when taken, 0 when empty, or -EPROTO. */
int vs_consumer_take(struct vs_consumer *consumer, void *into, struct vs_taken *taken);
/* Gives the space of what was taken back. True when the producer asked to be woken. */
bool vs_consumer_release(struct vs_consumer *consumer);
bool vs_consumer_empty(const struct vs_consumer *consumer);
/* Asks to be woken at the next record, and looks again: true when it may sleep. */
bool vs_consumer_ask(struct vs_consumer *consumer);
/* The same for more than `bytes_ahead` at a time, by what the producer published. The sleep needs a limit of time. */
bool vs_consumer_ask_after(struct vs_consumer *consumer, uint32_t bytes_ahead);
/* Shows the peer why this side gives the ring up. */
void vs_consumer_give_up(struct vs_consumer *consumer, enum vs_broken why);

/* 0, or -EPROTO when `header` (a private copy) does not describe a region inside `mapped_bytes`. */
int vs_judge_header(const struct vs_region_header *header, size_t mapped_bytes);

#endif
