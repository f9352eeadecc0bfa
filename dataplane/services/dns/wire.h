// The bytes of dns requests and answers (abi/dns.h), in and out.
//
// Pure; thread-safe. Errors: invalid, when a guest's request is not one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/abi/dns.h"

namespace vs::dns {

struct Question {
  std::string name;  // judged: RFC 1035 lengths, printable, no final dot
  bool inet = false;
  bool inet6 = false;
};

struct Address {
  bool inet6 = false;
  std::uint32_t ttl_s = 0;
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4: the first 4
  friend bool operator==(const Address&, const Address&) = default;
};

struct Answer {
  vs_dns_result result = VS_DNS_TRY_AGAIN;
  std::string canonical_name;
  std::vector<Address> addresses;
};

Result<Question> decode_lookup(std::span<const std::byte> payload);
Result<Address> decode_reverse(std::span<const std::byte> payload);

// At most VS_DNS_ADDRESSES_MAX addresses; the rest is cut.
std::vector<std::byte> encode_addresses(const Answer& answer);
// At most VS_DNS_NAMES_MAX names; longer names than VS_DNS_NAME_BYTES_MAX are left out.
std::vector<std::byte> encode_names(vs_dns_result result, const std::vector<std::string>& names);

// A name that can be asked for: 1 to 253 bytes, labels of 1 to 63, printable ASCII without blank and backslash.
Result<> judge_name(std::string_view name);

}  // namespace vs::dns
