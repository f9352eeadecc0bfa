#include <utility>

#include <fmt/format.h>

#include "tests/vsmgrd/migration/world.h"

namespace vs::handoff::simulation {
namespace {

constexpr Micros kCancelLimit = kSecond;  // from the word to being served again
constexpr Micros kSettleLimit = 200 * kSecond;

}  // namespace

World::World(const Options& options) : options_(options), chance_(options.seed) {
  random_ = [this] { return fmt::format("{:016x}{:016x}{:016x}{:016x}", chance_.next(), chance_.next(), chance_.next(), chance_.next()); };
  nodes_[0].name = "n1";
  nodes_[1].name = "n2";
  for (Node& node : nodes_) node.versions = chance_.one_in(4) ? Versions{1, 1} : chance_.one_in(20) ? Versions{2, 2} : Versions{1, 2};
  nodes_[0].declared.insert(kBindings.begin(), kBindings.end());
  kinds_ = chance_.one_in(8) ? 0 : chance_.next() | chance_.next();  // some seeds know no faults, some few kinds, most many
  faults_left_ = static_cast<int>(chance_.below(16));
  limits_.manual = Time{60'000};  // not beyond the end of the story
  const bool lost_nodes = chance_.one_in(8);  // old messages reach nodes that were gone and are back
  const int hurry = lost_nodes ? 64 : chance_.one_in(3) ? 16 : 1;  // late messages and long stops outlive every limit more often
  if (hurry != 1)
    for (Time* limit : {&limits_.check, &limits_.begin, &limits_.prepare, &limits_.transfer, &limits_.freeze, &limits_.commit,
                        &limits_.finish, &limits_.confirm, &limits_.lease, &limits_.resend, &limits_.resend_max})
      *limit /= hurry;
  if (lost_nodes) {
    kinds_ = 1U << 2U;
    late_one_in_ = 3;
    faults_left_ += 4;
  }
  moves_left_ = 1 + static_cast<int>(chance_.below(3));
}

// How an operator sees it; also counts.
void World::changed(const Node& node, const Record& before, const Record& after) {
  tell(node, fmt::format("{}: {} {} -> {} {}", name_of(after.role), name_of(before.phase), name_of(before.outcome), name_of(after.phase),
                         name_of(after.outcome)));
  if (before.outcome == after.outcome) return;
  if (after.outcome == Outcome::in_doubt) ++report_.doubts;
  if (after.role != Role::source) return;
  report_.done += after.outcome == Outcome::done;
  report_.cancelled += after.outcome == Outcome::cancelled;
  report_.taken_back += after.outcome == Outcome::taken_back;
}

void World::start_a_move() {
  for (Node& node : nodes_) {
    if (!node.keeper || node.stopped || node.declared.empty()) continue;
    if (!node.keeper->may_serve(*node.declared.begin())) continue;
    auto started = node.keeper->start({.domain = "web1", .peer = other(node).name, .manual = chance_.one_in(4)}, time_of(node));
    if (!started) {
      if (node.dying) kill_manager(node);
      continue;
    }
    --moves_left_;
    ++report_.started;
    ++node.touched;
    follow(node, std::move(*started));
    return;
  }
}

// A word that was followed is true within a second, if nothing else happens to that node.
void World::cancel_one() {
  Node& node = nodes_[chance_.below(2)];
  if (!node.keeper || node.stopped) return;
  for (const auto& [id, record] : node.keeper->records()) {
    if (ended(record.outcome) || record.role != Role::source) continue;
    const std::string cancelled = id;
    auto said = node.keeper->say(cancelled, Word::cancel, time_of(node));
    if (!said) return node.dying ? kill_manager(node) : void();
    cancelled_.insert(cancelled);
    const bool healthy = node.backend.alive && !node.backend.stopped && node.backend.waiting.empty();
    follow(node, std::move(*said));
    if (!healthy || !node.keeper) return;
    after(kCancelLimit, [this, &node, touched = node.touched] {
      if (node.touched != touched) return;
      for (const std::string& binding : kBindings)
        if (!serves(node, binding)) fail(fmt::format("node {} does not serve {} a second after the cancel", node.name, binding));
    });
    return;
  }
}

// Only what an operator may say: that a node is off, or that it did not take back, is looked at, not guessed.
void World::resolve(Node& node) {
  if (!node.keeper || node.stopped) return;
  const Node& peer = other(node);
  if (peer.keeper || peer.backend.alive) return;
  for (const auto& [id, record] : node.keeper->records()) {
    if (record.outcome != Outcome::in_doubt) continue;
    const auto there = peer.disk.records.find(id);
    const bool took_back = there != peer.disk.records.end() && there->second.outcome == Outcome::taken_back;
    const Word word = record.role == Role::source ? Word::take_back : took_back ? Word::give_up : Word::keep;
    if (word == Word::take_back && kept_.contains(id)) return;
    const std::string resolved = id;
    auto said = node.keeper->say(resolved, word, time_of(node));
    tell(node, fmt::format("operator: word {}{}", static_cast<int>(word), said ? "" : " refused"));
    if (!said) return node.dying ? kill_manager(node) : void();
    if (word == Word::keep) kept_.insert(resolved);
    follow(node, std::move(*said));
    return;
  }
}

void World::operate() {
  after(chance_.spread(9, 21), [this] {
    if (fair_) return;
    Node& node = nodes_[chance_.below(2)];
    switch (chance_.below(6)) {
      case 0: cancel_one(); break;
      case 1:
      case 2: resolve(node); break;
      case 3:
      case 4:
        if (!node.keeper || node.stopped) break;
        for (const auto& [id, record] : node.keeper->records())
          if (!ended(record.outcome) && record.manual && record.role == Role::source) {
            const std::string manual = id;
            if (auto said = node.keeper->say(manual, record.phase == Phase::freeze ? Word::commit : Word::freeze, time_of(node)))
              follow(node, std::move(*said));
            else if (node.dying)
              kill_manager(node);
            break;
          }
        break;
      default: break;
    }
    if (moves_left_ > 0) start_a_move();
    operate();
  });
}

void World::judge_the_end() {
  const bool burned = nodes_[0].burned || nodes_[1].burned;
  for (Node& node : nodes_) {
    if (node.burned) continue;
    if (burned) {
      const std::size_t doubts = report_.doubts;
      resolve(node);
      run_until(now_ + 5 * kSecond);
      if (report_.doubts != doubts) fail("a word did not end the doubt");
    }
    if (!node.keeper) return fail(fmt::format("node {} is not there", node.name));
    for (const auto& [id, record] : node.keeper->records()) {
      // It serves, or has left it to the other: nobody need look at what is lost.
      const bool waits_for_good = burned && record.outcome == Outcome::running && record.phase == Phase::confirm;
      if (!ended(record.outcome) && !waits_for_good && !(burned && record.outcome == Outcome::in_doubt && kept_.contains(id)))
        fail(fmt::format("node {}: handoff {} is {} {} {} for good", node.name, id.substr(0, 8), name_of(record.role),
                         name_of(record.phase), name_of(record.outcome)));
      if (record.role == Role::source && record.outcome == Outcome::done && cancelled_.contains(id) && !ghosts_)
        fail(fmt::format("handoff {} was cancelled, and is done", id.substr(0, 8)));
    }
  }
  if (burned) return;
  for (const std::string& binding : kBindings)
    if (serves(nodes_[0], binding) == serves(nodes_[1], binding)) fail(fmt::format("{} is served by nobody in the end", binding));
}

Report World::run() {
  for (Node& node : nodes_) boot(node);
  after(10 * kMilli, [this] { start_a_move(); });
  operate();
  weather();
  run_until(chance_.spread(20, 25));
  if (report_.failure.empty() && chance_.one_in(8)) {
    Node& node = nodes_[chance_.below(2)];
    node.burned = true;
    kill_manager(node);
    kill_backend(node);
  }
  heal();
  run_until(now_ + kSettleLimit);
  if (report_.failure.empty()) judge_the_end();
  return report_;
}

Report simulate(const Options& options) { return World(options).run(); }

}  // namespace vs::handoff::simulation
