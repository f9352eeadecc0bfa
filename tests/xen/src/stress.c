// guest-correctness stress: stress NPROC SECONDS. Each process checks that xmm/ymm registers, heap
// and freshly exec'ed dynamic binaries survive preemption. Prints error counters; exit 1 on any
// error.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static int xmm(uint64_t p) {
  uint64_t a[2] = {p, ~p}, b[2], c[2];
  asm volatile(
      "movdqu %2,%%xmm5\n movdqu %2,%%xmm11\n mov $20000,%%ecx\n1: dec %%ecx\n jnz 1b\n movdqu "
      "%%xmm5,%0\n movdqu %%xmm11,%1"
      : "=m"(b), "=m"(c)
      : "m"(a)
      : "ecx", "xmm5", "xmm11");
  return memcmp(a, b, 16) || memcmp(a, c, 16);
}
__attribute__((target("avx"))) static int ymm(uint64_t p) {
  uint64_t a[4] = {p, ~p, p * 3, p * 7}, b[4], c[4];
  asm volatile(
      "vmovdqu %2,%%ymm6\n vmovdqu %2,%%ymm12\n mov $20000,%%ecx\n1: dec %%ecx\n jnz 1b\n vmovdqu "
      "%%ymm6,%0\n vmovdqu %%ymm12,%1"
      : "=m"(b), "=m"(c)
      : "m"(a)
      : "ecx", "xmm6", "xmm12");
  return memcmp(a, b, 32) || memcmp(a, c, 32);
}
static int heap(unsigned s) {
  enum { N = 200 };
  char* p[N];
  int sz[N], bad = 0;
  for (int i = 0; i < N; i++) {
    sz[i] = 1 + rand_r(&s) % 3000;
    p[i] = malloc(sz[i]);
    memset(p[i], i + 1, sz[i]);
  }
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < sz[i]; k++)
      if (p[i][k] != (char)(i + 1)) {
        bad = 1;
        break;
      }
    free(p[i]);
  }
  return bad;
}
int main(int c, char** v) {
  if (c < 3) return 2;
  setenv("STRESS_EXEC", "./bin/vchan_pp", 0);
  int n = atoi(v[1]);
  time_t end = time(0) + atoi(v[2]);
  int avx = __builtin_cpu_supports("avx");
  volatile uint64_t* e = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                              0);  // 0 xmm 1 ymm 2 heap 3 exec 4..7 rounds, 8 died
  for (int i = 0; i < n; i++)
    if (!fork()) {
      unsigned s = i * 77 + 1;
      while (time(0) < end) {
        uint64_t p = ((uint64_t)rand_r(&s) << 32) ^ rand_r(&s);
        if (i % 2 == 0) {
          if (xmm(p)) __sync_fetch_and_add(&e[0], 1);
          __sync_fetch_and_add(&e[4], 1);
          if (avx) {
            if (ymm(p)) __sync_fetch_and_add(&e[1], 1);
            __sync_fetch_and_add(&e[5], 1);
          }
          if (heap(s)) __sync_fetch_and_add(&e[2], 1);
          __sync_fetch_and_add(&e[6], 1);
        } else {
          pid_t q = fork();
          if (!q) {
            execl(getenv("STRESS_EXEC"), "x", (char*)0);
            _exit(99);
          }
          int st;
          waitpid(q, &st, 0);
          __sync_fetch_and_add(&e[7], 1);
          if (!WIFEXITED(st) || WEXITSTATUS(st) != 2) __sync_fetch_and_add(&e[3], 1);
        }
      }
      _exit(0);
    }
  int st;
  while (wait(&st) > 0)
    if (!WIFEXITED(st)) e[8]++;
  printf("stress avx=%d errors: xmm=%lu/%lu ymm=%lu/%lu heap=%lu/%lu exec=%lu/%lu died=%lu\n", avx,
         e[0], e[4], e[1], e[5], e[2], e[6], e[3], e[7], e[8]);
  return e[0] || e[1] || e[2] || e[3] || e[8];
}
