#include "tests/vsmgrd/migration/world.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vs::handoff::simulation {

void World::at(Micros when, std::function<void()> what) { queue_.push({when, order_++, std::move(what)}); }

void World::run_until(Micros end) {
  while (!queue_.empty() && queue_.top().when <= end && report_.failure.empty()) {
    Happening next = queue_.top();
    queue_.pop();
    now_ = next.when;
    next.what();
    ++report_.steps;
    check_owners();
  }
  if (report_.failure.empty()) now_ = end;
}

void World::fail(std::string what) {
  if (!report_.failure.empty()) return;
  report_.failure = fmt::format("at {} us: {}", now_, what);
  if (options_.trace != nullptr) *options_.trace << "FAILED " << report_.failure << "\n";
}

void World::tell(const Node& node, const std::string& what) {
  if (options_.trace != nullptr) *options_.trace << fmt::format("{:>12} {} {}\n", now_, node.name, what);
}

// What is for this life of vsmgrd: it waits while that is stopped, and is lost when it was killed.
void World::to_manager(Node& node, Micros pause, std::function<void(Node&)> what) {
  after(pause, [this, &node, life = node.life, what = std::move(what)] {
    if (!node.keeper || node.life != life) return;
    if (node.stopped) {
      node.waiting.push_back([&node, what] { what(node); });
      return;
    }
    what(node);
  });
}

// What was sent before vsmgrd died arrives all the same.
void World::to_backend(Node& node, std::function<void(Node&)> what) {
  Backend& backend = node.backend;
  backend.last_arrival = std::max(backend.last_arrival, now_ + chance_.between(50, 2000));
  at(backend.last_arrival, [this, &node, life = backend.life, what = std::move(what)] {
    if (!node.backend.alive || node.backend.life != life) return;
    if (node.backend.stopped) {
      node.backend.waiting.push_back([&node, what] { what(node); });
      return;
    }
    what(node);
  });
}

void World::boot(Node& node) {
  ++node.life;
  node.stopped = node.dying = false;
  node.waiting.clear();
  node.withdrawing.clear();
  node.starting.clear();
  node.tick_at = -1;
  node.sent = node.acked = 0;
  node.sent_config.clear();
  node.acked_config.clear();
  node.keeper.emplace(node.name, limits_, node.versions,
                      Keeper::Hooks{.write = [this, &node](const Entry& entry) { return write(node, entry); },
                                    .forget = [&node](const auto& ids) { for (const auto& id : ids) node.disk.records.erase(id); },
                                    .judge = [this](const Message&) { return chance_.one_in(50) ? "no room" : ""; },
                                    .random = random_});
  node.keeper->on_change([this, &node](const Record& before, const Record& after) { changed(node, before, after); });
  std::vector<Record> records;
  for (const auto& [id, record] : node.disk.records) {
    auto read = decode_record(encode(record));  // as the disk has it: what is volatile is gone
    if (!read) return fail(read.error().message);
    records.push_back(std::move(*read));
  }
  std::vector<Standing> standings;
  for (const auto& [binding, standing] : node.disk.standings) standings.push_back(standing);
  tell(node, "starts");
  follow(node, node.keeper->load(std::move(records), std::move(standings), time_of(node)));
}

Result<> World::write(Node& node, const Entry& entry) {
  if (node.dying) return vs::fail(ErrorCode::internal, "it dies");
  if (node.crash_in >= 0 && node.crash_in-- == 0) {
    node.dying = true;
    ++node.touched;
    tell(node, node.crash_after ? "dies after a write" : "dies before a write");
    if (!node.crash_after) return vs::fail(ErrorCode::internal, "it dies");
  }
  if (node.disk.full) {
    if (chance_.one_in(4)) node.disk.ghost = entry;
    return vs::fail(ErrorCode::exhausted, "disk full");
  }
  node.disk.ghost.reset();
  if (options_.mistake == Mistake::forget_commit && entry.record.role == Role::source && entry.record.phase == Phase::commit) return {};
  for (const Standing& standing : entry.standings) {
    Standing& kept = node.disk.standings[standing.binding];
    if (!kept.owner.empty() && standing.epoch < kept.epoch)
      fail(fmt::format("node {} writes epoch {} of {} after {}", node.name, standing.epoch, standing.binding, kept.epoch));
    kept = standing;
  }
  node.disk.records[entry.record.id] = entry.record;
  return {};
}

void World::send(Node& node, const Message& message) {
  Node& to = other(node);
  const bool from_first = &node == &nodes_[0];
  tell(node, fmt::format("sends {} {}", name_of(message.verb), name_of(message.answer)));
  if (cut_[from_first ? 0 : 1] || chance_.one_in(loss_one_in_)) return;
  const int copies = chance_.one_in(twice_one_in_) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const Micros travel = chance_.one_in(late_one_in_) ? chance_.spread(10, 24) : chance_.between(100, 1500);
    after(travel, [this, &to, message] {
      if (!to.keeper) return;
      const auto deliver = [this, &to, message] {
        follow(to, to.keeper->hear(message, time_of(to)));
      };
      if (to.stopped) return to.waiting.push_back(deliver);
      deliver();
    });
  }
}

void World::follow(Node& node, Orders orders) {
  if (node.dying) return kill_manager(node);
  for (const Order& order : orders) act(node, order);
  reconcile(node);
  look_at_backend(node);
  if (node.dying) return kill_manager(node);
  if (node.keeper) plan_tick(node);  // it may have died meanwhile
}

void World::act(Node& node, const Order& order) {
  const std::string& id = order.id;
  const auto happen = [this, id](Event event) {
    return [this, id, event = std::move(event)](Node& to) { follow(to, to.keeper->happen(id, event, time_of(to))); };
  };
  if (const auto* sent = std::get_if<Send>(&order.deed)) return send(node, sent->message);
  if (std::holds_alternative<Take>(order.deed)) {
    Taken taken{.bindings = {}, .parcel = "{}", .refusal = {}};
    for (const std::string& binding : node.declared)
      if (const auto epoch = node.keeper->may_serve(binding)) taken.bindings.push_back({binding, *epoch});
    if (taken.bindings.empty()) taken.refusal = "nothing to move";
    return to_manager(node, chance_.between(50, 500), happen(taken));
  }
  if (const auto* frozen = std::get_if<Freeze>(&order.deed)) {
    if (!node.backend.alive) return to_manager(node, 100, happen(Frozen{{}, "the backend is down"}));
    const Micros limit = frozen->for_at_most.count() * kMilli;
    return to_backend(node, [this, id, limit](Node& to) { freeze(to, id, limit); });
  }
  if (std::holds_alternative<Thaw>(order.deed)) {
    if (options_.mistake != Mistake::thaw_late) to_backend(node, [this, id](Node& to) { thaw(to, id); });
    return;
  }
  if (std::holds_alternative<Withdraw>(order.deed)) {
    node.withdrawing.insert(id);
    if (options_.mistake == Mistake::go_before_withdrawn) to_manager(node, 0, happen(Withdrawn{}));
    return;
  }
  const Record& record = node.keeper->records().at(id);
  if (std::holds_alternative<Serve>(order.deed)) {
    if (record.phase == Phase::finish && chance_.one_in(30)) return to_manager(node, 100, happen(NotServing{"it does not start"}));
    for (const MovedBinding& moved : record.bindings) node.declared.insert(moved.name);
    node.starting.insert(id);
    return;
  }
  if (std::holds_alternative<Drop>(order.deed) || std::holds_alternative<Release>(order.deed))
    for (const MovedBinding& moved : record.bindings)
      if (!node.keeper->may_serve(moved.name)) node.declared.erase(moved.name);
}

// As the reconciler: the backend is told what it may serve, whenever that differs from what it was told.
void World::reconcile(Node& node) {
  if (!node.keeper || node.dying || !node.backend.alive) return;
  std::map<std::string, std::uint64_t> wanted;
  for (const std::string& binding : node.declared)
    if (const auto epoch = node.keeper->may_serve(binding)) wanted[binding] = *epoch;
  if (options_.mistake == Mistake::serve_before_go)
    for (const auto& [id, record] : node.keeper->records())
      if (record.role == Role::destination && record.outcome == Outcome::running && record.phase == Phase::transfer)
        for (const MovedBinding& moved : record.bindings) wanted[moved.name] = moved.epoch + 1;
  if (node.sent != 0 && wanted == node.sent_config) return;
  node.sent_config = wanted;
  to_backend(node, [this, number = node.sent = ++node.number, wanted](Node& to) { configure(to, number, wanted); });
}

void World::look_at_backend(Node& node) {
  if (!node.keeper || node.dying) return;
  const bool told = node.sent != 0 && node.acked == node.sent;
  const auto has = [&](const std::string& id, bool all) {
    const auto record = node.keeper->records().find(id);
    if (record == node.keeper->records().end()) return false;
    std::size_t found = 0;
    for (const MovedBinding& moved : record->second.bindings) found += node.acked_config.contains(moved.name);
    return all ? found == record->second.bindings.size() : found == 0;
  };
  for (const std::string& id : std::set(node.withdrawing))
    if (node.keeper && (!node.backend.alive || (told && has(id, false)))) {
      node.withdrawing.erase(id);
      follow(node, node.keeper->happen(id, Withdrawn{}, time_of(node)));
    }
  if (!node.keeper) return;
  for (const std::string& id : std::set(node.starting))
    if (node.keeper && node.backend.alive && told && has(id, true)) {
      node.starting.erase(id);
      follow(node, node.keeper->happen(id, Serving{}, time_of(node)));
    }
}

void World::plan_tick(Node& node) {
  const Time next = node.keeper->next();
  if (next == Time::max()) return;
  const Micros when = std::max(now_ + 1, next.count() * kMilli - node.skew);
  if (node.tick_at > now_ && node.tick_at <= when) return;
  node.tick_at = when;
  to_manager(node, when - now_, [this, when](Node& to) {
    if (to.tick_at == when) to.tick_at = -1;
    follow(to, to.keeper->tick(time_of(to)));
  });
}

}  // namespace vs::handoff::simulation
