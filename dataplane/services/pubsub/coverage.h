// What a node asks of its engine so that its guests get theirs: as few patterns as possible, none of which overlaps another, so no event
// comes twice.
//
// A guest's pattern counts as far as it meets what the service shares; equal ones count once. Of patterns that overlap the wider one is
// asked for, or one that is as wide as both. Pure but for its own state; owned by one thread. Patterns are judged (base/channel_name.h).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vs::pubsub {

// More different patterns than these are not weighed: all that is shared is asked for then.
inline constexpr std::size_t kPatternsWeighedMax = 128;  // for it takes time that grows with their square

// The names that both match, as one pattern; nullopt: there are none.
std::optional<std::string> meet(std::string_view one, std::string_view other);
// Whether every name that `narrow` matches is one of `wide`.
bool covers(std::string_view wide, std::string_view narrow);
// A pattern that matches every name that one of both matches; where both lie within a third one, it does, too.
std::string join(std::string_view one, std::string_view other);
// The same names as these or more, without an overlap.
std::set<std::string> without_overlap(const std::set<std::string>& patterns);

class Coverage {
 public:
  // `shared`: what the service shares. `apart`: of that, what comes another way.
  explicit Coverage(const std::vector<std::string>& shared = {}, std::vector<std::string> apart = {});

  struct Change {
    std::vector<std::string> begin;
    std::vector<std::string> end;
  };
  Change add(const std::string& pattern);
  Change remove(const std::string& pattern);

  [[nodiscard]] const std::set<std::string>& wanted() const { return wanted_; }
  [[nodiscard]] bool wants(std::string_view channel) const;
  // Whether some guest's pattern meets what comes another way.
  [[nodiscard]] bool wants_apart() const;

 private:
  Change weigh();

  std::set<std::string> shared_;
  std::vector<std::string> apart_;
  std::map<std::string, std::size_t> patterns_;  // how many want each
  std::set<std::string> wanted_;
};

}  // namespace vs::pubsub
