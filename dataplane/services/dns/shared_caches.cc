#include "dataplane/services/dns/shared_caches.h"

#include <utility>

namespace vs::dns {
namespace {

// A partition's share is its part of the service's bytes, whoever filled it.
CacheTerms of_many(CacheTerms terms) {
  terms.guest_entries_max = UINT64_MAX;
  terms.guest_bytes_max = terms.bytes_max;
  return terms;
}

}  // namespace

std::shared_ptr<SharedCache> SharedCaches::of(const std::string& service, const CacheTerms& terms) {
  return all_.with([&](auto& all) {
    One& one = all[service];
    if (!one.cache || one.terms != terms) {
      one.terms = terms;
      one.cache = std::make_shared<SharedCache>(Cache(of_many(terms)));
    }
    return one.cache;
  });
}

void SharedCaches::serve(const std::string& service, const void* loop, const std::set<std::string>& partitions) {
  std::set<std::string> served;
  const auto cache = all_.with([&](auto& all) {
    One& one = all[service];
    one.partitions[loop] = partitions;
    for (const auto& [which, of_loop] : one.partitions) served.insert(of_loop.begin(), of_loop.end());
    return one.cache;
  });
  if (!cache) return;
  cache->with([&](Cache& kept) {
    kept.keep_only([&](const std::string& partition) { return served.contains(partition); });
    kept.share_among(served.size());
  });
}

}  // namespace vs::dns
