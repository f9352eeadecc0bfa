#include "vsmgrd/policy/loader.h"

#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/plain_text.h"
#include "vsmgrd/policy/yaml_reader.h"

namespace vs {
namespace {

using nlohmann::json;

const json::json_pointer kKindAt("/kind");
const json::json_pointer kNameAt("/metadata/name");

Result<> check_files(const std::vector<PolicyFile>& files) {
  if (files.empty()) return fail(ErrorCode::invalid, "nothing to load: no file was given");
  if (files.size() > kPolicyFilesMax)
    return fail(ErrorCode::invalid,
                fmt::format("{} files, at most {} are allowed", files.size(), kPolicyFilesMax));
  for (const PolicyFile& file : files)
    if (file.name.empty() || file.name.size() > kFileNameBytesMax || !is_plain_line(file.name))
      return fail(ErrorCode::invalid,
                  fmt::format("{} is not a file name: 1 to {} bytes, no control characters",
                              in_quotes(file.name), kFileNameBytesMax));
  const std::size_t bytes = std::accumulate(
      files.begin(), files.end(), std::size_t{0},
      [](std::size_t sum, const PolicyFile& file) { return sum + file.text.size(); });
  if (bytes > kYamlBytesMax)
    return fail(ErrorCode::invalid,
                fmt::format("the files have {} bytes together, at most {} are allowed", bytes,
                            kYamlBytesMax));
  return {};
}

std::optional<Source> place_of(const Problem& problem, const YamlDocument& document) {
  if (problem.at_key)
    if (const auto key = document.keys.find(problem.pointer); key != document.keys.end())
      return key->second;
  return nearest_source(document.values, problem.pointer);
}

// What the store and the rules refer back to: the document and all of its spec.
Sources sources_of(const YamlDocument& document) {
  Sources sources;
  for (const auto& [pointer, source] : document.values)
    if (pointer.empty() || pointer == "/spec" || pointer.starts_with("/spec/"))
      sources.emplace(pointer, source);
  return sources;
}

// Reads documents one after the other and remembers what was declared where.
class Loader {
 public:
  void load(const PolicyFile& file) {
    YamlFile read = read_yaml(file);
    documents_ += read.documents.size();
    for (const YamlDocument& document : read.documents) load(document);
    for (Problem& problem : read.problems) problems_.push_back(std::move(problem));
  }

  Checked<std::vector<Resource>> finish() && {
    if (documents_ == 0 && problems_.empty())
      return refuse(ErrorCode::invalid, "nothing to load: no document in any file");
    if (problems_.empty()) return std::move(resources_);
    sort_problems(problems_);
    std::string message = summary_of(problems_);
    limit_problems(problems_);
    return refuse(ErrorCode::invalid, std::move(message), std::move(problems_));
  }

 private:
  void load(const YamlDocument& document) {
    std::vector<Problem> problems;
    auto resource = decode(document.value, problems);
    for (Problem& problem : problems) {
      if (document.noted.contains(problem.pointer)) continue;
      problem.source = place_of(problem, document);
      problems_.push_back(std::move(problem));
    }
    refuse_second(document);
    if (!resource) return;
    resource->metadata.sources = sources_of(document);
    resources_.push_back(std::move(*resource));
  }

  // Also of documents that are faulty otherwise, so that nobody mends them only to hear of this
  // next.
  void refuse_second(const YamlDocument& document) {
    const auto text_at = [&](const json::json_pointer& pointer) -> const std::string* {
      if (!document.value.contains(pointer)) return nullptr;
      return document.value.at(pointer).get_ptr<const std::string*>();
    };
    const std::string* kind = text_at(kKindAt);
    const std::string* name = text_at(kNameAt);
    if (!kind || !name || !kind_named(*kind) || !check_name(*name)) return;
    const Source& place = document.values.at("/metadata/name");
    const auto [first, fresh] = declared_.emplace(std::pair(*kind, *name), place);
    if (fresh) return;
    problems_.push_back({.pointer = "/metadata/name",
                         .message = fmt::format("{} {} is declared twice; first at {}", *kind,
                                                in_quotes(*name), to_string(first->second)),
                         .source = place});
  }

  std::size_t documents_ = 0;
  std::vector<Resource> resources_;
  std::vector<Problem> problems_;
  std::map<std::pair<std::string, std::string>, Source> declared_;
};

}  // namespace

Checked<std::vector<Resource>> load_policies(const std::vector<PolicyFile>& files) {
  if (auto checked = check_files(files); !checked) return refuse(std::move(checked.error()));
  Loader loader;
  for (const PolicyFile& file : files) loader.load(file);
  return std::move(loader).finish();
}

}  // namespace vs
