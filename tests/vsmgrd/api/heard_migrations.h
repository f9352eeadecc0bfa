// Hears messages of peers, and does nothing else.
//
// Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "vsmgrd/migration/migrations.h"

namespace vs::test {

class HeardMigrations final : public handoff::Migrations {
 public:
  Result<handoff::Migration> start(const handoff::Move&) override { return fail(ErrorCode::unavailable, "not here"); }
  Result<> check(const handoff::Move&) override { return fail(ErrorCode::unavailable, "not here"); }
  Result<handoff::Migration> say(std::string_view, handoff::Word) override { return fail(ErrorCode::unavailable, "not here"); }
  [[nodiscard]] std::vector<handoff::Migration> list() const override { return {}; }
  [[nodiscard]] std::vector<handoff::PeerView> peers() const override { return {}; }
  Result<> hear(std::string_view peer, handoff::Message message) override {
    std::unique_lock lock(mutex_);
    if (full_) return fail(ErrorCode::exhausted, "too much waits");
    heard_.emplace_back(std::string(peer), std::move(message));
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    return {};
  }

  using Heard = std::vector<std::pair<std::string, handoff::Message>>;
  // Waits for so many.
  Heard heard(std::size_t count = 0) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return heard_.size() >= count; });
    return heard_;
  }
  void set_full(bool full) {
    const std::lock_guard lock(mutex_);
    full_ = full;
  }
  // Whether hear() waits, with what it has heard.
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool full_ = false;
  bool held_ = false;
  Heard heard_;
};

}  // namespace vs::test
