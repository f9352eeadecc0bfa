#include "dataplane/services/pubsub/envelope.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace vs::pubsub {
namespace {

constexpr std::string_view kAttribute = "Vs-Attribute-";
constexpr std::size_t kOriginBytesMax = 255;

tl::unexpected<Error> refuse_header(std::string_view header, const std::string& what) {
  return fail(ErrorCode::invalid, std::string(header.substr(0, 80)) + ": " + what);
}

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string written(const filter::Value& value) {
  switch (value.type()) {
    case filter::Type::boolean: return value.boolean() ? "bool:true" : "bool:false";
    case filter::Type::integer: return "int:" + std::to_string(value.integer());
    case filter::Type::real: {
      std::array<char, 32> digits{};
      const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value.real());
      return "double:" + std::string(digits.data(), end);
    }
    case filter::Type::bytes: return "bytes:" + escaped(value.text());
    default:                  return "string:" + escaped(value.text());
  }
}

template <class Number>
void append_number(std::string& to, Number number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// What a header says of one attribute, as its bytes stand in an event.
Result<std::string> attribute_bytes(std::string_view name, std::string_view header, std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view type = text.substr(0, colon);
  text.remove_prefix(std::min(colon + 1, text.size()));
  std::string value;
  std::uint8_t kind = VS_EVENT_BOOL;
  if (type == "bool" && (text == "true" || text == "false")) {
    value = std::string(1, text == "true" ? '\1' : '\0');
  } else if (const auto integer = type == "int" ? number_in<std::int64_t>(text) : std::nullopt) {
    kind = VS_EVENT_INT;
    append_number(value, *integer);
  } else if (const auto real = type == "double" ? number_in<double>(text) : std::nullopt) {
    kind = VS_EVENT_DOUBLE;
    append_number(value, *real);
  } else if (type == "string" || type == "bytes") {
    auto plain = unescaped(text);
    if (!plain) return refuse_header(header, plain.error().message);
    kind = type == "string" ? VS_EVENT_STRING : VS_EVENT_BYTES;
    value = std::move(*plain);
  } else {
    return refuse_header(header, "no value of a type that there is");
  }
  if (value.size() > VS_EVENT_ATTRIBUTE_BYTES_MAX || name.size() > VS_EVENT_ATTRIBUTE_NAME_BYTES_MAX)
    return refuse_header(header, "too long");
  const vs_event_attribute head{.type = kind,
                                .name_bytes = static_cast<std::uint8_t>(name.size()),
                                .value_bytes = static_cast<std::uint16_t>(value.size())};
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + std::string(name) + value;
}

// What the headers say, gathered.
struct Said {
  Arrival arrival;
  vs_event header{};
  std::string key;
  std::string content_type;
  std::string attributes;
};

Result<> read_text(std::string_view header, std::string_view text, std::size_t bytes_max, std::string& into) {
  auto plain = unescaped(text);
  if (!plain) return refuse_header(header, plain.error().message);
  if (plain->size() > bytes_max) return refuse_header(header, "more than " + std::to_string(bytes_max) + " bytes");
  into = std::move(*plain);
  return {};
}

template <class Number>
Result<> read_number(std::string_view header, std::string_view text, Number& into) {
  const auto number = number_in<Number>(text);
  if (!number) return refuse_header(header, "no number that it may have");
  into = *number;
  return {};
}

Result<> read_header(std::string_view name, std::string_view text, Said& said) {
  if (name == "Vs-Origin") return read_text(name, text, kOriginBytesMax, said.arrival.origin.name);
  if (name == "Vs-Sequence") return read_number(name, text, said.arrival.origin.sequence);
  if (name == "Vs-Published-Ns") return read_number(name, text, said.arrival.published_ns);
  if (name == "Vs-Expires-Ms") return read_number(name, text, said.header.expires_ms);
  if (name == "Vs-Key") return read_text(name, text, VS_EVENT_KEY_BYTES_MAX, said.key);
  if (name == "Content-Type") return read_text(name, text, VS_EVENT_CONTENT_TYPE_BYTES_MAX, said.content_type);
  if (name == "Vs-Priority") return read_number(name, text, said.header.priority);
  if (name == "Vs-Again") {
    if (text != "1") return refuse_header(name, "is \"1\" or not there");
    said.arrival.origin.again = true;
  }
  if (!name.starts_with(kAttribute)) return {};
  if (said.header.attribute_count == VS_EVENT_ATTRIBUTES_MAX) return refuse_header(name, "one attribute too many");
  auto bytes = attribute_bytes(name.substr(kAttribute.size()), name, text);
  if (!bytes) return fail(std::move(bytes.error()));
  said.attributes += *bytes;
  ++said.header.attribute_count;
  return {};
}

}  // namespace

std::size_t Crossing::bytes() const {
  std::size_t sum = channel.size() + payload.size() + sizeof *this;
  for (const auto& [name, value] : headers) sum += name.size() + value.size();
  return sum;
}

std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain = "-_.~/+ ";
  std::string safe;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool inner = c != ' ' || (at != 0 && at + 1 != text.size());  // spaces at the ends may be taken away on the way
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alnum || (inner && plain.find(c) != std::string_view::npos)) {
      safe += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    safe += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return safe;
}

Result<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      plain += text[at];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2)
      return fail(ErrorCode::invalid, "a % that no two digits follow");
    plain += static_cast<char>(byte);
    at += 2;
  }
  return plain;
}

Crossing wrap(const EventParts& parts, const Origin& origin, std::uint64_t published_ns, std::uint32_t expires_ms) {
  Crossing crossing{.channel = std::string(parts.channel),
                    .headers = {{"Vs-Origin", escaped(origin.name)},
                                {"Vs-Sequence", std::to_string(origin.sequence)},
                                {"Vs-Published-Ns", std::to_string(published_ns)}},
                    .payload = {reinterpret_cast<const char*>(parts.payload.data()), parts.payload.size()}};
  Headers& headers = crossing.headers;
  if (expires_ms != 0) headers.emplace_back("Vs-Expires-Ms", std::to_string(expires_ms));
  if (parts.header.priority != 0) headers.emplace_back("Vs-Priority", std::to_string(parts.header.priority));
  if (!parts.key.empty()) headers.emplace_back("Vs-Key", escaped(parts.key));
  if (!parts.content_type.empty()) headers.emplace_back("Content-Type", escaped(parts.content_type));
  if (origin.again) headers.emplace_back("Vs-Again", "1");
  for (const auto& [name, value] : parts.attributes) headers.emplace_back(std::string(kAttribute) + std::string(name), written(value));
  return crossing;
}

Result<Arrival> unwrap(const Crossing& crossing, std::size_t event_bytes_max) {
  if (crossing.headers.size() > kHeadersMax)
    return fail(ErrorCode::exhausted, "more than " + std::to_string(kHeadersMax) + " headers");
  Said said;
  for (const auto& [name, text] : crossing.headers)
    if (auto read = read_header(name, text, said); !read) return fail(std::move(read.error()));
  const std::string names = crossing.channel + said.key + said.content_type + said.attributes;
  const std::size_t bytes = sizeof(vs_event) + names.size() + crossing.payload.size();
  const std::size_t padded = (bytes + VS_EVENT_ALIGN - 1) / VS_EVENT_ALIGN * VS_EVENT_ALIGN;
  if (padded > event_bytes_max)
    return fail(ErrorCode::exhausted, std::to_string(padded) + " bytes, limit " + std::to_string(event_bytes_max));
  said.header.bytes = static_cast<std::uint32_t>(padded);
  said.header.payload_bytes = static_cast<std::uint32_t>(crossing.payload.size());
  said.header.channel_bytes = static_cast<std::uint16_t>(crossing.channel.size());
  said.header.key_bytes = static_cast<std::uint16_t>(said.key.size());
  said.header.content_type_bytes = static_cast<std::uint16_t>(said.content_type.size());
  std::vector<std::byte>& event = said.arrival.event;
  event.resize(padded);
  std::memcpy(event.data(), &said.header, sizeof said.header);
  std::memcpy(event.data() + sizeof said.header, names.data(), names.size());
  if (!crossing.payload.empty())
    std::memcpy(event.data() + sizeof said.header + names.size(), crossing.payload.data(), crossing.payload.size());
  return std::move(said.arrival);
}

}  // namespace vs::pubsub
