#include "vsctl/commands/live.h"

#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/output/table.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

constexpr std::size_t kNowIndent = 2;

double real(const json& object, std::string_view key) {
  const json& value = field(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

// Three digits, and never a point at the end.
std::string digits(double value) {
  return fmt::format("{:.{}f}", value, value >= 99.95 || value == std::floor(value) ? 0 : 1);
}

// "ok 12, exhausted 1"; "none" when there are none.
std::string counts(const json& by_name) {
  std::string line;
  if (by_name.is_object())
    for (const auto& [name, count] : by_name.items())
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", name, text(count));
  return line.empty() ? "none" : line;
}

std::string broken(const json& live) {
  const json& what = field(live, "broken");
  std::string line = counts(field(what, "byReason"));
  const json& last = field(what, "last");
  if (last.is_object())
    line += fmt::format("; the last one {} s ago: {}", digits(real(last, "secondsAgo")),
                        text(last, "reason"));
  return line;
}

std::string filled(const json& rings, std::string_view waiting, std::string_view size) {
  return fmt::format("{} of {}", format_bytes(real(rings, waiting)),
                     format_bytes(real(rings, size)));
}

Table latencies(const json& live) {
  Table table({"LATENCY", "COUNT", "P50", "P90", "P99", "P99.9", "MAX"});
  for (const char* part : {"queue", "service", "total"}) {
    const json& one = field(field(live, "latency"), part);
    const auto us = [&](const char* key) { return format_us(real(one, key)); };
    table.add({part, std::to_string(number(one, "count")), us("p50Us"), us("p90Us"), us("p99Us"),
               us("p999Us"), us("maxUs")});
  }
  return table;
}

// What was counted of each content class, where something was promised.
Table classes(const json& live) {
  Table table({"CLASS", "REQUESTS", "FAILED", "SHED", "P50", "P99", "P99.9", "EVENTS", "LOST", "AGE P99"});
  for (const json& one : field(live, "classes")) {
    const json& latency = field(one, "latency");
    table.add({text(one, "name"), std::to_string(number(one, "requests")), std::to_string(number(one, "failed")),
               std::to_string(number(one, "shed")), format_us(real(latency, "p50Us")), format_us(real(latency, "p99Us")),
               format_us(real(latency, "p999Us")), std::to_string(number(one, "events")), std::to_string(number(one, "eventsLost")),
               format_us(real(field(one, "age"), "p99Us"))});
  }
  return table;
}

std::string percent(double ratio) { return fmt::format("{:.6g} %", 100 * ratio); }

Table objectives(const json& live) {
  Table table({"OBJECTIVE", "CLASS", "PROMISED", "KEPT", "MISSED", "BUDGET LEFT"});
  for (const json& one : field(live, "objectives"))
    table.add({text(one, "objective"), text(one, "class"), fmt::format("{} {}, {}", percent(real(one, "target")), text(one, "promised"), text(one, "window")),
               percent(real(one, "compliance")), fmt::format("{} of {}", number(one, "missed"), number(one, "judged")),
               percent(real(one, "budgetRemaining"))});
  return table;
}

Table facts(const json& live) {
  const json& sessions = field(live, "sessions");
  const json& doorbells = field(live, "doorbells");
  const json& refusals = field(live, "refusals");
  const json& rings = field(live, "rings");
  Table table;
  table.add({"Sessions:", fmt::format("{} live ({} throttled), {} opened", number(sessions, "live"),
                                      number(sessions, "throttled"), number(sessions, "opened"))});
  table.add({"Requests:", fmt::format("{}; held {} times, throttled {} times",
                                      number(live, "requests"), number(live, "requestsHeld"),
                                      number(live, "requestsThrottled"))});
  table.add({"Answers:", counts(field(live, "answers"))});
  table.add({"Request rings:", filled(rings, "requestBytesWaiting", "requestBytes")});
  table.add({"Response rings:", filled(rings, "responseBytesWaiting", "responseBytes")});
  if (const json& chosen = field(live, "auto"); chosen.is_object())
    table.add({"Auto:", fmt::format("{}, rings of {} and {}, {} changes{}", text(chosen, "wait"), format_bytes(real(chosen, "requestBytes")),
                                    format_bytes(real(chosen, "responseBytes")), number(chosen, "changes"),
                                    text(chosen, "why").empty() ? std::string() : "; " + text(chosen, "why"))});
  table.add({"Doorbells:",
             fmt::format("received {} (in vain {}, pauses {}), sent {}, suppressed {}",
                         number(doorbells, "received"), number(doorbells, "inVain"),
                         number(doorbells, "pauses"), number(doorbells, "sent"),
                         number(doorbells, "suppressed"))});
  table.add({"Refused opens:", counts(refusals)});
  if (const std::string engine = describe_engine(field(live, "engine")); !engine.empty()) table.add({"Engine:", engine});
  table.add({"Broken sessions:", broken(live)});
  table.add({"Domain memory:", format_bytes(real(live, "domainMemoryBytes"))});
  table.add({"Service time:", fmt::format("{} ms, on loop {}", digits(real(live, "cpuMs")),
                                          number(live, "loop"))});
  if (field(live, "level").is_number()) table.add({"Level:", number(live, "level") == 0 ? "0, as promised" : fmt::format("{} of 3", number(live, "level"))});
  if (const json& handoff = field(live, "handoff"); number(handoff, "epoch") != 0 || number(handoff, "freezes") != 0)
    table.add({"Handoff:", fmt::format("epoch {}{}, frozen {} times, {} requests drained, {} not", number(handoff, "epoch"),
                                       field(handoff, "frozen") == true ? ", frozen now" : "", number(handoff, "freezes"),
                                       number(handoff, "drained"), number(handoff, "undrained"))});
  return table;
}

}  // namespace

std::string describe_live(const json& live) {
  if (!live.is_object()) return "";
  std::string lines = "Now:\n" + facts(live).to_string(kNowIndent) + latencies(live).to_string(kNowIndent);
  if (field(live, "classes").is_array()) lines += classes(live).to_string(kNowIndent);
  if (field(live, "objectives").is_array()) lines += objectives(live).to_string(kNowIndent);
  return lines;
}

std::string describe_engine(const json& engine) {
  if (!engine.is_object() || text(engine, "kind").empty()) return "";
  std::string shown = fmt::format("{} ({}) {}", text(engine, "name"), text(engine, "kind"), text(engine, "state"));
  if (const std::string server = text(engine, "server"); !server.empty()) shown += ", server " + server;
  shown += fmt::format("; {} patterns, sent {}, received {}", number(engine, "subscribed"), number(engine, "sent"),
                       number(engine, "received"));
  if (const std::int64_t lost = number(engine, "lostOutward") + number(engine, "lostInward"); lost != 0)
    shown += fmt::format(", lost {}", lost);
  if (const std::int64_t waiting = number(engine, "storing"); waiting != 0) shown += fmt::format(", {} not stored yet", waiting);
  if (const std::string error = text(engine, "error"); !error.empty()) shown += "; " + error;
  return shown;
}

std::string format_us(double us) {
  if (us < 1000) return digits(us) + " us";
  if (us < 1'000'000) return digits(us / 1000) + " ms";
  return digits(us / 1'000'000) + " s";
}

std::string format_bytes(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return digits(bytes) + " " + kUnits[unit];
}

}  // namespace vs::ctl
