#include "vsctl/commands/wait.h"

#include <algorithm>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/settle.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

struct Awaited {
  enum class What : std::uint8_t { condition, state, deleted } what;
  std::string name;             // of the condition or state
  std::string status = "True";  // of the condition
};

Outcome<Awaited> parse_awaited(const std::string& text) {
  if (text == "deleted" || text == "delete") return Awaited{Awaited::What::deleted, ""};
  const auto equals = text.find('=');
  const std::string what = text.substr(0, equals);
  std::string name = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (what == "state" && !name.empty()) return Awaited{Awaited::What::state, name};
  if (what == "condition" && !name.empty()) {
    const auto second = name.find('=');
    if (second == std::string::npos) return Awaited{Awaited::What::condition, name};
    return Awaited{Awaited::What::condition, name.substr(0, second), name.substr(second + 1)};
  }
  return give_up(ExitCode::invalid,
                 fmt::format("--for={}: condition=NAME[=STATUS], state=NAME or deleted", text));
}

bool same_words(std::string_view one, std::string_view other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

bool observed_now(const json& object) {
  return number(field(object, "status"), "observedGeneration") ==
         number(field(object, "metadata"), "generation");
}

bool is_so(const json& object, const Awaited& awaited) {
  const json& status = field(object, "status");
  if (!observed_now(object)) return false;
  if (awaited.what == Awaited::What::state) return same_words(text(status, "state"), awaited.name);
  const json& conditions = field(status, "conditions");
  return conditions.is_array() && std::any_of(conditions.begin(), conditions.end(), [&](const json& one) {
           return same_words(text(one, "type"), awaited.name) &&
                  same_words(text(one, "status"), awaited.status);
         });
}

// "; it has no condition Ready, but Allowed, Applied": a word that is wrong is waited for in vain.
std::string other_conditions(const json& conditions, const Awaited& awaited) {
  if (awaited.what != Awaited::What::condition) return "";
  std::string names;
  if (conditions.is_array())
    for (const json& one : conditions) {
      if (same_words(text(one, "type"), awaited.name))
        return fmt::format("; {} is {}", text(one, "type"), text(one, "status"));
      names += (names.empty() ? "" : ", ") + text(one, "type");
    }
  return names.empty() ? "; it has no conditions" : fmt::format("; it has no condition {}, but {}", awaited.name, names);
}

std::string last_seen(const json& object, const Awaited& awaited) {
  const json& status = field(object, "status");
  std::string line = text(status, "state").empty() ? "not observed yet" : text(status, "state");
  if (const std::string message = text(status, "message"); !message.empty()) line += ": " + message;
  return line + other_conditions(field(status, "conditions"), awaited);
}

}  // namespace

Outcome<ExitCode> wait(Session& session, const WaitOptions& options) {
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  const auto awaited = parse_awaited(options.condition);
  if (!awaited) return give_up(awaited.error());
  const std::string name = object_name(kind->kind, options.name);
  auto interval = kLookIntervalMin;
  for (std::string seen; true;) {
    const auto object = session.daemon.get(kind->plural, options.name);
    const bool gone = !object && object.error().exit == ExitCode::not_found;
    const bool deleted = awaited->what == Awaited::What::deleted;
    if (!object && !(gone && deleted)) {
      if (object.error().exit != ExitCode::timeout || seen.empty()) return give_up(object.error());
      // The last question was cut short by the deadline: what is known is what was seen before it.
    } else if (deleted ? gone : is_so(*object, *awaited)) {
      if (for_people(session.format))
        session.out << fmt::format("{} {}\n", name, deleted ? "is deleted" : "has " + options.condition);
      else
        session.out << render(deleted ? json{{"kind", kind->kind}, {"name", options.name}, {"deleted", true}} : *object,
                              session.format);
      return ExitCode::ok;
    } else {
      seen = deleted ? "still there" : last_seen(*object, *awaited);
    }
    if (session.deadline.passed())
      return give_up(ExitCode::timeout, fmt::format("{} has not {} after {} ms: {}", name, options.condition,
                                                    session.deadline.limit().count(), seen));
    std::this_thread::sleep_for(std::min(interval, session.deadline.remaining()));
    interval = std::min(interval * 2, kLookIntervalMax);
  }
}

}  // namespace vs::ctl
