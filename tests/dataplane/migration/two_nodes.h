// Two nodes in one process whose domains have their devices in one directory: each has a backend of kind dns and one of kind pubsub, and a
// domain "web1" is served by one of them. It goes to the other as two vsmgrd would have it: frozen, its state staged, committed by its
// epoch, taken out here and in there.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "dataplane/backend/shards.h"
#include "dataplane/services/dns/dns_service.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "dataplane/transport/local/local_transport.h"
#include "tests/fakes/log_engine.h"
#include "tests/fakes/nameserver.h"
#include "tests/temporary_directory.h"

namespace vs::test {

class TwoNodes {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::array<const char*, 2> kKinds{"dns", "pubsub"};

  explicit TwoNodes(std::size_t dns_loops = 1) {
    for (auto& node : nodes_) {
      node["dns"] = std::make_unique<Shards>(
          control_, "dns", dns_loops,
          [caches = std::make_shared<dns::SharedCaches>()](EventLoop& loop) { return std::make_unique<dns::DnsService>(loop, caches); },
          transport());
      node["pubsub"] = std::make_unique<Shards>(
          control_, "pubsub", 1,
          [this](EventLoop& loop) {
            return std::make_unique<pubsub::PubsubService>(
                loop, [this](EventLoop& of, const pubsub::EngineTerms&, pubsub::Engine::Callbacks callbacks) {
                  return Result<std::unique_ptr<pubsub::Engine>>(
                      std::make_unique<pubsub::test::LogEngine>(of, log_, std::move(callbacks)));
                });
          },
          transport());
    }
    for (std::size_t node = 0; node < nodes_.size(); ++node) configure(node, node == 0);
  }

  // The one that serves the domain.
  [[nodiscard]] std::size_t owner() const { return owner_; }
  [[nodiscard]] std::size_t other() const { return 1 - owner_; }
  [[nodiscard]] std::string home() const { return (directory_.path() / "web1").string(); }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  Nameserver& nameserver() { return nameserver_; }
  nlohmann::json sharing;  // of the domain's dns, from the next configuration on

  // Has the domain frozen where it is: what its backends say.
  std::map<std::string, control::FrozenBinding> freeze(std::uint32_t drain_ms = 20, std::uint32_t thaw_ms = 30'000) {
    std::map<std::string, control::FrozenBinding> frozen;
    std::size_t left = kKinds.size();
    for (const std::string kind : kKinds)
      nodes_[owner_].at(kind)->freeze({1, {"web1-" + kind}, drain_ms, thaw_ms}, [&, kind](control::Frozen answer) {
        frozen[kind] = answer.bindings.at(0);
        --left;
      });
    run_until([&] { return left == 0; });
    return frozen;
  }
  void thaw() {
    std::size_t left = kKinds.size();
    for (const std::string kind : kKinds)
      nodes_[owner_].at(kind)->thaw({1, {"web1-" + kind}}, [&](const control::Thawed&) { --left; });
    run_until([&] { return left == 0; });
  }
  // From frozen to served by the other one.
  void commit(const std::map<std::string, control::FrozenBinding>& frozen) {
    std::size_t left = kKinds.size();
    for (const std::string kind : kKinds)
      nodes_[other()].at(kind)->stage({1, "web1-" + kind, "uid-" + kind, epoch_ + 1, 30'000, frozen.at(kind).state},
                                      [&](const std::string&) { --left; });
    run_until([&] { return left == 0; });
    ++epoch_;
    owner_ = other();
    configure(other(), false);
    configure(owner_, true);
  }
  void move() { commit(freeze()); }

  double sample(std::size_t node, const std::string& kind, const std::string& name, const std::string& label = {}, const std::string& value = {}) {
    std::optional<std::vector<Sample>> samples;
    nodes_[node].at(kind)->report([&](std::vector<Sample> told) { samples = std::move(told); });
    run_until([&] { return samples.has_value(); });
    double sum = 0;
    for (const Sample& one : *samples) {
      bool wanted = one.name == name && label.empty();
      for (const auto& [key, text] : one.labels) wanted = wanted || (one.name == name && key == label && text == value);
      if (wanted) sum += one.value;
    }
    return sum;
  }

  control::Applied configure(std::size_t node, bool serves) { return configure_with_epoch(node, serves ? epoch_ : 0); }
  // As its owner with that epoch; 0: it is not.
  control::Applied configure_with_epoch(std::size_t node, std::uint64_t epoch) {
    control::Applied all;
    std::size_t left = kKinds.size();
    for (const std::string kind : kKinds) {
      control::Configure configure{.number = ++number_, .services = {{"svc", parameters(kind)}}};
      if (epoch != 0) {
        control::BindingConfig binding{"web1-" + kind, "web1", kind, "svc", true};
        binding.epoch = epoch;
        binding.uid = "uid-" + kind;
        if (kind == "dns") binding.sharing = sharing;
        configure.bindings.push_back(binding);
      }
      nodes_[node].at(kind)->configure(configure, [&](control::Applied applied) {
        for (auto& problem : applied.problems) all.problems.push_back(std::move(problem));
        --left;
      });
    }
    run_until([&] { return left == 0; });
    return all;
  }
  void run_until(const std::function<bool()>& holds) {
    while (!holds()) control_.run_once(std::chrono::milliseconds(100));
  }

 private:
  Shards::MakeTransport transport() {
    return [this] { return std::make_unique<LocalTransport>(directory_.path()); };
  }
  nlohmann::json parameters(const std::string& kind) const {
    if (kind == "dns") return {{"nameservers", {nameserver_.address()}}};
    return {{"node", "n"},
            {"engine", {{"name", "log"}, {"kind", "fake"}, {"servers", {"fake://"}}}},
            {"prefix", "site"},
            {"shared", {"order.>"}},
            {"atLeastOnce", {"order.>"}}};
  }

  Nameserver nameserver_;
  pubsub::test::Log log_;
  TemporaryDirectory directory_;
  EventLoop control_;
  std::array<std::map<std::string, std::unique_ptr<Shards>>, 2> nodes_;
  std::size_t owner_ = 0;
  std::uint64_t epoch_ = 1;
  std::uint64_t number_ = 0;
};

}  // namespace vs::test
