// What the store shows as metrics: counted since it was opened, or true now.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "vsmgrd/store/store_impl.h"

namespace vs {
namespace {

using Type = Sample::Type;
using SampleLabels = std::vector<std::pair<std::string, std::string>>;

class Samples {
 public:
  void counter(const char* name, const char* help, double value, SampleLabels labels = {}) {
    add(name, help, Type::counter, value, std::move(labels));
  }
  void gauge(const char* name, const char* help, double value, SampleLabels labels = {}) {
    add(name, help, Type::gauge, value, std::move(labels));
  }
  void histogram(Sample sample) { all_.push_back(std::move(sample)); }
  std::vector<Sample> take() { return std::move(all_); }

 private:
  void add(const char* name, const char* help, Type type, double value, SampleLabels labels) {
    all_.push_back({.name = name, .help = help, .type = type, .labels = std::move(labels), .value = value});
  }
  std::vector<Sample> all_;
};

double number(std::uint64_t count) { return static_cast<double>(count); }

void add_warnings(Samples& to, const std::vector<Warning>& warnings) {
  std::map<std::pair<Warning::Severity, Warning::Status>, int> counts;
  bool refused = false;
  for (const Warning& warning : warnings) {
    ++counts[{warning.severity, warning.status}];
    refused |= warning.status != Warning::Status::resolved && (warning.type == kDiskFull || warning.type == kStoreReadOnly);
  }
  for (const auto severity : {Warning::Severity::low, Warning::Severity::moderate, Warning::Severity::high})
    for (const auto status : {Warning::Status::fresh, Warning::Status::acknowledged})
      to.gauge("vservices_warnings", "Warnings that are not resolved.", counts[{severity, status}],
               {{"severity", std::string(name_of(severity))}, {"status", std::string(name_of(status))}});
  to.gauge("vservices_store_read_only", "1 while the database takes no writes.", refused ? 1 : 0);
}

void add_files(Samples& to, const std::filesystem::path& file) {
  std::error_code error;
  for (const auto& [part, path] : {std::pair{"database", file}, std::pair{"log", std::filesystem::path(file.string() + "-wal")}}) {
    const auto bytes = std::filesystem::file_size(path, error);
    to.gauge("vservices_store_file_bytes", "Size of the database's files.", error ? 0 : number(bytes), {{"file", part}});
  }
  const auto space = std::filesystem::space(file.parent_path(), error);
  if (error) return;
  to.gauge("vservices_store_disk_free_bytes", "Free space of the file system that holds the database.", number(space.available));
  to.gauge("vservices_store_disk_bytes", "Size of the file system that holds the database.", number(space.capacity));
}

void add_verdicts(Samples& to, const VerdictCounts& verdicts, const Desired& desired) {
  constexpr const char* kMade = "vservices_policy_decisions_total";
  constexpr const char* kMadeHelp = "Decisions on bindings that were new or changed, by outcome.";
  to.counter(kMade, kMadeHelp, number(verdicts.allowed), {{"outcome", "allowed"}});
  to.counter(kMade, kMadeHelp, number(verdicts.denied), {{"outcome", "denied"}});
  to.counter(kMade, kMadeHelp, number(verdicts.on_trial), {{"outcome", "on_trial"}});
  VerdictCounts standing;
  for (const auto& [binding, decision] : desired.decisions) standing.count(decision);
  constexpr const char* kNow = "vservices_policy_bindings";
  constexpr const char* kNowHelp = "Bindings by what the policies say of them now.";
  to.gauge(kNow, kNowHelp, number(standing.allowed), {{"outcome", "allowed"}});
  to.gauge(kNow, kNowHelp, number(standing.denied), {{"outcome", "denied"}});
  to.gauge(kNow, kNowHelp, number(standing.on_trial), {{"outcome", "on_trial"}});
  to.gauge("vservices_policy_generation", "Grows with each change of an access or sharing policy.",
           static_cast<double>(desired.policy_generation));
}

// What is declared and not yet so.
void add_behind(Samples& to, const Snapshot& now) {
  for (const Kind kind : {Kind::domain, Kind::service, Kind::binding}) {
    const auto observed = now.observed.find(kind);
    std::size_t behind = 0;
    for (const auto& [name, resource] : now.desired->of(kind)) {
      const Observed* seen = nullptr;
      if (observed != now.observed.end())
        if (const auto found = observed->second.find(name); found != observed->second.end()) seen = &found->second;
      if (seen == nullptr || seen->observed_generation < resource.metadata.generation) ++behind;
    }
    to.gauge("vservices_objects_behind", "Objects whose observed state is of an older generation than what was asked.",
             number(behind), {{"kind", std::string(name_of(kind))}});
  }
}

// What was promised to bindings, beside which their latencies are looked at.
void add_objectives(Samples& to, const Desired& desired) {
  for (const auto& [name, resource] : desired.bindings) {
    const auto& spec = std::get<BindingSpec>(resource.spec);
    const Sla& sla = sla_of(spec, desired);
    if (!sla.objectives) continue;
    const Objectives& promised = *sla.objectives;
    const SampleLabels labels{{"binding", name}, {"domain", spec.domain}, {"service", spec.service}};
    const std::pair<const char*, std::chrono::microseconds> latencies[] = {
        {"p50", promised.latency_p50}, {"p99", promised.latency_p99}, {"p99.9", promised.latency_p999}};
    for (const auto& [objective, latency] : latencies) {
      if (latency.count() == 0) continue;
      SampleLabels with_objective = labels;
      with_objective.emplace_back("objective", objective);
      to.gauge("vservices_binding_objective_seconds", "Latency that was promised to a binding.",
               std::chrono::duration<double>(latency).count(), std::move(with_objective));
    }
    if (promised.availability_ppm != 0)
      to.gauge("vservices_binding_objective_availability_ratio", "Part of requests that is to be served, as promised to a binding.",
               promised.availability_ppm / 1e6, labels);
  }
}

}  // namespace

std::vector<Sample> Store::Impl::samples() const {
  Samples all;
  const WriterCounts writer = writer_->counts();
  all.histogram(writer.commits.sample("vservices_store_commit_duration_seconds", "Time until a transaction was durable."));
  all.counter("vservices_store_commits_failed_total", "Transactions of which the database took nothing.", number(writer.commits_failed));
  all.gauge("vservices_store_writes_waiting", "Writes that nobody began yet.", number(writer_->waiting()));
  if (connections_.reads_beside()) add_files(all, connections_.file());
  add_warnings(all, warnings.list());
  all.gauge("vservices_operations_running", "Operations that have not ended.", number(operations.count_running()));
  all.counter("vservices_events_total", "Events of the node, over restarts of the daemon.", static_cast<double>(events.newest()));
  const Snapshot now = snapshot();
  add_verdicts(all, verdicts_, *now.desired);
  add_behind(all, now);
  add_objectives(all, *now.desired);  // last: it is the part that grows, and the first to be cut
  return all.take();
}

SlaTable& Store::sla() { return impl_->sla; }

HandoffTable& Store::handoffs() { return impl_->handoffs; }

std::vector<Sample> Store::samples() const { return impl_->samples(); }

}  // namespace vs
