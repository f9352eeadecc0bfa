// Questions of guests to answers: out of what is kept for the guest, out of what is kept for those that share with it, or from the
// nameservers, once for all who wait for the same.
//
//   own partition      one for each domain: what it asked, and nobody else sees. Looked into first
//   shared partition   one for each group, one for `delayed`, one for `open`: looked into second, as the binding's sharing says
//
// In `delayed` nothing of the second look shows: the answer comes after a time drawn from those that fetches took, has the TTL it
// came with, and ages from then on for this guest alone; who asks while another guest's fetch is under way fetches, too.
// Owned by one thread; callbacks come exactly once, perhaps from inside the asking call, none after the resolver is destroyed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/event_loop.h"
#include "base/guarded.h"
#include "dataplane/services/dns/cache.h"
#include "dataplane/services/dns/latencies.h"
#include "dataplane/services/dns/sharing.h"
#include "dataplane/services/dns/wire.h"

namespace vs::dns {

// What a caching resolver needs of the world: time, chance and nameservers.
class Upstream {
 public:
  using AnswerCallback = std::function<void(Answer)>;

  virtual ~Upstream() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;
  virtual TimerId at(TimePoint when, std::function<void()> callback) = 0;
  virtual void cancel(TimerId timer) = 0;
  [[nodiscard]] virtual std::uint64_t random() = 0;
  // Never calls back from inside.
  virtual void fetch(const CacheKey& key, AnswerCallback callback) = 0;
};

inline constexpr std::size_t kFlightsPerDomainMax = 4096;  // fetches that a domain has under way; more are answered TRY_AGAIN

// What is kept for groups of guests; the loops of a process share it.
using SharedCache = Guarded<Cache>;

// Who asks. Outlives its questions.
struct Asker {
  std::string domain;
  Sharing sharing;
  std::uint64_t hits = 0;      // questions answered out of what was kept, at once
  std::uint64_t misses = 0;
  std::uint64_t table_hits = 0;  // found without asking, as the guest says
};

struct CachingCounts {
  std::uint64_t own_hits = 0;      // of queries: a question for both families is two
  std::uint64_t shared_hits = 0;
  std::uint64_t delayed_hits = 0;  // shared, too, but told late
  std::uint64_t misses = 0;        // fetched
  std::uint64_t joined = 0;        // waited for what was being fetched already
  std::uint64_t prefetched = 0;
  std::uint64_t stale = 0;         // answered after their time, for the nameservers did not
  std::uint64_t abandoned = 0;     // the guest's deadline came first
  std::uint64_t refused = 0;       // for the guest had too many under way
};

class CachingResolver {
 public:
  using AnswerCallback = std::function<void(const Answer&)>;

  CachingResolver(Upstream& upstream, const CacheTerms& terms, std::shared_ptr<SharedCache> shared);
  ~CachingResolver();
  CachingResolver(const CachingResolver&) = delete;
  CachingResolver& operator=(const CachingResolver&) = delete;

  void lookup(const std::shared_ptr<Asker>& asker, const Question& question, TimePoint deadline, AnswerCallback callback);
  void reverse(const std::shared_ptr<Asker>& asker, const Address& address, TimePoint deadline, AnswerCallback callback);

  // The domains that may ask from now on, and have an equal share each: what is kept of others is forgotten.
  void serve(const std::set<std::string>& domains);
  // What is kept for a domain alone, or (empty) everything, also what is shared; of one name, or (empty) of all. How many entries.
  std::size_t flush(std::string_view domain, std::string_view name);

  // What is kept for a domain alone, and what another node kept for it: those of use, counted.
  [[nodiscard]] std::vector<Cache::Kept> kept_for(const std::string& domain, std::size_t entries_max) const {
    return own_.kept(domain, upstream_.now(), entries_max);
  }
  std::size_t take_over(const std::string& domain, const std::vector<Cache::Kept>& kept);

  [[nodiscard]] const CachingCounts& counts() const { return counts_; }
  [[nodiscard]] const Cache& own() const { return own_; }
  [[nodiscard]] CacheCounts shared_counts() const;
  [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

 private:
  struct Flight;
  struct Waiter;
  struct FlightKey {
    std::string partition;
    CacheKey key;
    bool operator<(const FlightKey& other) const {
      return std::tie(partition, key.name, key.type) < std::tie(other.partition, other.key.name, other.key.type);
    }
  };

  void ask(const std::shared_ptr<Asker>& asker, const CacheKey& key, TimePoint deadline, AnswerCallback callback);
  std::optional<Cache::Found> find_own(const Asker& asker, const CacheKey& key);
  std::optional<Cache::Found> find_shared(const std::string& partition, const CacheKey& key, Cache::Ttl ttl);
  // Begins a fetch, or what looks like one, unless there is one already; nullptr: the guest has too many.
  Flight* flight(const Asker& asker, const FlightKey& of, const std::string& shared_in);
  static FlightKey flight_key(const Asker& asker, const CacheKey& key, const std::string& shared_in);
  void start(const FlightKey& of, Flight& flight);
  void prefetch_if_worth(const Cache::Found& found, const Asker& asker, const CacheKey& key, const std::string& shared_in);
  void fetched(const FlightKey& of, Answer answer);
  void land(const FlightKey& of, const Answer& answer, std::chrono::nanoseconds latency);
  void wait(Flight& flight, const FlightKey& of, TimePoint deadline, std::optional<Answer> stale, AnswerCallback callback);
  // One waiter is answered before its flight has landed.
  void answer_early(const FlightKey& of, std::uint64_t waiter, bool with_stale);

  Upstream& upstream_;
  CacheTerms terms_;
  Cache own_;
  std::shared_ptr<SharedCache> shared_;
  Latencies latencies_;
  CachingCounts counts_;
  std::map<FlightKey, std::unique_ptr<Flight>> flights_;
  std::map<std::string, std::size_t, std::less<>> flights_of_;  // by the domain that began them
  std::uint64_t next_waiter_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace vs::dns
