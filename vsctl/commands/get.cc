#include "vsctl/commands/get.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/lists.h"

namespace vs::ctl {
namespace {

// "-l a=b -l c" means both, as "-l a=b,c" does.
std::string selector_of(const std::vector<std::string>& labels) {
  std::string selector;
  for (const std::string& label : labels) selector += (selector.empty() ? "" : ",") + label;
  return selector;
}

}  // namespace

Outcome<ExitCode> get(Session& session, const GetOptions& options) {
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  const ListForm form{.kind = kind->kind, .plural = kind->plural, .headings = !options.no_headings};
  if (!options.name.empty()) {
    if (!options.labels.empty() || !options.filter.empty())
      return give_up(ExitCode::invalid,
                     "labels and filters choose from a list: give a name or them, not both");
    const auto object = session.daemon.get_live(kind->plural, options.name);
    if (!object) return give_up(object.error());
    show_object(session, form, *object);
    return ExitCode::ok;
  }
  const bool in_short = session.format == OutputFormat::table || session.format == OutputFormat::name;
  auto list = session.daemon.list(kind->plural, {.label_selector = selector_of(options.labels),
                                                 .filter = options.filter,
                                                 .summary = kind->declared() && in_short});
  if (!list) return give_up(list.error());
  std::vector<nlohmann::json> objects;
  for (nlohmann::json& object : (*list)["items"]) objects.push_back(std::move(object));
  show_list(session, form, std::move(*list), std::move(objects));
  return ExitCode::ok;
}

}  // namespace vs::ctl
