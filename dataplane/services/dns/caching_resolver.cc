#include "dataplane/services/dns/caching_resolver.h"

#include <algorithm>
#include <utility>

namespace vs::dns {

// A guest's question that waits.
struct CachingResolver::Waiter {
  std::uint64_t id;
  AnswerCallback callback;
  std::optional<Answer> stale;
  TimerId deadline{};
  std::optional<TimerId> patience;  // then the stale answer is given
};

// A fetch under way, or what looks like one.
struct CachingResolver::Flight {
  std::string began_by;
  std::set<std::string> domains;  // whose own partitions are given the answer
  std::string shared_in;          // and which one else; empty: none
  bool delayed;
  TimePoint began;
  std::vector<Waiter> waiters{};
};

CachingResolver::CachingResolver(Upstream& upstream, const CacheTerms& terms, std::shared_ptr<SharedCache> shared)
    : upstream_(upstream), terms_(terms), own_(terms), shared_(std::move(shared)) {}

CachingResolver::~CachingResolver() {
  alive_.reset();
  for (const auto& [key, flight] : flights_)
    for (const Waiter& waiter : flight->waiters) {
      upstream_.cancel(waiter.deadline);
      if (waiter.patience) upstream_.cancel(*waiter.patience);
    }
}

void CachingResolver::serve(const std::set<std::string>& domains) {
  own_.keep_only([&](const std::string& partition) { return domains.contains(partition); });
  own_.share_among(domains.size());
}

std::size_t CachingResolver::flush(std::string_view domain, std::string_view name) {
  const std::string key = make_key(name, RecordType::a).name;
  std::size_t flushed = own_.flush(domain, key);
  if (domain.empty()) flushed += shared_->with([&](Cache& cache) { return cache.flush({}, key); });
  return flushed;
}

// The first was used last, and is to be so again.
std::size_t CachingResolver::take_over(const std::string& domain, const std::vector<Cache::Kept>& kept) {
  std::size_t taken = 0;
  for (auto one = kept.rbegin(); one != kept.rend(); ++one) taken += own_.take_over(domain, *one, upstream_.now()) ? 1 : 0;
  return taken;
}

CacheCounts CachingResolver::shared_counts() const {
  return std::as_const(*shared_).with([](const Cache& cache) { return cache.counts(); });
}

void CachingResolver::lookup(const std::shared_ptr<Asker>& asker, const Question& question, TimePoint deadline,
                             AnswerCallback callback) {
  if (!question.inet || !question.inet6) {
    const RecordType type = question.inet ? RecordType::a : RecordType::aaaa;
    return ask(asker, make_key(question.name, type), deadline, std::move(callback));
  }
  struct Both {
    std::vector<Answer> parts{2};
    int left = 2;
    AnswerCallback callback;
  };
  auto both = std::make_shared<Both>();
  both->callback = std::move(callback);
  std::size_t part = 0;
  for (const RecordType type : {RecordType::a, RecordType::aaaa})
    ask(asker, make_key(question.name, type), deadline, [both, part = part++](const Answer& answer) {
      both->parts[part] = answer;
      if (--both->left == 0) both->callback(join(std::move(both->parts)));
    });
}

void CachingResolver::reverse(const std::shared_ptr<Asker>& asker, const Address& address, TimePoint deadline,
                              AnswerCallback callback) {
  ask(asker, make_key(reverse_name(address), RecordType::ptr), deadline, std::move(callback));
}

std::optional<Cache::Found> CachingResolver::find_own(const Asker& asker, const CacheKey& key) {
  return own_.find(asker.domain, key, upstream_.now());
}

std::optional<Cache::Found> CachingResolver::find_shared(const std::string& partition, const CacheKey& key, Cache::Ttl ttl) {
  return shared_->with([&](Cache& cache) { return cache.find(partition, key, upstream_.now(), ttl); });
}

void CachingResolver::ask(const std::shared_ptr<Asker>& asker, const CacheKey& key, TimePoint deadline, AnswerCallback callback) {
  const std::string shared_in = asker->sharing.partition_of(key.name);
  std::optional<Answer> stale;
  const auto usable = [&](const std::optional<Cache::Found>& found) {
    if (found && found->stale && !stale) stale = found->answer;
    return found && !found->stale;
  };
  if (const auto own = find_own(*asker, key); usable(own)) {
    ++counts_.own_hits;
    ++asker->hits;
    prefetch_if_worth(*own, *asker, key, shared_in);
    return callback(own->answer);
  }
  if (!shared_in.empty() && asker->sharing.mode != SharingMode::delayed) {
    if (const auto shared = find_shared(shared_in, key, Cache::Ttl::aged); usable(shared)) {
      ++counts_.shared_hits;
      ++asker->hits;
      own_.put(asker->domain, key, shared->answer, shared->latency, upstream_.now());
      prefetch_if_worth(*shared, *asker, key, shared_in);
      return callback(shared->answer);
    }
  }
  ++asker->misses;
  const FlightKey of = flight_key(*asker, key, shared_in);
  Flight* const under_way = flight(*asker, of, shared_in);
  if (under_way == nullptr) {
    ++counts_.refused;
    return callback(stale.value_or(Answer{}));
  }
  wait(*under_way, of, deadline, std::move(stale), std::move(callback));
}

// Who shares openly waits for what another one fetches; who does not, for what it fetches itself.
CachingResolver::FlightKey CachingResolver::flight_key(const Asker& asker, const CacheKey& key, const std::string& shared_in) {
  const bool openly = !shared_in.empty() && asker.sharing.mode != SharingMode::delayed;
  return {openly ? shared_in : "own/" + asker.domain, key};
}

CachingResolver::Flight* CachingResolver::flight(const Asker& asker, const FlightKey& of, const std::string& shared_in) {
  if (const auto known = flights_.find(of); known != flights_.end()) {
    ++counts_.joined;
    known->second->domains.insert(asker.domain);
    return known->second.get();
  }
  std::size_t& began = flights_of_[asker.domain];
  if (began == kFlightsPerDomainMax) return nullptr;
  ++began;
  auto made = std::make_unique<Flight>(Flight{.began_by = asker.domain,
                                              .domains = {asker.domain},
                                              .shared_in = shared_in,
                                              .delayed = asker.sharing.mode == SharingMode::delayed,
                                              .began = upstream_.now()});
  Flight* const flight = flights_.emplace(of, std::move(made)).first->second.get();
  start(of, *flight);
  return flight;
}

void CachingResolver::start(const FlightKey& of, Flight& flight) {
  if (flight.delayed) {
    if (auto kept = find_shared(flight.shared_in, of.key, Cache::Ttl::whole); kept && !kept->stale) {
      ++counts_.delayed_hits;
      const auto latency = latencies_.draw(kept->latency, upstream_.random(), flight.began_by);
      upstream_.at(flight.began + latency,
                   [this, alive = std::weak_ptr(alive_), of, latency, answer = std::move(kept->answer)] {
                     if (!alive.expired()) land(of, answer, latency);
                   });
      return;
    }
  }
  ++counts_.misses;
  upstream_.fetch(of.key, [this, alive = std::weak_ptr(alive_), of](Answer answer) {
    if (!alive.expired()) fetched(of, std::move(answer));
  });
}

void CachingResolver::prefetch_if_worth(const Cache::Found& found, const Asker& asker, const CacheKey& key,
                                        const std::string& shared_in) {
  if (!found.last_tenth || terms_.prefetch_hits == 0 || found.hits < terms_.prefetch_hits) return;
  const FlightKey of = flight_key(asker, key, shared_in);
  if (!flights_.contains(of) && flight(asker, of, shared_in) != nullptr) ++counts_.prefetched;
}

void CachingResolver::fetched(const FlightKey& of, Answer answer) {
  const Flight& flight = *flights_.at(of);
  const auto latency = upstream_.now() - flight.began;
  if (answer.result != VS_DNS_TRY_AGAIN || answer.server_failed) latencies_.record(latency, flight.began_by);
  if (!flight.shared_in.empty())
    shared_->with([&](Cache& cache) { cache.put(flight.shared_in, of.key, answer, latency, upstream_.now()); });
  land(of, own_.told(answer), latency);
}

void CachingResolver::land(const FlightKey& of, const Answer& answer, std::chrono::nanoseconds latency) {
  const auto node = flights_.extract(of);
  Flight& flight = *node.mapped();
  if (const auto began = flights_of_.find(flight.began_by); --began->second == 0) flights_of_.erase(began);
  for (const std::string& domain : flight.domains) own_.put(domain, of.key, answer, latency, upstream_.now());
  for (Waiter& waiter : flight.waiters) {
    upstream_.cancel(waiter.deadline);
    if (waiter.patience) upstream_.cancel(*waiter.patience);
  }
  for (Waiter& waiter : flight.waiters) {
    const bool stale = answer.result == VS_DNS_TRY_AGAIN && waiter.stale;
    if (stale) ++counts_.stale;
    waiter.callback(stale ? *waiter.stale : answer);
  }
}

void CachingResolver::wait(Flight& flight, const FlightKey& of, TimePoint deadline, std::optional<Answer> stale,
                           AnswerCallback callback) {
  const auto early = [this, of, id = next_waiter_](bool with_stale) {
    return [this, of, id, with_stale] { answer_early(of, id, with_stale); };
  };
  Waiter waiter{next_waiter_++, std::move(callback), std::move(stale)};
  waiter.deadline = upstream_.at(deadline, early(false));
  const TimePoint patience = upstream_.now() + terms_.stale_after;
  if (waiter.stale && patience < deadline) waiter.patience = upstream_.at(patience, early(true));
  flight.waiters.push_back(std::move(waiter));
}

void CachingResolver::answer_early(const FlightKey& of, std::uint64_t id, bool with_stale) {
  auto& waiters = flights_.at(of)->waiters;
  const auto found = std::find_if(waiters.begin(), waiters.end(), [&](const Waiter& waiter) { return waiter.id == id; });
  Waiter waiter = std::move(*found);
  waiters.erase(found);
  if (with_stale) upstream_.cancel(waiter.deadline);
  else if (waiter.patience) upstream_.cancel(*waiter.patience);
  ++(with_stale ? counts_.stale : counts_.abandoned);
  waiter.callback(waiter.stale.value_or(Answer{}));
}

}  // namespace vs::dns
