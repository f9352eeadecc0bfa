// Rows of text under headings, columns aligned.
//
// A value; owned by one thread.
#pragma once

#include <string>
#include <vector>

namespace vs::ctl {

class Table {
 public:
  // Without headings the first row stands in the first line.
  explicit Table(std::vector<std::string> headings = {}) : headings_(std::move(headings)) {}

  // An empty cell is shown as "-"; missing cells at the end stay blank.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // Two spaces between columns, `indent` in front of each line, none at the end of a line.
  [[nodiscard]] std::string to_string(std::size_t indent = 0) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace vs::ctl
