// What another node says that it kept for a domain's lookups: decoded or left out entry by entry, put into the domain's own partition and no
// other one, never for longer than it says; and what is then sent on says the same.
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/json.h"
#include "dataplane/services/dns/soft_state.h"

namespace vs::dns {
namespace {

using namespace std::chrono_literals;

void judge(const Cache::Kept& kept) {
  VS_CHECK(judge_name(kept.key.name) && make_key(kept.key.name, kept.key.type) == kept.key);
  VS_CHECK(kept.left.count() > 0 && kept.left <= std::chrono::seconds(std::uint32_t{1} << 31));
  VS_CHECK(kept.answer.result != VS_DNS_TRY_AGAIN);
  const bool found = !kept.answer.addresses.empty() || !kept.answer.names.empty();
  VS_CHECK(found == (kept.answer.result == VS_DNS_FOUND));
  for (const Address& address : kept.answer.addresses)
    VS_CHECK(kept.key.type == (address.inet6 ? RecordType::aaaa : RecordType::a));
  VS_CHECK(kept.answer.names.empty() || kept.key.type == RecordType::ptr);
}

void take_over(const std::string& text) {
  const auto state = parse_json(text);
  if (!state) return;
  const WallTime now{100'000s};
  const DecodedState decoded = decode_state(*state, now);
  VS_CHECK(decoded.kept.size() + decoded.refused <= kStateEntriesMax + 1);
  Cache cache({.guest_entries_max = 16, .guest_bytes_max = 16 << 10});
  const TimePoint here{1h};
  for (const Cache::Kept& kept : decoded.kept) {
    judge(kept);
    if (!cache.take_over("web1", kept, here)) continue;
    const auto found = cache.find("web1", kept.key, here);
    VS_CHECK(found && std::chrono::seconds(found->answer.ttl_s) <= kept.left + 1s);
    VS_CHECK(!cache.find("web2", kept.key, here));
  }
  const auto sent_on = cache.kept("web1", here, kStateEntriesMax);
  const auto encoded = encode_state(sent_on, now, 4096);
  VS_CHECK(encoded.dump().size() <= 4096);
  const DecodedState again = decode_state(encoded, now);
  VS_CHECK(again.refused == 0 && again.kept.size() <= sent_on.size());
}

}  // namespace
}  // namespace vs::dns

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  vs::dns::take_over(std::string(reinterpret_cast<const char*>(bytes), size));
  return 0;
}
