// libxenvchan: vchan_pp server DOMID PATH | vchan_pp client DOMID PATH N
#include <libxenvchan.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "pause.h"
static uint64_t ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static int all(struct libxenvchan* c, void* p, size_t n, int wr) {
  char* b = p;
  while (n) {
    int r = wr ? libxenvchan_write(c, b, n) : libxenvchan_read(c, b, n);
    if (r <= 0) return -1;
    b += r;
    n -= r;
  }
  return 0;
}
int main(int c, char** v) {
  if (c < 4) return 2;
  int dom = atoi(v[2]);
  char m[65536];
  memset(m, 7, sizeof m);
  if (!strcmp(v[1], "server")) {
    struct libxenvchan* s = libxenvchan_server_init(NULL, dom, v[3], 65536, 65536);
    if (!s) {
      perror("server_init");
      return 1;
    }
    s->blocking = 1;
    printf("vchan server ready %s\n", v[3]);
    fflush(stdout);
    uint32_t len;
    uint64_t got = 0;
    while (!all(s, &len, 4, 0)) {
      if (len > sizeof m) return 1;
      if (all(s, m, len, 0)) break;
      got += len;
      if (all(s, m, len < 64 ? len : 64, 1)) break;
    }
    printf("vchan server: peer closed after %llu bytes\n", (unsigned long long)got);
    libxenvchan_close(s);
    return 0;
  }
  struct libxenvchan* s = 0;
  for (int i = 0; i < 200 && !s; i++) {
    s = libxenvchan_client_init(NULL, dom, v[3]);
    if (!s) pause_us(50000);
  }
  if (!s) {
    perror("client_init");
    return 1;
  }
  s->blocking = 1;
  int n = atoi(v[4]);
  uint32_t sz[] = {64, 4096, 60000};
  for (int k = 0; k < 3; k++) {
    uint64_t a = ns();
    int i;
    for (i = 0; i < n; i++) {
      uint32_t len = sz[k];
      if (all(s, &len, 4, 1) || all(s, m, len, 1) || all(s, m, len < 64 ? len : 64, 0)) {
        puts("vchan error");
        return 1;
      }
    }
    double us = (ns() - a) / 1e3 / n;
    printf("vchan dom%d size=%u n=%d mean_rtt_us=%.1f (%.1f MB/s)\n", dom, sz[k], n, us,
           sz[k] / us);
  }
  libxenvchan_close(s);
  return 0;
}
