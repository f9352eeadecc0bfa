/* The operations of a dns device. Requests follow struct vs_request, answers follow struct vs_answer.
 *
 * Answers are structured (addresses, TTLs, names), not DNS packets. All numbers little-endian; addresses in network order. */
#ifndef VSERVICES_ABI_DNS_H
#define VSERVICES_ABI_DNS_H

#include <assert.h>
#include <stdint.h>

enum vs_dns_operation {
  VS_DNS_LOOKUP = 256, /* name to addresses: struct vs_dns_lookup, then the name */
  VS_DNS_REVERSE = 257 /* address to names: struct vs_dns_reverse */
};

enum {
  VS_DNS_NAME_BYTES_MAX = 253,  /* RFC 1035 2.3.4 as text, without a final dot */
  VS_DNS_LABEL_BYTES_MAX = 63,
  VS_DNS_ADDRESSES_MAX = 1280,  /* of one answer; more are cut and counted */
  VS_DNS_NAMES_MAX = 64         /* of one reverse answer */
};

enum vs_dns_family { VS_DNS_ANY = 0 /* A and AAAA in one request */, VS_DNS_INET = 4, VS_DNS_INET6 = 6 };

/* What the directory says. Not the transport's status: that is in struct vs_answer. */
enum vs_dns_result {
  VS_DNS_FOUND = 0,
  VS_DNS_NO_NAME = 1,  /* NXDOMAIN: the name does not exist (RFC 2308) */
  VS_DNS_NO_DATA = 2,  /* the name exists, but not with an address of that family */
  VS_DNS_TRY_AGAIN = 3 /* no usable answer from any nameserver within the time */
};

struct vs_dns_lookup {
  uint8_t family; /* enum vs_dns_family */
  uint8_t reserved;
  uint16_t name_bytes;
  uint32_t table_hits; /* answers that the guest found in its table (abi/answers.h) since it last asked; hearsay */
  /* name follows: name_bytes bytes, no terminating zero */
};
static_assert(sizeof(struct vs_dns_lookup) == 8, "lookup");

struct vs_dns_reverse {
  uint8_t family; /* VS_DNS_INET or VS_DNS_INET6 */
  uint8_t reserved[7];
  uint8_t address[16]; /* INET: the first 4 */
};
static_assert(sizeof(struct vs_dns_reverse) == 24, "reverse");

/* Answer to a lookup: this, then `address_count` addresses, then the canonical name (`name_bytes` bytes). */
struct vs_dns_addresses {
  uint32_t result; /* enum vs_dns_result */
  uint16_t address_count;
  uint16_t name_bytes;
};
static_assert(sizeof(struct vs_dns_addresses) == 8, "addresses");

struct vs_dns_address {
  uint8_t family; /* VS_DNS_INET or VS_DNS_INET6 */
  uint8_t reserved[3];
  uint32_t ttl_s;
  uint8_t address[16];
};
static_assert(sizeof(struct vs_dns_address) == 24, "address");

/* Answer to a reverse lookup: this, then `name_count` times a uint16_t length and that many bytes. */
struct vs_dns_names {
  uint32_t result;
  uint16_t name_count;
  uint16_t reserved;
};
static_assert(sizeof(struct vs_dns_names) == 8, "names");

#endif
