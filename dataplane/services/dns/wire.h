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
  std::uint32_t table_hits = 0;  // as the guest says
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
  std::vector<Address> addresses;   // of lookups
  std::vector<std::string> names;   // of reverse lookups
  std::uint32_t ttl_s = 0;          // how long it may be kept; 0: not at all
  bool server_failed = false;       // with TRY_AGAIN: a nameserver said so (SERVFAIL, REFUSED), it was not out of reach
  friend bool operator==(const Answer&, const Answer&) = default;
};

// Sets the lifetime of an answer and of all its addresses.
void set_ttl(Answer& answer, std::uint32_t ttl_s);
// The answers to the questions that one question was split into: what was found is better than what is not known of the other family, and
// an unknown is not a no. The lifetime is the shortest.
Answer join(std::vector<Answer> parts);

Result<Question> decode_lookup(std::span<const std::byte> payload);
Result<Address> decode_reverse(std::span<const std::byte> payload);

// Under which the answer is in the guest's table (abi/answers.h).
std::vector<std::byte> table_key(const Question& question);
// At most VS_DNS_ADDRESSES_MAX addresses; the rest is cut.
std::vector<std::byte> encode_addresses(const Answer& answer);
// At most VS_DNS_NAMES_MAX names; longer names than VS_DNS_NAME_BYTES_MAX are left out.
std::vector<std::byte> encode_names(vs_dns_result result, const std::vector<std::string>& names);

// 10.1.2.3 to 3.2.1.10.in-addr.arpa, IPv6 accordingly (RFC 1035 3.5, RFC 3596 2.5).
std::string reverse_name(const Address& address);

// A name that can be asked for: 1 to 253 bytes, labels of 1 to 63, printable ASCII without blank and backslash.
Result<> judge_name(std::string_view name);

}  // namespace vs::dns
