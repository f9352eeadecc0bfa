// A real listener on a real socket in a directory of its own, with a handler the test gives.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "tests/vsmgrd/api/raw_client.h"
#include "tests/temporary_directory.h"
#include "vsmgrd/api/listener.h"

namespace vs::http {

// Counts limits that bit, and waits for them.
class LimitWatch {
 public:
  void saw(Limit limit) {
    const std::lock_guard lock(mutex_);
    ++seen_[limit];
    changed_.notify_all();
  }
  void wait_for(Limit limit, int times = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return seen_[limit] >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Limit, int> seen_;
};

// A door that handlers wait at, until the test opens it.
class Door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void wait_for_visitors(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

class ServerFixture : public ::testing::Test {
 protected:
  static std::string described(const Origin& origin) {
    if (!origin.peer) return "nobody";
    return std::string(name_of(origin.channel)) + ':' + std::to_string(origin.peer->uid) + ':' +
           std::to_string(origin.peer->gid) + ':' + std::to_string(origin.peer->pid);
  }
  // Says what it was sent.
  static Response echo(const Request& request) {
    nlohmann::json headers = nlohmann::json::object();
    for (const auto& [name, value] : request.headers) headers[name] = value;
    return json_response(200, {{"method", request.method},
                               {"target", request.target},
                               {"headers", headers},
                               {"body", request.body},
                               {"peer", described(request.origin)}});
  }

  void start(Listener::Handler handler = echo) {
    options_.socket_path = socket();
    auto listener = Listener::start(options_, counters_, clock_, std::move(handler));
    ASSERT_TRUE(listener) << listener.error().message;
    listener_ = std::move(*listener);
  }
  [[nodiscard]] std::filesystem::path socket() const { return directory_.path() / "api.sock"; }

  // A new client gets a right answer. Asks more than once: where limits are short, a busy machine
  // may trip one.
  void expect_answers() {
    for (int tries = 0; tries < 20; ++tries) {
      RawClient client(socket());
      if (client.ask("GET /alive HTTP/1.1\r\nHost: test\r\n\r\n").status == 200) return;
    }
    ADD_FAILURE() << "the server does not answer any more";
  }

  test::TemporaryDirectory directory_;
  SystemClock clock_;
  LimitWatch limits_;
  TransportCounters counters_{[this](Limit limit) { limits_.saw(limit); }};
  ServerOptions options_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace vs::http
