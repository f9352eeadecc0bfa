#include "dataplane/control/handoff.h"

#include <stdexcept>
#include <utility>

#include "dataplane/control/fields.h"

namespace vs::control {
namespace {

using nlohmann::json;

std::uint32_t milliseconds_from(const json& from, std::uint32_t min, std::uint32_t max, const char* name) {
  const std::uint32_t ms = count32_from(from.at(name));
  if (ms < min || ms > max)
    throw std::invalid_argument(std::string(name) + ": " + std::to_string(ms) + ", wanted " + std::to_string(min) + " to " +
                                std::to_string(max));
  return ms;
}

std::vector<std::string> names_from(const json& from) {
  if (!from.is_array() || from.size() > kHandoffBindingsMax)
    throw std::invalid_argument("bindings: wanted a list of at most " + std::to_string(kHandoffBindingsMax));
  return from.get<std::vector<std::string>>();
}

// Text that is no UTF-8 cannot come out of a message, and a state that holds some is not sent: dump() throws.
json state_from(const json& from) {
  if (!from.is_object()) throw std::invalid_argument("state: wanted an object");
  if (from.dump().size() > kStateBytesMax)
    throw std::invalid_argument("state: larger than " + std::to_string(kStateBytesMax) + " bytes");
  return from;
}

}  // namespace

json to_json(const Freeze& freeze) {
  return {{"type", "freeze"},
          {"number", freeze.number},
          {"bindings", freeze.bindings},
          {"drainMs", freeze.drain_ms},
          {"thawMs", freeze.thaw_ms}};
}

json to_json(const Frozen& frozen) {
  json bindings = json::array();
  for (const FrozenBinding& one : frozen.bindings)
    bindings.push_back({{"binding", one.binding},
                        {"problem", one.problem},
                        {"drained", one.drained},
                        {"unanswered", one.unanswered},
                        {"state", one.state}});
  return {{"type", "frozen"}, {"number", frozen.number}, {"bindings", std::move(bindings)}};
}

json to_json(const Thaw& thaw) { return {{"type", "thaw"}, {"number", thaw.number}, {"bindings", thaw.bindings}}; }
json to_json(const Thawed& thawed) {
  return {{"type", "thawed"}, {"number", thawed.number}, {"bindings", thawed.bindings}};
}

json to_json(const Stage& stage) {
  return {{"type", "stage"},   {"number", stage.number},    {"binding", stage.binding}, {"uid", stage.uid},
          {"epoch", stage.epoch}, {"leaseMs", stage.lease_ms}, {"state", stage.state}};
}
json to_json(const Staged& staged) {
  return {{"type", "staged"}, {"number", staged.number}, {"problem", staged.problem}};
}

json to_json(const Unsupported& unsupported) {
  return {{"type", "unsupported"}, {"number", unsupported.number}, {"command", unsupported.command}};
}

Freeze freeze_from(const json& from) {
  const std::uint32_t drain_ms = milliseconds_from(from, 0, kDrainMsMax, "drainMs");
  return {count_from(from.at("number")), names_from(from.at("bindings")), drain_ms,
          milliseconds_from(from, drain_ms == 0 ? 1 : drain_ms, kFrozenMsMax, "thawMs")};
}

Frozen frozen_from(const json& from) {
  Frozen frozen{.number = count_from(from.at("number"))};
  const json& bindings = from.at("bindings");
  if (!bindings.is_array() || bindings.size() > kHandoffBindingsMax) throw std::invalid_argument("too many frozen bindings");
  for (const json& one : bindings)
    frozen.bindings.push_back({one.at("binding").get<std::string>(), one.at("problem").get<std::string>(),
                               one.at("drained").get<bool>(), count32_from(one.at("unanswered")), state_from(one.at("state"))});
  return frozen;
}

Thaw thaw_from(const json& from) { return {count_from(from.at("number")), names_from(from.at("bindings"))}; }
Thawed thawed_from(const json& from) { return {count_from(from.at("number")), names_from(from.at("bindings"))}; }

Stage stage_from(const json& from) {
  Stage stage{.number = count_from(from.at("number")),
              .binding = from.at("binding").get<std::string>(),
              .uid = from.at("uid").get<std::string>(),
              .epoch = count_from(from.at("epoch")),
              .lease_ms = milliseconds_from(from, 1, kLeaseMsMax, "leaseMs"),
              .state = state_from(from.at("state"))};
  if (stage.epoch == 0) throw std::invalid_argument("epoch: 0 stands for none");
  return stage;
}
Staged staged_from(const json& from) { return {count_from(from.at("number")), from.at("problem").get<std::string>()}; }

Unsupported unsupported_from(const json& from) {
  return {count_from(from.at("number")), from.at("command").get<std::string>()};
}

}  // namespace vs::control
