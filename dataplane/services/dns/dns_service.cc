#include "dataplane/services/dns/dns_service.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dataplane/filter/request_schema.h"
#include "dataplane/services/dns/loop_upstream.h"
#include "dataplane/services/dns/soft_state.h"

namespace vs::dns {
namespace {

std::string_view name_of(vs_dns_result result) {
  switch (result) {
    case VS_DNS_FOUND: return "found";
    case VS_DNS_NO_NAME: return "no_name";
    case VS_DNS_NO_DATA: return "no_data";
    case VS_DNS_TRY_AGAIN: return "try_again";
  }
  __builtin_unreachable();
}

Sample counter(std::string name, std::string help, const std::string& service, std::uint64_t value) {
  return {.name = std::move(name),
          .help = std::move(help),
          .type = Sample::Type::counter,
          .labels = {{"service", service}},
          .value = static_cast<double>(value)};
}

void append_cache(std::vector<Sample>& to, const CachingResolver& answers, std::uint64_t table_hits, const std::string& service) {
  const CachingCounts& counts = answers.counts();
  const std::pair<const char*, std::uint64_t> hits[]{
      {"own", counts.own_hits}, {"shared", counts.shared_hits}, {"delayed", counts.delayed_hits}, {"stale", counts.stale},
      {"table", table_hits}};
  for (const auto& [from, count] : hits) {
    to.push_back(counter("vservices_dns_cache_hits_total", "Queries answered out of the cache.", service, count));
    to.back().labels.emplace_back("from", from);
  }
  const auto add = [&](const char* name, const char* help, std::uint64_t value) {
    to.push_back(counter(name, help, service, value));
  };
  add("vservices_dns_cache_misses_total", "Queries that had to be fetched.", counts.misses);
  add("vservices_dns_cache_joined_total", "Queries that waited for a fetch under way.", counts.joined);
  add("vservices_dns_cache_prefetched_total", "Entries fetched anew before their time was over.", counts.prefetched);
  add("vservices_dns_cache_abandoned_total", "Queries whose guest's deadline came before their answer.", counts.abandoned);
  add("vservices_dns_cache_refused_total", "Queries of domains that had too many under way.", counts.refused);
  const CacheCounts kept[]{answers.own().counts(), answers.shared_counts()};
  for (const bool shared : {false, true}) {
    const CacheCounts& one = kept[shared ? 1 : 0];
    const auto part = [&](const char* name, const char* help, std::uint64_t value, Sample::Type type = Sample::Type::counter) {
      add(name, help, value);
      to.back().type = type;
      to.back().labels.emplace_back("part", shared ? "shared" : "own");
    };
    part("vservices_dns_cache_stored_total", "Entries stored.", one.stored);
    part("vservices_dns_cache_evicted_total", "Entries that went before their time for want of room.", one.evicted);
    part("vservices_dns_cache_flushed_total", "Entries flushed by command.", one.flushed);
    part("vservices_dns_cache_entries", "Entries kept.", one.entries, Sample::Type::gauge);
    part("vservices_dns_cache_bytes", "Bytes of the entries kept.", one.bytes, Sample::Type::gauge);
  }
}

void append_binding(std::vector<Sample>& to, const Asker& asker, const std::string& service, const std::string& binding) {
  const std::pair<const char*, std::uint64_t> results[]{{"hit", asker.hits}, {"miss", asker.misses}, {"table", asker.table_hits}};
  for (const auto& [result, count] : results) {
    to.push_back(counter("vservices_dns_cache_binding_queries_total",
                         "Queries of a binding, by whether they were answered at once; table: not asked at all, as the guest says.", service,
                         count));
    to.back().labels.emplace_back("binding", binding);
    to.back().labels.emplace_back("domain", asker.domain);
    to.back().labels.emplace_back("result", result);
  }
}

// std::function wants copies; a Reply has none.
std::shared_ptr<Reply> shared(Reply reply) { return std::make_shared<Reply>(std::move(reply)); }

// What the guest was just told it finds by itself from now on, for nine tenths of its time: then it asks, which has it fetched anew.
void tell_ahead(Answers& table, const Question& question, const Answer& answer, std::span<const std::byte> bytes) {
  if (answer.ttl_s == 0 || answer.result == VS_DNS_TRY_AGAIN) return;
  table.put(table_key(question), bytes, std::chrono::milliseconds(900) * answer.ttl_s);
}

}  // namespace

struct DnsService::Directory {
  Directory(EventLoop& loop, std::unique_ptr<Resolver> resolver, std::shared_ptr<SharedCache> cache, std::shared_ptr<Tally> of)
      : upstream(loop, std::move(resolver)),
        answers(upstream, upstream.resolver().parameters().cache, std::move(cache)),
        tally(std::move(of)) {}

  LoopUpstream upstream;
  CachingResolver answers;
  std::shared_ptr<Tally> tally;
};

DnsService::DnsService(EventLoop& loop, std::shared_ptr<SharedCaches> caches) : loop_(loop), caches_(std::move(caches)) {}

DnsService::~DnsService() {
  for (const auto& [name, directory] : directories_) caches_->serve(name, this, {});
}

std::vector<std::pair<std::string, Error>> DnsService::configure(const std::vector<Named>& services) {
  std::vector<std::pair<std::string, Error>> errors;
  std::map<std::string, std::shared_ptr<Directory>, std::less<>> wanted;
  for (const Named& service : services) {
    auto parameters = parse_parameters(service.parameters);
    if (!parameters) {
      errors.emplace_back(service.name, std::move(parameters.error()));
      continue;
    }
    const auto known = directories_.find(service.name);
    if (known != directories_.end() && known->second->upstream.resolver().parameters() == *parameters) {
      wanted[service.name] = known->second;
    } else {
      auto resolver = Resolver::open(loop_, *parameters);
      if (!resolver) {
        errors.emplace_back(service.name, std::move(resolver.error()));
        continue;
      }
      auto tally = known != directories_.end() ? known->second->tally : std::make_shared<Tally>();
      wanted[service.name] = std::make_shared<Directory>(loop_, std::move(*resolver), caches_->of(service.name, parameters->cache),
                                                         std::move(tally));
    }
    wanted[service.name]->answers.serve({service.domains.begin(), service.domains.end()});
    std::set<std::string> partitions;
    for (const auto& one : service.sharings)
      if (const auto sharing = parse_sharing(one)) partitions.merge(sharing->partitions());
    caches_->serve(service.name, this, partitions);
  }
  for (const auto& [name, directory] : directories_) {
    const auto kept = wanted.find(name);
    if (kept == wanted.end()) caches_->serve(name, this, {});
    if (kept == wanted.end() || kept->second != directory) retired_.push_back(directory);
  }
  directories_ = std::move(wanted);
  drop_idle_directories();
  forget_bindings(services);
  return errors;
}

// Those of domains that are served by another loop now, which counts them from then on, or by none.
void DnsService::forget_bindings(const std::vector<Named>& services) {
  std::set<std::string> here;
  for (const Named& service : services) here.insert(service.domains.begin(), service.domains.end());
  std::erase_if(bindings_, [&](const auto& one) { return one.second.sessions == 0 && !here.contains(one.second.counted->domain); });
}

void DnsService::drop_idle_directories() {
  std::erase_if(retired_, [](const auto& directory) { return directory->answers.in_flight() == 0; });
}

std::uint64_t DnsService::flush(std::string_view service, std::string_view domain, std::string_view name) {
  const auto found = directories_.find(service);
  if (found == directories_.end()) return 0;
  return found->second->answers.flush(domain, name);
}

// Only what is kept for the domain alone: what it shares stays where it is shared.
nlohmann::json DnsService::soft_state(const SessionGuest& guest, std::size_t bytes_max) {
  const auto found = directories_.find(guest.service);
  const auto sharing = parse_sharing(guest.sharing);
  if (found == directories_.end() || !sharing || !sharing->travels) return nlohmann::json::object();
  const auto kept = found->second->answers.kept_for(std::string(guest.domain), kStateEntriesMax);
  return encode_state(kept, std::chrono::system_clock::now(), bytes_max);
}

TakenOver DnsService::take_over(const SessionGuest& guest, const nlohmann::json& state) {
  const auto found = directories_.find(guest.service);
  const auto sharing = parse_sharing(guest.sharing);
  if (found == directories_.end() || !sharing || !sharing->travels) return {.refused = state.empty() ? 0u : 1u};
  const DecodedState decoded = decode_state(state, std::chrono::system_clock::now());
  const std::size_t taken = found->second->answers.take_over(std::string(guest.domain), decoded.kept);
  return {.entries = taken, .refused = decoded.refused + (decoded.kept.size() - taken)};
}

bool DnsService::tells_ahead(std::string_view service) const {
  const auto found = directories_.find(service);
  return found != directories_.end() && found->second->upstream.resolver().parameters().cache.ttl_max.count() != 0;
}

void DnsService::session_begun(std::uint64_t session, const SessionGuest& guest) {
  if (bindings_.size() >= kBindingsCountedMax) std::erase_if(bindings_, [](const auto& one) { return one.second.sessions == 0; });
  BindingCounts& binding = bindings_[std::string(guest.binding)];
  if (binding.sessions++ == 0) {  // what the binding says changes between sessions only
    auto asker = std::make_shared<Asker>(Asker{.domain = std::string(guest.domain)});
    // What cannot be understood is not shared; vsmgrd checked it.
    if (auto sharing = parse_sharing(guest.sharing)) asker->sharing = std::move(*sharing);
    if (binding.counted) {
      asker->hits = binding.counted->hits;
      asker->misses = binding.counted->misses;
    }
    binding.counted = std::move(asker);
    binding.service = guest.service;
  }
  if (guest.answers) binding.table->answers = guest.answers;
  guests_[session] = {std::string(guest.binding), binding.counted, binding.table};
}

void DnsService::session_ended(std::uint64_t session) {
  const auto node = guests_.extract(session);
  if (node.empty()) return;
  BindingCounts& binding = bindings_.at(node.mapped().binding);
  if (--binding.sessions == 0) binding.table->answers.reset();
}

void DnsService::handle(const Request& request, Reply reply) {
  if (!retired_.empty()) drop_idle_directories();
  const auto found = directories_.find(request.service);
  const auto guest = guests_.find(request.session);
  if (found == directories_.end() || guest == guests_.end())
    return std::move(reply).send(fail(ErrorCode::unavailable, "dns: service not configured"));
  switch (request.type) {
    case VS_DNS_LOOKUP: return handle_lookup(*found->second, guest->second, request, std::move(reply));
    case VS_DNS_REVERSE: return handle_reverse(*found->second, guest->second, request, std::move(reply));
    default: return std::move(reply).send(fail(ErrorCode::invalid, "dns: unknown operation"));
  }
}

void DnsService::read_attributes(const Request& request, std::span<const std::string> /*names*/, std::span<filter::Value> values) {
  using filter::Value;
  asked_name_.clear();
  std::string_view type = "PTR";
  if (request.type == VS_DNS_LOOKUP) {
    auto question = decode_lookup(request.payload);
    if (!question) return;  // it is refused, whatever its class
    asked_name_ = std::move(question->name);
    std::transform(asked_name_.begin(), asked_name_.end(), asked_name_.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    type = question->inet && question->inet6 ? "ANY" : question->inet ? "A" : "AAAA";
  } else if (request.type != VS_DNS_REVERSE) {
    return;
  }
  values[filter::kDnsOperation] = Value(std::string_view(request.type == VS_DNS_LOOKUP ? "lookup" : "reverse"));
  values[filter::kDnsName] = Value(std::string_view(asked_name_));
  values[filter::kDnsType] = Value(type);
  values[filter::kDnsBytes] = Value(static_cast<std::int64_t>(request.payload.size()));
}

void DnsService::handle_lookup(Directory& directory, const Guest& guest, const Request& request, Reply reply) {
  auto question = decode_lookup(request.payload);
  if (!question) return std::move(reply).send(fail(std::move(question.error())));
  guest.asker->table_hits += question->table_hits;
  directory.tally->table_hits += question->table_hits;
  directory.answers.lookup(
      guest.asker, *question, request.deadline,
      [waiting = shared(std::move(reply)), tally = directory.tally, question = *question, table = guest.table](const Answer& answer) {
        ++tally->results[answer.result];
        if (answer.addresses.size() > VS_DNS_ADDRESSES_MAX)
          tally->addresses_cut += answer.addresses.size() - VS_DNS_ADDRESSES_MAX;
        const auto bytes = encode_addresses(answer);
        if (table->answers) tell_ahead(*table->answers, question, answer, bytes);  // first: the guest may ask again at once
        std::move(*waiting).send(std::span<const std::byte>(bytes));
      });
}

void DnsService::handle_reverse(Directory& directory, const Guest& guest, const Request& request, Reply reply) {
  const auto address = decode_reverse(request.payload);
  if (!address) return std::move(reply).send(fail(address.error()));
  directory.answers.reverse(guest.asker, *address, request.deadline,
                            [waiting = shared(std::move(reply)), tally = directory.tally](const Answer& answer) {
                              ++tally->results[answer.result];
                              const auto bytes = encode_names(answer.result, answer.names);
                              std::move(*waiting).send(std::span<const std::byte>(bytes));
                            });
}

std::vector<Sample> DnsService::samples() const {
  std::vector<Sample> samples;
  for (const auto& [name, directory] : directories_) {
    for (const vs_dns_result result : {VS_DNS_FOUND, VS_DNS_NO_NAME, VS_DNS_NO_DATA, VS_DNS_TRY_AGAIN}) {
      const auto count = directory->tally->results.find(result);
      samples.push_back(counter("vservices_dns_answers_total", "Lookups answered, by what the directory said.", name,
                                count == directory->tally->results.end() ? 0 : count->second));
      samples.back().labels.emplace_back("result", name_of(result));
    }
    const ResolverCounts& counts = directory->upstream.resolver().counts();
    samples.push_back(counter("vservices_dns_queries_total", "Queries sent to nameservers, tries included.", name,
                              counts.queries));
    samples.push_back(counter("vservices_dns_tries_again_total", "Queries that were asked again.", name,
                              counts.tries_again));
    samples.push_back(counter("vservices_dns_timed_out_total", "Lookups that ended at their deadline.", name,
                              counts.timed_out));
    samples.push_back(counter("vservices_dns_channels_total", "Resolver channels opened, each with fresh source ports.",
                              name, counts.channels));
    samples.push_back(counter("vservices_dns_addresses_cut_total", "Addresses left out of answers that had too many.",
                              name, directory->tally->addresses_cut));
    append_cache(samples, directory->answers, directory->tally->table_hits, name);
  }
  for (const auto& [name, binding] : bindings_) append_binding(samples, *binding.counted, binding.service, name);
  return samples;
}

}  // namespace vs::dns
