#include "dataplane/guest/nss/pool.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

static const char kDeviceName[] = "dns";
static const char kServiceKind[] = "dns";

enum slot_state { SLOT_EMPTY, SLOT_IDLE, SLOT_BUSY };

/* The thread that turns `state` to SLOT_BUSY owns `device` and `opener` until it turns it back. */
struct slot {
  _Atomic(enum slot_state) state;
  struct vs_device* device;
  pid_t opener;
  _Atomic(int64_t) idle_since_ms;
};

/* One for the process, because the NSS interface hands its functions nothing that could carry it. A
 * permit is the right to one busy slot; there are as many as slots, so whoever has one finds a
 * slot. */
static struct {
  sem_t permits;
  struct slot slots[VS_NSS_DEVICES_MAX];
} pool;

static pthread_once_t started = PTHREAD_ONCE_INIT;

int64_t vs_nss_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int vs_nss_remaining_ms(int64_t deadline_ms) {
  const int64_t left_ms = deadline_ms - vs_nss_now_ms();
  if (left_ms <= 0) return 0;
  return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* Runs in the child of a fork, where only the forking thread lives on. Devices that other threads
 * were using are let go of as they are: such a thread may have been anywhere inside them, so to
 * close them could close what is no longer theirs. Their descriptors end with the child, or when it
 * becomes another program. */
static void start_anew_in_child(void) {
  for (unsigned i = 0; i < VS_NSS_DEVICES_MAX; ++i) {
    struct slot* const slot = &pool.slots[i];
    if (atomic_load(&slot->state) == SLOT_IDLE) vs_forget(slot->device);
    slot->device = NULL;
    atomic_store(&slot->state, SLOT_EMPTY);
  }
  sem_init(&pool.permits, 0, VS_NSS_DEVICES_MAX);
}

static void start(void) {
  sem_init(&pool.permits, 0, VS_NSS_DEVICES_MAX);
  /* Fails only for want of memory; then `opener` below still keeps a child away from its parent's
   * devices. */
  (void)pthread_atfork(NULL, NULL, start_anew_in_child);
}

static bool wait_for_permit(int64_t deadline_ms) {
  const struct timespec until = {deadline_ms / 1000, (deadline_ms % 1000) * 1000000};
  while (sem_clockwait(&pool.permits, CLOCK_MONOTONIC, &until) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

static bool claim(unsigned index, enum slot_state from) {
  enum slot_state expected = from;
  return atomic_compare_exchange_strong(&pool.slots[index].state, &expected, SLOT_BUSY);
}

/* Needs a permit. The first that is idle, so that the others age and are closed; else the first
 * that is empty. A pass can miss when slots change hands behind it; then somebody else got on, and
 * one is free on the next. */
static unsigned claim_any(void) {
  for (;;) {
    for (unsigned i = 0; i < VS_NSS_DEVICES_MAX; ++i) {
      if (claim(i, SLOT_IDLE)) return i;
    }
    for (unsigned i = 0; i < VS_NSS_DEVICES_MAX; ++i) {
      if (claim(i, SLOT_EMPTY)) return i;
    }
  }
}

static void release(struct slot* slot, enum slot_state to) {
  atomic_store(&slot->state, to);
  sem_post(&pool.permits);
}

/* The device in `slot`, if it is there and still ours: a program that turns itself into a daemon
 * closes every descriptor it finds, and a child that was not made by fork() finds its parent's
 * devices here. */
static bool usable(struct slot* slot) {
  if (slot->device == NULL) return false;
  if (slot->opener == getpid() && vs_alive(slot->device)) return true;
  vs_forget(slot->device);
  slot->device = NULL;
  return false;
}

int vs_nss_pool_take(int64_t deadline_ms, struct vs_nss_lease* lease) {
  (void)pthread_once(&started, start);
  if (!wait_for_permit(deadline_ms)) return -EAGAIN;

  const unsigned index = claim_any();
  struct slot* const slot = &pool.slots[index];
  if (!usable(slot)) {
    struct vs_device* device = NULL;
    const int error = vs_open(kDeviceName, kServiceKind, vs_nss_remaining_ms(deadline_ms), &device);
    if (error != 0) {
      release(slot, SLOT_EMPTY);
      return error == -ETIMEDOUT ? -ECONNREFUSED : error;
    }
    slot->device = device;
    slot->opener = getpid();
  }
  *lease = (struct vs_nss_lease){slot->device, index};
  return 0;
}

static bool worth_keeping(int error) {
  switch (error) {
    case 0:
    case -EAGAIN:
    case -ETIMEDOUT:
    case -EINVAL:
    case -EMSGSIZE:
    case -ENOMEM: return true; /* one request failed; the session did not */
    default: return false;
  }
}

void vs_nss_pool_give(const struct vs_nss_lease* lease, int error) {
  struct slot* const slot = &pool.slots[lease->slot];
  if (slot->device != lease->device) {
    vs_forget(lease->device); /* a signal handler forked during the lookup: this is the child, with
                                 a pool made anew */
    return;
  }
  const int64_t now_ms = vs_nss_now_ms();
  if (worth_keeping(error)) {
    atomic_store(&slot->idle_since_ms, now_ms);
    release(slot, SLOT_IDLE);
  } else {
    if (error == -ESTALE) {
      vs_forget(slot->device); /* its descriptor is somebody else's by now: say nothing on it */
    } else {
      vs_close(slot->device);
    }
    slot->device = NULL;
    release(slot, SLOT_EMPTY);
  }
  vs_nss_pool_trim(now_ms);
}

static bool too_old(unsigned index, int64_t now_ms) {
  struct slot* const slot = &pool.slots[index];
  return now_ms - atomic_load(&slot->idle_since_ms) >= VS_NSS_DEVICE_IDLE_MS;
}

void vs_nss_pool_trim(int64_t now_ms) {
  bool one_stays = false;
  for (unsigned i = 0; i < VS_NSS_DEVICES_MAX; ++i) {
    if (atomic_load(&pool.slots[i].state) != SLOT_IDLE) continue;
    const bool first = !one_stays;
    one_stays = true;
    if (first || !too_old(i, now_ms)) continue;
    if (sem_trywait(&pool.permits) != 0) return; /* all in use: none is too many */
    if (!claim(i, SLOT_IDLE)) {
      sem_post(&pool.permits);
      continue;
    }
    if (usable(&pool.slots[i])) vs_close(pool.slots[i].device);
    pool.slots[i].device = NULL;
    release(&pool.slots[i], SLOT_EMPTY);
  }
}
