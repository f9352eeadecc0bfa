#include "vsctl/commands/placement.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/output/table.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

std::string cpus_or_pool(const std::string& cpus) { return cpus.empty() ? "the shared pool" : cpus; }

std::string words_of(const json& list) {
  std::string words;
  for (const json& one : list)
    if (one.is_string()) words += (words.empty() ? "" : " ") + one.get<std::string>();
  return words;
}

std::string wish_in_words(const json& binding) {
  const json wish = binding.value("wish", json::object());
  std::string words = wish.contains("cpus") ? text(wish, "cpus") : fmt::format("{} CPU", wish.value("count", 1));
  const std::string options = words_of(wish.value("options", json::array()));
  return words + (options.empty() ? "" : " " + options) + " " + text(wish, "mode");
}

std::string vcpus_in_words(const json& domain) {
  const json wish = domain.value("wish", json::object());
  std::string words = wish.contains("cpus") ? text(wish, "cpus") : wish.contains("count") ? fmt::format("{} CPU", wish.value("count", 1)) : "any";
  const std::string options = words_of(wish.value("options", json::array()));
  words += (options.empty() ? "" : " " + options) + " " + text(wish, "mode") + ", " + text(wish, "affinity");
  const std::string pool = text(wish, "cpupool");
  return pool.empty() ? words : words + ", cpupool " + pool;
}

bool would_move(const json& binding) {
  return binding.contains("cpus") && (text(binding, "planned") != text(binding, "cpus") ||
                                      (!text(binding, "cpus").empty() && text(binding, "actualCpus") != text(binding, "cpus")));
}

std::string placement_picture(const json& placement) {
  Table cpus({"CPU", "CORE", "CACHE", "NODE", "CAPACITY", "CLASS", "BINDINGS"});
  for (const json& cpu : placement.value("cpus", json::array()))
    cpus.add({std::to_string(cpu.value("cpu", 0)), std::to_string(cpu.value("core", 0)), std::to_string(cpu.value("cache", 0)),
              std::to_string(cpu.value("node", 0)), std::to_string(cpu.value("capacity", 0)), text(cpu, "class"),
              words_of(cpu.value("bindings", json::array()))});
  Table bindings({"BINDING", "WISH", "CPUS", "ACTUAL", "REASON"});
  for (const json& binding : placement.value("bindings", json::array()))
    bindings.add({text(binding, "name"), wish_in_words(binding), text(binding, "cpus"), text(binding, "actualCpus"),
                  text(binding, "reason")});
  std::string picture = cpus.to_string() + "\n" + bindings.to_string();
  const json guests = placement.value("domains", json::array());
  if (guests.empty()) return picture;
  Table domains({"DOMAIN", "VCPUS WISH", "CPUS", "ACTUAL", "REASON"});
  for (const json& domain : guests)
    domains.add({text(domain, "name"), vcpus_in_words(domain), text(domain, "planned"), text(domain, "actualCpus"), text(domain, "reason")});
  return picture + "\n" + domains.to_string();
}

}  // namespace

namespace {

// Of a domU whose name it is; nullopt: there is none that wishes where to run.
std::optional<ExitCode> explain_vcpus(Session& session, const json& placement, const std::string& name) {
  for (const json& domain : placement.value("domains", json::array())) {
    if (text(domain, "name") != name) continue;
    const bool fits = domain.value("fits", true);
    if (!for_people(session.format)) {
      session.out << render(domain, session.format);
    } else {
      session.out << fmt::format("the vCPUs of domain {} wish {}\n", name, vcpus_in_words(domain));
      if (!fits)
        session.out << fmt::format("and do not get it: {} ({}){}\n", text(domain, "message"), text(domain, "reason"),
                                   text(domain, "hint").empty() ? "" : "; " + text(domain, "hint"));
      const std::string planned = text(domain, "planned"), actual = text(domain, "actualCpus");
      session.out << fmt::format("they are to run on {}{}\n", planned.empty() ? "any CPU of their cpupool" : planned,
                                 actual.empty() ? ", once the domain runs" : ", and run on " + actual);
    }
    return fits ? ExitCode::ok : ExitCode::negative;
  }
  return std::nullopt;
}

}  // namespace

Outcome<ExitCode> show_placement(Session& session, const PlacementOptions&) {
  auto placement = session.daemon.read("/v1/placement");
  if (!placement) return give_up(std::move(placement.error()));
  session.out << (for_people(session.format) ? placement_picture(*placement) : render(*placement, session.format));
  return ExitCode::ok;
}

Outcome<ExitCode> plan_placement(Session& session, const PlacementOptions&) {
  auto placement = session.daemon.read("/v1/placement");
  if (!placement) return give_up(std::move(placement.error()));
  json moving = json::array();
  for (const json& binding : placement->value("bindings", json::array()))
    if (would_move(binding)) moving.push_back(binding);
  for (json domain : placement->value("domains", json::array())) {
    const std::string planned = text(domain, "planned"), actual = text(domain, "actualCpus");
    if (planned.empty() || actual.empty() || actual == planned) continue;
    domain["name"] = "vCPUs of " + text(domain, "name");
    moving.push_back(std::move(domain));
  }
  if (!for_people(session.format)) {
    session.out << render(json{{"items", moving}}, session.format);
  } else if (moving.empty()) {
    session.out << "nothing moves\n";
  } else {
    Table table({"BINDING", "FROM", "TO", "REASON"});
    for (const json& binding : moving)
      table.add({text(binding, "name"), cpus_or_pool(text(binding, "actualCpus")), cpus_or_pool(text(binding, "planned")),
                 text(binding, "reason")});
    session.out << table.to_string();
  }
  return moving.empty() ? ExitCode::ok : ExitCode::negative;
}

Outcome<ExitCode> explain_placement(Session& session, const PlacementOptions& options) {
  auto placement = session.daemon.read("/v1/placement");
  if (!placement) return give_up(std::move(placement.error()));
  for (const json& binding : placement->value("bindings", json::array())) {
    if (text(binding, "name") != options.binding) continue;
    const bool fits = binding.value("fits", true);
    if (!for_people(session.format)) {
      session.out << render(binding, session.format);
      return fits ? ExitCode::ok : ExitCode::negative;
    }
    session.out << fmt::format("binding {} wishes {}\n", options.binding, wish_in_words(binding));
    if (!fits)
      session.out << fmt::format("and does not get it: {} ({}){}\n", text(binding, "message"), text(binding, "reason"),
                                 text(binding, "hint").empty() ? "" : "; " + text(binding, "hint"));
    session.out << fmt::format("it is served on {}", cpus_or_pool(text(binding, "planned")));
    if (binding.contains("loop")) session.out << fmt::format(", by loop {} of {}", binding.value("loop", 0), text(binding, "kind"));
    if (const std::string actual = text(binding, "actualCpus"); !actual.empty()) session.out << ", which may run on " << actual;
    session.out << "\n";
    if (const std::string side = text(binding, "side"); !side.empty())
      session.out << "mode auto chose " << (side == "same" ? "its guest's core" : "another core than its guest's") << "\n";
    if (const std::string guest = text(binding, "guestCpus"); !guest.empty()) session.out << "its guest may run on " << guest << "\n";
    return fits ? ExitCode::ok : ExitCode::negative;
  }
  if (const auto told = explain_vcpus(session, *placement, options.binding)) return *told;
  auto known = session.daemon.get("bindings", options.binding);
  if (!known) return give_up(std::move(known.error()));
  session.out << fmt::format("binding {} has no wish: it is served in the shared pool, {}\n", options.binding, text(*placement, "shared"));
  return ExitCode::ok;
}

}  // namespace vs::ctl
