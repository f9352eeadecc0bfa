#include "vsmgrd/backends/process_backends.h"

#include <unistd.h>

#include <cerrno>
#include <future>
#include <utility>

namespace vs {

Result<std::unique_ptr<ProcessBackends>> ProcessBackends::open(BackendProgram program, Callbacks callbacks) {
  if (::access(program.executable.c_str(), X_OK) != 0)
    return fail_errno(errno, "backend program " + program.executable.string());
  if (auto made = make_directory(program.sockets, 0700, ""); !made) return fail(std::move(made.error()));
  // Only the backend's user and root reach the homes from here; a guest sees its own by a mount.
  if (auto made = make_directory(program.directory, 0770, program.user); !made) return fail(std::move(made.error()));
  return std::unique_ptr<ProcessBackends>(new ProcessBackends(std::move(program), std::move(callbacks)));
}

ProcessBackends::ProcessBackends(BackendProgram program, Callbacks callbacks)
    : program_(std::move(program)),
      callbacks_(std::move(callbacks)),
      homes_(program_.directory, program_.node, program_.user),
      thread_([this] { loop_.run(); }) {}

ProcessBackends::~ProcessBackends() {
  loop_.stop();
  thread_.join();
}

void ProcessBackends::show(const std::string& kind) {
  const auto found = processes_.find(kind);
  status_.with([&](auto& status) {
    if (found == processes_.end())
      status.erase(kind);
    else
      status[kind] = found->second->status();
  });
  callbacks_.on_change();
}

void ProcessBackends::start(const std::string& kind) {
  status_.with([&](auto& status) { status[kind].wanted = true; });
  loop_.post([this, kind] {
    if (processes_.contains(kind)) return;
    // The first changes come before the map has it: they are shown below.
    processes_[kind] = nullptr;
    processes_[kind] = std::make_unique<BackendProcess>(
        loop_, program_, kind,
        BackendProcess::Callbacks{
            .on_change = [this, kind] { if (processes_[kind] != nullptr) show(kind); },
            .on_samples = [this, kind](std::vector<Sample> samples) { callbacks_.on_samples(kind, std::move(samples)); }});
    show(kind);
  });
}

void ProcessBackends::stop(const std::string& kind) {
  status_.with([&](auto& status) { status.erase(kind); });
  loop_.post([this, kind] {
    const auto found = processes_.find(kind);
    if (found == processes_.end()) return;
    found->second->stop([this, kind] {
      loop_.post([this, kind] {  // not from inside the object that goes
        processes_.erase(kind);
        show(kind);
      });
    });
  });
}

void ProcessBackends::configure(const std::string& kind, std::uint64_t number, BackendConfig config) {
  status_.with([&](auto& status) {
    status[kind].config = config;
    status[kind].number_sent = number;
  });
  loop_.post([this, kind, number, config = std::move(config)] {
    if (const auto found = processes_.find(kind); found != processes_.end()) found->second->configure(number, config);
  });
}

void ProcessBackends::locate() {
  loop_.post([this] {
    for (const auto& [kind, process] : processes_) process->locate();
  });
}

std::map<std::string, BackendStatus> ProcessBackends::status() const {
  return status_.with([](const auto& status) { return status; });
}

std::map<std::string, std::string> ProcessBackends::keep_homes(const Devices& devices) { return homes_.keep(devices); }

void ProcessBackends::refresh(std::chrono::milliseconds patience) {
  struct Told {
    std::promise<void> all;
    std::size_t left = 1;  // the one more is ours, until all were asked
    void one() {
      if (--left == 0) all.set_value();
    }
  };
  const auto told = std::make_shared<Told>();  // outlives this call when a backend takes longer
  loop_.post([this, told] {
    for (const auto& [kind, process] : processes_) {
      if (process == nullptr) continue;
      ++told->left;
      process->report([told] { told->one(); });
    }
    told->one();
  });
  told->all.get_future().wait_for(patience);
}

nlohmann::json ProcessBackends::describe(const std::string& binding, std::chrono::milliseconds patience) {
  struct Told {
    std::promise<nlohmann::json> first;
    std::size_t left = 1;  // the one more is ours, until all were asked
    bool told = false;
    void one(nlohmann::json live) {
      --left;
      if (told || (live.is_null() && left != 0)) return;
      told = true;
      first.set_value(std::move(live));
    }
  };
  const auto told = std::make_shared<Told>();  // outlives this call when a backend takes longer
  auto live = told->first.get_future();
  loop_.post([this, told, binding] {
    for (const auto& [kind, process] : processes_) {
      if (process == nullptr) continue;
      ++told->left;
      process->describe(binding, [told](nlohmann::json told_of) { told->one(std::move(told_of)); });
    }
    told->one(nullptr);
  });
  return live.wait_for(patience) == std::future_status::ready ? live.get() : nlohmann::json();
}

std::optional<std::uint64_t> ProcessBackends::flush(const std::string& kind, control::Flush what,
                                                    std::chrono::milliseconds patience) {
  using Entries = std::optional<std::uint64_t>;
  const auto told = std::make_shared<std::promise<Entries>>();  // outlives this call when a backend takes longer
  auto entries = told->get_future();
  loop_.post([this, told, kind, what = std::move(what)]() mutable {
    const auto found = processes_.find(kind);
    if (found == processes_.end() || found->second == nullptr) return told->set_value(std::nullopt);
    found->second->flush(std::move(what), [told](Entries forgotten) { told->set_value(forgotten); });
  });
  return entries.wait_for(patience) == std::future_status::ready ? entries.get() : std::nullopt;
}

void ProcessBackends::order(const std::string& kind, control::Command order, HandoffOrders::Done done) {
  loop_.post([this, kind, order = std::move(order), done = std::move(done)]() mutable {
    const auto found = processes_.find(kind);
    if (found == processes_.end() || found->second == nullptr) return done(std::nullopt);
    found->second->order(std::move(order), std::move(done));
  });
}

void ProcessBackends::stop_all() {
  std::promise<void> all_ended;
  loop_.post([this, &all_ended] {
    auto left = std::make_shared<std::size_t>(processes_.size());
    if (*left == 0) return all_ended.set_value();
    for (const auto& [kind, process] : processes_)
      process->stop([left, &all_ended] {
        if (--*left == 0) all_ended.set_value();
      });
  });
  all_ended.get_future().wait();
}

}  // namespace vs
