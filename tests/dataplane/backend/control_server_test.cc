// What a backend says to vsmgrd over the control socket, whatever serves behind it.
#include "dataplane/backend/control_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/temporary_directory.h"

namespace vs {
namespace {

using namespace std::chrono_literals;

class Served final : public Commanded {
 public:
  std::uint64_t config_number() const override { return 7; }
  void locate(std::function<void(control::Located)> done) override { done({}); }
  void flush(const control::Flush& what, std::function<void(std::uint64_t)> done) override { done(what.name.size()); }
  void configure(const control::Configure& configure, std::function<void(control::Applied)> done) override {
    done({.number = configure.number});
  }
  void report(std::function<void(std::vector<Sample>)> done) override {
    std::vector<Sample> told(samples);
    for (std::size_t i = 0; i < told.size(); ++i) told[i] = {.name = "n", .help = "h", .value = static_cast<double>(i)};
    done(std::move(told));
  }
  void describe(const std::string&, std::function<void(nlohmann::json)> done) override { done(nullptr); }
  void freeze(const control::Freeze& freeze, std::function<void(control::Frozen)> done) override {
    done({.bindings = {{freeze.bindings.at(0), "", true}}});
  }
  void thaw(const control::Thaw& thaw, std::function<void(control::Thawed)> done) override { done({.bindings = thaw.bindings}); }
  void stage(const control::Stage& stage, std::function<void(std::string)> done) override { done(stage.uid); }
  void take_refusals(std::function<void(std::vector<control::Refused>)> done) override { done({}); }
  void ping(std::function<void()> done) override { done(); }
  void on_refusal(std::function<void()>) override {}

  std::size_t samples = 0;
};

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest() {
    auto listener = control::listen_unix(path_);
    EXPECT_TRUE(listener);
    server_ = std::make_unique<ControlServer>(loop_, std::move(*listener), "dns", served_);
    auto socket = control::connect_unix(path_);
    EXPECT_TRUE(socket);
    channel_ = std::make_unique<control::Channel>(
        loop_, std::move(*socket),
        control::Channel::Callbacks{.on_message =
                                        [this](std::string_view message) {
                                          auto event = control::decode_event(message);
                                          ASSERT_TRUE(event) << event.error().message;
                                          events_.push_back(std::move(*event));
                                        },
                                    .on_closed = [](const Error&) {}});
  }

  // The samples of one report, and in how many messages they came.
  std::vector<Sample> report(std::size_t& messages) {
    EXPECT_TRUE(channel_->send(control::encode(control::Command(control::Report{3}))));
    std::vector<Sample> samples;
    messages = 0;
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    for (bool more = true; more && std::chrono::steady_clock::now() < deadline;) {
      loop_.run_once(10ms);
      for (auto& event : std::exchange(events_, {}))
        if (auto* stats = std::get_if<control::Stats>(&event)) {
          EXPECT_EQ(stats->number, 3u);
          std::move(stats->samples.begin(), stats->samples.end(), std::back_inserter(samples));
          more = stats->more;
          ++messages;
        }
    }
    return samples;
  }

  test::TemporaryDirectory directory_;
  const std::string path_ = (directory_.path() / "control.sock").string();
  EventLoop loop_;
  Served served_;
  std::unique_ptr<ControlServer> server_;
  std::unique_ptr<control::Channel> channel_;
  std::vector<control::Event> events_;
};

TEST_F(ControlServerTest, TellsCountersInAsManyMessagesAsTheyTake) {
  std::size_t messages = 0;
  EXPECT_TRUE(report(messages).empty());
  EXPECT_EQ(messages, 1u);
  served_.samples = 2 * control::kSamplesPerMessageMax + 1;
  const auto samples = report(messages);
  EXPECT_EQ(messages, 3u);
  ASSERT_EQ(samples.size(), served_.samples);
  for (std::size_t i = 0; i < samples.size(); ++i) ASSERT_EQ(samples[i].value, static_cast<double>(i));
}

TEST_F(ControlServerTest, AnswersWhatABindingIsToldOnItsWayToAnotherNode) {
  const auto answer_to = [&](const control::Command& command) {
    events_.clear();
    EXPECT_TRUE(channel_->send(control::encode(command)));
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    const auto is_answer = [](const control::Event& event) { return !std::holds_alternative<control::Hello>(event); };
    while (std::none_of(events_.begin(), events_.end(), is_answer) && std::chrono::steady_clock::now() < deadline) loop_.run_once(10ms);
    return *std::find_if(events_.begin(), events_.end(), is_answer);
  };
  EXPECT_EQ(std::get<control::Frozen>(answer_to(control::Freeze{7, {"web1-dns"}, 1, 2})), (control::Frozen{7, {{"web1-dns", "", true}}}));
  EXPECT_EQ(std::get<control::Thawed>(answer_to(control::Thaw{8, {"web1-dns"}})), (control::Thawed{8, {"web1-dns"}}));
  EXPECT_EQ(std::get<control::Staged>(answer_to(control::Stage{9, "web1-dns", "why not", 2, 3})), (control::Staged{9, "why not"}));
}

TEST_F(ControlServerTest, SaysHowManyCountersItsReportHadNoRoomFor) {
  served_.samples = control::kSamplesMax + 11;
  std::size_t messages = 0;
  const auto samples = report(messages);
  ASSERT_EQ(samples.size(), control::kSamplesMax);
  EXPECT_EQ(samples.back().name, "vservices_report_samples_cut");
  EXPECT_EQ(samples.back().value, 12);
}

}  // namespace
}  // namespace vs
