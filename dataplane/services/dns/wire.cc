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

std::string reverse_name(const Address& address) {
  std::string name;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = address.inet6 ? 15 : 3; i >= 0; --i) {
    const std::uint8_t byte = address.bytes[static_cast<std::size_t>(i)];
    if (!address.inet6) name += std::to_string(byte) + '.';
    else name.append({kDigits[byte & 15u], '.', kDigits[byte >> 4u], '.'});
  }
  return name + (address.inet6 ? "ip6.arpa" : "in-addr.arpa");
}

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

void set_ttl(Answer& answer, std::uint32_t ttl_s) {
  answer.ttl_s = ttl_s;
  for (Address& address : answer.addresses) address.ttl_s = ttl_s;
}

Answer join(std::vector<Answer> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  Answer joined{.result = VS_DNS_NO_DATA, .ttl_s = UINT32_MAX};
  bool no_name = false;
  bool unknown = false;
  for (Answer& part : parts) {
    no_name = no_name || part.result == VS_DNS_NO_NAME;
    unknown = unknown || part.result == VS_DNS_TRY_AGAIN;
    joined.server_failed = joined.server_failed || part.server_failed;
    joined.ttl_s = std::min(joined.ttl_s, part.ttl_s);
    if (part.result != VS_DNS_FOUND) continue;
    if (joined.canonical_name.empty()) joined.canonical_name = std::move(part.canonical_name);
    joined.addresses.insert(joined.addresses.end(), part.addresses.begin(), part.addresses.end());
  }
  if (!joined.addresses.empty()) joined.result = VS_DNS_FOUND;
  else if (unknown) joined.result = VS_DNS_TRY_AGAIN;
  else if (no_name) joined.result = VS_DNS_NO_NAME;
  return joined;
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
                    .inet6 = head.family != VS_DNS_INET,
                    .table_hits = head.table_hits};
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

std::vector<std::byte> table_key(const Question& question) {
  const vs_dns_family family = !question.inet6 ? VS_DNS_INET : !question.inet ? VS_DNS_INET6 : VS_DNS_ANY;
  std::vector<std::byte> key{static_cast<std::byte>(family)};
  for (const char c : question.name) key.push_back(static_cast<std::byte>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
  return key;
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
