// A backend in a thread of this process, with a service that the test brings; it ends with the object.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "base/event_loop.h"
#include "dataplane/backend/backend.h"
#include "dataplane/transport/local/local_transport.h"

namespace vs::test {

class BackendThread {
 public:
  using MakeService = std::function<std::unique_ptr<Service>(EventLoop&)>;

  // The devices of domains are below `directory`.
  BackendThread(const std::string& kind, const std::filesystem::path& directory, const MakeService& make_service)
      : backend_(std::make_unique<Backend>(loop_, kind, make_service(loop_), std::make_unique<LocalTransport>(directory))),
        thread_([this] { loop_.run(); }) {}
  ~BackendThread() {
    loop_.stop();
    thread_.join();
  }
  BackendThread(const BackendThread&) = delete;
  BackendThread& operator=(const BackendThread&) = delete;

  Backend& backend() { return *backend_; }

  // Runs `work` on the backend's thread and waits for it.
  template <class Work>
  auto on_loop(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto done = task.get_future();
    loop_.post([&task] { task(); });
    return done.get();
  }
  // The value of a sample, summed over labels but for those given; -1 when there is none of that name.
  double sample(const std::string& name, const std::string& label = {}, const std::string& value = {}) {
    return on_loop([&] {
      double sum = 0;
      bool found = false;
      for (const Sample& sample : backend_->samples()) {
        if (sample.name != name) continue;
        found = true;
        bool wanted = label.empty();
        for (const auto& [key, text] : sample.labels) wanted = wanted || (key == label && text == value);
        if (wanted) sum += sample.value;
      }
      return found ? sum : -1;
    });
  }

 private:
  EventLoop loop_;
  std::unique_ptr<Backend> backend_;
  std::thread thread_;
};

}  // namespace vs::test
