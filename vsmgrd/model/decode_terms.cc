#include "vsmgrd/model/decode_terms.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "vsmgrd/model/fields.h"

namespace vs {
namespace {

const std::vector<std::string> kPriorityNames{"control", "deadline", "normal", "bulk"};

// Options of a placement that cannot both be met.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOptionsApart{
    {{"spread", "sameLlc"},
     {"spread", "sameNumaNode"},
     {"sameCoreAsGuest", "apartFromGuest"},
     {"sameCoreAsGuest", "fullCores"}}};
const std::vector<std::string> kPlacementOptions{"fullCores", "sameLlc",         "sameNumaNode",
                                                 "spread",    "sameCoreAsGuest", "apartFromGuest"};

struct KindSharing {
  std::string_view kind;
  std::vector<std::string> modes;
};
// Kinds that do not know every mode: keys are nobody else's, and a position is not kept for later.
const std::vector<KindSharing>& kinds_that_share_less() {
  static const std::vector<KindSharing> kinds{{"crypto", {"private"}},
                                              {"files", {"private"}},
                                              {"pubsub", {"private"}},  // of its channels say the channel rules
                                              {"position", {"private", "group", "open"}}};
  return kinds;
}

void note(std::vector<Problem>& problems, std::string pointer, std::string message,
          std::string hint, std::string code) {
  problems.push_back({.pointer = std::move(pointer),
                      .message = std::move(message),
                      .hint = std::move(hint),
                      .code = std::move(code)});
}

void read_ring_bytes(Fields& fields, std::string_view key, std::uint32_t& into,
                     std::vector<Problem>& problems) {
  std::uint32_t bytes = into;
  if (!fields.number(key, bytes, kRingBytesMin, kRingBytesMax)) return;
  if (std::has_single_bit(bytes))
    into = bytes;
  else
    note(problems, fields.pointer_of(key),
         fmt::format("\"{}\" must be a power of two, is {}", key, bytes),
         fmt::format("the next one is {}", std::bit_ceil(bytes)), "out_of_range");
}

// A slower share of the requests cannot be promised a shorter time.
void refuse_falling(const Fields& fields, const Objectives& objectives,
                    std::vector<Problem>& problems) {
  struct Latency {
    const char* key;
    std::chrono::microseconds most;
  };
  const std::array<Latency, 3> latencies{{{"latencyP50", objectives.latency_p50},
                                          {"latencyP99", objectives.latency_p99},
                                          {"latencyP999", objectives.latency_p999}}};
  const Latency* last = nullptr;
  for (const Latency& latency : latencies) {
    if (latency.most.count() == 0) continue;
    if (last && latency.most < last->most)
      note(problems, fields.pointer_of(latency.key),
           fmt::format("\"{}\" is {}, less than \"{}\" ({})", latency.key,
                       format_fine_duration(latency.most), last->key,
                       format_fine_duration(last->most)),
           fmt::format("at least {} fits", format_fine_duration(last->most)), "contradiction");
    last = &latency;
  }
}

Objectives decode_objectives(const nlohmann::json& value, std::string pointer,
                             std::vector<Problem>& problems) {
  Objectives objectives;
  const std::size_t problems_before = problems.size();
  Fields fields(value, std::move(pointer), problems);
  fields.fine_duration("latencyP50", objectives.latency_p50, kLatencyMax);
  fields.fine_duration("latencyP99", objectives.latency_p99, kLatencyMax);
  fields.fine_duration("latencyP999", objectives.latency_p999, kLatencyMax);
  fields.number("rate", objectives.rate, 1, kRateMax);
  if (std::uint32_t ppm = 0; fields.percent("loss", ppm)) objectives.loss_ppm = ppm;
  fields.duration("freshness", objectives.freshness, kFreshnessMax);
  if (std::uint32_t ppm = 0; fields.percent("availability", ppm)) {
    if (ppm == 0)
      note(problems, fields.pointer_of("availability"), "\"availability\" of 0% promises nothing",
           "leave it out", "contradiction");
    objectives.availability_ppm = ppm;
  }
  fields.duration("window", objectives.window, kWindowMax);
  refuse_falling(fields, objectives, problems);
  fields.finish();
  if (objectives == Objectives{.window = objectives.window} && problems.size() == problems_before)
    note(problems, fields.pointer(), "\"objectives\" promise nothing",
         "name one of latencyP50, latencyP99, latencyP999, rate, loss, freshness, availability",
         "missing");
  return objectives;
}

std::vector<ContentClass> decode_content_classes(const nlohmann::json& value,
                                                 const std::string& pointer,
                                                 std::vector<Problem>& problems) {
  std::vector<ContentClass> classes;
  if (!value.is_array() || value.empty() || value.size() > kContentClassesMax) {
    note(problems, pointer,
         fmt::format("\"contentClasses\" must be a list of 1 to {} classes, is {}",
                     kContentClassesMax,
                     value.is_array() ? fmt::format("{} classes", value.size()) : describe(value)),
         "", "wrong_type");
    return classes;
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    ContentClass one{.priority = "normal"};
    Fields fields(value[i], fmt::format("{}/{}", pointer, i), problems);
    fields.name("name", one.name, Need::required);
    fields.text("when", one.when, Need::required);
    fields.choice("priority", one.priority, Need::optional, kPriorityNames);
    if (const auto* objectives = fields.take("objectives", Need::optional))
      one.objectives = decode_objectives(*objectives, fields.pointer_of("objectives"), problems);
    fields.finish();
    const bool twice = std::any_of(classes.begin(), classes.end(), [&](const ContentClass& other) {
      return !one.name.empty() && other.name == one.name;
    });
    if (twice)
      note(problems, fields.pointer_of("name"),
           fmt::format("content class {} stands twice", in_quotes(one.name)), "", "duplicate");
    classes.push_back(std::move(one));
  }
  return classes;
}

// What was promised must fit what may be asked.
void refuse_contradictions(const Fields& fields, const Sla& sla, std::vector<Problem>& problems) {
  const bool promises = sla.objectives.has_value();
  if (promises && sla.rate != 0 && sla.objectives->rate > sla.rate)
    note(problems, fields.pointer_of("objectives") + "/rate",
         fmt::format("promises {} requests a second, and only {} are let through",
                     sla.objectives->rate, sla.rate),
         fmt::format("at most {} fits, or a higher \"rate\"", sla.rate), "contradiction");
  if (sla.guarantee == "bestEffort" && promises)
    note(problems, fields.pointer_of("class"), "class bestEffort promises nothing, but there are objectives",
         "burstable or guaranteed fits, or leave out the objectives", "contradiction");
  if (sla.guarantee == "guaranteed" && !promises)
    note(problems, fields.pointer_of("class"), "class guaranteed needs objectives: what is guaranteed",
         "burstable fits without", "contradiction");
  if (sla.guarantee == "guaranteed" && sla.priority == "bulk")
    note(problems, fields.pointer_of("priority"), "priority bulk is served last and cannot be guaranteed",
         "normal, deadline or control fits", "contradiction");
}

void refuse_contradictions(const Fields& fields, const Placement& placement,
                           std::vector<Problem>& problems) {
  const auto has = [&](std::string_view option) {
    return std::find(placement.options.begin(), placement.options.end(), option) !=
           placement.options.end();
  };
  if (!placement.cpus.empty() && placement.count != 0)
    note(problems, fields.pointer_of("count"), "\"count\" and \"cpus\" both say which CPUs",
         "leave one of them out", "contradiction");
  for (const auto& [one, other] : kOptionsApart)
    if (has(one) && has(other))
      note(problems, fields.pointer_of("options"),
           fmt::format("{} and {} cannot both be met", one, other), "leave one of them out",
           "contradiction");
  if (!placement.cpus.empty())
    for (const std::string& option : placement.options)
      if (option != "apartFromGuest" && option != "fullCores")
        note(problems, fields.pointer_of("options"),
             fmt::format("{} chooses among CPUs, and \"cpus\" names them", option),
             "give \"count\" instead of \"cpus\"", "contradiction");
  if (placement.mode == "exclusive" && placement.cpus.empty() && placement.count == 0)
    note(problems, fields.pointer_of("mode"), "exclusive needs to be told which CPUs, or how many",
         "add \"count\" or \"cpus\"", "contradiction");
  if (placement.mode == "auto" && !placement.cpus.empty())
    note(problems, fields.pointer_of("cpus"), "mode auto chooses the core, and \"cpus\" names it",
         "leave one of them out", "contradiction");
  if (placement.mode == "auto" && (has("sameCoreAsGuest") || has("apartFromGuest")))
    note(problems, fields.pointer_of("options"), "mode auto chooses between the guest's core and others",
         "leave the option out, or mode: shared", "contradiction");
  if (placement.mode == "exclusive" && has("sameCoreAsGuest"))
    note(problems, fields.pointer_of("options"), "sameCoreAsGuest shares the core, exclusive does not",
         "mode: shared fits", "contradiction");
}

bool is_host_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

}  // namespace

Buffers decode_buffers(const nlohmann::json& value, std::string pointer,
                       std::vector<Problem>& problems) {
  Buffers buffers;
  Fields fields(value, std::move(pointer), problems);
  const bool tuned = fields.choice("auto", buffers.tune, Need::optional, {"latency", "throughput"});
  for (const char* chosen : {"wait", "batchMessages", "batchMicroseconds", "requestBytes", "responseBytes"})
    if (tuned && fields.has(chosen))
      note(problems, fields.pointer_of(chosen), fmt::format("\"{}\" is chosen by the backend where \"auto\" is given", chosen),
           "leave one of the two out", "contradiction");
  fields.choice("wait", buffers.wait, Need::optional, {"adaptive", "spin", "block", "timer"});
  fields.number("batchMessages", buffers.batch_messages, 1, kBatchMessagesMax);
  fields.number("batchMicroseconds", buffers.batch_us, 1, kBatchUsMax);
  read_ring_bytes(fields, "requestBytes", buffers.request_bytes, problems);
  read_ring_bytes(fields, "responseBytes", buffers.response_bytes, problems);
  fields.finish();
  return buffers;
}

Sla decode_sla(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems) {
  Sla sla;
  Fields fields(value, std::move(pointer), problems);
  fields.choice("priority", sla.priority, Need::optional, kPriorityNames);
  fields.number("rate", sla.rate, 0, kRateMax);
  fields.number("burst", sla.burst, 1, kBurstMax);
  const bool known_class = fields.choice("class", sla.guarantee, Need::optional,
                                         {"guaranteed", "burstable", "bestEffort"});
  const std::size_t problems_before = problems.size();
  if (const auto* objectives = fields.take("objectives", Need::optional))
    sla.objectives = decode_objectives(*objectives, fields.pointer_of("objectives"), problems);
  if (const auto* classes = fields.take("contentClasses", Need::optional))
    sla.content_classes =
        decode_content_classes(*classes, fields.pointer_of("contentClasses"), problems);
  // With a wrong class or objective, what contradicts it cannot be told.
  if ((known_class || !fields.has("class")) && problems.size() == problems_before)
    refuse_contradictions(fields, sla, problems);
  fields.finish();
  return sla;
}

namespace {

Placement read_placement(Fields& fields, const std::vector<std::string>& options, const std::vector<std::string>& modes,
                         std::vector<Problem>& problems) {
  Placement placement;
  const std::size_t problems_before = problems.size();
  if (std::string cpus; fields.text("cpus", cpus, Need::optional)) {
    if (const auto checked = parse_cpus(cpus))
      placement.cpus = cpus;
    else
      note(problems, fields.pointer_of("cpus"), "\"cpus\": " + checked.error().message,
           "write it like 2-3,6", "malformed");
  }
  fields.number("count", placement.count, 1, kCpusMax);
  fields.choices("options", placement.options, options);
  fields.choice("mode", placement.mode, Need::optional, modes);
  if (problems.size() == problems_before) refuse_contradictions(fields, placement, problems);
  return placement;
}

}  // namespace

Placement decode_placement(const nlohmann::json& value, std::string pointer,
                           std::vector<Problem>& problems) {
  Fields fields(value, std::move(pointer), problems);
  Placement placement = read_placement(fields, kPlacementOptions, {"exclusive", "shared", "auto"}, problems);
  fields.finish();
  return placement;
}

VcpuPlacement decode_vcpus(const nlohmann::json& value, std::string pointer, std::vector<Problem>& problems) {
  Fields fields(value, std::move(pointer), problems);
  const std::size_t problems_before = problems.size();
  VcpuPlacement vcpus{
      .where = read_placement(fields, {"fullCores", "sameLlc", "sameNumaNode", "spread"}, {"exclusive", "shared"}, problems)};
  fields.choice("affinity", vcpus.affinity, Need::optional, {"hard", "soft"});
  fields.text("cpupool", vcpus.cpupool, Need::optional);
  if (vcpus.cpupool.size() > kCpupoolBytesMax || vcpus.cpupool.find('/') != std::string::npos)
    note(problems, fields.pointer_of("cpupool"), fmt::format("\"cpupool\" is a name of at most {} bytes without a slash", kCpupoolBytesMax),
         "`xl cpupool-list` shows them", "malformed");
  if (problems.size() == problems_before) {
    if (vcpus.where.mode == "exclusive" && vcpus.affinity == "soft")
      note(problems, fields.pointer_of("affinity"), "soft affinity lets vCPUs run elsewhere, too, and exclusive keeps CPUs for them alone",
           "affinity: hard, or mode: shared", "contradiction");
    if (vcpus.where.cpus.empty() && vcpus.where.count == 0 && vcpus.cpupool.empty())
      note(problems, fields.pointer(), "\"vcpus\" says nothing of where", "name one of cpus, count, cpupool", "missing");
  }
  fields.finish();
  return vcpus;
}

Result<> check_shared_name(std::string_view name) {
  const auto refused = [&](std::string_view why) {
    return fail(ErrorCode::invalid, fmt::format("{} {}", in_quotes(name), why));
  };
  std::string_view rest = name.starts_with("*.") ? name.substr(2) : name;
  if (rest.empty() || rest.size() > 253)
    return refused("is not a name such as \"www.example.org\" or \"*.example.org\"");
  while (!rest.empty()) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    if (!is_host_label(rest.substr(0, dot)) || dot + 1 == rest.size())
      return refused("is not a name such as \"www.example.org\" or \"*.example.org\", in lower case");
    rest = rest.substr(std::min(dot + 1, rest.size()));
  }
  return {};
}

bool shares(std::string_view kind) { return kind == "dns"; }

bool can_share(std::string_view kind, std::string_view mode) {
  for (const KindSharing& less : kinds_that_share_less())
    if (less.kind == kind)
      return std::find(less.modes.begin(), less.modes.end(), mode) != less.modes.end();
  return true;
}

std::string sharing_modes_text(std::string_view kind) {
  for (const KindSharing& less : kinds_that_share_less())
    if (less.kind == kind) return fmt::format("{}", fmt::join(less.modes, ", "));
  return "private, group, delayed, open";
}

}  // namespace vs
