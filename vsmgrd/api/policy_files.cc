#include "vsmgrd/api/policy_files.h"

#include <nlohmann/json.hpp>

#include "vsmgrd/api/body.h"

namespace vs::http {

std::vector<PolicyFile> files_at(const nlohmann::json& listed, const std::string& pointer,
                                 std::vector<Problem>& problems) {
  std::vector<PolicyFile> files;
  if (!listed.is_array() || listed.size() > kPolicyFilesMax) {
    problems.push_back({.pointer = pointer,
                        .message = "must be a list of at most " + std::to_string(kPolicyFilesMax) +
                                   " files"});
    return files;
  }
  for (const auto& file : listed) {
    const std::size_t faults = problems.size();
    check_strings(file, pointer + '/' + std::to_string(files.size()), {"name", "text"}, problems);
    files.emplace_back();
    if (problems.size() == faults) files.back() = {file["name"], file["text"]};
  }
  return files;
}

}  // namespace vs::http
