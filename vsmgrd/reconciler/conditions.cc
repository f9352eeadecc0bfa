#include "vsmgrd/reconciler/conditions.h"

#include <utility>

#include "vsmgrd/model/decode_terms.h"

namespace vs {
namespace {

using Status = StatusCondition::Status;

// Of service files, which do none of it.
void add_sla(const Sla& sla, const std::string& at, const std::string& owner, std::vector<std::string>& fields) {
  if (sla.rate != 0) fields.push_back(at + "/rate" + owner);
  if (sla.guarantee != Sla{}.guarantee) fields.push_back(at + "/class" + owner);
  if (sla.objectives) fields.push_back(at + "/objectives" + owner);
  if (!sla.content_classes.empty()) fields.push_back(at + "/contentClasses" + owner);
}

// Of `part`, which stands at `at` in the object that is asked about, or is the object `owner`.
void add_placement(const Placement& placement, const std::string& at, const std::string& owner,
                   std::vector<std::string>& fields) {
  if (!placement.cpus.empty()) fields.push_back(at + "/cpus" + owner);
  if (placement.count != 0) fields.push_back(at + "/count" + owner);
  if (!placement.options.empty()) fields.push_back(at + "/options" + owner);
  if (placement.mode != Placement{}.mode) fields.push_back(at + "/mode" + owner);
}

bool of_kind_that_shares(const BindingSpec& binding, const Desired& desired) {
  const auto service = desired.services.find(binding.service);
  return service != desired.services.end() && shares(std::get<ServiceSpec>(service->second.spec).kind);
}

std::string joined(const std::vector<std::string>& fields) {
  std::string text;
  for (const std::string& field : fields) text += (text.empty() ? "" : ", ") + field;
  return text;
}

StatusCondition unsupported(const std::vector<std::string>& fields) {
  return {.type = "Applied",
          .status = Status::no,
          .reason = kUnsupported,
          .message = "no backend does this yet: " + joined(fields)};
}

}  // namespace

std::vector<std::string> unsupported_fields(const Resource& resource, const Desired& desired) {
  std::vector<std::string> fields;
  const auto* binding = std::get_if<BindingSpec>(&resource.spec);
  if (!binding) return fields;
  const auto place = [](const std::string& name, const char* key) {
    return name.empty() ? std::string("/spec/") + key : std::string("/spec");
  };
  const auto owner = [](const std::string& name, const char* kind) {
    return name.empty() ? std::string() : std::string(" of ") + kind + ' ' + name;
  };
  // Of service files, that it is asked through: what it asks of other services is under their bindings' terms.
  if (const auto service = desired.services.find(binding->service);
      service != desired.services.end() && std::get<ServiceSpec>(service->second.spec).kind == "files") {
    add_sla(sla_of(*binding, desired), place(binding->sla_name, "sla"), owner(binding->sla_name, "Sla"), fields);
    if (!(buffers_of(*binding, desired) == Buffers{}))
      fields.push_back(place(binding->buffers_name, "buffers") + owner(binding->buffers_name, "Buffers"));
    add_placement(placement_of(*binding, desired), place(binding->placement_name, "placement"),
                  owner(binding->placement_name, "Placement"), fields);
  }
  // A domU brings its memory itself.
  if (const auto domain = desired.domains.find(binding->domain);
      domain != desired.domains.end() && std::get<DomainSpec>(domain->second.spec).type == "xen" && !buffers_of(*binding, desired).tune.empty())
    fields.push_back(place(binding->buffers_name, "buffers") + "/auto" + owner(binding->buffers_name, "Buffers"));
  if (const auto decision = desired.decisions.find(resource.metadata.name);
      decision != desired.decisions.end() && decision->second.sharing.mode != Sharing{}.mode && !of_kind_that_shares(*binding, desired))
    fields.push_back("/spec/mode of SharingPolicy " + decision->second.sharing.policy);
  return fields;
}

std::vector<StatusCondition> conditions_of_declared(const std::vector<std::string>& fields) {
  if (!fields.empty()) return {unsupported(fields)};
  return {{.type = "Applied", .status = Status::yes, .reason = "Declared"}};
}

std::vector<StatusCondition> conditions_of_binding(const Observed& observed, bool confirmed,
                                                   const Decision* decision,
                                                   const std::vector<std::string>& fields) {
  const bool allowed = decision && decision->allowed;
  std::vector<StatusCondition> conditions;
  conditions.push_back({.type = "Allowed",
                        .status = !decision ? Status::unknown : allowed ? Status::yes : Status::no,
                        .reason = !decision ? "Undecided" : allowed ? "PolicyAllowed" : "PolicyDenied",
                        .message = decision ? decision->message : std::string()});
  if (!confirmed || observed.state == State::failed)
    conditions.push_back({.type = "Applied",
                          .status = Status::no,
                          .reason = observed.reason,
                          .message = observed.message});
  else if (allowed && !fields.empty())
    conditions.push_back(unsupported(fields));
  else
    conditions.push_back({.type = "Applied", .status = Status::yes, .reason = "BackendAcked"});
  conditions.push_back({.type = "Ready",
                        .status = observed.state == State::bound ? Status::yes : Status::no,
                        .reason = observed.reason,
                        .message = observed.message});
  return conditions;
}

}  // namespace vs
