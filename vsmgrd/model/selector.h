// Which objects are meant, by their labels: "env=prod,tier!=web,team in (a,b),!retired".
//
// Every requirement must hold; no requirement at all holds for everything. A label that is not
// there differs from every value: "tier!=web" and "tier notin (web)" hold without it. Immutable
// values, thread-safe. Errors: invalid, naming the place in the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vsmgrd/model/resource.h"

namespace vs {

inline constexpr std::size_t kSelectorBytesMax = 4096;
inline constexpr std::size_t kSelectorRequirementsMax = 32;
inline constexpr std::size_t kSelectorValuesMax = 64;  // of one requirement

class LabelSelector {
 public:
  // KEY=VALUE (or ==), KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY, !KEY; joined by commas.
  // Blanks around words mean nothing. The empty text holds for everything.
  static Result<LabelSelector> parse(std::string_view text);

  [[nodiscard]] bool matches(const Labels& labels) const;
  [[nodiscard]] bool everything() const { return requirements_.empty(); }
  // As it would be written without superfluous blanks.
  [[nodiscard]] const std::string& text() const { return text_; }  // in one form: sorted by nothing, no blanks

  friend bool operator==(const LabelSelector& a, const LabelSelector& b) {
    return a.text_ == b.text_;
  }

 private:
  enum class Test : std::uint8_t { in, not_in, present, absent };
  struct Requirement {
    std::string key;
    Test test = Test::present;
    std::vector<std::string> values{};
  };
  class Reader;
  static std::string written(const Requirement& requirement);

  std::vector<Requirement> requirements_;
  std::string text_;
};

}  // namespace vs
