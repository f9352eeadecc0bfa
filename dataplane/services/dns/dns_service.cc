#include "dataplane/services/dns/dns_service.h"

#include <algorithm>
#include <utility>

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

// std::function wants copies; a Reply has none.
std::shared_ptr<Reply> shared(Reply reply) { return std::make_shared<Reply>(std::move(reply)); }

Sample counter(std::string name, std::string help, const std::string& service, std::uint64_t value) {
  return {.name = std::move(name),
          .help = std::move(help),
          .type = Sample::Type::counter,
          .labels = {{"service", service}},
          .value = static_cast<double>(value)};
}

}  // namespace

DnsService::~DnsService() = default;

std::vector<std::pair<std::string, Error>> DnsService::configure(const std::vector<Named>& services) {
  std::vector<std::pair<std::string, Error>> errors;
  std::map<std::string, Directory, std::less<>> wanted;
  for (const Named& service : services) {
    auto parameters = parse_parameters(service.parameters);
    if (!parameters) {
      errors.emplace_back(service.name, std::move(parameters.error()));
      continue;
    }
    const auto known = directories_.find(service.name);
    const bool same = known != directories_.end() && known->second.resolver->parameters() == *parameters;
    if (same) {
      wanted[service.name] = known->second;
      continue;
    }
    auto resolver = Resolver::open(loop_, *parameters);
    if (!resolver) {
      errors.emplace_back(service.name, std::move(resolver.error()));
      continue;
    }
    Directory& directory = wanted[service.name];
    if (known != directories_.end()) directory.tally = known->second.tally;
    directory.resolver = std::move(*resolver);
  }
  for (const auto& [name, directory] : directories_) {
    const auto kept = wanted.find(name);
    if (kept == wanted.end() || kept->second.resolver != directory.resolver) retired_.push_back(directory.resolver);
  }
  directories_ = std::move(wanted);
  drop_idle_resolvers();
  return errors;
}

void DnsService::drop_idle_resolvers() {
  std::erase_if(retired_, [](const auto& resolver) { return resolver->in_flight() == 0; });
}

void DnsService::handle(const Request& request, Reply reply) {
  if (!retired_.empty()) drop_idle_resolvers();
  const auto found = directories_.find(request.service);
  if (found == directories_.end())
    return std::move(reply).send(fail(ErrorCode::unavailable, "dns: service not configured"));
  switch (request.type) {
    case VS_DNS_LOOKUP: return handle_lookup(found->second, request, std::move(reply));
    case VS_DNS_REVERSE: return handle_reverse(found->second, request, std::move(reply));
    default: return std::move(reply).send(fail(ErrorCode::invalid, "dns: unknown operation"));
  }
}

void DnsService::handle_lookup(Directory& directory, const Request& request, Reply reply) {
  auto question = decode_lookup(request.payload);
  if (!question) return std::move(reply).send(fail(std::move(question.error())));
  directory.resolver->lookup(
      *question, request.deadline,
      [waiting = shared(std::move(reply)), tally = directory.tally](const Answer& answer) {
        ++tally->results[answer.result];
        if (answer.addresses.size() > VS_DNS_ADDRESSES_MAX)
          tally->addresses_cut += answer.addresses.size() - VS_DNS_ADDRESSES_MAX;
        const auto bytes = encode_addresses(answer);
        std::move(*waiting).send(std::span<const std::byte>(bytes));
      });
}

void DnsService::handle_reverse(Directory& directory, const Request& request, Reply reply) {
  const auto address = decode_reverse(request.payload);
  if (!address) return std::move(reply).send(fail(address.error()));
  directory.resolver->reverse(
      *address, request.deadline,
      [waiting = shared(std::move(reply)), tally = directory.tally](vs_dns_result result,
                                                                    const std::vector<std::string>& names) {
        ++tally->results[result];
        const auto bytes = encode_names(result, names);
        std::move(*waiting).send(std::span<const std::byte>(bytes));
      });
}

std::vector<Sample> DnsService::samples() const {
  std::vector<Sample> samples;
  for (const auto& [name, directory] : directories_) {
    for (const vs_dns_result result : {VS_DNS_FOUND, VS_DNS_NO_NAME, VS_DNS_NO_DATA, VS_DNS_TRY_AGAIN}) {
      const auto count = directory.tally->results.find(result);
      samples.push_back(counter("vservices_dns_answers_total", "Lookups answered, by what the directory said.", name,
                                count == directory.tally->results.end() ? 0 : count->second));
      samples.back().labels.emplace_back("result", name_of(result));
    }
    const ResolverCounts& counts = directory.resolver->counts();
    samples.push_back(counter("vservices_dns_queries_total", "Queries sent to nameservers, tries included.", name,
                              counts.queries));
    samples.push_back(counter("vservices_dns_tries_again_total", "Queries that were asked again.", name,
                              counts.tries_again));
    samples.push_back(counter("vservices_dns_timed_out_total", "Lookups that ended at their deadline.", name,
                              counts.timed_out));
    samples.push_back(counter("vservices_dns_channels_total", "Resolver channels opened, each with fresh source ports.",
                              name, counts.channels));
    samples.push_back(counter("vservices_dns_addresses_cut_total", "Addresses left out of answers that had too many.",
                              name, directory.tally->addresses_cut));
  }
  return samples;
}

}  // namespace vs::dns
