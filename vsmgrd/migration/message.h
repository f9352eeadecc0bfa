// What two vsmgrd say to each other about one handoff: requests of the one, and the other's answers.
//
// A message may come late, twice, out of order or never. What it says of itself counts nothing without its cookie: the
// sender proves with it that it knows the secret that the receiver made for this handoff, for this verb and in its own name
// (cookie.h). `check` and `prepare` come before there are secrets: who sent them is told by the peer's certificate.
// Values; pure functions, thread-safe. Errors: invalid (no message, or one that is not ours; says which member).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "vsmgrd/migration/words.h"

namespace vs::handoff {

enum class Verb : std::uint8_t {
  check,     // source: would you take this domain?
  prepare,   // source: hold ready what it needs; answered with the destination's secret
  transfer,  // source: still there? renews the lease
  commit,    // source: GO. The source serves no more, its record says so, its backends have confirmed it
  finish,    // source: do you serve?
  confirm,   // source: all is yours, for good
  cancel,    // source: forget it
  ask,       // destination: I was gone; may I serve?
};
std::string_view name_of(Verb verb);  // "check", ...

enum class Answer : std::uint8_t {
  none,        // a request
  ok,
  later,       // ask again
  refused,     // no; nothing changed
  given_back,  // the destination does not serve and never will with this epoch: permission to take back
  taken_back,  // the source serves again, with a higher epoch
};
std::string_view name_of(Answer answer);  // "", "ok", ...

struct MovedBinding {
  std::string name;
  std::uint64_t epoch = 1;  // by which the source served it when the handoff began
  friend bool operator==(const MovedBinding&, const MovedBinding&) = default;
};

// The soft state of one binding, as the source's backend gave it out; JSON, judged by the destination's.
struct BindingState {
  std::string binding;
  std::string state;
  friend bool operator==(const BindingState&, const BindingState&) = default;
};

struct Message {
  std::string id;  // of the handoff
  Verb verb{};
  Answer answer = Answer::none;
  std::string from;    // nodes' names
  std::string to;
  std::string cookie;  // empty: there is no secret yet
  std::string domain;  // check, prepare
  int version = kVersion;         // the highest that the sender speaks; after check the one that is spoken
  int version_oldest = kVersionOldest;  // check
  std::string secret;  // prepare, and its answer: that the sender made
  std::vector<MovedBinding> bindings;  // check, prepare; of an answer taken_back or given_back: none
  std::string parcel;  // check, prepare: what is declared of the domain; JSON
  std::vector<BindingState> states;    // commit
  std::string nonce;   // ask, and its answer: an old answer is none
  std::uint64_t clock_ms = 0;  // check, prepare: Unix time at the sender; 0: it does not say
  std::string reason;  // refused, given_back, taken_back, cancel: a sentence
  friend bool operator==(const Message&, const Message&) = default;
};

nlohmann::json encode(const Message& message);
Result<Message> decode_message(const nlohmann::json& json);

}  // namespace vs::handoff
