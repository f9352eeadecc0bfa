#include "dataplane/guest/nss/entry.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "dataplane/guest/nss/lookup.h"

static enum nss_status tell(struct vs_nss_verdict verdict, int* errnop, int* h_errnop) {
  if (verdict.error != 0) *errnop = verdict.error;
  *h_errnop = verdict.host_error;
  return verdict.status;
}

static enum nss_status refuse(int error, int* errnop, int* h_errnop) {
  return tell((struct vs_nss_verdict){NSS_STATUS_UNAVAIL, error, NO_RECOVERY}, errnop, h_errnop);
}

static bool family_known(int family) { return family == AF_INET || family == AF_INET6; }

enum nss_status _nss_vservice_gethostbyname4_r(const char* name, struct gaih_addrtuple** pat,
                                               char* buffer, size_t bytes, int* errnop,
                                               int* h_errnop, int32_t* ttlp) {
  const struct vs_nss_question question = {
      .subject = VS_NSS_OF_NAME, .family = AF_UNSPEC, .name = name};
  const struct vs_nss_target target = {
      .buffer = buffer, .bytes = bytes, .tuples = pat, .ttl_s = ttlp};
  return tell(vs_nss_lookup(&question, &target), errnop, h_errnop);
}

enum nss_status _nss_vservice_gethostbyname3_r(const char* name, int family, struct hostent* host,
                                               char* buffer, size_t bytes, int* errnop,
                                               int* h_errnop, int32_t* ttlp, char** canonp) {
  if (!family_known(family)) return refuse(EAFNOSUPPORT, errnop, h_errnop);
  const struct vs_nss_question question = {
      .subject = VS_NSS_OF_NAME, .family = family, .name = name};
  const struct vs_nss_target target = {
      .buffer = buffer, .bytes = bytes, .host = host, .ttl_s = ttlp, .canonical = canonp};
  return tell(vs_nss_lookup(&question, &target), errnop, h_errnop);
}

enum nss_status _nss_vservice_gethostbyname2_r(const char* name, int family, struct hostent* host,
                                               char* buffer, size_t bytes, int* errnop,
                                               int* h_errnop) {
  return _nss_vservice_gethostbyname3_r(name, family, host, buffer, bytes, errnop, h_errnop, NULL,
                                        NULL);
}

enum nss_status _nss_vservice_gethostbyname_r(const char* name, struct hostent* host, char* buffer,
                                              size_t bytes, int* errnop, int* h_errnop) {
  return _nss_vservice_gethostbyname3_r(name, AF_INET, host, buffer, bytes, errnop, h_errnop, NULL,
                                        NULL);
}

enum nss_status _nss_vservice_gethostbyaddr2_r(const void* address, socklen_t address_bytes,
                                               int family, struct hostent* host, char* buffer,
                                               size_t bytes, int* errnop, int* h_errnop,
                                               int32_t* ttlp) {
  if (!family_known(family)) return refuse(EAFNOSUPPORT, errnop, h_errnop);
  size_t length = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
  if (address_bytes != length) return refuse(EINVAL, errnop, h_errnop);

  struct vs_nss_question question = {.subject = VS_NSS_OF_ADDRESS, .family = family};
  memcpy(question.address, address, length);
  if (family == AF_INET6 &&
      IN6_IS_ADDR_V4MAPPED((const struct in6_addr*)(const void*)question.address)) {
    memmove(question.address, question.address + 12, sizeof(struct in_addr));
    memset(question.address + 4, 0, 12);
    question.family = AF_INET;
  }
  const struct vs_nss_target target = {
      .buffer = buffer, .bytes = bytes, .host = host, .ttl_s = ttlp};
  return tell(vs_nss_lookup(&question, &target), errnop, h_errnop);
}

enum nss_status _nss_vservice_gethostbyaddr_r(const void* address, socklen_t address_bytes,
                                              int family, struct hostent* host, char* buffer,
                                              size_t bytes, int* errnop, int* h_errnop) {
  return _nss_vservice_gethostbyaddr2_r(address, address_bytes, family, host, buffer, bytes, errnop,
                                        h_errnop, NULL);
}
