// Answers that are kept for as long as their nameservers allow, in partitions that know nothing of each other.
//
// A partition is what one guest, or the guests that share, asked. Each has its own quota and makes room only within itself, so that
// nothing that happens in one changes what is found in another. Times are the caller's, sizes bytes. Owned by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/services/dns/packet.h"

namespace vs::dns {

using TimePoint = std::chrono::steady_clock::time_point;

// How long answers are kept, and how many; a part of a service's parameters.
struct CacheTerms {
  std::chrono::seconds ttl_min{0};            // what nameservers give less than this is kept this long all the same
  std::chrono::seconds ttl_max{3600};         // 0: nothing is kept
  std::chrono::seconds negative_ttl_max{900}; // RFC 2308 7.1
  std::chrono::seconds failure_ttl{1};        // of what no nameserver could answer (RFC 9520)
  std::chrono::seconds stale_max{3600};       // how much longer for when nameservers do not answer (RFC 8767); 0: not
  std::chrono::milliseconds stale_after{1800};  // so long they have to answer before
  std::uint32_t prefetch_hits = 2;            // asked for that often, it is fetched anew in the last tenth of its time; 0: not
  std::uint64_t guest_entries_max = 4096;     // of one guest
  std::uint64_t guest_bytes_max = 4 << 20;
  std::uint64_t bytes_max = 64 << 20;         // of all guests; no guest's part is more than its share of it
  friend bool operator==(const CacheTerms&, const CacheTerms&) = default;
};

inline constexpr std::chrono::seconds kStaleTtl{30};  // that an answer after its time is given (RFC 8767 4)
inline constexpr std::size_t kEntryBytes = 256;       // of an entry, beside its texts and addresses

// What an answer is an answer to. Names of one case.
struct CacheKey {
  std::string name;
  RecordType type;  // the class is IN
  friend bool operator==(const CacheKey&, const CacheKey&) = default;
};
struct CacheKeyHash {
  std::size_t operator()(const CacheKey& key) const {
    return std::hash<std::string>{}(key.name) * 31 + static_cast<std::size_t>(key.type);
  }
};
CacheKey make_key(std::string_view name, RecordType type);

struct CacheCounts {
  std::uint64_t stored = 0;
  std::uint64_t evicted = 0;   // before their time, for want of room in their partition
  std::uint64_t flushed = 0;
  std::uint64_t entries = 0;   // now
  std::uint64_t bytes = 0;     // now
};

class Cache {
 public:
  // A kept answer, as of now.
  struct Found {
    Answer answer;
    std::chrono::nanoseconds latency;  // that fetching it took
    bool stale = false;       // its time is over
    bool last_tenth = false;  // of its time
    std::uint32_t hits = 0;   // this one counted
  };

  // For so many partitions, that each have an equal share.
  explicit Cache(const CacheTerms& terms, std::size_t partitions = 1);
  void share_among(std::size_t partitions);

  // A failure is kept only over nothing or another one: it does not cost what was known.
  void put(const std::string& partition, const CacheKey& key, const Answer& answer, std::chrono::nanoseconds latency, TimePoint now);
  // With TTLs that have aged, or as they were when it was stored.
  enum class Ttl : std::uint8_t { aged, whole };
  std::optional<Found> find(const std::string& partition, const CacheKey& key, TimePoint now, Ttl ttl = Ttl::aged);

  // The answer with the TTL that it is kept for, or, if it is not kept, as it is.
  [[nodiscard]] Answer told(Answer answer) const;

  // What may be kept elsewhere: an answer in time, and how much of it is left.
  struct Kept {
    CacheKey key;
    Answer answer;
    std::chrono::nanoseconds left{};
  };
  // Of one partition, no failures, those used last first, at most so many.
  [[nodiscard]] std::vector<Kept> kept(const std::string& partition, TimePoint now, std::size_t entries_max) const;
  // Keeps it for what is left of its time, as if it had been put here; not over what is known. False: it was of no use.
  bool take_over(const std::string& partition, const Kept& kept, TimePoint now);

  // Forgets; an empty partition or name stands for all. A name is that of all types. How many.
  std::size_t flush(std::string_view partition, std::string_view name);
  // Forgets what is of no partition that `wanted` says yes to.
  template <class Wanted>
  void keep_only(Wanted wanted) {
    for (auto at = partitions_.begin(); at != partitions_.end();) at = wanted(at->first) ? std::next(at) : drop(at);
  }

  [[nodiscard]] const CacheCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t share_entries() const { return share_entries_; }
  [[nodiscard]] std::uint64_t share_bytes() const { return share_bytes_; }

 private:
  struct Entry {
    CacheKey key;
    Answer answer;
    std::chrono::nanoseconds latency{};
    TimePoint stored{};
    TimePoint expires{};
    std::size_t bytes = 0;
    std::uint32_t hits = 0;
  };
  using Entries = std::list<Entry>;  // the latest used first
  struct Partition {
    Entries entries;
    std::unordered_map<CacheKey, Entries::iterator, CacheKeyHash> by_key;
    std::uint64_t bytes = 0;
  };
  using Partitions = std::map<std::string, Partition, std::less<>>;

  [[nodiscard]] std::chrono::seconds lifetime(const Answer& answer) const;
  void insert(const std::string& partition, Entry entry);
  void erase(Partition& partition, Entries::iterator entry);
  void make_room(Partition& partition, std::uint64_t entries, std::uint64_t bytes);
  Partitions::iterator drop(Partitions::iterator partition);

  CacheTerms terms_;
  std::uint64_t share_entries_ = 0;
  std::uint64_t share_bytes_ = 0;
  Partitions partitions_;
  CacheCounts counts_;
};

}  // namespace vs::dns
