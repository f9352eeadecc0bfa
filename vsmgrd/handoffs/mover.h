// The handoffs of this node at work: joins the keeper to its journal, its peers, the backends and the reconciler.
//
// Thread-safe. One thread of its own owns the keeper and does the deeds; who asks waits for it. open() before the reconciler starts, so
// that nothing is served that another node owns; stop() ends it, and what was committed goes on with the next start.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/duration_buckets.h"
#include "base/guarded.h"
#include "base/sample.h"
#include "vsmgrd/handoffs/deeds.h"
#include "vsmgrd/handoffs/journal.h"
#include "vsmgrd/migration/keeper.h"
#include "vsmgrd/migration/migrations.h"
#include "vsmgrd/reconciler/owners.h"

namespace vs {

inline constexpr std::size_t kMoverMessagesMax = 1024;  // heard and not looked at yet; more are refused
inline constexpr std::chrono::milliseconds kMoverAnswer{10'000};  // for who asks: a disk that hangs

class Mover final : public handoff::Migrations {
 public:
  // `store` and `clock` must outlive it.
  Mover(std::string node, Store& store, const Clock& clock, HandoffHooks hooks, const handoff::Limits& limits = {});
  ~Mover() override;
  Mover(const Mover&) = delete;
  Mover& operator=(const Mover&) = delete;

  // Reads what was written. Errors: those of HandoffJournal::read: then nobody knows what may be served.
  Result<> open();
  void start();
  void stop();

  // For Reconciler::own_by.
  Owners owners();
  void told();
  // What backends do, or what is declared, has changed.
  void look();

  Result<handoff::Migration> start(const handoff::Move& move) override;
  Result<> check(const handoff::Move& move) override;
  Result<handoff::Migration> say(std::string_view id, handoff::Word word) override;
  [[nodiscard]] std::vector<handoff::Migration> list() const override;
  [[nodiscard]] std::vector<handoff::PeerView> peers() const override;
  Result<> hear(std::string_view peer, handoff::Message message) override;

  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  struct Times {
    WallTime started{};
    WallTime changed{};
    std::optional<handoff::Time> froze;     // of the steady clock
    std::optional<handoff::Time> blackout;  // once it is over
  };
  struct Asked {  // owners
    std::uint64_t version = 0;
    Owners owners;
  };

  [[nodiscard]] handoff::Time now() const;
  void run();
  bool post(std::function<void()> work) const;
  template <class Answer>
  Answer ask(std::function<Answer()> work) const;
  void obey(handoff::Orders orders);
  bool publish();  // true: they are others than before
  void changed(const handoff::Record& before, const handoff::Record& after);
  void tell(const handoff::Record& before, const handoff::Record& after);
  void tell_log();
  [[nodiscard]] bool in_blackout() const;
  [[nodiscard]] Result<> movable(const handoff::Move& move) const;
  [[nodiscard]] handoff::Migration view_of(const handoff::Record& record) const;
  void take_check_answer(const handoff::Message& message);

  const std::string node_;
  Store& store_;
  const Clock& clock_;
  const HandoffHooks hooks_;
  HandoffJournal journal_;

  // The thread's.
  handoff::Keeper keeper_;
  HandoffDeeds deeds_;
  std::map<std::string, Times> times_;  // by handoff
  std::vector<Event> untold_;           // events; told when nothing waits
  std::map<std::string, std::shared_ptr<std::promise<Result<>>>> checks_;  // by the id of the question

  Guarded<Asked> owners_;
  std::atomic<std::uint64_t> asked_version_{0};
  std::atomic<std::uint64_t> told_version_{0};
  std::atomic<bool> look_posted_{false};

  struct Counted {
    std::map<std::pair<std::string, std::string>, std::uint64_t> ended;  // by role and outcome
    DurationBuckets blackouts;
    handoff::Keeper::Counts counts;
    std::uint64_t going = 0;
    std::uint64_t in_doubt = 0;
  };
  Guarded<Counted> counted_;
  std::atomic<std::uint64_t> refused_{0};

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  mutable std::vector<std::function<void()>> work_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vs
