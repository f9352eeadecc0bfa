#include "vsctl/commands/metrics.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/commands/exposition.h"

namespace vs::ctl {

Outcome<ExitCode> metrics(Session& session, const MetricsOptions& options) {
  const auto exposition = session.daemon.metrics();
  if (!exposition) return give_up(exposition.error());
  const std::string selected = select_metrics(*exposition, options.prefix);
  session.out << (for_people(session.format)
                      ? selected
                      : render(parse_metrics(selected), session.format));
  if (selected.empty())
    return give_up(ExitCode::negative, fmt::format("no metric begins with \"{}\"", options.prefix));
  return ExitCode::ok;
}

}  // namespace vs::ctl
