// What was promised to bindings, and how it is kept: objectives out of the desired state, held against what backends count.
//
// Backends count what was judged and what missed since they began; the differences are added up in windows: of 5 minutes, of an
// hour, and of the objective's own. Owned by one thread; no clock, no disk. Nothing fails: what makes no sense in samples or in what
// was kept is left out.
#pragma once

#include <array>
#include <compare>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/sample.h"
#include "vsmgrd/model/resource.h"
#include "vsmgrd/sla/window.h"

namespace vs {

inline constexpr std::chrono::milliseconds kShortWindow = std::chrono::minutes{5};
inline constexpr std::chrono::milliseconds kLongWindow = std::chrono::hours{1};
inline constexpr double kFreshnessTarget = 0.999;  // of deliveries: that it is never missed nobody can promise

// "*" is the class of requests that are of none.
struct PromiseKey {
  std::string binding;
  std::string content_class;
  std::string objective;  // p50, p99, p99.9, loss, availability, freshness
  auto operator<=>(const PromiseKey&) const = default;
};

struct Standing {
  PromiseKey key;
  double target = 0;  // part of what is judged that is to keep it
  std::chrono::milliseconds window{};
  std::string promised;  // "within 2ms", for people
  std::array<Judged, 3> judged{};  // over kShortWindow, kLongWindow, its own
  [[nodiscard]] bool kept() const { return compliance(judged[2]) >= target; }
};

class Promises {
 public:
  using WallTime = Window::WallTime;

  // These are promised from now on. What stays promised over the same window keeps its counts.
  void promise(const Desired& desired);
  [[nodiscard]] bool empty() const { return promised_.empty(); }

  // Of one backend's report.
  void take(const std::vector<Sample>& samples, WallTime now);

  // Of all, or of one binding, in the order of their keys.
  [[nodiscard]] std::vector<Standing> standing(WallTime now) const;
  [[nodiscard]] std::vector<Standing> standing_of(const std::string& binding, WallTime now) const;
  [[nodiscard]] std::vector<Sample> samples(WallTime now) const;

  // By binding, and back: only what is promised is taken over.
  [[nodiscard]] std::map<std::string, std::string> encode() const;
  void restore(const std::map<std::string, std::string>& states);
  // The same of another node, whose backends' counts mean nothing here.
  void take_over(const std::map<std::string, std::string>& states);

 private:
  struct Promised {
    double target = 0;
    std::string text;
    std::string domain;
    std::string service;
    Judged counted;  // by the backend, as of its last report
    Window short_window{kShortWindow};
    Window long_window{kLongWindow};
    Window own{kLongWindow};
  };
  void restore(const std::map<std::string, std::string>& states, bool counted_here);
  [[nodiscard]] static Standing standing_at(const PromiseKey& key, const Promised& promised, WallTime now);

  std::map<PromiseKey, Promised> promised_;
};

// "2 of 3 objectives are kept; missed: p99 of class *: 98.2 % within 2ms, 99 % promised"; empty `missed` when all are.
struct Verdict {
  bool any = false;  // something was promised
  bool measured = false;
  bool kept = true;
  std::string message;
};
Verdict verdict_on(const std::vector<Standing>& standing);
nlohmann::json describe(const std::vector<Standing>& standing);  // schemas/openapi.yaml, Standing

}  // namespace vs
