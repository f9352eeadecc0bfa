#include "dataplane/client/wait.h"

#include <sched.h>
#include <time.h>

enum {
  kSpinStartNs = 10 * 1000,
  kSpinMaxNs = 200 * 1000,
  kLooksPerClock = 32,
  kCoresToLook = 3,
  kInVainFree = 16, /* in a row: a doorbell may cross with having looked already */
  kDeafMsMax = 1000,
  kBatchUsMax = 1000 * 1000
};

int64_t vs_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t vs_now_ms(void) { return vs_now_ns() / 1000000; }

static void pause_core(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void vs_wait_start(struct vs_wait *wait, const struct vs_region_header *header) {
  cpu_set_t cores;
  *wait = (struct vs_wait){
      .mode = header->wait_mode <= VS_WAIT_TIMER ? header->wait_mode : VS_WAIT_BLOCK,
      .batch_us = header->batch_us < kBatchUsMax ? header->batch_us : kBatchUsMax,
      .cores = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1,
  };
}

bool vs_wait_look(const struct vs_consumer *consumer, int64_t for_ns) {
  const int64_t until = vs_now_ns() + for_ns;
  do {
    for (int look = 0; look < kLooksPerClock; ++look) {
      if (!vs_consumer_empty(consumer)) return true;
      pause_core();
    }
  } while (vs_now_ns() < until);
  return false;
}

int64_t vs_wait_window(const struct vs_wait *wait) {
  return wait->mode == VS_WAIT_ADAPTIVE && wait->cores >= kCoresToLook ? wait->window_ns : 0;
}

void vs_wait_learn(struct vs_wait *wait, int64_t gap_ns) {
  if (gap_ns > kSpinMaxNs) {
    wait->window_ns = wait->window_ns / 2 < kSpinStartNs ? 0 : wait->window_ns / 2;
  } else if (gap_ns > wait->window_ns) {
    const int64_t wider = wait->window_ns * 2 > kSpinStartNs ? wait->window_ns * 2 : kSpinStartNs;
    wait->window_ns = wider < kSpinMaxNs ? wider : kSpinMaxNs;
  }
}

int vs_wait_in_vain_ms(struct vs_wait *wait, const struct vs_consumer *consumer) {
  if (wait->taken != consumer->cons) wait->in_vain = 0; /* there were answers since */
  wait->taken = consumer->cons;
  if (++wait->in_vain <= kInVainFree) return 0;
  const int doublings = wait->in_vain - kInVainFree - 1;
  return doublings < 10 ? 1 << doublings : kDeafMsMax;
}
