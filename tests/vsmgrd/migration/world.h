// What the simulation is made of: time, chance, nodes. See simulation.h. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "tests/vsmgrd/migration/simulation.h"
#include "vsmgrd/migration/keeper.h"

namespace vs::handoff::simulation {

using Micros = std::int64_t;
inline constexpr Micros kMilli = 1000;
inline constexpr Micros kSecond = 1'000'000;

inline const std::vector<std::string> kBindings{"b1", "b2"};

// splitmix64: the same numbers on every machine.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(mix(seed + 0x1234567)) {}  // mixed: neighbours must not tell the same story, shifted
  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15ULL); }
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  Micros between(Micros low, Micros high) { return low + static_cast<Micros>(below(static_cast<std::uint64_t>(high - low + 1))); }
  bool one_in(std::uint64_t n) { return n != 0 && below(n) == 0; }
  // From 2^low to 2^high, short ones as often as long ones.
  Micros spread(int low, int high) { return Micros{1} << static_cast<unsigned>(between(low, high - 1)) | between(0, 1 << low); }

 private:
  std::uint64_t state_;
};

struct Disk {
  std::map<std::string, Record> records;
  std::map<std::string, Standing> standings;
  bool full = false;
  std::optional<Entry> ghost;  // was not acknowledged, and may be there after a crash
};

struct Backend {
  bool alive = true;
  bool stopped = false;
  std::uint64_t life = 0;
  std::map<std::string, std::uint64_t> config;  // binding, epoch: may be served, now or when a freeze ends
  std::map<std::string, Micros> frozen_until;
  std::map<std::string, std::uint64_t> highest;  // epochs, of its life
  std::deque<std::function<void()>> waiting;     // commands, while it is stopped
  Micros last_arrival = 0;                       // commands come in order
};

struct Node {
  std::string name;
  Disk disk;
  std::optional<Keeper> keeper;  // while vsmgrd runs
  bool stopped = false;
  std::uint64_t life = 0;  // of vsmgrd
  std::deque<std::function<void()>> waiting;
  Backend backend;
  std::set<std::string> declared;
  Micros skew = 0;
  Micros tick_at = -1;
  std::uint64_t touched = 0;  // by faults
  Versions versions;
  int crash_in = -1;     // writes until it dies at one
  bool crash_after = false;
  bool dying = false;
  bool burned = false;   // never comes back
  // What its vsmgrd knows of its backend.
  std::uint64_t number = 0;  // of configurations, over its lives
  std::uint64_t sent = 0, acked = 0;
  std::map<std::string, std::uint64_t> sent_config, acked_config;
  std::set<std::string> withdrawing, starting;  // handoffs
};

class World {
 public:
  explicit World(const Options& options);
  Report run();

 private:
  // world.cc: time, and what vsmgrd does
  void at(Micros when, std::function<void()> what);
  void after(Micros pause, std::function<void()> what) { at(now_ + pause, std::move(what)); }
  void run_until(Micros end);
  [[nodiscard]] Time time_of(const Node& node) const { return Time{(now_ + node.skew) / kMilli}; }
  Node& other(const Node& node) { return &node == &nodes_[0] ? nodes_[1] : nodes_[0]; }
  void to_manager(Node& node, Micros pause, std::function<void(Node&)> what);
  void to_backend(Node& node, std::function<void(Node&)> what);
  void boot(Node& node);
  Result<> write(Node& node, const Entry& entry);
  void send(Node& node, const Message& message);
  void follow(Node& node, Orders orders);
  void act(Node& node, const Order& order);
  void reconcile(Node& node);
  void look_at_backend(Node& node);
  void plan_tick(Node& node);
  void fail(std::string what);
  void tell(const Node& node, const std::string& what);

  // backends.cc: what serves
  void configure(Node& node, std::uint64_t number, const std::map<std::string, std::uint64_t>& config);
  void freeze(Node& node, const std::string& id, Micros for_at_most);
  void thaw(Node& node, const std::string& id);
  [[nodiscard]] bool serves(const Node& node, const std::string& binding) const;
  void check_owners();

  // faults.cc: what goes wrong, and is mended
  void weather();
  void kill_manager(Node& node);
  void kill_backend(Node& node);
  void stop_manager(Node& node);
  void stop_backend(Node& node);
  void resume_manager(Node& node);
  void resume_backend(Node& node);
  void revive(Node& node, Micros pause);
  void heal();

  // story.cc: what the operator does, and how it must end
  void operate();
  void start_a_move();
  void cancel_one();
  void resolve(Node& node);
  void judge_the_end();
  void changed(const Node& node, const Record& before, const Record& after);

  const Options options_;
  Chance chance_;
  Limits limits_;
  Micros now_ = 0;
  struct Happening {
    Micros when;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Happening& than) const { return when != than.when ? when > than.when : order > than.order; }
  };
  std::priority_queue<Happening> queue_;
  std::uint64_t order_ = 0;
  std::array<Node, 2> nodes_;
  Random random_;

  // The network's weather.
  bool cut_[2] = {false, false};  // from each node
  std::uint64_t loss_one_in_ = 0, twice_one_in_ = 0, late_one_in_ = 0;
  bool fair_ = false;  // no more faults
  int faults_left_ = 0;
  int moves_left_ = 0;
  std::uint64_t kinds_ = 0;  // of faults, in this seed

  std::map<std::string, std::pair<std::uint64_t, std::string>> served_;  // binding: last epoch, by whom
  std::set<std::string> cancelled_;  // handoffs, by an operator's word that was followed
  std::set<std::string> kept_;       // handoffs that an operator gave to their destination
  bool ghosts_ = false;
  Report report_;
};

}  // namespace vs::handoff::simulation
