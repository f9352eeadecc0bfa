// How bindings were used between two readings of the metrics.
//
// Pure; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace vs::ctl {

// What one reading says of one binding; counters since the backend began.
struct Reading {
  std::string domain;
  std::string service;
  double requests = 0;
  double answers_failed = 0;
  double refused = 0;
  double sessions = 0;
  double waiting_bytes = 0;          // in its request rings
  std::map<double, double> latency;  // upper bound in seconds -> requests up to it
  std::optional<double> budget;      // the least that is left of what may miss an objective; none: nothing was promised
};
using Readings = std::map<std::string, Reading>;  // "web1/dns" -> reading

// `samples` as parse_metrics() makes them.
Readings read_usage(const nlohmann::json& samples);

struct Usage {
  std::string domain;
  std::string service;
  double rate = 0;  // requests a second
  double p50_us = 0;
  double p99_us = 0;
  double failed = 0;   // answers a second that were no success
  double refused = 0;  // opens in all
  double sessions = 0;
  double waiting_bytes = 0;
  std::optional<double> budget;  // as in the later Reading
};

// A counter that went back began anew: then its value counts.
std::vector<Usage> usage_between(const Readings& before, const Readings& after, double seconds);

// By "rate", "p99", "sessions" or "name"; the largest first, and names from a to z.
void sort_usage(std::vector<Usage>& usage, const std::string& by);

nlohmann::json usage_document(const std::vector<Usage>& usage);

}  // namespace vs::ctl
