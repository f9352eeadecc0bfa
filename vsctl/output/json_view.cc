#include "vsctl/output/json_view.h"

#include <cctype>
#include <string>

#include <nlohmann/json.hpp>

namespace vs::ctl {

int JsonView::sync() {
  const std::string text = str();
  str("");
  std::istringstream documents(text);
  while (!(documents >> std::ws).eof()) {
    try {
      nlohmann::json document;
      documents >> document;
      std::string line = path_.apply(document);
      if (!line.ends_with('\n')) line += '\n';
      out_ << line;
    } catch (const nlohmann::json::exception&) {
      out_ << text;
      break;
    }
  }
  return out_.flush() ? 0 : -1;
}

}  // namespace vs::ctl
