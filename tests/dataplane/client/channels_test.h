// Programs that use channels, against a real backend.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "bus.h"

extern "C" {
#include "dataplane/abi/pubsub.h"
#include "dataplane/client/vservice.h"
}

namespace vs::test {

class ChannelsTest : public BusTest {
 protected:
  static vs_channel_subscription* subscribe(vs_device* device, const char* pattern, std::uint32_t events_max = 0,
                                            int overflow = VS_PUBSUB_DROP_OLDEST) {
    const vs_channel_options options = {
        .pattern = pattern, .filter = "", .events_max = events_max, .bytes_max = 0, .overflow = overflow, .retained = 0};
    vs_channel_subscription* subscription = nullptr;
    EXPECT_EQ(vs_channel_subscribe(device, &options, kPatienceMs, &subscription), 0) << vs_channel_why(device);
    return subscription;
  }
  static int publish(vs_device* device, const std::string& channel, const std::string& payload, int count = 1) {
    vs_channel_event event{};
    event.channel = channel.c_str();
    event.payload = payload.data();
    event.payload_bytes = payload.size();
    const std::vector<vs_channel_event> events(static_cast<std::size_t>(count), event);
    return vs_channel_publish(device, events.data(), events.size(), kPatienceMs);
  }
  static int fsync(vs_device* device) { return vs_channel_fsync(device, kPatienceMs); }
  // The next event, as text; "none" when there is none in time.
  static std::string receive(vs_channel_subscription* subscription, int timeout_ms = kPatienceMs) {
    const vs_channel_event* event = nullptr;
    const int status = vs_channel_receive(subscription, timeout_ms, &event);
    if (status == 0) return "none";
    if (status < 0) return std::to_string(status);
    std::string text(static_cast<const char*>(event->payload), event->payload_bytes);
    return event->missed == 0 ? text : "lost " + text;
  }
  static bool readable(int descriptor, int timeout_ms) {
    pollfd one{descriptor, POLLIN, 0};
    return ::poll(&one, 1, timeout_ms) == 1;
  }
};

// A rule as vsmgrd sends it.
inline nlohmann::json rule(const char* effect, std::vector<std::string> channels, std::vector<std::string> verbs, nlohmann::json limits = {}) {
  nlohmann::json made = {{"effect", effect}, {"channels", channels}, {"verbs", verbs}, {"policy", "p"}, {"rule", "r"}, {"message", "Because."}};
  if (!limits.is_null()) made.update(limits);
  return made;
}

}  // namespace vs::test
