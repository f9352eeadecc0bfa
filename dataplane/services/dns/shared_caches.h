// What the loops of a process keep together for guests that share: one cache for each service.
//
// Its partitions have equal shares of the service's bytes; which there are says the configuration, not who asked what.
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "dataplane/services/dns/caching_resolver.h"

namespace vs::dns {

class SharedCaches {
 public:
  // The cache of a service; a new one when its terms are others.
  std::shared_ptr<SharedCache> of(const std::string& service, const CacheTerms& terms);
  // The shared partitions that the bindings of one loop use; those of no loop are forgotten.
  void serve(const std::string& service, const void* loop, const std::set<std::string>& partitions);

 private:
  struct One {
    CacheTerms terms;
    std::shared_ptr<SharedCache> cache;
    std::map<const void*, std::set<std::string>> partitions;  // by loop
  };
  Guarded<std::map<std::string, One>> all_;
};

}  // namespace vs::dns
