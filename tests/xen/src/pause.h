/* For programs that look again and again at what another domain does: there is nothing else to wait for. */
#ifndef VSERVICES_TESTS_XEN_PAUSE_H
#define VSERVICES_TESTS_XEN_PAUSE_H

#include <time.h>

static inline void pause_us(long us) {
  const struct timespec length = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
  nanosleep(&length, NULL);
}

#endif
