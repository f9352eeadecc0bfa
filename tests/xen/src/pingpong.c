// Grant page + event channel ping-pong with the stable Xen user libraries.
//   pingpong guest            (in the domU: grants one page to dom0, offers an event channel,
//   echoes) pingpong dom0 DOMID N     (in dom0: maps, binds, measures; prints one line per mode)
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include "pause.h"
#define DIE(x) \
  do {         \
    perror(x); \
    exit(1);   \
  } while (0)
struct shm {
  volatile uint64_t req, rsp;
  volatile uint32_t mode, quit;
  volatile unsigned char gone;
};  // mode 0=event 1=spin
static uint64_t ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static int cmp(const void* a, const void* b) {
  uint64_t x = *(uint64_t*)a, y = *(uint64_t*)b;
  return x < y ? -1 : x > y;
}
static int waitev(xenevtchn_handle* e, evtchn_port_t p, int ms) {
  struct pollfd f = {xenevtchn_fd(e), POLLIN, 0};
  int r = poll(&f, 1, ms);
  if (r <= 0) return r;
  xenevtchn_port_or_error_t q = xenevtchn_pending(e);
  if (q < 0) DIE("pending");
  xenevtchn_unmask(e, q);
  return q == (int)p;
}
int main(int c, char** v) {
  struct xs_handle* xs = xs_open(0);
  if (!xs) DIE("xs_open");
  xenevtchn_handle* ev = xenevtchn_open(NULL, 0);
  if (!ev) DIE("evtchn_open");
  char buf[128], path[128];
  if (c > 1 && !strcmp(v[1], "guest")) {
    xengntshr_handle* gs = xengntshr_open(NULL, 0);
    if (!gs) DIE("gntshr_open");
    uint32_t ref;
    struct shm* s = xengntshr_share_pages(gs, 0, 1, &ref, 1);
    if (!s) DIE("share_pages");
    xenevtchn_port_or_error_t port = xenevtchn_bind_unbound_port(ev, 0);
    if (port < 0) DIE("bind_unbound");
    memset((void*)s, 0, sizeof *s);
    snprintf(buf, sizeof buf, "%u %u", ref, port);
    if (!xs_write(xs, XBT_NULL, "data/pp", buf, strlen(buf))) DIE("xs_write data/pp");
    printf("pingpong guest: gref=%u port=%d\n", ref, port);
    fflush(stdout);
    uint64_t last = 0;
    while (!s->quit) {
      if (s->mode == 1) {
        uint64_t r = s->req;
        if (r != last) {
          __sync_synchronize();
          s->rsp = last = r;
        }
      } else {
        waitev(ev, port, 1000);
        uint64_t r = s->req;
        if (r != last) {
          s->rsp = last = r;
          __sync_synchronize();
          xenevtchn_notify(ev, port);
        }
      }
    }
    printf("pingpong guest: done last=%llu gone=%u\n", (unsigned long long)last, s->gone);
    return 0;
  }
  if (c < 4) return 2;
  int dom = atoi(v[2]), n = atoi(v[3]);
  unsigned len;
  snprintf(path, sizeof path, "/local/domain/%d/data/pp", dom);
  char* d = 0;
  for (int i = 0; i < 200 && !d; i++) {
    d = xs_read(xs, XBT_NULL, path, &len);
    if (!d) pause_us(50000);
  }
  if (!d) DIE("xs_read");
  unsigned ref, rport;
  sscanf(d, "%u %u", &ref, &rport);
  xengnttab_handle* g = xengnttab_open(NULL, 0);
  if (!g) DIE("gnttab_open");
  xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(ev, dom, rport);
  if (port < 0) DIE("bind_interdomain");
  // on close/crash of this process the kernel clears byte `gone` and kicks the port: the peer
  // learns that we died
  struct shm* s =
      xengnttab_map_grant_ref_notify(g, dom, ref, PROT_READ | PROT_WRITE,
                                     (uint32_t)((char*)&((struct shm*)0)->gone - (char*)0), port);
  if (!s) DIE("map_grant_ref_notify");
  s->gone = 1;
  waitev(ev, port, 1); /* drain the event raised by binding */
  uint64_t* t = malloc(n * sizeof *t);
  for (int mode = 0; mode < 2; mode++) {
    s->mode = mode;
    __sync_synchronize();
    xenevtchn_notify(ev, port);
    pause_us(1200000 * mode + 100000);
    while (waitev(ev, port, 1) > 0)
      ;
    uint64_t a = ns();
    int bad = 0;
    for (int i = 0; i < n; i++) {
      uint64_t b = ns(), q = s->req + 1;
      s->req = q;
      __sync_synchronize();
      if (mode == 0) {
        xenevtchn_notify(ev, port);
        while (s->rsp != q)
          if (waitev(ev, port, 2000) == 0) {
            bad++;
            break;
          }
      } else {
        uint64_t lim = b + 2000000000ull;
        while (s->rsp != q)
          if (ns() > lim) {
            bad++;
            break;
          }
      }
      t[i] = ns() - b;
      if (bad > 3) {
        n = i + 1;
        break;
      }
    }
    a = ns() - a;
    qsort(t, n, sizeof *t, cmp);
    printf(
        "pingpong dom0<->dom%d gref=%u mode=%s n=%d lost=%d rtt_us min=%.1f p50=%.1f p99=%.1f "
        "max=%.1f mean=%.1f\n",
        dom, ref, mode ? "spin" : "evtchn", n, bad, t[0] / 1e3, t[n / 2] / 1e3,
        t[(int)(n * .99)] / 1e3, t[n - 1] / 1e3, a / 1e3 / n);
    if (bad) return 1;
  }
  if (!(c > 4 && !strcmp(v[4], "keep"))) {
    s->quit = 1;
    __sync_synchronize();
    xenevtchn_notify(ev, port);
  }
  return 0;
}
