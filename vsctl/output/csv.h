// Rows as comma-separated values: RFC 4180, with line feeds alone.
//
// Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

namespace vs::ctl {

// One line. What a spreadsheet would take for a formula (=, +, -, @ in front) gets a leading quote mark.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace vs::ctl
