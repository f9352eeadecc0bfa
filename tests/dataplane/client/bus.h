// A pubsub backend in a thread of this process, and guests that reach it as guests do.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/client/vservice.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "tests/dataplane/backend/backend_thread.h"
#include "tests/temporary_directory.h"

namespace vs::test {

inline constexpr int kPatienceMs = 60'000;

class Bus {
 public:
  Bus() {
    start();
    configure({});
  }

  void start() {
    thread_ = std::make_unique<BackendThread>("pubsub", directory_.path(),
                                              [](EventLoop& loop) { return std::make_unique<pubsub::PubsubService>(loop); });
  }
  void stop() { thread_.reset(); }
  template <class Work>
  auto on_loop(Work work) {
    return thread_->on_loop(std::move(work));
  }
  // Another backend, as after a crash: it knows nothing of the one before.
  void restart() {
    stop();
    start();
    configure(rights_);
  }
  // Gives the guest a device, "pubsub", and such rights.
  void configure(nlohmann::json rights, control::Terms terms = {}) {
    rights = nlohmann::json::parse(rights.dump());  // as it comes over the wire
    rights_ = rights;
    on_loop([&] {
      control::BindingConfig binding{"web1-bus", "web1", "pubsub", "bus", true, terms, std::nullopt, rights};
      const auto applied = thread_->backend().configure({++number_, {{"bus", nlohmann::json::object()}}, {binding}});
      EXPECT_TRUE(applied.problems.empty());
      return true;
    });
    ::setenv("VSERVICE_DIRECTORY", (directory_.path() / "web1").c_str(), 1);
  }
  // What people are told of the guest's binding, as it goes over the wire.
  std::string describe() {
    return on_loop([&] { return thread_->backend().describe("web1-bus").dump(); });
  }
  double sample(const std::string& name) { return thread_->sample(name); }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<BackendThread> thread_;
  nlohmann::json rights_;
  std::uint64_t number_ = 0;
};

// Programs with open devices, closed at the test's end, against a real backend.
class BusTest : public ::testing::Test {
 protected:
  ~BusTest() override {
    for (vs_device* device : devices_) vs_close(device);
  }
  vs_device* open() {
    vs_device* device = nullptr;
    EXPECT_EQ(vs_open("pubsub", "pubsub", kPatienceMs, &device), 0);
    devices_.push_back(device);
    return device;
  }
  void close(vs_device* device) {
    std::erase(devices_, device);
    vs_close(device);
  }

  Bus bus;

 private:
  std::vector<vs_device*> devices_;
};

// Of a guest that may do everything with all channels, whose memory is shared so far; "": not said.
inline nlohmann::json rights_with(const std::string& sharing) {
  nlohmann::json rule{{"effect", "allow"}, {"channels", {">"}}, {"verbs", {"create", "publish", "subscribe"}},
                      {"policy", "p"},     {"rule", "r"},       {"message", "m"}};
  if (!sharing.empty()) rule["sharing"] = sharing;
  return {{"default", "deny"}, {"rules", {rule}}};
}

inline control::Terms roomy_requests() {
  control::Terms terms;
  terms.request_bytes = 16 << 20;
  return terms;
}

}  // namespace vs::test
