#include "vsmgrd/store/oversized.h"

#include <bit>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

constexpr std::uint64_t kRegionPages = 5 * 4096;  // beside the rings (schemas/ring.md)

bool is_about(const std::string& name, const BindingSpec& binding, const std::set<ObjectKey>& written) {
  return written.contains({Kind::binding, name}) || written.contains({Kind::domain, binding.domain}) ||
         (!binding.buffers_name.empty() && written.contains({Kind::buffers, binding.buffers_name}));
}

void judge(const Desired& desired, const std::string& name, const Resource& resource, std::vector<Problem>& problems) {
  const auto& binding = std::get<BindingSpec>(resource.spec);
  const auto domain = desired.domains.find(binding.domain);
  const Buffers& buffers = buffers_of(binding, desired);
  if (domain == desired.domains.end() || !buffers.tune.empty()) return;
  const std::uint64_t most = std::uint64_t{std::get<DomainSpec>(domain->second.spec).memory_mib} << 20;
  const std::uint64_t wanted = std::uint64_t{buffers.request_bytes} + buffers.response_bytes + kRegionPages;
  if (wanted <= most) return;
  const bool request = buffers.request_bytes > buffers.response_bytes;
  const std::uint64_t other = (request ? buffers.response_bytes : buffers.request_bytes) + kRegionPages;
  const std::string pointer = std::string("/spec/buffers") + (request ? "/requestBytes" : "/responseBytes");
  const std::string hint =
      most > other + 4096 ? fmt::format("{} would fit; or give the domain {} MiB", std::bit_floor(most - other), ((wanted - 1) >> 20) + 1)
                          : fmt::format("give the domain {} MiB", ((wanted - 1) >> 20) + 1);
  problems.push_back({.pointer = pointer,
                      .message = fmt::format("Binding {}: its rings take {} bytes a session, and {} may have {} (memoryMiB)", in_quotes(name),
                                             wanted, "Domain " + in_quotes(binding.domain), most),
                      .hint = hint,
                      .source = nearest_source(resource.metadata.sources, pointer),
                      .code = "over_quota"});
}

}  // namespace

std::vector<Problem> oversized(const Transition& transition) {
  std::vector<Problem> problems;
  const std::set<ObjectKey> written(transition.written.begin(), transition.written.end());
  bool of_many = false;
  for (const auto& [kind, name] : written) of_many = of_many || kind == Kind::domain || kind == Kind::buffers;
  if (of_many) {
    for (const auto& [name, resource] : transition.next.bindings)
      if (is_about(name, std::get<BindingSpec>(resource.spec), written)) judge(transition.next, name, resource, problems);
    return problems;
  }
  for (const auto& [kind, name] : written)
    if (kind == Kind::binding) judge(transition.next, name, transition.next.bindings.at(name), problems);
  return problems;
}

}  // namespace vs
