#include "dataplane/backend/counters.h"

namespace vs {

std::string_view name_of(vs_status status) {
  switch (status) {
    case VS_STATUS_OK: return "ok";
    case VS_STATUS_INVALID: return "invalid";
    case VS_STATUS_DENIED: return "denied";
    case VS_STATUS_NOT_FOUND: return "not_found";
    case VS_STATUS_CONFLICT: return "conflict";
    case VS_STATUS_EXHAUSTED: return "exhausted";
    case VS_STATUS_UNAVAILABLE: return "unavailable";
    case VS_STATUS_INTERNAL: return "internal";
    case VS_STATUS_TOO_LARGE: return "too_large";
  }
  __builtin_unreachable();
}

std::string_view name_of(vs_broken why) {
  switch (why) {
    case VS_BROKEN_NOT: return "not";
    case VS_BROKEN_LENGTH: return "length";
    case VS_BROKEN_TYPE: return "type";
    case VS_BROKEN_INDEX: return "index";
    case VS_BROKEN_COOKIE: return "cookie";
    case VS_BROKEN_CREDIT: return "credit";
    case VS_BROKEN_PAYLOAD: return "payload";
    case VS_BROKEN_BUFFER: return "buffer";
  }
  __builtin_unreachable();
}

void append_samples(std::vector<Sample>& to, const LoopCounts& counts,
                    const std::vector<std::pair<std::string, std::string>>& labels) {
  const auto add = [&](const char* name, const char* help, std::uint64_t value) {
    to.push_back({.name = name,
                  .help = help,
                  .type = Sample::Type::counter,
                  .labels = labels,
                  .value = static_cast<double>(value)});
  };
  add("vservices_loop_sleeps_total", "Times the backend's loop had nothing to do and slept.", counts.sleeps);
  add("vservices_loop_spins_won_total", "Times it looked instead, and something came.", counts.spins_won);
  add("vservices_loop_spins_lost_total", "Times it looked in vain before it slept.", counts.spins_lost);
}

void append_samples(std::vector<Sample>& to, const BindingCounters& counters,
                    const std::vector<std::pair<std::string, std::string>>& labels) {
  const auto add = [&](const char* name, const char* help, Sample::Type type, std::uint64_t value) -> Sample& {
    return to.emplace_back(
        Sample{.name = name, .help = help, .type = type, .labels = labels, .value = static_cast<double>(value)});
  };
  using Type = Sample::Type;
  add("vservices_sessions", "Live sessions.", Type::gauge, counters.sessions_live);
  add("vservices_sessions_opened_total", "Sessions opened.", Type::counter, counters.sessions_opened);
  add("vservices_sessions_exhausted_total", "Opens refused because a session limit was reached.", Type::counter,
      counters.sessions_exhausted);
  add("vservices_sessions_renewed_total", "Times a session went on in another region.", Type::counter, counters.sessions_renewed);
  add("vservices_sessions_not_renewed_total", "Sessions ended because they did not.", Type::counter, counters.sessions_not_renewed);
  add("vservices_opens_refused_total", "Opens refused by policy.", Type::counter, counters.opens_refused);
  add("vservices_hellos_bad_total", "Connections that did not speak the protocol.", Type::counter, counters.hellos_bad);
  add("vservices_requests_total", "Requests taken from guests' rings.", Type::counter, counters.requests);
  add("vservices_requests_held_total", "Times a session reached its limit of unanswered requests.", Type::counter,
      counters.requests_held);
  add("vservices_requests_throttled_total", "Times a session waited for the binding's rate.", Type::counter,
      counters.requests_throttled);
  add("vservices_request_bytes_total", "Bytes of requests.", Type::counter, counters.request_bytes);
  add("vservices_response_bytes_total", "Bytes of answers.", Type::counter, counters.response_bytes);
  add("vservices_frames_total", "Answers that guests read in place.", Type::counter, counters.frames);
  add("vservices_frame_bytes_total", "Bytes of answers that guests read in place.", Type::counter, counters.frame_bytes);
  add("vservices_memory_exhausted_total", "Opens refused because the domain's memory is used up.", Type::counter,
      counters.memory_exhausted);
  add("vservices_doorbells_received_total", "Wake-ups by guests.", Type::counter, counters.doorbells_received);
  add("vservices_doorbells_in_vain_total", "Wake-ups by guests for nothing.", Type::counter, counters.doorbells_in_vain);
  add("vservices_doorbell_pauses_total", "Times a session's doorbell was not heard for a while because it rang in vain.",
      Type::counter, counters.doorbell_pauses);
  add("vservices_doorbells_sent_total", "Wake-ups of guests.", Type::counter, counters.doorbells_sent);
  add("vservices_doorbells_suppressed_total", "Wake-ups of guests that were not needed.", Type::counter,
      counters.doorbells_suppressed);
  add("vservices_freezes_total", "Times a binding was frozen, to go to another node.", Type::counter, counters.freezes);
  add("vservices_opens_frozen_total", "Opens sent away because the binding was frozen.", Type::counter, counters.opens_frozen);
  add("vservices_requests_drained_total", "Requests of frozen bindings that were answered in time.", Type::counter,
      counters.requests_drained);
  add("vservices_requests_undrained_total", "Requests of frozen bindings that were not answered in time.", Type::counter,
      counters.requests_undrained);
  add("vservices_answers_late_total", "Answers that came when their binding was frozen and drained, and were not given.",
      Type::counter, counters.answers_late);
  for (std::size_t i = 0; i < counters.answers.size(); ++i)
    add("vservices_answers_total", "Answers given, by status.", Type::counter, counters.answers[i])
        .labels.emplace_back("status", name_of(static_cast<vs_status>(i)));
  for (std::size_t i = 1; i < counters.broken.size(); ++i)
    add("vservices_sessions_broken_total", "Sessions ended because the guest broke the ring, by what it broke.",
        Type::counter, counters.broken[i])
        .labels.emplace_back("why", name_of(static_cast<vs_broken>(i)));
  const auto add_latency = [&](const LatencyHistogram& latency, const char* name, const char* help) {
    to.emplace_back(latency.sample(name, help)).labels = labels;
  };
  add_latency(counters.queue, "vservices_request_queue_seconds", "From seeing a request in the ring to taking it.");
  add_latency(counters.service, "vservices_request_service_seconds", "From taking a request to putting its answer there.");
  add_latency(counters.total, "vservices_request_duration_seconds", "From seeing a request to putting its answer there.");
}

}  // namespace vs
