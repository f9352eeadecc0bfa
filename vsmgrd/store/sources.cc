#include "vsmgrd/store/sources.h"

#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace vs {

using nlohmann::json;

std::string encode_sources(const Sources& sources) {
  std::map<std::string, std::size_t> numbers;
  json files = json::array();
  json at = json::object();
  for (const auto& [pointer, source] : sources) {
    const auto [number, fresh] = numbers.emplace(source.file, numbers.size());
    if (fresh) files.push_back(source.file);
    at[pointer] = {number->second, source.line, source.column};
  }
  return json{{"files", std::move(files)}, {"at", std::move(at)}}.dump();
}

Result<Sources> decode_sources(std::string_view text) try {
  const auto stored = parse_json(text);
  if (!stored) return fail(ErrorCode::internal, "sources: " + stored.error().message);
  const auto files = stored->at("files").get<std::vector<std::string>>();
  Sources sources;
  for (const auto& [pointer, place] : stored->at("at").items())
    sources.emplace(pointer, Source{.file = files.at(place.at(0).get<std::size_t>()),
                                    .line = place.at(1).get<int>(),
                                    .column = place.at(2).get<int>()});
  return sources;
} catch (const std::exception& problem) {  // json's own, and a file number out of range
  return fail(ErrorCode::internal, std::string("sources: ") + problem.what());
}

Result<Source> decode_source(std::string_view text) try {
  const auto stored = parse_json(text);
  if (!stored) return fail(ErrorCode::internal, "source: " + stored.error().message);
  return Source{.file = stored->at("file").get<std::string>(),
                .line = stored->at("line").get<int>(),
                .column = stored->at("column").get<int>()};
} catch (const json::exception& problem) {
  return fail(ErrorCode::internal, std::string("source: ") + problem.what());
}

}  // namespace vs
