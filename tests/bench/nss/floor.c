/* An NSS module that knows the answer: what a lookup takes with it is what glibc's getaddrinfo takes, whatever the module.
 *
 * libnss_floor.so.2: every name is 192.0.2.1, and 2001:db8::1 where both families are asked for. */
#include <netdb.h>
#include <nss.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static char kName[] = "floor";
static const unsigned char kAddress4[4] = {192, 0, 2, 1};
static const unsigned char kAddress6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

enum nss_status _nss_floor_gethostbyname4_r(const char* name, struct gaih_addrtuple** found, char* buffer, size_t bytes, int* error,
                                            int* host_error, int32_t* ttl) {
  (void)name, (void)error, (void)host_error;
  if (bytes < 2 * sizeof **found) return NSS_STATUS_UNAVAIL;
  struct gaih_addrtuple* const both = (struct gaih_addrtuple*)(void*)buffer;
  both[0] = (struct gaih_addrtuple){.next = &both[1], .name = kName, .family = AF_INET6};
  memcpy(both[0].addr, kAddress6, sizeof kAddress6);
  both[1] = (struct gaih_addrtuple){.name = kName, .family = AF_INET};
  memcpy(both[1].addr, kAddress4, sizeof kAddress4);
  if (*found != NULL) **found = both[0];
  else *found = both;
  if (ttl != NULL) *ttl = 300;
  return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_floor_gethostbyname3_r(const char* name, int family, struct hostent* host, char* buffer, size_t bytes, int* error,
                                            int* host_error, int32_t* ttl, char** canonical) {
  (void)name, (void)error, (void)host_error;
  static char* no_aliases[] = {NULL};
  if (bytes < 2 * sizeof(char*) || family != AF_INET) return NSS_STATUS_UNAVAIL;
  char** const list = (char**)(void*)buffer;
  list[0] = (char*)kAddress4;
  list[1] = NULL;
  *host = (struct hostent){.h_name = kName, .h_aliases = no_aliases, .h_addrtype = AF_INET, .h_length = 4, .h_addr_list = list};
  if (ttl != NULL) *ttl = 300;
  if (canonical != NULL) *canonical = kName;
  return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_floor_gethostbyname2_r(const char* name, int family, struct hostent* host, char* buffer, size_t bytes, int* error,
                                            int* host_error) {
  return _nss_floor_gethostbyname3_r(name, family, host, buffer, bytes, error, host_error, NULL, NULL);
}
