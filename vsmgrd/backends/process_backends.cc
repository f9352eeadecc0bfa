#include "vsmgrd/backends/process_backends.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <future>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace vs {
namespace {

// Makes `path` with exactly this mode, whatever the umask, and gives it to `user` ("UID:GID", or empty: us). It stays our
// group's: root that may not pass over modes (CAP_DAC_OVERRIDE, CAP_FOWNER) still clears away what is left in it.
Result<> make_directory(const std::filesystem::path& path, mode_t mode, const std::string& user) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return fail_errno(errno, "make " + path.string());
  unsigned uid = ::geteuid();
  unsigned gid = 0;
  if (uid == 0) std::sscanf(user.c_str(), "%u:%u", &uid, &gid);
  struct stat now {};
  if (::stat(path.c_str(), &now) != 0) return fail_errno(errno, path.string());
  if (now.st_uid == uid && now.st_gid == ::getegid() && (now.st_mode & 07777) == mode) return {};
  if (now.st_uid != ::geteuid() && ::chown(path.c_str(), ::geteuid(), ::getegid()) != 0)
    return fail_errno(errno, "take " + path.string());
  if (::chmod(path.c_str(), mode) != 0) return fail_errno(errno, "set mode of " + path.string());
  if (::chown(path.c_str(), uid, ::getegid()) != 0) return fail_errno(errno, "give " + path.string() + " to " + user);
  return {};
}

// Removes from `home` every socket but those named, and, while some are, those that a backend is just making (".NAME.NUMBER"). Other
// files are nobody's: they stay, and are seen.
void remove_sockets(const std::filesystem::path& home, const std::set<std::string>& kept) {
  std::error_code problem;
  std::vector<std::filesystem::path> gone;
  for (const auto& entry : std::filesystem::directory_iterator(home, problem)) {
    const std::string name = entry.path().filename().string();
    const bool being_made = !kept.empty() && name.starts_with('.');
    if (entry.is_socket(problem) && !kept.contains(name) && !being_made) gone.push_back(entry.path());
  }
  for (const auto& path : gone) ::unlink(path.c_str());
}

}  // namespace

Result<std::unique_ptr<ProcessBackends>> ProcessBackends::open(BackendProgram program, Callbacks callbacks) {
  if (::access(program.executable.c_str(), X_OK) != 0)
    return fail_errno(errno, "backend program " + program.executable.string());
  if (auto made = make_directory(program.sockets, 0700, ""); !made) return fail(std::move(made.error()));
  // Only the backend's user and root reach the homes from here; a guest sees its own by a mount.
  if (auto made = make_directory(program.directory, 0770, program.user); !made) return fail(std::move(made.error()));
  return std::unique_ptr<ProcessBackends>(new ProcessBackends(std::move(program), std::move(callbacks)));
}

ProcessBackends::ProcessBackends(BackendProgram program, Callbacks callbacks)
    : program_(std::move(program)), callbacks_(std::move(callbacks)), thread_([this] { loop_.run(); }) {}

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

std::map<std::string, std::string> ProcessBackends::keep_homes(const Devices& devices) {
  std::map<std::string, std::string> homes;
  for (const auto& [domain, names] : devices) {
    const auto home = program_.directory / domain;
    if (auto made = make_directory(home, 0775, program_.user); made)
      homes[domain] = home.string();
    else
      log::error("domain.no_directory", {{"name", domain}, {"error", made.error()}});
  }
  std::error_code problem;
  for (const auto& home : std::filesystem::directory_iterator(program_.directory, problem)) {
    const auto domain = devices.find(home.path().filename().string());
    remove_sockets(home.path(), domain == devices.end() ? std::set<std::string>{} : domain->second);
    if (domain == devices.end() && ::rmdir(home.path().c_str()) != 0)
      log::warn("domain.directory_left", {{"path", home.path().string()}, {"why", std::generic_category().message(errno)}});
  }
  return homes;
}

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
