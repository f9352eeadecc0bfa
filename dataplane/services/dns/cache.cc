#include "dataplane/services/dns/cache.h"

#include <algorithm>
#include <utility>

namespace vs::dns {
namespace {

using std::chrono::seconds;

std::size_t bytes_of(const CacheKey& key, const Answer& answer) {
  std::size_t bytes = kEntryBytes + 2 * key.name.size() + answer.canonical_name.size() + answer.addresses.size() * sizeof(Address);
  for (const std::string& name : answer.names) bytes += sizeof name + name.size();
  return bytes;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

CacheKey make_key(std::string_view name, RecordType type) {
  CacheKey key{std::string(name), type};
  std::transform(key.name.begin(), key.name.end(), key.name.begin(), lower);
  return key;
}

Cache::Cache(const CacheTerms& terms, std::size_t partitions) : terms_(terms) { share_among(partitions); }

void Cache::share_among(std::size_t partitions) {
  const std::uint64_t count = std::max<std::size_t>(partitions, 1);
  share_bytes_ = std::min(terms_.guest_bytes_max, terms_.bytes_max / count);
  share_entries_ = terms_.guest_entries_max;
  for (auto& [name, partition] : partitions_) make_room(partition, 0, 0);
}

seconds Cache::lifetime(const Answer& answer) const {
  if (answer.result == VS_DNS_TRY_AGAIN) return answer.server_failed ? std::min(terms_.failure_ttl, terms_.ttl_max) : seconds(0);
  const seconds max = answer.result == VS_DNS_FOUND ? terms_.ttl_max : std::min(terms_.negative_ttl_max, terms_.ttl_max);
  // Without an SOA nobody says how long a no is true (RFC 2308 5).
  if (answer.result != VS_DNS_FOUND && answer.ttl_s == 0) return seconds(0);
  return std::min(std::max(seconds(answer.ttl_s), terms_.ttl_min), max);
}

Answer Cache::told(Answer answer) const {
  if (const seconds life = lifetime(answer); life.count() != 0) set_ttl(answer, static_cast<std::uint32_t>(life.count()));
  return answer;
}

void Cache::put(const std::string& name, const CacheKey& key, const Answer& answer, std::chrono::nanoseconds latency, TimePoint now) {
  const seconds life = lifetime(answer);
  const std::size_t bytes = bytes_of(key, answer);
  if (life.count() == 0 || bytes > share_bytes_ || share_entries_ == 0) return;
  Partition& partition = partitions_[name];
  if (const auto known = partition.by_key.find(key); known != partition.by_key.end()) {
    const Entry& entry = *known->second;
    const bool usable = now < entry.expires + terms_.stale_max && entry.answer.result != VS_DNS_TRY_AGAIN;
    if (answer.result == VS_DNS_TRY_AGAIN && usable) return;
    erase(partition, known->second);
  }
  insert(name, {key, answer, latency, now, now + life, bytes});
}

void Cache::insert(const std::string& name, Entry entry) {
  Partition& partition = partitions_[name];
  make_room(partition, 1, entry.bytes);
  set_ttl(entry.answer, static_cast<std::uint32_t>(std::chrono::duration_cast<seconds>(entry.expires - entry.stored).count()));
  partition.bytes += entry.bytes;
  counts_.bytes += entry.bytes;
  ++counts_.stored;
  ++counts_.entries;
  partition.entries.push_front(std::move(entry));
  partition.by_key.emplace(partition.entries.front().key, partition.entries.begin());
}

std::vector<Cache::Kept> Cache::kept(const std::string& name, TimePoint now, std::size_t entries_max) const {
  std::vector<Kept> kept;
  const auto partition = partitions_.find(name);
  if (partition == partitions_.end()) return kept;
  for (const Entry& entry : partition->second.entries) {
    if (kept.size() == entries_max) break;
    if (entry.expires > now && entry.answer.result != VS_DNS_TRY_AGAIN) kept.push_back({entry.key, entry.answer, entry.expires - now});
  }
  return kept;
}

bool Cache::take_over(const std::string& name, const Kept& kept, TimePoint now) {
  const bool found = kept.answer.result == VS_DNS_FOUND;
  const auto left = std::min<std::chrono::nanoseconds>(kept.left, std::min(found ? terms_.ttl_max : terms_.negative_ttl_max, terms_.ttl_max));
  const std::size_t bytes = bytes_of(kept.key, kept.answer);
  if (left.count() <= 0 || kept.answer.result == VS_DNS_TRY_AGAIN || bytes > share_bytes_ || share_entries_ == 0) return false;
  if (const auto known = partitions_.find(name); known != partitions_.end() && known->second.by_key.contains(kept.key)) return false;
  insert(name, {kept.key, kept.answer, {}, now, now + left, bytes});
  return true;
}

std::optional<Cache::Found> Cache::find(const std::string& name, const CacheKey& key, TimePoint now, Ttl ttl) {
  const auto partition = partitions_.find(name);
  if (partition == partitions_.end()) return std::nullopt;
  const auto known = partition->second.by_key.find(key);
  if (known == partition->second.by_key.end()) return std::nullopt;
  Entry& entry = *known->second;
  const bool failure = entry.answer.result == VS_DNS_TRY_AGAIN;
  if (now >= entry.expires + (failure ? seconds(0) : terms_.stale_max)) {
    erase(partition->second, known->second);
    return std::nullopt;
  }
  partition->second.entries.splice(partition->second.entries.begin(), partition->second.entries, known->second);
  Found found{.answer = entry.answer, .latency = entry.latency, .hits = ++entry.hits};
  found.stale = now >= entry.expires;
  const auto left = entry.expires - now;
  found.last_tenth = left * 10 < entry.expires - entry.stored;
  if (ttl == Ttl::whole && !found.stale) return found;
  const auto left_s = std::chrono::duration_cast<seconds>(left + std::chrono::milliseconds(500));  // never more than it had
  set_ttl(found.answer, static_cast<std::uint32_t>(found.stale ? kStaleTtl.count() : std::max<std::int64_t>(left_s.count(), 0)));
  return found;
}

std::size_t Cache::flush(std::string_view of, std::string_view name) {
  const std::uint64_t before = counts_.flushed;
  for (auto& [partition_name, partition] : partitions_) {
    if (!of.empty() && of != partition_name) continue;
    for (auto entry = partition.entries.begin(); entry != partition.entries.end();) {
      const auto here = entry++;
      if (!name.empty() && here->key.name != name) continue;
      erase(partition, here);
      ++counts_.flushed;
    }
  }
  return static_cast<std::size_t>(counts_.flushed - before);
}

void Cache::erase(Partition& partition, Entries::iterator entry) {
  --counts_.entries;
  counts_.bytes -= entry->bytes;
  partition.bytes -= entry->bytes;
  partition.by_key.erase(entry->key);
  partition.entries.erase(entry);
}

void Cache::make_room(Partition& partition, std::uint64_t entries, std::uint64_t bytes) {
  while (!partition.entries.empty() &&
         (partition.entries.size() + entries > share_entries_ || partition.bytes + bytes > share_bytes_)) {
    erase(partition, std::prev(partition.entries.end()));
    ++counts_.evicted;
  }
}

Cache::Partitions::iterator Cache::drop(Partitions::iterator partition) {
  while (!partition->second.entries.empty()) erase(partition->second, partition->second.entries.begin());
  return partitions_.erase(partition);
}

}  // namespace vs::dns
