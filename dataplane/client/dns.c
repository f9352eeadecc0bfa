#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/abi/dns.h"
#include "dataplane/client/device.h"
#include "dataplane/client/dns_table.h"

/* Room for the usual answer: some 160 addresses. A larger one is asked for again with what it needs. */
enum { kAnswerBytesUsual = 4096 };

/* A result set is one allocation: the set, its addresses, its name pointers, its text. */
static struct vs_dns_result_set *make_set(size_t addresses, size_t names, size_t text_bytes) {
  struct vs_dns_result_set *set = calloc(
      1, sizeof *set + addresses * sizeof(struct vs_dns_result_address) + names * sizeof(char *) + text_bytes);
  if (set == NULL) return NULL;
  set->address_count = addresses;
  set->addresses = (const struct vs_dns_result_address *)(set + 1);
  set->name_count = names;
  set->names = (const char *const *)(set->addresses + addresses);
  return set;
}

static char *text_of(struct vs_dns_result_set *set) { return (char *)(set->names + set->name_count); }

/* Text from the backend becomes a C string: no zero inside, so that nobody is told less than was judged. */
static bool is_text(const unsigned char *bytes, size_t count) { return memchr(bytes, 0, count) == NULL; }

int vs_dns_decode_addresses(const unsigned char *answer, size_t bytes, uint32_t age_s, struct vs_dns_result_set **decoded) {
  struct vs_dns_addresses head;
  if (bytes < sizeof head) return -EPROTO;
  memcpy(&head, answer, sizeof head);
  const unsigned char *addresses = answer + sizeof head;
  const size_t address_bytes = head.address_count * sizeof(struct vs_dns_address);
  const unsigned char *name = addresses + address_bytes;
  if (head.address_count > VS_DNS_ADDRESSES_MAX || head.name_bytes > VS_DNS_NAME_BYTES_MAX ||
      bytes != sizeof head + address_bytes + head.name_bytes || !is_text(name, head.name_bytes))
    return -EPROTO;
  if (head.result > VS_DNS_TRY_AGAIN || (head.result == VS_DNS_FOUND) != (head.address_count != 0)) return -EPROTO;

  struct vs_dns_result_set *set = make_set(head.address_count, 0, head.name_bytes + 1u);
  if (set == NULL) return -ENOMEM;
  set->result = (int)head.result;
  struct vs_dns_result_address *to = (struct vs_dns_result_address *)(set + 1);
  for (size_t i = 0; i < head.address_count; ++i) {
    struct vs_dns_address from;
    memcpy(&from, addresses + i * sizeof from, sizeof from);
    if (from.family != VS_DNS_INET && from.family != VS_DNS_INET6) {
      free(set);
      return -EPROTO;
    }
    to[i].family = from.family == VS_DNS_INET ? AF_INET : AF_INET6;
    to[i].ttl_s = from.ttl_s > age_s ? from.ttl_s - age_s : 0;
    memcpy(to[i].bytes, from.address, sizeof from.address);
  }
  if (head.name_bytes != 0) {
    memcpy(text_of(set), name, head.name_bytes);
    set->canonical_name = text_of(set);
  }
  *decoded = set;
  return 0;
}

static int decode_names(const unsigned char *answer, size_t bytes, struct vs_dns_result_set **decoded) {
  struct vs_dns_names head;
  if (bytes < sizeof head) return -EPROTO;
  memcpy(&head, answer, sizeof head);
  if (head.name_count > VS_DNS_NAMES_MAX || head.result > VS_DNS_TRY_AGAIN ||
      (head.result == VS_DNS_FOUND) != (head.name_count != 0))
    return -EPROTO;
  /* Each name takes two bytes of length on the ring and one of termination here: it fits what it came in. */
  struct vs_dns_result_set *set = make_set(0, head.name_count, bytes);
  if (set == NULL) return -ENOMEM;
  set->result = (int)head.result;
  char *text = text_of(set);
  const char **names = (const char **)(set->addresses + set->address_count);
  size_t at = sizeof head;
  for (size_t i = 0; i < head.name_count; ++i) {
    uint16_t name_bytes = 0;
    if (bytes - at < sizeof name_bytes) goto broken;
    memcpy(&name_bytes, answer + at, sizeof name_bytes);
    at += sizeof name_bytes;
    if (name_bytes == 0 || name_bytes > VS_DNS_NAME_BYTES_MAX || bytes - at < name_bytes ||
        !is_text(answer + at, name_bytes))
      goto broken;
    memcpy(text, answer + at, name_bytes);
    names[i] = text;
    text += name_bytes;
    *text++ = '\0';
    at += name_bytes;
  }
  if (at != bytes) goto broken;
  if (set->name_count != 0) set->canonical_name = set->names[0];
  *decoded = set;
  return 0;
broken:
  free(set);
  return -EPROTO;
}

static int answer_no_name(struct vs_dns_result_set **answer) {
  *answer = make_set(0, 0, 0);
  if (*answer == NULL) return -ENOMEM;
  (*answer)->result = VS_DNS_NO_NAME;
  return 0;
}

int vs_dns_resolve(struct vs_device *device, const char *name, int family, int timeout_ms,
                   struct vs_dns_result_set **answer) {
  if (name == NULL || answer == NULL) return -EINVAL;
  struct {
    struct vs_dns_lookup head;
    char name[VS_DNS_NAME_BYTES_MAX];
  } request = {0};
  if (!vs_dns_family(family, &request.head.family)) return -EINVAL;
  const size_t name_bytes = vs_dns_name_bytes(name);
  if (name_bytes == 0) return answer_no_name(answer);
  if (device->table != NULL) {
    const int found = vs_dns_table_look(device->table, request.head.family, name, name_bytes, answer);
    if (found != 0) return found > 0 ? 0 : found;
    request.head.table_hits = vs_dns_table_take_hits(device->table);
  }
  request.head.name_bytes = (uint16_t)name_bytes;
  memcpy(request.name, name, name_bytes);

  const void *bytes = NULL;
  size_t count = 0;
  int status = vs_call(device, VS_DNS_LOOKUP, &request, sizeof request.head + name_bytes, kAnswerBytesUsual, timeout_ms,
                       &bytes, &count);
  if (status == -EINVAL) return answer_no_name(answer); /* the service knows no such name either: bytes it never carries */
  return status == 0 ? vs_dns_decode_addresses(bytes, count, 0, answer) : status;
}

int vs_dns_resolve_address(struct vs_device *device, const void *address, int family, int timeout_ms,
                           struct vs_dns_result_set **answer) {
  if (address == NULL || answer == NULL || (family != AF_INET && family != AF_INET6)) return -EINVAL;
  struct vs_dns_reverse request = {.family = family == AF_INET ? VS_DNS_INET : VS_DNS_INET6};
  memcpy(request.address, address, family == AF_INET ? 4 : 16);
  const void *bytes = NULL;
  size_t count = 0;
  int status =
      vs_call(device, VS_DNS_REVERSE, &request, sizeof request, kAnswerBytesUsual, timeout_ms, &bytes, &count);
  return status == 0 ? decode_names(bytes, count, answer) : status;
}

void vs_dns_free(struct vs_dns_result_set *answer) { free(answer); }
