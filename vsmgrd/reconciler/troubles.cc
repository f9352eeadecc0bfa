#include "vsmgrd/reconciler/troubles.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

constexpr const char* kBackendDown = "BackendDown";  // types of warnings
constexpr const char* kDrift = "Drift";
constexpr const char* kMisbehaviour = "Misbehaviour";
constexpr const char* kBackend = "Backend";  // kinds of objects
constexpr const char* kBinding = "Binding";

}  // namespace

// What an earlier run of this daemon told and may be over since.
void Troubles::remember() {
  if (std::exchange(remembered_, true)) return;
  for (const Warning& warning : store_.warnings().list())
    if ((warning.type == kBackendDown || warning.type == kDrift) &&
        warning.status != Warning::Status::resolved)
      told_.emplace(Key(warning.type, warning.kind, warning.name), warning.message);
  const Snapshot now = store_.snapshot();
  if (const auto bindings = now.observed.find(Kind::binding); bindings != now.observed.end())
    for (const auto& [binding, observed] : bindings->second)
      refusals_[binding] = {.told = static_cast<std::uint64_t>(observed.refused_opens)};
}

void Troubles::find_down(const std::string& kind, const BackendStatus& backend,
                         std::map<Key, std::string>& found) {
  const auto [seen, first] = restarts_.try_emplace(kind, backend.restarts);
  const bool restarted = std::exchange(seen->second, backend.restarts) != backend.restarts;
  const Key key(kBackendDown, kBackend, kind);
  if (!backend.up && !backend.last_error.empty()) {
    found[key] = fmt::format("the backend of {} services does not run: {}; it is started again", kind,
                             backend.last_error);
  } else if (restarted && !told_.contains(key)) {  // it was gone between two looks: told, and over
    store_.warnings().note({.type = kBackendDown,
                            .kind = kBackend,
                            .name = kind,
                            .severity = Warning::Severity::high,
                            .message = fmt::format("the backend of {} services was lost and started again", kind)});
    store_.warnings().clear(kBackendDown, kBackend, kind);
  }
}

bool Troubles::find_drift(const std::string& kind, const BackendStatus& backend,
                          const BackendConfigs& wanted, std::map<Key, std::string>& found) {
  const auto config = wanted.find(kind);
  const bool confirmed = config == wanted.end() || (backend.number_applied != 0 &&
                                                    backend.number_applied == backend.number_sent &&
                                                    backend.config == config->second);
  for (const auto& [binding, problem] : backend.problems)
    if (confirmed && found.size() < kDriftingMax)
      found[Key(kDrift, kBinding, binding)] = "its backend does not serve it as declared: " + problem;
  if (!backend.up || confirmed) {
    unconfirmed_.erase(kind);
    return false;
  }
  const auto [since, first] = unconfirmed_.try_emplace(kind, clock_.now());
  if (clock_.now() - since->second < kDriftPatience) return true;
  found[Key(kDrift, kBackend, kind)] = fmt::format(
      "the backend of {} services has not confirmed what is wanted of it for over {} s: it serves its "
      "bindings on earlier terms",
      kind, kDriftPatience.count());
  return false;
}

bool Troubles::look(const BackendConfigs& wanted, const std::map<std::string, BackendStatus>& status) {
  remember();
  bool again = false;
  std::map<Key, std::string> found;
  for (const auto& [kind, backend] : status) {
    if (!backend.wanted) continue;
    find_down(kind, backend, found);
    again = find_drift(kind, backend, wanted, found) || again;
  }
  for (const auto& [key, message] : found) {
    const auto& [type, kind, name] = key;
    const auto told = told_.find(key);
    if (told != told_.end() && told->second == message) continue;
    store_.warnings().note({.type = type,
                            .kind = kind,
                            .name = name,
                            .severity = type == kBackendDown ? Warning::Severity::high : Warning::Severity::moderate,
                            .message = message});
  }
  for (const auto& [key, message] : told_)
    if (!found.contains(key)) store_.warnings().clear(std::get<0>(key), std::get<1>(key), std::get<2>(key));
  told_ = std::move(found);
  return again;
}

void Troubles::tell_refusals(const Desired& desired, const std::map<std::string, BackendStatus>& status) {
  remember();
  const auto now = clock_.now();
  std::size_t told = 0;
  for (const auto& [kind, backend] : status)
    for (const auto& [name, total] : backend.refusals) {
      const auto binding = desired.bindings.find(name);
      if (binding == desired.bindings.end()) continue;
      Refusals& known = refusals_[name];
      if (total < known.told) known.told = 0;  // the backend counts anew
      if (total == known.told || told == kRefusedMax) continue;
      if (known.at && now - *known.at < kRefusedPause) continue;
      const auto decision = desired.decisions.find(name);
      tell(binding->second, decision == desired.decisions.end() ? nullptr : &decision->second, total,
           total - known.told);
      known = {.told = total, .at = now};
      ++told;
    }
  std::erase_if(refusals_, [&](const auto& entry) { return !desired.bindings.contains(entry.first); });
  tell_misdeeds(desired, status);
}

void Troubles::tell_misdeeds(const Desired& desired, const std::map<std::string, BackendStatus>& status) {
  const auto now = clock_.now();
  for (const auto& [kind, backend] : status)
    for (const auto& [name, misdeeds] : backend.misdeeds) {
      const auto binding = desired.bindings.find(name);
      if (binding == desired.bindings.end()) continue;
      Refusals& known = misdeeds_[name];
      if (misdeeds.total == known.told || (known.at && now - *known.at < kRefusedPause)) continue;
      const auto& spec = std::get<BindingSpec>(binding->second.spec);
      store_.warnings().note({.type = kMisbehaviour,
                              .kind = kBinding,
                              .name = name,
                              .severity = Warning::Severity::moderate,
                              .message = fmt::format("the guest of domain {} does not keep to the protocol of device {}: {}",
                                                     in_quotes(spec.domain), in_quotes(spec.device), misdeeds.last)});
      known = {.told = misdeeds.total, .at = now};
    }
  std::erase_if(misdeeds_, [&](const auto& entry) {
    const bool gone = !desired.bindings.contains(entry.first);
    if (gone) store_.warnings().clear(kMisbehaviour, kBinding, entry.first);
    return gone;
  });
}

void Troubles::tell(const Resource& binding, const Decision* decision, std::uint64_t total,
                    std::uint64_t more) {
  const auto& spec = std::get<BindingSpec>(binding.spec);
  const bool denied = decision != nullptr && !decision->allowed;  // else it was changed since
  std::string message = fmt::format("the guest of domain {} was refused device {} ({} times, {} in all)",
                                    in_quotes(spec.domain), in_quotes(spec.device), more, total);
  if (denied) message += fmt::format(": {}; vsctl explain --decision {}", decision->message, decision->id);
  const Actor guest{.principal = "domain:" + spec.domain, .role = "guest", .channel = "guest"};
  AuditEntry entry{.actor = guest,
                   .verb = "open",
                   .kind = kBinding,
                   .name = binding.metadata.name,
                   .uid = binding.metadata.uid};
  entry.decision = denied ? decision->id : 0;
  entry.outcome = "refused";
  entry.code = "denied";
  entry.message = message;
  auto kept = store_.audit().append(std::move(entry));
  if (kept)
    kept = store_.events().append({.type = "binding.open_refused",
                                   .kind = kBinding,
                                   .name = binding.metadata.name,
                                   .uid = binding.metadata.uid,
                                   .labels = binding.metadata.labels,
                                   .resource_version = binding.metadata.resource_version,
                                   .reason = "PolicyDenied",
                                   .message = std::move(message),
                                   .actor = guest});
  if (!kept) log::warn("binding.refusal_not_kept", {{"name", binding.metadata.name}, {"error", kept.error()}});
}

}  // namespace vs
