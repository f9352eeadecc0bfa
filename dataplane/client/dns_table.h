/* A table of answers as dns uses it, for the files of this library. vservice.h says what it does. Thread-safe. */
#ifndef VSERVICES_CLIENT_DNS_TABLE_H
#define VSERVICES_CLIENT_DNS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/client/vservice.h"

/* AF_UNSPEC and so on as enum vs_dns_family; false for others. */
bool vs_dns_family(int family, uint8_t *as);
/* The length without a final dot, or 0 for a name that cannot exist. */
size_t vs_dns_name_bytes(const char *name);

/* 1 when the answer was there, 0 when it was not, -ENOMEM. `name_bytes` is judged; `family` as enum vs_dns_family. */
int vs_dns_table_look(struct vs_dns_table *table, uint8_t family, const char *name, size_t name_bytes,
                      struct vs_dns_result_set **answer);
/* How many answers were found since the last call. */
uint32_t vs_dns_table_take_hits(struct vs_dns_table *table);

#endif
