#include <fmt/format.h>

#include "tests/vsmgrd/migration/world.h"

namespace vs::handoff::simulation {

void World::configure(Node& node, std::uint64_t number, const std::map<std::string, std::uint64_t>& config) {
  Backend& backend = node.backend;
  backend.config.clear();
  for (const auto& [binding, epoch] : config) {
    std::uint64_t& highest = backend.highest[binding];
    if (epoch < highest) continue;  // the fence: it does not serve by an epoch that is over
    highest = epoch;
    backend.config[binding] = epoch;
    auto& [last, by] = served_[binding];
    if (epoch < last || (epoch == last && !by.empty() && by != node.name))
      fail(fmt::format("node {} serves {} by epoch {} after node {} by {}", node.name, binding, epoch, by, last));
    last = epoch;
    by = node.name;
  }
  std::erase_if(backend.frozen_until, [&](const auto& entry) { return !backend.config.contains(entry.first); });
  tell(node, fmt::format("backend serves {} bindings", backend.config.size()));
  to_manager(node, chance_.between(50, 1000), [this, number, now = backend.config, life = backend.life](Node& to) {
    if (to.backend.life != life || number < to.acked) return;
    to.acked = number;
    to.acked_config = now;
    look_at_backend(to);
    if (to.keeper) plan_tick(to);
  });
}

void World::freeze(Node& node, const std::string& id, Micros for_at_most) {
  Backend& backend = node.backend;
  Frozen frozen;
  for (const auto& [binding, epoch] : backend.config) {
    backend.frozen_until[binding] = now_ + for_at_most;
    frozen.states.push_back({binding, "{}"});
  }
  tell(node, "backend is frozen");
  to_manager(node, chance_.between(50, 5000), [this, id, frozen](Node& to) {
    follow(to, to.keeper->happen(id, frozen, time_of(to)));
  });
}

void World::thaw(Node& node, const std::string& id) {
  node.backend.frozen_until.clear();
  tell(node, "backend is thawed, of " + id.substr(0, 8));
}

// To a guest. (May it be served, now or later, is what its configuration says.)
bool World::serves(const Node& node, const std::string& binding) const {
  const Backend& backend = node.backend;
  if (!backend.alive || backend.stopped || !backend.config.contains(binding)) return false;
  const auto frozen = backend.frozen_until.find(binding);
  return frozen == backend.frozen_until.end() || frozen->second <= now_;
}

// Also a backend that is frozen or stopped holds what it has: it serves by itself as soon as it can.
void World::check_owners() {
  for (const std::string& binding : kBindings) {
    const bool first = nodes_[0].backend.alive && nodes_[0].backend.config.contains(binding);
    const bool second = nodes_[1].backend.alive && nodes_[1].backend.config.contains(binding);
    if (first && second)
      fail(fmt::format("both nodes serve {}: epochs {} and {}", binding, nodes_[0].backend.config.at(binding),
                       nodes_[1].backend.config.at(binding)));
  }
}

}  // namespace vs::handoff::simulation
