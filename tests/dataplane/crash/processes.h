// A backend and clients as processes of their own, to be killed at any moment, and what a process
// holds, to be compared.
//
// Children run until they are killed; they die with the test. One thread.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "base/log.h"
#include "tests/dataplane/backend/node.h"

namespace vs::test {

// What children tell, in memory that outlives them.
struct Told {
  std::atomic<std::uint64_t> backend_ready{0};  // backends that listen, ever
  std::atomic<std::uint64_t> sessions{0};       // of the backend that runs
  struct Client {
    std::atomic<std::uint64_t> answered{0};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> failed{0};
  };
  Client survivor;
  Client victim;

  static Told& make() {
    void* memory =
        ::mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return *new (memory) Told;
  }
};

class Process {
 public:
  Process() = default;
  template <class Body>
  explicit Process(Body body) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    ::_exit(0);
  }
  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  Process& operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Process() { end(); }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

 private:
  pid_t pid_ = 0;
};

inline Process start_backend(const std::filesystem::path& directory, Told& told) {
  return Process([&] {
    log::set_level(log::Level::error);
    EventLoop loop;
    Backend backend(loop, "echo", std::make_unique<ScriptedService>(),
                    std::make_unique<LocalTransport>(directory));
    backend.configure(
        {1, {{"echo", nlohmann::json::object()}}, {{"web1-echo", "web1", "echo", "echo", true}}});
    ++told.backend_ready;
    std::function<void()> tell = [&] {
      told.sessions = backend.sessions();
      loop.after(std::chrono::milliseconds(1), tell);
    };
    tell();
    loop.run();
  });
}

// Calls with requests of changing sizes, each answer compared with what it must be.
inline Process start_client(const std::filesystem::path& directory, Told::Client& told,
                            std::uint64_t seed) {
  return Process([&, seed] {
    ::setenv("VSERVICE_DIRECTORY", (directory / "web1").c_str(), 1);
    constexpr int kTimeoutMs = 60'000;
    std::mt19937_64 random(seed);
    std::string request;
    vs_device* device = nullptr;
    for (int status = -1; status != 0;) {
      status = vs_open("echo", "echo", kTimeoutMs, &device);
      if (status != 0 && status != -ENODEV) ++told.failed;  // no backend has ever been there yet
    }
    for (;;) {
      request.resize(random() % 3000);
      for (std::size_t at = 0; at + sizeof(std::uint64_t) <= request.size(); at += 97) {
        const std::uint64_t word = random();
        std::memcpy(&request[at], &word, sizeof word);
      }
      const void* answer = nullptr;
      std::size_t bytes = 0;
      const int status = vs_call(device, kEcho, request.data(), request.size(), request.size(),
                                 kTimeoutMs, &answer, &bytes);
      if (status != 0) {
        ++told.failed;
        continue;
      }
      if (std::string_view(static_cast<const char*>(answer), bytes) != request) ++told.wrong;
      ++told.answered;
    }
  });
}

// What a process holds.
struct Holdings {
  std::size_t descriptors = 0;
  std::size_t regions = 0;  // mapped
  std::size_t sockets = 0;  // of the whole machine, bound below the directory
  std::size_t private_kb = 0;
  std::size_t shared_kb = 0;

  static Holdings of(pid_t pid, const std::filesystem::path& directory) {
    const std::filesystem::path proc = "/proc/" + std::to_string(pid);
    Holdings holdings;
    holdings.descriptors = static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(proc / "fd"), {}));
    for_lines(proc / "smaps", [&, ours = false](const std::string& line) mutable {
      if (line.find("-") < line.find(" ")) {  // "7f..-7f.. rw-s ...": a mapping begins
        ours = line.find("/memfd:vservice") != std::string::npos;
        if (ours && line.find(" 00000000 ") != std::string::npos) ++holdings.regions;
      } else if (ours && line.starts_with("Rss:")) {
        holdings.shared_kb += std::stoul(line.substr(4));
      }
    });
    for_lines(proc / "status", [&](const std::string& line) {
      if (line.starts_with("RssAnon:")) holdings.private_kb = std::stoul(line.substr(8));
    });
    for_lines("/proc/net/unix", [&](const std::string& line) {
      if (line.find(directory.native() + "/") != std::string::npos) ++holdings.sockets;
    });
    return holdings;
  }

 private:
  template <class Visit>
  static void for_lines(const std::filesystem::path& path, Visit visit) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) visit(line);
  }
};

}  // namespace vs::test
