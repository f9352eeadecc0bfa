#include "vsctl/output/csv.h"

#include <string_view>

namespace vs::ctl {
namespace {

std::string csv_cell(std::string_view text) {
  std::string cell;
  // A name or message comes from others, and a spreadsheet would run it.
  if (!text.empty() && std::string_view("=+-@\t").find(text[0]) != std::string_view::npos &&
      text.find_first_not_of("+-.0123456789") != std::string_view::npos)
    cell = "'";
  cell += text;
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += (i == 0 ? "" : ",") + csv_cell(cells[i]);
  return line + "\n";
}

}  // namespace vs::ctl
