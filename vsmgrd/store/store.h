// Desired and observed state in SQLite (WAL, synchronous=FULL): what was acknowledged survives any
// crash.
//
// Check and commit are one transaction: references, preconditions and policy decisions are computed
// on the state they commit with. A dry run is the same transaction, rolled back. Reads come from a
// copy of the last commit in memory: they wait for no disk, and go on when it is full or read-only.
// A file system that takes no writes when the store is opened makes it read-only until it does.
//
// Thread-safe. One thread writes (writer.h): writes that wait together are one transaction and one
// sync of the disk, each answered by itself. Callbacks of on_commit run after the commit, on the
// thread that asked for the change, and may use the store; those of the logs say where they run.
//
// Errors: invalid (references, duplicate devices), not_found, conflict (precondition, dependants,
// another process, a newer schema), exhausted (disk full, too many writes waiting), unavailable
// (read-only or busy file system), denied (permit, sees), internal (damage). Refusal::code is one of: version_mismatch,
// already_exists, in_use, key_reused, stopped, or empty.
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
#include "base/sample.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/audit_log.h"
#include "vsmgrd/store/backup.h"
#include "vsmgrd/store/decision_log.h"
#include "vsmgrd/store/event_log.h"
#include "vsmgrd/store/handoff_table.h"
#include "vsmgrd/store/idempotency_table.h"
#include "vsmgrd/store/operation_log.h"
#include "vsmgrd/store/policy_history.h"
#include "vsmgrd/store/sla_table.h"
#include "vsmgrd/store/token_table.h"
#include "vsmgrd/store/warning_table.h"

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
  // What it was and what it is now (of a dry run: would be); nullptr when there was, or is, none.
  std::shared_ptr<const Resource> before;
  std::shared_ptr<const Resource> after;
};

struct ApplyOutcome {
  std::vector<Change> changes;                        // in the order given; then what was pruned
  std::map<std::string, Decision> decisions_changed;  // bindings whose decision differs from before
  std::int64_t resource_version = 0;                  // after the transaction
  std::int64_t event_id = 0;            // of the last event it made; of a dry run: 0
  std::optional<StoredReply> replayed;  // this was done before, and so answered; all else is empty
};

using Once = OnceOf<ApplyOutcome>;

// The operation that a change is the work of. It shows how far the change is, can stop it until it is
// committed (Refusal::code kStopped), and succeeds in its transaction; any other end is the caller's.
struct OperationOf {
  std::string id;
  std::function<std::string(const ApplyOutcome&)> result;  // JSON; called on the writer's thread
};
inline constexpr std::string_view kStopped = "stopped";

struct WriteOptions {
  bool dry_run = false;  // no trace is left, nor is `once` used up
  Actor actor = the_daemon();
  // Of apply(): objects that are not given and for which this says so are deleted. Pure; called on
  // the writer's thread.
  std::function<bool(const Resource&)> prune;
  std::optional<Once> once;
  std::optional<OperationOf> operation;  // not of a dry run
  // What is wrong with this change for who asks for it; asked of each, `unchanged` ones too. One
  // problem refuses all (denied). Pure; called on the writer's thread.
  std::function<std::vector<Problem>(const Change&)> permit;
  // What who asks may know of; null: everything. All else is as if it were not there (to expected
  // versions, deletions, a binding's domain) or is not named (in hints, as what is in the way), and is
  // never changed: a write of such a name is denied. Pure; called on the writer's thread.
  std::function<bool(const Resource&)> sees;
};

// Everything at one moment: what a list and the watch after it begin from. A copy costs little.
struct Snapshot {
  std::shared_ptr<const Desired> desired;
  std::map<Kind, ByName<Observed>> observed;
  std::int64_t event_id = 0;  // events after this one are of changes after this moment

  // nullopt when there is no such object.
  [[nodiscard]] std::optional<View> view(Kind kind, std::string_view name) const;
  [[nodiscard]] View view_of(const Resource& resource) const;
};

class Store {
 public:
  // Decides bindings of a state: those that are named, or all of them. Pure; called inside the
  // transaction, on the writer's thread only.
  using Decide = std::function<std::map<std::string, Decision>(const Desired&, const Affected&)>;

  // Opens or creates `file`, migrates it to this version's schema, after a copy of it was put
  // beside it. Refuses a newer schema (conflict, text says both versions and what to do). A row that
  // does not decode is left out, and what refers to it; each becomes a warning. `file` may be
  // ":memory:".
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

  [[nodiscard]] Snapshot snapshot() const;
  Result<View> get(Kind kind, std::string_view name) const;
  Result<std::vector<View>> list(Kind kind) const;  // sorted by name
  Result<Desired> desired() const;
  // The number of the newest change, as in Metadata::resource_version; 0 before the first.
  Result<std::int64_t> resource_version() const;

  // Replaces the observed state of these objects; those not named keep theirs. Objects that are
  // gone are ignored. Readers see it at once, also when it could not be written: then it is written
  // with the next call. A new state is an event.
  Result<> observe(const std::vector<Observed>& observed);

  // What of a change does not fit this node, beside all that is there: one problem refuses all of it (invalid), inside the
  // transaction, dry runs too. Pure; called on the writer's thread. Set once, before any write.
  using Misfits = std::function<std::vector<Problem>(const Desired& before, const Desired& next)>;
  void refuse_misfits(Misfits misfits);

  // Called after each commit that changed desired state. Set once, before any write.
  void on_commit(std::function<void()> callback);

  EventLog& events();
  OperationLog& operations();
  AuditLog& audit();
  TokenTable& tokens();
  IdempotencyTable& idempotency();
  WarningTable& warnings();
  DecisionLog& decisions();
  PolicyHistory& policy_history();
  SlaTable& sla();
  HandoffTable& handoffs();

  // A copy beside the database, while it is served: see backup.h. Not of one in memory.
  Result<Backup> backup(const BackupLook& look = {});
  Result<std::vector<Backup>> backups() const;
  // What is wrong with the database, and whether it still says what is served ("drift").
  Result<std::vector<Finding>> doctor();

  // For /metrics; waits for no disk but to ask for the sizes of its files.
  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vs
