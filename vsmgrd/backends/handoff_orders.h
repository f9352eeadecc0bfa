// What one backend was told to do for handoffs (control/handoff.h) and has not answered yet.
//
// Owned by one thread. An order is answered once: by the backend, or by nullopt when it is lost, does not know the command, or has
// kOrdersMax of them open.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "dataplane/control/messages.h"

namespace vs {

inline constexpr std::size_t kOrdersMax = 256;

class HandoffOrders {
 public:
  // Frozen, Thawed or Staged, as the order was Freeze, Thaw or Stage.
  using Done = std::function<void(std::optional<control::Event> answer)>;

  // Gives the order its number, to be sent then; nullopt: there are too many, and `done` was called.
  std::optional<control::Command> open(control::Command order, Done done);
  void answer(const control::Event& answer, std::uint64_t number);
  // Of a command that the backend does not know.
  void refuse(std::uint64_t number);
  // Nothing will be answered any more.
  void lose();

 private:
  void close(std::uint64_t number, std::optional<control::Event> answer);

  std::uint64_t number_ = 0;
  std::map<std::uint64_t, Done> open_;
};

}  // namespace vs
