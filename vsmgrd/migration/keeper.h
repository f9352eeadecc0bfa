// All handoffs of one node: writes what the machine says before it is done, and knows who owns what.
//
// vsmgrd and the simulation run this. It does nothing itself: what is to be done it hands out as orders, for its owner to do
// after the call. Owned by one thread. What cannot be written did not happen, and is tried again; but for what a restart
// would come to as well (Step::regardless), which counts at once and is written later.
// Errors: conflict (a domain that moves already, a word that comes too late), not_found, exhausted (kMovesMax), and the disk's.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vsmgrd/migration/machine.h"

namespace vs::handoff {

inline constexpr std::size_t kEndedKept = 256;  // records of handoffs that have ended; of more the first are forgotten

struct Order {
  std::string id;
  Deed deed;
};
using Orders = std::vector<Order>;

// Who may serve a binding that was moved, or moves.
struct Ownership {
  std::uint64_t epoch = 1;
  std::string owner;
  bool in_doubt = false;  // not to be served here, whoever the owner is, until the doubt ends
  std::string handoff;    // that says so; empty: one that ended
};

class Keeper {
 public:
  // Writes a record, in the place of one with its id, and standings, in the place of those of the same bindings; both or neither.
  using Write = std::function<Result<>(const Entry&)>;
  // Forgets records; what is not forgotten now is with the next restart.
  using Forget = std::function<void(const std::vector<std::string>& ids)>;
  // Why this node does not take what a `check` or `prepare` is about; empty: it does.
  using Judge = std::function<std::string(const Message&)>;

  struct Hooks {
    Write write;
    Forget forget;
    Judge judge;
    Random random;
  };

  Keeper(std::string node, const Limits& limits, Versions versions, Hooks hooks);

  // What was written, after a restart. Once, before anything else. From then on ownership() is right.
  Orders load(std::vector<Record> records, std::vector<Standing> standings, Time now);

  // Moves a domain away. Its handoff's id is the first order's.
  Result<Orders> start(const Move& move, Time now);
  Result<Orders> say(std::string_view id, Word word, Time now);
  // From the peer that its certificate names; `message.from` is that name. Nothing but an order or none to answer it.
  Orders hear(const Message& message, Time now);
  // Of a handoff's own work. One that is unknown has ended long ago: nothing.
  Orders happen(std::string_view id, const Event& event, Time now);
  Orders tick(Time now);
  [[nodiscard]] Time next() const;  // when tick() is due; Time::max(): never

  [[nodiscard]] const std::map<std::string, Record, std::less<>>& records() const { return records_; }
  [[nodiscard]] const std::map<std::string, Standing>& standings() const { return standings_; }
  // Of every binding that has a standing.
  [[nodiscard]] std::map<std::string, Ownership> ownerships() const;
  // Whether this node may serve it, and by which epoch; nullopt: no.
  [[nodiscard]] std::optional<std::uint64_t> may_serve(const std::string& binding) const;

  // Counted since the start, for /metrics.
  struct Counts {
    std::uint64_t started = 0;
    std::uint64_t refused_messages = 0;  // without a proof, for another node, or about what is not known
    std::uint64_t unwritten = 0;         // steps that the disk did not take
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  // Called with each record that changed, before and after; for events, logs and metrics.
  void on_change(std::function<void(const Record& before, const Record& after)> callback) { on_change_ = std::move(callback); }

 private:
  [[nodiscard]] Surroundings around(Time now) const { return {now, limits_, hooks_.random, versions_}; }
  Orders follow(const Record& before, Step step, Time now);
  Orders begin(const Message& prepare, Time now);
  Orders check(const Message& message);
  Orders unknown(const Message& message);
  [[nodiscard]] std::string why_not(const Message& message) const;
  [[nodiscard]] const Record* moving(std::string_view domain) const;
  [[nodiscard]] std::size_t going() const;
  void forget_old();

  const std::string node_;
  const Limits limits_;
  const Versions versions_;
  const Hooks hooks_;
  std::map<std::string, Record, std::less<>> records_;  // by id
  std::map<std::string, Standing> standings_;           // by binding
  std::map<std::string, Time> unwritten_;  // by id: when the disk is tried again
  std::vector<std::string> ended_;         // ids, the oldest first
  std::function<void(const Record&, const Record&)> on_change_;
  Counts counts_;
};

}  // namespace vs::handoff
