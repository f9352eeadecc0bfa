#include "dataplane/client/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody can shrink or grow it, nobody can map it writable any more, and nobody can add a seal. */
enum { kPoolSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL };

/* The barrier keeps the compiler from reading `from` again where `to` is read later. */
static void copy_once(void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
  __asm__ volatile("" : : "r"(to), "r"(from) : "memory");
}

static uint64_t whole_pages(uint64_t bytes) { return (bytes + VS_PAGE_BYTES - 1) & ~(uint64_t)(VS_PAGE_BYTES - 1); }

int vs_judge_pool_header(const struct vs_pool_header *header, uint64_t mapped_bytes) {
  if (header->magic != VS_POOL_MAGIC || header->major != VS_POOL_MAJOR) return -EPROTO;
  if (header->bytes > VS_POOL_BYTES_MAX || header->bytes > mapped_bytes) return -EPROTO;
  if (header->buffer_count == 0 || header->buffer_count > VS_POOL_BUFFERS_MAX) return -EPROTO;
  if (header->buffer_bytes == 0 || header->buffer_bytes > header->bytes || header->buffer_bytes % VS_PAGE_BYTES != 0)
    return -EPROTO;
  /* At most 2^10 of at most 2^32 bytes each: no product overflows 64 bits, and offsets are bounded before they are added. */
  const uint64_t generations = header->generations_offset;
  const uint64_t generations_bytes = (uint64_t)header->buffer_count * VS_LINE_BYTES;
  const uint64_t buffers = header->buffers_offset;
  const uint64_t buffers_bytes = header->buffer_count * header->buffer_bytes;
  if (generations % VS_PAGE_BYTES != 0 || buffers % VS_PAGE_BYTES != 0) return -EPROTO;
  if (generations > header->bytes || generations_bytes > header->bytes - generations) return -EPROTO;
  if (buffers > header->bytes || buffers_bytes > header->bytes - buffers) return -EPROTO;
  if (generations < VS_PAGE_BYTES || buffers < VS_PAGE_BYTES) return -EPROTO;
  if (generations < buffers + buffers_bytes && buffers < generations + generations_bytes) return -EPROTO;
  return 0;
}

/* ---- borrowing ---- */

int vs_borrow_attach(struct vs_borrowed_pool *pool, const unsigned char *memory, size_t bytes) {
  *pool = (struct vs_borrowed_pool){.memory = memory};
  if (bytes < VS_PAGE_BYTES) return -EPROTO;
  copy_once(&pool->header, memory, sizeof pool->header);
  return vs_judge_pool_header(&pool->header, bytes);
}

int vs_borrow_map(struct vs_borrowed_pool *pool, int memory, uint64_t bytes_max) {
  struct stat status;
  const int seals = fcntl(memory, F_GET_SEALS);
  *pool = (struct vs_borrowed_pool){0};
  if (seals < 0 || (seals & kPoolSeals) != kPoolSeals) return -EPROTO;
  if (fstat(memory, &status) != 0) return -errno;
  if (bytes_max > VS_POOL_BYTES_MAX) bytes_max = VS_POOL_BYTES_MAX;
  if (bytes_max > SIZE_MAX) bytes_max = SIZE_MAX;
  if (status.st_size < VS_PAGE_BYTES || (uint64_t)status.st_size > bytes_max) return -EPROTO;
  const size_t bytes = (size_t)status.st_size;
  void *mapped = mmap(NULL, bytes, PROT_READ, MAP_SHARED, memory, 0);
  if (mapped == MAP_FAILED) return -errno;
  int attached = vs_borrow_attach(pool, mapped, bytes);
  pool->mapped_bytes = bytes;
  if (attached != 0) vs_borrow_unmap(pool);
  return attached;
}

void vs_borrow_unmap(struct vs_borrowed_pool *pool) {
  if (pool->mapped_bytes != 0) munmap((void *)pool->memory, pool->mapped_bytes);
  *pool = (struct vs_borrowed_pool){0};
}

int vs_read_buffer(const void *payload, size_t payload_bytes, struct vs_buffer *buffer) {
  if (payload_bytes < sizeof *buffer) return -EPROTO;
  copy_once(buffer, payload, sizeof *buffer);
  return 0;
}

static const uint32_t *generation_of(const struct vs_borrowed_pool *pool, uint32_t buffer) {
  const void *words = pool->memory + (size_t)pool->header.generations_offset;
  return &((const struct vs_buffer_generation *)words)[buffer].generation;
}

int vs_borrow_view(const struct vs_borrowed_pool *pool, const struct vs_buffer *buffer, const void **data, size_t *bytes) {
  const struct vs_pool_header *header = &pool->header;
  if (buffer->pool != header->pool || buffer->buffer >= header->buffer_count || buffer->flags != 0 ||
      buffer->offset > header->buffer_bytes || buffer->bytes > header->buffer_bytes - buffer->offset)
    return -EPROTO;
  if (__atomic_load_n(generation_of(pool, buffer->buffer), __ATOMIC_ACQUIRE) != buffer->generation) return -ESTALE;
  *data = pool->memory + (size_t)(header->buffers_offset + buffer->buffer * header->buffer_bytes + buffer->offset);
  *bytes = (size_t)buffer->bytes;
  return 0;
}

bool vs_borrow_still_current(const struct vs_borrowed_pool *pool, const struct vs_buffer *buffer) {
  if (buffer->buffer >= pool->header.buffer_count) return false;
  __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the bytes were read before the number is */
  return __atomic_load_n(generation_of(pool, buffer->buffer), __ATOMIC_RELAXED) == buffer->generation;
}

struct vs_buffer_return vs_return_of(const struct vs_buffer *buffer) {
  return (struct vs_buffer_return){.pool = buffer->pool, .buffer = buffer->buffer, .generation = buffer->generation};
}

/* ---- lending ---- */

int vs_make_pool_header(uint32_t pool, uint32_t buffer_count, uint64_t buffer_bytes, struct vs_pool_header *header) {
  if (buffer_count == 0 || buffer_count > VS_POOL_BUFFERS_MAX || buffer_bytes == 0 || buffer_bytes > VS_POOL_BYTES_MAX)
    return -EINVAL;
  *header = (struct vs_pool_header){.magic = VS_POOL_MAGIC, .major = VS_POOL_MAJOR, .minor = VS_POOL_MINOR};
  header->pool = pool;
  header->buffer_count = buffer_count;
  header->buffer_bytes = whole_pages(buffer_bytes);
  header->generations_offset = VS_PAGE_BYTES;
  header->buffers_offset = VS_PAGE_BYTES + whole_pages((uint64_t)buffer_count * VS_LINE_BYTES);
  header->bytes = header->buffers_offset + buffer_count * header->buffer_bytes;
  return header->bytes <= VS_POOL_BYTES_MAX && header->bytes <= SIZE_MAX ? 0 : -EINVAL;
}

static void publish_generation(struct vs_lender *lender, uint32_t buffer) {
  void *words = lender->memory + (size_t)lender->header.generations_offset;
  __atomic_store_n(&((struct vs_buffer_generation *)words)[buffer].generation, lender->buffers[buffer].generation,
                   __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_RELEASE); /* who sees a byte written after this sees the number, too */
}

int vs_lender_start(struct vs_lender *lender, unsigned char *memory, const struct vs_pool_header *header, uint32_t lent_max) {
  *lender = (struct vs_lender){.memory = memory, .fd = -1, .header = *header, .lent_max = lent_max};
  lender->buffers = calloc(header->buffer_count, sizeof *lender->buffers);
  lender->free_buffers = calloc(header->buffer_count, sizeof *lender->free_buffers);
  if (lender->buffers == NULL || lender->free_buffers == NULL) {
    vs_lender_stop(lender);
    return -ENOMEM;
  }
  for (uint32_t buffer = header->buffer_count; buffer-- > 0;) {
    lender->buffers[buffer].generation = 1;
    publish_generation(lender, buffer);
    lender->free_buffers[lender->free_count++] = buffer;
  }
  return 0;
}

/* A sealed memfd, mapped writable here before the seal, and by nobody after it. */
static int make_memory(const struct vs_pool_header *header, int *fd, void **mapped) {
  *fd = memfd_create("vservice-pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (*fd < 0) return -errno;
  int status = 0;
  *mapped = MAP_FAILED;
  if (ftruncate(*fd, (off_t)header->bytes) != 0) status = -errno;
  if (status == 0) *mapped = mmap(NULL, (size_t)header->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
  if (status == 0 && *mapped == MAP_FAILED) status = -errno;
  if (status == 0 && fcntl(*fd, F_ADD_SEALS, kPoolSeals) != 0) status = -errno;
  if (status == 0) {
    memcpy(*mapped, header, sizeof *header);
    return 0;
  }
  if (*mapped != MAP_FAILED) munmap(*mapped, (size_t)header->bytes);
  close(*fd);
  return status;
}

int vs_lender_make(struct vs_lender *lender, const struct vs_pool_header *header, uint32_t lent_max) {
  int fd = -1;
  void *mapped = NULL;
  *lender = (struct vs_lender){.fd = -1};
  int status = make_memory(header, &fd, &mapped);
  if (status != 0) return status;
  status = vs_lender_start(lender, mapped, header, lent_max);
  if (status != 0) {
    munmap(mapped, (size_t)header->bytes);
    close(fd);
    return status;
  }
  lender->fd = fd;
  lender->mapped_bytes = (size_t)header->bytes;
  return 0;
}

void vs_lender_stop(struct vs_lender *lender) {
  free(lender->buffers);
  free(lender->free_buffers);
  if (lender->mapped_bytes != 0) munmap(lender->memory, lender->mapped_bytes);
  if (lender->fd >= 0) close(lender->fd);
  *lender = (struct vs_lender){.fd = -1};
}

/* The last who had it gave it up: its generation ends before anyone can write the buffer again. */
static void release_unused(struct vs_lender *lender, uint32_t buffer) {
  struct vs_lent_state *state = &lender->buffers[buffer];
  if (state->loaned || state->lent) return;
  state->generation++;
  publish_generation(lender, buffer);
  lender->free_buffers[lender->free_count++] = buffer;
}

int vs_lender_loan(struct vs_lender *lender, size_t bytes, struct vs_loan *loan) {
  if (bytes > lender->header.buffer_bytes) return -EMSGSIZE;
  if (lender->free_count == 0) return 0;
  const uint32_t buffer = lender->free_buffers[--lender->free_count];
  lender->buffers[buffer].loaned = true;
  *loan = (struct vs_loan){
      .data = lender->memory + (size_t)(lender->header.buffers_offset + buffer * lender->header.buffer_bytes),
      .bytes = bytes,
      .buffer = buffer,
  };
  return 1;
}

int vs_lender_lend(struct vs_lender *lender, const struct vs_loan *loan, struct vs_buffer *buffer) {
  struct vs_lent_state *state = &lender->buffers[loan->buffer];
  if (state->lent || lender->lent_count >= lender->lent_max) return 0;
  state->lent = true;
  lender->lent_count++;
  *buffer = (struct vs_buffer){.pool = lender->header.pool, .buffer = loan->buffer, .generation = state->generation};
  buffer->bytes = loan->bytes;
  return 1;
}

void vs_lender_drop(struct vs_lender *lender, struct vs_loan *loan) {
  if (loan->data == NULL) return;
  lender->buffers[loan->buffer].loaned = false;
  release_unused(lender, loan->buffer);
  *loan = (struct vs_loan){0};
}

int vs_read_return(const void *payload, size_t payload_bytes, struct vs_buffer_return *back) {
  if (payload_bytes != sizeof *back) return -EPROTO;
  copy_once(back, payload, sizeof *back);
  return 0;
}

int vs_lender_take_back(struct vs_lender *lender, const struct vs_buffer_return *back) {
  if (back->pool != lender->header.pool || back->flags != 0 || back->buffer >= lender->header.buffer_count) return -EPROTO;
  struct vs_lent_state *state = &lender->buffers[back->buffer];
  if (!state->lent || state->generation != back->generation) return -EPROTO;
  state->lent = false;
  lender->lent_count--;
  release_unused(lender, back->buffer);
  return 0;
}

void vs_lender_end(struct vs_lender *lender) {
  for (uint32_t buffer = 0; buffer < lender->header.buffer_count && lender->lent_count != 0; ++buffer) {
    if (!lender->buffers[buffer].lent) continue;
    lender->buffers[buffer].lent = false;
    lender->lent_count--;
    release_unused(lender, buffer);
  }
}
