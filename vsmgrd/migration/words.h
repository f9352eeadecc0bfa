// The words of a handoff: who plays which part, how far it is, how it ended, and the numbers that bound it.
//
// A handoff moves one domain's bindings from one node, the source, to another, the destination (docs/migration.md). Values;
// thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vs::handoff {

// The protocol between two vsmgrd. A node speaks this version and the one before it; both use the highest that both speak.
// Version 1 hands over what must be; version 2 also the soft state that the source's backends gave out (Message::states).
inline constexpr int kVersion = 2;
inline constexpr int kVersionOldest = 1;

enum class Role : std::uint8_t { source, destination };
// In this order. Up to freeze everything can be undone; commit is the point of no return.
enum class Phase : std::uint8_t { check, begin, prepare, transfer, freeze, commit, finish, confirm };
// How it stands. `running`, `in_doubt` and `giving_back` go on; the others are ends.
enum class Outcome : std::uint8_t {
  running,
  in_doubt,     // this node does not serve, and does not know whether the other does: ends by its return, or by a word
  giving_back,  // destination: will never serve; its backends have yet to confirm that they do not
  done,         // the destination serves
  cancelled,    // before commit: the source serves on
  given_back,   // destination: never served to the end, and never will; the source may serve again
  taken_back,   // source: serves again, with a higher epoch
};

std::string_view name_of(Role role);        // "source", "destination"
std::string_view name_of(Phase phase);      // "check", ...
std::string_view name_of(Outcome outcome);  // "Running", "InDoubt", "GivingBack", "Done", "Cancelled", "GivenBack", "TakenBack"
std::optional<Role> role_named(std::string_view name);
std::optional<Phase> phase_named(std::string_view name);
std::optional<Outcome> outcome_named(std::string_view name);

constexpr bool ended(Outcome outcome) {
  return outcome != Outcome::running && outcome != Outcome::in_doubt && outcome != Outcome::giving_back;
}

inline constexpr std::size_t kBindingsMax = 256;           // of a domain that moves
inline constexpr std::size_t kParcelBytesMax = 1024 * 1024;  // what travels beside the soft state
inline constexpr std::size_t kStatesBytesMax = 4 * 1024 * 1024;  // all soft state of a handoff; more is cut by who gives it
inline constexpr std::size_t kReasonBytesMax = 1024;
inline constexpr std::size_t kMovesMax = 64;               // handoffs that go on at once, in both directions

using Time = std::chrono::milliseconds;  // of a monotonic clock; never stored

// How long each phase may take, and how often a message is sent again.
struct Limits {
  Time check{5'000};
  Time begin{5'000};
  Time prepare{10'000};
  Time transfer{60'000};
  Time freeze{2'000};      // from the freeze to the commit: before it the source serves on
  Time commit{10'000};     // then the source is in doubt
  Time finish{30'000};     // for the destination's backends to serve; then it gives back. The source doubts after twice that
  Time confirm{5'000};     // then the destination asks, serving
  Time tombstone{24 * 3600 * 1000};  // how long a source that is done goes on confirming
  Time lease{20'000};      // of what the destination holds ready; each message of the source renews it
  Time manual{600'000};    // for an outside orchestrator to say freeze
  Time resend{200};        // the first pause; it doubles
  Time resend_max{2'000};
};

constexpr Time limit_of(const Limits& limits, Phase phase) {
  switch (phase) {
    case Phase::check:    return limits.check;
    case Phase::begin:    return limits.begin;
    case Phase::prepare:  return limits.prepare;
    case Phase::transfer: return limits.transfer;
    case Phase::freeze:   return limits.freeze;
    case Phase::commit:   return limits.commit;
    case Phase::finish:   return limits.finish;
    case Phase::confirm:  return limits.confirm;
  }
  __builtin_unreachable();
}

}  // namespace vs::handoff
