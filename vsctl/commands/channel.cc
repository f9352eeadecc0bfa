#include "vsctl/commands/channel.h"

#include <chrono>
#include <map>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "vsctl/client/fields.h"
#include "vsctl/commands/duration.h"
#include "vsctl/commands/live.h"
#include "vsctl/commands/run.h"
#include "vsctl/output/screen.h"
#include "vsctl/output/table.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;
using Moment = std::chrono::steady_clock::time_point;

struct ChannelLook {
  Moment at;
  json channels;  // a list
  std::int64_t total = 0;
  json engine;
};

Outcome<ChannelLook> look_at_channels(Session& session, const std::string& binding) {
  session.daemon.renew_deadline();
  const auto found = session.daemon.get_live("bindings", binding);
  if (!found) return give_up(found.error());
  const json& live = field(field(*found, "status"), "live");
  if (!live.is_object())
    return give_up(ExitCode::unavailable, fmt::format("binding {}: its backend does not answer", binding));
  const json& channels = field(live, "channels");
  if (!channels.is_array())
    return give_up(ExitCode::invalid, fmt::format("binding {}: its service {} has no channels", binding,
                                                  text(field(*found, "spec"), "service")));
  return ChannelLook{.at = std::chrono::steady_clock::now(), .channels = channels, .total = number(live, "channelsTotal"), .engine = field(live, "engine")};
}

std::map<std::string, std::int64_t> events_of(const ChannelLook& look) {
  std::map<std::string, std::int64_t> events;
  for (const json& channel : look.channels) events[text(channel, "name")] = number(channel, "events");
  return events;
}

// Adds eventsPerSecond to each channel.
json with_rates(const ChannelLook& before, const ChannelLook& now) {
  const double seconds = std::max(std::chrono::duration<double>(now.at - before.at).count(), 1e-6);
  const auto known = events_of(before);
  json channels = now.channels;
  for (json& channel : channels) {
    const auto then = known.find(text(channel, "name"));
    const std::int64_t came = number(channel, "events") - (then == known.end() ? 0 : then->second);
    channel["eventsPerSecond"] = static_cast<double>(std::max<std::int64_t>(came, 0)) / seconds;  // a restart counts from 0
  }
  return channels;
}

std::string schema_of(const json& channel) {
  std::string shown = text(channel, "contentType");
  if (const std::string schema = text(channel, "schema"); !schema.empty()) shown += (shown.empty() ? "" : ": ") + schema;
  return shown.empty() ? "-" : shown;
}

std::string derivation_of(const json& channel) {
  const json& derived = field(channel, "derived");
  if (!derived.is_object()) return "-";
  std::string shown = text(derived, "source");
  if (const std::string filter = text(derived, "filter"); !filter.empty()) shown += " where " + filter;
  if (const std::string operators = text(derived, "operators"); !operators.empty()) shown += " | " + operators;
  return printable(shown);
}

std::string sharing_of(const json& channel) {
  if (!is_true(channel, "shared")) return "no";
  return text(channel, "delivery") == "at_least_once" ? "at least once" : "yes";
}

std::string channel_table(const json& channels, const ChannelLook& look, bool rates) {
  std::vector<std::string> heads{"CHANNEL", "EVENTS", "SUBSCRIBERS", "RETAINED", "LARGEST", "SHARED", "SCHEMA", "DERIVED FROM"};
  if (rates) heads.insert(heads.begin() + 1, "EVENTS/S");
  Table table(heads);
  for (const json& channel : channels) {
    const std::int64_t largest = number(channel, "eventBytesMax");
    std::vector<std::string> line{text(channel, "name"), std::to_string(number(channel, "events")),
                                  std::to_string(number(channel, "subscribers")), is_true(channel, "retained") ? "yes" : "no",
                                  largest == 0 ? "-" : format_bytes(static_cast<double>(largest)), sharing_of(channel), schema_of(channel), derivation_of(channel)};
    if (rates) line.insert(line.begin() + 1, fmt::format("{:.1f}", channel.value("eventsPerSecond", 0.0)));
    table.add(line);
  }
  std::string shown = table.to_string();
  if (const auto count = static_cast<std::int64_t>(channels.size()); look.total > count)
    shown += fmt::format("{} more are not shown\n", look.total - count);
  if (const std::string engine = describe_engine(look.engine); !engine.empty()) shown += "engine " + engine + "\n";
  return shown;
}

// One channel, a line for each thing that is said of it.
std::string channel_sheet(const json& channel) {
  std::string sheet;
  const auto line = [&](std::string_view title, const std::string& value) {
    if (!value.empty()) sheet += fmt::format("{:<14}{}\n", title, printable(value));
  };
  const std::int64_t largest = number(channel, "eventBytesMax");
  line("Channel:", text(channel, "name"));
  line("Events:", std::to_string(number(channel, "events")));
  line("Subscribers:", std::to_string(number(channel, "subscribers")));
  line("Retained:", is_true(channel, "retained") ? "yes" : "no");
  line("Largest:", largest == 0 ? "" : format_bytes(static_cast<double>(largest)));
  line("Content type:", text(channel, "contentType"));
  line("Schema:", text(channel, "schema"));
  const json& derived = field(channel, "derived");
  if (!derived.is_object()) return sheet;
  line("Derived from:", text(derived, "source"));
  line("Filter:", text(derived, "filter"));
  line("Operators:", text(derived, "operators"));
  line("Errors:", std::to_string(number(derived, "errors")));
  return sheet;
}

void show(Session& session, const json& channels, const ChannelLook& look, bool rates) {
  session.out << (for_people(session.format) ? channel_table(channels, look, rates) : render(channels, session.format));
}

Outcome<ExitCode> top_once(Session& session, const std::string& binding, std::chrono::milliseconds interval) {
  const auto before = look_at_channels(session, binding);
  if (!before) return give_up(before.error());
  std::this_thread::sleep_for(interval);
  const auto now = look_at_channels(session, binding);
  if (!now) return give_up(now.error());
  show(session, with_rates(*before, *now), *now, true);
  return ExitCode::ok;
}

std::vector<std::filesystem::path> program_directories() {
  std::vector<std::filesystem::path> directories;
  std::error_code unknown;
  if (const auto own = std::filesystem::read_symlink("/proc/self/exe", unknown); !unknown)
    directories.push_back(own.parent_path());
  for (const char* directory : {"/usr/libexec/vservices", "/usr/local/libexec/vservices"}) directories.emplace_back(directory);
  return directories;
}

Outcome<ExitCode> run_channel(Session& session, const std::string& domain, std::vector<std::string> arguments) {
  const auto program = find_channel_program(program_directories());
  if (program.empty())
    return give_up(ExitCode::not_found, "the program \"channel\" is neither beside vsctl nor in /usr/libexec/vservices");
  RunOptions options{.domain = domain, .environment = {}, .hidden = {}, .command = {program.string()}};
  options.command.insert(options.command.end(), std::make_move_iterator(arguments.begin()),
                         std::make_move_iterator(arguments.end()));
  return run(session, options);
}

}  // namespace

std::filesystem::path find_channel_program(const std::vector<std::filesystem::path>& directories) {
  std::error_code unknown;
  for (const auto& directory : directories)
    if (std::filesystem::is_regular_file(directory / "channel", unknown)) return directory / "channel";
  return {};
}

Outcome<ExitCode> list_channels(Session& session, const ChannelListOptions& options) {
  const auto look = look_at_channels(session, options.binding);
  if (!look) return give_up(look.error());
  show(session, look->channels, *look, false);
  return ExitCode::ok;
}

Outcome<ExitCode> get_channel(Session& session, const ChannelGetOptions& options) {
  const auto look = look_at_channels(session, options.binding);
  if (!look) return give_up(look.error());
  for (const json& channel : look->channels) {
    if (text(channel, "name") != options.channel) continue;
    session.out << (for_people(session.format) ? channel_sheet(channel) : render(channel, session.format));
    return ExitCode::ok;
  }
  return give_up(ExitCode::not_found, fmt::format("binding {}: its service has no channel {}{}", options.binding, options.channel,
                                                  look->total > static_cast<std::int64_t>(look->channels.size())
                                                      ? ", or it is one of those that are not shown"
                                                      : ""));
}

Outcome<ExitCode> top_channels(Session& session, const ChannelTopOptions& options) {
  const auto interval = parse_timeout(options.interval);
  if (!interval) return give_up(ExitCode::invalid, "--interval: " + interval.error().message);
  if (options.once || !for_people(session.format) || !Screen::possible()) return top_once(session, options.binding, *interval);
  auto before = look_at_channels(session, options.binding);
  if (!before) return give_up(before.error());
  Screen screen(session.out);
  screen.draw("vsctl channel top: measuring ...\n");
  std::string shown;
  for (Moment next = before->at + *interval;;) {
    const auto event = screen.wait(next);
    if (event == Screen::Event::quit) return ExitCode::ok;
    if (event == Screen::Event::time) {
      auto now = look_at_channels(session, options.binding);
      if (!now) return give_up(now.error());
      shown = fmt::format("vsctl channel top: binding {}, every {} ms   (q: end)\n\n", options.binding, interval->count()) +
              channel_table(with_rates(*before, *now), *now, true);
      before = std::move(now);
      next = before->at + *interval;
    }
    screen.draw(shown);
  }
}

Outcome<ExitCode> publish_to_channel(Session& session, const ChannelRunOptions& options) {
  std::vector<std::string> arguments{"pub", options.channel};
  arguments.insert(arguments.end(), options.texts.begin(), options.texts.end());
  return run_channel(session, options.domain, std::move(arguments));
}

Outcome<ExitCode> subscribe_to_channel(Session& session, const ChannelRunOptions& options) {
  return run_channel(session, options.domain, {"sub", options.channel, options.filter, std::to_string(options.count)});
}

}  // namespace vs::ctl
