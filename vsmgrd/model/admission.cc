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

const ServiceSpec* service_of(const Desired& desired, const BindingSpec& binding) {
  const auto found = desired.services.find(binding.service);
  return found == desired.services.end() ? nullptr : &std::get<ServiceSpec>(found->second.spec);
}

// "Sla gold", or nothing: it stands in the binding itself.
std::string of_named(const BindingSpec& binding) { return binding.sla_name.empty() ? "" : " of Sla " + in_quotes(binding.sla_name); }

class Judge {
 public:
  Judge(const Desired& desired, const std::vector<std::pair<Kind, std::string>>& written) : desired_(desired), written_(written) {}

  std::vector<Contradiction> judge() {
    for (const auto& [kind, name] : written_) {
      if (kind == Kind::sla) judge_object(name);
      if (kind == Kind::binding) judge_written(name);
      if (kind == Kind::service) judge_bindings([&, &name = name](const BindingSpec& binding) { return binding.service == name; });
    }
    const bool any_sla = std::any_of(written_.begin(), written_.end(), [](const auto& key) { return key.first == Kind::sla; });
    if (any_sla) judge_bindings([&](const BindingSpec& binding) { return was_written(Kind::sla, binding.sla_name); });
    return std::move(found_);
  }

 private:
  void note(Contradiction at, std::string_view member, std::string message, std::string hint, std::string code = "contradiction") {
    at.pointer += member;
    at.message = std::move(message);
    at.hint = std::move(hint);
    at.code = std::move(code);
    const bool told = std::any_of(found_.begin(), found_.end(), [&](const Contradiction& one) {
      return one.kind == at.kind && one.name == at.name && one.pointer == at.pointer && one.message == at.message;
    });
    if (!told) found_.push_back(std::move(at));
  }

  bool was_written(Kind kind, const std::string& name) const {
    return !name.empty() && std::find(written_.begin(), written_.end(), std::pair(kind, name)) != written_.end();
  }

  void judge_written(const std::string& name) {
    const auto& binding = std::get<BindingSpec>(desired_.bindings.at(name).spec);
    const Sla& sla = sla_of(binding, desired_);
    if (sla == Sla{}) return;
    if (binding.sla_name.empty()) judge_alone(sla, place_of(name, binding));
    judge_for_service(name, binding);
  }

  template <class Holds>
  void judge_bindings(Holds holds) {
    for (const auto& [name, resource] : desired_.bindings) {
      const auto& binding = std::get<BindingSpec>(resource.spec);
      if (holds(binding)) judge_for_service(name, binding);
    }
  }

  // Where what a binding's Sla says is to be mended: in the binding, if it was written, or in what was.
  Contradiction place_of(const std::string& name, const BindingSpec& binding) const {
    if (was_written(Kind::sla, binding.sla_name)) return {.kind = Kind::sla, .name = binding.sla_name, .pointer = "/spec"};
    if (was_written(Kind::binding, name)) return {.kind = Kind::binding, .name = name, .pointer = "/spec/sla"};
    return {.kind = Kind::service, .name = binding.service, .pointer = "/spec"};
  }
  // Members have places of their own only where the Sla itself is told of.
  static std::string member_of(const Contradiction& at, const BindingSpec& binding, std::string member) {
    const bool itself = at.kind == Kind::sla || (at.kind == Kind::binding && binding.sla_name.empty());
    return itself ? member : at.kind == Kind::service ? "/requestCost" : "";
  }

  void judge_alone(const Sla& sla, const Contradiction& at) {
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
    const Contradiction at{.kind = Kind::sla, .name = name, .pointer = "/spec", .message = {}, .hint = {}, .code = {}};
    judge_alone(sla, at);
    for (std::size_t i = 0; i < sla.content_classes.size(); ++i) judge_expression(sla.content_classes[i], i, at);
  }

  // Of which kind of service an Sla will be is not known here: it must fit one.
  void judge_expression(const ContentClass& one, std::size_t index, const Contradiction& at) {
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

  void judge_for_service(const std::string& name, const BindingSpec& binding) {
    const ServiceSpec* service = service_of(desired_, binding);
    if (service == nullptr || service->kind == "files") return;
    const Sla& sla = sla_of(binding, desired_);
    const Contradiction at = place_of(name, binding);
    for (std::size_t i = 0; i < sla.content_classes.size(); ++i)
      if (const auto error = expression_error(sla.content_classes[i], service->kind))
        note(at, member_of(at, binding, fmt::format("/contentClasses/{}/when", i)),
             fmt::format("content class {}{}, for Service {} of kind {}: {}", in_quotes(sla.content_classes[i].name), of_named(binding),
                         in_quotes(binding.service), service->kind, *error),
             "", "malformed");
    if (sla.guarantee != "guaranteed" || !sla.objectives) return;
    judge_times(sla, binding, *service, at);
  }

  // A request takes its cost, and the last of a burst waits for all others.
  void judge_times(const Sla& sla, const BindingSpec& binding, const ServiceSpec& service, const Contradiction& at) {
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

  const Desired& desired_;
  const std::vector<std::pair<Kind, std::string>>& written_;
  std::vector<Contradiction> found_;
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

std::vector<Contradiction> contradictions_of(const Desired& desired, const std::vector<std::pair<Kind, std::string>>& written) {
  return Judge(desired, written).judge();
}

}  // namespace vs
