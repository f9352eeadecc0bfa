// Names and words: what they may be, how they are shown, and which one was meant.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

constexpr std::size_t kQuotedBytesMax = 80;
constexpr std::size_t kDistanceMax = 2;

// Levenshtein's distance; the words are names and keys, so a full table row is cheap.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string_view shown = text.substr(0, kQuotedBytesMax);
  if (shown.size() < text.size())  // do not cut inside a character
    while (!shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xC0) == 0x80)
      shown.remove_suffix(1);
  std::string out =
      nlohmann::json(shown).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (shown.size() < text.size()) out.insert(out.size() - 1, "...");
  return out;
}

Result<> check_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool right =
      !name.empty() && name.size() <= kNameBytesMax && plain(name.front()) && plain(name.back()) &&
      std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-'; });
  if (right) return {};
  return fail(ErrorCode::invalid,
              fmt::format("{} is not a name: 1 to {} of a-z, 0-9 and -, with no - at either end",
                          in_quotes(name), kNameBytesMax));
}

bool is_label_key(std::string_view key) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !key.empty() && key.size() <= kNameBytesMax && plain(key.front()) && plain(key.back()) &&
         std::all_of(key.begin(), key.end(), [&](char c) {
           return plain(c) || c == '-' || c == '_' || c == '.' || c == '/';
         });
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() <= kDistanceMax || word.size() > kNameBytesMax + kDistanceMax) return {};
  if (candidates.size() > kCandidatesMax) return {};
  const std::string* best = nullptr;
  std::size_t best_distance = kDistanceMax + 1;
  for (const std::string& candidate : candidates) {
    const auto [shorter, longer] = std::minmax({candidate.size(), word.size()});
    if (longer - shorter > kDistanceMax) continue;
    if (const std::size_t found = distance(word, candidate); found < best_distance) {
      best = &candidate;
      best_distance = found;
    }
  }
  return best ? fmt::format("did you mean \"{}\"?", *best) : std::string();
}

}  // namespace vs
