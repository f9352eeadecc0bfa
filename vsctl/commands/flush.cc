#include "vsctl/commands/flush.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace vs::ctl {

Outcome<ExitCode> flush(Session& session, const FlushOptions& options) {
  nlohmann::json body = nlohmann::json::object();
  if (!options.domain.empty()) body["domain"] = options.domain;
  if (!options.name.empty()) body["name"] = options.name;
  const auto answer = session.daemon.post("/v1/services/" + options.service + ":flush", body);
  if (!answer) return give_up(answer.error());
  const auto entries = answer->value("entries", std::uint64_t{0});
  session.out << (for_people(session.format) ? fmt::format("{} {} forgotten\n", entries, entries == 1 ? "entry" : "entries")
                                             : render(*answer, session.format));
  return ExitCode::ok;
}

}  // namespace vs::ctl
