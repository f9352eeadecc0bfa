// The members of one map of a document, read one by one; what is wrong with them is noted as
// problems.
//
// Codes of problems: wrong_type, wrong_value, missing, unknown_key; of decode_terms.h also
// out_of_range, malformed, contradiction, duplicate.
//
// Each reader returns whether the member was there and right, and leaves `into` alone when not.
// finish() notes what is missing and what is unknown: call it last. Owned
// by one thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"

namespace vs {

enum class Need : std::uint8_t { optional, required };

class Fields {
 public:
  // When `value` is not a map, that is noted and every member counts as absent.
  Fields(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems);

  // The member, nullptr when it is absent.
  const nlohmann::json* take(std::string_view key, Need need);
  void ignore(std::string_view key) { take(key, Need::optional); }

  bool text(std::string_view key, std::string& into, Need need);
  bool name(std::string_view key, std::string& into, Need need);
  bool choice(std::string_view key, std::string& into, Need need,
              const std::vector<std::string>& choices);
  bool flag(std::string_view key, bool& into);
  bool number(std::string_view key, std::uint32_t& into, std::uint32_t min, std::uint32_t max);
  bool duration(std::string_view key, std::chrono::milliseconds& into,
                std::chrono::milliseconds max,
                std::chrono::milliseconds min = std::chrono::milliseconds{1});
  // Down to microseconds.
  bool fine_duration(std::string_view key, std::chrono::microseconds& into,
                     std::chrono::microseconds max);
  // "99.95%", as parts per million.
  bool percent(std::string_view key, std::uint32_t& into);
  // A list of words out of `words`, none twice.
  bool choices(std::string_view key, std::vector<std::string>& into,
               const std::vector<std::string>& words);
  // A list of `min` to `max` texts, none twice, each accepted by `check`.
  bool texts(std::string_view key, std::vector<std::string>& into, std::size_t min, std::size_t max,
             Result<> (*check)(std::string_view));
  bool labels(std::string_view key, Labels& into, std::size_t min);

  [[nodiscard]] bool has(std::string_view key) const { return object_ && object_->contains(key); }
  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[nodiscard]] std::string pointer_of(std::string_view key) const;
  void finish();

 private:
  void note(std::string_view key, std::string message, std::string hint = {},
            std::string code = "wrong_value");
  const nlohmann::json* take_text(std::string_view key, Need need);

  const nlohmann::json* object_;  // nullptr: not a map
  std::string pointer_;
  std::vector<Problem>& problems_;
  std::vector<std::string> known_;
  std::set<std::string, std::less<>> missing_;
};

// What a value is, for a message: `text "x"`, `the number 5`, `a list`.
std::string describe(const nlohmann::json& value);

}  // namespace vs
