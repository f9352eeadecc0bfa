#include "vsmgrd/store/event_log.h"

#include <algorithm>
#include <utility>

#include "vsmgrd/store/columns.h"
#include "vsmgrd/store/writer.h"

namespace vs {
namespace {

constexpr std::string_view kInsertEvent =
    "INSERT INTO event (at, type, kind, name, uid, labels, resource_version, reason, message, "
    "principal, role, channel, request_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr std::string_view kSelectEvents =
    "SELECT id, at, type, kind, name, uid, labels, resource_version, reason, message, principal, "
    "role, channel, request_id FROM event WHERE id > ? ORDER BY id LIMIT ?";
constexpr std::int64_t kTrimRowsMax = 5000;  // in one transaction

Event event_in(const Statement& row) {
  return {.id = row.integer(0),
          .at = time_in(row, 1),
          .type = text_in(row, 2),
          .kind = text_in(row, 3),
          .name = text_in(row, 4),
          .uid = text_in(row, 5),
          .labels = decode_labels(row.text(6)).value_or(Labels()),
          .resource_version = row.integer(7),
          .reason = text_in(row, 8),
          .message = text_in(row, 9),
          .actor = actor_in(row, 10)};
}

// Goes on from `page.next` over `events`; false when the page is full.
bool take(const Event& event, std::size_t limit, const EventLog::Filter& filter, EventPage& page) {
  if (page.events.size() >= limit) {
    page.more = true;
    return false;
  }
  if (!filter || filter(event)) page.events.push_back(event);
  page.next = event.id;
  return true;
}

}  // namespace

Result<EventPage> EventLog::after(std::int64_t id, std::size_t limit, const Filter& filter) const {
  limit = std::min(limit, kEventPageMax);
  EventPage page{.next = id};
  const bool in_memory = tail_.with([&](const Tail& tail) {
    page.gone = id < tail.oldest - 1 || id > tail.newest;
    if (page.gone || id == tail.newest) return true;
    return !tail.events.empty() && tail.events.front()->id <= id + 1;
  });
  if (page.gone) return page;
  if (in_memory) {
    // Shared, and out of the lock: a filter is other people's code.
    const auto events = tail_.with([&](const Tail& tail) {
      const auto from = std::upper_bound(
          tail.events.begin(), tail.events.end(), id,
          [](std::int64_t number, const auto& event) { return number < event->id; });
      return Events(from, tail.events.end());
    });
    for (const auto& event : events)
      if (!take(*event, limit, filter, page)) break;
    return page;
  }
  std::size_t scanned = 0;
  const auto read = ledger_.read([&](Database& database) {
    return for_each_row(
        database, kSelectEvents,
        [&](const Statement& row) -> Result<> {
          if (!page.more && take(event_in(row), limit, filter, page)) ++scanned;
          return {};
        },
        id, static_cast<std::int64_t>(std::max(filter ? kEventScanMax : limit + 1, limit + 1)));
  });
  if (!read) return fail(read.error());
  page.more = page.more || page.next < newest();
  return page;
}

std::int64_t EventLog::oldest() const {
  return tail_.with([](const Tail& tail) { return tail.oldest; });
}

std::int64_t EventLog::newest() const {
  return tail_.with([](const Tail& tail) { return tail.newest; });
}

void EventLog::on_event(std::function<void(const Events&)> callback) {
  callback_.with([&](auto& current) { current = std::move(callback); });
}

Result<> EventLog::append(Event event) {
  return ledger_.write([&](Turn& turn) { return append(turn, event); });
}

Result<> EventLog::append(Turn& turn, Event event) {
  event.at = turn.now;
  const Actor& actor = event.actor;
  if (auto written = turn.database.execute(
          kInsertEvent, format_time(event.at), event.type, event.kind, event.name, event.uid,
          encode_labels(event.labels), event.resource_version, event.reason, event.message,
          actor.principal, actor.role, actor.channel, actor.request_id);
      !written)
    return written;
  event.id = turn.database.last_row_id();
  if (open_number_ != turn.number) {
    open_number_ = turn.number;
    open_ = std::make_shared<Events>();
    turn.after_commit.emplace_back([this, events = open_] { publish(*events); });
  }
  open_->push_back(std::make_shared<const Event>(std::move(event)));
  return {};
}

void EventLog::publish(const Events& events) {
  tail_.with([&](Tail& tail) {
    const std::size_t kept = std::min(events.size(), kEventsInMemoryMax);
    if (kept < events.size()) tail.events.clear();  // there must be no gap
    tail.events.insert(tail.events.end(), events.end() - static_cast<std::ptrdiff_t>(kept), events.end());
    tail.newest = events.back()->id;
    if (tail.oldest == 0) tail.oldest = events.front()->id;
    if (tail.events.size() > 2 * kEventsInMemoryMax)  // seldom, as it moves all that stay
      tail.events.erase(tail.events.begin(), tail.events.end() - kEventsInMemoryMax);
  });
  // Under its lock: when on_event() has returned, the one before does not run any more.
  callback_.with([&](const auto& callback) {
    if (callback) callback(events);
  });
}

Result<> EventLog::trim(Turn& turn) {
  const std::string too_old = format_time(turn.now - kEventAgeMax);
  const auto newest = turn.database.integer("SELECT max(id) FROM event");
  if (!newest) return fail(newest.error());
  // Numbers are times too: what is older stands before.
  if (auto trimmed = turn.database.execute(
          "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE id <= ? OR at < ? ORDER BY id "
          "LIMIT ?)",
          *newest - kEventsMax, std::string_view(too_old), kTrimRowsMax);
      !trimmed)
    return trimmed;
  const auto oldest = turn.database.integer("SELECT min(id) FROM event");
  if (!oldest) return fail(oldest.error());
  turn.after_commit.emplace_back([this, oldest = *oldest] {
    tail_.with([&](Tail& tail) {
      tail.oldest = oldest != 0 ? oldest : tail.newest + 1;
      std::erase_if(tail.events, [&](const auto& event) { return event->id < tail.oldest; });
    });
  });
  return {};
}

Result<> EventLog::load(Database& database) {
  // The highest that was ever given, also when all are trimmed.
  const auto newest = database.integer("SELECT seq FROM sqlite_sequence WHERE name = 'event'");
  if (!newest) return fail(newest.error());
  const auto oldest = database.integer("SELECT min(id) FROM event");
  if (!oldest) return fail(oldest.error());
  tail_.with([&](Tail& tail) {
    tail.newest = *newest;
    tail.oldest = *oldest != 0 ? *oldest : *newest + 1;
    tail.events.clear();
  });
  return {};
}

}  // namespace vs
