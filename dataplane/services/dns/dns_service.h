// The directory service `dns`: lookups and reverse lookups, asynchronous, on c-ares.
//
// Nothing is cached here: each request goes to a nameserver. Owned by the loop's thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/services/dns/resolver.h"
#include "dataplane/services/service.h"

namespace vs::dns {

class DnsService final : public Service {
 public:
  explicit DnsService(EventLoop& loop) : loop_(loop) {}
  ~DnsService() override;

  std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>& services) override;
  void handle(const Request& request, Reply reply) override;
  std::vector<Sample> samples() const override;

 private:
  // What a configured service answered, beside what its resolver counts. Lookups in flight share it.
  struct Tally {
    std::map<vs_dns_result, std::uint64_t> results;
    std::uint64_t addresses_cut = 0;
  };
  struct Directory {
    std::shared_ptr<Resolver> resolver;
    std::shared_ptr<Tally> tally = std::make_shared<Tally>();
  };

  void handle_lookup(Directory& directory, const Request& request, Reply reply);
  void handle_reverse(Directory& directory, const Request& request, Reply reply);
  void drop_idle_resolvers();

  EventLoop& loop_;
  std::map<std::string, Directory, std::less<>> directories_;
  std::vector<std::shared_ptr<Resolver>> retired_;  // no longer configured, but with lookups in flight
};

}  // namespace vs::dns
