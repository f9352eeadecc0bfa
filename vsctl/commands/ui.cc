#include "vsctl/commands/ui.h"

#include <nlohmann/json.hpp>

#include "vsctl/client/page_server.h"

namespace vs::ctl {

Outcome<ExitCode> ui(Session& session, const UiOptions& options) {
  if (const auto there = session.daemon.version(); !there) return give_up(there.error());
  auto server = PageServer::open(session.endpoint, session.deadline, options.port);
  if (!server) return give_up(std::move(server.error()));
  if (for_people(session.format))
    session.out << server->address() << "\n";
  else
    session.out << render(nlohmann::json{{"address", server->address()}}, session.format);
  session.out.flush();
  if (!session.quiet)
    session.err << "Open it in a browser on this machine. Who knows the address sees what you may see, until Ctrl-C ends it.\n";
  session.daemon.hang_up();
  if (auto served = server->serve(); !served) return give_up(std::move(served.error()));
  return ExitCode::ok;
}

}  // namespace vs::ctl
