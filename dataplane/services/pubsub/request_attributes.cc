#include "dataplane/services/pubsub/request_attributes.h"

#include <cstring>
#include <string_view>

#include "dataplane/abi/pubsub.h"
#include "dataplane/filter/event_schema.h"
#include "dataplane/filter/request_schema.h"
#include "dataplane/services/pubsub/channel_request.h"
#include "dataplane/services/pubsub/event.h"

namespace vs::pubsub {
namespace {

using filter::Value;

std::string_view operation_named(std::uint16_t type) {
  switch (type) {
    case VS_PUBSUB_PUBLISH: return "publish";
    case VS_PUBSUB_SUBSCRIBE: return "subscribe";
    case VS_PUBSUB_UNSUBSCRIBE: return "unsubscribe";
    case VS_PUBSUB_FILTER: return "filter";
    case VS_PUBSUB_RECEIVE: return "receive";
    case VS_PUBSUB_CREATE: return "create";
    case VS_PUBSUB_GET: return "get";
    case VS_PUBSUB_SET: return "set";
    default: return {};
  }
}

std::string_view as_text(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

void read_first_event(std::span<const std::byte> payload, std::span<const std::string> names, std::span<Value> values) {
  const auto parts = read_event(payload);
  if (!parts) return;
  values[filter::kPubsubChannel] = Value(parts->channel);
  values[filter::kPubsubKey] = Value(parts->key);
  values[filter::kPubsubContentType] = Value(parts->content_type);
  values[filter::kPubsubPriority] = Value(std::int64_t{parts->header.priority});
  for (std::size_t slot = filter::kPubsubSlots; slot < names.size(); ++slot) {
    const std::string_view name = std::string_view(names[slot]).substr(filter::kAttributes.size() + 1);
    for (const auto& [attribute, value] : parts->attributes)
      if (attribute == name) values[slot] = value;
  }
}

// The pattern stands behind the head, and perhaps a sequence.
std::string_view pattern_of(std::span<const std::byte> payload) {
  vs_pubsub_subscribe head;
  if (payload.size() < sizeof head) return {};
  std::memcpy(&head, payload.data(), sizeof head);
  payload = payload.subspan(sizeof head);
  const std::size_t before = (head.flags & VS_PUBSUB_RESUME) != 0 ? sizeof(std::uint64_t) : 0;
  if (payload.size() < before + head.pattern_bytes) return {};
  return as_text(payload.subspan(before, head.pattern_bytes));
}

}  // namespace

void read_attributes(const Request& request, std::span<const std::string> names, std::span<Value> values) {
  const std::string_view operation = operation_named(request.type);
  if (operation.empty()) return;
  values[filter::kPubsubOperation] = Value(operation);
  for (const std::size_t text : {filter::kPubsubChannel, filter::kPubsubKey, filter::kPubsubContentType})
    values[text] = Value(std::string_view(""));
  values[filter::kPubsubPriority] = Value(std::int64_t{0});
  values[filter::kPubsubBytes] = Value(static_cast<std::int64_t>(request.payload.size()));
  switch (request.type) {
    case VS_PUBSUB_PUBLISH: return read_first_event(request.payload, names, values);
    case VS_PUBSUB_SUBSCRIBE: values[filter::kPubsubChannel] = Value(pattern_of(request.payload)); return;
    case VS_PUBSUB_GET: values[filter::kPubsubChannel] = Value(as_text(request.payload)); return;
    case VS_PUBSUB_CREATE:
    case VS_PUBSUB_SET:
      if (const auto asked = read_channel_request(request.payload)) values[filter::kPubsubChannel] = Value(asked->name);
      return;
    default: return;
  }
}

}  // namespace vs::pubsub
