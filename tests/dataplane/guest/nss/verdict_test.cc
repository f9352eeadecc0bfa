#include "dataplane/guest/nss/verdict.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "dataplane/abi/dns.h"

// Named so that a failing case shows its numbers.
bool operator==(const vs_nss_verdict& one, const vs_nss_verdict& other) {
  return one.status == other.status && one.error == other.error &&
         one.host_error == other.host_error;
}
std::ostream& operator<<(std::ostream& out, const vs_nss_verdict& verdict) {
  return out << "status " << verdict.status << " errno " << verdict.error << " h_errno "
             << verdict.host_error;
}

namespace {

const vs_nss_verdict kTryAgain{NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN};
const vs_nss_verdict kNoName{NSS_STATUS_NOTFOUND, 0, HOST_NOT_FOUND};
const vs_nss_verdict kNoData{NSS_STATUS_NOTFOUND, 0, NO_DATA};

vs_nss_verdict unavailable(int error) { return {NSS_STATUS_UNAVAIL, error, NO_RECOVERY}; }

TEST(Verdict, OfOpenLetsTheNextSourceAnswerUnlessItPasses) {
  for (const int error : {ENODEV, EACCES, ECONNREFUSED, EPROTO, EINVAL, EMFILE}) {
    EXPECT_EQ(vs_nss_verdict_of_open(-error), unavailable(error));
  }
  EXPECT_EQ(vs_nss_verdict_of_open(-EAGAIN), kTryAgain);
  EXPECT_EQ(vs_nss_verdict_of_open(-ENOMEM), kTryAgain);
}

TEST(Verdict, OfCallIsTryAgainWhenTheBackendWasReached) {
  EXPECT_EQ(vs_nss_verdict_of_call(-EAGAIN), kTryAgain);
  EXPECT_EQ(vs_nss_verdict_of_call(-ETIMEDOUT), kTryAgain);
  EXPECT_EQ(vs_nss_verdict_of_call(-ENOMEM), kTryAgain);
  EXPECT_EQ(vs_nss_verdict_of_call(-EINVAL), kNoName);
  for (const int error : {ENODEV, EACCES, ECONNREFUSED, EPROTO, ESTALE, EMSGSIZE, EIO}) {
    EXPECT_EQ(vs_nss_verdict_of_call(-error), unavailable(error));
  }
}

TEST(Verdict, OfResultIsTheServicesAnswer) {
  EXPECT_EQ(vs_nss_verdict_of_result(VS_DNS_FOUND),
            (vs_nss_verdict{NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS}));
  EXPECT_EQ(vs_nss_verdict_of_result(VS_DNS_NO_NAME), kNoName);
  EXPECT_EQ(vs_nss_verdict_of_result(VS_DNS_NO_DATA), kNoData);
  EXPECT_EQ(vs_nss_verdict_of_result(VS_DNS_TRY_AGAIN), kTryAgain);
  EXPECT_EQ(vs_nss_verdict_of_result(99), unavailable(EPROTO));
}

TEST(Verdict, OfLayoutAsksForMoreRoomAsGlibcExpectsIt) {
  EXPECT_EQ(vs_nss_verdict_of_layout(VS_NSS_LAID),
            (vs_nss_verdict{NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS}));
  EXPECT_EQ(vs_nss_verdict_of_layout(VS_NSS_NO_ROOM),
            (vs_nss_verdict{NSS_STATUS_TRYAGAIN, ERANGE, NETDB_INTERNAL}));
  EXPECT_EQ(vs_nss_verdict_of_layout(VS_NSS_NOTHING), kNoData);
}

}  // namespace
