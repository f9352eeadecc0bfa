// The handoffs of a node as those who drive them see them: the API, on an operator's or an orchestrator's behalf, and peers.
//
// An interface because the API is tested without peers and backends. Thread-safe. start(), say() and check() wait: for the disk, and
// check() for the other node, kCheckPatience at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vsmgrd/migration/message.h"
#include "vsmgrd/migration/words.h"

namespace vs::handoff {

inline constexpr Time kCheckPatience{5'000};

// What is wanted of a domain that leaves.
struct Move {
  std::string domain;
  std::string peer;
  bool manual = false;
};

enum class Word : std::uint8_t {
  cancel,
  freeze,     // manual: now
  commit,     // manual: now
  take_back,  // source, in doubt: the operator swears that the destination is off, or serves nothing of this
  give_up,    // in doubt: the other has it
  keep,       // destination, in doubt or not confirmed: the operator swears that the source did not take it back
};

// A handoff, as it stands.
struct Migration {
  std::string id;
  Role role{};
  std::string domain;
  std::map<std::string, std::string> labels;  // of the domain, as far as known
  std::string peer;
  int version = kVersion;
  Phase phase{};
  Outcome outcome{};
  bool manual = false;
  std::optional<Word> waits_for;  // manual: freeze or commit
  std::vector<MovedBinding> bindings;
  std::string reason;  // why it ended, or is in doubt: a sentence
  std::chrono::system_clock::time_point started_at{};
  std::chrono::system_clock::time_point changed_at{};
  std::optional<Time> blackout;  // source: from the freeze until now, or until it was served again; none before, and after a restart
};

// Another node that this one may hand over to, and take over from.
struct PeerView {
  std::string name;
  std::string address;  // "ADDRESS:PORT"
  bool heard = false;   // since the start
  std::string trouble;  // why it could not be reached last; empty: it could
};

class Migrations {
 public:
  virtual ~Migrations() = default;

  // Begins to move a domain. Errors: not_found (no such domain or peer), invalid (it is here), conflict (it moves already, or is not this
  // node's), exhausted (kMovesMax), and the disk's.
  virtual Result<Migration> start(const Move& move) = 0;
  // What the other node, and this one, would say to that; changes nothing. Errors: those of start(); denied (one of them refuses: says
  // which and why); unavailable (the other is not reached).
  virtual Result<> check(const Move& move) = 0;
  // Errors: not_found; conflict (a word that comes too late, or is not the other's to say); the disk's.
  virtual Result<Migration> say(std::string_view id, Word word) = 0;
  [[nodiscard]] virtual std::vector<Migration> list() const = 0;  // the newest first
  [[nodiscard]] virtual std::vector<PeerView> peers() const = 0;  // by name
  // A message of the peer that its certificate names; answered by a message. Errors: exhausted (too much waits).
  virtual Result<> hear(std::string_view peer, Message message) = 0;
};

}  // namespace vs::handoff
