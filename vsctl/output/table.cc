#include "vsctl/output/table.h"

#include <algorithm>

#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

constexpr std::size_t kGap = 2;

std::string shown(const std::string& cell) { return cell.empty() ? "-" : printable(cell); }

void widen(std::vector<std::size_t>& widths, const std::vector<std::string>& row) {
  widths.resize(std::max(widths.size(), row.size()));
  for (std::size_t i = 0; i < row.size(); ++i)
    widths[i] = std::max(widths[i], columns_of(shown(row[i])));
}

std::string line_of(const std::vector<std::size_t>& widths, const std::vector<std::string>& row,
                    std::size_t indent) {
  std::string line(indent, ' ');
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string cell = shown(row[i]);
    line += cell;
    if (i + 1 < row.size()) line.append(widths[i] - columns_of(cell) + kGap, ' ');
  }
  return line + "\n";
}

}  // namespace

std::string Table::to_string(std::size_t indent) const {
  std::vector<std::size_t> widths;
  widen(widths, headings_);
  for (const auto& row : rows_) widen(widths, row);
  std::string lines;
  if (!headings_.empty()) lines += line_of(widths, headings_, indent);
  for (const auto& row : rows_) lines += line_of(widths, row, indent);
  return lines;
}

}  // namespace vs::ctl
