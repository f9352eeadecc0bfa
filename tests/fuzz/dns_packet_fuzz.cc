// What a nameserver sends, into a cache and out of it towards a guest.
//
// The input is a packet; its first byte says of which type it is to be the answer, the name is that of the packet's own question. Whatever
// comes: nothing outside it is touched, what is read of it fits the limits of the guest's protocol, and what was kept is found as it was
// told.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "base/check.h"
#include "dataplane/services/dns/cache.h"
#include "dataplane/services/dns/packet.h"
#include "dataplane/services/dns/wire.h"

namespace vs::dns {
namespace {

// The question's name, read with less care: what follows the header, label by label.
std::string name_in(std::span<const std::uint8_t> packet) {
  std::string name;
  for (std::size_t at = 12; at < packet.size() && packet[at] != 0 && packet[at] < 64;) {
    const std::size_t length = packet[at];
    if (packet.size() - at - 1 < length) return {};
    if (!name.empty()) name += '.';
    for (std::size_t i = 1; i <= length; ++i) name += static_cast<char>(packet[at + i]);
    at += 1 + length;
  }
  return name;
}

void judge(const Answer& answer) {
  VS_CHECK(answer.names.size() <= VS_DNS_NAMES_MAX);
  VS_CHECK((answer.result == VS_DNS_FOUND) == (!answer.addresses.empty() || !answer.names.empty()));
  VS_CHECK(!answer.server_failed || answer.result == VS_DNS_TRY_AGAIN);
  VS_CHECK(answer.ttl_s <= INT32_MAX);
  for (const Address& address : answer.addresses) VS_CHECK(address.ttl_s == answer.ttl_s);
  for (const std::string& name : answer.names) VS_CHECK(name.size() <= VS_DNS_NAME_BYTES_MAX);
}

}  // namespace
}  // namespace vs::dns

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace vs::dns;
  if (bytes < 1) return 0;
  const std::array types{RecordType::a, RecordType::aaaa, RecordType::ptr};
  const RecordType type = types[data[0] % types.size()];
  const std::span packet(data + 1, bytes - 1);
  const std::string name = name_in(packet);
  const auto answer = read_answer(packet, name, type);
  if (!answer) return 0;
  judge(*answer);
  Cache cache({.guest_bytes_max = 64 << 10});
  const TimePoint now{std::chrono::hours(1)};
  const CacheKey key = make_key(name, type);
  cache.put("guest", key, *answer, std::chrono::milliseconds(1), now);
  VS_CHECK(cache.counts().bytes <= cache.share_bytes());
  if (const auto found = cache.find("guest", key, now, Cache::Ttl::whole)) VS_CHECK(found->answer == cache.told(*answer));
  (void)encode_addresses(*answer);
  (void)encode_names(answer->result, answer->names);
  return 0;
}
