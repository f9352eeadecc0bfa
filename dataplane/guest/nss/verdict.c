#include "dataplane/guest/nss/verdict.h"

#include <errno.h>

#include "dataplane/abi/dns.h"

static const struct vs_nss_verdict kFound = {NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS};
static const struct vs_nss_verdict kNoName = {NSS_STATUS_NOTFOUND, 0, HOST_NOT_FOUND};
static const struct vs_nss_verdict kNoData = {NSS_STATUS_NOTFOUND, 0, NO_DATA};
static const struct vs_nss_verdict kTryAgain = {NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN};
static const struct vs_nss_verdict kNoRoom = {NSS_STATUS_TRYAGAIN, ERANGE, NETDB_INTERNAL};

static struct vs_nss_verdict unavailable(int error) {
  return (struct vs_nss_verdict){NSS_STATUS_UNAVAIL, error, NO_RECOVERY};
}

struct vs_nss_verdict vs_nss_verdict_of_open(int error) {
  switch (error) {
    case -EAGAIN:
    case -ENOMEM: return kTryAgain; /* in this process, or sessions at the backend: both pass */
    default: return unavailable(-error);
  }
}

struct vs_nss_verdict vs_nss_verdict_of_call(int error) {
  switch (error) {
    case -EAGAIN:
    case -ENOMEM:
    case -ETIMEDOUT: return kTryAgain;
    case -EINVAL: return kNoName; /* the service was asked, and no such name can exist */
    default: return unavailable(-error);
  }
}

struct vs_nss_verdict vs_nss_verdict_of_result(int result) {
  switch (result) {
    case VS_DNS_FOUND: return kFound;
    case VS_DNS_NO_NAME: return kNoName;
    case VS_DNS_NO_DATA: return kNoData;
    case VS_DNS_TRY_AGAIN: return kTryAgain;
    default: return unavailable(EPROTO);
  }
}

struct vs_nss_verdict vs_nss_verdict_of_layout(enum vs_nss_laid laid) {
  switch (laid) {
    case VS_NSS_LAID: return kFound;
    case VS_NSS_NO_ROOM: return kNoRoom;
    case VS_NSS_NOTHING: return kNoData;
  }
  __builtin_unreachable();
}
