// GET /v1/events: live as server-sent events, or what is kept as a list.

#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "vsmgrd/api/event_feed.h"
#include "vsmgrd/api/list_query.h"
#include "vsmgrd/api/problem_details.h"
#include "vsmgrd/api/routes.h"

namespace vs::http {
namespace {

using nlohmann::json;

inline constexpr std::string_view kStreamType = "text/event-stream";

// Which events a request is about.
struct EventQuery {
  std::optional<std::int64_t> since;
  std::size_t limit = kListLimitDefault;
  EventLog::Filter filter;
};

Result<std::optional<std::int64_t>> since_of(const Call& call) {
  std::string_view text = call.request.header("last-event-id");  // a client that resumes by itself
  std::string_view title = "Last-Event-ID";
  if (text.empty()) {
    const auto given = call.parameter("since");
    if (!given) return std::optional<std::int64_t>();
    text = *given;
    title = "query parameter since";
  }
  std::int64_t since = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), since);
  if (error != std::errc{} || end != text.data() + text.size() || since < 0)
    return fail(ErrorCode::invalid, std::string(title) + ": must be the number of an event");
  return std::optional(since);
}

// A type is named whole ("binding.bound") or by its first part ("binding").
bool of_type(const Event& event, std::string_view type) {
  return event.type == type ||
         (event.type.size() > type.size() && event.type.starts_with(type) && event.type[type.size()] == '.');
}

// Whether an identity with a scope may know of it: only of what has labels, and those inside.
bool visible(const Identity& identity, const Event& event) {
  return !identity.scoped() || (!event.labels.empty() && identity.sees(event.labels));
}

EventLog::Filter filter_of(const Call& call, LabelSelector labels, Filter filter) {
  const auto text = [&](std::string_view parameter) {
    return std::string(call.parameter(parameter).value_or(""));
  };
  return [identity = call.request.identity, kind = text("kind"), name = text("name"),
          type = text("type"), labels = std::move(labels),
          filter = std::move(filter)](const Event& event) {
    if (!kind.empty() && event.kind != kind) return false;
    if (!name.empty() && event.name != name) return false;
    if (!type.empty() && !of_type(event, type)) return false;
    if (!labels.matches(event.labels) || !visible(identity, event)) return false;
    return filter.everything() || filter.matches(encode(event));
  };
}

Checked<EventQuery> event_query_of(const Call& call) {
  auto list = parse_list_query(call);
  if (!list) return tl::unexpected(std::move(list.error()));
  auto since = since_of(call);
  if (!since) return refuse(std::move(since.error()));
  return EventQuery{.since = *since,
                    .limit = list->limit,
                    .filter = filter_of(call, std::move(list->labels), std::move(list->filter))};
}

// Whether events after `since` have been trimmed.
bool is_gone(const EventLog& log, std::int64_t since) {
  const auto first = log.after(since, 1, [](const Event&) { return true; });
  return first && first->gone;
}

Response gone(const Call& call, const EventLog& log) {
  return problem_response({.status = 410,
                           .code = ErrorCode::not_found,
                           .detail = "events after that number have been trimmed; the oldest kept is " +
                                     std::to_string(log.oldest()),
                           .word = "gone",
                           .hint = "list again, and watch from the list's metadata.eventId"},
                          call.request.id);
}

Response history(const EventLog& log, const Call& call, const EventQuery& query) {
  const auto page = log.after(query.since.value_or(log.oldest() > 0 ? log.oldest() - 1 : 0),
                              query.limit, query.filter);
  if (!page) return problem_response(read_problem(page.error()), call.request.id);
  if (page->gone && query.since) return gone(call, log);
  json items = json::array();
  for (const Event& event : page->events) items.push_back(encode(event));
  json metadata{{"oldest", log.oldest()}, {"newest", log.newest()}, {"next", page->next}, {"more", page->more}};
  return json_response(200, {{"items", std::move(items)}, {"metadata", std::move(metadata)}});
}

Response watch(EventLog& log, EventFeed& feed, const Call& call, EventQuery query) {
  const std::int64_t since = query.since.value_or(log.newest());
  if (query.since && is_gone(log, since)) return gone(call, log);
  Response response{.content_type = std::string(kStreamType)};
  response.stream = feed.watch(since, std::move(query.filter), call.request.still);
  return response;
}

Response events(EventLog& log, EventFeed& feed, const Call& call) {
  auto query = event_query_of(call);
  if (!query) return problem_response(invalid_problem(query.error()), call.request.id);
  const bool live = call.request.header("accept").find(kStreamType) != std::string_view::npos;
  return live ? watch(log, feed, call, std::move(*query)) : history(log, call, *query);
}

}  // namespace

void add_event_routes(Router& router, Store& store, EventFeed& feed) {
  router.add({.method = "GET",
              .path = "/v1/events",
              .handle = [&store, &feed](const Call& call) { return events(store.events(), feed, call); },
              .needs = Role::viewer,
              .query = {"since", "limit", "kind", "name", "type", "labelSelector", "filter"}});
}

}  // namespace vs::http
