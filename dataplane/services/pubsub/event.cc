#include "dataplane/services/pubsub/event.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/channel_name.h"
#include "base/check.h"
#include "dataplane/filter/event_schema.h"

namespace vs::pubsub {

static_assert(kChannelBytesMax == VS_CHANNEL_BYTES_MAX && filter::kAttributeNameBytesMax == VS_EVENT_ATTRIBUTE_NAME_BYTES_MAX);

namespace {

tl::unexpected<Error> refuse(const std::string& what) { return fail(ErrorCode::invalid, "event: " + what); }

// The bytes that are left, part by part.
class Rest {
 public:
  explicit Rest(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  // The first `count` bytes; nullopt when there are fewer.
  std::optional<std::span<const std::byte>> take(std::size_t count) {
    if (count > bytes_.size()) return std::nullopt;
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  std::optional<std::string_view> take_text(std::size_t count) {
    const auto taken = take(count);
    if (!taken) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(taken->data()), taken->size());
  }

 private:
  std::span<const std::byte> bytes_;
};

std::optional<filter::Value> value_of(std::uint8_t type, std::string_view bytes) {
  std::int64_t integer = 0;
  double real = 0;
  switch (type) {
    case VS_EVENT_BOOL:
      if (bytes.size() != 1 || static_cast<unsigned char>(bytes.front()) > 1) return std::nullopt;
      return filter::Value(bytes.front() != 0);
    case VS_EVENT_INT:
      if (bytes.size() != sizeof integer) return std::nullopt;
      std::memcpy(&integer, bytes.data(), sizeof integer);
      return filter::Value(integer);
    case VS_EVENT_DOUBLE:
      if (bytes.size() != sizeof real) return std::nullopt;
      std::memcpy(&real, bytes.data(), sizeof real);
      return filter::Value(real);
    case VS_EVENT_STRING: return filter::Value(bytes);
    case VS_EVENT_BYTES:  return filter::Value(bytes, filter::Type::bytes);
    default: return std::nullopt;
  }
}

Result<> read_attributes(Rest& rest, EventParts& parts) {
  for (std::uint16_t number = 0; number < parts.header.attribute_count; ++number) {
    const std::string title = "attribute " + std::to_string(number + 1);
    vs_event_attribute head;
    const auto raw = rest.take(sizeof head);
    if (!raw) return refuse(title + " is cut off");
    std::memcpy(&head, raw->data(), sizeof head);
    const auto name = rest.take_text(head.name_bytes);
    const auto bytes = head.value_bytes <= VS_EVENT_ATTRIBUTE_BYTES_MAX ? rest.take_text(head.value_bytes) : std::nullopt;
    if (!name || !bytes) return refuse(title + " is cut off, or too long");
    if (!filter::is_attribute_name(*name)) return refuse(title + " has no name that is one");
    const auto value = value_of(head.type, *bytes);
    if (!value) return refuse(title + " has no value of its type");
    const auto same = [&](const auto& one) { return one.first == *name; };
    if (std::any_of(parts.attributes.begin(), parts.attributes.end(), same)) return refuse(title + " is there twice");
    parts.attributes.emplace_back(*name, *value);
  }
  return {};
}

}  // namespace

Result<EventParts> read_event(std::span<const std::byte> bytes, std::string_view known) {
  EventParts parts;
  vs_event& header = parts.header;
  if (bytes.size() < sizeof header) return refuse(std::to_string(bytes.size()) + " bytes are too few for one");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.bytes < sizeof header || header.bytes > bytes.size() || header.bytes % VS_EVENT_ALIGN != 0)
    return refuse("its length cannot be");
  if ((header.flags & ~std::uint16_t{VS_EVENT_AGAIN}) != 0 || header.reserved != 0) return refuse("flags that a publisher has not");
  if (header.priority >= VS_EVENT_PRIORITIES)
    return refuse("a priority is 0 to " + std::to_string(VS_EVENT_PRIORITIES - 1));
  if (header.attribute_count > VS_EVENT_ATTRIBUTES_MAX)
    return refuse("more than " + std::to_string(VS_EVENT_ATTRIBUTES_MAX) + " attributes");
  if (header.key_bytes > VS_EVENT_KEY_BYTES_MAX || header.content_type_bytes > VS_EVENT_CONTENT_TYPE_BYTES_MAX)
    return refuse("its key or its content type is too long");
  Rest rest(bytes.subspan(sizeof header, header.bytes - sizeof header));
  const auto channel = rest.take_text(header.channel_bytes);
  const auto key = rest.take_text(header.key_bytes);
  const auto content_type = rest.take_text(header.content_type_bytes);
  if (!channel || !key || !content_type) return refuse("its names are cut off");
  const auto is_text = [](std::string_view text) { return text.find('\0') == std::string_view::npos; };
  if (!is_text(*key) || !is_text(*content_type)) return refuse("a zero in its key or its content type");
  if (channel->empty() || *channel != known)
    if (auto judged = judge_channel(*channel); !judged) return fail(std::move(judged.error()));
  parts.channel = *channel;
  parts.key = *key;
  parts.content_type = *content_type;
  if (auto read = read_attributes(rest, parts); !read) return fail(std::move(read.error()));
  const auto payload = rest.take(header.payload_bytes);
  if (!payload) return refuse("its payload is cut off");
  if (rest.size() >= VS_EVENT_ALIGN) return refuse("more bytes than it has parts");
  parts.payload = *payload;
  return parts;
}

namespace {

// Its bytes as they stand in an event; `kept` holds them if nothing else does.
std::pair<std::uint8_t, std::string_view> bytes_of(const filter::Value& value, std::int64_t& kept) {
  const auto raw = [&](std::size_t bytes) { return std::string_view(reinterpret_cast<const char*>(&kept), bytes); };
  switch (value.type()) {
    case filter::Type::boolean:
      kept = value.boolean() ? 1 : 0;
      return {VS_EVENT_BOOL, raw(1)};
    case filter::Type::integer:
      kept = value.integer();
      return {VS_EVENT_INT, raw(sizeof kept)};
    case filter::Type::real: {
      const double real = value.real();
      std::memcpy(&kept, &real, sizeof kept);
      return {VS_EVENT_DOUBLE, raw(sizeof kept)};
    }
    case filter::Type::text: return {VS_EVENT_STRING, value.text()};
    default:                 return {VS_EVENT_BYTES, value.text()};
  }
}

}  // namespace

std::vector<std::byte> write_event(const EventParts& parts) {
  vs_event header{};
  header.attribute_count = static_cast<std::uint16_t>(parts.attributes.size());
  header.expires_ms = parts.header.expires_ms;
  header.priority = parts.header.priority;
  header.payload_bytes = static_cast<std::uint32_t>(parts.payload.size());
  header.channel_bytes = static_cast<std::uint16_t>(parts.channel.size());
  header.key_bytes = static_cast<std::uint16_t>(parts.key.size());
  header.content_type_bytes = static_cast<std::uint16_t>(parts.content_type.size());
  std::vector<std::byte> bytes(sizeof header);
  const auto add = [&](const void* from, std::size_t count) {
    const auto* begin = static_cast<const std::byte*>(from);
    bytes.insert(bytes.end(), begin, begin + count);
  };
  for (const std::string_view text : {parts.channel, parts.key, parts.content_type}) add(text.data(), text.size());
  for (const auto& [name, value] : parts.attributes) {
    std::int64_t kept = 0;
    const auto [type, raw] = bytes_of(value, kept);
    const vs_event_attribute head{
        .type = type, .name_bytes = static_cast<std::uint8_t>(name.size()), .value_bytes = static_cast<std::uint16_t>(raw.size())};
    add(&head, sizeof head);
    add(name.data(), name.size());
    add(raw.data(), raw.size());
  }
  add(parts.payload.data(), parts.payload.size());
  bytes.resize((bytes.size() + VS_EVENT_ALIGN - 1) / VS_EVENT_ALIGN * VS_EVENT_ALIGN);
  header.bytes = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

std::shared_ptr<const Event> Event::make(const EventParts& parts, std::span<const std::byte> bytes, std::uint64_t sequence,
                                         std::uint64_t published_ns, TimePoint now, std::uint32_t expires_ms,
                                         bool in_frame) {
  const auto event = std::make_shared<Event>(Private());
  event->in_frame_ = in_frame;
  EventParts& own = event->parts_;
  event->bytes_ = std::make_unique_for_overwrite<std::byte[]>(parts.header.bytes);
  std::memcpy(event->bytes_.get(), bytes.data(), parts.header.bytes);
  const std::span<const std::byte> copy(event->bytes_.get(), parts.header.bytes);
  if (parts.attributes.empty()) {  // the same places in the copy
    const auto moved = [&](const auto* from) {
      return reinterpret_cast<decltype(from)>(copy.data() + (reinterpret_cast<const std::byte*>(from) - bytes.data()));
    };
    own.channel = {moved(parts.channel.data()), parts.channel.size()};
    own.key = {moved(parts.key.data()), parts.key.size()};
    own.content_type = {moved(parts.content_type.data()), parts.content_type.size()};
    own.payload = {moved(parts.payload.data()), parts.payload.size()};
  } else {
    auto read = read_event(copy, parts.channel);
    VS_CHECK(read.has_value());
    own = std::move(*read);
  }
  own.header = parts.header;
  own.header.sequence = sequence;
  own.header.published_ns = published_ns;
  if (own.header.expires_ms == 0) own.header.expires_ms = expires_ms;
  std::memcpy(event->bytes_.get(), &own.header, sizeof own.header);
  if (own.header.expires_ms != 0) event->expires_ = now + std::chrono::milliseconds(own.header.expires_ms);
  return event;
}

std::shared_ptr<const Event> Event::mark(std::uint16_t flags, std::uint64_t count) {
  const auto event = std::make_shared<Event>(Private());
  event->parts_.header = {.bytes = sizeof(vs_event), .flags = flags, .sequence = count};
  event->bytes_ = std::make_unique_for_overwrite<std::byte[]>(sizeof(vs_event));
  std::memcpy(event->bytes_.get(), &event->parts_.header, sizeof(vs_event));
  return event;
}

}  // namespace vs::pubsub
