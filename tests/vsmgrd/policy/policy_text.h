// Policy files in few words, and what is said about them.
#pragma once

#include <string>
#include <vector>

#include "vsmgrd/policy/loader.h"

namespace vs::test {

inline const std::string kDomain = R"(apiVersion: vservices/v1
kind: Domain
metadata:
  name: web1
spec: {}
)";

inline std::string domain(const std::string& spec) {
  return "apiVersion: vservices/v1\nkind: Domain\nmetadata: {name: a}\nspec: " + spec + "\n";
}

// As vsctl prints them: `file:line:column: message (hint)`.
inline std::vector<std::string> lines_of(const Refusal& refusal) {
  std::vector<std::string> lines;
  for (const Problem& problem : refusal.problems)
    lines.push_back((problem.source ? to_string(*problem.source) : "?") + ": " + problem.message +
                    (problem.hint.empty() ? "" : " (" + problem.hint + ")"));
  return lines;
}
inline std::vector<std::string> refusals(const std::vector<PolicyFile>& files) {
  const auto loaded = load_policies(files);
  return loaded ? std::vector<std::string>() : lines_of(loaded.error());
}
inline std::vector<std::string> refusals(const std::string& text) {
  return refusals({{"f.yaml", text}});
}

}  // namespace vs::test
