// Watchers of events: in order, without gaps, from wherever they were.

#include "vsmgrd/api/event_feed.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "tests/vsmgrd/api/rest_fixture.h"

namespace vs::http {
namespace {

// Reads a stream as a client would, and remembers the events.
class Watcher {
 public:
  explicit Watcher(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {
    stream_->on_text([this] {
      const std::lock_guard lock(mutex_);
      told_ = true;
      changed_.notify_all();
    });
  }
  ~Watcher() { stream_->close(); }

  // The next event's fields; empty at the end. Comments are counted and left out.
  std::map<std::string, std::string> next() {
    for (;;) {
      const std::size_t end = text_.find("\n\n");
      if (end == std::string::npos) {
        if (!fill()) return {};
        continue;
      }
      auto fields = parse(text_.substr(0, end));
      text_.erase(0, end + 2);
      if (!fields.empty()) return fields;
      ++comments_;
    }
  }
  std::int64_t next_id() {
    const auto fields = next();
    return fields.contains("id") ? std::stoll(fields.at("id")) : -1;
  }
  [[nodiscard]] int comments() const { return comments_; }

 private:
  bool fill() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return told_; });
      told_ = false;
      lock.unlock();
      std::string more = stream_->take();
      const bool drained = stream_->drained();
      lock.lock();
      text_ += more;
      if (!more.empty()) return true;
      if (drained) return false;
    }
  }
  static std::map<std::string, std::string> parse(const std::string& block) {
    std::map<std::string, std::string> fields;
    std::istringstream lines(block);
    for (std::string line; std::getline(lines, line);)
      if (const auto colon = line.find(": "); colon != std::string::npos && colon > 0)
        fields[line.substr(0, colon)] = line.substr(colon + 2);
    return fields;
  }

  std::shared_ptr<Stream> stream_;
  std::string text_;
  int comments_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool told_ = true;  // there may be something already
};

class Feed : public RestFixture {
 protected:
  EventLog& log() { return store_->events(); }
  EventFeed& feed() { return background_->feed; }
  void append(int count, const std::string& name = "n") {
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(log().append({.type = "test.happened", .kind = "Test", .name = name, .labels = {{"env", name}}}));
  }
};

TEST_F(Feed, GivesWhatHappensToWhoWatches) {
  Watcher watcher(feed().watch(log().newest(), {}));
  append(1, "seen");
  const auto fields = watcher.next();
  EXPECT_EQ(fields.at("event"), "test.happened");
  EXPECT_EQ(fields.at("id"), std::to_string(log().newest()));
  EXPECT_EQ(json::parse(fields.at("data"))["name"], "seen");
}

TEST_F(Feed, GoesOnAfterTheEventThatWasSeenLast) {
  append(3);
  const std::int64_t newest = log().newest();
  Watcher watcher(feed().watch(newest - 2, {}));
  EXPECT_EQ(watcher.next_id(), newest - 1);
  EXPECT_EQ(watcher.next_id(), newest);
}

TEST_F(Feed, OfAListThenAWatchLosesNothing) {
  constexpr int kDomains = 30;
  std::thread writer([&] {
    for (int i = 0; i < kDomains; ++i) ask("PUT", "/v1/domains/d" + std::to_string(i), domain("d" + std::to_string(i)));
  });
  const json list = parsed(ask("GET", "/v1/domains?limit=1000"));
  Watcher watcher(feed().watch(list["metadata"]["eventId"].get<std::int64_t>(),
                               [](const Event& event) { return event.type == "domain.created"; }));
  std::set<std::string> known;
  for (const json& item : list["items"]) known.insert(item["metadata"]["name"]);
  while (known.size() < kDomains) {
    const auto fields = watcher.next();
    if (!fields.contains("data")) continue;
    EXPECT_TRUE(known.insert(json::parse(fields.at("data"))["name"]).second) << "listed and watched";
  }
  writer.join();
}

TEST_F(Feed, GivesOnlyWhatTheFilterTakes) {
  Watcher watcher(feed().watch(log().newest(), [](const Event& event) { return event.name == "wanted"; }));
  append(5, "other");
  append(1, "wanted");
  EXPECT_EQ(json::parse(watcher.next().at("data"))["name"], "wanted");
}

TEST_F(Feed, ServesWhoIsFurtherBehindThanItsMemory) {
  const std::int64_t before = log().newest();
  constexpr int kMany = static_cast<int>(kEventsInMemoryMax) + 500;
  append(kMany);
  open_store(directory_.path() / "state.db");  // a daemon that was just started remembers none
  Watcher watcher(feed().watch(before, {}));
  std::int64_t last = before;
  for (int i = 0; i < kMany; ++i) {
    const std::int64_t id = watcher.next_id();
    ASSERT_GT(id, last);
    last = id;
  }
  append(1);
  EXPECT_EQ(watcher.next_id(), log().newest());
}

TEST_F(Feed, LosesNothingForManyWatchersOfWhomSomeAreSlow) {
  constexpr int kEvents = 2000;
  constexpr int kWatchers = 16;
  const std::int64_t before = log().newest();
  std::vector<std::thread> clients;
  std::atomic<int> whole = 0;
  for (int i = 0; i < kWatchers; ++i)
    clients.emplace_back([&, i] {
      auto watcher = std::make_unique<Watcher>(feed().watch(before, {}));
      std::int64_t last = before;
      int seen = 0;
      while (seen < kEvents) {
        const std::int64_t id = watcher->next_id();
        if (id <= last) return;  // counted as not whole
        last = id;
        ++seen;
        // Every third client loses its connection now and then, and resumes.
        if (i % 3 == 0 && seen % 500 == 0) watcher = std::make_unique<Watcher>(feed().watch(last, {}));
      }
      ++whole;
    });
  append(kEvents);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(whole, kWatchers);
}

TEST_F(Feed, SendsAHeartbeatWhenNothingHappens) {
  EventFeed quick(log(), std::chrono::milliseconds(1));
  Watcher watcher(quick.watch(log().newest(), {}));
  while (watcher.comments() < 2) {
    append(1);  // so that next() comes back
    watcher.next();
  }
  quick.stop();
}

TEST_F(Feed, TellsAQuietWatcherHowFarItHasCome) {
  EventFeed quick(log(), std::chrono::milliseconds(1));
  Watcher watcher(quick.watch(log().newest(), [](const Event&) { return false; }));
  append(3);
  auto fields = watcher.next();
  while (fields.at("id") != std::to_string(log().newest())) fields = watcher.next();
  EXPECT_FALSE(fields.contains("data")) << "no event, only the number to resume from";
  quick.stop();
}

TEST_F(Feed, EndsItsStreamsWhenItStops) {
  Watcher watcher(feed().watch(log().newest(), {}));
  append(1);
  EXPECT_GT(watcher.next_id(), 0);
  feed().stop();
  EXPECT_EQ(watcher.next_id(), -1);
  Watcher late(feed().watch(0, {}));
  EXPECT_EQ(late.next_id(), -1);
}

TEST_F(Feed, ForgetsWatchersThatAreGone) {
  { Watcher watcher(feed().watch(log().newest(), {})); }
  const auto watchers = [&] { return feed().samples()[0].value; };
  append(1);
  while (watchers() > 0) {
    append(1);
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace vs::http
