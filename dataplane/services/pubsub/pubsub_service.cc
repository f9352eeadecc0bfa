#include "dataplane/services/pubsub/pubsub_service.h"

#include <algorithm>
#include <utility>

#include "dataplane/services/pubsub/request_attributes.h"
#include "dataplane/services/pubsub/space.h"

namespace vs::pubsub {
namespace {

// A guest's text for people, and for JSON, which has no room for bytes that are no UTF-8.
std::string shown(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

PubsubService::PubsubService(EventLoop& loop, MakeEngine make_engine) : loop_(loop), make_engine_(std::move(make_engine)) {}
PubsubService::~PubsubService() = default;

std::vector<std::pair<std::string, Error>> PubsubService::configure(const std::vector<Named>& services) {
  std::vector<std::pair<std::string, Error>> errors;
  auto before = std::exchange(spaces_, {});
  for (const Named& service : services) {
    auto known = before.extract(service.name);
    auto& space = spaces_[service.name] =
        known.empty() ? std::make_unique<Space>(loop_, frames_, service.name) : std::move(known.mapped());
    space->share_with(Audience(service.rights));
    const bool declares = service.parameters.is_object() && service.parameters.contains("channels");
    if (auto declared = space->declare(declares ? service.parameters["channels"] : nlohmann::json()); !declared)
      errors.emplace_back(service.name, std::move(declared.error()));
    const auto terms = EngineTerms::parse(service.name, service.parameters);  // without an engine its channels are served all the same
    const auto reached = terms ? space->reach_nodes_by(*terms, make_engine_) : Result<>(fail(terms.error()));
    if (!reached) errors.emplace_back(service.name, reached.error());
  }
  return errors;
}

std::optional<FrameNeeds> PubsubService::frames(std::string_view service) const {
  const auto found = spaces_.find(service);
  if (found == spaces_.end() || !found->second->shares()) return std::nullopt;
  return FrameNeeds{.count = kFramesMax,
                    .bytes = kEventBytesMax,
                    .broadcast_bytes_log2 = found->second->broadcasts() ? kBroadcastBytesLog2 : 0,
                    .edition = found->second->edition()};
}

bool PubsubService::reads_frames(const SessionGuest& guest) const {
  const auto rights = Rights::parse(guest.rights);
  return rights && rights->shares();
}

void PubsubService::handle(const Request& request, Reply reply) {
  const auto found = spaces_.find(request.service);
  if (found == spaces_.end()) return std::move(reply).send(fail(ErrorCode::unavailable, "pubsub: service not configured"));
  found->second->handle(request, std::move(reply));
}

void PubsubService::read_attributes(const Request& request, std::span<const std::string> names, std::span<filter::Value> values) {
  pubsub::read_attributes(request, names, values);
}

void PubsubService::level_changed(std::uint64_t session, std::uint32_t level) {
  for (const auto& [name, space] : spaces_) space->level_changed(session, level);
}

void PubsubService::session_begun(std::uint64_t session, const SessionGuest& guest) {
  if (const auto found = spaces_.find(guest.service); found != spaces_.end()) found->second->session_begun(session, guest);
}

void PubsubService::recall(std::uint64_t session) {
  for (const auto& [name, space] : spaces_) space->recall(session);
}

void PubsubService::session_ended(std::uint64_t session) {
  for (const auto& [name, space] : spaces_) space->session_ended(session);
}

nlohmann::json PubsubService::describe(std::string_view service) const {
  const auto found = spaces_.find(service);
  if (found == spaces_.end()) return nullptr;
  const Relay& relay = found->second->relay();
  nlohmann::json channels = nlohmann::json::array();
  for (const auto& [name, channel] : found->second->broker().all()) {
    if (channels.size() == kDescribedMax) break;
    channels.push_back({{"name", name},
                        {"events", channel.sequence},
                        {"subscribers", channel.subscribers()},
                        {"retained", channel.parameters.retained},
                        {"delivery", relay.stores(name) ? "at_least_once" : "at_most_once"},
                        {"shared", relay.shares(name)},
                        {"eventBytesMax", channel.parameters.event_bytes_max},
                        {"schema", channel.parameters.schema.text()},
                        {"contentType", channel.parameters.schema.content_type()}});
    if (channel.derivation == nullptr) continue;
    const DerivationTerms& terms = channel.derivation->terms();
    channels.back()["derived"] = {{"source", terms.source},
                                  {"filter", shown(terms.filter)},
                                  {"operators", shown(terms.operators)},
                                  {"errors", channel.derivation->counts().errors}};
  }
  return {{"channels", std::move(channels)}, {"channelsTotal", found->second->broker().channels()}, {"engine", relay.describe()}};
}

std::vector<Sample> PubsubService::samples() const {
  std::vector<Sample> samples;
  for (const auto& [name, space] : spaces_) {
    const auto add = [&, &service = name](const char* metric, const char* help, Sample::Type type, std::uint64_t value) {
      samples.push_back(
          {.name = metric, .help = help, .type = type, .labels = {{"service", service}}, .value = static_cast<double>(value)});
    };
    using Type = Sample::Type;
    const auto& counts = space->counts();
    const Broker& broker = space->broker();
    add("vservices_pubsub_channels", "Channels that were published to.", Type::gauge, broker.channels());
    add("vservices_pubsub_subscriptions", "Subscriptions of all sessions.", Type::gauge, broker.subscriptions());
    add("vservices_pubsub_published_total", "Events published.", Type::counter, counts.published);
    add("vservices_pubsub_published_bytes_total", "Bytes of events published.", Type::counter, counts.published_bytes);
    add("vservices_pubsub_delivered_total", "Events put into a subscriber's queue, each subscriber counted.", Type::counter,
        counts.delivered);
    add("vservices_pubsub_lost_total", "Events that a subscriber's queue had no room for.", Type::counter, counts.lost);
    add("vservices_pubsub_refused_total", "Requests refused with a reason.", Type::counter, counts.refused);
    add("vservices_pubsub_blocked_total", "Publishes that waited for a subscriber.", Type::counter, counts.blocked);
    add("vservices_pubsub_too_slow_total", "Subscriptions ended because they were too slow.", Type::counter, counts.too_slow);
    add("vservices_pubsub_denied_total", "Events and requests refused for want of a right.", Type::counter, counts.denied);
    add("vservices_pubsub_over_rate_total", "Events refused because their guest published too many.", Type::counter,
        counts.over_rate);
    add("vservices_pubsub_too_large_total", "Events refused because they were too large.", Type::counter, counts.too_large);
    add("vservices_pubsub_broke_schema_total", "Events refused because they break their channel's schema.", Type::counter,
        counts.broke_schema);
    add("vservices_pubsub_filters_left_out", "Filters of patterns that do not fit the schema of a channel, which they leave out.",
        Type::gauge, broker.filters_left_out());
    add("vservices_pubsub_filters_refused_total", "Subscriptions and filters refused for a limit on filters' cost or on their number.",
        Type::counter, counts.filters_too_dear);
    const auto derivations = broker.derivation_counts();
    add("vservices_pubsub_derived_channels", "Channels whose events are computed from others'.", Type::gauge,
        broker.derived_channels());
    add("vservices_pubsub_derived_total", "Events of derived channels.", Type::counter, counts.derived);
    add("vservices_pubsub_derived_errors_total", "Events that the filter or the operators of a derived channel could not be computed for.",
        Type::counter, derivations.errors);
    add("vservices_pubsub_derived_limited_total",
        "What derived channels forgot, or did not publish, because a limit on their memory or their number was reached.", Type::counter,
        derivations.forgotten);
    add("vservices_pubsub_broadcast_total", "Events written into the broadcast ring, once for all who listen.", Type::counter,
        counts.broadcast);
    add("vservices_pubsub_framed_total", "Events read in place, each subscriber counted.", Type::counter, counts.framed);
    add("vservices_pubsub_frames_written_total", "Events written into a frame, for all who read it in place.", Type::counter,
        space->frames().written);
    add("vservices_pubsub_frames_missing_total", "Times that an event found no free frame.", Type::counter, space->frames().missing);
    add("vservices_pubsub_frames_held_total", "Receives refused because their guest holds as many frames as it may.", Type::counter,
        counts.held);
    add("vservices_pubsub_filter_errors_total", "Filters that could not be computed for an event.", Type::counter,
        broker.filter_errors());
    space->relay().append_samples(samples);
  }
  return samples;
}

}  // namespace vs::pubsub
