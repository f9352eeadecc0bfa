// The directory service `dns`: lookups and reverse lookups, asynchronous, out of a cache or on c-ares.
//
// Owned by the loop's thread; what is kept for guests that share is shared with the other loops.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/event_loop.h"
#include "dataplane/services/dns/caching_resolver.h"
#include "dataplane/services/dns/resolver.h"
#include "dataplane/services/dns/shared_caches.h"
#include "dataplane/services/service.h"

namespace vs::dns {

inline constexpr std::size_t kBindingsCountedMax = 10'000;  // further ones have those forgotten that have no session

class DnsService final : public Service {
 public:
  // `caches` are those of all loops of the process.
  explicit DnsService(EventLoop& loop, std::shared_ptr<SharedCaches> caches = std::make_shared<SharedCaches>());
  ~DnsService() override;

  std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>& services) override;
  void handle(const Request& request, Reply reply) override;
  void read_attributes(const Request& request, std::span<const std::string> names, std::span<filter::Value> values) override;
  std::uint64_t flush(std::string_view service, std::string_view domain, std::string_view name) override;
  nlohmann::json soft_state(const SessionGuest& guest, std::size_t bytes_max) override;
  TakenOver take_over(const SessionGuest& guest, const nlohmann::json& state) override;
  bool tells_ahead(std::string_view service) const override;
  void session_begun(std::uint64_t session, const SessionGuest& guest) override;
  void session_ended(std::uint64_t session) override;
  std::vector<Sample> samples() const override;

 private:
  // What a configured service answered, beside what its resolvers count. Lookups in flight share it.
  struct Tally {
    std::map<vs_dns_result, std::uint64_t> results;
    std::uint64_t addresses_cut = 0;
    std::uint64_t table_hits = 0;  // as guests say
  };
  struct Directory;
  // A guest's table, for as long as it has sessions on this loop: what is answered later is not put there.
  struct Table {
    std::shared_ptr<Answers> answers;  // nullptr: it has none
  };
  struct BindingCounts {
    std::string service;
    std::shared_ptr<Asker> counted;
    std::shared_ptr<Table> table = std::make_shared<Table>();
    std::size_t sessions = 0;
  };
  // A session's guest; all sessions of a binding are one.
  struct Guest {
    std::string binding;
    std::shared_ptr<Asker> asker;
    std::shared_ptr<Table> table;
  };

  static void handle_lookup(Directory& directory, const Guest& guest, const Request& request, Reply reply);
  static void handle_reverse(Directory& directory, const Guest& guest, const Request& request, Reply reply);
  void drop_idle_directories();
  void forget_bindings(const std::vector<Named>& services);

  EventLoop& loop_;
  std::string asked_name_;  // of the last request whose attributes were read
  std::shared_ptr<SharedCaches> caches_;
  std::map<std::string, std::shared_ptr<Directory>, std::less<>> directories_;
  std::vector<std::shared_ptr<Directory>> retired_;  // no longer configured, but with lookups in flight
  std::unordered_map<std::uint64_t, Guest> guests_;  // by session
  std::map<std::string, BindingCounts> bindings_;    // by name; those that ever asked
};

}  // namespace vs::dns
