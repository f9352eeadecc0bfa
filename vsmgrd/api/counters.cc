#include "vsmgrd/api/counters.h"

namespace vs::http {

std::string_view name_of(Limit limit) {
  switch (limit) {
    case Limit::header_bytes: return "header_bytes";
    case Limit::body_bytes: return "body_bytes";
    case Limit::header_time: return "header_time";
    case Limit::body_time: return "body_time";
    case Limit::idle_time: return "idle_time";
    case Limit::write_time: return "write_time";
    case Limit::handler_time: return "handler_time";
    case Limit::drain_time: return "drain_time";
    case Limit::requests: return "requests";
    case Limit::connections: return "connections";
    case Limit::client_connections: return "client_connections";
    case Limit::handshake_time: return "handshake_time";
    case Limit::descriptors: return "descriptors";
    case Limit::streams: return "streams";
    case Limit::stream_time: return "stream_time";
  }
  __builtin_unreachable();
}

void TransportCounters::hit(Limit limit) {
  hits_[static_cast<std::size_t>(limit)].fetch_add(1, std::memory_order_relaxed);
  if (observer_) observer_(limit);
}

std::uint64_t TransportCounters::hits(Limit limit) const {
  return hits_[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
}

std::vector<Sample> TransportCounters::samples() const {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < kLimits; ++i) {
    const auto limit = static_cast<Limit>(i);
    samples.push_back({.name = "vservices_http_limits_total",
                       .help = "Times a limit of the HTTP server bit, by limit.",
                       .labels = {{"limit", std::string(name_of(limit))}},
                       .value = static_cast<double>(hits(limit))});
  }
  samples.push_back({.name = "vservices_http_malformed_total",
                     .help = "Requests that were not HTTP.",
                     .value = static_cast<double>(malformed_count())});
  samples.push_back({.name = "vservices_http_handshakes_failed_total",
                     .help = "Clients with which no TLS was agreed upon.",
                     .value = static_cast<double>(handshakes_failed_.load())});
  samples.push_back({.name = "vservices_http_connections",
                     .help = "Open connections to the API.",
                     .type = Sample::Type::gauge,
                     .value = static_cast<double>(connections_.load())});
  samples.push_back({.name = "vservices_http_streams",
                     .help = "Responses that go on, such as those of event watchers.",
                     .type = Sample::Type::gauge,
                     .value = static_cast<double>(streams_.load())});
  samples.push_back({.name = "vservices_http_requests_in_progress",
                     .help = "Requests being handled.",
                     .type = Sample::Type::gauge,
                     .value = static_cast<double>(requests_.load())});
  return samples;
}

}  // namespace vs::http
