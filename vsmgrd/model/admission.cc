#include "vsmgrd/model/admission.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "dataplane/filter/compile.h"
#include "dataplane/filter/request_schema.h"
#include "vsmgrd/model/codec.h"

namespace vs {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kGuaranteedUs = kSecondUs * kGuaranteedPercent / 100;  // of each second

const ServiceSpec* service_of(const Desired& desired, const BindingSpec& binding) {
  const auto found = desired.services.find(binding.service);
  return found == desired.services.end() ? nullptr : &std::get<ServiceSpec>(found->second.spec);
}

double part_of_loop(std::int64_t us) { return static_cast<double>(us) / static_cast<double>(kSecondUs); }

// "Sla gold", or nothing: it stands in the binding itself.
std::string of_named(const BindingSpec& binding) { return binding.sla_name.empty() ? "" : " of Sla " + in_quotes(binding.sla_name); }

class Judge {
 public:
  Judge(const Desired& desired, const std::vector<std::pair<Kind, std::string>>& written) : desired_(desired), written_(written) {}

  std::vector<Misfit> judge() {
    std::set<std::string> kinds;  // whose guarantees are to be added up
    for (const auto& [kind, name] : written_) {
      if (kind == Kind::sla) judge_object(name);
      if (kind == Kind::binding) judge_written(name, kinds);
      if (kind == Kind::service) judge_bindings([&, &name = name](const BindingSpec& binding) { return binding.service == name; }, kinds);
    }
    const bool any_sla = std::any_of(written_.begin(), written_.end(), [](const auto& key) { return key.first == Kind::sla; });
    if (any_sla) judge_bindings([&](const BindingSpec& binding) { return was_written(Kind::sla, binding.sla_name); }, kinds);
    for (const std::string& kind : kinds) add_up(kind);
    return std::move(misfits_);
  }

 private:
  void note(Misfit at, std::string_view member, std::string message, std::string hint, std::string code = "contradiction") {
    at.pointer += member;
    at.message = std::move(message);
    at.hint = std::move(hint);
    at.code = std::move(code);
    const bool told = std::any_of(misfits_.begin(), misfits_.end(), [&](const Misfit& one) {
      return one.kind == at.kind && one.name == at.name && one.pointer == at.pointer && one.message == at.message;
    });
    if (!told) misfits_.push_back(std::move(at));
  }

  bool was_written(Kind kind, const std::string& name) const {
    return !name.empty() && std::find(written_.begin(), written_.end(), std::pair(kind, name)) != written_.end();
  }

  void judge_written(const std::string& name, std::set<std::string>& kinds) {
    const auto& binding = std::get<BindingSpec>(desired_.bindings.at(name).spec);
    const Sla& sla = sla_of(binding, desired_);
    if (sla == Sla{}) return;
    if (binding.sla_name.empty()) judge_alone(sla, place_of(name, binding));
    judge_for_service(name, binding, kinds);
  }

  template <class Holds>
  void judge_bindings(Holds holds, std::set<std::string>& kinds) {
    for (const auto& [name, resource] : desired_.bindings) {
      const auto& binding = std::get<BindingSpec>(resource.spec);
      if (holds(binding)) judge_for_service(name, binding, kinds);
    }
  }

  // Where what a binding's Sla says is to be mended: in the binding, if it was written, or in what was.
  Misfit place_of(const std::string& name, const BindingSpec& binding) const {
    if (was_written(Kind::sla, binding.sla_name)) return {.kind = Kind::sla, .name = binding.sla_name, .pointer = "/spec"};
    if (was_written(Kind::binding, name)) return {.kind = Kind::binding, .name = name, .pointer = "/spec/sla"};
    return {.kind = Kind::service, .name = binding.service, .pointer = "/spec"};
  }
  // Members have places of their own only where the Sla itself is told of.
  static std::string member_of(const Misfit& at, const BindingSpec& binding, std::string member) {
    const bool itself = at.kind == Kind::sla || (at.kind == Kind::binding && binding.sla_name.empty());
    return itself ? member : at.kind == Kind::service ? "/requestCost" : "";
  }

  void judge_alone(const Sla& sla, const Misfit& at) {
    if (sla.guarantee == "bestEffort" && (sla.priority == "control" || sla.priority == "deadline"))
      note(at, "/priority", fmt::format("class bestEffort is served after all others, and priority {} before them", sla.priority),
           "normal or bulk fits, or class burstable");
    if (sla.guarantee == "guaranteed" && sla.objectives && guaranteed_rate(sla) == 0)
      note(at, "/class", "class guaranteed needs a \"rate\": how many requests a second are guaranteed",
           "add \"rate\", or \"rate\" to the objectives; burstable fits without");
    if (sla.rate == 0 && sla.burst > 1)
      note(at, "/burst", fmt::format("\"burst\" of {} without a \"rate\" limits nothing", sla.burst),
           "add \"rate\", or leave out \"burst\"");
  }

  void judge_object(const std::string& name) {
    const auto& sla = std::get<Sla>(desired_.slas.at(name).spec);
    const Misfit at{.kind = Kind::sla, .name = name, .pointer = "/spec", .message = {}, .hint = {}, .code = {}};
    judge_alone(sla, at);
    for (std::size_t i = 0; i < sla.content_classes.size(); ++i) judge_expression(sla.content_classes[i], i, at);
  }

  // Of which kind of service an Sla will be is not known here: it must fit one.
  void judge_expression(const ContentClass& one, std::size_t index, const Misfit& at) {
    std::string why;
    for (const char* kind : {"dns", "pubsub"}) {
      const auto error = expression_error(one, kind);
      if (!error) return;
      if (!why.empty() && why != *error) why = fmt::format("of services of kind dns: {}; of kind pubsub: {}", why, *error);
      else why = *error;
    }
    note(at, fmt::format("/contentClasses/{}/when", index), fmt::format("content class {}: {}", in_quotes(one.name), why), "",
         "malformed");
  }

  static std::optional<std::string> expression_error(const ContentClass& one, std::string_view kind) {
    filter::Schema names = filter::request_names(kind);
    const auto program = filter::compile(one.when, names);
    return program ? std::nullopt : std::optional(program.error().message);
  }

  void judge_for_service(const std::string& name, const BindingSpec& binding, std::set<std::string>& kinds) {
    const ServiceSpec* service = service_of(desired_, binding);
    if (service == nullptr || service->kind == "files") return;
    const Sla& sla = sla_of(binding, desired_);
    const Misfit at = place_of(name, binding);
    for (std::size_t i = 0; i < sla.content_classes.size(); ++i)
      if (const auto error = expression_error(sla.content_classes[i], service->kind))
        note(at, member_of(at, binding, fmt::format("/contentClasses/{}/when", i)),
             fmt::format("content class {}{}, for Service {} of kind {}: {}", in_quotes(sla.content_classes[i].name), of_named(binding),
                         in_quotes(binding.service), service->kind, *error),
             "", "malformed");
    if (sla.guarantee != "guaranteed" || !sla.objectives) return;
    kinds.insert(service->kind);
    judge_times(sla, binding, *service, at);
  }

  // A request takes its cost, and the last of a burst waits for all others.
  void judge_times(const Sla& sla, const BindingSpec& binding, const ServiceSpec& service, const Misfit& at) {
    const auto cost = request_cost_of(service);
    const Objectives& promised = *sla.objectives;
    const auto worst = promised.latency_p999.count() != 0 ? promised.latency_p999 : promised.latency_p99;
    if (worst.count() != 0 && cost * std::int64_t{sla.burst} > worst)
      note(at, member_of(at, binding, sla.burst > 1 ? "/burst" : "/objectives"),
           fmt::format("a burst of {} requests of {} each takes {}, and each is promised within {}", sla.burst, format_fine_duration(cost),
                       format_fine_duration(cost * std::int64_t{sla.burst}), format_fine_duration(worst)),
           worst < cost ? fmt::format("at least {} fits", format_fine_duration(cost))
                        : fmt::format("a burst of at most {} fits", worst / cost));
    if (promised.latency_p50.count() != 0 && cost > promised.latency_p50)
      note(at, member_of(at, binding, "/objectives/latencyP50"),
           fmt::format("a request takes {}, and half of them are promised within {}", format_fine_duration(cost),
                       format_fine_duration(promised.latency_p50)),
           fmt::format("at least {} fits, or a lower requestCost of Service {}", format_fine_duration(cost), in_quotes(binding.service)));
  }

  // What was not written was given before; of what was, that which does not fit any more is at fault.
  void add_up(const std::string& kind) {
    std::int64_t given_us = 0;
    std::size_t given = 0;
    std::vector<const Resource*> asked;
    for (const auto& [name, resource] : desired_.bindings) {
      const auto& binding = std::get<BindingSpec>(resource.spec);
      const ServiceSpec* service = service_of(desired_, binding);
      if (service == nullptr || service->kind != kind) continue;
      const std::uint32_t rate = guaranteed_rate(sla_of(binding, desired_));
      if (rate == 0) continue;
      if (was_written(Kind::binding, name) || was_written(Kind::sla, binding.sla_name) || was_written(Kind::service, binding.service)) {
        asked.push_back(&resource);
        continue;
      }
      given_us += request_cost_of(*service).count() * rate;
      ++given;
    }
    for (const Resource* resource : asked) {
      const auto& binding = std::get<BindingSpec>(resource->spec);
      const std::int64_t cost = request_cost_of(*service_of(desired_, binding)).count();
      const std::uint32_t rate = guaranteed_rate(sla_of(binding, desired_));
      if (given_us + cost * rate <= kGuaranteedUs) {
        given_us += cost * rate;
        ++given;
        continue;
      }
      const Misfit at = place_of(resource->metadata.name, binding);
      const std::int64_t fits = std::max<std::int64_t>(0, kGuaranteedUs - given_us) / cost;
      note(at, member_of(at, binding, "/class"),
           fmt::format("{} requests a second of {} each are {:.4g} of a loop for Binding {}; {} other{} of kind {} {} guaranteed {:.4g} "
                       "already, together {:.4g}, and at most {:.4g} is given",
                       rate, format_fine_duration(std::chrono::microseconds(cost)), part_of_loop(cost * rate),
                       in_quotes(resource->metadata.name), given, given == 1 ? "" : "s", kind, given == 1 ? "is" : "are",
                       part_of_loop(given_us), part_of_loop(given_us + cost * rate), part_of_loop(kGuaranteedUs)),
           fits == 0 ? "class burstable fits" : fmt::format("a \"rate\" of at most {} fits, or class burstable", fits), "exhausted");
    }
  }

  const Desired& desired_;
  const std::vector<std::pair<Kind, std::string>>& written_;
  std::vector<Misfit> misfits_;
};

}  // namespace

std::chrono::microseconds default_request_cost(std::string_view kind) {
  return std::chrono::microseconds(kind == "dns" ? 100 : 20);
}

std::chrono::microseconds request_cost_of(const ServiceSpec& service) {
  return service.request_cost.count() != 0 ? service.request_cost : default_request_cost(service.kind);
}

std::uint32_t guaranteed_rate(const Sla& sla) {
  if (sla.guarantee != "guaranteed" || !sla.objectives) return 0;
  return sla.objectives->rate != 0 ? sla.objectives->rate : sla.rate;
}

std::vector<Misfit> misfits_of(const Desired& desired, const std::vector<std::pair<Kind, std::string>>& written) {
  return Judge(desired, written).judge();
}

}  // namespace vs
