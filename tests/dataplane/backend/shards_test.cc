// Several loops, each with its share of the domains: one configuration in, one answer out.
#include "dataplane/backend/shards.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "node.h"
#include "tests/temporary_directory.h"

namespace vs::test {
namespace {

constexpr std::size_t kLoops = 3;

class ShardsTest : public testing::Test {
 protected:
  ShardsTest() {
    shards_ = std::make_unique<Shards>(
        control_, "echo", kLoops, [](EventLoop&) { return std::make_unique<ScriptedService>(); },
        [this] { return std::make_unique<LocalTransport>(directory_.path()); });
  }
  ~ShardsTest() override {
    shards_.reset();
  }

  control::Applied configure(int domains) {
    control::Configure configure{.number = ++number_, .services = {{"echo", nlohmann::json::object()}}};
    for (int i = 0; i < domains; ++i) {
      const std::string domain = "d" + std::to_string(i);
      configure.bindings.push_back({domain + "-echo", domain, "echo", "echo", true});
    }
    return answer_of<control::Applied>(control_, [&](auto done) { shards_->configure(configure, done); });
  }
  nlohmann::json live(const std::string& binding) {
    return answer_of<nlohmann::json>(control_, [&](auto done) { shards_->describe(binding, done); });
  }
  std::string home(int domain) { return (directory_.path() / ("d" + std::to_string(domain))).string(); }

  EventLoop control_;
  TemporaryDirectory directory_;
  std::unique_ptr<Shards> shards_;
  std::uint64_t number_ = 0;
};

TEST_F(ShardsTest, SpreadTheDomains) {
  EXPECT_EQ(configure(9).problems.size(), 0u);
  EXPECT_EQ(shards_->config_number(), 1u);
  std::map<int, int> domains_of_loop;
  for (int i = 0; i < 9; ++i) ++domains_of_loop[live("d" + std::to_string(i) + "-echo")["loop"].get<int>()];
  EXPECT_EQ(domains_of_loop, (std::map<int, int>{{0, 3}, {1, 3}, {2, 3}}));
}

TEST_F(ShardsTest, ADomainStaysWithItsLoop) {
  configure(4);
  std::map<int, int> loop_of;
  for (int i = 0; i < 4; ++i) loop_of[i] = live("d" + std::to_string(i) + "-echo")["loop"].get<int>();
  configure(8);
  configure(4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(live("d" + std::to_string(i) + "-echo")["loop"], loop_of[i]);
  EXPECT_TRUE(live("d7-echo").is_null());
}

TEST_F(ShardsTest, ServeAtTheSameTime) {
  constexpr int kDomains = 6;
  configure(kDomains);
  std::vector<std::unique_ptr<Guest>> guests;
  for (int i = 0; i < kDomains; ++i) {
    guests.push_back(std::make_unique<Guest>(home(i)));
    ASSERT_EQ(guests.back()->status(), 0);
  }
  std::vector<std::thread> calling;
  for (int i = 0; i < kDomains; ++i)
    calling.emplace_back([&, i] {
      for (int call = 0; call < 300; ++call) ASSERT_EQ(guests[i]->echo("mine " + std::to_string(i)), "mine " + std::to_string(i));
    });
  for (auto& thread : calling) thread.join();
  double requests = 0;
  std::set<std::string> loops;
  for (const Sample& sample : answer_of<std::vector<Sample>>(control_, [&](auto done) { shards_->report(done); })) {
    if (sample.name == "vservices_requests_total") requests += sample.value;
    for (const auto& [key, value] : sample.labels)
      if (key == "loop") loops.insert(value);
  }
  EXPECT_EQ(requests, kDomains * 300);
  EXPECT_EQ(loops, (std::set<std::string>{"0", "1", "2"}));
}

TEST_F(ShardsTest, ReportOnlyOfBindingsThatWereUsedSoThatManyFitAMessage) {
  configure(3000);
  const auto samples = answer_of<std::vector<Sample>>(control_, [&](auto done) { shards_->report(done); });
  const auto of_binding = [](const Sample& sample) {
    return std::any_of(sample.labels.begin(), sample.labels.end(), [](const auto& label) { return label.first == "binding"; });
  };
  EXPECT_EQ(std::count_if(samples.begin(), samples.end(), of_binding), 0);
  EXPECT_FALSE(samples.empty());
}

TEST_F(ShardsTest, TellRefusalsOfAllLoops) {
  bool told = false;
  shards_->on_refusal([&] { told = true; });
  control::Configure configure{.number = 1, .services = {{"echo", nlohmann::json::object()}}};
  for (int i = 0; i < 4; ++i) {
    const std::string domain = "d" + std::to_string(i);
    configure.bindings.push_back({domain + "-echo", domain, "echo", "echo", false});
  }
  answer_of<control::Applied>(control_, [&](auto done) { shards_->configure(configure, done); });
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Guest(home(i)).status(), -EACCES);
  while (!told) control_.run_once(std::chrono::seconds(10));
  const auto refusals = answer_of<std::vector<control::Refused>>(control_, [&](auto done) { shards_->take_refusals(done); });
  EXPECT_EQ(refusals.size(), 4u);
}

TEST_F(ShardsTest, AnswerAPingWhenEveryLoopHasRun) {
  bool answered = false;
  shards_->ping([&] { answered = true; });
  while (!answered) control_.run_once(std::chrono::seconds(10));
}

TEST_F(ShardsTest, MayGoWithQuestionsOpen) {
  for (int i = 0; i < 100; ++i) shards_->ping([] { FAIL() << "nobody is there to be told"; });
  shards_.reset();
  control_.run_once(std::chrono::milliseconds(0));
}

}  // namespace
}  // namespace vs::test
