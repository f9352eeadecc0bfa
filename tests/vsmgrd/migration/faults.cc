#include "tests/vsmgrd/migration/world.h"

namespace vs::handoff::simulation {

void World::kill_manager(Node& node) {
  if (!node.keeper) return;
  tell(node, "vsmgrd is killed");
  ++node.touched;
  node.keeper.reset();
  node.waiting.clear();
  node.stopped = node.dying = false;
  node.crash_in = -1;
  if (node.disk.ghost && chance_.one_in(2)) {
    tell(node, "what the disk did not take is there all the same");
    ghosts_ = true;
    for (const Standing& standing : node.disk.ghost->standings) node.disk.standings[standing.binding] = standing;
    node.disk.records[node.disk.ghost->record.id] = node.disk.ghost->record;
  }
  node.disk.ghost.reset();
  revive(node, chance_.spread(12, 24));
}

void World::kill_backend(Node& node) {
  Backend& backend = node.backend;
  if (!backend.alive) return;
  tell(node, "backend is killed");
  ++node.touched;
  const std::uint64_t life = backend.life + 1;
  backend = Backend{.alive = false, .life = life};
  node.sent = node.acked = 0;
  node.sent_config.clear();
  node.acked_config.clear();
  if (node.keeper && !node.stopped) to_manager(node, 100, [this](Node& to) { look_at_backend(to); if (to.keeper) plan_tick(to); });
  revive(node, chance_.spread(12, 20));
}

void World::stop_manager(Node& node) {
  if (!node.keeper || node.stopped) return;
  tell(node, "vsmgrd is stopped");
  ++node.touched;
  node.stopped = true;
  after(chance_.spread(12, 25), [this, &node, life = node.life] { if (node.life == life) resume_manager(node); });
}

void World::resume_manager(Node& node) {
  if (!node.keeper || !node.stopped) return;
  tell(node, "vsmgrd goes on");
  node.stopped = false;
  while (!node.waiting.empty() && node.keeper && !node.stopped) {
    const auto what = std::move(node.waiting.front());
    node.waiting.pop_front();
    what();
  }
  if (node.keeper) follow(node, node.keeper->tick(time_of(node)));
}

void World::stop_backend(Node& node) {
  if (!node.backend.alive || node.backend.stopped) return;
  tell(node, "backend is stopped");
  ++node.touched;
  node.backend.stopped = true;
  after(chance_.spread(12, 23), [this, &node, life = node.backend.life] { if (node.backend.life == life) resume_backend(node); });
}

void World::resume_backend(Node& node) {
  Backend& backend = node.backend;
  if (!backend.alive || !backend.stopped) return;
  tell(node, "backend goes on");
  backend.stopped = false;
  while (!backend.waiting.empty() && backend.alive && !backend.stopped) {
    const auto what = std::move(backend.waiting.front());
    backend.waiting.pop_front();
    what();
  }
}

// vsmgrd starts again, and starts its backend when that is gone. The backend alone cannot come back.
void World::revive(Node& node, Micros pause) {
  after(pause, [this, &node] {
    if (node.burned) return;
    if (node.keeper && (node.stopped || node.backend.alive)) return;
    if (!node.backend.alive) {
      node.backend.alive = true;
      ++node.backend.life;
      node.backend.last_arrival = now_;
    }
    if (!node.keeper) return boot(node);
    reconcile(node);
  });
}

// One thing after the other, at times that are now close and now far.
void World::weather() {
  if (fair_ || faults_left_ <= 0) return;
  after(chance_.spread(8, 21), [this] {
    if (fair_ || faults_left_-- <= 0) return;
    ++report_.faults;
    Node& node = nodes_[chance_.below(2)];
    const std::uint64_t kind = kinds_ == 1U << 2U ? 2 : chance_.below(12);
    if ((kinds_ >> kind & 1U) != 0) switch (kind) {
      case 0: kill_manager(node); break;
      case 1: kill_backend(node); break;
      case 2: kill_manager(node); kill_backend(node); break;  // the whole node
      case 3: stop_manager(node); break;
      case 4: stop_backend(node); break;
      case 5:
      case 6: {
        const std::size_t way = chance_.below(2);
        cut_[way] = true;
        if (kind == 6) cut_[1 - way] = true;
        after(chance_.spread(12, 25), [this] { cut_[0] = cut_[1] = false; });
        break;
      }
      case 7: loss_one_in_ = chance_.below(2) * 4; break;
      case 8: twice_one_in_ = chance_.below(2) * 3; break;
      case 9: late_one_in_ = chance_.below(2) * 5; break;
      case 10:
        node.disk.full = true;
        tell(node, "disk is full");
        after(chance_.spread(12, 24), [&node] { node.disk.full = false; });
        break;
      case 11: node.skew += chance_.spread(12, 25); break;  // a clock that never goes back
      default: break;
    }
    if (chance_.one_in(4)) {
      node.crash_in = static_cast<int>(chance_.below(4));
      node.crash_after = chance_.one_in(2);
    }
    weather();
  });
}

void World::heal() {
  fair_ = true;
  cut_[0] = cut_[1] = false;
  loss_one_in_ = twice_one_in_ = late_one_in_ = 0;
  for (Node& node : nodes_) {
    node.disk.full = false;
    node.crash_in = -1;
    if (node.burned) continue;
    resume_backend(node);
    resume_manager(node);
    revive(node, 0);
  }
}

}  // namespace vs::handoff::simulation
