#include "dataplane/guest/nss/layout.h"

#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/guest/nss/name.h"

/* What is left of the caller's buffer. */
struct room {
  char* next;
  size_t left;
};

/* Space for `count` things of `size` bytes, aligned; NULL when they do not fit. */
static void* room_take(struct room* room, size_t count, size_t size, size_t alignment) {
  const size_t skew = (uintptr_t)room->next % alignment;
  const size_t padding = skew == 0 ? 0 : alignment - skew;
  if (padding > room->left || count > (room->left - padding) / size) return NULL;
  char* const taken = room->next + padding;
  room->next = taken + count * size;
  room->left -= padding + count * size;
  return taken;
}

static char* room_take_name(struct room* room, const char* name) {
  const size_t length = vs_nss_name_length(name);
  char* const copy = room_take(room, length + 1, 1, 1);
  if (copy == NULL) return NULL;
  memcpy(copy, name, length);
  copy[length] = '\0';
  return copy;
}

static size_t address_bytes(int family) { return family == AF_INET ? 4 : 16; }

static bool wanted(const struct vs_dns_result_address* address, int family) {
  if (family != AF_UNSPEC) return address->family == family;
  return address->family == AF_INET || address->family == AF_INET6;
}

static size_t count_wanted(const struct vs_dns_result_set* answer, int family) {
  size_t count = 0;
  for (size_t i = 0; i < answer->address_count; ++i) count += wanted(&answer->addresses[i], family);
  return count;
}

static int32_t smallest_ttl(const struct vs_dns_result_set* answer, int family) {
  uint32_t ttl_s = INT32_MAX;
  for (size_t i = 0; i < answer->address_count; ++i) {
    if (!wanted(&answer->addresses[i], family)) continue;
    /* RFC 2181 section 8: a TTL with the top bit set counts as zero. */
    const uint32_t one_s = answer->addresses[i].ttl_s > INT32_MAX ? 0 : answer->addresses[i].ttl_s;
    if (one_s < ttl_s) ttl_s = one_s;
  }
  return (int32_t)ttl_s;
}

/* The name after CNAMEs, if it may be shown; else the one that the program itself used. */
static const char* canonical_name(const struct vs_nss_question* question,
                                  const struct vs_dns_result_set* answer) {
  const char* const name = answer->canonical_name;
  return name != NULL && vs_nss_name_presentable(name) ? name : question->name;
}

/* Fills tuples from `next` on with the addresses of one family; each leads to the one behind it. */
static struct gaih_addrtuple* append_tuples(const struct vs_dns_result_set* answer, int family,
                                            char* name, struct gaih_addrtuple* next) {
  for (size_t i = 0; i < answer->address_count; ++i) {
    if (!wanted(&answer->addresses[i], family)) continue;
    /* The scope stays 0: link-local addresses of the node mean nothing in the guest. */
    *next = (struct gaih_addrtuple){.next = next + 1, .name = name, .family = family};
    memcpy(next->addr, answer->addresses[i].bytes, address_bytes(family));
    ++next;
  }
  return next;
}

static enum vs_nss_laid lay_tuples(const struct vs_nss_question* question,
                                   const struct vs_dns_result_set* answer,
                                   const struct vs_nss_target* target) {
  struct room room = {target->buffer, target->bytes};
  const size_t count = count_wanted(answer, AF_UNSPEC);
  if (count == 0) return VS_NSS_NOTHING;

  struct gaih_addrtuple* const tuples =
      room_take(&room, count, sizeof *tuples, alignof(struct gaih_addrtuple));
  char* const name =
      tuples == NULL ? NULL : room_take_name(&room, canonical_name(question, answer));
  if (name == NULL) return VS_NSS_NO_ROOM;

  /* IPv6 first: glibc sorts the list by RFC 6724 whatever its order, and asks a socket for the
   * source address of each; one for IPv6 serves the IPv4 addresses behind it too, but not the other
   * way. */
  struct gaih_addrtuple* end = append_tuples(answer, AF_INET6, name, tuples);
  end = append_tuples(answer, AF_INET, name, end);
  end[-1].next = NULL;

  if (*target->tuples != NULL) {
    **target->tuples = tuples[0];
  } else {
    *target->tuples = tuples;
  }
  if (target->ttl_s != NULL) *target->ttl_s = smallest_ttl(answer, AF_UNSPEC);
  if (target->canonical != NULL) *target->canonical = name;
  return VS_NSS_LAID;
}

static enum vs_nss_laid lay_host(const struct vs_nss_question* question,
                                 const struct vs_dns_result_set* answer,
                                 const struct vs_nss_target* target) {
  struct room room = {target->buffer, target->bytes};
  const size_t count = count_wanted(answer, question->family);
  if (count == 0) return VS_NSS_NOTHING;

  /* The name that was asked for is an alias of the canonical one, as the chain of CNAMEs is with
   * glibc's own resolver. */
  const char* const canonical = canonical_name(question, answer);
  const size_t alias_count = vs_nss_name_equal(canonical, question->name) ? 0 : 1;
  const size_t bytes = address_bytes(question->family);

  char** const list = room_take(&room, count + 1, sizeof(char*), alignof(char*));
  char** const aliases =
      list == NULL ? NULL : room_take(&room, alias_count + 1, sizeof(char*), alignof(char*));
  char* const addresses =
      aliases == NULL ? NULL : room_take(&room, count, bytes, alignof(uint32_t));
  char* const name = addresses == NULL ? NULL : room_take_name(&room, canonical);
  if (name == NULL) return VS_NSS_NO_ROOM;
  if (alias_count > 0) {
    aliases[0] = room_take_name(&room, question->name);
    if (aliases[0] == NULL) return VS_NSS_NO_ROOM;
  }
  aliases[alias_count] = NULL;

  size_t filled = 0;
  for (size_t i = 0; i < answer->address_count; ++i) {
    if (!wanted(&answer->addresses[i], question->family)) continue;
    list[filled] = addresses + filled * bytes;
    memcpy(list[filled], answer->addresses[i].bytes, bytes);
    ++filled;
  }
  list[filled] = NULL;

  *target->host = (struct hostent){.h_name = name,
                                   .h_aliases = aliases,
                                   .h_addrtype = question->family,
                                   .h_length = (int)bytes,
                                   .h_addr_list = list};
  if (target->ttl_s != NULL) *target->ttl_s = smallest_ttl(answer, question->family);
  if (target->canonical != NULL) *target->canonical = name;
  return VS_NSS_LAID;
}

static enum vs_nss_laid lay_names(const struct vs_nss_question* question,
                                  const struct vs_dns_result_set* answer,
                                  const struct vs_nss_target* target) {
  struct room room = {target->buffer, target->bytes};
  size_t count = 0;
  for (size_t i = 0; i < answer->name_count; ++i)
    count += vs_nss_name_presentable(answer->names[i]);
  if (count == 0) return VS_NSS_NOTHING;

  const size_t bytes = address_bytes(question->family);
  char** const list = room_take(&room, 2, sizeof(char*), alignof(char*));
  char** const names =
      list == NULL ? NULL : room_take(&room, count + 1, sizeof(char*), alignof(char*));
  char* const address = names == NULL ? NULL : room_take(&room, 1, bytes, alignof(uint32_t));
  if (address == NULL) return VS_NSS_NO_ROOM;

  size_t filled = 0;
  for (size_t i = 0; i < answer->name_count; ++i) {
    if (!vs_nss_name_presentable(answer->names[i])) continue;
    names[filled] = room_take_name(&room, answer->names[i]);
    if (names[filled++] == NULL) return VS_NSS_NO_ROOM;
  }
  names[filled] = NULL;
  memcpy(address, question->address, bytes);
  list[0] = address;
  list[1] = NULL;

  *target->host =
      (struct hostent){.h_name = names[0], /* the first is the name, the others its aliases */
                       .h_aliases = names + 1,
                       .h_addrtype = question->family,
                       .h_length = (int)bytes,
                       .h_addr_list = list};
  return VS_NSS_LAID;
}

enum vs_nss_laid vs_nss_lay(const struct vs_nss_question* question,
                            const struct vs_dns_result_set* answer,
                            const struct vs_nss_target* target) {
  if (question->subject == VS_NSS_OF_ADDRESS) return lay_names(question, answer, target);
  return target->tuples != NULL ? lay_tuples(question, answer, target)
                                : lay_host(question, answer, target);
}
