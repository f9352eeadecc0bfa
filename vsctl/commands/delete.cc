#include "vsctl/commands/delete.h"

#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/kinds.h"

namespace vs::ctl {

Outcome<ExitCode> delete_object(Session& session, const DeleteOptions& options) {
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  if (options.name.empty()) return give_up(ExitCode::invalid, "the name is empty");
  auto answer = session.daemon.remove(kind->plural, options.name, options.dry_run);
  if (!answer) return give_up(answer.error());
  if (!field(*answer, "changes").is_array())  // an answer without a body
    (*answer)["changes"] = {{{"kind", kind->kind}, {"name", options.name}, {"action", "deleted"}}};
  session.out << (for_people(session.format) ? describe_changes(*answer, options.dry_run)
                                                        : render(*answer, session.format));
  return ExitCode::ok;
}

}  // namespace vs::ctl
