// A value and the lock that protects it, inseparable: the value is reached only while the lock is held.
//
// Thread-safe. Locks are leaves: `use` must not call other objects that lock, and never block.
#pragma once

#include <mutex>
#include <utility>

namespace vs {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  template <class Use>
  decltype(auto) with(Use&& use) {
    const std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(value_);
  }
  template <class Use>
  decltype(auto) with(Use&& use) const {
    const std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace vs
