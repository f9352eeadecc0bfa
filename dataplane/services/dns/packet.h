// What a nameserver sent, as an answer to one question: the packets of RFC 1035 4, read with suspicion.
//
// Pure; thread-safe. Nothing in the packet is believed that does not fit it: pointers go backwards only, a name takes at most
// kNameStepsMax steps, records that are not of the question's chain of CNAMEs are passed over.
// Errors: invalid, when it is no answer to that question.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "dataplane/services/dns/wire.h"

namespace vs::dns {

// Types of resource records (RFC 1035 3.2.2, RFC 3596).
enum class RecordType : std::uint16_t { a = 1, cname = 5, soa = 6, ptr = 12, aaaa = 28 };

inline constexpr std::uint16_t kClassInternet = 1;
inline constexpr int kNameStepsMax = 128;   // labels and pointers of one name
inline constexpr std::size_t kCnamesMax = 16;  // of one chain

// `type` is a, aaaa or ptr. The answer's lifetime is the smallest TTL of its chain, of a negative one what its SOA says (RFC 2308 5): 0
// without one. A response code other than NOERROR and NXDOMAIN is VS_DNS_TRY_AGAIN, and server_failed.
Result<Answer> read_answer(std::span<const std::uint8_t> packet, std::string_view name, RecordType type);

}  // namespace vs::dns
