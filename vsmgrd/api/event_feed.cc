#include "vsmgrd/api/event_feed.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "vsmgrd/api/http.h"
#include "vsmgrd/model/codec.h"

namespace vs::http {
namespace {

std::string text_of(const Event& event) {
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.type,
                     json_text(encode(event)));
}

constexpr std::string_view kHeartbeat = ": heartbeat\n\n";
constexpr std::string_view kGone =
    "event: gone\ndata: {\"code\":\"gone\",\"detail\":\"the events after the last one have been "
    "trimmed: list again, then watch from there\"}\n\n";

}  // namespace

nlohmann::json encode(const Event& event) {
  nlohmann::json out{{"id", event.id},
                     {"at", format_time(event.at)},
                     {"type", event.type},
                     {"kind", event.kind},
                     {"name", event.name},
                     {"reason", event.reason},
                     {"message", event.message},
                     {"labels", event.labels},
                     {"actor",
                      {{"principal", event.actor.principal},
                       {"role", event.actor.role},
                       {"channel", event.actor.channel}}}};
  if (!event.uid.empty()) out["uid"] = event.uid;
  if (event.resource_version != 0) out["resourceVersion"] = event.resource_version;
  if (!event.actor.request_id.empty()) out["actor"]["requestId"] = event.actor.request_id;
  return out;
}

EventFeed::EventFeed(EventLog& log, std::chrono::milliseconds heartbeat)
    : log_(log), heartbeat_(heartbeat) {
  log_.on_event([this](const Events& events) { on_events(events); });
  {
    // What came since the callback was set is in recent_, and what is in it after this is no harm.
    const std::lock_guard lock(mutex_);
    floor_ = recent_.empty() ? log_.newest() : recent_.front()->event->id - 1;
  }
  thread_ = std::thread([this] { run(); });
}

EventFeed::~EventFeed() {
  log_.on_event({});
  stop();
}

std::shared_ptr<Stream> EventFeed::watch(std::int64_t after, EventLog::Filter filter,
                                         std::function<bool()> still) {
  auto stream = std::make_shared<Stream>(kFeedStreamBytesMax);
  auto room = std::make_shared<std::atomic<bool>>(false);
  stream->on_room([this, room] {
    *room = true;
    wake();
  });
  const std::lock_guard lock(mutex_);
  if (stopped_) {
    stream->end();
    return stream;
  }
  arrived_.push_back({.stream = stream,
                      .filter = std::move(filter),
                      .still = std::move(still),
                      .seen = after,
                      .told = after,
                      .spoken = std::chrono::steady_clock::now(),
                      .room = std::move(room)});
  woken_ = true;
  changed_.notify_all();
  return stream;
}

void EventFeed::on_events(const Events& events) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& event : events) recent_.push_back(std::make_shared<Waiting>(Waiting{event, {}}));
    while (recent_.size() > kFeedEventsMax) {
      floor_ = recent_.front()->event->id;
      recent_.pop_front();
    }
    woken_ = true;
    changed_.notify_all();
  }
  if (also_) also_();
}

void EventFeed::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void EventFeed::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void EventFeed::run() {
  std::vector<Watcher> watchers;
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const auto look = [&] { return woken_ || stopped_; };
    if (watchers.empty())
      changed_.wait(lock, look);
    else
      changed_.wait_for(lock, std::min(heartbeat_, kFeedLook), look);
    woken_ = false;
    for (Watcher& watcher : std::exchange(arrived_, {})) watchers.push_back(std::move(watcher));
    watchers_count_ = watchers.size();
    lock.unlock();
    const Moment now = std::chrono::steady_clock::now();
    for (Watcher& watcher : watchers) serve(watcher, now);
    std::erase_if(watchers, [](const Watcher& watcher) {
      const auto stream = watcher.stream.lock();
      return !stream || stream->over();
    });
    lock.lock();
  }
  for (Watcher& watcher : std::exchange(arrived_, {})) watchers.push_back(std::move(watcher));
  lock.unlock();
  for (Watcher& watcher : watchers)
    if (const auto stream = watcher.stream.lock()) stream->end();
}

void EventFeed::serve(Watcher& watcher, Moment now) {
  const auto stream = watcher.stream.lock();
  if (!stream || stream->over()) return;
  if (watcher.still && !watcher.still()) return stream->end();  // asked again, it is told why
  if (watcher.room->exchange(false)) watcher.blocked = false;
  if (watcher.blocked) return;
  const std::int64_t told = watcher.told;
  Step step = Step::more;
  while (step == Step::more) step = advance(*stream, watcher);
  if (watcher.told != told) watcher.spoken = now;
  if (step == Step::done) beat(*stream, watcher, now);
}

// One batch of what the watcher has not seen.
EventFeed::Step EventFeed::advance(Stream& stream, Watcher& watcher) {
  bool covered = false;
  const auto recent = recent_after(watcher.seen, covered);
  std::string text;
  std::int64_t seen = watcher.seen;
  bool told = false;
  if (covered) {
    if (recent.empty()) return Step::done;
    for (const auto& one : recent) {
      seen = one->event->id;
      if (watcher.filter && !watcher.filter(*one->event)) continue;
      if (one->text.empty()) one->text = text_of(*one->event);
      text += one->text;
      told = true;
      if (text.size() >= kFeedBatchBytes) break;
    }
    return put(stream, watcher, text, seen, told);
  }
  const auto page = log_.after(watcher.seen, kEventPageMax, watcher.filter);
  if (!page) {
    log::warn("events.not_read", {{"error", page.error()}});
    stream.end();  // the client resumes where it was
    return Step::over;
  }
  if (page->gone) {
    stream.put(kGone);
    stream.end();
    const std::lock_guard lock(mutex_);
    ++gone_count_;
    return Step::over;
  }
  for (const Event& event : page->events) {
    text += text_of(event);
    seen = event.id;
    told = true;
    if (text.size() >= kFeedBatchBytes) break;
  }
  if (page->events.empty() || seen == page->events.back().id) seen = std::max(seen, page->next);
  if (seen == watcher.seen) return Step::done;
  return put(stream, watcher, text, seen, told);
}

EventFeed::Step EventFeed::put(Stream& stream, Watcher& watcher, const std::string& text,
                               std::int64_t seen, bool told) {
  // Asked after the events were there: what came after the right ended is not put.
  if (!text.empty() && watcher.still && !watcher.still()) {
    stream.end();
    return Step::over;
  }
  if (!text.empty() && !stream.put(text)) {
    watcher.blocked = true;
    return Step::over;
  }
  watcher.seen = seen;
  if (told) watcher.told = seen;
  return Step::more;
}

// Tells a quiet watcher that the line is alive, and how far it has come when its filter took
// nothing: a client that resumes from there misses nothing, and is not told "gone" for old numbers.
void EventFeed::beat(Stream& stream, Watcher& watcher, Moment now) {
  if (now - watcher.spoken < heartbeat_) return;
  const bool ahead = watcher.seen > watcher.told;
  if (stream.put(ahead ? fmt::format("id: {}\n\n", watcher.seen) : std::string(kHeartbeat)))
    watcher.told = watcher.seen;
  watcher.spoken = now;
}

// What waits here after `seen`, up to about a batch; `covered` says whether that is all there is.
std::vector<std::shared_ptr<EventFeed::Waiting>> EventFeed::recent_after(std::int64_t seen,
                                                                         bool& covered) {
  const std::lock_guard lock(mutex_);
  covered = seen >= floor_;
  if (!covered) return {};
  const auto from = std::partition_point(recent_.begin(), recent_.end(), [&](const auto& one) {
    return one->event->id <= seen;
  });
  const auto count = std::min<std::ptrdiff_t>(recent_.end() - from, kEventPageMax);
  return {from, from + count};
}

std::vector<Sample> EventFeed::samples() const {
  const std::lock_guard lock(mutex_);
  return {{.name = "vservices_event_watchers",
           .help = "Clients that watch events.",
           .type = Sample::Type::gauge,
           .value = static_cast<double>(watchers_count_)},
          {.name = "vservices_event_watchers_gone_total",
           .help = "Watchers that were ended because what they had not seen was trimmed.",
           .value = static_cast<double>(gone_count_)}};
}

}  // namespace vs::http
