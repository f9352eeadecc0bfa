// A backend in a thread of this process, with a service that tests control, and guests that reach it as guests do.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/dataplane/backend/backend_thread.h"
#include "tests/temporary_directory.h"

extern "C" {
#include "dataplane/client/vservice.h"
}

namespace vs::test {

// Asks, and runs the loop until the answer is there.
template <class Answer, class Ask>
Answer answer_of(EventLoop& loop, Ask ask) {
  std::optional<Answer> answer;
  ask([&](Answer given) { answer = std::move(given); });
  while (!answer) loop.run_once(std::chrono::seconds(10));
  return *answer;
}

inline constexpr std::uint16_t kEcho = 256;    // answers what was sent
inline constexpr std::uint16_t kGrow = 257;    // payload: a 4-byte count; answers that many bytes
inline constexpr std::uint16_t kNever = 258;   // keeps the reply until release_kept()
inline constexpr std::uint16_t kRefuse = 259;  // answers `exhausted`
inline constexpr std::uint16_t kDrop = 260;    // forgets the reply
inline constexpr std::uint16_t kFrame = 261;   // payload: a 4-byte count; answers a new frame of that many bytes, each of them
                                               // its number, or with 0 the last one again. The words: the number, in 4 bytes

class ScriptedService final : public Service {
 public:
  explicit ScriptedService(std::optional<FrameNeeds> needs = {}) : needs_(needs) {}

  std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>&) override { return {}; }
  std::optional<FrameNeeds> frames(std::string_view) const override { return needs_; }
  void frames_from(FrameSource& source) override { source_ = &source; }
  void handle(const Request& request, Reply reply) override {
    ++handled;
    switch (request.type) {
      case kEcho: return std::move(reply).send(request.payload);
      case kGrow: {
        std::uint32_t count = 0;
        std::memcpy(&count, request.payload.data(), sizeof count);
        const std::vector<std::byte> bytes(count, std::byte{7});
        return std::move(reply).send(std::span<const std::byte>(bytes));
      }
      case kNever: kept.push_back(std::move(reply)); return;
      case kFrame: return show(request, std::move(reply));
      case kRefuse: return std::move(reply).send(fail(ErrorCode::exhausted, "as told"));
      default: return;
    }
  }
  void read_attributes(const Request& request, std::span<const std::string>, std::span<filter::Value> values) override {
    values[0] = filter::Value(static_cast<std::int64_t>(request.payload.size()));  // bytes
  }
  std::vector<Sample> samples() const override { return {}; }

  int handled = 0;
  std::vector<Reply> kept;
  std::optional<Frame> shown;

 private:
  void show(const Request& request, Reply reply) {
    std::uint32_t count = 0;
    std::memcpy(&count, request.payload.data(), sizeof count);
    if (count != 0) {
      auto frame = source_->frame(request.service, count);
      if (!frame) return std::move(reply).send(fail(std::move(frame.error())));
      if (!*frame) return std::move(reply).send(fail(ErrorCode::unavailable, "no frame is free"));
      ++number_;
      std::memset((*frame)->bytes().data(), static_cast<int>(number_), count);
      shown = std::move(**frame);
    }
    std::move(reply).send(*shown, std::as_bytes(std::span(&number_, 1)));
  }

  std::optional<FrameNeeds> needs_;
  FrameSource* source_ = nullptr;
  std::uint32_t number_ = 0;
};

class Node {
 public:
  // The service answers with such frames.
  explicit Node(std::optional<FrameNeeds> frames = {}) : frames_(frames) { start(); }

  void start() {
    thread_ = std::make_unique<BackendThread>("echo", directory_.path(), [this](EventLoop&) {
      auto service = std::make_unique<ScriptedService>(frames_);
      service_ = service.get();
      return service;
    });
  }
  void stop() { thread_.reset(); }
  template <class Work>
  auto on_loop(Work work) {
    return thread_->on_loop(std::move(work));
  }
  control::Applied configure(std::vector<control::BindingConfig> bindings) {
    return on_loop([&] { return backend().configure({++number_, {{"echo", nlohmann::json::object()}}, bindings}); });
  }
  // Grants domain "web1" the device "echo".
  void grant() { configure({{"web1-echo", "web1", "echo", "echo", true}}); }

  std::string home(const std::string& domain) const { return (directory_.path() / domain).string(); }
  std::string socket(const std::string& domain = "web1") const { return home(domain) + "/echo"; }
  Backend& backend() { return thread_->backend(); }
  ScriptedService& service() { return *service_; }

  double sample(const std::string& name, const std::string& label = {}, const std::string& value = {}) {
    return thread_->sample(name, label, value);
  }
  // Runs the loop until `holds` does, on its thread.
  void wait_for(const std::function<bool()>& holds) {
    while (!on_loop([&] { return holds(); })) std::this_thread::yield();
  }

 private:
  std::optional<FrameNeeds> frames_;
  TemporaryDirectory directory_;
  ScriptedService* service_ = nullptr;
  std::unique_ptr<BackendThread> thread_;
  std::uint64_t number_ = 0;
};

// A device opened through libvservice.
class Guest {
 public:
  explicit Guest(const std::string& home, int timeout_ms = 20'000) {
    ::setenv("VSERVICE_DIRECTORY", home.c_str(), 1);
    status_ = vs_open("echo", "echo", timeout_ms, &device_);
  }
  ~Guest() { vs_close(device_); }
  Guest(const Guest&) = delete;

  int status() const { return status_; }
  vs_device* device() { return device_; }
  vs_stats stats() {
    vs_stats stats;
    vs_get_stats(device_, &stats);
    return stats;
  }
  // The answer, or the negative errno as text.
  std::string call(std::uint16_t type, std::string_view request, int timeout_ms = 20'000) {
    const void* answer = nullptr;
    std::size_t bytes = 0;
    const int status = vs_call(device_, type, request.data(), request.size(), 64, timeout_ms, &answer, &bytes);
    if (status != 0) return std::to_string(status);
    return {static_cast<const char*>(answer), bytes};
  }
  std::string echo(std::string_view text) { return call(kEcho, text); }

 private:
  vs_device* device_ = nullptr;
  int status_;
};

}  // namespace vs::test
