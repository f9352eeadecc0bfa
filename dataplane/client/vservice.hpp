// Channels for C++ programs: vservice.h with lifetimes and ranges. Header-only; C++20.
//
//   vservice::Device device("pubsub");
//   vservice::Subscription prices = device.subscribe({.pattern = "market.>", .filter = "attributes.price > 100"});
//   for (const vservice::Event& event : prices.events(std::chrono::seconds(5))) use(event.channel(), event.text());
//
// Threads: as in vservice.h, a Device and its Subscriptions are used by one thread at a time. Subscriptions end before their Device.
// Errors: vservice::Failure, a std::system_error with the errno of vservice.h and the node's words; nothing else is thrown but
// std::bad_alloc. Times are std::chrono; sizes are bytes.
#ifndef VSERVICES_CLIENT_VSERVICE_HPP
#define VSERVICES_CLIENT_VSERVICE_HPP

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "vservice.h"

namespace vservice {

using std::chrono::milliseconds;
inline constexpr milliseconds kPatience{5000};  // unless another time is given

class Failure : public std::system_error {
 public:
  Failure(int status, const std::string& words) : std::system_error(-status, std::generic_category(), words) {}
};

// What was received: valid until the subscription is used again.
class Event {
 public:
  explicit Event(const vs_channel_event& event) : event_(&event) {}

  [[nodiscard]] std::string_view channel() const { return event_->channel; }
  [[nodiscard]] std::string_view key() const { return event_->key; }
  [[nodiscard]] std::string_view content_type() const { return event_->content_type; }
  [[nodiscard]] std::span<const std::byte> payload() const {
    return {static_cast<const std::byte*>(event_->payload), event_->payload_bytes};
  }
  [[nodiscard]] std::string_view text() const { return {static_cast<const char*>(event_->payload), event_->payload_bytes}; }
  [[nodiscard]] std::span<const vs_channel_attribute> attributes() const { return {event_->attributes, event_->attribute_count}; }
  // nullptr: there is no such attribute.
  [[nodiscard]] const vs_channel_value* attribute(std::string_view name) const {
    for (const vs_channel_attribute& one : attributes())
      if (one.name == name) return &one.value;
    return nullptr;
  }
  [[nodiscard]] std::uint64_t sequence() const { return event_->sequence; }
  [[nodiscard]] std::chrono::system_clock::time_point published() const {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::nanoseconds(event_->published_ns)));
  }
  [[nodiscard]] std::uint64_t missed() const { return event_->missed; }
  [[nodiscard]] int priority() const { return event_->priority; }
  [[nodiscard]] bool retained() const { return event_->retained != 0; }
  [[nodiscard]] bool again() const { return event_->again != 0; }
  [[nodiscard]] const vs_channel_event& raw() const { return *event_; }

 private:
  const vs_channel_event* event_;
};

class Subscription {
 public:
  // Events one after the other, each waited for so long; ends when none comes in that time.
  class Range {
   public:
    class iterator {
     public:
      using iterator_category = std::input_iterator_tag;
      using value_type = Event;
      using difference_type = std::ptrdiff_t;
      using pointer = const Event*;
      using reference = const Event&;

      iterator() = default;
      iterator(Subscription& from, milliseconds patience) : from_(&from), patience_(patience) { ++*this; }
      const Event& operator*() const { return *event_; }
      const Event* operator->() const { return &*event_; }
      iterator& operator++() {
        event_ = from_->receive(patience_);
        return *this;
      }
      void operator++(int) { ++*this; }
      friend bool operator==(const iterator& one, std::default_sentinel_t) { return !one.event_; }

     private:
      Subscription* from_ = nullptr;
      milliseconds patience_{};
      std::optional<Event> event_;
    };

    Range(Subscription& from, milliseconds patience) : from_(&from), patience_(patience) {}
    [[nodiscard]] iterator begin() const { return {*from_, patience_}; }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }

   private:
    Subscription* from_;
    milliseconds patience_;
  };

  Subscription(Subscription&& other) noexcept
      : device_(other.device_), subscription_(std::exchange(other.subscription_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(subscription_, other.subscription_);
    return *this;
  }
  ~Subscription() {
    if (subscription_ != nullptr) (void)vs_channel_unsubscribe(subscription_, static_cast<int>(kPatience.count()));
  }

  // The next event; nullopt: none came in time.
  std::optional<Event> receive(milliseconds patience = kPatience) {
    const vs_channel_event* event = nullptr;
    const int status = vs_channel_receive(subscription_, static_cast<int>(patience.count()), &event);
    if (status < 0) fail(status);
    return status == 1 ? std::optional<Event>(*event) : std::nullopt;
  }
  // As vs_channel_current and vs_channel_release.
  [[nodiscard]] bool current() const { return vs_channel_current(subscription_) == 1; }
  void release() {
    if (const int status = vs_channel_release(subscription_); status != 0) fail(status);
  }
  [[nodiscard]] Range events(milliseconds patience = kPatience) { return {*this, patience}; }
  // The old one stays when this one is none.
  void filter(const std::string& expression, milliseconds patience = kPatience) {
    if (const int status = vs_channel_filter(subscription_, expression.c_str(), static_cast<int>(patience.count())); status != 0)
      fail(status);
  }

 private:
  friend class Device;
  Subscription(vs_device* device, vs_channel_subscription* subscription) : device_(device), subscription_(subscription) {}
  [[noreturn]] void fail(int status) const { throw Failure(status, vs_channel_why(device_)); }

  vs_device* device_;
  vs_channel_subscription* subscription_;
};

class Device {
 public:
  explicit Device(const std::string& name = "pubsub", milliseconds patience = kPatience) {
    vs_device* opened = nullptr;
    const int status = vs_open(name.c_str(), "pubsub", static_cast<int>(patience.count()), &opened);
    if (status != 0) throw Failure(status, "device " + name);
    device_.reset(opened);
  }

  struct Options {
    std::string pattern;
    std::string filter = {};
    std::uint32_t events_max = 0;  // that wait on the node; 0: as the service has it
    std::uint32_t bytes_max = 0;
    int overflow = 0;  // enum vs_pubsub_overflow
    int adapt = 0;     // enum vs_channel_adapt
    bool retained = false;
  };
  [[nodiscard]] Subscription subscribe(const Options& options, milliseconds patience = kPatience) {
    const vs_channel_options asked = {.pattern = options.pattern.c_str(),
                                      .filter = options.filter.c_str(),
                                      .events_max = options.events_max,
                                      .bytes_max = options.bytes_max,
                                      .overflow = options.overflow,
                                      .retained = options.retained,
                                      .adapt = options.adapt};
    vs_channel_subscription* made = nullptr;
    check(vs_channel_subscribe(device_.get(), &asked, static_cast<int>(patience.count()), &made));
    return {device_.get(), made};
  }

  // At which level the node serves it: 0 as promised, the more the worse (vs_level).
  [[nodiscard]] int level() const { return vs_level(device_.get()); }

  // Queues all of them, or throws what was wrong with the first that is not (or was refused since).
  void publish(std::span<const vs_channel_event> events, milliseconds patience = kPatience) {
    while (!events.empty()) {
      const int queued = vs_channel_publish(device_.get(), events.data(), events.size(), static_cast<int>(patience.count()));
      check(queued < 0 ? queued : 0);
      events = events.subspan(static_cast<std::size_t>(queued));
    }
  }
  void publish(const std::string& channel, std::string_view payload, milliseconds patience = kPatience) {
    vs_channel_event event{};
    event.channel = channel.c_str();
    event.payload = payload.data();
    event.payload_bytes = payload.size();
    publish(std::span<const vs_channel_event>(&event, 1), patience);
  }
  // Returns when the node has accepted all that was published; throws what it refused.
  void fsync(milliseconds patience = kPatience) { check(vs_channel_fsync(device_.get(), static_cast<int>(patience.count()))); }

  void create(const std::string& channel, vs_channel_parameters parameters = usual(), milliseconds patience = kPatience) {
    check(vs_channel_create(device_.get(), channel.c_str(), &parameters, static_cast<int>(patience.count())));
  }
  [[nodiscard]] vs_channel_parameters parameters(const std::string& channel, milliseconds patience = kPatience) {
    vs_channel_parameters found{};
    check(vs_channel_get(device_.get(), channel.c_str(), &found, static_cast<int>(patience.count())));
    return found;
  }
  void set_parameters(const std::string& channel, vs_channel_parameters parameters, milliseconds patience = kPatience) {
    check(vs_channel_set(device_.get(), channel.c_str(), &parameters, static_cast<int>(patience.count())));
  }
  static vs_channel_parameters usual() {
    vs_channel_parameters parameters{};
    parameters.retained = 1;
    return parameters;
  }

  // As vs_channel_poll and vs_channel_descriptor.
  int poll(int wanted, milliseconds patience) {
    const int ready = vs_channel_poll(device_.get(), wanted, static_cast<int>(patience.count()));
    check(ready < 0 ? ready : 0);
    return ready;
  }
  [[nodiscard]] int descriptor() {
    const int descriptor = vs_channel_descriptor(device_.get());
    check(descriptor < 0 ? descriptor : 0);
    return descriptor;
  }

  [[nodiscard]] vs_device* get() const { return device_.get(); }

 private:
  struct Close {
    void operator()(vs_device* device) const { vs_close(device); }
  };
  void check(int status) const {
    if (status != 0) throw Failure(status, vs_channel_why(device_.get()));
  }

  std::unique_ptr<vs_device, Close> device_;
};

}  // namespace vservice

#endif
