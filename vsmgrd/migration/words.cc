#include "vsmgrd/migration/words.h"

#include <array>

namespace vs::handoff {
namespace {

constexpr std::array<std::string_view, 2> kRoles{"source", "destination"};
constexpr std::array<std::string_view, 8> kPhases{"check", "begin", "prepare", "transfer", "freeze", "commit", "finish", "confirm"};
constexpr std::array<std::string_view, 7> kOutcomes{"Running",   "InDoubt",   "GivingBack", "Done",
                                                    "Cancelled", "GivenBack", "TakenBack"};

template <class Word, std::size_t size>
std::optional<Word> word_named(const std::array<std::string_view, size>& names, std::string_view name) {
  for (std::size_t i = 0; i < size; ++i)
    if (names[i] == name) return static_cast<Word>(i);
  return std::nullopt;
}

}  // namespace

std::string_view name_of(Role role) { return kRoles[static_cast<std::size_t>(role)]; }
std::string_view name_of(Phase phase) { return kPhases[static_cast<std::size_t>(phase)]; }
std::string_view name_of(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }
std::optional<Role> role_named(std::string_view name) { return word_named<Role>(kRoles, name); }
std::optional<Phase> phase_named(std::string_view name) { return word_named<Phase>(kPhases, name); }
std::optional<Outcome> outcome_named(std::string_view name) { return word_named<Outcome>(kOutcomes, name); }

}  // namespace vs::handoff
