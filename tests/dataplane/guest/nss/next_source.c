/* An NSS module that knows one name, next.test, as 127.0.0.9: the source that comes after ours. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdint.h>
#include <string.h>

enum nss_status _nss_next_gethostbyname4_r(const char* name, struct gaih_addrtuple** pat, char* buffer, size_t bytes,
                                           int* error, int* herror, int32_t* ttl) {
  struct gaih_addrtuple* tuple = (struct gaih_addrtuple*)(void*)buffer; /* glibc aligns it, and gives a KiB */
  if (bytes < sizeof *tuple + 64 || strcmp(name, "next.test") != 0) {
    *error = ENOENT;
    *herror = HOST_NOT_FOUND;
    return NSS_STATUS_NOTFOUND;
  }
  memset(tuple, 0, sizeof *tuple);
  tuple->name = strcpy(buffer + sizeof *tuple, name);
  tuple->family = AF_INET;
  tuple->addr[0] = inet_addr("127.0.0.9");
  if (*pat != NULL)
    **pat = *tuple;
  else
    *pat = tuple;
  if (ttl != NULL) *ttl = 1;
  *herror = NETDB_SUCCESS;
  return NSS_STATUS_SUCCESS;
}
