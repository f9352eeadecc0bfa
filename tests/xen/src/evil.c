/* A guest that breaks every rule of the Xen transport (dataplane/abi/xen.h).
 *
 *   evil refs       opens the device with directories that are wrong, one after the other; each must be refused, in words
 *   evil SECONDS    for so long: rubbish in rings, indices, directory and xenstore, bells without end, opens that go away half-way
 * Exit status 0: the backend answered as it should, or at all. */
#include <fcntl.h>
#include <poll.h>
#include "pause.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "dataplane/abi/xen.h"

static struct xs_handle *store;
static char home[256];
static unsigned pages, opens;

static char *read_node(const char *path) {
  unsigned bytes;
  return xs_read(store, XBT_NULL, path, &bytes);
}

static void write_node(unsigned node, const char *key, unsigned value) {
  char path[128], text[16];
  snprintf(path, sizeof path, "device/vservice/%u/%s", node, key);
  snprintf(text, sizeof text, "%u", value);
  if (strcmp(key, "device") == 0) strcpy(text, "dns");
  xs_write(store, XBT_NULL, path, text, (unsigned)strlen(text));
}

struct open {
  xenevtchn_handle *bells;
  xengntshr_handle *memory;
  unsigned port, granted, nonce;
  uint32_t directory_ref;
  struct vs_xen_directory *directory;
  unsigned char *region;
};

/* Everything as it should be, but for what the caller changes before it is announced. */
static int prepare(struct open *open, unsigned grant) {
  memset(open, 0, sizeof *open);
  open->bells = xenevtchn_open(NULL, 0);
  open->memory = xengntshr_open(NULL, 0);
  if (open->bells == NULL || open->memory == NULL) return -1;
  const int port = xenevtchn_bind_unbound_port(open->bells, 0);
  if (port < 0) return -1;
  open->port = (unsigned)port;
  open->nonce = ++opens;
  open->directory = xengntshr_share_pages(open->memory, 0, 1, &open->directory_ref, 1);
  if (open->directory == NULL) return -1;
  open->granted = grant;
  if (grant > 0) open->region = xengntshr_share_pages(open->memory, 0, grant, open->directory->refs, 1);
  if (grant > 0 && open->region == NULL) return -1;
  open->directory->magic = VS_XEN_MAGIC;
  open->directory->major = VS_REGION_MAJOR;
  open->directory->page_count = pages;
  open->directory->frontend_alive = 1;
  memcpy(open->directory->service, "dns", 3);
  memcpy(open->directory->device, "dns", 3);
  return 0;
}

static void announce(const struct open *open) {
  write_node(open->port, "nonce", open->nonce);
  write_node(open->port, "device", 0);
  write_node(open->port, "directory-ref", open->directory_ref);
  write_node(open->port, "event-channel", open->port);
  write_node(open->port, "state", VS_XEN_INITIALISED);
}

/* What the backend says of this open; 0: nothing yet. */
static int backend_state(const struct open *open) {
  char path[320];
  snprintf(path, sizeof path, "%s/%u/nonce", home, open->port);
  char *nonce = read_node(path);
  const int ours = nonce != NULL && (unsigned)atoi(nonce) == open->nonce;
  free(nonce);
  if (!ours) return 0;
  snprintf(path, sizeof path, "%s/%u/state", home, open->port);
  char *text = read_node(path);
  const int state = text == NULL ? 0 : atoi(text);
  free(text);
  return state;
}

static void let_go(struct open *open) {
  char path[128];
  snprintf(path, sizeof path, "device/vservice/%u", open->port);
  xs_rm(store, XBT_NULL, path);
  if (open->region != NULL) xengntshr_unshare(open->memory, open->region, open->granted);
  if (open->directory != NULL) xengntshr_unshare(open->memory, open->directory, 1);
  if (open->memory != NULL) xengntshr_close(open->memory);
  if (open->bells != NULL) xenevtchn_close(open->bells);
}

/* 1 when the backend closed it, for that reason. */
static int refused(const struct open *open, const char *what, const char *why) {
  for (int i = 0; i < 300; ++i) {
    if (backend_state(open) == VS_XEN_CLOSED) {
      char path[320];
      snprintf(path, sizeof path, "%s/%u/error", home, open->port);
      char *words = read_node(path);
      printf("%s: %s\n", what, words == NULL ? "(no words)" : words);
      const int good = words != NULL && strstr(words, why) != NULL;
      free(words);
      return good;
    }
    pause_us(100000);
  }
  printf("%s: state %d, not refused\n", what, backend_state(open));
  return 0;
}

static int lie(const char *what, const char *why, unsigned grant, void (*change)(struct open *)) {
  struct open open;
  if (prepare(&open, grant) != 0) {
    printf("%s: not prepared\n", what);
    return 0;
  }
  if (change != NULL) change(&open);
  announce(&open);
  const int good = refused(&open, what, why);
  let_go(&open);
  return good;
}

static void no_magic(struct open *open) { open->directory->magic = 1; }
static void other_version(struct open *open) { open->directory->major = 99; }
static void strange_features(struct open *open) { open->directory->features = ~0ull; }
static void too_many_pages(struct open *open) { open->directory->page_count = 1u << 31; }
static void too_few_pages(struct open *open) { open->directory->page_count = pages - 1; }
static void strange_refs(struct open *open) {
  for (unsigned i = 0; i < pages; ++i) open->directory->refs[i] = 0x7fffffff - i;
}
static void one_strange_ref(struct open *open) { open->directory->refs[pages - 1] = 60000; }
static void strange_directory(struct open *open) { open->directory_ref = 59999; }
static void other_service(struct open *open) { memcpy(open->directory->service, "gps", 3); }
static void other_device(struct open *open) { memcpy(open->directory->device, "gps", 3); }
static void revoked(struct open *open) {
  xengntshr_unshare(open->memory, open->region, open->granted);
  open->region = NULL;
}

static int lie_about_refs(void) {
  int good = 1;
  good &= lie("no directory", "no directory", pages, no_magic);
  good &= lie("another version", "another version", pages, other_version);
  good &= lie("strange features", "features", pages, strange_features);
  good &= lie("too many pages", "not of the size", pages, too_many_pages);
  good &= lie("too few pages", "not of the size", pages, too_few_pages);
  good &= lie("granted too little", "not granted", pages / 2, NULL);
  good &= lie("references of nothing", "not granted", pages, strange_refs);
  good &= lie("one reference of nothing", "not granted", pages, one_strange_ref);
  good &= lie("a directory that is not granted", "directory-ref: map 1 pages", pages, strange_directory);
  good &= lie("another service", "another service", pages, other_service);
  good &= lie("another device", "another device", pages, other_device);
  good &= lie("revoked before it was mapped", "not granted", pages, revoked);
  return good;
}

static void scribble(unsigned char *bytes, size_t count, unsigned *seed) {
  for (int i = rand_r(seed) % 200; i > 0; --i) {
    uint32_t word = (uint32_t)rand_r(seed) * 2654435761u;
    if (rand_r(seed) % 3 == 0) word = (uint32_t)(rand_r(seed) % 512); /* nearly right is worse than wrong */
    memcpy(bytes + (rand_r(seed) % (count / 4)) * 4, &word, 4);
  }
}

int main(int count, char **words) {
  store = xs_open(0);
  char *text = store == NULL ? NULL : read_node("vservice/dns/region-bytes");
  char *backend = store == NULL ? NULL : read_node("vservice/dns/backend");
  if (count < 2 || text == NULL || backend == NULL) return 2;
  pages = (unsigned)atoi(text) / VS_PAGE_BYTES;
  snprintf(home, sizeof home, "%s", backend);
  if (strcmp(words[1], "refs") == 0) return lie_about_refs() ? 0 : 1;

  unsigned seed = 7, rounds = 0, connected = 0, thrown_out = 0;
  const time_t end = time(NULL) + atoi(words[1]);
  while (time(NULL) < end) {
    struct open open;
    ++rounds;
    if (prepare(&open, pages) != 0) {
      let_go(&open);
      pause_us(50000);
      continue;
    }
    if (rand_r(&seed) % 4 == 0) scribble((unsigned char *)open.directory, VS_PAGE_BYTES, &seed);
    announce(&open);
    if (rand_r(&seed) % 8 != 0) /* else it goes in the middle of the handshake */
      for (int i = 0; i < 100 && backend_state(&open) == 0; ++i) pause_us(20000);
    if (backend_state(&open) == VS_XEN_CONNECTED) {
      ++connected;
      write_node(open.port, "state", VS_XEN_CONNECTED);
      for (int i = 0; i < 300 && open.directory->backend_alive != 0; ++i) {
        scribble(open.region, (size_t)pages * VS_PAGE_BYTES, &seed);
        if (i % 16 == 0) scribble(open.region, 4 * VS_PAGE_BYTES, &seed); /* header and indices */
        xenevtchn_notify(open.bells, open.port);
        if (i % 32 == 0) pause_us(1000);
      }
      thrown_out += open.directory->backend_alive == 0;
      if (rand_r(&seed) % 3 == 0) write_node(open.port, "state", (unsigned)rand_r(&seed) % 12);
    }
    let_go(&open);
  }
  printf("evil: rounds=%u connected=%u thrown_out=%u\n", rounds, connected, thrown_out);
  return connected > 0 ? 0 : 1;
}
