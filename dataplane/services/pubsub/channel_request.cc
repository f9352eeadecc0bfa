#include "dataplane/services/pubsub/channel_request.h"

#include <cstring>
#include <optional>

#include "base/channel_name.h"
#include "dataplane/abi/pubsub.h"

namespace vs::pubsub {
namespace {

constexpr std::uint32_t kFlags = VS_PUBSUB_NOT_RETAINED | VS_PUBSUB_DECLARED;

std::string_view words_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
std::optional<T> take(std::span<const std::byte>& rest) {
  T value;
  if (rest.size() < sizeof value) return std::nullopt;
  std::memcpy(&value, rest.data(), sizeof value);
  rest = rest.subspan(sizeof value);
  return value;
}

struct Declared {
  std::string_view name, content_type, schema, source, filter, operators;
};

Result<Declared> read_declared(std::span<const std::byte> rest) {
  const auto head = take<vs_pubsub_declaration>(rest);
  if (!head) return fail(ErrorCode::invalid, "channel: its declaration is cut off");
  for (const std::uint16_t reserved : head->reserved)
    if (reserved != 0) return fail(ErrorCode::invalid, "channel: a declaration with bits that there are not");
  if (std::size_t{head->channel_bytes} + head->content_type_bytes + head->schema_bytes + head->source_bytes + head->filter_bytes +
          head->operators_bytes !=
      rest.size())
    return fail(ErrorCode::invalid, "channel: its declaration's lengths and its bytes differ");
  std::string_view texts = words_of(rest);
  const auto next = [&](std::size_t bytes) {
    const std::string_view taken = texts.substr(0, bytes);
    texts.remove_prefix(bytes);
    return taken;
  };
  Declared declared;
  declared.name = next(head->channel_bytes);
  declared.content_type = next(head->content_type_bytes);
  declared.schema = next(head->schema_bytes);
  declared.source = next(head->source_bytes);
  declared.filter = next(head->filter_bytes);
  declared.operators = next(head->operators_bytes);
  if (declared.source.empty() && !(declared.filter.empty() && declared.operators.empty()))
    return fail(ErrorCode::invalid, "channel: a filter or operators without a source");
  return declared;
}

}  // namespace

Result<ChannelRequest> read_channel_request(std::span<const std::byte> bytes) {
  const auto asked = take<vs_pubsub_parameters>(bytes);
  if (!asked) return fail(ErrorCode::invalid, "channel: its parameters are cut off");
  Result<Declared> declared = Declared{.name = words_of(bytes)};
  if ((asked->flags & VS_PUBSUB_DECLARED) != 0) declared = read_declared(bytes);
  if (!declared) return fail(std::move(declared.error()));
  if (auto judged = judge_channel(declared->name); !judged) return fail(std::move(judged.error()));
  const std::string title = "channel " + std::string(declared->name) + ": ";
  if ((asked->flags & ~kFlags) != 0 || asked->subscribers != 0 || asked->sequence != 0)
    return fail(ErrorCode::invalid, title + "parameters that cannot be set");
  if (asked->event_bytes_max > kEventBytesMax)
    return fail(ErrorCode::exhausted, title + "events of at most " + std::to_string(kEventBytesMax) + " bytes");
  auto schema = filter::EventSchema::parse(declared->schema, declared->content_type);
  if (!schema) return fail(ErrorCode::invalid, title + "schema: " + schema.error().message);
  std::optional<DerivationTerms> derivation;
  if (!declared->source.empty())
    derivation = DerivationTerms{std::string(declared->source), std::string(declared->filter), std::string(declared->operators)};
  return ChannelRequest{declared->name,
                        {.event_bytes_max = asked->event_bytes_max,
                         .expires_ms = asked->expires_ms,
                         .retained = (asked->flags & VS_PUBSUB_NOT_RETAINED) == 0,
                         .schema = std::move(*schema)},
                        std::move(derivation)};
}

std::vector<std::byte> write_channel(const Broker::Channel& channel) {
  const ChannelParameters& own = channel.parameters;
  const bool declared = !own.schema.empty() || channel.derivation != nullptr;
  const vs_pubsub_parameters told{.event_bytes_max = own.event_bytes_max,
                                  .expires_ms = own.expires_ms,
                                  .flags = (own.retained ? 0u : std::uint32_t{VS_PUBSUB_NOT_RETAINED}) | (declared ? std::uint32_t{VS_PUBSUB_DECLARED} : 0u),
                                  .subscribers = static_cast<std::uint32_t>(channel.subscribers()),
                                  .sequence = channel.sequence};
  std::vector<std::byte> bytes;
  const auto add = [&](const void* from, std::size_t count) {
    const auto* begin = static_cast<const std::byte*>(from);
    bytes.insert(bytes.end(), begin, begin + count);
  };
  add(&told, sizeof told);
  if (!declared) return bytes;
  static const DerivationTerms kNone;
  const DerivationTerms& terms = channel.derivation != nullptr ? channel.derivation->terms() : kNone;
  const std::string schema = own.schema.text();
  const auto length = [](const std::string& text) { return static_cast<std::uint16_t>(text.size()); };
  const vs_pubsub_declaration head{.channel_bytes = 0,
                                   .content_type_bytes = length(own.schema.content_type()),
                                   .schema_bytes = length(schema),
                                   .source_bytes = length(terms.source),
                                   .filter_bytes = length(terms.filter),
                                   .operators_bytes = length(terms.operators),
                                   .reserved = {}};
  add(&head, sizeof head);
  for (const std::string* text : {&own.schema.content_type(), &schema, &terms.source, &terms.filter, &terms.operators})
    add(text->data(), text->size());
  return bytes;
}

}  // namespace vs::pubsub
