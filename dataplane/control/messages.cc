#include "dataplane/control/messages.h"

#include "base/json.h"
#include "dataplane/control/fields.h"

namespace vs::control {
namespace {

using nlohmann::json;

json to_json(const Promise& promise) {
  return {{"p50Us", promise.p50_us},
          {"p99Us", promise.p99_us},
          {"p999Us", promise.p999_us},
          {"ratePerS", promise.rate_per_s},
          {"freshnessMs", promise.freshness_ms},
          {"loss", promise.loss},
          {"availability", promise.availability}};
}

json to_json(const ContentClass& one) {
  return {{"name", one.name}, {"when", one.when}, {"priority", name_of(one.priority)}, {"promise", to_json(one.promise)}};
}

json to_json(const Terms& terms) {
  json classes = json::array();
  for (const ContentClass& one : terms.content_classes) classes.push_back(to_json(one));
  return {{"tune", name_of(terms.tune)},
          {"wait", name_of(terms.wait)},
          {"batchMessages", terms.batch_messages},
          {"batchUs", terms.batch_us},
          {"requestBytes", terms.request_bytes},
          {"responseBytes", terms.response_bytes},
          {"priority", name_of(terms.priority)},
          {"ratePerS", terms.rate_per_s},
          {"burst", terms.burst},
          {"memoryBytesMax", terms.memory_bytes_max},
          {"guarantee", name_of(terms.guarantee)},
          {"promise", to_json(terms.promise)},
          {"contentClasses", std::move(classes)}};
}

json to_json(const Configure& configure) {
  json services = json::array();
  for (const ServiceConfig& service : configure.services)
    services.push_back({{"name", service.name}, {"parameters", service.parameters}});
  json bindings = json::array();
  for (const BindingConfig& binding : configure.bindings) {
    bindings.push_back({{"name", binding.name},
                        {"domain", binding.domain},
                        {"device", binding.device},
                        {"service", binding.service},
                        {"granted", binding.granted},
                        {"terms", to_json(binding.terms)}});
    if (!binding.rights.is_null()) bindings.back()["rights"] = binding.rights;
    if (!binding.sharing.is_null()) bindings.back()["sharing"] = binding.sharing;
    if (binding.domid) bindings.back()["domid"] = *binding.domid;
    if (binding.loop) bindings.back()["loop"] = *binding.loop;
    if (binding.epoch != 0) bindings.back()["epoch"] = binding.epoch;
    if (!binding.uid.empty()) bindings.back()["uid"] = binding.uid;
  }
  json loops = json::array();
  for (const LoopConfig& loop : configure.loops)
    loops.push_back({{"number", loop.number}, {"cpus", loop.cpus}, {"withGuests", loop.with_guests}});
  return {{"type", "configure"}, {"number", configure.number}, {"services", services},
          {"bindings", bindings}, {"loops", loops},            {"pool", configure.pool}};
}

json to_json(const Stop&) { return {{"type", "stop"}}; }

json to_json(const Ping& ping) { return {{"type", "ping"}, {"number", ping.number}}; }
json to_json(const Pong& pong) { return {{"type", "pong"}, {"number", pong.number}}; }
json to_json(const Describe& describe) {
  return {{"type", "describe"}, {"number", describe.number}, {"binding", describe.binding}};
}
json to_json(const Described& described) {
  return {{"type", "described"}, {"number", described.number}, {"live", described.live}};
}
json to_json(const Locate& locate) { return {{"type", "locate"}, {"number", locate.number}}; }
json to_json(const Located& located) {
  json loops = json::array(), guests = json::array();
  for (const LoopFound& loop : located.loops)
    loops.push_back({{"number", loop.number}, {"found", loop.found}, {"now", loop.now}, {"cpuNs", loop.cpu_ns}});
  for (const GuestFound& guest : located.guests) guests.push_back({{"domain", guest.domain}, {"cpus", guest.cpus}, {"requests", guest.requests}, {"latencyNs", guest.latency_ns}});
  return {{"type", "located"}, {"number", located.number}, {"loops", loops}, {"guests", guests}};
}
json to_json(const Flush& flush) {
  return {{"type", "flush"}, {"number", flush.number}, {"service", flush.service}, {"domain", flush.domain}, {"name", flush.name}};
}
json to_json(const Flushed& flushed) {
  return {{"type", "flushed"}, {"number", flushed.number}, {"entries", flushed.entries}};
}
json to_json(const Report& report) { return {{"type", "report"}, {"number", report.number}}; }

json to_json(const Hello& hello) {
  return {{"type", "hello"},
          {"protocolVersion", hello.protocol_version},
          {"kind", hello.kind},
          {"version", hello.version},
          {"configNumber", hello.config_number}};
}

json to_json(const Applied& applied) {
  json problems = json::array();
  for (const BindingProblem& problem : applied.problems)
    problems.push_back({{"binding", problem.binding}, {"message", problem.message}});
  return {{"type", "applied"}, {"number", applied.number}, {"problems", problems}};
}

json to_json(const Refused& refused) {
  return {{"type", "refused"},
          {"binding", refused.binding},
          {"domain", refused.domain},
          {"device", refused.device},
          {"total", refused.total},
          {"misdeeds", refused.misdeeds},
          {"misdeed", refused.misdeed}};
}

json to_json(const Stats& stats) {
  json samples = json::array();
  for (const Sample& sample : stats.samples) {
    json labels = json::object();
    for (const auto& [key, value] : sample.labels) labels[key] = value;
    json one = {{"name", sample.name}, {"help", sample.help}, {"kind", static_cast<int>(sample.type)}, {"labels", labels}};
    if (sample.type == Sample::Type::histogram) {
      one["buckets"] = sample.buckets;
      one["count"] = sample.count;
      one["sum"] = sample.sum;
    } else {
      one["value"] = sample.value;
    }
    samples.push_back(std::move(one));
  }
  return {{"type", "stats"}, {"number", stats.number}, {"more", stats.more}, {"samples", samples}};
}

template <class Value>
Value known(std::optional<Value> value, const char* what) {
  if (!value) throw std::invalid_argument(what);
  return *value;
}

Promise promise_from(const json& from) {
  return {.p50_us = count_from(from.at("p50Us")),
          .p99_us = count_from(from.at("p99Us")),
          .p999_us = count_from(from.at("p999Us")),
          .rate_per_s = count_from(from.at("ratePerS")),
          .freshness_ms = count_from(from.at("freshnessMs")),
          .loss = from.at("loss").get<bool>(),
          .availability = from.at("availability").get<bool>()};
}

std::vector<ContentClass> content_classes_from(const json& from) {
  if (from.size() > kContentClassesMax) throw std::invalid_argument("too many content classes");
  std::vector<ContentClass> classes;
  for (const json& one : from)
    classes.push_back({one.at("name").get<std::string>(), one.at("when").get<std::string>(),
                       known(priority_named(one.at("priority").get<std::string>()), "priority"),
                       promise_from(one.at("promise"))});
  return classes;
}

Terms terms_from(const json& from) {
  Terms terms{.tune = known(tune_named(from.at("tune").get<std::string>()), "tune"),
              .wait = known(wait_mode_named(from.at("wait").get<std::string>()), "wait"),
              .batch_messages = count32_from(from.at("batchMessages")),
              .batch_us = count32_from(from.at("batchUs")),
              .request_bytes = count32_from(from.at("requestBytes")),
              .response_bytes = count32_from(from.at("responseBytes")),
              .priority = known(priority_named(from.at("priority").get<std::string>()), "priority"),
              .rate_per_s = count_from(from.at("ratePerS")),
              .burst = count_from(from.at("burst")),
              .memory_bytes_max = count_from(from.at("memoryBytesMax")),
              .guarantee = known(guarantee_named(from.at("guarantee").get<std::string>()), "guarantee"),
              .promise = promise_from(from.at("promise")),
              .content_classes = content_classes_from(from.at("contentClasses"))};
  if (!is_ring_size(terms.request_bytes) || !is_ring_size(terms.response_bytes)) throw std::invalid_argument("ring size");
  return terms;
}

std::uint32_t loop_from(const json& from) {
  const std::uint32_t loop = count32_from(from);
  if (loop >= kLoopsMax) throw std::invalid_argument("loop " + from.dump());
  return loop;
}

Cpus cpus_from(const json& from) {
  Cpus cpus;
  for (const json& cpu : from) {
    cpus.push_back(count32_from(cpu));
    if (cpus.back() >= kCpusMax || (cpus.size() > 1 && cpus.back() <= cpus[cpus.size() - 2]))
      throw std::invalid_argument("CPU " + cpu.dump());
  }
  return cpus;
}

LoopConfig loop_config_from(const json& from) {
  LoopConfig loop{loop_from(from.at("number")), cpus_from(from.at("cpus")), from.at("withGuests").get<bool>()};
  if (loop.cpus.empty()) throw std::invalid_argument("a loop without CPUs");
  return loop;
}

Located located_from(const json& from) {
  Located located{.number = count_from(from.at("number"))};
  if (from.at("loops").size() > kLoopsMax) throw std::invalid_argument("too many loops");
  for (const json& loop : from.at("loops"))
    located.loops.push_back({loop_from(loop.at("number")), cpus_from(loop.at("found")), cpus_from(loop.at("now")),
                             count_from(loop.at("cpuNs"))});
  for (const json& guest : from.at("guests"))
    located.guests.push_back({guest.at("domain").get<std::string>(), cpus_from(guest.at("cpus")), count_from(guest.at("requests")),
                              count_from(guest.at("latencyNs"))});
  return located;
}

Configure configure_from(const json& from) {
  Configure configure{.number = count_from(from.at("number"))};
  for (const json& service : from.at("services"))
    configure.services.push_back({service.at("name").get<std::string>(), service.at("parameters")});
  for (const json& binding : from.at("bindings"))
    configure.bindings.push_back({binding.at("name").get<std::string>(), binding.at("domain").get<std::string>(),
                                  binding.at("device").get<std::string>(), binding.at("service").get<std::string>(),
                                  binding.at("granted").get<bool>(), terms_from(binding.at("terms")),
                                  binding.contains("domid") ? std::optional(count32_from(binding.at("domid"))) : std::nullopt,
                                  binding.value("rights", json()),
                                  binding.contains("loop") ? std::optional(loop_from(binding.at("loop"))) : std::nullopt,
                                  binding.value("sharing", json()), count_from(binding.value("epoch", json(0u))),
                                  binding.value("uid", std::string())});
  for (const json& loop : from.value("loops", json::array())) configure.loops.push_back(loop_config_from(loop));
  configure.pool = cpus_from(from.value("pool", json::array()));
  return configure;
}

Hello hello_from(const json& from) {
  const std::uint64_t protocol_version = count_from(from.at("protocolVersion"));
  if (protocol_version > UINT32_MAX) throw std::invalid_argument("protocolVersion");
  return {static_cast<std::uint32_t>(protocol_version), from.at("kind").get<std::string>(),
          from.at("version").get<std::string>(), count_from(from.at("configNumber"))};
}

Applied applied_from(const json& from) {
  Applied applied{.number = count_from(from.at("number"))};
  for (const json& problem : from.at("problems"))
    applied.problems.push_back({problem.at("binding").get<std::string>(), problem.at("message").get<std::string>()});
  return applied;
}

Refused refused_from(const json& from) {
  return {from.at("binding").get<std::string>(), from.at("domain").get<std::string>(),
          from.at("device").get<std::string>(), count_from(from.at("total")),
          count_from(from.value("misdeeds", json(0))), from.value("misdeed", std::string())};
}

Sample sample_from(const json& from) {
  Sample sample{.name = from.at("name").get<std::string>(), .help = from.at("help").get<std::string>()};
  const std::uint64_t kind = count_from(from.at("kind"));
  if (kind > static_cast<std::uint64_t>(Sample::Type::histogram)) throw std::invalid_argument("sample kind");
  sample.type = static_cast<Sample::Type>(kind);
  for (const auto& [key, value] : from.at("labels").items()) sample.labels.emplace_back(key, value.get<std::string>());
  if (sample.type == Sample::Type::histogram) {
    for (const json& bucket : from.at("buckets"))
      sample.buckets.emplace_back(bucket.at(0).get<double>(), count_from(bucket.at(1)));
    sample.count = count_from(from.at("count"));
    sample.sum = from.at("sum").get<double>();
  } else {
    sample.value = from.at("value").get<double>();
  }
  return sample;
}

Stats stats_from(const json& from) {
  Stats stats{.number = count_from(from.at("number"))};
  const json& samples = from.at("samples");
  stats.more = from.at("more").get<bool>();
  if (samples.size() > kSamplesPerMessageMax) throw std::invalid_argument("too many samples");
  for (const json& sample : samples) stats.samples.push_back(sample_from(sample));
  return stats;
}

template <class Message, class Pick>
Result<Message> decode_with(std::string_view text, Pick pick) try {
  auto parsed = parse_json(text);
  if (!parsed) return fail(std::move(parsed.error()));
  return pick(*parsed, parsed->at("type").get<std::string>());
} catch (const std::exception& problem) {
  return fail(ErrorCode::invalid, std::string("control message: ") + problem.what());
}

}  // namespace

std::string encode(const Command& command) {
  return std::visit([](const auto& message) { return to_json(message).dump(); }, command);
}

std::string encode(const Event& event) {
  return std::visit([](const auto& message) { return to_json(message).dump(); }, event);
}

Result<Command> decode_command(std::string_view text) {
  return decode_with<Command>(text, [](const json& from, const std::string& type) -> Result<Command> {
    if (type == "configure") return Command{configure_from(from)};
    if (type == "stop") return Command{Stop{}};
    if (type == "ping") return Command{Ping{count_from(from.at("number"))}};
    if (type == "describe")
      return Command{Describe{count_from(from.at("number")), from.at("binding").get<std::string>()}};
    if (type == "locate") return Command{Locate{count_from(from.at("number"))}};
    if (type == "flush")
      return Command{Flush{count_from(from.at("number")), from.at("service").get<std::string>(),
                           from.at("domain").get<std::string>(), from.at("name").get<std::string>()}};
    if (type == "freeze") return Command{freeze_from(from)};
    if (type == "thaw") return Command{thaw_from(from)};
    if (type == "stage") return Command{stage_from(from)};
    if (type == "report") return Command{Report{count_from(from.at("number"))}};
    return fail(ErrorCode::invalid, "control message: unknown command " + type);
  });
}

Result<Event> decode_event(std::string_view text) {
  return decode_with<Event>(text, [](const json& from, const std::string& type) -> Result<Event> {
    if (type == "hello") return Event{hello_from(from)};
    if (type == "applied") return Event{applied_from(from)};
    if (type == "refused") return Event{refused_from(from)};
    if (type == "pong") return Event{Pong{count_from(from.at("number"))}};
    if (type == "described") return Event{Described{count_from(from.at("number")), from.at("live")}};
    if (type == "located") return Event{located_from(from)};
    if (type == "flushed") return Event{Flushed{count_from(from.at("number")), count_from(from.at("entries"))}};
    if (type == "frozen") return Event{frozen_from(from)};
    if (type == "thawed") return Event{thawed_from(from)};
    if (type == "staged") return Event{staged_from(from)};
    if (type == "unsupported") return Event{unsupported_from(from)};
    if (type == "stats") return Event{stats_from(from)};
    return fail(ErrorCode::invalid, "control message: unknown event " + type);
  });
}

}  // namespace vs::control
