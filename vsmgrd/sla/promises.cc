#include "vsmgrd/sla/promises.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

constexpr std::string_view kOtherRequests = "*";  // as the backends call it

struct Wanted {
  std::string objective;
  double target;
  std::string text;
};

std::vector<Wanted> wanted_by(const Objectives& objectives) {
  std::vector<Wanted> wanted;
  const auto latency = [&](const char* name, double target, std::chrono::microseconds most) {
    if (most.count() != 0) wanted.push_back({name, target, "within " + format_fine_duration(most)});
  };
  latency("p50", 0.5, objectives.latency_p50);
  latency("p99", 0.99, objectives.latency_p99);
  latency("p99.9", 0.999, objectives.latency_p999);
  if (objectives.loss_ppm) wanted.push_back({"loss", 1 - *objectives.loss_ppm / 1e6, "not lost"});
  if (objectives.availability_ppm != 0) wanted.push_back({"availability", objectives.availability_ppm / 1e6, "served"});
  if (objectives.freshness.count() != 0)
    wanted.push_back({"freshness", kFreshnessTarget, "at most " + format_duration(objectives.freshness) + " old"});
  return wanted;
}

std::string_view label_of(const Sample& sample, std::string_view name) {
  for (const auto& [key, value] : sample.labels)
    if (key == name) return value;
  return {};
}

// What a counter grew by; one that is lower than it was began anew.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) { return now < before ? now : now - before; }

std::string percent(double part) { return fmt::format("{:.4g} %", 100 * part); }

}  // namespace

void Promises::promise(const Desired& desired) {
  std::map<PromiseKey, Promised> before = std::exchange(promised_, {});
  const auto add = [&](const std::string& binding, const BindingSpec& spec, std::string_view content_class, const Objectives& objectives) {
    for (Wanted& wanted : wanted_by(objectives)) {
      PromiseKey key{binding, std::string(content_class), std::move(wanted.objective)};
      auto known = before.extract(key);
      Promised& promised = promised_[std::move(key)];
      if (!known.empty()) promised = std::move(known.mapped());
      promised.target = wanted.target;
      promised.text = std::move(wanted.text);
      promised.domain = spec.domain;
      promised.service = spec.service;
      if (promised.own.length() != objectives.window) promised.own = Window(objectives.window);
    }
  };
  for (const auto& [name, resource] : desired.bindings) {
    const auto& spec = std::get<BindingSpec>(resource.spec);
    const Sla& sla = sla_of(spec, desired);
    if (sla.objectives) add(name, spec, kOtherRequests, *sla.objectives);
    for (const ContentClass& one : sla.content_classes)
      if (one.objectives || sla.objectives) add(name, spec, one.name, one.objectives ? *one.objectives : *sla.objectives);
  }
}

void Promises::take(const std::vector<Sample>& samples, WallTime now) {
  std::map<PromiseKey, Judged> counted;
  for (const Sample& sample : samples) {
    const bool all = sample.name == "vservices_sla_judged_total";
    if (!all && sample.name != "vservices_sla_missed_total") continue;
    PromiseKey key{std::string(label_of(sample, "binding")), std::string(label_of(sample, "class")), std::string(label_of(sample, "objective"))};
    if (!promised_.contains(key) || !std::isfinite(sample.value) || sample.value < 0 || sample.value > 9e15) continue;
    Judged& judged = counted[std::move(key)];
    (all ? judged.all : judged.missed) += static_cast<std::uint64_t>(sample.value);
  }
  for (const auto& [key, judged] : counted) {
    Promised& promised = promised_.at(key);
    const bool anew = judged.all < promised.counted.all || judged.missed < promised.counted.missed;
    const Judged before = anew ? Judged{} : promised.counted;
    const Judged more{growth(before.all, judged.all), growth(before.missed, judged.missed)};
    promised.counted = judged;
    for (Window* window : {&promised.short_window, &promised.long_window, &promised.own}) window->add(now, more);
  }
}

Standing Promises::standing_at(const PromiseKey& key, const Promised& promised, WallTime now) {
  return {.key = key,
          .target = promised.target,
          .window = promised.own.length(),
          .promised = promised.text,
          .judged = {promised.short_window.total(now), promised.long_window.total(now), promised.own.total(now)}};
}

std::vector<Standing> Promises::standing(WallTime now) const {
  std::vector<Standing> all;
  for (const auto& [key, promised] : promised_) all.push_back(standing_at(key, promised, now));
  return all;
}

std::vector<Standing> Promises::standing_of(const std::string& binding, WallTime now) const {
  std::vector<Standing> all;
  for (auto one = promised_.lower_bound({binding, "", ""}); one != promised_.end() && one->first.binding == binding; ++one)
    all.push_back(standing_at(one->first, one->second, now));
  return all;
}

std::vector<Sample> Promises::samples(WallTime now) const {
  std::vector<Sample> samples;
  for (const auto& [key, promised] : promised_) {
    const Standing standing = standing_at(key, promised, now);
    const auto add = [&, &key = key, &promised = promised](const char* name, const char* help, double value) -> Sample& {
      return samples.emplace_back(Sample{.name = name,
                                         .help = help,
                                         .type = Sample::Type::gauge,
                                         .labels = {{"binding", key.binding},
                                                    {"domain", promised.domain},
                                                    {"service", promised.service},
                                                    {"class", key.content_class},
                                                    {"objective", key.objective}},
                                         .value = value});
    };
    add("vservices_sla_objective_ratio", "Part of what is judged that is to keep an objective.", standing.target);
    add("vservices_sla_budget_remaining_ratio",
        "What is left of what may miss an objective in its window: 1 untouched, below 0 broken.", budget_left(standing.judged[2], standing.target));
    std::map<std::string, Judged> windows{{format_duration(standing.window), standing.judged[2]}};
    windows.emplace(format_duration(kShortWindow), standing.judged[0]);
    windows.emplace(format_duration(kLongWindow), standing.judged[1]);
    for (const auto& [window, judged] : windows)
      add("vservices_sla_compliance_ratio", "Part of what was judged in a window that kept the objective.", compliance(judged))
          .labels.emplace_back("window", window);
  }
  return samples;
}

std::map<std::string, std::string> Promises::encode() const {
  std::map<std::string, nlohmann::json> states;
  for (const auto& [key, promised] : promised_)
    states[key.binding].push_back({{"class", key.content_class},
                                   {"objective", key.objective},
                                   {"all", promised.counted.all},
                                   {"missed", promised.counted.missed},
                                   {"short", promised.short_window.encode()},
                                   {"long", promised.long_window.encode()},
                                   {"own", promised.own.encode()}});
  std::map<std::string, std::string> texts;
  for (const auto& [binding, state] : states) texts[binding] = state.dump();
  return texts;
}

void Promises::restore(const std::map<std::string, std::string>& states) { restore(states, true); }

void Promises::take_over(const std::map<std::string, std::string>& states) { restore(states, false); }

void Promises::restore(const std::map<std::string, std::string>& states, bool counted_here) {
  for (const auto& [binding, text] : states) {
    const auto state = parse_json(text);
    if (!state || !state->is_array()) continue;
    for (const auto& one : *state) {
      if (!one.is_object()) continue;
      if (!one.contains("class") || !one["class"].is_string() || !one.contains("objective") || !one["objective"].is_string()) continue;
      const auto found = promised_.find({binding, one["class"].get<std::string>(), one["objective"].get<std::string>()});
      if (found == promised_.end()) continue;
      Promised fresh = found->second;
      const bool sound = one.contains("short") && fresh.short_window.restore(one["short"]) && one.contains("long") &&
                         fresh.long_window.restore(one["long"]) && one.contains("own") && fresh.own.restore(one["own"]) &&
                         one.contains("all") && one["all"].is_number_unsigned() && one.contains("missed") &&
                         one["missed"].is_number_unsigned();
      if (!sound) continue;
      if (counted_here) fresh.counted = {one["all"].get<std::uint64_t>(), one["missed"].get<std::uint64_t>()};
      found->second = std::move(fresh);
    }
  }
}

Verdict verdict_on(const std::vector<Standing>& standing) {
  Verdict verdict{.any = !standing.empty()};
  std::string missed;
  std::size_t kept = 0;
  for (const Standing& one : standing) {
    verdict.measured = verdict.measured || one.judged[2].all != 0;
    if (one.kept()) {
      ++kept;
      continue;
    }
    verdict.kept = false;
    missed += fmt::format("{}{}{} {}, {} promised over {}", missed.empty() ? "" : "; ", one.key.objective,
                          one.key.content_class == kOtherRequests ? "" : " of class " + one.key.content_class, one.promised,
                          percent(one.target), format_duration(one.window));
  }
  verdict.message = verdict.kept ? fmt::format("{} objective{} kept", kept, kept == 1 ? " is" : "s are")
                                 : fmt::format("missed: {}", missed);
  return verdict;
}

nlohmann::json describe(const std::vector<Standing>& standing) {
  nlohmann::json all = nlohmann::json::array();
  for (const Standing& one : standing)
    all.push_back({{"class", one.key.content_class},
                   {"objective", one.key.objective},
                   {"promised", one.promised},
                   {"target", one.target},
                   {"window", format_duration(one.window)},
                   {"judged", one.judged[2].all},
                   {"missed", one.judged[2].missed},
                   {"compliance", compliance(one.judged[2])},
                   {"compliance5m", compliance(one.judged[0])},
                   {"compliance1h", compliance(one.judged[1])},
                   {"budgetRemaining", budget_left(one.judged[2], one.target)},
                   {"kept", one.kept()}});
  return all;
}

}  // namespace vs
