// What is wrong on the node and needs a person, one row per problem: raised when it is found,
// resolved when it is gone, acknowledged by people.
//
// A problem is a type and the object that it is about. Raising it again only counts. Kept in memory
// too; bounded: kWarningsMax, then the oldest resolved go, then new ones are refused; those resolved
// are kept kWarningAgeMax.
//
// Thread-safe. Errors: not_found, exhausted, and those of sqlite.h; what the disk does not take is
// kept in memory and written with the next tidy().
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/store/actor.h"
#include "vsmgrd/store/event_log.h"
#include "vsmgrd/store/idempotency_table.h"
#include "vsmgrd/store/ledger.h"

namespace vs {

inline constexpr std::size_t kWarningsMax = 1000;
inline constexpr std::chrono::hours kWarningAgeMax{24 * 7};  // after it was resolved
inline constexpr std::size_t kWarningsUntoldMax = 1000;  // events that wait for the disk; then the oldest go

struct Warning {
  enum class Severity : std::uint8_t { low, moderate, high };
  enum class Status : std::uint8_t { fresh, acknowledged, resolved };

  std::string id;    // UUID
  std::string type;  // CamelCase word: "BadObject", "DiskFull", "BackendDown"; docs/api.md lists them
  std::string kind;  // of the object: "Binding", "Database", "Backend"
  std::string name;
  Severity severity = Severity::moderate;
  Status status = Status::fresh;
  std::string message;
  std::int64_t count = 1;  // times it was found
  WallTime first_seen{};
  WallTime last_seen{};
  std::string acknowledged_by;
  std::optional<WallTime> resolved_at;
  friend bool operator==(const Warning&, const Warning&) = default;
};
std::string_view name_of(Warning::Severity severity);  // "low", "moderate", "high"
std::string_view name_of(Warning::Status status);      // "new", "acknowledged", "resolved"

class WarningTable {
 public:
  struct Note {
    std::string type;
    std::string kind;
    std::string name;
    Warning::Severity severity = Warning::Severity::moderate;
    std::string message;
  };

  WarningTable(Ledger& ledger, EventLog& events, const Clock& clock)
      : ledger_(ledger), events_(events), clock_(clock) {}

  Result<> raise(const Note& note);
  // No error when there is no such warning.
  Result<> resolve(const std::string& type, const std::string& kind, const std::string& name);
  // The same without waiting for the disk, from any thread: in memory at once; rows and events are
  // written with the next tidy(). Beyond kWarningsMax a note is dropped.
  void note(const Note& note);
  void clear(const std::string& type, const std::string& kind, const std::string& name);
  using Once = std::optional<OnceOf<Warning>>;
  Result<Warning> acknowledge(const std::string& id, const Actor& actor, const Once& once = {});

  Result<Warning> get(const std::string& id) const;
  [[nodiscard]] std::vector<Warning> list() const;  // the newest first
  [[nodiscard]] std::size_t count_unresolved() const;

  // For the store.
  Result<> load(Database& database);
  Result<> tidy(Turn& turn);

 private:
  struct Untold {
    std::uint64_t number = 0;
    std::string verb;
    Warning warning;
  };
  struct Table {
    std::map<std::string, Warning> by_id;
    std::set<std::string> unwritten;
    std::set<std::string> dropped;  // for others; their rows are still there
    std::deque<Untold> untold;      // events
    std::uint64_t told = 0;         // number of the last in untold
  };
  // Memory's part of raise() and resolve(): the warning, when there is news to tell of it.
  Result<std::optional<Warning>> enter(const Note& note);
  std::optional<Warning> leave(const std::string& type, const std::string& kind,
                               const std::string& name);
  void tell_later(const Warning& warning, const std::string& verb);
  Result<> append_event(Turn& turn, const Warning& warning, const std::string& verb,
                        const Actor& actor);
  static Warning* find(Table& table, const std::string& type, const std::string& kind,
                       const std::string& name);
  Result<> keep(const Warning& warning, const std::string& verb, const Actor& actor,
                const Once& once = {});
  static Result<> write_row(Turn& turn, const Warning& warning);

  Ledger& ledger_;
  EventLog& events_;
  const Clock& clock_;
  Guarded<Table> table_;
};

}  // namespace vs
