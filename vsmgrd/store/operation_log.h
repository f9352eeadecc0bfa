// Work that takes longer than a second, durable for kOperationAgeMax after its end and over restarts.
//
// Who does the work: begin(), progress() as often as it likes, finish() once. Work that is one
// transaction ends with it: advance() meanwhile, conclude() as its last step; what was committed has
// then succeeded, also after a crash, and what was not never happened. Who waits: get() or wait(), and
// the events operation.*. A restart of the daemon ends what had not ended: failed, reason
// DaemonRestart. So does a deadline that passed: failed, reason DeadlineExceeded. An end that cannot be
// written is seen at once, and written as soon as it can be.
//
// Thread-safe; wait() blocks its caller only. Errors: not_found, conflict (it has ended, or can no
// longer be cancelled), exhausted (kOperationsRunningMax), and those of sqlite.h.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/event_log.h"
#include "vsmgrd/store/idempotency_table.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::chrono::hours kOperationAgeMax{24 * 7};
inline constexpr std::int64_t kOperationsMax = 10'000;  // that have ended
inline constexpr std::size_t kOperationsRunningMax = 100;
inline constexpr std::size_t kOperationPageMax = 1000;
inline constexpr std::chrono::milliseconds kProgressPause{1000};  // between two that are written
inline constexpr std::size_t kOperationResultBytesMax = 4 << 20;   // what is larger is not kept
inline constexpr std::size_t kLargeResultBytes = 64 << 10;         // of what is larger than this ...
inline constexpr std::int64_t kLargeResultsMax = 8;                // ... only the newest are kept
inline constexpr std::int64_t kListedResultBytesMax = 4096;        // in list(); get() gives them whole
inline constexpr std::string_view kResultOmitted = R"({"omitted":true})";  // stands for those

struct Operation {
  enum class State : std::uint8_t { running, cancelling, succeeded, failed, cancelled };

  std::string id;          // UUID
  std::int64_t number = 0;  // the order in which they began
  std::string kind;        // "Backup", "Restore", "Drain"
  State state = State::running;
  std::string phase;       // word; "" at first
  std::uint64_t done = 0;  // of `total` `unit`s; total 0: not known
  std::uint64_t total = 0;
  std::string unit;
  bool cancellable = false;
  std::string cancel_until;  // phase from which on it cannot be; "" when never or always
  bool cancel_requested = false;
  std::vector<std::string> resources;  // "bindings/web1-dns"
  Labels labels;                       // of what it works on: what scopes look at
  Actor requestor;
  WallTime created_at{};
  WallTime updated_at{};
  std::optional<WallTime> finished_at;
  std::optional<WallTime> deadline;
  std::string reason;   // of the end: CamelCase word
  std::string message;  // of the end: sentence
  std::string result = "{}";  // of the end: JSON
};
std::string_view name_of(Operation::State state);  // "running", ...
bool has_ended(Operation::State state);

class OperationLog {
 public:
  struct Start {
    std::string kind;
    std::string phase;
    bool cancellable = false;
    std::string cancel_until;
    std::vector<std::string> resources;
    Labels labels;
    std::optional<std::chrono::milliseconds> deadline;  // from now
    Actor actor;
  };
  struct Progress {
    std::string phase;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::string unit;
    bool cancellable = false;  // from now on
  };
  struct End {
    Operation::State state = Operation::State::succeeded;  // succeeded, failed or cancelled
    std::string reason;
    std::string message;
    std::string result = "{}";
  };
  struct Query {
    std::int64_t before = 0;  // number; 0: from the newest
    std::size_t limit = kOperationPageMax;
    bool running_only = false;
  };

  OperationLog(Ledger& ledger, EventLog& events) : ledger_(ledger), events_(events) {}

  using Once = std::optional<OnceOf<Operation>>;

  // Durable, with the answer that `once` makes of it, when this returns: the work begins after it.
  Result<Operation> begin(Start start, const Once& once = {});
  // Seen at once by get(); written with a change of phase, else once per kProgressPause. conflict
  // when it has ended: then stop the work.
  Result<> progress(const std::string& id, Progress progress);
  Result<Operation> finish(const std::string& id, End end);

  // For work within a transaction, which can write nothing beside it: progress in memory alone. False
  // when it is to stop: it was asked to, its deadline is before `now`, or it has ended.
  bool advance(const std::string& id, Progress progress, WallTime now);
  // The last step of such work: from here on nobody can stop it, and it has succeeded when `turn` is
  // durable. conflict when it is to stop.
  Result<> conclude(Turn& turn, const std::string& id, const End& end);

  // Asks who does the work to stop: sees it by cancel_requested(), and at once, also where nothing can
  // be written yet or at all. Asking twice is no error.
  Result<Operation> request_cancel(const std::string& id, const Actor& actor,
                                   const Once& once = {});
  [[nodiscard]] bool cancel_requested(const std::string& id) const;

  Result<Operation> get(const std::string& id) const;
  Result<std::vector<Operation>> list(const Query& query) const;  // the newest first
  [[nodiscard]] std::size_t count_running() const;
  // As get(), once it has ended or `patience` is over.
  Result<Operation> wait(const std::string& id, std::chrono::milliseconds patience) const;

  // For the store. load() ends what an earlier run left.
  Result<> load(Turn& turn);
  Result<> tidy(Turn& turn);  // deadlines, and what is too old

 private:
  Result<> save(Turn& turn, const Operation& operation, const std::string& event,
                const Actor& actor);
  Result<Operation> end(const std::string& id, const End& end);
  void keep(const Operation& operation);
  void end_in_memory(Operation ended);
  std::optional<Operation> running(const std::string& id) const;
  std::optional<Operation> in_memory(const std::string& id) const;

  Ledger& ledger_;
  EventLog& events_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  std::map<std::string, Operation> running_;  // and those whose end is not written yet
  std::map<std::string, std::chrono::steady_clock::time_point> written_;
};

}  // namespace vs
