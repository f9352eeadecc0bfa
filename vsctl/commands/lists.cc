#include "vsctl/commands/lists.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/columns.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/output/csv.h"
#include "vsctl/output/table.h"
#include "vsctl/output/text.h"
#include "vsctl/output/yaml.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

std::vector<std::string> row_of(std::span<const Column> columns, bool wide, const json& object) {
  std::vector<std::string> row;
  for (const Column& column : columns)
    if (wide || !column.wide) row.push_back(column.cell(object));
  return row;
}

std::vector<std::string> headings_of(std::span<const Column> columns, bool wide) {
  std::vector<std::string> headings;
  for (const Column& column : columns)
    if (wide || !column.wide) headings.emplace_back(column.heading);
  return headings;
}

// The name of an object, or the id of what has no name.
std::string handle_of(const json& object) {
  const std::string name = text(field(object, "metadata"), "name");
  return name.empty() ? text(object, "id") : name;
}

void show_table(Session& session, const ListForm& form, const std::vector<json>& objects, bool wide) {
  const auto columns = list_columns(form.kind);
  Table table(form.headings ? headings_of(columns, wide) : std::vector<std::string>{});
  for (const json& object : objects) table.add(row_of(columns, wide, object));
  session.out << table.to_string();
}

void show_csv(Session& session, const ListForm& form, const std::vector<json>& objects) {
  const auto columns = list_columns(form.kind);
  if (form.headings) session.out << csv_line(headings_of(columns, true));
  for (const json& object : objects) session.out << csv_line(row_of(columns, true, object));
}

}  // namespace

void show_line(Session& session, std::string_view kind, const json& object) {
  switch (session.format) {
    case OutputFormat::json:
      session.out << object.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
      break;
    case OutputFormat::yaml: session.out << "---\n" << to_yaml(object); break;
    case OutputFormat::csv: session.out << csv_line(row_of(list_columns(kind), true, object)); break;
    case OutputFormat::name: session.out << printable(object_name(kind, handle_of(object))) << "\n"; break;
    case OutputFormat::table:
    case OutputFormat::wide:
      std::string line;
      for (const std::string& cell : row_of(list_columns(kind), session.format == OutputFormat::wide, object))
        if (!cell.empty()) line += (line.empty() ? "" : "  ") + printable(cell);
      session.out << line << "\n";
  }
  session.out.flush();  // others read along
}

void show_list(Session& session, const ListForm& form, json list, std::vector<json> objects) {
  switch (session.format) {
    case OutputFormat::table:
    case OutputFormat::wide:
      if (!objects.empty())
        show_table(session, form, objects, session.format == OutputFormat::wide);
      else if (!session.quiet)
        session.err << "no " << form.plural << "\n";
      return;
    case OutputFormat::csv: return show_csv(session, form, objects);
    case OutputFormat::name:
      for (const json& object : objects)
        session.out << printable(object_name(form.kind, handle_of(object))) << "\n";
      return;
    case OutputFormat::json:
      list["items"] = std::move(objects);
      session.out << render(list, OutputFormat::json);
      return;
    case OutputFormat::yaml: session.out << render_yaml_stream(objects); return;
  }
}

void show_object(Session& session, const ListForm& form, const json& object) {
  if (session.format == OutputFormat::json || session.format == OutputFormat::yaml)
    session.out << render(object, session.format);
  else
    show_list(session, form, json::object(), {object});
}

}  // namespace vs::ctl
