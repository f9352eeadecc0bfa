#include "vsmgrd/handoffs/deeds.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/log.h"

namespace vs {

using handoff::BindingState;
using handoff::Message;
using handoff::MovedBinding;
using handoff::Record;

namespace {

// Whether what a backend was given last is what it serves.
bool settled(const BackendStatus& status) {
  return status.up && status.number_applied != 0 && status.number_applied == status.number_sent;
}

const control::BindingConfig* configured(const BackendStatus& status, const std::string& binding) {
  for (const control::BindingConfig& one : status.config.bindings)
    if (one.name == binding) return &one;
  return nullptr;
}

// In words, with the first of its problems.
std::string words_of(const Refusal& refusal) {
  return refusal.problems.empty() ? refusal.error.message : refusal.problems.front().message;
}

std::string denial(const std::string& binding, const Decision& decision) {
  return fmt::format("binding {} is denied here{}: {}", binding,
                     decision.policy.empty() ? std::string() : fmt::format(" by {}/{}", decision.policy, decision.rule), decision.message);
}

}  // namespace

HandoffDeeds::HandoffDeeds(Store& store, const Clock& clock, const HandoffHooks& hooks, Says says)
    : store_(store), clock_(clock), hooks_(hooks), says_(std::move(says)) {}

void HandoffDeeds::perform(const Record& record, const handoff::Deed& deed, std::uint64_t owners) {
  struct Doer {
    HandoffDeeds& deeds;
    const Record& record;
    std::uint64_t owners;

    void operator()(const handoff::Send& send) const {
      Message message = send.message;
      if (message.verb == handoff::Verb::check || message.verb == handoff::Verb::prepare)
        message.clock_ms = static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(deeds.clock_.wall().time_since_epoch()).count());
      const std::string to = message.to;
      deeds.hooks_.send(to, std::move(message));
    }
    void operator()(const handoff::Take&) const { deeds.take(record); }
    void operator()(const handoff::Freeze& freeze) const { deeds.freeze(record, freeze.for_at_most); }
    void operator()(const handoff::Thaw&) const { deeds.thaw(record); }
    void operator()(const handoff::Withdraw&) const {
      Leaving leaving{.owners = owners, .bindings = {}};
      for (const MovedBinding& moved : record.bindings) leaving.bindings.insert(moved.name);
      deeds.leaving_.try_emplace(record.id, std::move(leaving));
    }
    void operator()(const handoff::Stage& stage) const { deeds.stage(record, stage.states); }
    void operator()(const handoff::Serve&) const { deeds.serve(record); }
    void operator()(const handoff::Drop&) const { deeds.undeclare(record); }
    void operator()(const handoff::Release&) const { deeds.undeclare(record); }
  };
  std::visit(Doer{*this, record, owners}, deed);
}

void HandoffDeeds::forget(const std::string& id) {
  leaving_.erase(id);
  arriving_.erase(id);
}

// The source's.

Result<HandoffDeeds::Luggage> HandoffDeeds::gather(const std::string& domain, const std::string& peer) const {
  const auto desired = store_.snapshot().desired;
  const auto parcel = pack(*desired, domain, hooks_.promises ? hooks_.promises() : std::map<std::string, std::string>());
  if (!parcel) return fail(parcel.error());
  Luggage luggage;
  for (const Resource& binding : parcel->bindings) {
    const auto epoch = says_.epoch_of(binding.metadata.name);
    if (!epoch) return fail(ErrorCode::conflict, fmt::format("binding {} is not this node's: another owns it", binding.metadata.name));
    luggage.bindings.push_back({binding.metadata.name, *epoch});
  }
  if (std::string why = hooks_.may_go ? hooks_.may_go(*desired, *parcel, peer) : std::string(); !why.empty())
    return fail(ErrorCode::denied, std::move(why));
  auto text = encode(*parcel);
  if (!text) return fail(text.error());
  luggage.parcel = std::move(*text);
  return luggage;
}

void HandoffDeeds::take(const Record& record) {
  auto luggage = gather(record.domain, record.peer);
  if (luggage)
    says_.happen(record.id, handoff::Taken{std::move(luggage->bindings), std::move(luggage->parcel), ""});
  else
    says_.happen(record.id, handoff::Taken{{}, "", luggage.error().message});
}

// Of these, those that backends were given to serve, by kind.
std::map<std::string, std::vector<std::string>> HandoffDeeds::served(const std::vector<MovedBinding>& bindings) const {
  std::map<std::string, std::vector<std::string>> by_kind;
  for (const auto& [kind, status] : hooks_.backends())
    for (const MovedBinding& moved : bindings)
      if (const auto* config = configured(status, moved.name); config != nullptr && config->granted) by_kind[kind].push_back(moved.name);
  return by_kind;
}

void HandoffDeeds::freeze(const Record& record, handoff::Time at_most) {
  const auto by_kind = served(record.bindings);
  const auto freezing = std::make_shared<Freezing>(Freezing{.left = by_kind.size(), .states = {}, .refusal = {}});
  if (by_kind.empty()) return says_.happen(record.id, handoff::Frozen{});
  const auto thaw_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(at_most.count(), 1, control::kFrozenMsMax));
  for (const auto& [kind, names] : by_kind)
    hooks_.order(kind, control::Freeze{.bindings = names, .drain_ms = std::min(kDrainMs, thaw_ms), .thaw_ms = thaw_ms},
                 [this, alive = std::weak_ptr(alive_), post = says_.post, id = record.id, freezing, kind = kind](auto answer) {
                   post([this, alive, id, freezing, kind, answer = std::move(answer)] {
                     if (!alive.expired()) gather_frozen(id, *freezing, kind, answer);
                   });
                 });
}

void HandoffDeeds::gather_frozen(const std::string& id, Freezing& freezing, const std::string& kind,
                                 const std::optional<control::Event>& answer) {
  const auto* frozen = answer ? std::get_if<control::Frozen>(&*answer) : nullptr;
  if (frozen == nullptr) freezing.refusal = fmt::format("the backend of kind {} did not freeze", kind);
  std::size_t bytes = 0;
  for (const BindingState& state : freezing.states) bytes += state.state.size();
  for (const auto& one : frozen == nullptr ? std::vector<control::FrozenBinding>() : frozen->bindings) {
    if (!one.problem.empty()) freezing.refusal = fmt::format("binding {} was not frozen: {}", one.binding, one.problem);
    if (one.state.empty()) continue;
    std::string state = one.state.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (bytes + state.size() > handoff::kStatesBytesMax) continue;  // it shortens the gap, no more
    bytes += state.size();
    freezing.states.push_back({one.binding, std::move(state)});
  }
  if (--freezing.left != 0) return;
  says_.happen(id, handoff::Frozen{std::move(freezing.states), std::move(freezing.refusal)});
}

void HandoffDeeds::thaw(const Record& record) {
  for (const auto& [kind, names] : served(record.bindings))
    hooks_.order(kind, control::Thaw{.bindings = names}, [domain = record.domain, kind = kind](const auto& answer) {
      if (!answer) log::warn("handoffs.not_thawed", {{"domain", domain}, {"backend", kind}});  // it thaws by itself, or is gone
    });
}

// What is declared of what another node owns. Whatever this node may serve stays.
void HandoffDeeds::undeclare(const Record& record) {
  if (record.role == handoff::Role::destination && record.phase < handoff::Phase::finish) return;  // it was never declared
  std::set<std::string> gone;
  for (const MovedBinding& moved : record.bindings)
    if (!says_.epoch_of(moved.name)) gone.insert(moved.name);
  const auto remove = [&](bool domain_too) {
    return store_.apply({}, {.prune = [&](const Resource& one) {
      return one.kind() == Kind::binding ? gone.contains(one.metadata.name)
                                         : domain_too && one.kind() == Kind::domain && one.metadata.name == record.domain;
    }});
  };
  const bool all = gone.size() == record.bindings.size();
  if (all && remove(true)) return;
  const auto removed = remove(false);  // another binding may have been declared of it meanwhile
  if (!removed) log::warn("handoffs.left_declared", {{"domain", record.domain}, {"why", words_of(removed.error())}});
}

// The destination's.

void HandoffDeeds::stage(const Record& record, const std::vector<BindingState>& states) {
  const auto parcel = decode_parcel(record.parcel, record.domain);
  if (!parcel) return;  // serve() tells it
  for (const BindingState& one : states) {
    const auto moved = std::find_if(record.bindings.begin(), record.bindings.end(), [&](const auto& of) { return of.name == one.binding; });
    const auto binding = std::find_if(parcel->bindings.begin(), parcel->bindings.end(),
                                      [&](const Resource& of) { return of.metadata.name == one.binding; });
    auto state = parse_json(one.state);
    if (moved == record.bindings.end() || binding == parcel->bindings.end() || !state) continue;
    const std::string& kind = parcel->kinds.at(std::get<BindingSpec>(binding->spec).service);
    // Before the reconciler hears of the binding: the backend has it when it is configured.
    hooks_.order(kind,
                 control::Stage{.binding = one.binding,
                                .epoch = moved->epoch + 1,
                                .lease_ms = static_cast<std::uint32_t>(handoff::Limits{}.finish.count()),
                                .state = std::move(*state)},
                 [binding = one.binding](const auto& answer) {
                   const auto* staged = answer ? std::get_if<control::Staged>(&*answer) : nullptr;
                   if (staged != nullptr && staged->problem.empty()) return;
                   log::info("handoffs.not_staged", {{"binding", binding}, {"why", staged ? staged->problem : "no answer"}});
                 });
  }
}

void HandoffDeeds::serve(const Record& record) {
  const auto parcel = decode_parcel(record.parcel, record.domain);
  if (!parcel) return says_.happen(record.id, handoff::NotServing{parcel.error().message});
  if (auto declared = declare(record, *parcel); !declared) return says_.happen(record.id, handoff::NotServing{declared.error().message});
  Arriving arriving{.domain = record.domain, .epochs = {}, .kinds = {}, .granted = parcel->granted};
  for (const Resource& binding : parcel->bindings)
    arriving.kinds[binding.metadata.name] = parcel->kinds.at(std::get<BindingSpec>(binding.spec).service);
  for (const MovedBinding& moved : record.bindings)
    if (const auto epoch = says_.epoch_of(moved.name)) arriving.epochs[moved.name] = *epoch;
  arriving_[record.id] = std::move(arriving);
}

Result<> HandoffDeeds::declare(const Record& record, const Parcel& parcel) {
  const auto here = store_.snapshot().desired;
  std::vector<Resource> wanted;
  for (Resource& one : resources_of(parcel)) {
    const auto& known = here->of(one.kind());
    const bool term = one.kind() != Kind::domain && one.kind() != Kind::binding;
    if (!term || known.find(one.metadata.name) == known.end()) wanted.push_back(std::move(one));  // labels of a term stay this node's
  }
  const auto applied = store_.apply(std::move(wanted), {});
  if (!applied) return fail(applied.error().error.code, words_of(applied.error()));
  if (hooks_.take_promises && !parcel.promises.empty() && record.outcome == handoff::Outcome::running) hooks_.take_promises(parcel.promises);
  return {};
}

std::string HandoffDeeds::occupied(const Desired& here, const Parcel& parcel) const {
  for (const Resource& binding : parcel.bindings) {
    const std::string& name = binding.metadata.name;
    if (here.bindings.find(name) != here.bindings.end() && says_.epoch_of(name))
      return fmt::format("there is a binding {} already, and it is that node's own", name);
  }
  return misfit_of(parcel, here);
}

// As if it were declared, without leaving a trace.
std::string HandoffDeeds::refusal_here(const Parcel& parcel) const {
  const auto applied = store_.apply(resources_of(parcel), {.dry_run = true});
  if (!applied) return words_of(applied.error());
  for (const auto& [binding, decision] : applied->decisions_changed)
    if (!decision.allowed && parcel.granted.contains(binding)) return denial(binding, decision);
  return {};
}

std::string HandoffDeeds::judge(const Message& message) const {
  if (message.clock_ms != 0) {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch());
    const std::int64_t apart = std::llabs(now.count() - static_cast<std::int64_t>(message.clock_ms));
    if (apart > kClockSkewMax.count())
      return fmt::format("the clocks of {} and {} are {} s apart, limit {} s", message.from, message.to, (apart + 500) / 1000,
                         kClockSkewMax.count() / 1000);
  }
  const auto here = store_.snapshot().desired;
  if (here->domains.find(message.domain) != here->domains.end())
    for (const auto& [name, binding] : here->bindings)
      if (std::get<BindingSpec>(binding.spec).domain == message.domain && says_.epoch_of(name))
        return fmt::format("there is a domain {} already, and its binding {} is that node's own", message.domain, name);
  if (message.parcel.empty()) return {};
  const auto parcel = decode_parcel(message.parcel, message.domain);
  if (!parcel) return parcel.error().message;
  if (parcel->bindings.size() != message.bindings.size()) return "what travels names other bindings than the message";
  for (std::size_t i = 0; i < message.bindings.size(); ++i)
    if (parcel->bindings[i].metadata.name != message.bindings[i].name) return "what travels names other bindings than the message";
  std::string refusal = occupied(*here, *parcel);
  return refusal.empty() ? refusal_here(*parcel) : refusal;
}

// What backends have done meanwhile.

std::optional<handoff::Event> HandoffDeeds::outcome_of(const Arriving& arriving, const std::map<std::string, BackendStatus>& status) const {
  const Snapshot now = store_.snapshot();
  for (const auto& [binding, epoch] : arriving.epochs) {
    if (!arriving.granted.contains(binding)) continue;  // it was not served before, either
    const auto backend = status.find(arriving.kinds.at(binding));
    if (backend == status.end() || !settled(backend->second)) return std::nullopt;
    const auto decision = now.desired->decisions.find(binding);
    if (decision != now.desired->decisions.end() && !decision->second.allowed) return handoff::NotServing{denial(binding, decision->second)};
    const control::BindingConfig* config = configured(backend->second, binding);
    if (config == nullptr) {  // a domU that comes later is served then
      const auto domain = now.desired->domains.find(arriving.domain);
      if (domain == now.desired->domains.end() || std::get<DomainSpec>(domain->second.spec).type != "xen") return std::nullopt;
      continue;
    }
    if (config->epoch != epoch) return std::nullopt;
    if (const auto problem = backend->second.problems.find(binding); problem != backend->second.problems.end())
      return handoff::NotServing{fmt::format("binding {}: {}", binding, problem->second)};
  }
  return handoff::Serving{};
}

void HandoffDeeds::look(std::uint64_t told) {
  if (leaving_.empty() && arriving_.empty()) return;
  const auto status = hooks_.backends();
  const auto gone = [&](const Leaving& leaving) {
    if (told < leaving.owners) return false;  // a pass that does not know it may still configure them
    return std::all_of(status.begin(), status.end(), [&](const auto& backend) {
      return !backend.second.wanted ||
             (settled(backend.second) && std::none_of(leaving.bindings.begin(), leaving.bindings.end(), [&](const std::string& binding) {
                return configured(backend.second, binding) != nullptr;
              }));
    });
  };
  std::vector<std::pair<std::string, handoff::Event>> news;
  for (const auto& [id, leaving] : leaving_)
    if (gone(leaving)) news.emplace_back(id, handoff::Withdrawn{});
  for (const auto& [id, arriving] : arriving_)
    if (auto outcome = outcome_of(arriving, status)) news.emplace_back(id, std::move(*outcome));
  for (const auto& [id, event] : news) {
    forget(id);
    says_.happen(id, event);
  }
}

}  // namespace vs
