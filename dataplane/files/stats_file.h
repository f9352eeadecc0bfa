// A file of counters, one "name value" a line, as they were when it was opened.
//
// Owned by the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "dataplane/files/tree.h"

namespace vs::files {

class StatsFile final : public File {
 public:
  explicit StatsFile(std::function<std::string()> text);
  std::unique_ptr<OpenFile> open() override;

 private:
  std::function<std::string()> text_;
};

}  // namespace vs::files
