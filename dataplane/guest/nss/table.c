#include "dataplane/guest/nss/table.h"

#include <stdatomic.h>
#include <stddef.h>

/* One for the process, as the pool is. */
static _Atomic(struct vs_dns_table*) current;
static _Atomic(struct vs_dns_table*) replaced; /* while it may be read */
static atomic_uint readers;

struct vs_dns_result_set* vs_nss_table_find(const struct vs_nss_question* question) {
  if (question->subject != VS_NSS_OF_NAME) return NULL;
  struct vs_dns_result_set* answer = NULL;
  atomic_fetch_add(&readers, 1);
  struct vs_dns_table* const table = atomic_load(&current);
  if (table != NULL && vs_dns_table_find(table, question->name, question->family, &answer) != 1)
    answer = NULL;
  atomic_fetch_sub(&readers, 1);
  return answer;
}

void vs_nss_table_use(const struct vs_device* device) {
  struct vs_dns_table* const table = vs_dns_table_hold(device);
  if (table == NULL) return;
  struct vs_dns_table* const before = atomic_exchange(&current, table);
  /* Whoever reads from now on reads the new one: with no readers nobody has an old one. */
  struct vs_dns_table* const waiting = atomic_exchange(&replaced, NULL);
  if (before == table || atomic_load(&readers) == 0) {
    vs_dns_table_drop(before);
    vs_dns_table_drop(waiting);
    return;
  }
  /* One waits for the next time; what there is no place for is left where it is. */
  atomic_store(&replaced, before);
}
