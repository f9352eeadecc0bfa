#include "vsmgrd/backends/backend_process.h"

#include <signal.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/log.h"

extern char** environ;

namespace vs {
namespace {

inline constexpr int kControlFd = 3;  // in the new process

UniqueFd open_pidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

void kill_through(const UniqueFd& process, int signal) {
  if (process) ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
}

// Whether `pid` runs a program of that name. The kernel keeps 15 bytes of it (proc(5), comm).
bool runs(pid_t pid, const std::filesystem::path& program) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name == program.filename().string().substr(0, 15);
}

// Only the control socket and the standard streams go along; signals are as for any new program.
Result<pid_t> spawn_program(const std::string& executable, const std::vector<std::string>& arguments, int control) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, control, kControlFd);
  posix_spawn_file_actions_addclosefrom_np(&files, kControlFd + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);

  std::vector<char*> argv{const_cast<char*>(executable.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int status = ::posix_spawn(&pid, executable.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (status != 0) return fail_errno(status, "start " + executable);
  return pid;
}

}  // namespace

BackendProcess::BackendProcess(EventLoop& loop, const BackendProgram& program, std::string kind, Callbacks callbacks)
    : loop_(loop), program_(program), kind_(std::move(kind)), callbacks_(std::move(callbacks)) {
  status_.wanted = true;
  bring_up();
  beat();
}

// Leaves the process running: it serves on, and the next vsmgrd takes it over.
BackendProcess::~BackendProcess() {
  alive_.reset();
  if (process_) loop_.unwatch(process_.get());
}

std::string BackendProcess::socket_path() const { return (program_.sockets / (kind_ + ".sock")).string(); }

void BackendProcess::bring_up() {
  if (auto socket = control::connect_unix(socket_path())) return connected(std::move(*socket));
  if (process_) return retry_later();  // on its way out, or not listening yet again
  if (auto spawned = spawn(); !spawned) {
    status_.last_error = spawned.error().message;
    log::error("backend.not_started", {{"kind", kind_}, {"error", spawned.error()}});
    retry_later();
    return changed();
  }
  auto socket = control::connect_unix(socket_path());
  if (!socket) return lost(socket.error());
  connected(std::move(*socket));
}

// The socket listens before the process exists: connecting cannot come too early.
Result<> BackendProcess::spawn() {
  ::unlink(socket_path().c_str());
  auto listener = control::listen_unix(socket_path());
  if (!listener) return fail(std::move(listener.error()));
  std::vector<std::string> arguments{"--kind", kind_, "--control-fd", std::to_string(kControlFd),
                                     "--directory", program_.directory.string(), "--log-level", program_.log_level};
  if (program_.loops != 0) arguments.insert(arguments.end(), {"--loops", std::to_string(program_.loops)});
  if (!program_.user.empty()) arguments.insert(arguments.end(), {"--user", program_.user});
  const auto pid = spawn_program(program_.executable.string(), arguments, listener->get());
  if (!pid) return fail(pid.error());
  process_ = open_pidfd(*pid);
  if (!process_) return fail_errno(errno, "watch backend");
  log::info("backend.spawned", {{"kind", kind_}, {"pid", *pid}});
  return loop_.watch(process_.get(), EPOLLIN, [this](std::uint32_t) { on_exit(); });
}

// Finds the process of a backend that an earlier vsmgrd started, by its end of `socket`.
void BackendProcess::watch_process(const UniqueFd& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return;
  UniqueFd process = open_pidfd(peer.pid);
  // As long as the socket lives, so does who listened, and the number is still that process's.
  pollfd end{.fd = socket.get(), .events = POLLRDHUP, .revents = 0};
  if (!process || ::poll(&end, 1, 0) != 0 || !runs(peer.pid, program_.executable)) return;
  if (!loop_.watch(process.get(), EPOLLIN, [this](std::uint32_t) { on_exit(); })) return;
  process_ = std::move(process);
  log::info("backend.taken_over", {{"kind", kind_}, {"pid", peer.pid}});
}

void BackendProcess::connected(UniqueFd socket) {
  if (!process_) watch_process(socket);
  unanswered_since_ = std::chrono::steady_clock::now();
  channel_ = std::make_unique<control::Channel>(
      loop_, std::move(socket),
      control::Channel::Callbacks{.on_message = [this](std::string_view message) { on_event(message); },
                                  .on_closed = [this](const Error& why) { lost(why); }});
}

void BackendProcess::on_event(std::string_view message) {
  auto event = control::decode_event(message);
  if (!event) return log::warn("backend.event_refused", {{"kind", kind_}, {"error", event.error()}});
  std::visit([this](auto& one) { handle(std::move(one)); }, *event);
}

void BackendProcess::handle(const control::Hello& hello) {
  if (hello.kind != kind_ || hello.protocol_version != control::kProtocolVersion) {
    log::error("backend.unknown", {{"kind", kind_}, {"says", hello.kind}, {"protocol", hello.protocol_version}});
    return replace({ErrorCode::conflict, "a backend of another kind or version"});  // as after an upgrade
  }
  status_.up = true;
  unanswered_since_ = {};
  status_.last_error.clear();
  up_since_ = std::chrono::steady_clock::now();
  log::info("backend.up", {{"kind", kind_}, {"version", hello.version}, {"config_number", hello.config_number}});
  if (ended_) return send(control::Stop{});
  if (status_.number_sent != 0) send_config();
  changed();
}

void BackendProcess::handle(const control::Applied& applied) {
  if (applied.number != status_.number_sent) return;  // of a configuration that has been replaced since
  status_.number_applied = applied.number;
  status_.problems.clear();
  for (const auto& problem : applied.problems) status_.problems[problem.binding] = problem.message;
  changed();
}

void BackendProcess::handle(const control::Refused& refused) {
  const bool known = std::any_of(status_.config.bindings.begin(), status_.config.bindings.end(),
                                 [&](const auto& binding) { return binding.name == refused.binding; });
  if (!known) return;
  refusals_now_[refused.binding] = refused.total;
  if (refused.total != 0) status_.refusals[refused.binding] = refusals_before_[refused.binding] + refused.total;
  if (refused.misdeeds != 0) status_.misdeeds[refused.binding] = {refused.misdeeds, refused.misdeed};
  changed();
}

void BackendProcess::handle(const control::Pong& pong) { answered(pong.number); }

void BackendProcess::handle(control::Stats stats) {
  if (samples_.size() < control::kSamplesMax)
    std::move(stats.samples.begin(), stats.samples.end(), std::back_inserter(samples_));
  if (stats.more) return;
  callbacks_.on_samples(std::exchange(samples_, {}));
  answered(stats.number);
}

void BackendProcess::handle(control::Described described) {
  const auto asked = std::find_if(describes_.begin(), describes_.end(),
                                  [&](const auto& one) { return one.first == described.number; });
  if (asked == describes_.end()) return;
  const auto done = std::move(asked->second);
  describes_.erase(asked);
  done(std::move(described.live));
  answered(described.number);
}

void BackendProcess::handle(control::Located located) {
  ++status_.located;
  status_.loops.clear();
  status_.guests.clear();
  for (control::LoopFound& loop : located.loops) status_.loops[loop.number] = std::move(loop);
  for (control::GuestFound& guest : located.guests) status_.guests[guest.domain] = std::move(guest);
  answered(located.number);
  changed();
}

void BackendProcess::handle(const control::Flushed& flushed) {
  const auto asked = std::find_if(flushes_.begin(), flushes_.end(), [&](const auto& one) { return one.first == flushed.number; });
  if (asked == flushes_.end()) return;
  const auto done = std::move(asked->second);
  flushes_.erase(asked);
  done(flushed.entries);
  answered(flushed.number);
}

void BackendProcess::handle(const control::Unsupported& unsupported) {
  log::warn("backend.unsupported", {{"kind", kind_}, {"command", unsupported.command}});
  orders_.refuse(unsupported.number);
}

void BackendProcess::order(control::Command order, HandoffOrders::Done done) {
  if (!status_.up) return done(std::nullopt);
  if (const auto numbered = orders_.open(std::move(order), std::move(done))) send(*numbered);
}

void BackendProcess::answered(std::uint64_t number) {
  unanswered_since_ = number == asked_ ? TimePoint{} : std::chrono::steady_clock::now();
  std::vector<std::function<void()>> told;
  std::erase_if(reports_, [&](auto& asked) {
    if (asked.first > number) return false;
    told.push_back(std::move(asked.second));
    return true;
  });
  for (const auto& done : told) done();
}

void BackendProcess::ask(const control::Command& command) {
  if (unanswered_since_ == TimePoint{}) unanswered_since_ = std::chrono::steady_clock::now();
  send(command);
}

// It owes an answer for so long that nobody should wait for the next one.
bool BackendProcess::silent() const {
  return unanswered_since_ != TimePoint{} &&
         std::chrono::steady_clock::now() - unanswered_since_ > kAnswerPatience;
}

void BackendProcess::report(std::function<void()> done) {
  if (!status_.up || silent() || reports_.size() == kReportsAskedMax) return done();
  reports_.emplace_back(++asked_, std::move(done));
  ask(control::Report{asked_});
}

void BackendProcess::describe(const std::string& binding, std::function<void(nlohmann::json)> done) {
  if (!status_.up || silent() || describes_.size() == kDescribesAskedMax) return done(nullptr);
  describes_.emplace_back(++asked_, std::move(done));
  ask(control::Describe{asked_, binding});
}

void BackendProcess::locate() {
  if (!status_.up || silent()) return;
  ask(control::Locate{++asked_});
}

void BackendProcess::flush(control::Flush what, std::function<void(std::optional<std::uint64_t>)> done) {
  if (!status_.up || silent() || flushes_.size() == kDescribesAskedMax) return done(std::nullopt);
  what.number = ++asked_;
  flushes_.emplace_back(what.number, std::move(done));
  ask(std::move(what));
}

void BackendProcess::give_up_on_answers() {
  samples_.clear();
  unanswered_since_ = {};
  for (const auto& [number, done] : std::exchange(describes_, {})) done(nullptr);
  for (const auto& [number, done] : std::exchange(flushes_, {})) done(std::nullopt);
  for (const auto& [number, done] : std::exchange(reports_, {})) done();
  orders_.lose();
}

// Every backend is asked for a sign of life now and then; one that gives none hangs.
void BackendProcess::beat() {
  loop_.after(program_.patience / kBeatsPerPatience, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) beat();
  });
  if (channel_ == nullptr) return;
  if (unanswered_since_ == TimePoint{}) return ask(control::Ping{++asked_});
  if (std::chrono::steady_clock::now() - unanswered_since_ < program_.patience) return;
  log::error("backend.hangs", {{"kind", kind_}, {"silent_ms", program_.patience.count()}});
  ++status_.hangs;
  replace({ErrorCode::unavailable, "it hangs"});
}

void BackendProcess::replace(const Error& why) {
  kill_through(process_, SIGKILL);
  if (process_) return give_up_on_answers();  // its exit brings the next one up
  ::unlink(socket_path().c_str());            // nobody we could end: the next one listens in its place
  lost(why);
}

// The control connection ended: the process is dead, or about to be, or hangs up on us.
void BackendProcess::lost(const Error& why) {
  channel_.reset();
  give_up_on_answers();
  if (std::exchange(status_.up, false)) log::warn("backend.down", {{"kind", kind_}, {"why", why}});
  status_.number_applied = 0;
  status_.loops.clear();
  status_.guests.clear();
  status_.last_error = why.message;
  status_.refusals = {};
  for (const auto& [binding, total] : std::exchange(refusals_now_, {})) refusals_before_[binding] += total;
  status_.refusals = refusals_before_;
  if (ended_ && !process_) return std::exchange(ended_, nullptr)();
  if (!process_) ++status_.restarts;  // of one that we started, the exit counts
  retry_later();
  changed();
}

void BackendProcess::on_exit() {
  siginfo_t exit{};
  const bool ours = ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &exit, WEXITED) == 0;  // else one that was taken over
  loop_.unwatch(process_.get());
  process_.reset();
  const bool killed = exit.si_code != CLD_EXITED;
  const std::string how = !ours    ? "ended"
                          : killed ? "killed by signal " + std::to_string(exit.si_status)
                                   : "ended with status " + std::to_string(exit.si_status);
  log::info("backend.exited", {{"kind", kind_}, {"how", how}});
  if (channel_ != nullptr) {
    channel_.reset();
    lost({ErrorCode::unavailable, how});
    return;
  }
  if (ended_) return std::exchange(ended_, nullptr)();
  ++status_.restarts;
  status_.last_error = how;  // tells more than the end of the connection, which came first
  retry_later();
  changed();
}

void BackendProcess::retry_later() {
  if (ended_ || std::exchange(retry_scheduled_, true)) return;
  const bool healthy = up_since_ != TimePoint{} && std::chrono::steady_clock::now() - up_since_ > kHealthyAfter;
  const auto pause = healthy ? kRestartPauseMin : pause_;
  pause_ = std::min(2 * pause, kRestartPauseMax);
  up_since_ = {};
  loop_.after(pause, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    retry_scheduled_ = false;
    if (!ended_) bring_up();
  });
}

void BackendProcess::configure(std::uint64_t number, BackendConfig config) {
  status_.number_sent = number;
  status_.config = std::move(config);
  if (status_.up) send_config();
  changed();
}

void BackendProcess::send_config() {
  send(control::Configure{status_.number_sent, status_.config.services, status_.config.bindings, status_.config.loops,
                          status_.config.pool});
}

void BackendProcess::send(const control::Command& command) {
  if (channel_ == nullptr) return;
  if (auto sent = channel_->send(control::encode(command)); !sent) {
    log::warn("backend.not_told", {{"kind", kind_}, {"error", sent.error()}});
    kill_through(process_, SIGKILL);  // it does not listen: a new one will
  }
}

void BackendProcess::stop(std::function<void()> ended) {
  ended_ = std::move(ended);
  status_.wanted = false;
  if (channel_ == nullptr && !process_) return std::exchange(ended_, nullptr)();
  send(control::Stop{});
  loop_.after(kStopPatience, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired() || !ended_) return;
    log::warn("backend.killed", {{"kind", kind_}, {"why", "did not end when asked"}});
    kill_through(process_, SIGKILL);
    if (!process_) std::exchange(ended_, nullptr)();  // one that we took over: nothing more can be done from here
  });
}

}  // namespace vs
