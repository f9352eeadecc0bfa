#include "dataplane/guest/nss/pool.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dataplane/guest/nss/fake_client.h"

namespace {

using vs::test::FakeClient;

class Pool : public testing::Test {
 protected:
  void SetUp() override { fake_.reset(); }
  void TearDown() override { EXPECT_EQ(fake_.violations(), 0); }

  static vs_nss_lease take() {
    vs_nss_lease lease{};
    EXPECT_EQ(vs_nss_pool_take(vs_nss_now_ms() + 10000, &lease), 0);
    return lease;
  }
  static std::vector<vs_nss_lease> take_all() {
    std::vector<vs_nss_lease> leases;
    leases.reserve(VS_NSS_DEVICES_MAX);
    for (int i = 0; i < VS_NSS_DEVICES_MAX; ++i) leases.push_back(take());
    return leases;
  }
  static void give_all(const std::vector<vs_nss_lease>& leases) {
    for (const vs_nss_lease& lease : leases) vs_nss_pool_give(&lease, 0);
  }

  FakeClient& fake_ = FakeClient::get();
};

TEST_F(Pool, UsesOneDeviceForOneLookupAfterTheOther) {
  for (int i = 0; i < 3; ++i) {
    const vs_nss_lease lease = take();
    vs_nss_pool_give(&lease, 0);
  }
  EXPECT_EQ(fake_.opens(), 1);
  EXPECT_EQ(fake_.closes(), 0);
}

TEST_F(Pool, GivesEachLookupItsOwnDeviceUpToTheLimit) {
  const std::vector<vs_nss_lease> leases = take_all();
  EXPECT_EQ(fake_.opens(), VS_NSS_DEVICES_MAX);
  vs_nss_lease one_more{};
  EXPECT_EQ(vs_nss_pool_take(vs_nss_now_ms(), &one_more), -EAGAIN);
  give_all(leases);
  give_all(take_all());
  EXPECT_EQ(fake_.opens(), VS_NSS_DEVICES_MAX);
}

TEST_F(Pool, ClosesADeviceThatFailed) {
  for (const int error : {-EPROTO, -ENODEV, -EACCES, -ECONNREFUSED}) {
    fake_.reset();
    const vs_nss_lease lease = take();
    vs_nss_pool_give(&lease, error);
    EXPECT_EQ(fake_.closes(), 1) << error;
  }
}

TEST_F(Pool, KeepsADeviceWhoseRequestFailed) {
  for (const int error : {-EAGAIN, -ETIMEDOUT, -EINVAL, -EMSGSIZE, -ENOMEM}) {
    const vs_nss_lease lease = take();
    vs_nss_pool_give(&lease, error);
  }
  EXPECT_EQ(fake_.opens(), 1);
  EXPECT_EQ(fake_.closes() + fake_.forgets(), 0);
}

TEST_F(Pool, ForgetsADeviceWhoseDescriptorIsNoLongerOurs) {
  const vs_nss_lease lease = take();
  vs_nss_pool_give(&lease, -ESTALE);
  EXPECT_EQ(fake_.forgets(), 1);
  EXPECT_EQ(fake_.closes(), 0);
}

TEST_F(Pool, OpensAnewWhenTheProgramClosedTheDescriptors) {
  const vs_nss_lease before = take();
  vs_nss_pool_give(&before, 0);
  closefrom(3);
  const vs_nss_lease after = take();
  EXPECT_EQ(fake_.opens(), 2);
  EXPECT_EQ(fake_.forgets(), 1);
  EXPECT_EQ(fake_.closes(), 0);
  vs_nss_pool_give(&after, 0);
}

TEST_F(Pool, GivesThePlaceBackWhenOpeningFails) {
  fake_.on_open([](int) { return -EACCES; });
  for (int i = 0; i < 2 * VS_NSS_DEVICES_MAX; ++i) {
    vs_nss_lease lease{};
    EXPECT_EQ(vs_nss_pool_take(vs_nss_now_ms() + 10000, &lease), -EACCES);
  }
  fake_.on_open([](int) { return 0; });
  give_all(take_all());
}

TEST_F(Pool, ReportsABackendThatNeverCameAsNotThere) {
  fake_.on_open([](int timeout_ms) {
    EXPECT_LE(timeout_ms, 10000);
    return -ETIMEDOUT;
  });
  vs_nss_lease lease{};
  EXPECT_EQ(vs_nss_pool_take(vs_nss_now_ms() + 10000, &lease), -ECONNREFUSED);
}

TEST_F(Pool, ClosesOldIdleDevicesBeyondTheFirst) {
  give_all(take_all());
  vs_nss_pool_trim(vs_nss_now_ms());
  EXPECT_EQ(fake_.closes(), 0);
  vs_nss_pool_trim(vs_nss_now_ms() + VS_NSS_DEVICE_IDLE_MS);
  EXPECT_EQ(fake_.closes(), VS_NSS_DEVICES_MAX - 1);
  vs_nss_pool_trim(vs_nss_now_ms() + std::int64_t{10} * VS_NSS_DEVICE_IDLE_MS);
  EXPECT_EQ(fake_.closes(), VS_NSS_DEVICES_MAX - 1);
  give_all(take_all());  // every place is free again
}

TEST_F(Pool, TrimsNothingThatIsInUse) {
  const std::vector<vs_nss_lease> leases = take_all();
  vs_nss_pool_trim(vs_nss_now_ms() + VS_NSS_DEVICE_IDLE_MS);
  EXPECT_EQ(fake_.closes(), 0);
  give_all(leases);
}

}  // namespace
