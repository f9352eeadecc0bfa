#include "dataplane/services/pubsub/engine_terms.h"

#include <exception>
#include <stdexcept>

#include "base/channel_name.h"
#include "dataplane/services/pubsub/subject.h"

namespace vs::pubsub {
namespace {

// Throws what nlohmann's get() throws, and std::invalid_argument; caught in parse().
std::vector<std::string> patterns_in(const nlohmann::json& from, const char* field) {
  auto patterns = from.value(field, std::vector<std::string>());
  if (patterns.size() > kSharedPatternsMax)
    throw std::invalid_argument(std::string(field) + ": more than " + std::to_string(kSharedPatternsMax));
  for (const std::string& pattern : patterns)
    if (const auto judged = judge_pattern(pattern); !judged) throw std::invalid_argument(std::string(field) + ": " + judged.error().message);
  return patterns;
}

}  // namespace

Result<EngineTerms> EngineTerms::parse(const std::string& service, const nlohmann::json& from) try {
  EngineTerms terms{.service = service};
  const auto engine = from.is_object() ? from.find("engine") : from.end();
  if (!from.is_object() || engine == from.end()) return terms;
  terms.engine = engine->at("name").get<std::string>();
  if (!engine->contains("kind")) return fail(ErrorCode::not_found, "engine " + terms.engine + ": this node has none of that name");
  terms.node = from.at("node").get<std::string>();
  terms.kind = engine->at("kind").get<std::string>();
  terms.servers = engine->at("servers").get<std::vector<std::string>>();
  for (const auto& [field, place] : {std::pair{"ca", &terms.ca}, std::pair{"certificate", &terms.certificate},
                                     std::pair{"key", &terms.key}, std::pair{"user", &terms.user},
                                     std::pair{"password", &terms.password}, std::pair{"token", &terms.token},
                                     std::pair{"credentials", &terms.credentials}})
    *place = engine->value(field, std::string());
  if (terms.servers.empty()) throw std::invalid_argument("engine " + terms.engine + ": no server");
  terms.prefix = from.value("prefix", "vs." + service);
  if (const auto judged = Subjects::judge_prefix(terms.prefix); !judged) throw std::invalid_argument(judged.error().message);
  terms.shared = patterns_in(from, "shared");
  if (terms.shared.empty()) terms.shared = {">"};
  terms.at_least_once = patterns_in(from, "atLeastOnce");
  return terms;
} catch (const std::exception& problem) {
  return fail(ErrorCode::invalid, std::string("parameters: ") + problem.what());
}

}  // namespace vs::pubsub
