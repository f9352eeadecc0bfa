#include "vsctl/commands/patch.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/kinds.h"

namespace vs::ctl {

using nlohmann::json;

json declared_part(const json& object) {
  json declared = object;
  declared.erase("status");
  json metadata = json::object();
  for (const char* key : {"name", "labels"})
    if (const json& value = field(field(object, "metadata"), key); !value.is_null()) metadata[key] = value;
  declared["metadata"] = std::move(metadata);
  return declared;
}

Outcome<ExitCode> patch(Session& session, const PatchOptions& options) {
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  const auto change = parse_json(options.patch);
  if (!change) return give_up(ExitCode::invalid, "the patch is " + change.error().message);
  if (!change->is_object()) return give_up(ExitCode::invalid, "the patch is no JSON object");
  for (int tries = 1;; ++tries) {
    const auto now = session.daemon.get_tagged(kind->plural, options.name);
    if (!now) return give_up(now.error());
    const std::string version = text(field(now->object, "metadata"), "resourceVersion");
    if (!options.if_match.empty() && options.if_match != version)
      return give_up(ExitCode::conflict, fmt::format("{} is at version {}, not {}",
                                                     object_name(kind->kind, options.name), version,
                                                     options.if_match));
    json wanted = declared_part(now->object);
    wanted.merge_patch(*change);
    auto answer = session.daemon.replace(kind->plural, options.name, wanted, now->tag, options.dry_run);
    if (answer) {
      session.out << (for_people(session.format) ? describe_changes(*answer, options.dry_run)
                                                 : render(*answer, session.format));
      return ExitCode::ok;
    }
    const bool again = answer.error().exit == ExitCode::conflict && options.if_match.empty() &&
                       tries < kPatchTriesMax;
    if (!again) return give_up(answer.error());
  }
}

}  // namespace vs::ctl
