/* One guest of the DNS benchmark: looks up names with getaddrinfo and prints how long each lookup
 * took.
 *
 *   dns_load FAMILY LOOKUPS WARMUP PREFIX DOMAIN [NAMES [MODULE]]       FAMILY: A or A+AAAA
 *
 * The names are PREFIX-0.DOMAIN, PREFIX-1.DOMAIN, ...: none is asked for twice, so no cache can
 * answer; with NAMES there are only so many, again and again. With MODULE (libnss_vservice.so.2) the lookups are
 * the NSS module's own function for that family, without what glibc does around it. Talks to whoever started it over stdin and stdout, which is all that reaches into every
 * kind of guest:
 *
 *   warms up; prints "ready"; reads one byte (so many guests begin at once); looks up; prints
 * "done"; reads to the end of file (so that no guest ends while another is measured); prints one
 * line a lookup, in nanoseconds; exits 0.
 *
 * A lookup that fails, or finds other than one address a family, ends it with a text and exit 1:
 * only right answers count. */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kLookupsMax = 1000000 };

struct load {
  int family;
  int addresses; /* expected of each answer */
  long names; /* 0: as many as lookups */
  const char* prefix;
  const char* domain;
};

struct tuple { /* struct gaih_addrtuple of glibc, which it does not install */
  struct tuple* next;
  char* name;
  int family;
  uint32_t addr[4];
  uint32_t scopeid;
};
typedef enum nss_status by_name4(const char*, struct tuple**, char*, size_t, int*, int*, int32_t*);
typedef enum nss_status by_name3(const char*, int, struct hostent*, char*, size_t, int*, int*, int32_t*, char**);

/* Of the module; NULL: getaddrinfo is asked. */
static by_name4* module_name4;
static by_name3* module_name3;

static void load_module(const char* file) {
  void* const module = dlopen(file, RTLD_NOW);
  if (module != NULL) {
    module_name4 = (by_name4*)dlsym(module, "_nss_vservice_gethostbyname4_r");
    module_name3 = (by_name3*)dlsym(module, "_nss_vservice_gethostbyname3_r");
  }
  if (module_name4 != NULL && module_name3 != NULL) return;
  fprintf(stderr, "dns_load: %s: no such module\n", file);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t ask_module(const struct load* load, const char* name) {
  char buffer[1024];
  int error = 0, host_error = 0, addresses = 0;
  int32_t ttl_s = 0;
  struct tuple* tuples = NULL;
  struct hostent host;
  char* canonical = NULL;
  const int64_t before = now_ns();
  const enum nss_status status =
      load->family == AF_UNSPEC
          ? module_name4(name, &tuples, buffer, sizeof buffer, &error, &host_error, &ttl_s)
          : module_name3(name, load->family, &host, buffer, sizeof buffer, &error, &host_error, &ttl_s, &canonical);
  const int64_t took = now_ns() - before;
  if (status == NSS_STATUS_SUCCESS && load->family == AF_UNSPEC)
    for (const struct tuple* one = tuples; one != NULL; one = one->next) ++addresses;
  if (status == NSS_STATUS_SUCCESS && load->family != AF_UNSPEC)
    for (char** one = host.h_addr_list; *one != NULL; ++one) ++addresses;
  if (addresses == load->addresses) return took;
  fprintf(stderr, "dns_load: %s: status %d, %d addresses, expected %d\n", name, status, addresses, load->addresses);
  exit(1);
}

/* Nanoseconds that lookup `number` took; ends the program when its answer is wrong. */
static int64_t look_up(const struct load* load, long number) {
  char name[NI_MAXHOST];
  snprintf(name, sizeof name, "%s-%ld.%s", load->prefix,
           load->names != 0 ? number % load->names : number, load->domain);
  if (module_name4 != NULL) return ask_module(load, name);
  /* One socket type, as every program gives; no AI_ADDRCONFIG, which would leave AAAA out where
   * there is no IPv6. */
  const struct addrinfo hints = {.ai_family = load->family, .ai_socktype = SOCK_STREAM};
  struct addrinfo* found = NULL;

  const int64_t before = now_ns();
  const int error = getaddrinfo(name, NULL, &hints, &found);
  const int64_t took = now_ns() - before;

  if (error != 0) {
    fprintf(stderr, "dns_load: %s: %s\n", name,
            error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
    exit(1);
  }
  int addresses = 0;
  for (const struct addrinfo* one = found; one != NULL; one = one->ai_next) ++addresses;
  freeaddrinfo(found);
  if (addresses != load->addresses) {
    fprintf(stderr, "dns_load: %s: %d addresses, expected %d\n", name, addresses, load->addresses);
    exit(1);
  }
  return took;
}

static void say(const char* word) {
  puts(word);
  fflush(stdout);
}

static bool wait_for_start(void) {
  char byte;
  return read(STDIN_FILENO, &byte, 1) == 1;
}

static void wait_for_end(void) {
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

int main(int argc, char** argv) {
  if (argc < 6 || argc > 8 || (strcmp(argv[1], "A") != 0 && strcmp(argv[1], "A+AAAA") != 0)) {
    fputs("usage: dns_load A|A+AAAA LOOKUPS WARMUP PREFIX DOMAIN [NAMES [MODULE]]\n", stderr);
    return 2;
  }
  const bool both = strcmp(argv[1], "A+AAAA") == 0;
  const struct load load = {both ? AF_UNSPEC : AF_INET, both ? 2 : 1, argc >= 7 ? strtol(argv[6], NULL, 10) : 0,
                            argv[4], argv[5]};
  const long lookups = strtol(argv[2], NULL, 10);
  const long warmup = strtol(argv[3], NULL, 10);
  if (lookups < 1 || lookups > kLookupsMax || load.names < 0 || warmup < 0 || warmup > kLookupsMax) {
    fputs("dns_load: counts from 1 to 1000000\n", stderr);
    return 2;
  }
  if (argc == 8) load_module(argv[7]);
  int64_t* const took_ns = calloc((size_t)lookups, sizeof *took_ns);
  if (took_ns == NULL) return 1;

  for (long i = 0; i < warmup; ++i) look_up(&load, lookups + i);
  say("ready");
  if (!wait_for_start()) return 1;
  for (long i = 0; i < lookups; ++i) took_ns[i] = look_up(&load, i);
  say("done");
  wait_for_end();
  for (long i = 0; i < lookups; ++i) printf("%lld\n", (long long)took_ns[i]);
  free(took_ns);
  return 0;
}
