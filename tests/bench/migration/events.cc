#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "tests/bench/migration/load.h"

extern "C" {
#include "dataplane/abi/pubsub.h"
#include "dataplane/client/vservice.h"
}

namespace vs::bench {
namespace {

constexpr int kReceiveMs = 200;
constexpr std::int64_t kQuietNs = 3'000'000'000;  // nothing more comes after so long without anything

vs_device* open_bus(const std::string& name) {
  vs_device* device = nullptr;
  check(vs_open(name.c_str(), "pubsub", kPatienceMs, &device) == 0, "open " + name);
  return device;
}

class Devices final : public Bus {
 public:
  explicit Devices(const std::vector<std::string>& names) : receiver_(open_bus(names.back())) {
    for (std::size_t i = 0; i + 1 < names.size(); ++i) publishers_.push_back(open_bus(names[i]));
    const vs_channel_options wanted = {.pattern = "order.>", .filter = nullptr, .events_max = 65'536, .bytes_max = 16 << 20,
                                       .overflow = VS_PUBSUB_BLOCK, .retained = 0, .adapt = 0};
    const int status = vs_channel_subscribe(receiver_, &wanted, kPatienceMs, &subscription_);
    check(status == 0, std::string("subscribe: ") + vs_channel_why(receiver_) + " " + std::strerror(-status));
  }

  void publish(std::uint64_t first, std::size_t count) override {
    numbers_.resize(count);
    events_.assign(count, vs_channel_event{});
    for (std::size_t i = 0; i < count; ++i) {
      numbers_[i] = first + i;
      events_[i].channel = "order.new";
      events_[i].payload = &numbers_[i];
      events_[i].payload_bytes = sizeof numbers_[i];
    }
    vs_device* device = publishers_[turn_++ % publishers_.size()];
    const int done = vs_channel_publish(device, events_.data(), count, kPatienceMs);
    check(done == static_cast<int>(count), "publish: " + std::to_string(done) + " " + vs_channel_why(device));
  }

  bool flush() override {
    bool all = true;
    for (vs_device* device : publishers_) all = vs_channel_fsync(device, kPatienceMs) == 0 && all;
    return all;
  }

  std::optional<Received> receive(std::uint64_t& missed) override {
    const vs_channel_event* event = nullptr;
    const int status = vs_channel_receive(subscription_, kReceiveMs, &event);
    if (status == -ECONNREFUSED || status == -ENODEV) return std::nullopt;  // longer than that no backend had it
    check(status >= 0, std::string("receive: ") + std::strerror(-status));
    if (status == 0) return std::nullopt;
    Received received{.number = 0, .again = event->again != 0};
    check(event->payload_bytes == sizeof received.number, "an event of another size");
    std::memcpy(&received.number, event->payload, sizeof received.number);
    missed += event->missed;
    return received;
  }

 private:
  vs_device* receiver_;
  vs_channel_subscription* subscription_ = nullptr;
  std::vector<vs_device*> publishers_;
  std::size_t turn_ = 0;
  std::vector<std::uint64_t> numbers_;
  std::vector<vs_channel_event> events_;
};

// What the receiver saw, by event.
struct Seen {
  std::uint32_t times = 0;
  std::uint32_t marked = 0;
};

struct Receiver {
  std::vector<Seen> seen;
  std::vector<std::int64_t> late;  // by tick, the slowest
  std::uint64_t missed = 0;
  std::atomic<std::uint64_t> different{0};  // events seen at least once

  void take(const Received& one, std::int64_t began, std::size_t count) {
    if (one.number >= seen.size()) seen.resize(one.number + 1);
    Seen& event = seen[one.number];
    event.marked += one.again ? 1 : 0;
    if (event.times++ != 0) return;
    ++different;
    const std::size_t tick = one.number / count;
    if (tick >= late.size()) late.resize(tick + 1);
    late[tick] = std::max(late[tick], now_ns() - (began + static_cast<std::int64_t>(tick) * kTickNs));
  }
};

}  // namespace

std::unique_ptr<Bus> bus_of_devices(const std::vector<std::string>& devices) { return std::make_unique<Devices>(devices); }

int run_events(Bus& bus, std::size_t count) {
  Receiver receiver;
  std::atomic<bool> over{false};
  const std::int64_t began = now_ns();
  std::thread receiving([&] {
    while (!over)
      if (const auto one = bus.receive(receiver.missed)) receiver.take(*one, began, count);
  });
  std::uint64_t published = 0;
  bool ready = false;
  for (std::int64_t due = began; !told_to_end(); due += kTickNs, published += count) {
    sleep_until(due);
    bus.publish(published, count);
    if (!ready && receiver.different != 0) say("ready");
    ready = ready || receiver.different != 0;
  }
  const bool accepted = bus.flush();
  std::uint64_t before = 0;
  for (std::int64_t since = now_ns(); receiver.different < published && now_ns() - since < kQuietNs; sleep_until(now_ns() + kTickNs))
    if (const std::uint64_t different = receiver.different; std::exchange(before, different) != different) since = now_ns();
  over = true;
  receiving.join();
  check(accepted, "an event was refused");
  std::uint64_t unmarked = 0, marked = 0;
  for (const Seen& event : receiver.seen) {
    const std::uint32_t more = event.times > 1 ? event.times - 1 : 0;
    unmarked += more - std::min(more, event.marked);
    marked += event.marked;
  }
  std::vector<Late> all;
  for (std::size_t tick = 0; tick < receiver.late.size(); ++tick)
    all.push_back({began + static_cast<std::int64_t>(tick) * kTickNs, receiver.late[tick]});
  print(all);
  std::printf("%llu %llu %llu %llu %llu\n", static_cast<unsigned long long>(published),
              static_cast<unsigned long long>(published - receiver.different), static_cast<unsigned long long>(unmarked),
              static_cast<unsigned long long>(marked), static_cast<unsigned long long>(receiver.missed));
  return 0;
}

}  // namespace vs::bench
