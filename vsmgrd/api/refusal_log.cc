#include "vsmgrd/api/refusal_log.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace vs::http {
namespace {

AuditEntry entry_of(const RefusalLog::Refusal& refusal, std::string message) {
  AuditEntry entry;
  entry.actor = refusal.actor;
  entry.verb = refusal.verb;
  entry.name = refusal.name;
  entry.outcome = "refused";
  entry.code = refusal.code;
  entry.message = std::move(message);
  return entry;
}

}  // namespace

void RefusalLog::add(const Refusal& refusal) {
  ++refused_;
  tick();
  const auto now = clock_.now();
  const bool first = window_.with([&](Window& window) {
    if (window.kinds.empty() && window.others == 0) window.end = now + kRefusalWindow;
    const Kind kind{refusal.actor.principal, refusal.actor.channel, refusal.verb, refusal.status};
    const auto found = window.kinds.find(kind);
    if (found != window.kinds.end()) {
      ++found->second.more;
      return false;
    }
    if (window.kinds.size() == kRefusalKindsMax) {
      ++window.others;
      return false;
    }
    window.kinds.emplace(kind, Count{refusal, 0});
    return true;
  });
  if (!first) return;
  log::info("api.refused", {{"who", refusal.actor.principal},
                            {"channel", refusal.actor.channel},
                            {"client", refusal.client},
                            {"what", refusal.verb},
                            {"status", refusal.status},
                            {"request", refusal.actor.request_id}});
  write(entry_of(refusal, refusal.message));
}

RefusalLog::Window RefusalLog::take(bool always) {
  const auto now = clock_.now();
  return window_.with([&](Window& window) {
    return always || now >= window.end ? std::exchange(window, {}) : Window{};
  });
}

void RefusalLog::tick() { write(take(false)); }

void RefusalLog::flush() { write(take(true)); }

void RefusalLog::write(Window window) {
  for (const auto& [kind, count] : window.kinds) {
    if (count.more == 0) continue;
    write(entry_of(count.first, fmt::format("{} more times within {} s: {}", count.more,
                                            kRefusalWindow.count(), count.first.message)));
  }
  if (window.others == 0) return;
  AuditEntry entry;
  entry.actor = the_daemon();
  entry.verb = "refuse";
  entry.outcome = "refused";
  entry.code = "denied";
  entry.message = fmt::format("{} more requests within {} s, of more clients and routes than are told apart",
                              window.others, kRefusalWindow.count());
  write(std::move(entry));
}

void RefusalLog::write(AuditEntry entry) {
  const auto written = append_(std::move(entry));
  if (written) return;
  ++lost_;
  log::error("audit.lost", {{"error", written.error()}});
}

std::vector<Sample> RefusalLog::samples() const {
  return {{.name = "vservices_api_refusals_total",
           .help = "Requests refused for who sent them.",
           .value = static_cast<double>(refused_.load())},
          {.name = "vservices_audit_lost_total",
           .help = "Refusals that could not be written to the audit.",
           .value = static_cast<double>(lost_.load())}};
}

}  // namespace vs::http
