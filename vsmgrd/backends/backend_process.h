// Keeps one kind's vsbackend alive: takes over a running one, starts one, connects, starts it again when it dies or hangs.
//
// Owned by the loop's thread. on_change is called after every change of status().
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "dataplane/control/channel.h"
#include "vsmgrd/backends/backends.h"
#include "vsmgrd/backends/handoff_orders.h"

namespace vs {

inline constexpr std::chrono::milliseconds kRestartPauseMin{10};   // doubles with each early death
inline constexpr std::chrono::milliseconds kRestartPauseMax{1000};
inline constexpr std::chrono::seconds kHealthyAfter{5};            // then the pause is the shortest again
inline constexpr std::chrono::seconds kStopPatience{3};            // from asking to killing
inline constexpr int kBeatsPerPatience = 5;                        // pings within BackendProgram::patience
inline constexpr std::size_t kReportsAskedMax = 16;                // unanswered; further ones are answered at once
inline constexpr std::size_t kDescribesAskedMax = 64;              // the same
inline constexpr std::chrono::milliseconds kAnswerPatience{50};

struct BackendProgram {
  std::filesystem::path executable;
  std::filesystem::path sockets;    // control sockets: KIND.sock
  std::filesystem::path directory;  // the domains' homes
  std::string node;                 // whose they are, when several share them (homes.h)
  std::string user;                 // "UID:GID" that it becomes; empty: ours
  std::string log_level = "info";
  unsigned loops = 0;  // threads that serve guests; 0: one for each core
  std::chrono::milliseconds patience{10'000};  // one that says nothing for so long hangs, and is killed
};

class BackendProcess {
 public:
  struct Callbacks {
    std::function<void()> on_change;
    std::function<void(std::vector<Sample>)> on_samples;
  };

  BackendProcess(EventLoop& loop, const BackendProgram& program, std::string kind, Callbacks callbacks);
  ~BackendProcess();

  void configure(std::uint64_t number, BackendConfig config);
  // Asks for its counters as of now. Calls `done` when on_samples has had them, or at once when nothing is to be had.
  void report(std::function<void()> done);
  // Asks what one of its bindings does now. Calls `done` with control::Described::live, or with null: when it does not know the
  // binding, is not up, or has not answered for kAnswerPatience what it was asked before.
  void describe(const std::string& binding, std::function<void(nlohmann::json)> done);
  // Asks where its loops and guests run; shows in status().
  void locate();
  // Has it forget what `what` says (its number is ours). Calls `done` with how many entries that were, or with nullopt, as describe() does.
  void flush(control::Flush what, std::function<void(std::optional<std::uint64_t>)> done);
  // Gives it a Freeze, Thaw or Stage (the number is ours). Calls `done` with its answer, or with nullopt: it is not up, is lost before it
  // answers, or does not know the command. What is drained takes its time: it says nothing about whether the backend hangs.
  void order(control::Command order, HandoffOrders::Done done);
  // Asks it to end; calls `ended` when it has.
  void stop(std::function<void()> ended);
  [[nodiscard]] const BackendStatus& status() const { return status_; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void bring_up();
  Result<> spawn();
  void connected(UniqueFd socket);
  void watch_process(const UniqueFd& socket);
  void beat();
  void ask(const control::Command& command);
  void replace(const Error& why);
  [[nodiscard]] bool silent() const;
  void give_up_on_answers();
  void on_event(std::string_view message);
  void handle(const control::Hello& hello);
  void handle(const control::Applied& applied);
  void handle(const control::Refused& refused);
  void handle(const control::Pong& pong);
  void handle(control::Stats stats);
  void handle(control::Described described);
  void handle(control::Located located);
  void handle(const control::Flushed& flushed);
  void handle(const control::Unsupported& unsupported);
  template <class Answer>  // Frozen, Thawed, Staged
  void handle(const Answer& answer) {
    orders_.answer(answer, answer.number);
  }
  void answered(std::uint64_t number);
  void lost(const Error& why);
  void on_exit();
  void retry_later();
  void send_config();
  void send(const control::Command& command);
  void changed() { callbacks_.on_change(); }
  [[nodiscard]] std::string socket_path() const;

  EventLoop& loop_;
  const BackendProgram& program_;
  std::string kind_;
  Callbacks callbacks_;
  BackendStatus status_;
  std::unique_ptr<control::Channel> channel_;
  UniqueFd process_;                 // pidfd
  TimePoint unanswered_since_{};     // since when it owes us a Hello, a Pong or Stats; zero when nothing
  std::uint64_t asked_ = 0;          // number of the last Ping or Report
  std::vector<Sample> samples_;  // of a report that is not whole yet
  std::vector<std::pair<std::uint64_t, std::function<void()>>> reports_;  // asked for and not answered yet
  std::vector<std::pair<std::uint64_t, std::function<void(nlohmann::json)>>> describes_;  // the same
  std::vector<std::pair<std::uint64_t, std::function<void(std::optional<std::uint64_t>)>>> flushes_;  // the same
  HandoffOrders orders_;
  TimePoint up_since_{};
  std::chrono::milliseconds pause_ = kRestartPauseMin;
  std::map<std::string, std::uint64_t> refusals_before_;  // of backends that are gone
  std::map<std::string, std::uint64_t> refusals_now_;
  bool retry_scheduled_ = false;
  std::function<void()> ended_;      // set while stopping
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs
