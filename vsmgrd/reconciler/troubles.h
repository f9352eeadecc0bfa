// What is wrong with the backends, as Warnings that come and go by themselves; and opens that guests
// were refused, as events and audit rows.
//
// BackendDown (of a Backend, by its service kind): it is dead, was killed because it said nothing, or
// does not start. Drift: what a backend serves is not what is wanted: of a Backend that is up and has
// not confirmed it for kDriftPatience; of a Binding that its backend says it does not serve. Misbehaviour: the guest of a Binding
// breaks the protocol; it stays until somebody has seen to it.
// Owned by the reconciler's thread; does not wait for the disk, but for tell_refusals().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "vsmgrd/reconciler/plan.h"
#include "vsmgrd/store/store.h"

namespace vs {

inline constexpr std::chrono::seconds kDriftPatience{5};
inline constexpr std::chrono::milliseconds kDriftLook{1000};  // while it may become so
inline constexpr std::size_t kDriftingMax = 100;              // bindings that are told of
inline constexpr std::chrono::seconds kRefusedPause{60};      // between two that are told of one binding
inline constexpr std::size_t kRefusedMax = 16;                // bindings of one pass

class Troubles {
 public:
  Troubles(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Compares what is with what was told. True when time alone may change the verdict: look again
  // after kDriftLook.
  bool look(const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status);
  // The first since kRefusedPause is told, with those that were only counted, and the recorded
  // decision that refused it.
  void tell_refusals(const Desired& desired, const std::map<std::string, BackendStatus>& status);

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // type, kind and name of the object
  struct Refusals {
    std::uint64_t told = 0;
    std::optional<std::chrono::steady_clock::time_point> at;  // when it was told
  };
  void remember();
  void find_down(const std::string& kind, const BackendStatus& backend, std::map<Key, std::string>& found);
  bool find_drift(const std::string& kind, const BackendStatus& backend, const BackendConfigs& wanted,
                  std::map<Key, std::string>& found);
  void tell_misdeeds(const Desired& desired, const std::map<std::string, BackendStatus>& status);
  void tell(const Resource& binding, const Decision* decision, std::uint64_t total, std::uint64_t more);

  Store& store_;
  const Clock& clock_;
  bool remembered_ = false;
  std::map<Key, std::string> told_;  // not resolved, and its message
  std::map<std::string, std::uint64_t> restarts_;  // of each kind, as seen last
  std::map<std::string, std::chrono::steady_clock::time_point> unconfirmed_;  // since when
  std::map<std::string, Refusals> refusals_;  // by binding
  std::map<std::string, Refusals> misdeeds_;
};

}  // namespace vs
