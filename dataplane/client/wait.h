/* How the frontend waits for answers: the region says which of enum vs_wait_mode, this keeps what it learns.
 *
 * Looking is for machines with a core to spare: `adaptive` looks only where three or more may be used, one for the backend and one
 * for everybody else, and for as long as lately would have been enough (the rule of base/spin.h). A value of one thread. */
#ifndef VSERVICES_CLIENT_WAIT_H
#define VSERVICES_CLIENT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/client/ring.h"

struct vs_wait {
  uint32_t mode;     /* enum vs_wait_mode */
  uint32_t batch_us; /* of VS_WAIT_TIMER */
  int cores;         /* that this process may use */
  int64_t window_ns; /* to look for, of VS_WAIT_ADAPTIVE */
  uint64_t pauses;   /* in which the doorbell was not listened to */
  int in_vain;       /* wake-ups since the last answer */
  uint32_t taken;    /* position behind the last answer, at the last of them */
};

void vs_wait_start(struct vs_wait *wait, const struct vs_region_header *header);

/* Looks until there is a record, for at most so long: true when there is one. */
bool vs_wait_look(const struct vs_consumer *consumer, int64_t for_ns);
/* How long to look now, in ns; 0: not at all. */
int64_t vs_wait_window(const struct vs_wait *wait);
/* An answer came `gap_ns` after it was waited for. */
void vs_wait_learn(struct vs_wait *wait, int64_t gap_ns);
/* How long not to listen to the doorbell, in ms, after it rang for nothing while `consumer` waited; 0: listen on. */
int vs_wait_in_vain_ms(struct vs_wait *wait, const struct vs_consumer *consumer);

int64_t vs_now_ns(void);
/* Milliseconds of the same clock, the monotonic one; deadlines are such times. */
int64_t vs_now_ms(void);

#endif
