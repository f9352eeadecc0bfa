/* Round trips through a device's rings: an operation that the service does not know, so that it answers at once.
 *
 *   echo DEVICE COUNT BYTES    prints the median, the 99th percentile, and MB/s */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/client/vservice.h"

static unsigned long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (unsigned long long)t.tv_sec * 1000000000ull + (unsigned long long)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  const unsigned long long x = *(const unsigned long long *)a, y = *(const unsigned long long *)b;
  return (x > y) - (x < y);
}

int main(int argument_count, char **words) {
  if (argument_count < 4) return 2;
  const int count = atoi(words[2]), bytes = atoi(words[3]);
  struct vs_device *device;
  int status = vs_open(words[1], "dns", 30000, &device);
  if (status != 0) {
    printf("echo: open %s: %s\n", words[1], strerror(-status));
    return 1;
  }
  unsigned long long *times = calloc((size_t)count, sizeof *times);
  char *request = calloc(1, (size_t)bytes);
  const unsigned long long begun = now();
  for (int i = 0; i < count; ++i) {
    const void *answer;
    size_t answer_bytes;
    const unsigned long long before = now();
    status = vs_call(device, 4711, request, (size_t)bytes, 64, 30000, &answer, &answer_bytes);
    times[i] = now() - before;
    if (status != -EINVAL) {
      printf("echo: call %d: %s\n", i, strerror(-status));
      return 1;
    }
  }
  const double seconds = (double)(now() - begun) / 1e9;
  qsort(times, (size_t)count, sizeof *times, compare);
  printf("echo %s n=%d bytes=%d p50=%.1f p99=%.1f MB/s=%.2f\n", words[1], count, bytes, (double)times[count / 2] / 1e3,
         (double)times[count * 99 / 100] / 1e3, (double)bytes * count / seconds / 1e6);
  vs_close(device);
  return 0;
}
