// The one thread that writes the database: what waits together is one transaction and one sync of
// the disk.
//
// Work that shares a transaction runs in a savepoint of its own: one that fails is undone alone. Nobody is answered before the transaction is committed; when it cannot be, all of it fails.
// Work sees the rows that the works before it in the same transaction wrote, but not what they keep
// in memory, which after_commit sets. Work that decides on such memory asks for a transaction alone.
//
// Thread-safe; write() and read() wait, and must not be called by work or by a callback of it.
// Errors: those of the work; those of sqlite.h; exhausted (kWritesWaitingMax).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/counts.h"
#include "vsmgrd/store/sqlite.h"

namespace vs {

inline constexpr std::size_t kGroupWritesMax = 64;      // in one transaction
inline constexpr std::size_t kGroupRowsMax = 100;       // of one work; what writes more asks to be alone
inline constexpr std::size_t kWritesWaitingMax = 4096;  // then more are refused
inline constexpr std::chrono::milliseconds kTidyPause{1000};  // between two looks at what is overdue
// Pages in the write-ahead log. A checkpoint runs when nobody waits, or at the higher count.
inline constexpr int kCheckpointPages = 1000;
inline constexpr int kCheckpointPagesMax = 8000;

// What a piece of work is given.
struct Turn {
  Database& database;
  std::uint64_t number;  // of the work; never used twice
  WallTime now;          // of the transaction, in milliseconds, never before that of an earlier one
  // Run on the writer's thread, in order, when what was written is durable, and before anybody is
  // told; not after a dry run or a failure. They must not fail or block.
  std::vector<std::function<void()>>& after_commit;
};

class Writer {
 public:
  using Work = std::function<Result<>(Turn&)>;
  struct Hooks {
    // The database, made writable if need be, or why not; asked before each transaction.
    std::function<Result<Database*>()> database;
    // Run when a transaction did not become durable: what was kept of it in memory must go.
    std::function<void()> undone;
    // Run when the database took nothing of a transaction, before anybody is told. Must not block.
    std::function<void(const Error&)> failed{};
    // Run about every kTidyPause with a turn of its own, when the database can be written.
    std::function<Result<>(Turn&)> tidy;
  };

  Writer(const Clock& clock, Hooks hooks);
  ~Writer();  // answers what still waits first
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // A dry run is always alone: whatever it touched would be written with the others.
  enum class Sharing : std::uint8_t { grouped, alone, dry_run };
  Result<> write(const Work& work, Sharing sharing = Sharing::grouped);
  // On the writer's thread, outside of a transaction.
  Result<> run(const std::function<Result<>()>& work);
  [[nodiscard]] std::size_t waiting() const;  // works that nobody began yet
  [[nodiscard]] WriterCounts counts() const {
    return counts_.with([](const WriterCounts& counts) { return counts; });
  }

 private:
  struct Job;
  Result<> submit(Job& job);
  void loop();
  void serve(std::vector<Job*>& group);
  void serve_writes(std::vector<Job*>& writes);
  // Fails when the transaction is broken; of the job itself, the result says it.
  Result<> do_one(Turn& turn, Job& job, bool shared);
  void tidy();
  void checkpoint(bool others_wait);

  const Clock& clock_;
  const Hooks hooks_;
  WallTime last_now_{};
  std::uint64_t last_number_ = 0;
  Guarded<WriterCounts> counts_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job*> waiting_;
  bool stopped_ = false;

  std::thread thread_;
};

}  // namespace vs
