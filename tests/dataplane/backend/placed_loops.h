// Loops of a backend in this process, two that are not placed and those that tests place, and a domain that goes from one to another.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "dataplane/backend/pinning.h"
#include "dataplane/backend/shards.h"
#include "node.h"

namespace vs::test {

class PlacedLoopsTest : public testing::Test {
 protected:
  PlacedLoopsTest() {
    shards_ = std::make_unique<Shards>(
        control_, "echo", 2,
        [this](EventLoop&) {
          auto service = std::make_unique<ScriptedService>();
          services_.push_back(service.get());
          return service;
        },
        [this] { return std::make_unique<LocalTransport>(directory_.path()); });
  }
  ~PlacedLoopsTest() override { shards_.reset(); }

  // Domain web1 on this loop, and, if that is placed, on these CPUs, with `terms_`.
  control::Applied place(std::optional<std::uint32_t> loop, control::Cpus cpus = {}, control::Cpus pool = {}) {
    control::Configure configure{.number = ++number_, .services = {{"echo", nlohmann::json::object()}}};
    configure.bindings.push_back({"web1-echo", "web1", "echo", "echo", true, terms_});
    configure.bindings.back().loop = loop;
    if (loop) configure.loops.push_back({.number = *loop, .cpus = std::move(cpus)});
    configure.pool = std::move(pool);
    return answer_of<control::Applied>(control_, [&](auto done) { shards_->configure(configure, done); });
  }
  nlohmann::json live() {
    return answer_of<nlohmann::json>(control_, [&](auto done) { shards_->describe("web1-echo", done); });
  }
  control::Located locate() {
    return answer_of<control::Located>(control_, [&](auto done) { shards_->locate(done); });
  }
  std::optional<control::LoopFound> found(std::uint32_t number) {
    for (const auto& loop : locate().loops)
      if (loop.number == number) return loop;
    return std::nullopt;
  }
  std::string home() { return (directory_.path() / "web1").string(); }

  const control::Cpus usable_ = affinity_of(0);
  control::Terms terms_;
  EventLoop control_;
  TemporaryDirectory directory_;
  std::vector<ScriptedService*> services_;
  std::unique_ptr<Shards> shards_;
  std::uint64_t number_ = 0;
};

}  // namespace vs::test
