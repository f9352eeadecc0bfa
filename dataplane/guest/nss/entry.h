/* The functions that glibc calls in libnss_vservice.so.2; their names, arguments and return values
 * are glibc's.
 *
 * Thread-safe, and safe across fork. On success errno is as before; else *errnop and *h_errnop say
 * why (verdict.h). */
#ifndef VSERVICES_GUEST_NSS_ENTRY_H
#define VSERVICES_GUEST_NSS_ENTRY_H

#include <netdb.h>
#include <nss.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dataplane/client/vservice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* IPv4 and IPv6 addresses of `name` in one request. When *pat points to a tuple, the first address
 * is put there. */
VS_EXPORT enum nss_status _nss_vservice_gethostbyname4_r(const char* name,
                                                         struct gaih_addrtuple** pat, char* buffer,
                                                         size_t bytes, int* errnop, int* h_errnop,
                                                         int32_t* ttlp);
/* Addresses of one family, the smallest TTL and the canonical name; ttlp and canonp may be NULL. */
VS_EXPORT enum nss_status _nss_vservice_gethostbyname3_r(const char* name, int family,
                                                         struct hostent* host, char* buffer,
                                                         size_t bytes, int* errnop, int* h_errnop,
                                                         int32_t* ttlp, char** canonp);
VS_EXPORT enum nss_status _nss_vservice_gethostbyname2_r(const char* name, int family,
                                                         struct hostent* host, char* buffer,
                                                         size_t bytes, int* errnop, int* h_errnop);
/* IPv4 only. */
VS_EXPORT enum nss_status _nss_vservice_gethostbyname_r(const char* name, struct hostent* host,
                                                        char* buffer, size_t bytes, int* errnop,
                                                        int* h_errnop);
/* Names of an address. ttlp is left as it is: answers to reverse lookups carry no TTL. An IPv4
 * address written as IPv6
 * (::ffff:0:0/96) is asked and answered as IPv4, as glibc's own resolver does. */
VS_EXPORT enum nss_status _nss_vservice_gethostbyaddr2_r(const void* address,
                                                         socklen_t address_bytes, int family,
                                                         struct hostent* host, char* buffer,
                                                         size_t bytes, int* errnop, int* h_errnop,
                                                         int32_t* ttlp);
VS_EXPORT enum nss_status _nss_vservice_gethostbyaddr_r(const void* address,
                                                        socklen_t address_bytes, int family,
                                                        struct hostent* host, char* buffer,
                                                        size_t bytes, int* errnop, int* h_errnop);

#ifdef __cplusplus
}
#endif
#endif
