// What a node keeps of a handoff, durably, and who owns a binding.
//
// Values; pure functions, thread-safe. Errors of decode: internal (the database says what we never wrote).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "vsmgrd/migration/message.h"
#include "vsmgrd/migration/words.h"

namespace vs::handoff {

// Who may serve a binding: the owner alone, and by this epoch. A binding without one was never moved: epoch 1, its node's.
struct Standing {
  std::string binding;
  std::uint64_t epoch = 1;
  std::string owner;  // node
  friend bool operator==(const Standing&, const Standing&) = default;
};

// Durable before anything is done by it; but for `volatile_`, which a restart forgets.
struct Record {
  std::string id;  // kSecretBytes hex digits
  Role role{};
  std::string domain;
  std::string node;  // this one
  std::string peer;
  int version = kVersion;  // that is spoken
  Phase phase = Phase::check;
  Outcome outcome = Outcome::running;
  bool manual = false;  // source: an outside orchestrator says when to freeze and to commit
  bool untold = false;  // source, cancelled: the destination has not confirmed that it knows
  bool unserved = false;  // destination: came out of a doubt, and its backends have not served it since
  std::string own_secret;   // that the peer must know
  std::string peer_secret;  // empty: not heard yet
  std::vector<MovedBinding> bindings;
  std::string parcel;  // JSON
  std::string reason;  // why it ended, or is in doubt: a sentence

  struct Volatile {
    Time entered{};      // the phase, or the doubt
    Time deadline{};     // of the phase; of a destination that waits: of its lease
    Time resend{};       // when what was not answered is sent again
    Time pause{};        // then the next such pause
    bool ready = false;  // source: the phase's own work is done, the next step may be taken (transferred, frozen, withdrawn)
    bool asking = false;  // destination: has begun to ask
    std::string nonce;   // of the question that waits
    std::vector<BindingState> states;
    Time froze{};        // when the blackout began
  } volatile_;
};

nlohmann::json encode(const Record& record);
Result<Record> decode_record(const nlohmann::json& json);

// What is written together or not at all.
struct Entry {
  Record record;
  std::vector<Standing> standings;
};

}  // namespace vs::handoff
