// What a backend can do with doorbells to its frontend: nothing but ring them (rules S-11, S-20).
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <atomic>

#include "evil_backend.h"

extern "C" {
#include "dataplane/client/session.h"
}

namespace vs::test {
namespace {

TEST(RuleS20, DoorbellsThatAreNoneAreNeitherReadNorWaitedFor) {
  int pipe[2];
  ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
  const UniqueFd to_read(pipe[0]);
  const UniqueFd to_write(pipe[1]);
  const UniqueFd empty(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE));  // a read of it would wait
  const UniqueFd counter(::eventfd(7, EFD_CLOEXEC));
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  const UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  Region region;
  for (const int bell : {to_read.get(), to_write.get(), empty.get(), counter.get(), epoll.get(), timer.get(), file.get(),
                         region.memory.get()})
    for (const std::size_t which : {1u, 2u}) {
      auto gifts = gifts_of(region);
      gifts[which] = bell;
      const EvilBackend backend([&](int socket) { welcome(socket, good_welcome(region), gifts); });
      EXPECT_EQ(open_status(), -EPROTO) << which << ": " << bell;
    }
  const EvilBackend backend([&](int socket) {
    auto gifts = gifts_of(region);
    gifts.pop_back();
    welcome(socket, good_welcome(region), gifts);
  });
  EXPECT_EQ(open_status(), -EPROTO) << "one is missing";
}

// Whatever the backend does to what the doorbells share, a call ends when its time is over.
TEST(RuleS20, ABackendThatDoesAnythingToTheDoorbellsCostsTheCallItsTime) {
  Region region;
  std::atomic<bool> over = false;
  const EvilBackend backend([&](int socket) {
    for (const int bell : {region.bells.from_guest.fd(), region.bells.to_guest.fd()})
      ::fcntl(bell, F_SETFL, ::fcntl(bell, F_GETFL) & ~O_NONBLOCK);
    welcome(socket, region);
    while (!over)
      for (const int bell : {region.bells.from_guest.fd(), region.bells.to_guest.fd()}) {
        std::uint64_t one = 1;
        pollfd room{.fd = bell, .events = POLLOUT};
        if (::poll(&room, 1, 0) == 1) (void)!::write(bell, &one, sizeof one);  // full again: nothing to be heard
      }
  });
  vs_device* device = nullptr;
  ASSERT_EQ(vs_open("dns", "dns", 20'000, &device), 0);
  for (int call = 0; call < 5; ++call) {
    vs_dns_result_set* set = nullptr;
    EXPECT_EQ(vs_dns_resolve(device, "a.test", AF_UNSPEC, 100, &set), -ETIMEDOUT);
  }
  over = true;
  vs_close(device);
}

// A program may close descriptors that it does not know, and open others that get their numbers: those are let alone.
TEST(RuleS20, OurDescriptorsAreToldFromOthersOfTheSameNumber) {
  Region region;
  const EvilBackend backend([&](int socket) {
    welcome(socket, region);
    (void)region.bells.hear(socket);
  });
  const std::string path = std::string(::getenv("VSERVICE_DIRECTORY")) + "/dns";
  const UniqueFd others[] = {UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)),
                             UniqueFd(::epoll_create1(EPOLL_CLOEXEC)),
                             UniqueFd(::eventfd(5, EFD_CLOEXEC | EFD_SEMAPHORE))};
  const auto number = [](const vs_session& session, int which) {
    const vs_local_link& link = session.link.local;
    return which == 0 ? link.socket : which == 1 ? link.epoll : link.bell;
  };
  for (int which = 0; which < 3; ++which) {
    vs_session session;
    const vs_opening opening{.path = path.c_str(), .service = "dns", .generation = 1, .deadline_ms = vs_now_ms() + 20'000};
    ASSERT_EQ(vs_session_open(&session, &opening), 0);
    EXPECT_TRUE(vs_session_alive(&session));
    const int replaced = number(session, which);
    ASSERT_EQ(::dup3(others[which].get(), replaced, O_CLOEXEC), replaced);
    EXPECT_FALSE(vs_session_alive(&session)) << which;
    const vs_session closed = session;
    vs_session_close(&session);
    for (int i = 0; i < 3; ++i) {
      const bool unknown = which == 1 && i == 2;  // without the epoll nobody can say whose doorbell that is
      EXPECT_EQ(::fcntl(number(closed, i), F_GETFD) >= 0, i == which || unknown) << "replaced " << which << ", looked at " << i;
      ::close(number(closed, i));
    }
  }
  std::uint64_t left = 0;
  EXPECT_EQ(::read(others[2].get(), &left, sizeof left), static_cast<ssize_t>(sizeof left)) << "nothing was taken out";
}

// Answers every request and rings `doorbells` times for it, or answers none and never stops ringing: how often the frontend stopped listening in `calls` calls.
std::uint64_t pauses_in(int calls, int doorbells, bool answers_at_all) {
  Region region;
  const auto found = bytes_of(vs_answer{}, vs_dns_addresses{.result = VS_DNS_NO_NAME});
  const EvilBackend backend([&](int socket) {
    welcome(socket, region);
    RingConsumer requests(consumer_memory(region.bytes, region.header.request));
    RingProducer answers(producer_memory(region.bytes, region.header.response));
    std::vector<std::byte> into(requests.payload_bytes_max());
    while (region.bells.hear(socket)) do {
      const auto taken = requests.take(into);
      if (!taken || !*taken) continue;
      if (answers_at_all) (void)answers.push(VS_RECORD_ANSWER, (*taken)->cookie, {found});
      answers.publish();
      requests.release();
      for (int i = 0; i < doorbells; ++i) region.bells.ring();
      for (pollfd end{.fd = socket, .events = POLLRDHUP}; !answers_at_all && ::poll(&end, 1, 0) == 0;) {
        region.bells.ring();
        std::this_thread::yield();
      }
    } while (!requests.ask_for_data());
  });
  vs_device* device = nullptr;
  EXPECT_EQ(vs_open("dns", "dns", 20'000, &device), 0);
  for (int call = 0; call < calls; ++call) {
    vs_dns_result_set* set = nullptr;
    const int status = vs_dns_resolve(device, "a.test", AF_UNSPEC, answers_at_all ? 20'000 : 1000, &set);
    EXPECT_EQ(status, answers_at_all ? 0 : -ETIMEDOUT);
    vs_dns_free(set);
  }
  vs_stats stats;
  vs_get_stats(device, &stats);
  vs_close(device);
  return stats.doorbell_pauses;
}

TEST(RuleS11, ABackendThatRingsWithoutEndIsListenedToLessAndLess) {
  EXPECT_GE(pauses_in(1, 0, false), 3u);
}

TEST(RuleS11, DoorbellsThatCrossWithAnswersSlowNobody) { EXPECT_EQ(pauses_in(500, 2, true), 0u); }

}  // namespace
}  // namespace vs::test
