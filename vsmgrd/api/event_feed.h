// Gives each watcher the events after the last it saw, in order and without gaps, for as long as it
// reads them.
//
// One thread serves all watchers. The newest events wait here, written down once for all; a watcher
// that is further behind is served from the log, and one whose next event has been trimmed is told
// so ("gone") and ended. What a watcher holds is bounded by its stream; it is the stream's reader
// that gives up a client that does not read. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/sample.h"
#include "vsmgrd/api/stream.h"
#include "vsmgrd/store/event_log.h"

namespace vs::http {

inline constexpr std::size_t kFeedEventsMax = 4096;          // that wait here
inline constexpr std::size_t kFeedStreamBytesMax = 256 * 1024;  // of one watcher, and unsent
inline constexpr std::size_t kFeedBatchBytes = 64 * 1024;    // put at once
inline constexpr std::chrono::milliseconds kFeedHeartbeat{15'000};
inline constexpr std::chrono::milliseconds kFeedLook{500};  // whether watchers may still watch

// As the API shows it.
nlohmann::json encode(const Event& event);

class EventFeed {
 public:
  // `log` must outlive it. Sets the log's callback.
  explicit EventFeed(EventLog& log, std::chrono::milliseconds heartbeat = kFeedHeartbeat);
  ~EventFeed();

  // Events with larger numbers than `after` that `filter` takes, as server-sent events. The watcher
  // is forgotten when nobody holds the stream any more. `still` (null: always) says whether it may
  // watch on: asked before each batch and every kFeedLook; then nothing more is put into the stream.
  std::shared_ptr<Stream> watch(std::int64_t after, EventLog::Filter filter,
                                std::function<bool()> still = {});

  // Called on each event, on the writer's thread; must not block. Set before the first write.
  void also(std::function<void()> callback) { also_ = std::move(callback); }

  void stop();  // ends every stream

  [[nodiscard]] std::vector<Sample> samples() const;

 private:
  using Moment = std::chrono::steady_clock::time_point;
  struct Waiting {
    std::shared_ptr<const Event> event;
    std::string text;  // made by the feed's thread when somebody wants it
  };
  struct Watcher {
    std::weak_ptr<Stream> stream;
    EventLog::Filter filter;
    std::function<bool()> still;
    std::int64_t seen = 0;      // the last event that was looked at
    std::int64_t told = 0;      // the number the client knows
    Moment spoken{};            // when it was last sent anything
    std::shared_ptr<std::atomic<bool>> room;  // set by the stream when there is room again
    bool blocked = false;
  };
  enum class Step : std::uint8_t { done, more, over };

  void on_events(const Events& events);
  void wake();
  void run();
  void serve(Watcher& watcher, Moment now);
  Step advance(Stream& stream, Watcher& watcher);
  Step put(Stream& stream, Watcher& watcher, const std::string& text, std::int64_t seen, bool told);
  void beat(Stream& stream, Watcher& watcher, Moment now);
  std::vector<std::shared_ptr<Waiting>> recent_after(std::int64_t seen, bool& covered);

  EventLog& log_;
  const std::chrono::milliseconds heartbeat_;
  std::function<void()> also_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Waiting>> recent_;
  std::int64_t floor_ = 0;  // recent_ has every event after this one
  std::vector<Watcher> arrived_;
  bool woken_ = false;
  bool stopped_ = false;
  std::size_t watchers_count_ = 0;
  std::uint64_t gone_count_ = 0;

  std::thread thread_;
};

}  // namespace vs::http
