/* The table of answers that the service keeps ready for this guest, shared by all threads of the process.
 *
 * Thread-safe, without locks and without system calls: a lookup that is interrupted here, by a signal, a fork or a jump, leaves at worst
 * memory behind. */
#ifndef VSERVICES_GUEST_NSS_TABLE_H
#define VSERVICES_GUEST_NSS_TABLE_H

#include "dataplane/client/vservice.h"
#include "dataplane/guest/nss/lookup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The answer, if it is there; else NULL. */
struct vs_dns_result_set* vs_nss_table_find(const struct vs_nss_question* question);
/* From now on, that of `device`, if it has one. */
void vs_nss_table_use(const struct vs_device* device);

#ifdef __cplusplus
}
#endif

#endif
