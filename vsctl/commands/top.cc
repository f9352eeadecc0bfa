#include "vsctl/commands/top.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/commands/duration.h"
#include "vsctl/commands/exposition.h"
#include "vsctl/commands/live.h"
#include "vsctl/commands/usage.h"
#include "vsctl/output/screen.h"
#include "vsctl/output/table.h"

namespace vs::ctl {
namespace {

using Moment = std::chrono::steady_clock::time_point;

constexpr std::array<const char*, 4> kSorts{"rate", "p99", "sessions", "name"};

struct Look {
  Moment at;
  Readings readings;
};

Outcome<Look> look(Session& session) {
  session.daemon.renew_deadline();
  auto exposition = session.daemon.metrics();
  if (!exposition) return give_up(std::move(exposition.error()));
  return Look{.at = std::chrono::steady_clock::now(), .readings = read_usage(parse_metrics(*exposition))};
}

std::vector<Usage> between(const Look& before, const Look& now, const std::string& sort) {
  const double seconds = std::chrono::duration<double>(now.at - before.at).count();
  auto usage = usage_between(before.readings, now.readings, std::max(seconds, 1e-6));
  sort_usage(usage, sort);
  return usage;
}

std::string usage_table(const std::vector<Usage>& usage) {
  Table table({"DOMAIN", "SERVICE", "REQ/S", "P50", "P99", "FAILED/S", "WAITING", "SESSIONS", "REFUSED", "BUDGET"});
  for (const Usage& one : usage)
    table.add({one.domain, one.service, fmt::format("{:.1f}", one.rate), one.p50_us > 0 ? format_us(one.p50_us) : "",
               one.p99_us > 0 ? format_us(one.p99_us) : "", fmt::format("{:.1f}", one.failed),
               format_bytes(one.waiting_bytes), fmt::format("{:.0f}", one.sessions),
               fmt::format("{:.0f}", one.refused), one.budget ? fmt::format("{:.4g} %", 100 * *one.budget) : ""});
  return table.to_string();
}

Outcome<ExitCode> show_once(Session& session, const TopOptions& options, std::chrono::milliseconds interval) {
  const auto before = look(session);
  if (!before) return give_up(before.error());
  std::this_thread::sleep_for(interval);
  const auto now = look(session);
  if (!now) return give_up(now.error());
  const auto usage = between(*before, *now, options.sort);
  session.out << (for_people(session.format) ? usage_table(usage) : render(usage_document(usage), session.format));
  return ExitCode::ok;
}

std::string heading(const std::string& sort, std::chrono::milliseconds interval, const std::vector<Usage>& usage) {
  double rate = 0;
  for (const Usage& one : usage) rate += one.rate;
  return fmt::format("vsctl top: {} bindings, {:.1f} requests/s, every {} ms, by {}   (s: sort, q: end)\n\n",
                     usage.size(), rate, interval.count(), sort);
}

Outcome<ExitCode> show_live(Session& session, const TopOptions& options, std::chrono::milliseconds interval) {
  auto before = look(session);
  if (!before) return give_up(std::move(before.error()));
  std::size_t sort = static_cast<std::size_t>(std::find(kSorts.begin(), kSorts.end(), options.sort) - kSorts.begin());
  Screen screen(session.out);
  std::vector<Usage> usage;
  screen.draw("vsctl top: measuring ...\n");
  for (Moment next = before->at + interval;;) {
    switch (screen.wait(next)) {
      case Screen::Event::quit: return ExitCode::ok;
      case Screen::Event::sort:
        sort = (sort + 1) % kSorts.size();
        sort_usage(usage, kSorts.at(sort));
        break;
      case Screen::Event::resized: break;
      case Screen::Event::time: {
        auto now = look(session);
        if (!now) return give_up(std::move(now.error()));
        usage = between(*before, *now, kSorts.at(sort));
        before = std::move(now);
        next = before->at + interval;
        break;
      }
    }
    screen.draw(heading(kSorts.at(sort), interval, usage) + usage_table(usage));
  }
}

}  // namespace

Outcome<ExitCode> top(Session& session, const TopOptions& options) {
  const auto interval = parse_timeout(options.interval);
  if (!interval) return give_up(ExitCode::invalid, "--interval: " + interval.error().message);
  if (options.once || !for_people(session.format) || !Screen::possible()) return show_once(session, options, *interval);
  return show_live(session, options, *interval);
}

}  // namespace vs::ctl
