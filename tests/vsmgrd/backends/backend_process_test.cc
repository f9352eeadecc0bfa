// One backend's life as vsmgrd sees it. The backend is a script, or this test itself behind the control socket.
#include "tests/temporary_directory.h"
#include "vsmgrd/backends/backend_process.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace vs {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class BackendProcessTest : public testing::Test {
 protected:
  BackendProcessTest() {
    program_ = {.executable = directory_.path() / "backend", .sockets = directory_.path(), .directory = directory_.path() / "homes",
                .user = "", .patience = 2min};
  }
  ~BackendProcessTest() override {
    process_.reset();
  }

  void script(const std::string& text) {
    std::ofstream(program_.executable) << "#!/bin/sh\n" << text;
    ::chmod(program_.executable.c_str(), 0755);
  }
  // A backend that runs already, as an earlier vsmgrd left it: this test.
  void listen() {
    auto listener = control::listen_unix(directory_.path() / "dns.sock");
    ASSERT_TRUE(listener) << listener.error().message;
    listener_ = std::move(*listener);
  }
  void accept(const std::string& kind = "dns") {
    pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    run_until([&] { return ::poll(&waiting, 1, 0) == 1; }, "a connection");
    backend_ = std::make_unique<control::Channel>(
        loop_, UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)),
        control::Channel::Callbacks{.on_message =
                                        [this](std::string_view message) {
                                          auto command = control::decode_command(message);
                                          ASSERT_TRUE(command);
                                          commands_.push_back(std::move(*command));
                                          if (answers_pings_)
                                            if (const auto* ping = std::get_if<control::Ping>(&commands_.back()))
                                              say(control::Pong{ping->number});
                                        },
                                    .on_closed = [this](const Error&) { hung_up_ = true; }});
    say(control::Hello{.kind = kind, .version = "0"});
  }
  void say(const control::Event& event) { (void)backend_->send(control::encode(event)); }

  void start() {
    process_ = std::make_unique<BackendProcess>(
        loop_, program_, "dns",
        BackendProcess::Callbacks{.on_change = [] {},
                                  .on_samples = [this](std::vector<Sample> told) { samples_ = std::move(told); }});
  }
  void run_until(const std::function<bool()>& holds, const char* what) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
      loop_.run_once(10ms);
    }
  }
  template <class Message>
  const Message* commanded() const {
    for (const auto& command : commands_)
      if (const auto* message = std::get_if<Message>(&command)) return message;
    return nullptr;
  }

  test::TemporaryDirectory directory_;
  BackendProgram program_;
  EventLoop loop_;
  UniqueFd listener_;
  std::unique_ptr<control::Channel> backend_;
  std::vector<control::Command> commands_;
  std::vector<Sample> samples_;
  bool answers_pings_ = true;
  bool hung_up_ = false;
  std::unique_ptr<BackendProcess> process_;
};

TEST_F(BackendProcessTest, SaysThatAProgramCannotBeStarted) {
  start();
  EXPECT_FALSE(process_->status().up);
  EXPECT_NE(process_->status().last_error.find("backend"), std::string::npos) << process_->status().last_error;
}

TEST_F(BackendProcessTest, StartsOneThatDiesAgainAndAgain) {
  script("exit 3\n");
  start();
  run_until([this] { return process_->status().restarts >= 3; }, "three restarts");
  EXPECT_EQ(process_->status().last_error, "ended with status 3");
}

TEST_F(BackendProcessTest, WaitsLongerAfterEachEarlyDeath) {
  script("echo >>" + (directory_.path() / "starts").string() + "\nexit 3\n");
  start();
  const auto begun = std::chrono::steady_clock::now();
  run_until([this] { return process_->status().restarts >= 5; }, "five restarts");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 10ms + 20ms + 40ms + 80ms) << "the pauses double";
}

TEST_F(BackendProcessTest, TakesOverOneThatRunsAndTellsItWhatToServe) {
  listen();
  start();
  accept();
  run_until([this] { return process_->status().up; }, "the hello");
  process_->configure(7, {.services = {{"dns", {}}}, .bindings = {}});
  run_until([this] { return commanded<control::Configure>() != nullptr; }, "the configuration");
  EXPECT_EQ(commanded<control::Configure>()->number, 7u);
  EXPECT_EQ(process_->status().number_applied, 0u);
  say(control::Applied{.number = 6});
  say(control::Applied{.number = 7, .problems = {{"web1-dns", "no room"}}});
  run_until([this] { return process_->status().number_applied == 7; }, "the confirmation");
  EXPECT_EQ(process_->status().problems.at("web1-dns"), "no room");
}

TEST_F(BackendProcessTest, BelievesNoBackendOfAnotherKind) {
  listen();
  start();
  accept("pubsub");
  process_->configure(1, {});
  run_until([this] { return hung_up_; }, "the end of the connection");
  EXPECT_FALSE(process_->status().up);
  EXPECT_EQ(commanded<control::Configure>(), nullptr);
}

TEST_F(BackendProcessTest, CountsRefusalsOfKnownBindingsOverRestarts) {
  listen();
  start();
  accept();
  process_->configure(1, {.services = {}, .bindings = {{"web2-dns", "web2", "dns", "dns", false}}});
  say(control::Refused{"web2-dns", "web2", "dns", 3});
  say(control::Refused{"stranger", "web2", "dns", 9});
  run_until([this] { return !process_->status().refusals.empty(); }, "the refusals");
  backend_.reset();
  run_until([this] { return !process_->status().up; }, "the loss");
  accept();
  say(control::Refused{"web2-dns", "web2", "dns", 2});
  run_until([this] { return process_->status().refusals.at("web2-dns") == 5; }, "the sum");
  EXPECT_EQ(process_->status().refusals.size(), 1u);
}

TEST_F(BackendProcessTest, HasCountersToldWhenAsked) {
  listen();
  start();
  bool told = false;
  process_->report([&] { told = true; });
  EXPECT_TRUE(told) << "at once: nobody is there to ask";
  accept();
  run_until([this] { return process_->status().up; }, "the hello");
  told = false;
  process_->report([&] { told = true; });
  run_until([this] { return commanded<control::Report>() != nullptr; }, "the question");
  EXPECT_FALSE(told);
  const std::uint64_t number = commanded<control::Report>()->number;
  say(control::Stats{number, {{.name = "n", .help = "h"}}, true});
  say(control::Pong{0});
  say(control::Stats{number, {{.name = "m", .help = "h"}}});
  run_until([&] { return told; }, "the counters");
  EXPECT_EQ(samples_.size(), 2u) << "a report of two messages";

  told = false;
  process_->report([&] { told = true; });
  backend_.reset();
  run_until([&] { return told; }, "an end to waiting for one that is gone");
}

TEST_F(BackendProcessTest, HasItFreezeAndStageAndTellsWhatItAnswers) {
  listen();
  start();
  std::vector<std::string> told;
  const auto tell = [&told](const std::optional<control::Event>& answer) {
    told.push_back(!answer ? "nothing" : std::holds_alternative<control::Frozen>(*answer) ? "frozen" : "staged");
  };
  process_->order(control::Freeze{.bindings = {"web1-dns"}}, tell);
  EXPECT_EQ(told, std::vector<std::string>{"nothing"}) << "it is not up";
  accept();
  run_until([this] { return process_->status().up; }, "the hello");
  process_->order(control::Freeze{.bindings = {"web1-dns"}, .drain_ms = 20, .thaw_ms = 500}, tell);
  process_->order(control::Stage{.binding = "web1-dns", .epoch = 2, .lease_ms = 1000}, tell);
  process_->order(control::Thaw{.bindings = {"web1-dns"}}, tell);
  process_->order(control::Thaw{.bindings = {"web2-dns"}}, tell);
  run_until([this] { return commands_.size() >= 4 && commanded<control::Thaw>() != nullptr; }, "the orders");
  EXPECT_EQ(commanded<control::Freeze>()->drain_ms, 20u);
  say(control::Staged{.number = commanded<control::Stage>()->number});
  say(control::Frozen{.number = commanded<control::Freeze>()->number});
  say(control::Frozen{.number = 4711});  // nobody asked for it
  say(control::Unsupported{.number = commanded<control::Thaw>()->number, .command = "thaw"});
  run_until([&] { return told.size() == 4; }, "the answers");
  EXPECT_EQ(told, (std::vector<std::string>{"nothing", "staged", "frozen", "nothing"}));
  backend_.reset();
  run_until([&] { return told.size() == 5; }, "the end of what waits for one that is lost");
  EXPECT_EQ(told.back(), "nothing");
}

TEST_F(BackendProcessTest, GivesUpOnOneThatGivesNoSignOfLife) {
  program_.patience = 200ms;
  script("exec sleep 1000\n");
  listen();
  start();
  answers_pings_ = false;
  accept();
  run_until([this] { return process_->status().hangs == 1; }, "the end of patience");
  EXPECT_FALSE(process_->status().up);
  EXPECT_TRUE(commanded<control::Ping>() != nullptr);
  listener_.reset();
  bool ended = false;
  process_->stop([&] { ended = true; });
  run_until([&] { return ended; }, "the end of the new one");
}

}  // namespace
}  // namespace vs
