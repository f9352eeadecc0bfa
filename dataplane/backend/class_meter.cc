#include "dataplane/backend/class_meter.h"

#include <algorithm>

namespace vs {
namespace {

constexpr std::array<Objective, kObjectives> kAllObjectives{Objective::p50,  Objective::p99,          Objective::p999,
                                                            Objective::loss, Objective::availability, Objective::freshness};

}  // namespace

std::string_view name_of(Objective objective) {
  switch (objective) {
    case Objective::p50: return "p50";
    case Objective::p99: return "p99";
    case Objective::p999: return "p99.9";
    case Objective::loss: return "loss";
    case Objective::availability: return "availability";
    case Objective::freshness: return "freshness";
  }
  __builtin_unreachable();
}

// A second's worth at once: a promise of so many a second says nothing about when in it they come.
ClassMeter::ClassMeter(std::string name, control::Priority rank, const control::Promise& promise, TimePoint now)
    : name_(std::move(name)), rank_(rank), promise_(promise), promised_rate_(promise.rate_per_s, promise.rate_per_s, now) {}

void ClassMeter::answered(vs_status status, std::chrono::nanoseconds total, bool waits, TimePoint now) {
  ++requests_;
  const bool failure = is_failure(status);
  if (failure) ++failed_;
  if (waits && !failure) return;
  if (!waits) total_.record(total);
  judge(Objective::availability, 1, failure ? 1 : 0);
  judge(Objective::loss, 1, failure ? 1 : 0);
  if (failure || waits || !promised_rate_.take(now)) return;
  const auto slower_than = [&](std::uint64_t us) -> std::uint64_t { return total > std::chrono::microseconds(us) ? 1 : 0; };
  judge(Objective::p50, 1, slower_than(promise_.p50_us));
  judge(Objective::p99, 1, slower_than(promise_.p99_us));
  judge(Objective::p999, 1, slower_than(promise_.p999_us));
}

void ClassMeter::delivered(const Delivery& delivery) {
  events_ += delivery.events;
  events_lost_ += delivery.lost;
  judge(Objective::loss, delivery.events + delivery.lost, delivery.lost);
  if (delivery.events == 0) return;
  age_.record(delivery.oldest);
  judge(Objective::freshness, 1, delivery.oldest > std::chrono::milliseconds(promise_.freshness_ms) ? 1 : 0);
}

bool ClassMeter::promises(Objective objective) const {
  switch (objective) {
    case Objective::p50: return promise_.p50_us != 0;
    case Objective::p99: return promise_.p99_us != 0;
    case Objective::p999: return promise_.p999_us != 0;
    case Objective::loss: return promise_.loss;
    case Objective::availability: return promise_.availability;
    case Objective::freshness: return promise_.freshness_ms != 0;
  }
  __builtin_unreachable();
}

void ClassMeter::judge(Objective objective, std::uint64_t all, std::uint64_t missed) {
  if (!promises(objective)) return;
  Judged& judged = judged_[static_cast<std::size_t>(objective)];
  judged.all += all;
  judged.missed += missed;
}

void append_samples(std::vector<Sample>& to, const ClassMeter& meter,
                    const std::vector<std::pair<std::string, std::string>>& labels) {
  auto of_class = labels;
  of_class.emplace_back("class", meter.name());
  const auto add = [&](const char* name, const char* help, std::uint64_t value) -> Sample& {
    return to.emplace_back(Sample{.name = name,
                                  .help = help,
                                  .type = Sample::Type::counter,
                                  .labels = of_class,
                                  .value = static_cast<double>(value)});
  };
  add("vservices_sla_requests_total", "Requests answered, by content class.", meter.requests());
  add("vservices_sla_failed_total", "Of those, answered unavailable, internal or exhausted.", meter.failed());
  add("vservices_sla_shed_total", "Of those, answered exhausted at once because there was too much to do.", meter.sheds());
  add("vservices_sla_events_total", "Events delivered, by content class of the request.", meter.events());
  add("vservices_sla_events_lost_total", "Events lost before they were delivered.", meter.events_lost());
  for (const Objective objective : kAllObjectives) {
    if (!meter.promises(objective)) continue;
    add("vservices_sla_judged_total", "What was held against an objective.", meter.judged(objective).all)
        .labels.emplace_back("objective", name_of(objective));
    add("vservices_sla_missed_total", "Of that, what missed it.", meter.judged(objective).missed)
        .labels.emplace_back("objective", name_of(objective));
  }
  to.emplace_back(meter.total().sample("vservices_sla_duration_seconds", "From seeing a request to its answer, by content class."))
      .labels = of_class;
  to.emplace_back(meter.age().sample("vservices_sla_age_seconds", "Age of the oldest event of each delivery.")).labels = of_class;
}

}  // namespace vs
