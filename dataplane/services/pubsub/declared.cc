#include "dataplane/services/pubsub/declared.h"

#include <stdexcept>

#include "base/channel_name.h"

namespace vs::pubsub {
namespace {

// Throws what nlohmann's get() throws; caught in parse().
Result<DeclaredChannel> declared_channel(const nlohmann::json& from) {
  const auto text = [&](const char* field) { return from.value(field, std::string()); };
  DeclaredChannel made{.name = from.at("name").get<std::string>(), .parameters = {}, .derivation = {}};
  made.parameters.event_bytes_max = from.value("eventBytesMax", std::uint32_t{0});
  made.parameters.expires_ms = from.value("expiresMs", std::uint32_t{0});
  made.parameters.retained = from.value("retained", true);
  auto schema = filter::EventSchema::parse(text("schema"), text("contentType"));
  if (!schema) return fail(std::move(schema.error()).within("schema"));
  made.parameters.schema = std::move(*schema);
  const std::string source = text("source");
  if (!source.empty()) made.derivation = DerivationTerms{source, text("filter"), text("operators")};
  if (auto judged = made.derivation ? judge_channel(made.name) : judge_pattern(made.name); !judged)
    return fail(std::move(judged.error()));
  return made;
}

}  // namespace

Result<DeclaredChannels> DeclaredChannels::parse(const nlohmann::json& channels) try {
  DeclaredChannels declared;
  if (channels.is_null()) return declared;
  if (channels.size() > kDeclaredMax)
    return fail(ErrorCode::exhausted, "channels: more than " + std::to_string(kDeclaredMax) + " are declared");
  for (const nlohmann::json& one : channels) {
    auto made = declared_channel(one);
    if (!made) return fail(std::move(made.error()).within("channel " + one.at("name").get<std::string>()));
    declared.channels_.push_back(std::move(*made));
  }
  return declared;
} catch (const std::exception& problem) {
  return fail(ErrorCode::invalid, std::string("channels: ") + problem.what());
}

const DeclaredChannel* DeclaredChannels::find(std::string_view channel) const {
  const DeclaredChannel* by_pattern = nullptr;
  for (const DeclaredChannel& one : channels_) {
    if (one.name == channel) return &one;
    if (by_pattern == nullptr && matches(one.name, channel)) by_pattern = &one;
  }
  return by_pattern;
}

}  // namespace vs::pubsub
