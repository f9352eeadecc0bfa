// Does what the keeper of the handoffs orders: reads what moves, has backends freeze, stage and let go, declares and takes away, and says
// what came of it.
//
// Owned by the mover's thread, on which everything here runs but Hooks::order's answers, which are posted there. Nothing waits but for
// the store. A deed may be ordered twice.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "vsmgrd/backends/backends.h"
#include "vsmgrd/backends/handoff_orders.h"
#include "vsmgrd/handoffs/parcel.h"
#include "vsmgrd/migration/machine.h"
#include "vsmgrd/store/store.h"

namespace vs {

inline constexpr std::uint32_t kDrainMs = 500;  // for what backends have taken and not answered, of the freeze
inline constexpr std::chrono::milliseconds kClockSkewMax{30'000};  // between two nodes: soft state ages by their clocks

// What the handoffs need of the rest of vsmgrd; joined by main.cc.
struct HandoffHooks {
  std::function<void(const std::string& peer, handoff::Message message)> send;  // does not wait
  std::function<void(const std::string& kind, control::Command order, HandoffOrders::Done done)> order;  // ProcessBackends::order
  std::function<std::map<std::string, BackendStatus>()> backends;  // their status
  std::function<void()> wake;                                      // the reconciler: the owners changed
  // Why the policies that are in force here do not let the domain's bindings be on that node; empty: they do.
  std::function<std::string(const Desired& desired, const Parcel& parcel, const std::string& node)> may_go = {};
  std::function<std::map<std::string, std::string>()> promises = {};                    // what was counted of all objectives
  std::function<void(const std::map<std::string, std::string>&)> take_promises = {};  // of these, what was counted elsewhere
  std::function<std::vector<handoff::PeerView>()> peers = {};
};

class HandoffDeeds {
 public:
  struct Says {
    std::function<void(std::function<void()>)> post;  // to be called on the mover's thread; thread-safe
    std::function<void(const std::string& id, const handoff::Event& event)> happen;  // on the mover's thread
    std::function<std::optional<std::uint64_t>(const std::string& binding)> epoch_of;  // handoff::Keeper::may_serve
  };

  HandoffDeeds(Store& store, const Clock& clock, const HandoffHooks& hooks, Says says);

  // `owners` is the version of the owners that the record's step made: no backend has let go before it was given what follows from it.
  void perform(const handoff::Record& record, const handoff::Deed& deed, std::uint64_t owners);
  // What backends do may have changed; they were given what follows from the owners of version `told`.
  void look(std::uint64_t told);
  // Whatever waits for this handoff no longer does.
  void forget(const std::string& id);

  // What moves of a domain, with its epochs. Errors: those of pack(); conflict (it is another node's); denied (policy).
  struct Luggage {
    std::vector<handoff::MovedBinding> bindings;
    std::string parcel;
  };
  Result<Luggage> gather(const std::string& domain, const std::string& peer) const;

  // Keeper::Judge.
  [[nodiscard]] std::string judge(const handoff::Message& message) const;

 private:
  struct Leaving {
    std::uint64_t owners = 0;
    std::set<std::string> bindings;
  };
  struct Arriving {
    std::string domain;
    std::map<std::string, std::uint64_t> epochs;  // by binding, by which it is to be served
    std::map<std::string, std::string> kinds;     // by binding
    std::set<std::string> granted;
  };
  struct Freezing {
    std::size_t left = 0;
    std::vector<handoff::BindingState> states;
    std::string refusal;
  };

  void take(const handoff::Record& record);
  void freeze(const handoff::Record& record, handoff::Time at_most);
  void gather_frozen(const std::string& id, Freezing& freezing, const std::string& kind, const std::optional<control::Event>& answer);
  void thaw(const handoff::Record& record);
  void stage(const handoff::Record& record, const std::vector<handoff::BindingState>& states);
  void serve(const handoff::Record& record);
  Result<> declare(const handoff::Record& record, const Parcel& parcel);
  void undeclare(const handoff::Record& record);
  [[nodiscard]] std::string occupied(const Desired& here, const Parcel& parcel) const;
  [[nodiscard]] std::string refusal_here(const Parcel& parcel) const;
  [[nodiscard]] std::map<std::string, std::vector<std::string>> served(const std::vector<handoff::MovedBinding>& bindings) const;
  [[nodiscard]] std::optional<handoff::Event> outcome_of(const Arriving& arriving, const std::map<std::string, BackendStatus>& status) const;

  Store& store_;
  const Clock& clock_;
  const HandoffHooks& hooks_;
  const Says says_;
  std::map<std::string, Leaving> leaving_;    // by handoff: who waits for Withdrawn
  std::map<std::string, Arriving> arriving_;  // who waits for Serving
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs
