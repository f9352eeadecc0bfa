#include "dataplane/services/dns/wire.h"

#include <algorithm>
#include <cstring>

namespace vs::dns {
namespace {

void append_bytes(std::vector<std::byte>& to, const void* bytes, std::size_t count) {
  const std::size_t before = to.size();
  to.resize(before + count);
  if (count != 0) std::memcpy(to.data() + before, bytes, count);
}

template <class T>
void append(std::vector<std::byte>& to, const T& value) {
  append_bytes(to, &value, sizeof value);
}

void append_text(std::vector<std::byte>& to, std::string_view text) { append_bytes(to, text.data(), text.size()); }

bool printable(char c) { return c > ' ' && c < 0x7f && c != '\\'; }

}  // namespace

Result<> judge_name(std::string_view name) {
  if (name.empty()) return fail(ErrorCode::invalid, "dns: empty name");
  if (name.size() > VS_DNS_NAME_BYTES_MAX)
    return fail(ErrorCode::invalid, "dns: name of " + std::to_string(name.size()) + " bytes, limit 253");
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return fail(ErrorCode::invalid, "dns: name with an empty label");
      label = 0;
    } else if (!printable(c)) {
      return fail(ErrorCode::invalid, "dns: name with a byte that no host name has");
    } else if (++label > VS_DNS_LABEL_BYTES_MAX) {
      return fail(ErrorCode::invalid, "dns: name with a label over 63 bytes");
    }
  }
  if (label == 0) return fail(ErrorCode::invalid, "dns: name with an empty label");
  return {};
}

Result<Question> decode_lookup(std::span<const std::byte> payload) {
  vs_dns_lookup head;
  if (payload.size() < sizeof head) return fail(ErrorCode::invalid, "dns: lookup shorter than its header");
  std::memcpy(&head, payload.data(), sizeof head);
  const auto text = payload.subspan(sizeof head);
  if (head.name_bytes != text.size()) return fail(ErrorCode::invalid, "dns: name length differs from the request's");
  if (head.family != VS_DNS_ANY && head.family != VS_DNS_INET && head.family != VS_DNS_INET6)
    return fail(ErrorCode::invalid, "dns: unknown family " + std::to_string(head.family));
  Question question{.name = std::string(reinterpret_cast<const char*>(text.data()), text.size()),
                    .inet = head.family != VS_DNS_INET6,
                    .inet6 = head.family != VS_DNS_INET};
  if (auto judged = judge_name(question.name); !judged) return fail(std::move(judged.error()));
  return question;
}

Result<Address> decode_reverse(std::span<const std::byte> payload) {
  vs_dns_reverse from;
  if (payload.size() != sizeof from) return fail(ErrorCode::invalid, "dns: reverse lookup of another length");
  std::memcpy(&from, payload.data(), sizeof from);
  if (from.family != VS_DNS_INET && from.family != VS_DNS_INET6)
    return fail(ErrorCode::invalid, "dns: unknown family " + std::to_string(from.family));
  Address address{.inet6 = from.family == VS_DNS_INET6};
  std::memcpy(address.bytes.data(), from.address, address.bytes.size());
  return address;
}

std::vector<std::byte> encode_addresses(const Answer& answer) {
  const std::size_t count = std::min<std::size_t>(answer.addresses.size(), VS_DNS_ADDRESSES_MAX);
  const bool named = answer.canonical_name.size() <= VS_DNS_NAME_BYTES_MAX;
  const std::string_view name = named ? std::string_view(answer.canonical_name) : std::string_view();
  std::vector<std::byte> bytes;
  bytes.reserve(sizeof(vs_dns_addresses) + count * sizeof(vs_dns_address) + name.size());
  append(bytes, vs_dns_addresses{.result = answer.result,
                                 .address_count = static_cast<std::uint16_t>(count),
                                 .name_bytes = static_cast<std::uint16_t>(name.size())});
  for (std::size_t i = 0; i < count; ++i) {
    const Address& from = answer.addresses[i];
    vs_dns_address to{.family = static_cast<std::uint8_t>(from.inet6 ? VS_DNS_INET6 : VS_DNS_INET), .ttl_s = from.ttl_s};
    std::memcpy(to.address, from.bytes.data(), from.bytes.size());
    append(bytes, to);
  }
  append_text(bytes, name);
  return bytes;
}

std::vector<std::byte> encode_names(vs_dns_result result, const std::vector<std::string>& names) {
  std::vector<std::string_view> kept;
  for (const std::string& name : names)
    if (!name.empty() && name.size() <= VS_DNS_NAME_BYTES_MAX && kept.size() < VS_DNS_NAMES_MAX) kept.push_back(name);
  if (result == VS_DNS_FOUND && kept.empty()) result = VS_DNS_NO_DATA;
  std::vector<std::byte> bytes;
  append(bytes, vs_dns_names{.result = result, .name_count = static_cast<std::uint16_t>(kept.size())});
  for (const std::string_view name : kept) {
    append(bytes, static_cast<std::uint16_t>(name.size()));
    append_text(bytes, name);
  }
  return bytes;
}

}  // namespace vs::dns
