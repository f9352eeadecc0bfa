// VServices: a backend in a process, guests with libvservice in others.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/log.h"
#include "dataplane/backend/backend.h"
#include "dataplane/services/pubsub/pubsub_service.h"
#include "dataplane/transport/local/local_transport.h"
#include "tests/bench/pubsub/side.h"

extern "C" {
#include "dataplane/abi/pubsub.h"
#include "dataplane/client/vservice.h"
}

namespace vs::bench {
namespace {

constexpr int kPatienceMs = 10'000;
constexpr int kReceiveMs = 200;
constexpr std::uint32_t kHeadroom = 512;  // of a record, beside the payload

std::uint32_t ring_for(const PubsubOptions& options, std::size_t payload) {
  if (options.ring_bytes != 0) return static_cast<std::uint32_t>(options.ring_bytes);
  const std::size_t least = (payload + kHeadroom) * 8;
  return static_cast<std::uint32_t>(std::bit_ceil(std::max<std::size_t>(least, 256 << 10)));
}

// Everybody may everything, as far as memory may be shared.
nlohmann::json rights_with(const std::string& sharing) {
  if (sharing.empty()) return {};
  return {{"default", "deny"},
          {"rules",
           {{{"effect", "allow"},
             {"channels", {">"}},
             {"verbs", {"create", "publish", "subscribe"}},
             {"sharing", sharing},
             {"policy", "bench"},
             {"rule", "all"},
             {"message", "all may"}}}}};
}

std::filesystem::path directory_of(const PubsubOptions& options) { return std::filesystem::path(options.scratch) / "vservices"; }
std::string guest_name(std::size_t number) { return "guest" + std::to_string(number); }

[[noreturn]] void serve(const PubsubOptions& options, int ready) {
  log::set_level(log::Level::warn);
  EventLoop loop;
  Backend backend(loop, "pubsub", std::make_unique<pubsub::PubsubService>(loop),
                  std::make_unique<LocalTransport>(directory_of(options)));
  control::Configure configure{1, {{"bus", nlohmann::json::object()}}, {}};
  const auto wait = control::wait_mode_named(options.wait);
  const auto tune = control::tune_named(options.tune);
  check(wait && tune, "wait or tune: not known");
  for (std::size_t guest = 0; guest <= options.guests; ++guest) {
    control::Terms terms;
    terms.wait = *wait;
    terms.tune = *tune;
    terms.memory_bytes_max = std::uint64_t{1} << 30;
    if (*tune == control::Tune::off) {
      terms.request_bytes = ring_for(options, guest == 0 ? options.payload_bytes : 0);
      terms.response_bytes = ring_for(options, options.payload_bytes > pubsub::kCopiedPayloadMax ? 0 : options.payload_bytes);
    }
    configure.bindings.push_back(
        {guest_name(guest) + "-bus", guest_name(guest), "pubsub", "bus", true, terms, std::nullopt, rights_with(options.sharing)});
  }
  std::filesystem::create_directories(directory_of(options));
  for (const auto& problem : backend.configure(configure).problems) give_up(problem.binding + ": " + problem.message);
  check(::write(ready, "r", 1) == 1, "write");
  // Rings four times as large, and as they were, in turns.
  std::function<void()> renew = [&] {
    for (auto& binding : configure.bindings) {
      const bool large = configure.number % 2 == 1;
      binding.terms.request_bytes = large ? binding.terms.request_bytes * 4 : binding.terms.request_bytes / 4;
      binding.terms.response_bytes = large ? binding.terms.response_bytes * 4 : binding.terms.response_bytes / 4;
    }
    ++configure.number;
    backend.configure(configure);
    loop.after(std::chrono::microseconds(options.renew_us), renew);
  };
  if (options.renew_us != 0) loop.after(std::chrono::microseconds(options.renew_us), renew);
  loop.run();
  _exit(0);
}

int start(const PubsubOptions& options) {
  int ready[2];
  check(::pipe(ready) == 0, "pipe");
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  check(process >= 0, "fork");
  if (process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) _exit(1);
    serve(options, ready[1]);
  }
  ::close(ready[1]);
  char byte;
  check(::read(ready[0], &byte, 1) == 1, "the backend serves");
  ::close(ready[0]);
  return process;
}

class Device {
 public:
  Device(const PubsubOptions& options, std::size_t number) {
    ::setenv("VSERVICE_DIRECTORY", (directory_of(options) / guest_name(number)).c_str(), 1);
    const int status = vs_open("pubsub", "pubsub", kPatienceMs, &device_);
    check(status == 0, std::string("vs_open: ") + std::strerror(-status));
  }
  ~Device() { vs_close(device_); }
  [[nodiscard]] vs_device* get() const { return device_; }
  [[nodiscard]] std::uint64_t renewals() const {
    vs_stats stats;
    vs_get_stats(device_, &stats);
    return stats.renewals;
  }

 private:
  vs_device* device_ = nullptr;
};

class OurPublisher final : public Publisher {
 public:
  explicit OurPublisher(const PubsubOptions& options) : device_(options, 0) {}

  void publish(std::span<std::byte> payload, std::size_t count, const std::function<void(std::byte*)>& stamp) override {
    if (payloads_.size() < count * payload.size()) payloads_.assign(count * payload.size(), std::byte{'x'});
    events_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      std::byte* own = &payloads_[i * payload.size()];
      stamp(own);
      events_[i] = {};
      events_[i].channel = "bench";
      events_[i].payload = own;
      events_[i].payload_bytes = payload.size();
    }
    const int done = vs_channel_publish(device_.get(), events_.data(), count, kPatienceMs);
    check(done == static_cast<int>(count), std::string("publish: ") + vs_channel_why(device_.get()) + std::to_string(done));
  }
  std::uint64_t renewals() const override { return device_.renewals(); }
  void flush() override { check(vs_channel_fsync(device_.get(), kPatienceMs) == 0, "fsync"); }

 private:
  Device device_;
  std::vector<std::byte> payloads_;
  std::vector<vs_channel_event> events_;
};

class OurSubscriber final : public Subscriber {
 public:
  OurSubscriber(const PubsubOptions& options, std::size_t number) : device_(options, number) {
    const vs_channel_options wanted = {
        .pattern = "bench", .filter = nullptr, .events_max = 65'536, .bytes_max = 16 << 20, .overflow = options.renew_us != 0 ? VS_PUBSUB_BLOCK : VS_PUBSUB_DROP_OLDEST, .retained = 0};
    check(vs_channel_subscribe(device_.get(), &wanted, kPatienceMs, &subscription_) == 0, "subscribe");
  }
  std::uint64_t renewals() const override { return device_.renewals(); }
  std::optional<Event> receive() override {
    const vs_channel_event* event = nullptr;
    const int status = vs_channel_receive(subscription_, kReceiveMs, &event);
    check(status >= 0, std::string("receive: ") + std::strerror(-status));
    if (status == 0) return std::nullopt;
    return Event{{static_cast<const std::byte*>(event->payload), event->payload_bytes}, event->missed};
  }

 private:
  Device device_;
  vs_channel_subscription* subscription_ = nullptr;
};

}  // namespace

Peer vservices(const PubsubOptions& options) {
  return {.start = [options] { return start(options); },
          .publisher = [options] { return std::make_unique<OurPublisher>(options); },
          .subscriber = [options](std::size_t number) { return std::make_unique<OurSubscriber>(options, number); }};
}

}  // namespace vs::bench
