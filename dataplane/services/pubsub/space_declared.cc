// Channels that the service's own parameters declare.
#include <string>
#include <utility>

#include "base/channel_name.h"
#include "dataplane/services/pubsub/space.h"

namespace vs::pubsub {

Result<> PubsubService::Space::declare(const nlohmann::json& channels) {
  if (channels == declared_from_) return {};  // operators would begin anew
  auto parsed = DeclaredChannels::parse(channels);
  if (!parsed) return fail(std::move(parsed.error()));
  const DeclaredChannels before = std::exchange(declared_, std::move(*parsed));
  declared_from_ = channels;
  Result<> verdict;
  const auto note = [&](Error error) {
    if (verdict) verdict = fail(std::move(error));
  };
  for (const DeclaredChannel& one : declared_.all())
    if (!is_wild(one.name))
      if (const auto made = broker_.create(one.name); !made) note(made.error());
  for (const auto& [name, known] : broker_.all()) {
    const DeclaredChannel* declared = declared_.find(name);
    if (declared == nullptr && before.find(name) == nullptr) continue;
    Broker::Channel& channel = *broker_.find(name);
    if (channel.derivation != nullptr) broker_.derive(channel, nullptr);
    (void)broker_.set_parameters(channel, declared != nullptr ? declared->parameters : ChannelParameters(), Broker::Veto::none);
  }
  for (const DeclaredChannel& one : declared_.all()) {
    if (!one.derivation) continue;
    auto derivation = broker_.prepare_derivation(one.name, *one.derivation);
    if (!derivation) {
      note(derivation.error());
    } else if (Broker::Channel* channel = broker_.find(one.name)) {
      broker_.derive(*channel, std::move(*derivation));
    }
  }
  retry_blocked();
  return verdict;
}

Result<Broker::Channel*> PubsubService::Space::make_channel(std::string_view name) {
  auto made = broker_.create(name);
  if (const DeclaredChannel* declared = declared_.find(name); made && declared != nullptr)
    (void)broker_.set_parameters(**made, declared->parameters, Broker::Veto::none);
  return made;
}

Result<> PubsubService::Space::judge_declared(const ChannelRequest& asked, bool creates) const {
  if (declared_.find(asked.name) == nullptr) return {};
  const bool says_nothing = asked.parameters == ChannelParameters() && !asked.derivation;
  if (creates && says_nothing) return {};
  return fail(ErrorCode::denied,
              "channel " + std::string(asked.name) + ": the service declares what it is, and no guest changes that");
}

}  // namespace vs::pubsub
