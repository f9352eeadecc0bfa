#include "dataplane/guest/nss/lookup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/dns.h"
#include "dataplane/guest/nss/kept.h"
#include "dataplane/guest/nss/name.h"
#include "dataplane/guest/nss/pool.h"
#include "dataplane/guest/nss/table.h"

/* What of the calling thread is set aside during a lookup. */
struct calm {
  sigset_t signals;
  int cancel_state;
  int error;
};

/* Signals that tell of something wait until the lookup is over: their handlers may look names up,
 * fork or jump away, and would do so while we hold a device. Those that end a program stay open, so
 * that a slow nameserver cannot hold up Ctrl-C. A thread that were cancelled under way would take
 * its device with it. */
static void keep_calm(struct calm* calm) {
  static const int news[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGCHLD, SIGHUP,  SIGIO,
                             SIGPIPE, SIGTSTP,   SIGURG,  SIGUSR1, SIGUSR2, SIGWINCH};
  calm->error = errno;
  sigset_t held_back;
  sigemptyset(&held_back);
  for (size_t i = 0; i < sizeof news / sizeof news[0]; ++i) sigaddset(&held_back, news[i]);
  pthread_sigmask(SIG_BLOCK, &held_back, &calm->signals);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &calm->cancel_state);
}

static void calm_over(const struct calm* calm) {
  pthread_setcancelstate(calm->cancel_state, NULL);
  pthread_sigmask(SIG_SETMASK, &calm->signals, NULL);
  errno = calm->error;
}

static int ask_device(struct vs_device* device, const struct vs_nss_question* question,
                      int64_t deadline_ms, struct vs_dns_result_set** answer) {
  const int timeout_ms = vs_nss_remaining_ms(deadline_ms);
  if (question->subject == VS_NSS_OF_ADDRESS) {
    return vs_dns_resolve_address(device, question->address, question->family, timeout_ms, answer);
  }
  return vs_dns_resolve(device, question->name, question->family, timeout_ms, answer);
}

static struct vs_nss_verdict ask(const struct vs_nss_question* question,
                                 struct vs_dns_result_set** answer) {
  const int64_t deadline_ms = vs_nss_now_ms() + VS_NSS_LOOKUP_MS;
  int error = 0;
  for (int attempt = 0; attempt < VS_NSS_ATTEMPTS_MAX; ++attempt) {
    struct vs_nss_lease lease;
    error = vs_nss_pool_take(deadline_ms, &lease);
    if (error != 0) return vs_nss_verdict_of_open(error);
    error = ask_device(lease.device, question, deadline_ms, answer);
    vs_nss_table_use(lease.device);
    vs_nss_pool_give(&lease, error);
    if (error == 0) return vs_nss_verdict_of_result((*answer)->result);
    /* Only what a new device would mend: descriptors closed by another thread, or a ring that
     * broke. */
    if (error != -ESTALE && error != -EPROTO) break;
  }
  return vs_nss_verdict_of_call(error);
}

static struct vs_nss_verdict lay_out(const struct vs_nss_question* question,
                                     const struct vs_nss_target* target,
                                     struct vs_dns_result_set* answer) {
  const enum vs_nss_laid laid = vs_nss_lay(question, answer, target);
  if (laid == VS_NSS_NO_ROOM) {
    vs_nss_kept_put(question, target->bytes, vs_nss_now_ms(), answer);
  } else {
    vs_dns_free(answer);
  }
  return vs_nss_verdict_of_layout(laid);
}

static struct vs_nss_verdict look_up(const struct vs_nss_question* question,
                                     const struct vs_nss_target* target) {
  struct vs_dns_result_set* answer = vs_nss_kept_take(question, target->bytes, vs_nss_now_ms());
  if (answer == NULL) {
    const struct vs_nss_verdict verdict = ask(question, &answer);
    if (verdict.status != NSS_STATUS_SUCCESS) {
      vs_dns_free(answer);
      return verdict;
    }
  }
  return lay_out(question, target, answer);
}

/* What is in the table takes no device, so signals need not wait. */
static bool look_into_table(const struct vs_nss_question* question,
                            const struct vs_nss_target* target, struct vs_nss_verdict* verdict) {
  const int error = errno;
  struct vs_dns_result_set* const answer = vs_nss_table_find(question);
  if (answer == NULL) {
    errno = error;
    return false;
  }
  *verdict = vs_nss_verdict_of_result(answer->result);
  if (verdict->status == NSS_STATUS_SUCCESS) {
    *verdict = lay_out(question, target, answer);
  } else {
    vs_dns_free(answer);
  }
  errno = error;
  return true;
}

struct vs_nss_verdict vs_nss_lookup(const struct vs_nss_question* question,
                                    const struct vs_nss_target* target) {
  if (question->subject == VS_NSS_OF_NAME && !vs_nss_name_askable(question->name)) {
    return vs_nss_verdict_of_result(VS_DNS_NO_NAME);
  }
  struct vs_nss_verdict verdict;
  if (look_into_table(question, target, &verdict)) return verdict;
  struct calm calm;
  keep_calm(&calm);
  verdict = look_up(question, target);
  calm_over(&calm);
  return verdict;
}
