#include "vsctl/commands/events.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "vsctl/client/fields.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/lists.h"
#include "vsctl/output/text.h"

namespace vs::ctl {
namespace {

using nlohmann::json;

// Follows until `on_event` says no, over broken connections.
Outcome<> follow(Session& session, EventWish wish, const std::function<bool(const json&)>& on_event) {
  auto pause = kReconnectMin;
  bool wanted = true;
  bool gone = false;
  while (wanted && session.out) {
    const auto ended = session.daemon.events(wish, [&](const ServerEvent& event) {
      pause = kReconnectMin;
      if (!event.id.empty()) wish.since = event.id;
      const auto data = parse_json(event.data);
      if (event.type == "gone") gone = true;
      if (!data || gone) return !gone;
      return wanted = on_event(*data) && static_cast<bool>(session.out);
    });
    if (!wanted || !session.out) break;
    if (gone)
      return give_up(ExitCode::not_found,
                     fmt::format("events after {} are no longer kept: list anew", wish.since));
    if (!ended && ended.error().exit != ExitCode::unavailable && ended.error().exit != ExitCode::timeout)
      return give_up(ended.error());
    if (!session.quiet)
      session.err << printable(fmt::format("vsctl: {}; going on after event {} in {} ms",
                                           ended ? "the connection ended" : ended.error().message,
                                           wish.since.empty() ? "0" : wish.since, pause.count()))
                  << "\n";
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kReconnectMax);
  }
  return {};
}

}  // namespace

Outcome<ExitCode> events(Session& session, const EventsOptions& options) {
  if (!options.follow) {
    auto list = session.daemon.past_events(
        {.since = options.since, .label_selector = options.labels, .filter = options.filter});
    if (!list) return give_up(list.error());
    std::vector<json> kept((*list)["items"].begin(), (*list)["items"].end());
    if (session.format == OutputFormat::json)
      for (const json& event : kept) show_line(session, "Event", event);
    else
      show_list(session, {.kind = "Event", .plural = "events"}, std::move(*list), std::move(kept));
    return ExitCode::ok;
  }
  const auto ended = follow(session, {.since = options.since,
                                      .label_selector = options.labels,
                                      .filter = options.filter},
                            [&](const json& event) {
                              show_line(session, "Event", event);
                              return true;
                            });
  if (!ended) return give_up(ended.error());
  return ExitCode::ok;
}

Outcome<ExitCode> watch(Session& session, const WatchOptions& options) {
  if (options.kind == "events")
    return events(session, {.since = {}, .labels = options.labels, .filter = {}, .follow = true});
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  const ListWish wish{.label_selector = options.labels};
  const auto list = session.daemon.list(kind->plural, wish);
  if (!list) return give_up(list.error());
  for (const json& object : field(*list, "items")) show_line(session, kind->kind, object);
  // From the event that the list was made after: nothing between the two is lost.
  const std::string since = text(field(*list, "metadata"), "eventId");
  Http objects_http(session.endpoint, session.deadline);  // the other one is busy with events
  Daemon objects(objects_http);
  const auto ended = follow(
      session, {.since = since, .kind = std::string(kind->kind), .label_selector = options.labels},
      [&](const json& event) {
        const std::string name = text(event, "name");
        objects_http.renew_deadline();
        auto object = objects.get(kind->plural, name);
        const bool gone = !object && object.error().exit == ExitCode::not_found;
        if (object) show_line(session, kind->kind, *object);
        if (gone && for_people(session.format))
          session.out << printable(object_name(kind->kind, name)) << "  deleted\n" << std::flush;
        else if (gone)
          show_line(session, kind->kind, {{"kind", kind->kind}, {"metadata", {{"name", name}}}, {"deleted", true}});
        return true;
      });
  if (!ended) return give_up(ended.error());
  return ExitCode::ok;
}

}  // namespace vs::ctl
