// A thousand clients that say half a header, half a body, or do not read their answer: others are served as if they were not
// there. No deadline passes meanwhile, so none of this is the deadlines' merit.

#include <sys/resource.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/vsmgrd/api/server_fixture.h"

namespace vs::http {
namespace {

constexpr int kSlow = 1000;
constexpr int kAsked = 300;
constexpr std::string_view kAlive = "GET /alive HTTP/1.1\r\nHost: test\r\n\r\n";
constexpr std::string_view kBig = "GET /big HTTP/1.1\r\nHost: test\r\n\r\n";

class SlowClients : public ServerFixture {
 protected:
  void SetUp() override {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (auto* time : {&options_.header_timeout, &options_.body_timeout, &options_.write_timeout,
                       &options_.idle_timeout})
      *time = std::chrono::hours{1};
    start([answer = std::string(1 << 20, 'x')](const Request& request) {
      return Response{.content_type = "text/plain", .body = request.target == "/big" ? answer : "alive"};
    });
  }

  // They are all one user's, who may not have more requests answered at a time than connections: each answer is waited for, and
  // then not read on.
  void hang(const std::vector<std::string>& beginnings) {
    for (int i = 0; i < kSlow; ++i) {
      const std::string& beginning = beginnings[static_cast<std::size_t>(i) % beginnings.size()];
      slow_.emplace_back();
      ASSERT_TRUE(slow_.back().connect(socket()));
      slow_.back().send(beginning);
      if (beginning == kBig) ASSERT_TRUE(slow_.back().receive_some());
    }
  }

  // On one connection, and on a new one each time.
  void expect_served(RawClient& kept) {
    for (int i = 0; i < kAsked; ++i) {
      EXPECT_EQ(kept.ask(kAlive).status, 200) << i;
      RawClient fresh(socket());
      EXPECT_EQ(fresh.ask(kAlive).status, 200) << i;
    }
  }

  [[nodiscard]] double connections() const {
    for (const Sample& sample : counters_.samples())
      if (sample.name == "vservices_http_connections") return sample.value;
    return 0;
  }

  std::vector<RawClient> slow_;
};

TEST_F(SlowClients, CostOthersNothingWhateverTheyAreSlowWith) {
  RawClient kept(socket());
  ASSERT_EQ(kept.ask(kAlive).status, 200);
  hang({"GET /alive HT", "POST /alive HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf",
        std::string(kBig), ""});
  expect_served(kept);
  EXPECT_GE(connections(), static_cast<double>(options_.client_connections_max) / 2) << "they still hang";
  for (const Limit limit : {Limit::header_time, Limit::body_time, Limit::write_time, Limit::idle_time})
    EXPECT_EQ(counters_.hits(limit), 0u) << name_of(limit);
  EXPECT_GE(counters_.hits(Limit::client_connections), kSlow / 2) << "they made room";
}

}  // namespace
}  // namespace vs::http
