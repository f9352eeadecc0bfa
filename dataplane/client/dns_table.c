#include "dataplane/client/dns_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "dataplane/abi/dns.h"
#include "dataplane/client/answers.h"
#include "dataplane/client/device.h"

struct vs_dns_table {
  struct vs_mapped_answers mapped;
  uint32_t holders;
  uint32_t hits;
};

bool vs_dns_family(int family, uint8_t *as) {
  switch (family) {
    case AF_UNSPEC: *as = VS_DNS_ANY; return true;
    case AF_INET: *as = VS_DNS_INET; return true;
    case AF_INET6: *as = VS_DNS_INET6; return true;
    default: return false;
  }
}

size_t vs_dns_name_bytes(const char *name) {
  size_t bytes = strnlen(name, VS_DNS_NAME_BYTES_MAX + 2);
  if (bytes != 0 && name[bytes - 1] == '.') --bytes;
  if (bytes > VS_DNS_NAME_BYTES_MAX) return 0;
  size_t label = 0;
  for (size_t i = 0; i < bytes; ++i) {
    if (name[i] != '.') {
      if (++label > VS_DNS_LABEL_BYTES_MAX) return 0;
    } else if (label == 0) {
      return 0;
    } else {
      label = 0;
    }
  }
  return bytes;
}

int vs_dns_table_begin(struct vs_device *device) {
  struct vs_mapped_answers *mapped = &device->session.shared.answers;
  vs_dns_table_drop(device->table);
  device->table = NULL;
  if (mapped->bytes == 0) return 0;
  device->table = calloc(1, sizeof *device->table);
  if (device->table == NULL) return -ENOMEM;
  *device->table = (struct vs_dns_table){.mapped = *mapped, .holders = 1};
  *mapped = (struct vs_mapped_answers){0};
  return 0;
}

struct vs_dns_table *vs_dns_table_hold(const struct vs_device *device) {
  if (device->table != NULL) __atomic_add_fetch(&device->table->holders, 1, __ATOMIC_RELAXED);
  return device->table;
}

void vs_dns_table_drop(struct vs_dns_table *table) {
  if (table == NULL || __atomic_sub_fetch(&table->holders, 1, __ATOMIC_ACQ_REL) != 0) return;
  vs_answers_unmap(&table->mapped);
  free(table);
}

uint32_t vs_dns_table_take_hits(struct vs_dns_table *table) { return __atomic_exchange_n(&table->hits, 0, __ATOMIC_RELAXED); }

int vs_dns_table_look(struct vs_dns_table *table, uint8_t family, const char *name, size_t name_bytes,
                      struct vs_dns_result_set **answer) {
  unsigned char key[1 + VS_DNS_NAME_BYTES_MAX] = {family};
  for (size_t i = 0; i < name_bytes; ++i) key[1 + i] = (unsigned char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
  struct timespec now;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
  struct vs_found_answer found;
  if (!vs_answers_find(&table->mapped, key, 1 + name_bytes, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, &found))
    return 0;
  const int status = vs_dns_decode_addresses(found.answer, found.answer_bytes, found.age_s, answer);
  if (status != 0) return status == -ENOMEM ? status : 0; /* what makes no sense is asked for */
  __atomic_add_fetch(&table->hits, 1, __ATOMIC_RELAXED);
  return 1;
}

int vs_dns_table_find(struct vs_dns_table *table, const char *name, int family, struct vs_dns_result_set **answer) {
  uint8_t as = 0;
  if (table == NULL || name == NULL || answer == NULL || !vs_dns_family(family, &as)) return 0;
  const size_t name_bytes = vs_dns_name_bytes(name);
  return name_bytes == 0 ? 0 : vs_dns_table_look(table, as, name, name_bytes, answer);
}
