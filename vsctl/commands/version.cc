#include "vsctl/commands/version.h"

#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/output/text.h"

namespace vs::ctl {

Outcome<ExitCode> version(Session& session) {
  const auto daemon = session.daemon.version();
  if (for_people(session.format)) {
    session.out << "vsctl " VS_VERSION "\n";
    if (daemon) session.out << "vsmgrd " << printable(text(*daemon, "version")) << "\n";
  } else {
    nlohmann::json both{{"client", {{"version", VS_VERSION}}}};
    if (daemon) both["daemon"] = *daemon;
    session.out << render(both, session.format);
  }
  if (!daemon) return give_up(daemon.error());
  return ExitCode::ok;
}

}  // namespace vs::ctl
