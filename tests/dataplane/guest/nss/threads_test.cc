// Lookups in many threads at once, across fork, and in a program that closes every descriptor.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/guest/nss/entry.h"
#include "dataplane/guest/nss/pool.h"
#include "tests/dataplane/guest/nss/fake_client.h"

namespace {

using vs::test::address;
using vs::test::Answer;
using vs::test::Asked;
using vs::test::FakeClient;
using vs::test::Reply;
using vs::test::text_of;

constexpr int kThreads = 32;
constexpr int kLookups = 50;

Reply found(const char* text) {
  return {.answer =
              std::make_unique<Answer>(VS_DNS_FOUND, "web.example", std::vector{address(text)})};
}

// The address of `name` as text, or the status.
std::string look_up(const char* name) {
  std::vector<char> buffer(1024);
  gaih_addrtuple* tuples = nullptr;
  int error = 0;
  int host_error = 0;
  const nss_status status = _nss_vservice_gethostbyname4_r(
      name, &tuples, buffer.data(), buffer.size(), &error, &host_error, nullptr);
  if (status != NSS_STATUS_SUCCESS)
    return "status " + std::to_string(status) + " errno " + std::to_string(error);
  return text_of(tuples->family, tuples->addr);
}

class Threads : public testing::Test {
 protected:
  void SetUp() override { fake_.reset(); }
  void TearDown() override { EXPECT_EQ(fake_.violations(), 0); }
  FakeClient& fake_ = FakeClient::get();
};

TEST_F(Threads, EachGetsTheAnswerToItsOwnQuestion) {
  fake_.on_resolve([](const Asked& asked) { return found(("192.0.2." + asked.name).c_str()); });
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([i] {
      for (int lookup = 0; lookup < kLookups; ++lookup) {
        ASSERT_EQ(look_up(std::to_string(i).c_str()), "192.0.2." + std::to_string(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fake_.calls(), kThreads * kLookups);
  EXPECT_LE(fake_.opens(), VS_NSS_DEVICES_MAX);
  EXPECT_EQ(fake_.answers_alive(), 0);
}

TEST_F(Threads, ShareTheDevicesWhileSomeFail) {
  std::atomic<int> count{0};
  fake_.on_resolve([&count](const Asked&) {
    switch (++count % 5) {
      case 0: return Reply{.error = -EPROTO};
      case 1: return Reply{.error = -ESTALE};
      default: return found("192.0.2.1");
    }
  });
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&answered] {
      for (int lookup = 0; lookup < kLookups; ++lookup)
        answered += look_up("web.example") == "192.0.2.1";
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(answered, 0);
  std::vector<vs_nss_lease> leases(VS_NSS_DEVICES_MAX);  // no place got lost
  for (vs_nss_lease& lease : leases)
    ASSERT_EQ(vs_nss_pool_take(vs_nss_now_ms() + 10000, &lease), 0);
  for (const vs_nss_lease& lease : leases) vs_nss_pool_give(&lease, 0);
}

// Other threads sit inside lookups, and more wait for a device, when the program forks. All of that
// is gone in the child, and nothing of it may be in the way of the child's own lookup or be touched
// by it.
TEST_F(Threads, ChildLooksUpWhileTheParentsThreadsAreInsideLookups) {
  std::atomic<bool> open_gate{false};
  std::atomic<int> inside{0};
  const pid_t parent = getpid();
  fake_.on_resolve([&, parent](const Asked&) {
    if (getpid() != parent) return found("192.0.2.2");
    ++inside;
    inside.notify_all();
    open_gate.wait(false);
    return found("192.0.2.1");
  });
  std::vector<std::thread> threads;
  threads.reserve(std::size_t{2} * VS_NSS_DEVICES_MAX);
  std::atomic<int> answered{0};
  for (int i = 0; i < 2 * VS_NSS_DEVICES_MAX; ++i) {
    threads.emplace_back([&] { answered += look_up("web.example") == "192.0.2.1"; });
  }
  for (int now = inside; now < VS_NSS_DEVICES_MAX; now = inside) inside.wait(now);

  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool good = true;
    for (int i = 0; i < 2 * VS_NSS_DEVICES_MAX; ++i)
      good = good && look_up("web.example") == "192.0.2.2";
    _exit(good && fake_.violations() == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;

  open_gate = true;
  open_gate.notify_all();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 2 * VS_NSS_DEVICES_MAX);
}

TEST_F(Threads, ChildForgetsTheParentsIdleDeviceAndTheParentKeepsIt) {
  fake_.on_resolve([](const Asked&) { return found("192.0.2.1"); });
  ASSERT_EQ(look_up("web.example"), "192.0.2.1");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool forgotten = fake_.forgets() == 1 && fake_.closes() == 0;
    const bool good = look_up("web.example") == "192.0.2.1";
    _exit(forgotten && good && fake_.opens() == 2 && fake_.violations() == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(look_up("web.example"), "192.0.2.1");
  EXPECT_EQ(fake_.opens(), 1);
}

// _Fork runs no fork handlers: the child has nothing but the process id to go by.
TEST_F(Threads, ChildThatRanNoForkHandlersStaysAwayFromTheParentsDevice) {
  fake_.on_resolve([](const Asked&) { return found("192.0.2.1"); });
  ASSERT_EQ(look_up("web.example"), "192.0.2.1");
  const pid_t child = _Fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool good = look_up("web.example") == "192.0.2.1";
    _exit(good && fake_.opens() == 2 && fake_.forgets() == 1 && fake_.violations() == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(Threads, ProgramThatClosesAllDescriptorsGoesOnResolving) {
  fake_.on_resolve([](const Asked&) { return found("192.0.2.1"); });
  constexpr int times = 5;
  for (int i = 0; i < times; ++i) {
    ASSERT_EQ(look_up("web.example"), "192.0.2.1");
    closefrom(3);
  }
  EXPECT_EQ(fake_.opens(), times);
  EXPECT_EQ(fake_.closes(), 0);
}

TEST_F(Threads, CancellationWaitsUntilTheLookupIsOver) {
  std::atomic<bool> inside{false};
  std::atomic<bool> open_gate{false};
  fake_.on_resolve([&](const Asked&) {
    inside = true;
    inside.notify_all();
    open_gate.wait(false);
    pthread_testcancel();  // a cancellation point, as any blocking call of the real client is
    return found("192.0.2.1");
  });
  std::string answer;
  pthread_t thread{};
  struct Shared {
    std::string* answer;
  } shared{&answer};
  ASSERT_EQ(pthread_create(
                &thread, nullptr,
                [](void* argument) -> void* {
                  *static_cast<Shared*>(argument)->answer = look_up("web.example");
                  return nullptr;
                },
                &shared),
            0);
  inside.wait(false);
  ASSERT_EQ(pthread_cancel(thread), 0);
  open_gate = true;
  open_gate.notify_all();
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  EXPECT_EQ(answer, "192.0.2.1");
  EXPECT_EQ(look_up("web.example"), "192.0.2.1");
  EXPECT_EQ(fake_.opens(), 1);
}

}  // namespace
