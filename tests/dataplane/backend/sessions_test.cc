// Honest guests: opens, calls, refusals, limits, and backends that come and go under them.
#include <cerrno>
#include <thread>

#include "node.h"

namespace vs::test {
namespace {

std::string as_text(int status) { return std::to_string(status); }

TEST(Sessions, AGuestIsAnswered) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.status(), 0);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(guest.echo("hello " + std::to_string(i)), "hello " + std::to_string(i));
  EXPECT_EQ(node.sample("vservices_requests_total"), 1000);
  EXPECT_EQ(node.sample("vservices_answers_total", "status", "ok"), 1000);
  EXPECT_EQ(node.sample("vservices_sessions"), 1);
}

TEST(Sessions, ADeviceThatIsNotBoundDoesNotExist) {
  Node node;
  node.grant();
  EXPECT_EQ(Guest(node.home("web2")).status(), -ENODEV);
}

TEST(Sessions, ARefusedBindingIsDeniedAndReported) {
  Node node;
  node.configure({{"web2-echo", "web2", "echo", "echo", false}});
  EXPECT_EQ(Guest(node.home("web2")).status(), -EACCES);
  EXPECT_EQ(Guest(node.home("web2")).status(), -EACCES);
  const auto refusals = node.on_loop([&] { return node.backend().take_refusals(); });
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0], (control::Refused{"web2-echo", "web2", "echo", 2}));
  EXPECT_TRUE(node.on_loop([&] { return node.backend().take_refusals(); }).empty());
}

TEST(Sessions, AnotherServiceThanTheBoundOneIsRefused) {
  Node node;
  node.grant();
  ::setenv("VSERVICE_DIRECTORY", node.home("web1").c_str(), 1);
  vs_device* device = nullptr;
  EXPECT_EQ(vs_open("echo", "dns", 20'000, &device), -EINVAL);
}

TEST(Sessions, ErrorsOfTheServiceReachTheGuest) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  EXPECT_EQ(guest.call(kRefuse, ""), as_text(-EAGAIN));
  EXPECT_EQ(guest.call(kDrop, ""), as_text(-EAGAIN));  // a reply that a service forgets is still an answer
  EXPECT_EQ(guest.echo("still here"), "still here");
}

TEST(Sessions, AnAnswerLargerThanExpectedIsAskedForAgain) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  const std::uint32_t count = 20'000;
  const std::string_view request(reinterpret_cast<const char*>(&count), sizeof count);
  EXPECT_EQ(guest.call(kGrow, request).size(), count);
  EXPECT_EQ(node.sample("vservices_answers_total", "status", "too_large"), 1);
  const std::uint32_t impossible = 40'000;  // over an eighth of the ring
  EXPECT_EQ(guest.call(kGrow, {reinterpret_cast<const char*>(&impossible), sizeof impossible}), as_text(-EMSGSIZE));
}

TEST(Sessions, ATimeOutEndsTheCallAndNotTheDevice) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  EXPECT_EQ(guest.call(kNever, "", 50), as_text(-ETIMEDOUT));
  EXPECT_EQ(guest.echo("next"), "next");
}

TEST(Sessions, ARestartedBackendIsNotNoticed) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.echo("before"), "before");
  for (int restart = 0; restart < 20; ++restart) {
    node.stop();
    node.start();
    std::thread configuring([&] { node.grant(); });  // the guest meets the time without a configuration, too
    EXPECT_EQ(guest.echo("after"), "after");
    configuring.join();
  }
  EXPECT_EQ(guest.stats().reconnects, 20u);
}

TEST(Sessions, WhatWasNotAnsweredIsAskedAgain) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  std::string answer;
  std::thread calling([&] { answer = guest.call(kNever, "", 60'000); });
  node.wait_for([&] { return node.service().kept.size() == 1; });
  node.stop();
  node.start();
  node.grant();
  node.wait_for([&] { return node.service().kept.size() == 1; });
  node.on_loop([&] {
    std::move(node.service().kept.back()).send(std::as_bytes(std::span("at last", 7)));
    node.service().kept.clear();
  });
  calling.join();
  EXPECT_EQ(answer, "at last");
  EXPECT_EQ(guest.stats().repeats, 1u);
}

TEST(Sessions, APolicyChangeEndsThem) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.echo("granted"), "granted");
  node.configure({{"web1-echo", "web1", "echo", "echo", false}});
  EXPECT_EQ(guest.echo("no more"), as_text(-EACCES));
  node.grant();
  EXPECT_EQ(guest.echo("again"), "again");
}

TEST(Sessions, AnEqualConfigurationDisturbsNobody) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  ASSERT_EQ(guest.echo("one"), "one");
  node.grant();
  EXPECT_EQ(guest.echo("two"), "two");
  EXPECT_EQ(guest.stats().reconnects, 0u);
}

TEST(Sessions, OfOneDomainAreLimited) {
  Node node;
  node.configure({{"web1-echo", "web1", "echo", "echo", true}, {"web2-echo", "web2", "echo", "echo", true}});
  std::vector<std::unique_ptr<Guest>> guests;
  for (std::size_t i = 0; i < kSessionsPerDomainMax; ++i) {
    guests.push_back(std::make_unique<Guest>(node.home("web1")));
    ASSERT_EQ(guests.back()->status(), 0) << i;
  }
  EXPECT_EQ(Guest(node.home("web1")).status(), -ENOMEM);
  EXPECT_EQ(node.sample("vservices_sessions_exhausted_total"), 1);
  Guest other(node.home("web2"));
  EXPECT_EQ(other.echo("not my limit"), "not my limit");
  guests.clear();
  node.wait_for([&] { return node.backend().sessions() == 1; });
  EXPECT_EQ(Guest(node.home("web1")).status(), 0);
}

TEST(Sessions, ADescriptorClosedUnderUsIsNoticed) {
  Node node;
  node.grant();
  Guest guest(node.home("web1"));
  ASSERT_EQ(vs_alive(guest.device()), 1);
  const int spare = ::dup(0);
  ::close(spare);
  for (int fd = 3; fd < spare; ++fd) {  // close our socket only: the others in this process belong to the node
    sockaddr_un peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && size > 2 &&
        std::string_view(peer.sun_path).find("/.echo.") != std::string_view::npos)
      ::close(fd);
  }
  EXPECT_EQ(vs_alive(guest.device()), 0);
  node.wait_for([&] { return node.backend().sessions() == 0; });
  EXPECT_EQ(guest.echo("x"), as_text(-ESTALE));
  EXPECT_EQ(guest.echo("connects again"), "connects again");
}

TEST(Sessions, NamesThatCannotBePathsAreNotServed) {
  Node node;
  const auto applied = node.configure({{"evil", "../web1", "echo", "echo", true}, {"evil2", "web1", "a/b", "echo", true}});
  EXPECT_EQ(applied.problems.size(), 2u);
}

}  // namespace
}  // namespace vs::test
