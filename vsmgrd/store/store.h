// Desired and observed state in SQLite (WAL, synchronous=FULL): what was acknowledged survives any
// crash.
//
// Check and commit are one transaction: references, preconditions and policy decisions are computed
// on the state they commit with. A dry run is the same transaction, rolled back. Reads come from a
// copy of the last commit in memory: they wait for no disk, and go on when it is full or read-only.
// A file system that takes no writes when the store is opened makes it read-only until it does.
//
// Thread-safe: one connection behind one lock; on_commit's callback runs after the lock is
// released, on the committing thread.
//
// Errors: invalid (references, duplicate devices), not_found, conflict (precondition, dependants,
// another process, a newer schema), exhausted (disk full), unavailable (read-only or busy file
// system), internal (damage).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "vsmgrd/model/resource.h"

namespace vs {

inline constexpr std::size_t kObjectsMax = 100'000;  // per kind

// What a writer expects to find. Versions are Metadata::resource_version.
struct Precondition {
  enum class Expect : std::uint8_t { anything, absent, version } expect = Expect::anything;
  std::int64_t version = 0;
};

enum class Action : std::uint8_t { created, updated, unchanged, deleted };
std::string_view name_of(Action action);  // "created", ...

struct Change {
  Kind kind{};
  std::string name;
  Action action{};
};

struct ApplyOutcome {
  std::vector<Change> changes;                        // in the order given
  std::map<std::string, Decision> decisions_changed;  // bindings whose decision differs from before
  std::int64_t resource_version = 0;                  // after the transaction
};

struct WriteOptions {
  bool dry_run = false;
};

class Store {
 public:
  // Computes the decisions of all bindings of a state; pure, called inside the transaction.
  using Decide = std::function<std::map<std::string, Decision>(const Desired&)>;

  // Opens or creates `file`, migrates it to this version's schema. Refuses a newer schema
  // (conflict, text says both versions and what to do). `file` may be ":memory:".
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& file, const Clock& clock,
                                             Decide decide);
  ~Store();

  // Creates or replaces all of `resources`, or none. Order does not matter. A binding without a
  // device gets its service's kind. What is there already stays `unchanged`, with its version; only
  // Metadata::sources follow a file in which it moved.
  Checked<ApplyOutcome> apply(std::vector<Resource> resources, WriteOptions options);
  // Creates or replaces one. conflict when the precondition does not hold; the message names the
  // current version.
  Checked<ApplyOutcome> put(Resource resource, Precondition precondition, WriteOptions options);
  // conflict, with one problem per dependant, when others refer to it.
  Checked<ApplyOutcome> remove(Kind kind, std::string_view name, Precondition precondition,
                               WriteOptions options);

  Result<View> get(Kind kind, std::string_view name) const;
  Result<std::vector<View>> list(Kind kind) const;  // sorted by name
  Result<Desired> desired() const;
  // The number of the newest change, as in Metadata::resource_version; 0 before the first.
  Result<std::int64_t> resource_version() const;

  // Replaces the observed state of these objects; those not named keep theirs. Objects that are
  // gone are ignored. Readers see it at once, also when it could not be written: then it is written
  // with the next call.
  Result<> observe(const std::vector<Observed>& observed);

  // Called after each commit that changed desired state. Set once, before any write.
  void on_commit(std::function<void()> callback);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vs
