#include "dataplane/guest/nss/kept.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct kept {
  struct vs_nss_question question; /* its name is our own copy */
  size_t bytes;
  int64_t since_ms;
  struct vs_dns_result_set* answer;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key; /* a process has few keys: without one nothing is kept, and each call asks for
                         itself */

static void free_kept(void* value) {
  struct kept* const kept = value;
  vs_dns_free(kept->answer);
  free((char*)kept->question.name);
  free(kept);
}

static void make_key(void) { have_key = pthread_key_create(&key, free_kept) == 0; }

static bool same_question(const struct vs_nss_question* one, const struct vs_nss_question* other) {
  if (one->subject != other->subject || one->family != other->family) return false;
  if (one->subject == VS_NSS_OF_NAME) return strcmp(one->name, other->name) == 0;
  return memcmp(one->address, other->address, sizeof one->address) == 0;
}

struct vs_dns_result_set* vs_nss_kept_take(const struct vs_nss_question* question, size_t bytes,
                                           int64_t now_ms) {
  (void)pthread_once(&once, make_key);
  struct kept* const kept = have_key ? pthread_getspecific(key) : NULL;
  if (kept == NULL) return NULL;
  (void)pthread_setspecific(key, NULL);

  struct vs_dns_result_set* answer = NULL;
  if (bytes > kept->bytes && now_ms - kept->since_ms <= VS_NSS_KEPT_MS &&
      same_question(question, &kept->question)) {
    answer = kept->answer;
    kept->answer = NULL;
  }
  free_kept(kept);
  return answer;
}

void vs_nss_kept_put(const struct vs_nss_question* question, size_t bytes, int64_t now_ms,
                     struct vs_dns_result_set* answer) {
  (void)pthread_once(&once, make_key);
  struct kept* const kept = have_key ? calloc(1, sizeof *kept) : NULL;
  if (kept == NULL) {
    vs_dns_free(answer);
    return;
  }
  *kept = (struct kept){*question, bytes, now_ms, answer};
  if (question->name != NULL) kept->question.name = strdup(question->name);
  const bool copied = question->name == NULL || kept->question.name != NULL;
  struct kept* const before = pthread_getspecific(key);
  if (!copied || pthread_setspecific(key, kept) != 0) {
    free_kept(kept);
  } else if (before != NULL) {
    free_kept(before);
  }
}
